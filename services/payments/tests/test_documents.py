"""Printed invoices and acts, amounts in words, and the page of the outcome."""

import asyncio
import io
from typing import Any
from uuid import uuid4

import pypdf
import pytest
from foyer_contracts import orders
from foyer_contracts.ids import new_id
from foyer_contracts.money import Money
from payments.documents.domain import figures, in_words, number_in_words, plural

from .conftest import FINANCE, SERVICE_MANAGER, Shop, rub

SELLER = {
    "kpp": "770701001",
    "ogrn": "1027700132195",
    "address": "Санкт-Петербург, Литейный пр., 1",
    "bank_account": "40702810400000000001",
    "bank_name": "ПАО «Банк»",
    "bic": "044525225",
    "correspondent_account": "30101810400000000225",
    "director": "Иванов И. И.",
    "vat_mode": "included",
    "vat_rate": 20,
}


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        (40000, "RUB", "Четыреста рублей 00 копеек"),
        (101, "RUB", "Один рубль 01 копейка"),
        (202, "RUB", "Два рубля 02 копейки"),
        (1111, "RUB", "Одиннадцать рублей 11 копеек"),
        (2121, "RUB", "Двадцать один рубль 21 копейка"),
        (100000, "RUB", "Одна тысяча рублей 00 копеек"),
        (200050, "RUB", "Две тысячи рублей 50 копеек"),
        (123456789, "RUB", "Один миллион двести тридцать четыре тысячи пятьсот шестьдесят семь рублей 89 копеек"),
        (1000000000000, "RUB", "Десять миллиардов рублей 00 копеек"),
        (5, "RUB", "Ноль рублей 05 копеек"),
        (2150, "USD", "Двадцать один доллар США 50 центов"),
        (300, "EUR", "Три евро 00 центов"),
        (15, "JPY", "Пятнадцать JPY"),
        (1500, "KWD", "Один KWD 500/1000"),
    ],
)
def test_amounts_in_words(amount: int, currency: str, words: str) -> None:
    assert in_words(Money(amount=amount, currency=currency)) == words


def test_numbers_and_forms() -> None:
    assert number_in_words(0) == "ноль"
    assert number_in_words(1002003) == "один миллион две тысячи три"
    forms = ("рубль", "рубля", "рублей")
    assert [plural(n, forms) for n in (1, 2, 4, 5, 11, 12, 14, 20, 21, 111, 122)] == [
        "рубль", "рубля", "рубля", "рублей", "рублей", "рублей", "рублей", "рублей", "рубль", "рублей", "рубля",
    ]  # fmt: skip
    assert [figures(rub(n)) for n in (0, 5, 123456789, -150)] == ["0,00", "0,05", "1\u00a0234\u00a0567,89", "-1,50"]


def text_of(answer: Any) -> str:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    pages = pypdf.PdfReader(io.BytesIO(answer.content)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


@pytest.mark.feature("B16")
async def test_an_invoice_to_print(shop: Shop) -> None:
    seller = await shop.seller(**SELLER)
    order_id = new_id()
    await shop.it.handle(shop.placed(order_id))
    position = {"position_id": await shop.position(seller, 3333), "quantity": 3, "discount_percent": "10"}
    made = await shop.post(SERVICE_MANAGER, f"/orders/{order_id}/invoices", {"positions": [position]})
    path = f"/v1/invoices/{made.json()['number']}/pdf"
    assert (await shop.it.client("anna").get(path)).status_code == 404, "not shown to the customer yet"
    text = text_of(await shop.it.client(*SERVICE_MANAGER).get(path))
    for part in (
        f"Счёт на оплату № {made.json()['number']}",
        "ООО «Фойе»",
        "7707083893",
        "40702810400000000001",
        "Замена крана (скидка 10 %)",
        "89,99",
        "В том числе НДС: 15,00",
        "Восемьдесят девять рублей 99 копеек",
        "заказ № 1006313",
        "Иванов И. И.",
    ):
        assert part in text, part
    assert (await shop.it.client("boris").get(path)).status_code == 404


@pytest.mark.feature("A18")
@pytest.mark.parametrize("as_lines", [True, False])
async def test_an_act_with_extras_apart_or_in_the_price(shop: Shop, as_lines: bool) -> None:
    await shop.seller()
    lines = [
        orders.Line(title="Ночь", quantity=2, unit_price=rub(15000), total=rub(30000)),
        orders.Line(title="Завтрак", quantity=2, unit_price=rub(5000), total=rub(10000), extra=True),
    ]
    order_id = await shop.paid(lines=lines, extras_as_lines=as_lines)
    path = f"/v1/orders/{order_id}/act/pdf"
    early = await shop.it.client("anna").get(path)
    assert (early.status_code, early.json()["type"].rpartition("/")[2]) == (409, "act-too-early")
    await shop.it.handle(shop.changed(order_id, refund=10000, extras_as_lines=as_lines))
    await shop.it.turn("refund")
    await shop.it.handle(shop.moved(order_id, "done"))
    text = text_of(await shop.it.client("anna").get(path))
    assert ("Завтрак" in text) is as_lines
    for part in ("Акт", "Без налога (НДС)", "Возвращено: 100,00", "Триста рублей 00 копеек"):
        assert part in text, part
    assert (await shop.it.client("boris").get(path)).status_code == 404
    assert (await shop.it.client(*FINANCE).get(f"/v1/orders/{uuid4()}/act/pdf")).status_code == 404


@pytest.mark.feature("B20")
async def test_the_outcome_follows_the_provider_and_not_the_redirect(shop: Shop) -> None:
    order_id = await shop.with_link()
    their = (await shop.provider.of_order(order_id))[0]["payment"]
    (row,) = await shop.rows("SELECT id FROM payments")
    anybody, path = shop.it.client(), f"/v1/outcomes/{row['id']}"
    assert their["confirmation"]["return_url"].endswith(f"payment_id={row['id']}")
    shown = (await anybody.get(path)).json()
    assert shown.pop("look")["button_colour"], "for the page that shows it"
    assert shown == {
        "payment_id": str(row["id"]),
        "state": "waiting",
        "charged": {"amount": 40000, "currency": "RUB"},
    }, "and nothing else"
    waiting = asyncio.create_task(anybody.get(path, headers={"Prefer": "wait=5"}))
    await shop.provider.act("pay", their["id"])
    await shop.later(seconds=10)
    await shop.it.turn("check")
    assert (await asyncio.wait_for(waiting, 3)).json()["state"] == "paid"
    declined = await shop.with_link(number=2)
    (row,) = await shop.rows("SELECT id FROM payments WHERE order_id = :o", o=declined)
    await shop.provider.act("decline", await shop.provider_id(declined))
    await shop.later(seconds=10)
    await shop.it.turn("check")
    assert (await anybody.get(f"/v1/outcomes/{row['id']}")).json()["state"] == "not_paid"
    assert (await anybody.get(f"/v1/outcomes/{uuid4()}")).status_code == 404
