"""An order is cancelled while its payment is on its way: nothing is lost, nothing is kept, whatever comes first."""

from uuid import UUID

import pytest
from foyer_chassis.testing import same_shape
from foyer_contracts import payments as events
from foyer_contracts.envelope import Event
from foyer_contracts.ids import new_id
from foyer_contracts.samples import SAMPLES

from .conftest import Shop

CANCELLED = ["invoice.issued", "payment.link_created", "invoice.cancelled", "payment.cancelled"]


@pytest.mark.parametrize("by", ["order", "hold"])
async def test_nobody_pays(shop: Shop, by: str) -> None:
    order_id = await shop.with_link()
    await _cancel(shop, order_id, by)
    assert await shop.events(order_id) == CANCELLED
    await shop.provider.act("expire", await shop.provider_id(order_id))
    await shop.later(minutes=5)
    await shop.it.turn("check")
    (row,) = await shop.rows("SELECT status, next_at FROM payments")
    assert row == {"status": "cancelled", "next_at": None}
    assert await shop.events(order_id) == CANCELLED
    for event in await shop.it.published():
        same_shape(event, SAMPLES[event.type])


async def _cancel(shop: Shop, order_id: UUID, by: str) -> None:
    expired = SAMPLES["booking.hold.expired.v1"].data.model_copy(update={"order_id": order_id})
    event = Event.make(expired, subject=new_id(), sequence=2, time=shop.it.database.now())
    cancelled = shop.cancelled(order_id, reason="hold_expired")
    await shop.it.handle(*([cancelled, event] if by == "order" else [event, cancelled]))


@pytest.mark.parametrize("by", ["order", "hold"])
async def test_money_that_comes_late_is_taken_and_told(shop: Shop, by: str) -> None:
    order_id = await shop.with_link()
    await _cancel(shop, order_id, by)
    await shop.later(minutes=2)
    await shop.it.turn("check")
    await shop.provider.act("pay", await shop.provider_id(order_id))
    await shop.later(minutes=5)
    await shop.it.turn("check")
    assert await shop.events(order_id) == [*CANCELLED, "payment.succeeded"]
    succeeded = await shop.one(events.PaymentSucceeded.type, order_id)
    assert (succeeded.paid_total.amount, succeeded.invoice_paid) == (40000, True)
    (invoice,) = await shop.rows("SELECT status, paid FROM invoices")
    assert invoice == {"status": "cancelled", "paid": 40000}
    assert await shop.provider.refunds_of(order_id) == [], "only orders decides what goes back"
    await shop.audit()


async def test_cancelled_while_paying(shop: Shop) -> None:
    """Paid at the provider, not yet known here, then cancelled: the money is found at once."""
    await shop.provider.switch(drop_webhooks=True)
    order_id = await shop.with_link()
    await shop.provider.act("pay", await shop.provider_id(order_id))
    await _cancel(shop, order_id, "order")
    await shop.it.turn("check")
    assert await shop.events(order_id) == [*CANCELLED, "payment.succeeded"]


async def test_cancelled_before_the_provider_was_asked(shop: Shop) -> None:
    order_id = new_id()
    await shop.it.handle(shop.priced(order_id))
    await _cancel(shop, order_id, "order")
    await shop.it.turn("create")
    assert await shop.events(order_id) == ["invoice.issued", "invoice.cancelled", "payment.cancelled"]
    assert await shop.provider.of_order(order_id) == []


async def test_cancelled_while_the_providers_answer_is_lost(shop: Shop) -> None:
    """Paid without our ever having known the provider's payment: its state is learned by asking again."""
    await shop.provider.switch(lose_answer_next=1, pay_on_create="pay")
    order_id = await shop.with_link()
    await _cancel(shop, order_id, "order")
    await shop.later(minutes=1)
    await shop.it.turn("create")
    await shop.later(minutes=1)
    await shop.it.turn("check")
    assert await shop.events(order_id) == [
        "invoice.issued",
        "invoice.cancelled",
        "payment.cancelled",
        "payment.succeeded",
    ]
    assert len(await shop.provider.of_order(order_id)) == 1
    await shop.audit()


@pytest.mark.parametrize("batch", [True, False])
async def test_cancelled_before_priced_prevents_the_invoice(shop: Shop, batch: bool) -> None:
    order_id = new_id()
    events_ = [shop.cancelled(order_id), shop.priced(order_id)]
    if batch:
        await shop.it.handle_twice(*events_)
    else:
        for event in events_:
            await shop.it.handle_twice(event)
    await shop.it.turn("create")
    assert await shop.events(order_id) == []
