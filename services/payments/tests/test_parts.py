"""Payment in parts, at the desk and online."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from foyer_contracts import payments as events
from foyer_contracts.ids import new_id
from payments.paying.domain import PartRefusedError, check_part

from .conftest import Shop, rub

RITA = ("rita", "rent_manager")


async def in_parts(shop: Shop, total: int = 40000) -> tuple[UUID, int]:
    order_id = new_id()
    await shop.it.handle(
        shop.placed(order_id, kind="hotel", terms="part_payment"),
        shop.priced(order_id, terms="part_payment", total=rub(total), pay_until=None),
    )
    await shop.it.turn("create")
    (row,) = await shop.rows("SELECT number FROM invoices WHERE order_id = :o", o=order_id)
    return order_id, row["number"]


async def take(shop: Shop, number: int, amount: int, method: str = "cash", who: tuple[str, ...] = RITA) -> Any:
    body = {"amount": {"amount": amount, "currency": "RUB"}, "method": method}
    return await shop.post(who, f"/invoices/{number}/take", body)


@pytest.mark.feature("A20")
@pytest.mark.feature("A21")
@pytest.mark.feature("A22")
async def test_parts_at_the_desk_and_the_remainder_online(shop: Shop) -> None:
    order_id, number = await in_parts(shop)
    shown = (await take(shop, number, 10000)).json()
    assert (shown["paid"]["amount"], shown["remainder"]["amount"], shown["state"]) == (10000, 30000, "partly_paid")
    shown = (await take(shop, number, 5000, "transfer")).json()
    assert [item["part"] for item in shown["payments"] if item["status"] == "succeeded"] == [1, 2]
    await shop.it.turn("create")
    newest = (await shop.provider.of_order(order_id))[0]
    assert newest["sums"]["amount"] == 25000, "the link is for what remains"
    await shop.provider.act("pay", newest["payment"]["id"])
    await shop.later(minutes=5)
    await shop.it.turn("check")
    paid = [item.data for item in await shop.it.published(events.PaymentSucceeded.type)]
    assert [(item.number, item.amount.amount, item.paid_total.amount, item.invoice_paid) for item in paid] == [
        (1, 10000, 10000, False),
        (2, 5000, 15000, False),
        (3, 25000, 40000, True),
    ]
    assert (await shop.events(order_id)).count("invoice.paid") == 1
    assert (await take(shop, number, 100)).status_code == 409

    # Journey 6: each part goes back by the way it came.
    await shop.it.handle(shop.cancelled(order_id, refund=40000))
    await shop.it.turn("refund")
    refunds = (await shop.it.client("anna").get(f"/v1/refunds?order_id={order_id}")).json()["items"]
    assert sorted((item["provider"], item["amount"]["amount"], item["status"]) for item in refunds) == [
        ("desk", 5000, "at_desk"),
        ("desk", 10000, "at_desk"),
        ("yookassa", 25000, "succeeded"),
    ]
    assert await shop.account(order_id) == (40000, 25000, 15000)
    for item in refunds:
        if item["status"] == "at_desk":
            path = f"/refunds/{item['id']}/hand-out"
            assert (await shop.post(("anna",), path)).status_code == 403
            assert (await shop.post(RITA, path)).status_code == 200
            assert (await shop.post(RITA, path)).status_code == 409
    assert await shop.account(order_id) == (40000, 40000, 0)
    rows = await shop.rows("SELECT account, sum(amount) AS left FROM ledger_postings GROUP BY account")
    assert {int(row["left"]) for row in rows} == {0}


@pytest.mark.feature("A21")
@pytest.mark.parametrize(
    ("amount", "accepted"),
    [(40000, True), (35000, True), (1, True), (35001, False), (39999, False), (40001, False), (0, False), (-5, False)],
)
async def test_what_remains_is_nothing_or_enough(shop: Shop, amount: int, accepted: bool) -> None:
    _, number = await in_parts(shop)
    answer = await take(shop, number, amount)
    assert answer.status_code == (200 if accepted else 422)
    if not accepted:
        assert answer.json()["accepted"] == {
            "exactly": {"amount": 40000, "currency": "RUB"},
            "at_most": {"amount": 35000, "currency": "RUB"},
        }


@pytest.mark.feature("A21")
def test_the_smallest_remainder_is_per_currency() -> None:
    with pytest.raises(PartRefusedError) as refusal:
        check_part(rub(1), rub(4000), 5000)
    assert refusal.value.members["accepted"] == {"exactly": rub(4000).model_dump(), "at_most": None}
    check_part(rub(1), rub(4000), 0)
    with pytest.raises(PartRefusedError):
        check_part(rub(1).model_copy(update={"currency": "EUR"}), rub(4000), 0)


@pytest.mark.feature("A21")
async def test_two_desks_take_the_same_remainder_at_once(shop: Shop) -> None:
    order_id, number = await in_parts(shop)
    answers = await asyncio.gather(*(take(shop, number, 40000) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert await shop.account(order_id) == (40000, 0, 0)


@pytest.mark.feature("A21")
async def test_who_takes_payments_and_of_what(shop: Shop) -> None:
    _, number = await in_parts(shop)
    assert (await take(shop, number, 100, who=("anna",))).status_code == 403
    assert (await take(shop, number, 100, who=("sergey", "service_manager"))).status_code == 404
    assert (await take(shop, number, 100, who=("fedor", "finance"))).status_code == 200
    whole = new_id()
    await shop.it.handle(shop.placed(whole, kind="hotel"), shop.priced(whole))
    (row,) = await shop.rows("SELECT number FROM invoices WHERE order_id = :o", o=whole)
    assert (await take(shop, row["number"], 40000)).status_code == 409, "not payable in parts"


@pytest.mark.feature("A22")
async def test_the_old_link_is_paid_after_staff_took_a_part(shop: Shop) -> None:
    """Nothing is lost: 100 ₽ at the desk and 400 ₽ by the old link; orders says what goes back."""
    order_id, number = await in_parts(shop)
    old = await shop.provider_id(order_id)
    await take(shop, number, 10000)
    await shop.it.turn("create")
    await shop.provider.act("pay", old)
    await shop.later(minutes=5)
    await shop.it.turn("check")
    assert await shop.account(order_id) == (50000, 0, 0)
    (row,) = await shop.rows("SELECT status FROM invoices")
    assert row["status"] == "paid"
    statuses = await shop.rows("SELECT status FROM payments WHERE provider = 'yookassa' ORDER BY id")
    assert [item["status"] for item in statuses] == ["succeeded", "watched"], "the link for the rest is no longer shown"


@pytest.mark.feature("A20")
async def test_a_price_that_changes_between_parts(shop: Shop) -> None:
    order_id, number = await in_parts(shop)
    await take(shop, number, 10000)
    await shop.it.handle(shop.changed(order_id, total=30000, kind="hotel"))
    (row,) = await shop.rows("SELECT number, paid, total, in_parts FROM invoices WHERE status = 'issued'")
    assert (row["paid"], row["total"], row["in_parts"]) == (10000, 30000, True)
    assert (await take(shop, row["number"], 20000)).json()["state"] == "paid"
    await shop.it.handle(shop.changed(order_id, total=5000, refund=25000, sequence=6))
    assert await shop.account(order_id) == (30000, 0, 25000)


@pytest.mark.feature("A20")
async def test_what_is_paid_already_covers_a_lower_price(shop: Shop) -> None:
    order_id, number = await in_parts(shop)
    await take(shop, number, 10000)
    await shop.it.handle(shop.changed(order_id, total=8000))
    rows = await shop.rows("SELECT status, paid, total FROM invoices ORDER BY number")
    assert [(row["status"], row["paid"], row["total"]) for row in rows] == [
        ("cancelled", 0, 40000),
        ("paid", 10000, 8000),
    ]
    assert "invoice.paid" in await shop.events(order_id)
