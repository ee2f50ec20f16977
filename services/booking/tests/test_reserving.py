"""Holds, payments, late payments, cancellations and the clock, through the consumer and the API."""

import asyncio
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from booking.reserving.domain import TRANSITIONS, Status, Verb, next_status
from booking.reserving.tables import reservations
from foyer_chassis.testing import Running, same_shape
from foyer_contracts.booking import PlacesHeld, PlacesUnavailable, ReservationConfirmed
from foyer_contracts.envelope import Event
from foyer_contracts.money import Money
from foyer_contracts.orders import StayRequest, Visitor
from foyer_contracts.payments import AccountDebited
from foyer_contracts.samples import SAMPLES

from .conftest import NINE_TO_NINE, NOW, TOMORROW, add_resource, cancelled, paid, placed

HELD, UNAVAILABLE = "booking.places.held.v1", "booking.places.unavailable.v1"
EXPIRED, CONFIRMED = "booking.hold.expired.v1", "booking.reservation.confirmed.v1"
RELEASED = "booking.reservation.released.v1"
#: Published while a test makes its resource.
SETTING_UP = ("booking.location.changed.v1", "booking.resource.changed.v1")


async def statuses(booking: Running) -> list[str]:
    async with booking.database.read() as reading:
        rows = await reading.execute(sa.select(reservations.c.status).order_by(reservations.c.id))
        return list(rows.scalars())


async def types(booking: Running) -> list[str]:
    return [event.type for event in await booking.published() if event.type not in SETTING_UP]


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("verb", Verb)
def test_transition_table(status: Status, verb: Verb) -> None:
    expected = {
        ("held", "confirm"): "confirmed",
        ("held", "expire"): "expired",
        ("held", "release"): "released",
        ("confirmed", "start"): "active",
        ("confirmed", "release"): "released",
        ("active", "end"): "ended",
        ("active", "release"): "released",
    }
    assert next_status(status, verb) == expected.get((status.value, verb.value))
    assert len(TRANSITIONS) == len(expected)


@pytest.mark.feature("A11")
async def test_hold_is_priced_by_the_slot(booking: Running) -> None:
    resource = await add_resource(booking, hold_ttl_seconds=600)
    order = placed(resource)
    await booking.handle_twice(order)
    (event,) = await booking.published(HELD)
    assert isinstance(event.data, PlacesHeld)
    assert (event.data.lines[0].quantity, event.data.lines[0].unit_price.amount) == (4, 10000)
    assert event.data.total.amount == 40000
    assert event.data.expires_at == NOW + timedelta(seconds=600)
    assert event.causationid == str(order.id)
    same_shape(event, SAMPLES[HELD])
    customer = booking.client("anna", "customer")
    slots = (await customer.get(f"/v1/resources/{resource}/availability", params={"from": "2026-12-02"})).json()
    taken = [slot["starts_at"] for slot in slots["days"][0]["slots"] if not slot["free"]]
    assert taken == [f"2026-12-02T{time}:00Z" for time in ("09:00", "09:30", "10:00", "10:30")]


@pytest.mark.parametrize(
    ("start_minutes", "minutes", "reason"),
    [
        (0, 120, "places_taken"),
        (-60, 90, "places_taken"),
        (90, 90, "places_taken"),
        (15, 30, "not_on_slot_grid"),
        (0, 25 * 60, "outside_opening_hours"),
        (13 * 60, 30, "outside_opening_hours"),
        (-2 * 24 * 60, 30, "in_the_past"),
    ],
)
async def test_refused_places_are_told_with_the_reason(
    booking: Running, start_minutes: int, minutes: int, reason: str
) -> None:
    resource = await add_resource(booking, hours=[{"weekday": d, "opens": 480, "closes": 1260} for d in range(7)])
    await booking.handle(placed(resource))
    await booking.handle_twice(placed(resource, TOMORROW + timedelta(minutes=start_minutes), minutes=minutes))
    (event,) = await booking.published(UNAVAILABLE)
    assert isinstance(event.data, PlacesUnavailable)
    assert (event.data.reason, event.data.late) == (reason, False)
    same_shape(event, SAMPLES[UNAVAILABLE])
    assert await statuses(booking) == ["held"]


async def test_adjacent_bookings_and_unknown_resources(booking: Running) -> None:
    resource = await add_resource(booking)
    gone = await add_resource(booking, active=False)
    await booking.handle(
        placed(resource, minutes=60),
        placed(resource, TOMORROW + timedelta(hours=1), minutes=60),
        placed(resource, TOMORROW - timedelta(hours=1), minutes=60),
        placed(uuid4()),
        placed(gone),
    )
    assert (await types(booking)).count(HELD) == 3
    assert [e.data.reason for e in await booking.published(UNAVAILABLE)] == ["unknown_resource"] * 2


