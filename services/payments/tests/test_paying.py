"""From a priced order to its money, whatever the provider and the network do."""

import asyncio
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from foyer_chassis.testing import same_shape
from foyer_contracts import orders
from foyer_contracts import payments as events
from foyer_contracts.ids import new_id
from foyer_contracts.money import Money
from foyer_contracts.samples import SAMPLES

from .conftest import Provider, Shop, eventually, opened

PAID = ["invoice.issued", "payment.link_created", "payment.succeeded", "invoice.paid"]


@pytest.mark.feature("A12")
async def test_a_priced_order_gets_an_invoice_and_a_link(shop: Shop) -> None:
    order_id = await shop.with_link()
    assert await shop.events(order_id) == ["invoice.issued", "payment.link_created"]
    issued = await shop.one(events.InvoiceIssued.type, order_id)
    link = await shop.one(events.PaymentLinkCreated.type, order_id)
    (theirs,) = await shop.provider.of_order(order_id)
    assert link.url == theirs["payment"]["confirmation"]["confirmation_url"]
    assert theirs["payment"]["amount"] == {"value": "400.00", "currency": "RUB"}
    assert theirs["payment"]["metadata"] == {
        "payment_id": str(link.payment_id),
        "invoice_id": str(issued.invoice_id),
        "order_id": str(order_id),
    }
    returns_to = theirs["payment"]["confirmation"]["return_url"]
    about = f"order_id={order_id}&payment_id={link.payment_id}"
    assert returns_to == f"http://127.0.0.1/orders?from=provider&{about}"
    for event in await shop.it.published():
        same_shape(event, SAMPLES[event.type])


@pytest.mark.feature("A12")
async def test_paid_webhook_to_fully_paid_event(shop: Shop) -> None:
    async with shop.live():
        order_id = new_id()
        await shop.it.handle(shop.priced(order_id))
        await eventually(lambda: _has(shop, order_id, "payment.link_created"))
        await shop.provider.act("pay", await shop.provider_id(order_id))
        # Sooner than the first look without a webhook would be.
        await eventually(lambda: _has(shop, order_id, "payment.succeeded"), seconds=2)
    assert await shop.events(order_id) == PAID
    succeeded = await shop.one(events.PaymentSucceeded.type, order_id)
    assert (succeeded.amount.amount, succeeded.paid_total.amount, succeeded.invoice_paid) == (40000, 40000, True)
    assert (succeeded.provider, succeeded.method) == ("yookassa", "bank_card")
    for event in await shop.it.published():
        same_shape(event, SAMPLES[event.type])
    await shop.audit()


async def _has(shop: Shop, order_id: UUID, name: str) -> bool:
    return name in await shop.events(order_id)


@pytest.mark.feature("X3")
@pytest.mark.parametrize("dropped", [True, False], ids=["late copies", "ten copies at once"])
async def test_ten_webhooks_have_one_effect(shop: Shop, dropped: bool) -> None:
    async with shop.live() as url:
        order_id = new_id()
        await shop.it.handle(shop.priced(order_id))
        await eventually(lambda: _has(shop, order_id, "payment.link_created"))
        await shop.provider.switch(webhook_duplicates=10)
        await shop.provider.act("pay", await shop.provider_id(order_id))
        await eventually(lambda: _has(shop, order_id, "payment.succeeded"))
        if dropped:
            their_id = await shop.provider_id(order_id)
            (await shop.provider.client.post(f"/sandbox/webhooks/redeliver/{their_id}")).raise_for_status()
            body = {"type": "notification", "event": "payment.canceled", "object": {"id": their_id}}
            async with shop.it.client() as client:
                answers = await asyncio.gather(*(client.post("/v1/webhooks/yookassa", json=body) for _ in range(10)))
            assert {answer.status_code for answer in answers} == {200}
            assert url
        await asyncio.sleep(0.3)
    assert await shop.events(order_id) == PAID
    await shop.audit()


@pytest.mark.feature("X3")
async def test_the_webhook_comes_before_the_answer_that_created_the_payment(shop: Shop) -> None:
    async with shop.live():
        await shop.provider.switch(webhook_before_answer=True, pay_on_create="pay")
        order_id = new_id()
        await shop.it.handle(shop.priced(order_id))
        # The answer said "pending"; only the hint that overtook it makes the service look again at once.
        await eventually(lambda: _has(shop, order_id, "payment.succeeded"), seconds=2)
    assert await shop.events(order_id) == PAID
    assert len(await shop.provider.of_order(order_id)) == 1
    await shop.audit()


async def test_lost_webhooks_are_made_up_for_by_looking(shop: Shop) -> None:
    await shop.provider.switch(drop_webhooks=True)
    order_id = await shop.with_link()
    await shop.provider.act("pay", await shop.provider_id(order_id))
    await shop.it.turn("check")
    assert "payment.succeeded" not in await shop.events(order_id)
    await shop.later(seconds=3)
    await shop.it.turn("check")
    assert await shop.events(order_id) == PAID


