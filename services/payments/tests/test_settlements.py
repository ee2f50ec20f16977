"""What orders brought and cost: per order, per period, as a workbook; and the replay of the ledger behind it."""

import asyncio
import io
import os
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import openpyxl
import pytest
import sqlalchemy as sa
from foyer_chassis.testing import Identity, same_shape
from foyer_contracts import payments as events
from foyer_contracts.ids import new_id
from foyer_contracts.samples import SAMPLES
from payments.auditing.use_cases import replay
from payments.routes.settlements import Workbook
from payments.settlements.domain import share

from .conftest import FINANCE, Shop, rub


async def posted(shop: Shop, order_id: UUID) -> list[tuple[int, int, int, int]]:
    await shop.it.turn("settle")
    return [
        (item.data.gross.amount, item.data.acquiring.amount, item.data.commission.amount, item.data.net.amount)
        for item in await shop.it.published(events.SettlementPosted.type)
        if item.data.order_id == order_id
    ]


async def agrees(shop: Shop) -> None:
    async with shop.it.database.transaction() as transaction:
        report = await replay(transaction)
    assert report.differences == []


@pytest.mark.parametrize(
    ("amount", "percent", "expected"),
    [(40000, "2.8", 1120), (50, "1", 1), (49, "1", 0), (10001, "3.5", 350), (10015, "10", 1002), (1, "0", 0)],
)
def test_percentages_are_rounded_half_up(amount: int, percent: Any, expected: int) -> None:
    assert share(amount, Decimal(percent)) == expected


@pytest.mark.feature("B6")
async def test_an_order_from_payment_to_refund(shop: Shop) -> None:
    seller = await shop.seller(commission_percent="10")
    order_id = await shop.paid(legal_entity_id=UUID(seller))
    assert await posted(shop, order_id) == [(40000, 1120, 4000, 34880)]
    (event,) = await shop.it.published(events.SettlementPosted.type)
    same_shape(event, SAMPLES[event.type])
    assert await posted(shop, order_id) == [(40000, 1120, 4000, 34880)], "posted when it changes, and only then"
    await shop.it.handle(shop.changed(order_id, total=30000, refund=10000))
    assert len(await posted(shop, order_id)) == 1, "a promise moves nothing yet"
    await shop.it.turn("refund")
    assert (await posted(shop, order_id))[1:] == [(30000, 1120, 3000, 25880)]
    await shop.it.handle(shop.cancelled(order_id, refund=30000))
    await shop.it.turn("refund")
    assert (await posted(shop, order_id))[2:] == [(0, 1120, 0, -1120)], "the provider keeps its fee"
    rows = await shop.rows(
        "SELECT account, sum(amount)::int AS left FROM ledger_postings GROUP BY 1 HAVING sum(amount)<>0"
    )
    assert {row["account"]: row["left"] for row in rows} == {
        "acquiring:yookassa": -1120,
        f"legal_entity:{seller}": 1120,
    }
    await agrees(shop)


@pytest.mark.feature("B6")
async def test_parts_cost_by_the_way_they_came(shop: Shop) -> None:
    order_id = new_id()
    await shop.it.handle(
        shop.placed(order_id, kind="hotel", terms="part_payment"),
        shop.priced(order_id, terms="part_payment", total=rub(20000), pay_until=None),
    )
    (row,) = await shop.rows("SELECT number FROM invoices")
    body = {"amount": {"amount": 10000, "currency": "RUB"}, "method": "cash"}
    await shop.post(("rita", "rent_manager"), f"/invoices/{row['number']}/take", body)
    assert await posted(shop, order_id) == [(10000, 0, 0, 10000)]
    await shop.it.turn("create")
    await shop.provider.act("pay", await shop.provider_id(order_id))
    await shop.later(minutes=5)
    await shop.it.turn("check")
    assert (await posted(shop, order_id))[1:] == [(20000, 280, 0, 19720)]
    await agrees(shop)


