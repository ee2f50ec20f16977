"""Settlements: what orders brought and cost, per order and per period (B6, B7), and as a workbook."""

import tempfile
from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated
from uuid import UUID

import anyio
import xlsxwriter
from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.db import Database
from foyer_chassis.http import Reading
from foyer_contracts.envelope import Instant
from foyer_contracts.money import Money
from pydantic import BaseModel

from ..settlements import store
from .access import After, Limit, viewer

router = APIRouter(prefix="/v1", tags=["settlements"])

READERS = requires("payments:settlements")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#: Rows of a sheet; Excel has 1,048,576.
ROWS_PER_SHEET = 1_000_000
CHUNK_BYTES = 64 * 1024
#: In a workbook's last rows, one for each seller and currency: what its top-ups cost.
TOP_UPS = "Пополнения балансов"

Since = Annotated[Instant | None, Query(description="from this instant on")]
Until = Annotated[Instant | None, Query(description="before this instant")]


class SettlementOut(BaseModel):
    """What an order brought and cost in the period: net = gross − acquiring − commission − chargebacks. Chargebacks are
    what payers had back by their banks for good, with the surcharge, and what providers charged for such disputes."""

    order_id: UUID
    order_number: int
    legal_entity_id: UUID | None
    gross: Money
    acquiring: Money
    commission: Money
    chargebacks: Money
    net: Money
    last_at: datetime


class SettlementPage(BaseModel):
    items: list[SettlementOut]
    next: UUID | None


class TotalOut(BaseModel):
    """The same of a legal entity; `orders`: how many moved money in the period. Its `top_ups` online bring nothing by
    themselves; what they cost, `top_up_acquiring` and `top_up_chargebacks`, is in those sums, too."""

    legal_entity_id: UUID | None
    name: str | None
    orders: int
    top_ups: int
    top_up_acquiring: Money
    top_up_chargebacks: Money
    gross: Money
    acquiring: Money
    commission: Money
    chargebacks: Money
    net: Money


class Totals(BaseModel):
    items: list[TotalOut]


#: Of a report, in the order of a workbook's columns.
COLUMNS = ("gross", "acquiring", "commission", "chargebacks", "net")


def _money(row: object, currency: str) -> dict[str, Money]:
    return {
        name: Money(amount=row[name], currency=currency)  # type: ignore[index]
        for name in COLUMNS
    }


@router.get("/settlements", dependencies=[READERS])
async def list_settlements(
    reading: Reading,
    caller: CurrentCaller,
    since: Since = None,
    until: Until = None,
    legal_entity_id: UUID | None = None,
    order_id: UUID | None = None,
    limit: Limit = 50,
    after: After = None,
) -> SettlementPage:
    """Orders with what they brought and cost in the period; without one, so far."""
    rows = await store.page(
        reading,
        viewer(caller),
        since=since,
        until=until,
        seller=legal_entity_id,
        order=order_id,
        after=after,
        limit=limit,
    )
    items = [
        SettlementOut(
            order_id=row["order_id"],
            order_number=row["order_number"],
            legal_entity_id=row["legal_entity_id"],
            last_at=row["last_at"],
            **_money(row, row["currency"]),
        )
        for row in rows
    ]
    return SettlementPage(items=items, next=items[-1].order_id if len(items) == limit else None)


@router.get("/settlements/totals", dependencies=[READERS])
async def settlement_totals(
    reading: Reading,
    caller: CurrentCaller,
    since: Since = None,
    until: Until = None,
    legal_entity_id: UUID | None = None,
) -> Totals:
    """What each legal entity's orders brought and cost in the period."""
    rows = await store.totals(reading, viewer(caller), since=since, until=until, seller=legal_entity_id)
    return Totals(
        items=[
            TotalOut(
                legal_entity_id=row["legal_entity_id"],
                name=row["name"],
                orders=row["orders"],
                top_ups=row["top_ups"],
                top_up_acquiring=Money(amount=row["top_up_acquiring"], currency=row["currency"]),
                top_up_chargebacks=Money(amount=row["top_up_chargebacks"], currency=row["currency"]),
                **_money(row, row["currency"]),
            )
            for row in rows
        ]
    )