async def test_looks_become_rarer_and_never_stop(shop: Shop) -> None:
    await shop.with_link()
    pauses = []
    for _ in range(16):
        (row,) = await shop.rows("SELECT next_at FROM payments")
        pauses.append((row["next_at"] - shop.it.database.now()).total_seconds())
        shop.it.at(row["next_at"])
        await shop.it.turn("check")
    assert pauses == sorted(pauses)
    assert pauses[0] == 3
    assert pauses[-1] == 300


@pytest.mark.feature("X3")
@pytest.mark.parametrize("how", ["drop", "500"])
async def test_a_lost_answer_is_asked_for_again_with_the_same_key(shop: Shop, how: str) -> None:
    await shop.provider.switch(lose_answer_next=[{"how": how}])
    order_id = await shop.with_link()
    assert await shop.events(order_id) == ["invoice.issued"]
    await shop.later(seconds=1)
    await shop.it.turn("create")
    assert await shop.events(order_id) == ["invoice.issued", "payment.link_created"]
    assert len(await shop.provider.of_order(order_id)) == 1


@pytest.mark.feature("X3")
async def test_a_worker_killed_while_the_provider_works(shop: Shop) -> None:
    await shop.provider.switch(answer_delay_seconds=1)
    order_id = new_id()
    await shop.it.handle(shop.priced(order_id))
    step = asyncio.ensure_future(shop.it.loops["create"].step())
    await eventually(lambda: shop.provider.of_order(order_id))
    step.cancel()
    await asyncio.gather(step, return_exceptions=True)
    await shop.provider.switch(answer_delay_seconds=0)
    await shop.it.turn("create")
    assert await shop.events(order_id) == ["invoice.issued"], "another worker must wait for the lease to end"
    await shop.later(seconds=5)
    await shop.it.turn("create")
    assert await shop.events(order_id) == ["invoice.issued", "payment.link_created"]
    assert len(await shop.provider.of_order(order_id)) == 1


@pytest.mark.parametrize("status", [401, 429, 500, 503])
async def test_a_provider_that_is_down_is_asked_again_later(shop: Shop, status: int) -> None:
    await shop.provider.switch(fail_next=[{"status": status, "count": 3, "path_prefix": "/v3/payments"}])
    order_id = await shop.with_link()
    for _ in range(3):
        assert await shop.events(order_id) == ["invoice.issued"]
        await shop.later(seconds=5)
        await shop.it.turn("create")
    assert await shop.events(order_id) == ["invoice.issued", "payment.link_created"]


async def test_the_providers_own_pause_is_kept(shop: Shop) -> None:
    await shop.provider.switch(fail_next=[{"status": 429, "retry_after_seconds": 40}])
    await shop.with_link()
    (row,) = await shop.rows("SELECT next_at FROM payments")
    assert row["next_at"] == shop.it.database.now() + timedelta(seconds=40)


async def test_an_unreachable_provider_is_asked_again_later(databases: Any, identity: Any, provider: Provider) -> None:
    async with opened(databases, identity, provider, yookassa_url="http://127.0.0.1:9/v3") as shop:
        await shop.with_link()
        (row,) = await shop.rows("SELECT status, attempts, next_at FROM payments")
        assert (row["status"], row["attempts"]) == ("creating", 1)
        assert row["next_at"] == shop.it.database.now() + timedelta(seconds=0.5)


async def test_long_texts_are_cut_to_what_the_provider_takes(shop: Shop) -> None:
    order_id = await shop.with_link(description="x" * 500, pay_until=None)
    assert await shop.events(order_id) == ["invoice.issued", "payment.link_created"]
    assert (await shop.provider.of_order(order_id))[0]["payment"]["description"] == "x" * 128


async def test_a_definite_refusal_fails_the_payment(shop: Shop) -> None:
    euro = Money(amount=100, currency="EUR")
    order_id = await shop.with_link(total=euro, lines=[orders.Line(title="x", quantity=1, unit_price=euro, total=euro)])
    assert await shop.events(order_id) == ["invoice.issued", "payment.failed"]
    assert (await shop.one(events.PaymentFailed.type, order_id)).reason == "invalid_request:amount.currency"
    same_shape((await shop.it.published(events.PaymentFailed.type))[0], SAMPLES[events.PaymentFailed.type])


@pytest.mark.feature("A12")
async def test_a_declined_card_gets_another_page(shop: Shop) -> None:
    order_id = await shop.with_link()
    first = await shop.provider_id(order_id)
    await shop.provider.act("decline", first, reason="insufficient_funds")
    await shop.later(seconds=3)
    await shop.it.turn("check")
    await shop.it.turn("create")
    assert await shop.events(order_id) == [
        "invoice.issued",
        "payment.link_created",
        "payment.failed",
        "payment.link_created",
    ]
    assert (await shop.one(events.PaymentFailed.type, order_id)).reason == "insufficient_funds"
    second = await shop.provider_id(order_id)
    assert second != first
    await shop.provider.act("pay", second)
    await shop.later(seconds=10)
    await shop.it.turn("check")
    assert (await shop.events(order_id))[-2:] == ["payment.succeeded", "invoice.paid"]
    await shop.audit()


