"""What an order makes of what it hears, in any order of arrival."""

import asyncio
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest
from foyer_chassis.testing import Running, same_shape
from foyer_contracts import booking
from foyer_contracts.envelope import Event
from foyer_contracts.money import Money
from foyer_contracts.orders import OrderCancelled, OrderStatusChanged
from foyer_contracts.samples import SAMPLES

from .conftest import NOW, STARTS, Desk, Heard, Shop

CHANGED, CANCELLED, PRICED = "orders.order.status_changed.v1", "orders.order.cancelled.v1", "orders.order.priced.v1"


def cancellations(events: list[Event[Any]]) -> list[tuple[str, int, int]]:
    found = [event.data for event in events if isinstance(event.data, OrderCancelled)]
    return [(data.reason, data.paid.amount, data.refund.amount) for data in found]


def steps(events: list[Event[Any]]) -> list[str]:
    return [event.data.to_status for event in events if isinstance(event.data, OrderStatusChanged)]


@pytest.mark.feature("A12")
async def test_paid_order_goes_its_way(shop: Shop) -> None:
    order = await shop.place()
    heard = Heard(order)
    await shop.orders.handle_twice(heard.held())
    await shop.orders.handle_twice(heard.link())
    card = await shop.card(order)
    assert card["title"] == "Новый. Оплачивается"
    assert card["money"]["payment_url"] == "https://pay.example.test/1"
    manager = await shop.card(order, "rita", "rent_manager")
    assert manager["money"]["payment_url"] == card["money"]["payment_url"]
    assert card["total"] == {"amount": 40000, "currency": "RUB"}
    same_shape((await shop.orders.published(PRICED))[0], SAMPLES[PRICED])
    await shop.orders.handle_twice(heard.paid())
    assert (await shop.card(order))["status"] == "new"
    await shop.orders.handle_twice(heard.confirmed())
    assert (await shop.card(order))["title"] == "Подтверждён. Оплачен"
    await shop.orders.handle_twice(heard.started())
    await shop.orders.handle_twice(heard.ended())
    assert steps(await shop.orders.published()) == ["confirmed", "active", "done"]
    same_shape((await shop.orders.published(CHANGED))[0], SAMPLES[CHANGED])


async def test_every_order_of_arrival_ends_the_same(shop: Shop) -> None:
    for permutation in permutations(range(5)):
        order = await shop.place()
        heard = Heard(order)
        events = [heard.held(), heard.paid(), heard.confirmed(), heard.started(), heard.ended()]
        for position in permutation:
            await shop.orders.handle(events[position])
        assert (await shop.card(order))["status"] == "done", permutation


async def test_an_order_paid_afterwards_is_confirmed_by_its_places(shop: Shop) -> None:
    admin = shop.orders.client("alex", "administrator")
    answer = await admin.post(
        "/v1/offerings",
        json={"title": "По счёту", "kind": "slot_booking", "prepaid": False},
        headers={"Idempotency-Key": "postpaid"},
    )
    order = await shop.place(offering_id=answer.json()["id"])
    heard = Heard(order)
    await shop.orders.handle(heard.confirmed(), heard.held())
    assert (await shop.card(order))["status"] == "confirmed"
    (priced,) = await shop.orders.published(PRICED)
    assert not priced.data.prepaid


async def test_unpaid_order_is_cancelled_when_the_hold_expires(shop: Shop) -> None:
    order = await shop.place()
    heard = Heard(order)
    await shop.orders.handle(heard.held(), heard.link())
    await shop.orders.handle_twice(heard.expired())
    card = await shop.card(order)
    assert (card["status"], card["cancel_reason"], card["money"]["payment_url"]) == ("cancelled", "hold_expired", None)
    assert card["title"] == "Отменён"
    assert cancellations(await shop.orders.published()) == [("hold_expired", 0, 0)]
    await shop.orders.handle(heard.link())
    assert (await shop.card(order))["money"]["payment_url"] is None


async def test_taken_places_cancel_the_order_with_the_reason(shop: Shop) -> None:
    order = await shop.place()
    await shop.orders.handle_twice(Heard(order).unavailable())
    card = await shop.card(order)
    assert (card["status"], card["cancel_reason"], card["actions"]) == ("cancelled", "places_taken", [])
    same_shape((await shop.orders.published(CANCELLED))[0], SAMPLES[CANCELLED])


async def test_late_money_with_the_place_free_in_any_order(shop: Shop) -> None:
    for permutation in permutations(range(3)):
        order = await shop.place()
        heard = Heard(order)
        await shop.orders.handle(heard.held(), heard.link())
        events = [heard.expired(), heard.paid(), heard.confirmed(late=True)]
        for position in permutation:
            await shop.orders.handle(events[position])
        card = await shop.card(order)
        assert (card["status"], card["cancel_reason"], card["money"]["status"]) == ("confirmed", None, "paid")
    assert all(refund == 0 for _, _, refund in cancellations(await shop.orders.published()))