@pytest.mark.feature("A12")
async def test_paid_hold_is_confirmed_then_runs_by_the_clock(booking: Running) -> None:
    resource = await add_resource(booking)
    order = placed(resource)
    await booking.handle(order)
    await booking.handle_twice(paid(order.data.order_id))
    (event,) = await booking.published(CONFIRMED)
    same_shape(event, SAMPLES[CONFIRMED])
    await booking.turn("expire-holds")
    await booking.turn("start-reservations")
    assert await statuses(booking) == ["confirmed"]
    booking.at(TOMORROW)
    await booking.turn("start-reservations")
    await booking.turn("end-reservations")
    assert await statuses(booking) == ["active"]
    booking.at(TOMORROW + timedelta(hours=2))
    for loop in booking.loops:
        await booking.turn(loop)
        await booking.turn(loop)
    assert await statuses(booking) == ["ended"]
    tail = [event.type.split(".")[2] for event in await booking.published()][-2:]
    assert tail == ["started", "ended"]
    for event in await booking.published():
        same_shape(event, SAMPLES[event.type])


async def test_an_order_on_account_waits_until_it_is_charged(booking: Running) -> None:
    resource = await add_resource(booking)
    order = placed(resource, prepaid=False, terms="account")
    await booking.handle(order)
    assert await statuses(booking) == ["held"]
    data = AccountDebited(
        customer_id=order.data.applicant_id,
        order_id=order.data.order_id,
        amount=Money(amount=40000, currency="RUB"),
        balance=Money.zero("RUB"),
        credit_limit=Money.zero("RUB"),
    )
    await booking.handle_twice(Event.make(data, subject=data.customer_id, sequence=1, time=NOW))
    assert await statuses(booking) == ["confirmed"]


async def test_what_is_not_here_cannot_be_had(booking: Running) -> None:
    stay = StayRequest(
        room_type_id=uuid4(), arrival=NOW.date(), departure=TOMORROW.date(), adults=1, visitor=Visitor(name="Анна")
    )
    order = placed(uuid4())
    data = order.data.model_copy(update={"slots": None, "stay": stay})
    await booking.handle_twice(order.model_copy(update={"data": data}))
    (event,) = await booking.published(UNAVAILABLE)
    assert (event.data.order_id, event.data.reason) == (data.order_id, "unknown_resource")


async def test_what_is_free_or_paid_afterwards_is_confirmed_at_once(booking: Running) -> None:
    free = await add_resource(booking, price={"amount": 0, "currency": "RUB"})
    await booking.handle_twice(placed(free))
    await booking.handle_twice(placed(await add_resource(booking), prepaid=False))
    assert await types(booking) == [HELD, CONFIRMED, HELD, CONFIRMED]


async def test_part_payment_confirms_nothing(booking: Running) -> None:
    order = placed(await add_resource(booking))
    await booking.handle(order, paid(order.data.order_id, whole=False))
    assert await statuses(booking) == ["held"]


async def test_unpaid_hold_expires_once_and_the_slot_is_free_again(booking: Running) -> None:
    resource = await add_resource(booking, hold_ttl_seconds=60)
    first, second = placed(resource), placed(resource)
    await booking.handle(first)
    booking.at(NOW + timedelta(seconds=59))
    await booking.turn("expire-holds")
    assert await statuses(booking) == ["held"]
    booking.at(NOW + timedelta(seconds=60))
    await asyncio.gather(*(booking.turn("expire-holds") for _ in range(4)))
    assert await types(booking) == [HELD, EXPIRED]
    same_shape((await booking.published(EXPIRED))[0], SAMPLES[EXPIRED])
    await booking.handle(second)
    assert await statuses(booking) == ["expired", "held"]


async def test_late_payment_takes_the_free_place_again(booking: Running) -> None:
    order = placed(await add_resource(booking, hold_ttl_seconds=60))
    await booking.handle(order)
    booking.at(NOW + timedelta(minutes=2))
    await booking.turn("expire-holds")
    await booking.handle(cancelled(order.data.order_id, "hold_expired", sequence=3))
    await booking.handle_twice(paid(order.data.order_id))
    (event,) = await booking.published(CONFIRMED)
    assert isinstance(event.data, ReservationConfirmed)
    assert event.data.late
    # The cancellation for the expired hold may come after that; it must not release what was paid for.
    await booking.handle(cancelled(order.data.order_id, "hold_expired", sequence=4))
    assert await statuses(booking) == ["expired", "confirmed"]


