"""What comes by hundreds is handled for many at once, and comes to what it would one by one."""

from typing import Any
from uuid import UUID

from foyer_contracts import booking
from foyer_contracts.envelope import Event
from foyer_contracts.ids import new_id

from .conftest import Shop, rub
from .test_checkout import RECEIPTS

TERMS = ["prepaid", "part_payment", "account", "postpaid", "free"]


def priced(shop: Shop, orders: list[UUID], first: int) -> list[Event[Any]]:
    """Orders of all terms, one of them of nothing, and one that is priced twice."""
    made = [
        shop.priced(
            order_id,
            number=first + index,
            terms=TERMS[index % len(TERMS)],
            prepaid=False,
            pay_until=None,
            total=rub(0 if index == 6 else 33333 + index),
        )
        for index, order_id in enumerate(orders)
    ]
    return [*made, shop.priced(orders[0], number=first, terms=TERMS[0], prepaid=False, pay_until=None)]


def ended(shop: Shop, orders: list[UUID], first: int) -> list[Event[Any]]:
    """Half of them are cancelled, one of those twice, another one's hold expires, and one is not known at all."""
    cancelled = [
        shop.cancelled(order_id, number=first + index, refund=index * 10000, reason="customer_request")
        for index, order_id in enumerate(orders[::2])
    ]
    again = shop.cancelled(orders[0], number=first, refund=5000, reason="staff")
    expired = [
        Event.make(
            booking.HoldExpired(order_id=order_id, reservation_id=new_id()),
            subject=order_id,
            sequence=1,
            time=shop.it.database.now(),
        )
        for order_id in (orders[1], new_id())
    ]
    return [*cancelled, again, *expired]


async def told(shop: Shop, orders: list[UUID], causes: list[Event[Any]]) -> list[list[tuple[str, Any]]]:
    """Of each order: what was published, and which of the events in hand it came of."""
    places = {str(event.id): index for index, event in enumerate(causes)}
    published = await shop.it.published()
    return [
        [(event.type, places.get(event.causationid or "")) for event in published if event.data.order_id == order_id]
        for order_id in orders
    ]


async def books(shop: Shop, orders: list[UUID]) -> list[Any]:
    return [
        await shop.rows(
            "SELECT a.paid, a.refunded, a.pending_refund, a.cancelled_reason, i.status AS invoice, i.cancel_reason, "
            "i.total, p.status AS payment, p.amount, p.surcharge, p.receipt->>'mode' AS mode, p.reason "
            "FROM order_accounts a LEFT JOIN invoices i ON i.order_id = a.order_id "
            "LEFT JOIN payments p ON p.invoice_id = i.id WHERE a.order_id = :o",
            o=order_id,
        )
        for order_id in orders
    ]


async def test_a_batch_comes_to_what_its_events_come_to_one_by_one(shop: Shop) -> None:
    await shop.seller(receipts=RECEIPTS, surcharge_percent="1.5")
    one_by_one, at_once = ([new_id() for _ in range(10)] for _ in range(2))
    causes: dict[str, list[Event[Any]]] = {"single": [], "batch": []}
    for make in (priced, ended):
        single, batch = make(shop, one_by_one, 1), make(shop, at_once, 1)
        for event in single:
            await shop.it.handle(event)
        assert await shop.it.handle(*batch) == len(batch)
        causes["single"] += single
        causes["batch"] += batch
        if make is priced:
            await shop.it.turn("create")
    assert await told(shop, at_once, causes["batch"]) == await told(shop, one_by_one, causes["single"])
    assert await books(shop, at_once) == await books(shop, one_by_one)
    assert {place for order in await told(shop, at_once, causes["batch"]) for _, place in order} > {0, 1}
    before = await shop.it.published()
    assert await shop.it.handle(*causes["batch"]) == 0
    assert await shop.it.published() == before
