"""Printable invoices and acts as PDF."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources

from foyer_contracts.money import Money
from fpdf import FPDF

from ..price_lists.domain import LegalEntity
from .domain import Row, date_in_words, figures, in_words

_WIDTHS = (10, 82, 16, 16, 28, 28)
_HEAD = ("№", "Наименование", "Кол-во", "Ед.", "Цена", "Сумма")


@dataclass(frozen=True, slots=True)
class Document:
    """What is printed. `kind`: `invoice` or `act`; `refunded` is taken off the total of an act."""

    kind: str
    number: int
    at: datetime
    order_number: int | None
    customer: str
    seller: LegalEntity | None
    rows: Sequence[Row]
    total: Money
    refunded: Money | None = None


def _font(style: str) -> str:
    return str(resources.files("font_roboto") / "files" / f"Roboto-{style}.ttf")


def render(document: Document) -> bytes:
    """The document as PDF; takes a good part of a second, so call it in a thread."""
    pdf = FPDF(format="A4")
    pdf.set_creator("Foyer")
    pdf.set_creation_date(document.at)
    pdf.add_font("Roboto", "", _font("Regular"))
    pdf.add_font("Roboto", "B", _font("Bold"))
    pdf.set_auto_page_break(True, margin=18)
    pdf.add_page()
    invoice = document.kind == "invoice"
    if invoice:
        _bank(pdf, document.seller)
    title = "Счёт на оплату" if invoice else "Акт выполненных работ (оказанных услуг)"
    pdf.set_font("Roboto", "B", 15)
    pdf.multi_cell(0, 9, f"{title} № {document.number} от {date_in_words(document.at)}", new_x="LMARGIN", new_y="NEXT")
    pdf.ln(2)
    _parties(pdf, document)
    _table(pdf, document.rows)
    _totals(pdf, document)
    _signatures(pdf, document)
    return bytes(pdf.output())


def _line(pdf: FPDF, text: str, *, bold: bool = False, size: float = 10) -> None:
    pdf.set_font("Roboto", "B" if bold else "", size)
    pdf.multi_cell(0, 5.5, text, new_x="LMARGIN", new_y="NEXT")


def _bank(pdf: FPDF, seller: LegalEntity | None) -> None:
    if seller is None or seller.bank_account is None:
        return
    details = [
        ("Банк получателя", seller.bank_name),
        ("БИК", seller.bic),
        ("Корр. счёт", seller.correspondent_account),
        ("Получатель", seller.name),
        ("ИНН", seller.inn),
        ("КПП", seller.kpp),
        ("Расчётный счёт", seller.bank_account),
    ]
    pdf.set_font("Roboto", "", 9)
    with pdf.table(col_widths=(40, 140), first_row_as_headings=False, line_height=5.5) as table:
        for name, value in details:
            if value:
                row = table.row()
                row.cell(name)
                row.cell(value)
    pdf.ln(5)


def _parties(pdf: FPDF, document: Document) -> None:
    seller = document.seller
    if seller is not None:
        known = [
            seller.name,
            f"ИНН {seller.inn}" if seller.inn else None,
            f"КПП {seller.kpp}" if seller.kpp else None,
            f"ОГРН {seller.ogrn}" if seller.ogrn else None,
            seller.address,
        ]
        _line(pdf, "Исполнитель: " + ", ".join(item for item in known if item))
    _line(pdf, f"Заказчик: {document.customer}")
    if document.order_number is not None:
        _line(pdf, f"Основание: заказ № {document.order_number}")
    pdf.ln(3)


def _table(pdf: FPDF, rows: Sequence[Row]) -> None:
    pdf.set_font("Roboto", "", 9)
    aligns = ("CENTER", "LEFT", "RIGHT", "CENTER", "RIGHT", "RIGHT")
    with pdf.table(col_widths=_WIDTHS, text_align=aligns, line_height=5.5) as table:
        head = table.row()
        for name in _HEAD:
            head.cell(name)
        for number, item in enumerate(rows, start=1):
            row = table.row()
            for text in (
                str(number),
                item.title,
                str(item.quantity),
                item.unit,
                figures(item.unit_price),
                figures(item.total),
            ):
                row.cell(text)
    pdf.ln(2)


def _totals(pdf: FPDF, document: Document) -> None:
    total, currency = document.total, document.total.currency
    vats = [row.vat for row in document.rows if row.vat is not None]
    lines = [f"Итого: {figures(total)} {currency}"]
    if vats:
        vat = sum(vats, start=Money.zero(currency))
        lines.append(f"В том числе НДС: {figures(vat)} {currency}")
    else:
        lines.append("Без налога (НДС)")
    payable = total
    if document.refunded is not None and document.refunded.amount:
        payable = total - document.refunded
        lines.append(f"Возвращено: {figures(document.refunded)} {currency}")
    what = "Всего к оплате" if document.kind == "invoice" else "Всего оказано услуг на сумму"
    lines.append(f"{what}: {figures(payable)} {currency}")
    pdf.set_font("Roboto", "B", 10)
    for text in lines:
        pdf.cell(0, 6, text, align="R", new_x="LMARGIN", new_y="NEXT")
    pdf.ln(2)
    _line(pdf, f"Всего наименований {len(document.rows)}, на сумму {figures(payable)} {currency}")
    _line(pdf, in_words(payable), bold=True)
    if document.kind == "act":
        pdf.ln(2)
        _line(
            pdf,
            "Вышеперечисленные услуги выполнены полностью и в срок. Заказчик претензий по объёму, качеству и срокам "
            "оказания услуг не имеет.",
        )


def _signatures(pdf: FPDF, document: Document) -> None:
    pdf.ln(10)
    seller = document.seller
    director = (seller.director if seller else None) or ""
    if document.kind == "act":
        _line(pdf, f"Исполнитель ____________________ {director}")
        pdf.ln(6)
        _line(pdf, "Заказчик ____________________")
        return
    _line(pdf, f"Руководитель ____________________ {director}")
    pdf.ln(6)
    _line(pdf, f"Бухгалтер ____________________ {(seller.accountant if seller else None) or ''}")