async def test_late_payment_for_a_taken_place_is_told(booking: Running) -> None:
    resource = await add_resource(booking, hold_ttl_seconds=60)
    order = placed(resource)
    await booking.handle(order)
    booking.at(NOW + timedelta(minutes=2))
    await booking.turn("expire-holds")
    await booking.handle(placed(resource))
    await booking.handle_twice(paid(order.data.order_id))
    (event,) = await booking.published(UNAVAILABLE)
    assert (event.data.reason, event.data.late) == ("places_taken", True)
    assert await statuses(booking) == ["expired", "held"]


async def test_late_payment_after_the_start_gets_no_place(booking: Running) -> None:
    order = placed(await add_resource(booking, hold_ttl_seconds=60))
    await booking.handle(order)
    booking.at(TOMORROW)
    await booking.turn("expire-holds")
    await booking.handle(paid(order.data.order_id))
    (event,) = await booking.published(UNAVAILABLE)
    assert (event.data.reason, event.data.late) == ("in_the_past", True)


async def test_payment_after_a_customers_cancellation_takes_nothing(booking: Running) -> None:
    order = placed(await add_resource(booking))
    await booking.handle(order, cancelled(order.data.order_id, "customer_request"), paid(order.data.order_id))
    assert await statuses(booking) == ["released"]
    assert await types(booking) == [HELD, RELEASED]


@pytest.mark.feature("A26")
async def test_cancelling_frees_the_slot_at_once(booking: Running) -> None:
    resource = await add_resource(booking)
    order = placed(resource)
    await booking.handle(order, paid(order.data.order_id))
    await booking.handle_twice(cancelled(order.data.order_id, "customer_request"))
    same_shape((await booking.published(RELEASED))[0], SAMPLES[RELEASED])
    await booking.handle(placed(resource))
    assert await statuses(booking) == ["released", "held"]


async def test_any_order_of_arrival_ends_in_the_same_state(booking: Running) -> None:
    resource = await add_resource(booking)
    for day, order_of in enumerate(permutations(range(3))):
        order = placed(resource, TOMORROW + timedelta(days=day))
        events: list[Event[Any]] = [
            order,
            paid(order.data.order_id),
            cancelled(order.data.order_id, "customer_request"),
        ]
        for position in order_of:
            await booking.handle_twice(events[position])
    assert not set(await statuses(booking)) & {"held", "confirmed", "active"}


async def test_sixty_four_in_parallel_want_one_slot(booking: Running) -> None:
    resource = await add_resource(booking)
    orders = [placed(resource) for _ in range(64)]
    await asyncio.gather(*(booking.handle(order) for order in orders))
    happened = await types(booking)
    assert (happened.count(HELD), happened.count(UNAVAILABLE)) == (1, 63)


async def test_two_workers_expire_and_confirm_at_once(booking: Running) -> None:
    resource = await add_resource(booking, hold_ttl_seconds=60)
    orders = [placed(resource, TOMORROW + timedelta(hours=n), minutes=60) for n in range(20)]
    await booking.handle(*orders)
    booking.at(NOW + timedelta(minutes=2))
    await asyncio.gather(*(booking.handle(paid(order.data.order_id)) for order in orders), booking.turn("expire-holds"))
    # Whoever came first: every paid order has its places, once.
    assert (await statuses(booking)).count("confirmed") == 20


async def test_customers_see_their_own_reservation_only(booking: Running) -> None:
    resource = await add_resource(booking, hours=NINE_TO_NINE)
    order = placed(resource, applicant_id=booking.identity.id_of("anna"))
    await booking.handle(order)
    path = f"/v1/orders/{order.data.order_id}/reservation"
    assert (await booking.client("anna").get(path)).json()["status"] == "held"
    assert (await booking.client("boris").get(path)).status_code == 404
    assert (await booking.client("rita", "rent_manager").get(path)).status_code == 200
    assert (await booking.client().get(path)).status_code == 401
    everything = f"/v1/resources/{resource}/reservations"
    span = {"starts_from": "2026-12-01T00:00:00Z", "starts_to": "2026-12-03T00:00:00Z"}
    assert (await booking.client("anna").get(everything, params=span)).status_code == 403
    page = (await booking.client("rita", "rent_manager").get(everything, params=span)).json()
    assert [item["order_id"] for item in page["items"]] == [str(order.data.order_id)]


async def test_every_sample_is_handled_twice_and_backwards(booking: Running) -> None:
    for subscription in [*booking.subscriptions, *reversed(booking.subscriptions)]:
        await booking.handle(SAMPLES[subscription.data.type])
        await booking.handle(SAMPLES[subscription.data.type])
