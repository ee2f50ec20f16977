"""The list as a file (B5): Excel or CSV, as it is read, in constant memory.

Rows are written in slices between which other requests go on; where there are any, the file waits longer than it works
(`give_way`). What people entered is text, also where it looks like a
formula (https://owasp.org/www-community/attacks/CSV_Injection).
"""

import asyncio
import csv
import io
import re
import zipfile
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from time import perf_counter
from typing import IO, Any, cast

import xlsxwriter
from foyer_contracts.money import Money

SLICE = 20
#: Others were at work if the loop came back later than this.
QUIET_SECONDS = 0.0002
#: Seconds for each of work and of others' work, beside others. An export then takes thrice as long; an order hardly.
PAUSES = 8.0
LONGEST_PAUSE_SECONDS = 0.05
CHUNK_BYTES = 64 * 1024
#: Of zlib: rows repeat so much that more would cost time and save little.
COMPRESSION = 1
#: The most rows that a sheet of Excel has, without its head.
ROWS_OF_SHEET = 1_048_575
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

#: Column → heading in Russian and English, width in characters.
COLUMNS: dict[str, tuple[str, str, int]] = {
    "number": ("Номер", "Number", 10),
    "title": ("Статус", "Status", 28),
    "offering_title": ("Услуга", "Offering", 32),
    "applicant_name": ("Клиент", "Client", 28),
    "address": ("Адрес", "Address", 40),
    "created_at": ("Создан", "Created", 17),
    "updated_at": ("Изменён", "Updated", 17),
    "total": ("Сумма", "Total", 12),
    "all_paid": ("Оплачен полностью", "All paid", 10),
    "costs": ("Затраты", "Costs", 12),
    "refund": ("Возврат", "Refund", 12),
    "refund_state": ("Состояние возврата", "Refund state", 14),
    "rating": ("Оценка", "Rating", 8),
    "unread_messages": ("Непрочитанные", "Unread", 10),
    "currency": ("Валюта", "Currency", 8),
}
_REFUND_STATES = {
    "ru": {"requested": "запрошен", "processing": "в обработке", "done": "проведён", "failed": "не прошёл"},
    "en": {"requested": "requested", "processing": "processing", "done": "done", "failed": "failed"},
}
_YES_NO = {"ru": ("нет", "да"), "en": ("no", "yes")}

Rows = AsyncIterator[list[dict[str, Any]]]


def headings(locale: str) -> list[str]:
    return [heading[locale == "en"] for *heading, _ in COLUMNS.values()]


def cells(row: dict[str, Any], locale: str) -> list[Any]:
    """A row of the list as the cells of a file: instants naive in UTC, amounts in major units."""
    money = row["total"] or row["price"]
    values: list[Any] = []
    for column in COLUMNS:
        match column:
            case "created_at" | "updated_at":
                values.append(datetime.fromisoformat(row[column]).replace(tzinfo=None))
            case "total" | "costs" | "refund":
                values.append(None if row[column] is None else _major(row[column]))
            case "all_paid":
                values.append(_YES_NO[locale][bool(row[column])])
            case "refund_state":
                values.append(None if row[column] is None else _REFUND_STATES[locale][row[column]])
            case "currency":
                values.append(None if money is None else money["currency"])
            case _:
                values.append(row[column])
    return values


def _major(amount: dict[str, Any]) -> float:
    # A number for the sheet to add up; exact up to 2^53 minor units, which is far above any order.
    return float(amount["amount"] / _minor_units(amount["currency"]))


@lru_cache(maxsize=256)
def _minor_units(currency: str) -> int:
    """How many of the currency's minor unit are one of its major."""
    return int(10 ** Money.zero(currency).exponent)


async def give_way(worked_seconds: float) -> None:
    """Let others go on: once round the loop where nobody waits, else for longer than was worked, so that a file takes
    little of the process from those who wait for an answer."""
    before = perf_counter()
    await asyncio.sleep(0)
    others = perf_counter() - before
    if others > QUIET_SECONDS:
        await asyncio.sleep(min(LONGEST_PAUSE_SECONDS, PAUSES * (worked_seconds + others)))


