"""Times of a booking that recurs are moved (X5, A13–A15): one, that and all that follow, or all."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from foyer_chassis.testing import Running, utc
from foyer_contracts.envelope import Event

from .conftest import NINE_TO_NINE, NOW, TOMORROW, add_resource, cancelled, paid, placed
from .races import at_once, deadlocks
from .test_calendars import RITA, feed
from .test_calendars import events as events_of
from .test_places import claims, left
from .test_recurring import DAY, HOUR, WEEK, give_up, weekly
from .test_rescheduling import RESCHEDULED

BERLIN = ZoneInfo("Europe/Berlin")


async def move(
    booking: Running,
    order: Event[Any],
    number: int,
    starts_at: datetime,
    scope: str = "all",
    *,
    minutes: int = 60,
    who: str = "rita",
    preview: bool = False,
    **more: Any,
) -> Any:
    roles = more.pop("roles", ("rent_manager",))
    headers = {"Idempotency-Key": uuid4().hex, **more.pop("headers", {})}
    limits = more.pop("limits", {})
    ends_at = starts_at + timedelta(minutes=minutes)
    body = {"number": number, "scope": scope, "starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat()}
    path = f"/v1/orders/{order.data.order_id}/reservation/occurrences/reschedule{'/preview' if preview else ''}"
    return await booking.client(who, *roles, **limits).post(path, json={**body, **more}, headers=headers)


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["type"]).rpartition("/")[2]


def begins(answer: Any) -> list[datetime]:
    assert answer.status_code == 200, answer.text
    return [datetime.fromisoformat(item["starts_at"]) for item in answer.json()["occurrences"] if not item["cancelled"]]


async def series(booking: Running, resource: UUID, count: int = 4, **more: Any) -> Event[Any]:
    order = weekly(resource, count, applicant_id=booking.identity.id_of("anna"), **more)
    await booking.handle(order, paid(order.data.order_id))
    return order


@pytest.mark.feature("X5")
@pytest.mark.feature("A15")
async def test_one_time_that_and_all_that_follow_or_all_move_in_one_step(booking: Running) -> None:
    resource = await add_resource(booking)
    order = await series(booking, resource)
    one = await move(booking, order, 1, TOMORROW + WEEK + 3 * HOUR, "one")
    assert begins(one) == [TOMORROW, TOMORROW + WEEK + 3 * HOUR, TOMORROW + 2 * WEEK, TOMORROW + 3 * WEEK]
    assert await left(booking, resource, TOMORROW + WEEK) == {"12:00": 0, "12:30": 0}
    (event,) = await booking.published(RESCHEDULED)
    assert [(item.previous_starts_at, item.starts_at) for item in event.data.moved] == [
        (TOMORROW + WEEK, TOMORROW + WEEK + 3 * HOUR)
    ]
    assert [item.starts_at for item in event.data.places.times] == begins(one)
    assert (event.data.total.amount, event.data.previous.starts_at, event.data.actor.kind) == (80000, TOMORROW, "staff")
    # Onto its own old times: the third goes to where the fourth was, which goes on.
    following = await move(booking, order, 2, TOMORROW + 3 * WEEK, "following")
    assert begins(following)[2:] == [TOMORROW + 3 * WEEK, TOMORROW + 4 * WEEK]
    everything = await move(booking, order, 0, TOMORROW + DAY + HOUR)
    assert begins(everything) == [TOMORROW + n * WEEK + DAY + HOUR for n in (0, 1, 3, 4)]
    # The reservation begins and ends with them, and nothing else is taken.
    assert datetime.fromisoformat(everything.json()["starts_at"]) == TOMORROW + DAY + HOUR
    assert await claims(booking) == 4
    booking.at(TOMORROW + HOUR)
    await booking.turn("start-reservations")
    assert not await booking.published("booking.reservation.started.v1")
    # Asked again, with another key, they are there: nothing happens, though times were where others are now.
    told = len(await booking.published(RESCHEDULED))
    again = await move(booking, order, 0, TOMORROW + DAY + HOUR)
    assert (begins(again), again.json()["version"]) == (begins(everything), everything.json()["version"])
    assert len(await booking.published(RESCHEDULED)) == told == 3


@pytest.mark.feature("X5")
async def test_a_dry_run_lists_every_conflict_and_a_move_with_any_changes_nothing(booking: Running) -> None:
    resource = await add_resource(booking, hours=NINE_TO_NINE)
    order = await series(booking, resource)
    await booking.handle(placed(resource, TOMORROW + WEEK + 2 * HOUR, minutes=60))
    await booking.handle(placed(resource, TOMORROW + 3 * WEEK + 2 * HOUR, minutes=30))
    before = await claims(booking)
    tried = await move(booking, order, 0, TOMORROW + 2 * HOUR, preview=True)
    assert tried.status_code == 200, tried.text
    assert [item["reason"] for item in tried.json()["items"]] == [None, "places_taken", None, "places_taken"]
    assert (tried.json()["movable"], tried.json()["total"]["amount"]) == (False, 80000)
    refused = await move(booking, order, 0, TOMORROW + 2 * HOUR)
    assert problem(refused) == (409, "times-cannot-be-moved")
    assert [(item["number"], item["reason"]) for item in refused.json()["conflicts"]] == [
        (1, "places_taken"),
        (3, "places_taken"),
    ]
    early = await move(booking, order, 0, TOMORROW - HOUR, preview=True)
    assert {item["reason"] for item in early.json()["items"]} == {"outside_opening_hours"}
    back = await move(booking, order, 1, NOW - HOUR, preview=True)
    assert [item["reason"] for item in back.json()["items"]] == [
        "in_the_past",
        "in_the_past",
        *["outside_opening_hours"] * 2,
    ]
    crooked = await move(booking, order, 0, TOMORROW + timedelta(minutes=7), preview=True)
    assert {item["reason"] for item in crooked.json()["items"]} == {"not_on_slot_grid"}
    for minutes in (-60, 0, 60 * 24 * 400):
        senseless = await move(booking, order, 0, TOMORROW, minutes=minutes)
        assert problem(senseless) == (409, "times-cannot-be-moved"), senseless.text
    far = await move(booking, order, 0, utc(2199, 12, 31), preview=True)
    assert (far.status_code, far.json()["movable"]) == (200, False)
    assert (await claims(booking), await booking.published(RESCHEDULED)) == (before, [])
    # What is skipped stays, and the rest moves.
    skipping = await move(booking, order, 0, TOMORROW + 2 * HOUR, skip=[1, 3])
    assert begins(skipping) == [
        TOMORROW + 2 * HOUR, TOMORROW + WEEK, TOMORROW + 2 * WEEK + 2 * HOUR, TOMORROW + 3 * WEEK,
    ]  # fmt: skip
    assert await claims(booking) == before


@pytest.mark.feature("A14")
@pytest.mark.feature("X5")
async def test_each_time_of_an_individual_keeps_its_slots_and_a_company_pays_the_difference(booking: Running) -> None:
    resource = await add_resource(booking)
    dear = await add_resource(booking, beside=resource, name="Ладога", price={"amount": 25000, "currency": "RUB"})
    foreign = await add_resource(booking, beside=resource, price={"amount": 500, "currency": "USD"})
    order = await series(booking, resource)
    for minutes in (30, 90):
        answer = await move(booking, order, 0, TOMORROW, minutes=minutes)
        assert {item["reason"] for item in answer.json()["conflicts"]} == {"other_number_of_slots"}
    # Another room at what was paid.
    answer = await move(booking, order, 2, TOMORROW + 2 * WEEK, "one", resource_id=str(dear))
    assert (answer.status_code, answer.json()["total"]["amount"]) == (200, 80000)
    company = await series(booking, resource, starts_at=TOMORROW + 2 * HOUR, payer_kind="company")
    later = TOMORROW + WEEK + 2 * HOUR
    longer = await move(booking, company, 1, later, "following", minutes=90, resource_id=str(dear))
    assert (longer.status_code, longer.json()["total"]["amount"]) == (200, 20000 + 3 * 75000)
    event = (await booking.published(RESCHEDULED))[-1]
    assert [(line.title, line.quantity, line.total.amount) for line in event.data.lines] == [
        ("Нева, 30 min", 2, 20000),
        ("Ладога, 30 min", 9, 225000),
    ]
    assert [item.resource_name for item in event.data.places.times] == [None, "Ладога", "Ладога", "Ладога"]
    refused = await move(booking, company, 0, TOMORROW + 2 * HOUR, resource_id=str(foreign))
    assert {item["reason"] for item in refused.json()["conflicts"]} == {"other_currency"}


@pytest.mark.feature("X5")
async def test_times_at_another_resource_are_found_freed_and_shown_there(booking: Running) -> None:
    resource = await add_resource(booking)
    other = await add_resource(booking, beside=resource, name="Ладога")
    order = await series(booking, resource)
    await move(booking, order, 1, TOMORROW + WEEK, "one", resource_id=str(other))
    assert await left(booking, resource, TOMORROW + WEEK) == {}
    assert await left(booking, other, TOMORROW + WEEK) == {"09:00": 0, "09:30": 0}
    rita = booking.client("rita", "rent_manager")

    async def on(where: UUID, day: datetime) -> int:
        span = {"starts_from": day.isoformat(), "starts_to": (day + HOUR).isoformat()}
        return len((await rita.get(f"/v1/resources/{where}/reservations", params=span)).json()["items"])

    assert [await on(resource, TOMORROW + n * WEEK) for n in range(3)] == [1, 0, 1]
    assert [await on(other, TOMORROW + n * WEEK) for n in range(3)] == [0, 1, 0]
    shown = await events_of(booking, await feed(booking, {"subject": "resource", "thing_id": str(other)}, *RITA))
    assert [(event.summary.value, event.dtstart.value) for event in shown] == [("Ладога", TOMORROW + WEEK)]
    # The first time moves there too: the booking is called after it.
    await move(booking, order, 0, TOMORROW + HOUR, "one", resource_id=str(other))
    event = (await booking.published(RESCHEDULED))[-1]
    assert (event.data.places.resource_name, event.data.previous.resource_name) == ("Ладога", "Нева")
    assert [item.resource_name for item in event.data.places.times] == [None, None, "Нева", "Нева"]
    # Given up and cancelled it is free at both.
    await give_up(booking, order, TOMORROW + WEEK)
    assert await left(booking, other, TOMORROW + WEEK) == {}
    await booking.handle_twice(cancelled(order.data.order_id, "customer_request"))
    assert await claims(booking) == 0
    # Late money has them again where they were moved to.
    unpaid = weekly(resource, 3)
    await booking.handle(unpaid)
    await move(booking, unpaid, 1, TOMORROW + WEEK, "one", resource_id=str(other))
    booking.at(NOW + HOUR)
    await booking.turn("expire-holds")
    assert await claims(booking) == 0
    await booking.handle_twice(paid(unpaid.data.order_id))
    assert await left(booking, other, TOMORROW + WEEK) == {"09:00": 0, "09:30": 0}
    (again,) = [event for event in await booking.published("booking.reservation.confirmed.v1") if event.data.late]
    # Whoever keeps the order compares versions over both reservations: they go on.
    moved = await move(booking, unpaid, 2, TOMORROW + 2 * WEEK + HOUR, "one")
    assert moved.json()["version"] == again.sequence + 1


@pytest.mark.feature("X2")
@pytest.mark.feature("X5")
async def test_the_time_of_day_is_kept_over_a_change_of_clocks(booking: Running) -> None:
    resource = await add_resource(booking, time_zone="Europe/Berlin")
    first = utc(2027, 3, 14, 1, 30)  # Sundays from 2:30 to 4:30; on the 28th the clocks have no 2:30
    order = placed(resource, first, recurrence="FREQ=WEEKLY;COUNT=4", payer_kind="company")
    await booking.handle(order, paid(order.data.order_id))
    monday = utc(2027, 3, 15, 9)  # at 10:00
    moved = await move(booking, order, 0, monday, minutes=120)
    assert [at.astimezone(BERLIN).strftime("%m-%d %H:%M") for at in begins(moved)] == [
        "03-15 10:00", "03-22 10:00", "03-29 10:00", "04-05 10:00",
    ]  # fmt: skip
    assert [item["slots"] for item in moved.json()["occurrences"]] == [4, 4, 4, 4]
    # An individual paid for an hour that night, and for two on the others.
    single = placed(resource, first, recurrence="FREQ=WEEKLY;COUNT=4")
    await booking.handle(single, paid(single.data.order_id))
    tried = await move(booking, single, 0, monday - 3 * HOUR, minutes=120, preview=True)
    reasons = [item["reason"] for item in tried.json()["items"]]
    assert reasons == [None, None, "other_number_of_slots", None]
    earlier = await move(booking, single, 0, first - HOUR, minutes=120)  # from 1:30 to 3:30
    night = earlier.json()["occurrences"][2]
    assert (night["starts_at"], night["ends_at"], night["slots"]) == ("2027-03-28T00:30:00Z", "2027-03-28T01:30:00Z", 2)


@pytest.mark.feature("A13")
@pytest.mark.feature("X5")
async def test_what_has_begun_stays_and_what_is_over_does_not_move(booking: Running) -> None:
    resource = await add_resource(booking)
    order = await series(booking, resource, payer_kind="company")
    booking.at(TOMORROW + timedelta(minutes=10))
    await booking.turn("start-reservations")
    assert problem(await move(booking, order, 0, TOMORROW + 5 * HOUR, "one")) == (409, "begun")
    assert problem(await move(booking, order, 0, TOMORROW + 5 * HOUR)) == (409, "begun")
    later = await move(booking, order, 0, TOMORROW, "one", minutes=120)
    assert (later.status_code, later.json()["slots"]) == (200, 10)
    rest = await move(booking, order, 1, TOMORROW + WEEK + DAY)
    assert begins(rest) == [TOMORROW, *(TOMORROW + n * WEEK + DAY for n in (1, 2, 3))]
    single = placed(resource, TOMORROW + 8 * HOUR)
    await booking.handle(single)
    assert problem(await move(booking, single, 0, TOMORROW + DAY)) == (409, "not-recurring")
    await booking.handle(cancelled(order.data.order_id, "customer_request"))
    assert problem(await move(booking, order, 1, TOMORROW + WEEK)) == (409, "cannot-be-moved")


@pytest.mark.feature("A13")
async def test_who_moves_a_series_and_what_is_no_time_of_it(booking: Running) -> None:
    resource = await add_resource(booking)
    order = await series(booking, resource)
    there = TOMORROW + 3 * HOUR
    for preview in (False, True):
        for who, roles in (("anna", "customer"), ("sergey", "service_manager"), ("fedor", "finance")):
            assert problem(await move(booking, order, 0, there, who=who, roles=(roles,), preview=preview))[0] == 403
        elsewhere = await move(booking, order, 0, there, limits={"locations": [str(uuid4())]}, preview=preview)
        assert problem(elsewhere) == (404, "not-found")
        assert problem(await move(booking, weekly(resource), 0, there, preview=preview)) == (404, "not-found")
        assert problem(await move(booking, order, 4, there, preview=preview)) == (422, "unknown-occurrence")
        assert problem(await move(booking, order, 0, there, skip=[9], preview=preview)) == (422, "unknown-occurrence")
        foreign = await move(booking, order, 0, there, resource_id=str(uuid4()), preview=preview)
        assert problem(foreign) == (422, "unknown-resource")
    assert problem(await move(booking, order, 0, there, headers={"If-Match": '"9"'})) == (412, "stale")
    await give_up(booking, order, TOMORROW + WEEK)
    assert problem(await move(booking, order, 1, there, "one")) == (422, "unknown-occurrence")
    assert await booking.published(RESCHEDULED) == []


@pytest.mark.feature("A15")
@pytest.mark.feature("X5")
async def test_series_that_move_at_once_and_new_bookings_never_share_a_time(booking: Running) -> None:
    """Six move to one time of one of two rooms while others order it: one has it, nothing is lost, nobody deadlocks."""
    rooms = [await add_resource(booking)]
    rooms.append(await add_resource(booking, beside=rooms[0], name="Ладога"))
    orders = [
        await series(booking, rooms[n % 2], 5, starts_at=TOMORROW + timedelta(hours=2 * (n // 2))) for n in range(6)
    ]
    target = TOMORROW + DAY
    rivals = [weekly(rooms[1], 3, starts_at=target + 2 * WEEK) for _ in range(3)]
    moves = [move(booking, order, 0, target, resource_id=str(rooms[1])) for order in orders]
    swaps = [
        move(booking, order, 1, TOMORROW + WEEK, "one", resource_id=str(rooms[n % 2])) for n, order in enumerate(orders)
    ]
    answers, _ = await asyncio.gather(
        at_once([*moves, *swaps]), asyncio.gather(*(booking.handle(rival) for rival in rivals))
    )
    assert {answer.status_code for answer in answers} <= {200, 409, 412}
    held = len(await booking.published("booking.places.held.v1")) - len(orders)
    assert sum(answer.status_code == 200 for answer in answers[:6]) + held == 1
    # Every time that a reservation says it has is claimed, once.
    taken = []
    for order in orders:
        body = (
            await booking.client("rita", "rent_manager").get(f"/v1/orders/{order.data.order_id}/reservation")
        ).json()
        taken += [(item["resource_id"], item["starts_at"]) for item in body["occurrences"]]
    assert len(set(taken)) == len(taken) == 30
    assert await claims(booking) == 30 + 3 * held
    assert await deadlocks(booking) == 0
