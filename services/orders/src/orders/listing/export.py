"""The list as a file (B5): Excel by xlsxwriter in constant memory, or CSV as it is read.

Rows are written in slices between which other requests go on; where there are any, the file waits longer than it works
(`give_way`). What people entered is text, also where it looks like a
formula (https://owasp.org/www-community/attacks/CSV_Injection).
"""

import asyncio
import csv
import io
import tempfile
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from functools import lru_cache
from time import perf_counter
from typing import IO, Any

import xlsxwriter
from foyer_contracts.money import Money

SLICE = 10
#: Others were at work if the loop came back later than this.
QUIET_SECONDS = 0.0002
#: For each second of work and of others' work, beside others.
PAUSES = 2.0
LONGEST_PAUSE_SECONDS = 0.05
CHUNK_BYTES = 64 * 1024
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
    at most a third of the process from those who wait for an answer."""
    before = perf_counter()
    await asyncio.sleep(0)
    others = perf_counter() - before
    if others > QUIET_SECONDS:
        await asyncio.sleep(min(LONGEST_PAUSE_SECONDS, PAUSES * (worked_seconds + others)))


async def write_xlsx(rows: Rows, locale: str) -> IO[bytes]:
    """A workbook in a temporary file, at its beginning. The caller closes the file, which removes it."""
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (the caller closes it)
    try:
        workbook = xlsxwriter.Workbook(
            file, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        )
        bold = workbook.add_format({"bold": True})
        instant = workbook.add_format({"num_format": "dd.mm.yyyy hh:mm" if locale == "ru" else "yyyy-mm-dd hh:mm"})
        money = workbook.add_format({"num_format": "#,##0.00"})
        names = list(COLUMNS)
        sheet: Any = None
        line = 0
        async for batch in rows:
            for start in range(0, len(batch), SLICE):
                began = perf_counter()
                for row in batch[start : start + SLICE]:
                    if sheet is None or line > ROWS_OF_SHEET:
                        sheet, line = _sheet(workbook, bold, locale), 1
                    for column, value in enumerate(cells(row, locale)):
                        _write(sheet, line, column, value, instant, money if names[column] in _AMOUNTS else None)
                    line += 1
                await give_way(perf_counter() - began)
        if sheet is None:
            _sheet(workbook, bold, locale)
        await asyncio.to_thread(workbook.close)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


_AMOUNTS = frozenset({"total", "costs", "refund"})


def _sheet(workbook: Any, bold: Any, locale: str) -> Any:
    sheet = workbook.add_worksheet()
    for column, (_, _, width) in enumerate(COLUMNS.values()):
        sheet.set_column(column, column, width)
    sheet.freeze_panes(1, 0)
    for column, heading in enumerate(headings(locale)):
        sheet.write_string(0, column, heading, bold)
    return sheet


def _write(sheet: Any, line: int, column: int, value: Any, instant: Any, money: Any) -> None:
    if value is None:
        return
    if isinstance(value, datetime):
        sheet.write_datetime(line, column, value, instant)
    elif isinstance(value, int | float):
        sheet.write_number(line, column, value, money)
    else:
        sheet.write_string(line, column, value)


async def chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    """The file, piece by piece; it is closed and gone afterwards."""
    try:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk
    finally:
        file.close()


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