async def test_pages_are_not_made_without_end(shop: Shop) -> None:
    await shop.provider.switch(pay_on_create="decline")
    order_id = await shop.with_link()
    for _ in range(15):
        await shop.later(seconds=4)
        await shop.it.turn("check")
        await shop.it.turn("create")
    assert len(await shop.provider.of_order(order_id)) == 10


async def test_no_new_page_after_the_time_to_pay(shop: Shop) -> None:
    order_id = await shop.with_link()
    await shop.later(minutes=16)
    await shop.provider.act("expire", await shop.provider_id(order_id))
    await shop.it.turn("check")
    await shop.it.turn("create")
    assert await shop.events(order_id) == ["invoice.issued", "payment.link_created", "payment.cancelled"]
    assert (await shop.one(events.PaymentCancelled.type, order_id)).reason == "expired_on_confirmation"
    assert len(await shop.provider.of_order(order_id)) == 1


async def test_priced_again_makes_no_second_invoice(shop: Shop) -> None:
    order_id = await shop.with_link()
    await shop.it.handle_twice(shop.priced(order_id))
    await shop.it.turn("create")
    assert await shop.events(order_id) == ["invoice.issued", "payment.link_created"]


@pytest.mark.parametrize("changes", [{"prepaid": False}, {"total": Money.zero("RUB")}], ids=["postpaid", "free"])
async def test_what_needs_no_prepayment_gets_no_invoice(shop: Shop, changes: Any) -> None:
    order_id = new_id()
    await shop.it.handle(shop.priced(order_id, **changes))
    assert await shop.events(order_id) == []


async def test_every_subscribed_sample_twice_and_out_of_order(shop: Shop) -> None:
    types = [subscription.data.type for subscription in shop.it.subscriptions]
    assert sorted(types) == [
        "booking.hold.expired.v1",
        "orders.contact.changed.v1",
        "orders.customer.changed.v1",
        "orders.offering.changed.v1",
        "orders.order.assigned.v1",
        "orders.order.cancelled.v1",
        "orders.order.changed.v1",
        "orders.order.placed.v1",
        "orders.order.priced.v1",
        "orders.order.status_changed.v1",
    ]
    samples = [SAMPLES[type_] for type_ in types]
    await shop.it.handle_twice(*samples)
    await shop.it.turn("create")
    await shop.it.handle_twice(*reversed(samples))
    assert [event.type for event in await shop.it.published()] == [
        "payments.invoice.issued.v1",
        "payments.invoice.cancelled.v1",
        "payments.payment.cancelled.v1",
    ]
    assert await shop.rows("SELECT * FROM refunds") == [], "a refund of what was never paid is capped to nothing"


async def test_sixty_four_want_it_and_one_is_priced(shop: Shop) -> None:
    winner = new_id()
    losers = [new_id() for _ in range(63)]
    await shop.it.handle(
        *(shop.cancelled(order_id, reason="places_taken", number=n) for n, order_id in enumerate(losers)),
        shop.priced(winner, number=64),
    )
    await shop.it.turn("create")
    assert len(await shop.rows("SELECT id FROM payments")) == 1
    assert len(await shop.provider.of_order(winner)) == 1
    assert [await shop.provider.of_order(order_id) for order_id in losers[:3]] == [[], [], []]


async def test_a_burst_is_worked_off_side_by_side(shop: Shop) -> None:
    """A slow provider holds up its own request only: 32 payments at half a second each in two rounds of 16."""
    await shop.provider.switch(answer_delay_seconds=0.5)
    order_ids = [new_id() for _ in range(32)]
    await shop.it.handle(*(shop.priced(order_id, number=n) for n, order_id in enumerate(order_ids)))
    started = time.monotonic()
    await shop.it.turn("create")
    assert time.monotonic() - started < 5
    assert len(await shop.it.published(events.PaymentLinkCreated.type)) == 32


async def test_two_workers_create_each_payment_once(shop: Shop) -> None:
    from payments.worker import build_worker

    other = {loop.name: loop for loop in build_worker(shop.it.settings, shop.it.database).loops}
    order_ids = [new_id() for _ in range(20)]
    await shop.it.handle(*(shop.priced(order_id, number=n) for n, order_id in enumerate(order_ids)))

    async def turn(loop: Any) -> None:
        while await loop.step():
            pass

    await asyncio.gather(turn(shop.it.loops["create"]), turn(other["create"]))
    assert len(await shop.it.published(events.PaymentLinkCreated.type)) == 20
    (row,) = await shop.rows("SELECT max(attempts) AS most FROM payments")
    assert row["most"] == 1


async def test_the_trace_and_the_cause_go_on_through_the_loops(shop: Shop) -> None:
    order_id = new_id()
    priced = shop.priced(order_id)
    await shop.it.handle(priced)
    await shop.it.turn("create")
    (link,) = await shop.it.published(events.PaymentLinkCreated.type)
    assert link.causationid == str(priced.id)