async def write_xlsx(rows: Rows, locale: str, *, rows_of_sheet: int = ROWS_OF_SHEET) -> AsyncIterator[bytes]:
    """A workbook as it grows: a few rows are in memory, none in a file, and the first bytes leave at once.

    xlsxwriter makes the workbook around the rows, and what each sheet begins and ends with. The rows go straight into
    the archive, since it would keep them in a file until the last one is there.
    """
    out = _Out()
    book = zipfile.ZipFile(cast(IO[bytes], out), "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION)
    head, tail, styles = _sheet_around_rows(locale)
    sheets, line, sheet = 0, rows_of_sheet + 1, None
    async for batch in rows:
        for start in range(0, len(batch), SLICE):
            began = perf_counter()
            for row in batch[start : start + SLICE]:
                if line > rows_of_sheet:
                    if sheet is not None:
                        sheet.write(tail)
                        sheet.close()
                    sheets, line = sheets + 1, 1
                    sheet = _new_sheet(book, sheets, head)
                line += 1
                assert sheet is not None
                sheet.write(_row_xml(line, cells(row, locale), styles))
            if out.size >= CHUNK_BYTES:
                yield out.take()
            await give_way(perf_counter() - began)
    if sheet is None:
        sheets, sheet = 1, _new_sheet(book, 1, head)
    sheet.write(tail)
    sheet.close()
    for name, content in _parts(locale, sheets).items():
        if not name.startswith(_SHEETS):
            book.writestr(name, content)
    book.close()
    yield out.take()


class _Out:
    """Where the archive is written to: what nobody has taken yet. It cannot be sought in, so sizes follow the data."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self.size = 0

    def write(self, data: bytes) -> int:
        self._chunks.append(bytes(data))
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        return None

    def take(self) -> bytes:
        taken = b"".join(self._chunks)
        self._chunks, self.size = [], 0
        return taken


_SHEETS = "xl/worksheets/"
_ROWS_END = b"</sheetData>"
#: A hint at how large a sheet is, which is not known when it begins.
_DIMENSION = re.compile(rb"<dimension [^>]*/>")
_SELECTED = b' tabSelected="1"'
#: Day nought of a sheet; it knows no time zones.
_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001
_SECONDS_A_DAY = 86_400
_LETTERS = [chr(ord("A") + position) for position in range(len(COLUMNS))]
#: The longest text that a cell may have.
_LONGEST_TEXT = 32_767
_AMOUNTS = frozenset({"total", "costs", "refund"})
_INSTANTS = frozenset({"created_at", "updated_at"})
#: What XML has no place for; and what Excel would read as such a sign (ECMA-376, 22.4.2.4).
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_LOOKS_ESCAPED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")


@lru_cache(maxsize=16)
def _parts(locale: str, sheets: int) -> Mapping[str, bytes]:
    """The files of a workbook with so many sheets that have nothing but their head."""
    out = io.BytesIO()
    workbook = xlsxwriter.Workbook(out, {"in_memory": True})
    bold = workbook.add_format({"bold": True})
    instant = workbook.add_format({"num_format": "dd.mm.yyyy hh:mm" if locale == "ru" else "yyyy-mm-dd hh:mm"})
    money = workbook.add_format({"num_format": "#,##0.00"})
    for _ in range(sheets):
        sheet = workbook.add_worksheet()
        for position, (name, (_, _, width)) in enumerate(COLUMNS.items()):
            style = instant if name in _INSTANTS else money if name in _AMOUNTS else None
            sheet.set_column(position, position, width, style)
        sheet.freeze_panes(1, 0)
        for position, heading in enumerate(headings(locale)):
            sheet.write_string(0, position, heading, bold)
    workbook.close()
    with zipfile.ZipFile(out) as book:
        return {name: book.read(name) for name in book.namelist()}


def _sheet_around_rows(locale: str) -> tuple[bytes, bytes, list[str]]:
    """What stands before and after the rows of a sheet, and the style of each column's cells."""
    content = _DIMENSION.sub(b"", _parts(locale, 1)[f"{_SHEETS}sheet1.xml"])
    head, end, tail = content.partition(_ROWS_END)
    styles = [""] * len(COLUMNS)
    for column in re.findall(rb"<col ([^>]*)/>", head):
        of = {name.decode(): int(value) for name, value in re.findall(rb'(min|max|style)="(\d+)"', column)}
        if "style" in of:
            styles[of["min"] - 1 : of["max"]] = [f' s="{of["style"]}"'] * (of["max"] - of["min"] + 1)
    return head, end + tail, styles


def _new_sheet(book: zipfile.ZipFile, number: int, head: bytes) -> IO[bytes]:
    sheet = book.open(f"{_SHEETS}sheet{number}.xml", "w")
    sheet.write(head if number == 1 else head.replace(_SELECTED, b""))
    return sheet


def _row_xml(line: int, values: Sequence[Any], styles: Sequence[str]) -> bytes:
    parts = [f'<row r="{line}">']
    for letter, value, style in zip(_LETTERS, values, styles, strict=True):
        if value is None:
            continue
        if isinstance(value, str):
            parts.append(f'<c r="{letter}{line}"{style} t="inlineStr"><is><t xml:space="preserve">')
            parts.append(_escaped(value))
            parts.append("</t></is></c>")
        else:
            number = (value - _EPOCH).total_seconds() / _SECONDS_A_DAY if isinstance(value, datetime) else value
            parts.append(f'<c r="{letter}{line}"{style}><v>{number!r}</v></c>')
    parts.append("</row>")
    return "".join(parts).encode()


def _escaped(text: str) -> str:
    text = _LOOKS_ESCAPED.sub("_x005F_", _UNPRINTABLE.sub("", text[:_LONGEST_TEXT]))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


async def write_csv(rows: Rows, locale: str) -> AsyncIterator[bytes]:
    """RFC 4180 in UTF-8 with a byte order mark, by which Excel knows it; each batch leaves when it is read."""
    yield "\ufeff".encode() + _line(headings(locale))
    async for batch in rows:
        lines = []
        for start in range(0, len(batch), SLICE):
            began = perf_counter()
            lines += [_line([_text(value) for value in cells(row, locale)]) for row in batch[start : start + SLICE]]
            await give_way(perf_counter() - began)
        yield b"".join(lines)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    if isinstance(value, float):
        return f"{value:.2f}"
    text = str(value)
    return "'" + text if isinstance(value, str) and text.startswith(_FORMULA) else text


def _line(values: Sequence[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerow(values)
    return out.getvalue().encode()