@pytest.mark.feature("B7")
async def test_the_report_of_a_period(shop: Shop) -> None:
    start = shop.it.database.now()
    partner = await shop.seller(name='=HYPERLINK("x")', commission_percent="20", is_default=False)
    first = await shop.paid(legal_entity_id=UUID(partner), number=1)
    await shop.it.turn("settle")
    await shop.later(days=1)
    noon = shop.it.database.now()
    second = await shop.paid(number=2)
    await shop.it.handle(shop.cancelled(first, refund=10000, number=1))
    await shop.it.turn("refund")
    await shop.it.turn("settle")
    finance = shop.it.client(*FINANCE)

    async def report(**query: Any) -> dict[int, tuple[int, int]]:
        answer = await finance.get("/v1/settlements", params=query)
        assert answer.status_code == 200, answer.text
        return {
            item["order_number"]: (item["gross"]["amount"], item["net"]["amount"]) for item in answer.json()["items"]
        }

    assert await report() == {1: (30000, 30000 - 1120 - 6000), 2: (40000, 38880)}
    assert await report(until=noon.isoformat()) == {1: (40000, 40000 - 1120 - 8000)}
    assert await report(since=noon.isoformat()) == {1: (-10000, -8000), 2: (40000, 38880)}
    assert await report(since=(noon + timedelta(days=1)).isoformat()) == {}
    assert await report(legal_entity_id=partner) == {1: (30000, 22880)}
    assert await report(order_id=str(second)) == {2: (40000, 38880)}
    totals = (await finance.get("/v1/settlements/totals", params={"until": noon.isoformat()})).json()["items"]
    assert [(item["legal_entity_id"], item["orders"], item["net"]["amount"]) for item in totals] == [
        (partner, 1, 30880)
    ]
    page = (await finance.get("/v1/settlements", params={"limit": 1})).json()
    rest = (await finance.get("/v1/settlements", params={"limit": 1, "after": page["next"]})).json()
    assert {item["order_number"] for item in page["items"] + rest["items"]} == {1, 2}
    assert (await finance.get("/v1/settlements", params={"since": "2026-01-01"})).status_code == 422
    for path in ("/v1/settlements", "/v1/settlements/totals", "/v1/settlements/export"):
        assert (await shop.it.client("rita", "rent_manager").get(path)).status_code == 403
    assert start < noon

    answer = await finance.get("/v1/settlements/export", params={"since": noon.isoformat()})
    assert answer.status_code == 200
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert sheet is not None
    rows = [tuple(cell.value for cell in row) for row in sheet.iter_rows(min_row=2)]
    assert {(row[0], row[3], row[7]) for row in rows} == {("1", -100, -80), ("2", 400, 388.8)}


@pytest.mark.feature("B6")
@pytest.mark.feature("B7")
@pytest.mark.feature("C7")
async def test_what_a_top_up_costs_is_booked_once(shop: Shop) -> None:
    seller = await shop.seller(surcharge_percent="1")
    anna = str(Identity.id_of("anna"))
    for method, amount in (("online", 99999), ("cash", 50000)):
        body = {"customer_id": anna, "method": method, "amount": {"amount": amount, "currency": "RUB"}}
        assert (await shop.post(FINANCE, "/top-ups", body)).status_code == 201
    await shop.it.turn("settle")
    await shop.it.turn("create")
    (row,) = await shop.rows("SELECT provider_payment_id AS id FROM payments WHERE provider = 'yookassa'")
    await shop.provider.act("pay", row["id"])
    await shop.later(minutes=1)
    await shop.it.turn("check")
    for _ in range(3):
        await shop.it.turn("settle")
    # 999.99 and 1 % on top, 10.00 (9.9999 rounded half up), are 1009.99; 2.8 % of that are 28.27972.
    rows = await shop.rows("SELECT account, sum(amount)::int AS left FROM ledger_postings GROUP BY 1")
    assert {row["account"]: row["left"] for row in rows} == {
        "acquiring:yookassa": -2828,
        "cash:main": 50000,
        f"customer:{anna}": -149999,
        f"legal_entity:{seller}": 2828,
        "provider:yookassa": 100999,
        "surcharge:main": -1000,
    }
    await agrees(shop)
    finance = shop.it.client(*FINANCE)
    assert (await finance.get("/v1/settlements")).json()["items"] == [], "no order's"
    (total,) = (await finance.get("/v1/settlements/totals")).json()["items"]
    amounts = {name: total[name]["amount"] for name in ("gross", "acquiring", "net", "top_up_acquiring")}
    assert (total["orders"], total["top_ups"]) == (0, 1)
    assert amounts == {"gross": 0, "acquiring": 2828, "net": -2828, "top_up_acquiring": 2828}
    answer = await finance.get("/v1/settlements/export")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert sheet is not None
    (cells,) = (tuple(cell.value for cell in row) for row in sheet.iter_rows(min_row=2))
    assert cells == ("Пополнения балансов", seller, "RUB", 0, 28.28, 0, 0, -28.28)