@router.get(
    "/settlements/export",
    dependencies=[READERS],
    response_class=StreamingResponse,
    responses={200: {"content": {XLSX: {}}, "description": "a workbook"}},
)
async def export_settlements(
    request: Request,
    caller: CurrentCaller,
    since: Since = None,
    until: Until = None,
    legal_entity_id: UUID | None = None,
) -> StreamingResponse:
    """What `GET /v1/settlements` shows, all of it, as a workbook; however many rows, a few are in memory."""
    database: Database = request.app.state.database
    folder = tempfile.TemporaryDirectory(prefix="settlements-")
    path = Path(folder.name) / "settlements.xlsx"
    try:
        # A cursor needs a transaction.
        async with database.transaction() as reading:
            rows = store.stream(reading, viewer(caller), since=since, until=until, seller=legal_entity_id)
            book = Workbook(path)
            async for row in rows:
                book.add(
                    str(row["order_number"]),
                    str(row["legal_entity_id"] or ""),
                    row["currency"],
                    *(_decimal(row[name], row["currency"]) for name in COLUMNS),
                )
            for row in await store.totals(reading, viewer(caller), since=since, until=until, seller=legal_entity_id):
                if row["top_ups"]:
                    costs = row["top_up_acquiring"], 0, row["top_up_chargebacks"]
                    cells = (_decimal(amount, row["currency"]) for amount in (0, *costs, -sum(costs)))
                    book.add(TOP_UPS, str(row["legal_entity_id"] or ""), row["currency"], *cells)
        await anyio.to_thread.run_sync(book.close)
    except BaseException:
        folder.cleanup()
        raise

    async def body() -> AsyncIterator[bytes]:
        try:
            async with await anyio.open_file(path, "rb") as file:
                while chunk := await file.read(CHUNK_BYTES):
                    yield chunk
        finally:
            folder.cleanup()

    return StreamingResponse(
        body(), media_type=XLSX, headers={"Content-Disposition": 'attachment; filename="settlements.xlsx"'}
    )


def _decimal(amount: int, currency: str) -> Decimal:
    return Decimal(Money(amount=amount, currency=currency).to_decimal_string())


class Workbook:
    """A workbook of settlements that is written row by row. Text is text: nothing that begins as a formula is one."""

    HEAD = ("Заказ", "Юридическое лицо", "Валюта", "Получено", "Эквайринг", "Комиссия", "Оспорено", "К выплате")

    def __init__(self, path: Path) -> None:
        self._book = xlsxwriter.Workbook(
            str(path),
            {
                "constant_memory": True,
                "tmpdir": str(path.parent),
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        self._head = self._book.add_format({"bold": True})
        self._money = self._book.add_format({"num_format": "#,##0.00"})
        self._text = self._book.add_format({"quote_prefix": True})
        self._new_sheet()

    def _new_sheet(self) -> None:
        self._sheet = self._book.add_worksheet()
        self._sheet.set_column(0, len(self.HEAD) - 1, 16)
        self._sheet.write_row(0, 0, self.HEAD, self._head)
        self._row = 0

    def add(self, *cells: str | Decimal) -> None:
        if self._row >= ROWS_PER_SHEET:
            self._new_sheet()
        self._row += 1
        for column, cell in enumerate(cells):
            if isinstance(cell, Decimal):
                self._sheet.write_number(self._row, column, float(cell), self._money)
            else:
                risky = cell.startswith(("=", "+", "-", "@", "\t", "\r"))
                self._sheet.write_string(self._row, column, cell, self._text if risky else None)

    def close(self) -> None:
        self._book.close()
