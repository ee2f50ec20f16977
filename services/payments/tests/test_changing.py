"""An order's content changes: money goes back because orders says so, an unpaid invoice is replaced."""

from typing import Any
from uuid import UUID

import pytest
from foyer_contracts import orders
from foyer_contracts import payments as events
from foyer_contracts.ids import new_id

from .conftest import Shop, rub


async def invoices(shop: Shop, order_id: UUID) -> list[tuple[str, int, int]]:
    rows = await shop.rows("SELECT status, total, paid FROM invoices WHERE order_id = :o ORDER BY number", o=order_id)
    return [(row["status"], row["total"], row["paid"]) for row in rows]


@pytest.mark.feature("A28")
@pytest.mark.feature("X3")
async def test_a_missing_line_is_refunded_once_per_change(shop: Shop) -> None:
    order_id = await shop.paid()
    change_id = new_id()
    await shop.it.handle_twice(shop.changed(order_id, total=30000, refund=10000, change_id=change_id))
    # The same change under another event's id, as a publisher that repeats itself would send it.
    await shop.it.handle(shop.changed(order_id, total=30000, refund=10000, change_id=change_id, sequence=6))
    await shop.it.turn("refund")
    assert await shop.account(order_id) == (40000, 10000, 0)
    assert await invoices(shop, order_id) == [("paid", 40000, 40000)]
    await shop.audit()


async def test_what_changes_give_back_stays_under_the_cap(shop: Shop) -> None:
    order_id = await shop.paid()
    await shop.it.handle(
        shop.changed(order_id, total=10000, refund=30000),
        shop.changed(order_id, total=0, refund=30000, sequence=6),
        shop.cancelled(order_id, refund=40000),
    )
    await shop.it.turn("refund")
    assert await shop.account(order_id) == (40000, 40000, 0)
    await shop.audit()


@pytest.mark.feature("A28")
async def test_an_unpaid_invoice_is_replaced_and_money_for_the_old_link_counts(shop: Shop) -> None:
    order_id = await shop.with_link()
    old = await shop.provider_id(order_id)
    await shop.it.handle_twice(shop.changed(order_id, total=30000))
    await shop.it.turn("create")
    assert await invoices(shop, order_id) == [("cancelled", 40000, 0), ("issued", 30000, 0)]
    assert (await shop.provider.of_order(order_id))[0]["sums"]["amount"] == 30000
    await shop.provider.act("pay", old)
    await shop.later(minutes=5)
    await shop.it.turn("check")
    # 400 ₽ came for 300 ₽: the new invoice is paid, and what is too much goes back only when orders says so.
    assert await invoices(shop, order_id) == [("cancelled", 40000, 0), ("paid", 30000, 40000)]
    paid = await shop.one(events.PaymentSucceeded.type, order_id)
    assert (paid.amount, paid.paid_total, paid.invoice_paid) == (rub(40000), rub(40000), True)
    assert await shop.account(order_id) == (40000, 0, 0)
    await shop.it.handle(shop.changed(order_id, total=30000, refund=10000, sequence=6))
    await shop.it.turn("refund")
    assert await shop.account(order_id) == (40000, 10000, 0)
    await shop.audit()


async def test_a_total_of_nothing_needs_no_invoice(shop: Shop) -> None:
    order_id = await shop.with_link()
    await shop.it.handle(shop.changed(order_id, total=0))
    assert await invoices(shop, order_id) == [("cancelled", 40000, 0)]
    free = new_id()
    await shop.it.handle(shop.priced(free, total=rub(0)))
    assert await invoices(shop, free) == []


async def test_what_cost_nothing_gets_an_invoice_once_it_costs_something(shop: Shop) -> None:
    order_id = new_id()
    await shop.it.handle(shop.placed(order_id, terms="prepaid"), shop.priced(order_id, total=rub(0)))
    await shop.it.handle_twice(shop.changed(order_id, total=5000))
    assert await invoices(shop, order_id) == [("issued", 5000, 0)]
    await shop.it.handle(shop.changed(order_id, total=6000, sequence=6))
    assert await invoices(shop, order_id) == [("cancelled", 5000, 0), ("issued", 6000, 0)]


async def test_a_paid_order_that_became_dearer_gets_an_invoice_of_the_difference(shop: Shop) -> None:
    order_id = await shop.paid()
    await shop.it.handle_twice(shop.changed(order_id, total=50000))
    assert await invoices(shop, order_id) == [("paid", 40000, 40000), ("issued", 10000, 0)]
    await shop.it.handle(shop.changed(order_id, total=40000, sequence=6))
    await shop.audit()


async def test_older_news_and_news_before_the_price(shop: Shop) -> None:
    order_id = await shop.with_link()
    await shop.it.handle(shop.changed(order_id, total=30000, sequence=7))
    await shop.it.handle(shop.changed(order_id, total=20000, sequence=6))
    assert (await invoices(shop, order_id))[-1] == ("issued", 30000, 0)
    early = new_id()
    await shop.it.handle(shop.changed(early, total=30000), shop.priced(early))
    assert await invoices(shop, early) == [("issued", 30000, 0)]


@pytest.mark.feature("A18")
@pytest.mark.parametrize("as_lines", [True, False])
async def test_extras_are_lines_of_their_own_or_in_the_price(shop: Shop, as_lines: bool) -> None:
    order_id = new_id()
    lines = [
        orders.Line(title="Ночь", quantity=2, unit_price=rub(15000), total=rub(30000)),
        orders.Line(title="Завтрак", quantity=2, unit_price=rub(5000), total=rub(10000), extra=True),
    ]
    await shop.it.handle(shop.priced(order_id, lines=lines, extras_as_lines=not as_lines))
    # The flag is changed before anybody paid: the invoice shows it, and is the same one.
    await shop.it.handle(shop.changed(order_id, total=40000, lines=lines, extras_as_lines=as_lines))
    (invoice,) = (await shop.it.client("anna").get("/v1/invoices")).json()["items"]
    shown = [(item["title"], item["quantity"], item["total"]["amount"]) for item in invoice["lines"]]
    assert shown == ([("Ночь", 2, 30000), ("Завтрак", 2, 10000)] if as_lines else [("Ночь × 2", 1, 40000)])
    assert invoice["total"]["amount"] == 40000


@pytest.mark.parametrize(
    ("terms", "expected"),
    [("postpaid", 0), ("free", 0), ("account", 0), ("prepaid", 1), ("part_payment", 1), (None, 1)],
)
async def test_terms_say_whether_an_invoice_comes_by_itself(shop: Shop, terms: Any, expected: int) -> None:
    order_id = new_id()
    await shop.it.handle_twice(shop.priced(order_id, terms=terms))
    assert len([item for item in await invoices(shop, order_id) if item[0] == "issued"]) == expected