def test_text_in_a_workbook_is_never_a_formula(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    book = Workbook(path)
    nasty = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("http://x")', "обычный", "2 - 1"]
    book.add(*nasty)
    book.close()
    sheet = openpyxl.load_workbook(path).active
    assert sheet is not None
    cells = next(iter(sheet.iter_rows(min_row=2)))
    assert [(cell.value, cell.data_type) for cell in cells] == [(text, "s") for text in nasty]
    assert [bool(cell.quotePrefix) for cell in cells] == [True] * 6 + [False] * 2


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("UPDATE order_accounts SET paid = paid + 1", "an order's paid and refunded"),
        ("UPDATE customer_accounts SET balance = balance + 1", "a customer's balance"),
        ("UPDATE settlements SET gross = gross + 1", "an order's settlement"),
        ("UPDATE settlements SET commission = commission + 1", "an order's costs"),
        ("UPDATE payments SET acquiring = 7 WHERE order_id IS NULL", "a top-up's cost"),
        ("UPDATE payments SET charged_back = 1", "what was charged back of a payment"),
        ("UPDATE payments SET dispute_fees_settled = 1 WHERE order_id IS NULL", "a top-up's chargebacks"),
        ("""UPDATE settlements SET chargebacks = '{"disputes:stripe": 1}'""", "an order's chargebacks"),
        ("UPDATE payments SET refund_reserved = 1", "what is reserved of a payment"),
        ("UPDATE order_accounts SET pending_refund = 1", "an order's refunds that are under way"),
    ],
)
async def test_a_replay_finds_what_was_tampered_with(shop: Shop, statement: str, check: str) -> None:
    await shop.paid()
    customer = {"customer_id": str(new_id()), "amount": {"amount": 100, "currency": "RUB"}, "method": "cash"}
    await shop.post(FINANCE, "/top-ups", customer)
    await shop.it.turn("settle")
    await agrees(shop)
    async with shop.it.database.transaction() as transaction:
        await transaction.execute(sa.text(statement))
    async with shop.it.database.transaction() as transaction:
        found = (await replay(transaction)).differences
    assert check in {item.check for item in found}


async def ledger_check(shop: Shop) -> tuple[int | None, str]:
    """`./foyer ledger check`, as ops run it: its exit status and what it says."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "foyer_tools", "ledger", "check", "--database-url", shop.it.settings.database_url),
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    return process.returncode, out.decode()


@pytest.mark.feature("C4")
async def test_ops_are_told_of_a_balance_that_was_tampered_with(shop: Shop) -> None:
    customer = str(new_id())
    body = {"customer_id": customer, "amount": {"amount": 10000, "currency": "RUB"}, "method": "cash"}
    await shop.post(FINANCE, "/top-ups", body)
    status, said = await ledger_check(shop)
    assert (status, "0 differences" in said) == (0, True)
    assert "customer         RUB               -10000 in 1 postings" in said
    async with shop.it.database.transaction() as transaction:
        await transaction.execute(sa.text("UPDATE customer_accounts SET balance = balance + 1"))
    status, said = await ledger_check(shop)
    assert status == 1
    assert f"DIFFERS: a customer's balance: {customer}: kept 10001, the ledger says 10000" in said