async def test_late_money_with_the_place_taken_goes_back_in_any_order(shop: Shop) -> None:
    for permutation in permutations(range(3)):
        order = await shop.place()
        heard = Heard(order)
        await shop.orders.handle(heard.held(), heard.link())
        events = [heard.expired(), heard.paid(), heard.unavailable(late=True)]
        for position in permutation:
            await shop.orders.handle(events[position])
        card = await shop.card(order)
        assert (card["status"], card["money"]["status"]) == ("cancelled_refunding", "refunding"), permutation
        mine = [event for event in await shop.orders.published() if event.subject == order["id"]]
        assert sum(refund for _, _, refund in cancellations(mine)) == 40000
        await shop.orders.handle_twice(heard.refunded())
        assert (await shop.card(order))["title"] == "Отменён. Деньги возвращены"


@pytest.mark.feature("A25")
@pytest.mark.feature("A27")
async def test_cancel_after_paying_returns_the_money(shop: Shop) -> None:
    order = await shop.place()
    heard = Heard(order)
    await shop.orders.handle(heard.held(), heard.paid(), heard.confirmed())
    assert (await shop.card(order))["actions"] == ["cancel"]
    answer = await shop.cancel(order)
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled_refunding")
    assert cancellations(await shop.orders.published()) == [("customer_request", 40000, 40000)]
    await shop.orders.handle(heard.refunded(Money(amount=10000, currency="RUB")))
    assert (await shop.card(order))["status"] == "cancelled_refunding"
    rest = Heard(order)
    await shop.orders.handle_twice(rest.refunded(Money(amount=30000, currency="RUB")))
    assert (await shop.card(order))["status"] == "cancelled_refunded"
    again = await shop.cancel(order)
    assert (again.status_code, again.json()["type"]) == (409, "https://foyer.dev/problems/cannot-be-cancelled")
    assert again.json()["state"]["status"] == "cancelled_refunded"


@pytest.mark.feature("A27")
async def test_unpaid_cancellation_needs_no_refund(shop: Shop) -> None:
    order = await shop.place()
    await shop.orders.handle(Heard(order).held())
    assert (await shop.cancel(order)).json()["status"] == "cancelled"
    assert cancellations(await shop.orders.published()) == [("customer_request", 0, 0)]


async def test_money_for_a_cancelled_order_goes_back(shop: Shop) -> None:
    order = await shop.place()
    heard = Heard(order)
    await shop.orders.handle(heard.held())
    await shop.cancel(order)
    await shop.orders.handle(heard.confirmed())
    await shop.orders.handle_twice(heard.paid())
    assert (await shop.card(order))["status"] == "cancelled_refunding"
    assert cancellations(await shop.orders.published())[-1] == ("customer_request", 40000, 40000)
    await shop.orders.handle(heard.refunded())
    # A second payment of the same order, from a link somebody still had open: it goes back too.
    await shop.orders.handle(Heard(order).paid())
    assert (await shop.card(order))["status"] == "cancelled_refunding"
    assert cancellations(await shop.orders.published())[-1] == ("customer_request", 80000, 40000)


async def test_failed_refund_is_shown_until_it_succeeds(shop: Shop) -> None:
    order = await shop.place()
    heard = Heard(order)
    await shop.orders.handle(heard.held(), heard.paid(), heard.confirmed())
    await shop.cancel(order)
    await shop.orders.handle_twice(heard.refund_failed())
    card = await shop.card(order)
    assert (card["status"], card["money"]["status"]) == ("cancelled_refunding", "refund_failed")
    await shop.orders.handle_twice(heard.refund_started(sequence=6))
    assert (await shop.card(order))["money"]["status"] == "refunding", "finance had it tried again"
    await shop.orders.handle(heard.refunded(sequence=7))
    assert (await shop.card(order))["status"] == "cancelled_refunded"


@pytest.mark.feature("A25")
@pytest.mark.feature("B14")
async def test_who_may_cancel_when(shop: Shop) -> None:
    order = await shop.place()
    assert (await shop.cancel(order, "boris")).status_code == 404
    assert (await shop.cancel(order, "fedor", "finance")).status_code == 403
    assert (await shop.cancel(order, "rita", "rent_manager", **{"If-Match": '"9"'})).status_code == 412
    silent = await shop.orders.client("rita", "rent_manager").post(
        f"/v1/orders/{order['number']}/cancel", json={"comment": " "}, headers={"Idempotency-Key": "silent"}
    )
    assert (silent.status_code, silent.json()["type"]) == (422, "https://foyer.dev/problems/reason-needed")
    answer = await shop.cancel(order, "rita", "rent_manager", **{"If-Match": '"1"'})
    assert (answer.status_code, answer.json()["cancel_reason"]) == (200, "staff_decision")
    assert (await shop.cancel(order, "rita", "rent_manager")).status_code == 409
    done = await shop.place()
    heard = Heard(done)
    await shop.orders.handle(heard.held(), heard.paid(), heard.confirmed(), heard.started(), heard.ended())
    assert (await shop.cancel(done)).status_code == 409
    assert (await shop.card(done))["actions"] == []
    assert (await shop.cancel(done, "rita", "rent_manager")).json()["status"] == "cancelled_refunding"
    history = await shop.orders.client("anna").get(f"/v1/orders/{done['number']}/history")
    last = history.json()["items"][-1]
    assert (last["actor_kind"], last["comment"]) == ("staff", "Планы изменились")


async def test_others_orders_are_not_visible(shop: Shop) -> None:
    order = await shop.place("anna")
    boris = shop.orders.client("boris")
    for path in ("", "/history", "/events"):
        assert (await boris.get(f"/v1/orders/{order['number']}{path}")).status_code == 404
    assert (await boris.get("/v1/orders")).json()["items"] == []
    assert len((await shop.orders.client("rita", "rent_manager").get("/v1/orders")).json()["items"]) == 1


async def test_list_pages_are_stable(shop: Shop) -> None:
    numbers = [(await shop.place())["number"] for _ in range(5)]
    anna = shop.orders.client("anna")
    first = (await anna.get("/v1/orders", params={"limit": 3})).json()
    await shop.place()
    second = (await anna.get("/v1/orders", params={"limit": 3, "after": first["next"]})).json()
    assert [item["number"] for item in first["items"] + second["items"]] == sorted(numbers, reverse=True)
    assert second["next"] is None
    assert (await anna.get("/v1/orders", params={"status": "done"})).json()["items"] == []
    assert (await anna.get("/v1/orders", params={"status": "lost"})).status_code == 422


async def test_every_sample_is_handled_twice_and_backwards(orders: Running) -> None:
    for subscription in [*orders.subscriptions, *reversed(orders.subscriptions)]:
        await orders.handle_twice(SAMPLES[subscription.data.type])


async def test_two_cancel_at_once(shop: Shop) -> None:
    order = await shop.place()
    heard = Heard(order)
    await shop.orders.handle(heard.held(), heard.paid(), heard.confirmed())
    answers = await asyncio.gather(shop.cancel(order), shop.cancel(order, "rita", "rent_manager"))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(await shop.orders.published(CANCELLED)) == 1


@pytest.mark.feature("A13")
@pytest.mark.feature("A15")
async def test_every_view_shows_the_new_time(shop: Shop) -> None:
    order = await shop.place()
    heard = Heard(order)
    await shop.orders.handle(heard.held(), heard.paid(), heard.confirmed())
    moved = heard.rescheduled(hours=3)
    await shop.orders.handle_twice(moved)
    # An older move that comes late changes nothing.
    await shop.orders.handle(heard.rescheduled(hours=1, sequence=5))
    new_time = (STARTS + timedelta(hours=3)).isoformat().replace("+00:00", "Z")
    card = await shop.card(order)
    assert (card["slots"]["starts_at"], card["status"], card["money"]["status"]) == (new_time, "confirmed", "paid")
    assert card["places"]["starts_at"].startswith("2026-12-02T13:00")
    assert card["unread"]
    row = (await shop.orders.client("rita", "rent_manager").get("/v1/orders")).json()["items"][0]
    assert row["starts_at"].startswith("2026-12-02T13:00")
    history = (await shop.orders.client("anna").get(f"/v1/orders/{order['number']}/history")).json()["items"]
    assert (history[-1]["what"], history[-1]["details"]) == ("edited", {"changed": ["slots"]})
    (event,) = await shop.orders.published("orders.order.changed.v1")
    assert (event.data.changed, event.data.refund.amount) == (["slots"], 0)
    # What is over does not move.
    await shop.cancel(order)
    await shop.orders.handle(heard.rescheduled(hours=5, sequence=9))
    assert (await shop.card(order))["slots"]["starts_at"] == new_time


@pytest.mark.feature("A14")
async def test_what_a_moved_booking_costs_less_goes_back(shop: Shop) -> None:
    order = await shop.place(payer_kind="company")
    heard = Heard(order)
    await shop.orders.handle(heard.held(), heard.paid(), heard.confirmed())
    await shop.orders.handle_twice(heard.rescheduled(hours=3, total=Money(amount=30000, currency="RUB")))
    card = await shop.card(order)
    assert (card["total"]["amount"], card["money"]["refund_due"]["amount"]) == (30000, 10000)
    (event,) = await shop.orders.published("orders.order.changed.v1")
    assert event.data.refund.amount == 10000


@pytest.mark.feature("A14")
async def test_the_payer_of_a_companys_booking_can_be_edited(shop: Shop) -> None:
    order = await shop.place(payer_kind="company", payer={"name": "ООО Ромашка", "inn": "7707083893"})
    heard = Heard(order)
    await shop.orders.handle(heard.held(), heard.paid(), heard.confirmed())
    card = await shop.card(order, "rita", "rent_manager")
    answer = await shop.orders.client("rita", "rent_manager").patch(
        f"/v1/orders/{order['number']}",
        json={"payer": {"name": "ООО Лютик", "inn": "7707083893"}},
        headers={"If-Match": f'"{card["version"]}"'},
    )
    assert answer.json()["payer"]["name"] == "ООО Лютик"


@pytest.mark.feature("A26")
async def test_cancelling_tells_booking_at_once(shop: Shop) -> None:
    order = await shop.place()
    heard = Heard(order)
    await shop.orders.handle(heard.held(), heard.paid(), heard.confirmed())
    await shop.cancel(order)
    (event,) = await shop.orders.published(CANCELLED)
    assert (str(event.data.order_id), event.data.reason) == (order["id"], "customer_request")


async def test_the_fee_of_a_late_cancellation_is_kept_and_shown_before(shop: Shop) -> None:
    admin = shop.orders.client("alex", "administrator")
    answer = await admin.post(
        "/v1/offerings",
        json={
            "title": "С условиями",
            "kind": "slot_booking",
            "terms": "prepaid",
            "cancellation": [{"hours_before": 48, "fee_percent": 30}],
        },
        headers={"Idempotency-Key": "policy"},
    )
    order = await shop.place(offering_id=answer.json()["id"])
    heard = Heard(order)
    await shop.orders.handle(heard.held(), heard.paid(), heard.confirmed())
    preview = (await shop.orders.client("anna").get(f"/v1/orders/{order['number']}/cancellation")).json()
    assert (preview["allowed"], preview["fee"]["amount"], preview["refund"]["amount"]) == (True, 12000, 28000)
    cancelled = (await shop.cancel(order)).json()
    assert (cancelled["money"]["fee"]["amount"], cancelled["money"]["refund_due"]["amount"]) == (12000, 28000)
    (event,) = await shop.orders.published(CANCELLED)
    assert (event.data.fee.amount, event.data.refund.amount) == (12000, 28000)
    await shop.orders.handle(heard.refunded(Money(amount=28000, currency="RUB")))
    assert (await shop.card(order))["title"] == "Отменён. Деньги возвращены"


@pytest.mark.feature("A22")
async def test_the_link_shown_is_that_of_the_payment_that_waits(shop: Shop) -> None:
    """A new link and the end of the old payment arrive in any order."""
    for permutation in permutations(range(3)):
        order = await shop.place()
        heard = Heard(order)
        await shop.orders.handle(heard.held())
        events = [heard.link(), heard.payment_cancelled(), heard.link(uuid4(), "https://pay.example.test/2")]
        for position in permutation:
            await shop.orders.handle(events[position])
        assert (await shop.card(order))["money"]["payment_url"] == "https://pay.example.test/2", permutation


@pytest.mark.feature("D7")
async def test_a_membership_is_in_use_when_attached_and_over_when_refunded(desk: Desk) -> None:
    """Whichever is heard first, the refund or the withdrawal."""
    offering = await desk.offering(
        "membership",
        title="Йога",
        terms="prepaid",
        price={"amount": 40000, "currency": "RUB"},
        membership_type_id=str(uuid4()),
    )
    for withdrawn_first in (True, False):
        order = await desk.place(offering)
        assert (order["status"], order["total"]["amount"]) == ("new", 40000)
        heard = Heard(order)
        await desk.orders.handle_twice(heard.paid())
        assert (await desk.card(order))["status"] == "confirmed"
        common = {"pass_id": uuid4(), "number": 1, "order_id": heard.order_id, "buyer_id": heard.applicant_id}
        attached = booking.PassAttached(**common, visitor_id=uuid4(), group_ids=[], valid_from=NOW)
        await desk.orders.handle_twice(Event.make(attached, subject=attached.pass_id, sequence=3, time=NOW))
        assert (await desk.card(order))["status"] == "active"
        by_hand = booking.PassWithdrawn(**common, reason="Ошибка")
        await desk.orders.handle(Event.make(by_hand, subject=by_hand.pass_id, sequence=4, time=NOW))
        assert (await desk.card(order))["status"] == "active"
        gone = booking.PassWithdrawn(**common, reason="refunded")
        events = [Event.make(gone, subject=gone.pass_id, sequence=5, time=NOW), heard.refunded()]
        for event in events if withdrawn_first else reversed(events):
            await desk.orders.handle_twice(event)
        assert (await desk.card(order))["title"] == "Отменён. Деньги возвращены"
