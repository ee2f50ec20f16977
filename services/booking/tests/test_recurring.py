"""Bookings that recur (X5): a dry run, all or nothing, skipped days, one time or all that follow given up."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from booking.recurring.domain import RecurrenceInvalidError, times_of
from foyer_chassis.testing import Running, same_shape, utc
from foyer_contracts.envelope import Event
from foyer_contracts.samples import SAMPLES

from .conftest import NINE_TO_NINE, NOW, TOMORROW, add_resource, cancelled, paid, placed
from .test_places import claims, left, outcome

HELD, UNAVAILABLE = "booking.places.held.v1", "booking.places.unavailable.v1"
CANCELLED = "booking.occurrences.cancelled.v1"
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
BERLIN = ZoneInfo("Europe/Berlin")


def starts(recurrence: str, first: datetime = TOMORROW, zone: ZoneInfo = ZoneInfo("UTC")) -> list[datetime]:
    return [each.starts_at for each in times_of(recurrence, first, first + HOUR, zone, ())]


@pytest.mark.feature("X5")
@pytest.mark.parametrize(
    ("recurrence", "days"),
    [
        ("FREQ=DAILY;COUNT=3", [0, 1, 2]),
        ("RRULE:FREQ=WEEKLY;COUNT=3", [0, 7, 14]),
        ("FREQ=WEEKLY;INTERVAL=2;UNTIL=20261230", [0, 14, 28]),
        ("FREQ=WEEKLY;BYDAY=WE,FR;COUNT=4", [0, 2, 7, 9]),
        ("FREQ=DAILY;UNTIL=20261204T090000Z", [0, 1, 2]),
        ("FREQ=DAILY;UNTIL=20261204T085959", [0, 1]),
        ("FREQ=MONTHLY;BYDAY=1WE;COUNT=2", [0, 35]),
        ("FREQ=MONTHLY;BYMONTHDAY=2,-1;COUNT=3", [0, 29, 31]),
    ],
)
def test_rules_that_are_understood(recurrence: str, days: list[int]) -> None:
    assert starts(recurrence) == [TOMORROW + n * DAY for n in days]


@pytest.mark.parametrize(
    "recurrence",
    [
        "", "FREQ", "FREQ=", "FREQ=HOURLY;COUNT=2", "FREQ=YEARLY;COUNT=2", "COUNT=2", "FREQ=DAILY",
        "FREQ=DAILY;COUNT=2;UNTIL=20261230", "FREQ=DAILY;COUNT=105", "FREQ=DAILY;COUNT=0", "FREQ=DAILY;COUNT=-1",
        "FREQ=DAILY;COUNT=²", "FREQ=DAILY;UNTIL=20270401", "FREQ=DAILY;UNTIL=20280101", "FREQ=DAILY;UNTIL=soon",
        "FREQ=DAILY;COUNT=2;COUNT=3", "FREQ=DAILY;COUNT=2;BYSETPOS=1", "FREQ=WEEKLY;BYDAY=1WE;COUNT=2",
        "FREQ=WEEKLY;BYDAY=TH;COUNT=2", "FREQ=WEEKLY;BYDAY=XX;COUNT=2", "FREQ=WEEKLY;WKST=1MO;COUNT=2",
        "FREQ=MONTHLY;BYMONTHDAY=0;COUNT=2", "FREQ=MONTHLY;BYMONTHDAY=32;COUNT=2", "FREQ=MONTHLY;COUNT=20",
        "FREQ=DAILY;INTERVAL=7;BYDAY=TH;COUNT=2", "FREQ=DAILY;INTERVAL=0;COUNT=2", "FREQ=DAILY;UNTIL=20261201",
    ],
)  # fmt: skip
def test_rules_that_are_refused(recurrence: str) -> None:
    with pytest.raises(RecurrenceInvalidError):
        starts(recurrence)


@pytest.mark.feature("X2")
def test_nine_stays_nine_over_a_change_of_clocks() -> None:
    first = utc(2027, 3, 27, 8)  # 9:00 in Berlin, a day before the clocks go forward
    assert starts("FREQ=DAILY;COUNT=3", first, BERLIN) == [first, utc(2027, 3, 28, 7), utc(2027, 3, 29, 7)]
    night = utc(2027, 3, 27, 1, 30)  # 2:30, which the next day has not: counted on from before the change
    assert starts("FREQ=DAILY;COUNT=2", night, BERLIN) == [night, utc(2027, 3, 28, 1, 30)]
    second = utc(2027, 10, 31, 1, 30)  # 2:30 for the second time that night: it is the first that was asked for
    assert starts("FREQ=DAILY;COUNT=2", second, BERLIN) == [second, utc(2027, 11, 1, 1, 30)]


async def preview(booking: Running, resource: UUID, recurrence: str, **more: Any) -> Any:
    body = {
        "resource_id": str(resource),
        "starts_at": TOMORROW.isoformat(),
        "ends_at": (TOMORROW + HOUR).isoformat(),
        "recurrence": recurrence,
        **more,
    }
    return await booking.client("anna").post("/v1/recurrences/preview", json=body)


def weekly(resource: UUID, count: int = 4, **more: Any) -> Event[Any]:
    return placed(resource, minutes=60, recurrence=f"FREQ=WEEKLY;COUNT={count}", **more)


@pytest.mark.feature("X5")
async def test_a_dry_run_lists_every_conflict_and_an_order_is_told_the_same(booking: Running) -> None:
    resource = await add_resource(booking, hours=NINE_TO_NINE, horizon_days=22)
    await booking.handle(placed(resource, TOMORROW + WEEK, minutes=60))
    answer = await preview(booking, resource, "FREQ=WEEKLY;COUNT=5", skip=["2026-12-16"])
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert [item["reason"] for item in body["items"]] == [None, "places_taken", None, None, "too_far_ahead"]
    assert [item["skipped"] for item in body["items"]] == [False, False, True, False, False]
    assert (body["bookable"], body["total"]["amount"]) == (False, 40000)
    before = await claims(booking)
    await booking.handle_twice(order := weekly(resource, 5, skip=[date(2026, 12, 16)]))
    (event,) = await booking.published(UNAVAILABLE)
    assert (event.data.order_id, event.data.reason) == (order.data.order_id, "too_far_ahead")
    assert event.data.conflicts == [TOMORROW + WEEK, TOMORROW + 4 * WEEK]
    assert await claims(booking) == before
    await booking.handle_twice(weekly(resource, 3))
    assert (await booking.published(UNAVAILABLE))[-1].data.reason == "places_taken"
    # What is skipped is asked for no more, and the dry run says so.
    good = await preview(booking, resource, "FREQ=WEEKLY;COUNT=3", skip=["2026-12-09"])
    assert (good.json()["bookable"], good.json()["total"]["amount"]) == (True, 40000)
    await booking.handle(order := weekly(resource, 3, skip=[date(2026, 12, 9)]))
    assert await outcome(booking, order) == ["held"]


async def test_a_dry_run_refuses_what_is_not_understood(booking: Running) -> None:
    resource = await add_resource(booking)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"recurrence": "FREQ=DAILY"}, "recurrence-invalid"),
        ({"recurrence": "FREQ=DAILY;COUNT=1", "skip": ["2026-12-02"]}, "recurrence-invalid"),
        ({"recurrence": "FREQ=DAILY;COUNT=2", "ends_at": TOMORROW.isoformat()}, "recurrence-invalid"),
        ({"recurrence": "FREQ=DAILY;COUNT=2", "quantity": 2}, "too-many-places"),
        ({"recurrence": "FREQ=DAILY;COUNT=2", "resource_id": str(uuid4())}, "unknown-resource"),
    ]
    for more, problem in cases:
        answer = await preview(booking, resource, **{"recurrence": "", **more})
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (422, problem), answer.text
    ages = {"starts_at": "9999-12-31T23:00:00-01:00", "ends_at": "9999-12-31T23:30:00-01:00"}
    assert (await preview(booking, resource, "FREQ=DAILY;COUNT=2", **ages)).status_code == 422
    end_of_time = datetime.fromisoformat("9999-12-31T22:00:00+00:00")
    refused = [
        placed(resource, recurrence="FREQ=DAILY"),
        placed(resource, end_of_time, minutes=60, recurrence="FREQ=DAILY;COUNT=2"),
        placed(resource, end_of_time, minutes=60),
    ]
    await booking.handle_twice(*refused)
    assert await outcome(booking, *refused) == ["recurrence_invalid", "recurrence_invalid", "too_far_ahead"]


@pytest.mark.feature("X5")
async def test_all_times_are_held_priced_started_and_ended_as_one(booking: Running) -> None:
    resource = await add_resource(booking, capacity=2)
    order = weekly(resource, 3, quantity=2)
    await booking.handle_twice(order)
    (held,) = await booking.published(HELD)
    assert (held.data.places.starts_at, held.data.places.occurrences) == (TOMORROW, 3)
    assert [item.starts_at for item in held.data.places.times] == [TOMORROW + n * WEEK for n in range(3)]
    assert sum(item.price.amount for item in held.data.places.times) == held.data.total.amount
    assert (held.data.lines[0].quantity, held.data.total.amount) == (12, 120000)
    for n in range(3):
        assert await left(booking, resource, TOMORROW + n * WEEK) == {"09:00": 0, "09:30": 0}
    await booking.handle_twice(paid(order.data.order_id))
    turns = ("expire-holds", "start-reservations", "end-reservations")
    happened = []
    for at in (TOMORROW, TOMORROW + HOUR, TOMORROW + 2 * WEEK, TOMORROW + 2 * WEEK + HOUR):
        booking.at(at)
        before = len(await booking.published())
        for loop in turns:
            await booking.turn(loop)
        happened.append([event.type for event in (await booking.published())[before:]])
    assert happened == [["booking.reservation.started.v1"], [], [], ["booking.reservation.ended.v1"]]
    assert await claims(booking) == 0


@pytest.mark.feature("X5")
async def test_late_money_has_all_times_again_or_is_told_that_it_cannot(booking: Running) -> None:
    resource = await add_resource(booking, hold_ttl_seconds=60)
    free, taken = weekly(resource), placed(resource, TOMORROW + DAY, minutes=60, recurrence="FREQ=WEEKLY;COUNT=3")
    await booking.handle(free, taken)
    booking.at(NOW + HOUR)
    await booking.turn("expire-holds")
    assert await claims(booking) == 0
    await booking.handle(placed(resource, TOMORROW + DAY + 2 * WEEK, minutes=30))
    await booking.handle_twice(paid(free.data.order_id), paid(taken.data.order_id))
    (confirmed,) = await booking.published("booking.reservation.confirmed.v1")
    assert (confirmed.data.order_id, confirmed.data.late, confirmed.data.places.occurrences) == (
        free.data.order_id,
        True,
        4,
    )
    (refused,) = await booking.published(UNAVAILABLE)
    assert (refused.data.order_id, refused.data.reason, refused.data.late) == (
        taken.data.order_id,
        "places_taken",
        True,
    )
    assert await claims(booking) == 5
    await booking.handle_twice(cancelled(free.data.order_id, "customer_request"))
    assert await claims(booking) == 1


async def give_up(
    booking: Running, order: Event[Any], starts_at: datetime, scope: str = "one", who: str = "anna", **more: Any
) -> Any:
    roles = more.pop("roles", ("customer",))
    headers = {"Idempotency-Key": uuid4().hex, **more.pop("headers", {})}
    body = {"starts_at": starts_at.isoformat(), "scope": scope}
    path = f"/v1/orders/{order.data.order_id}/reservation/occurrences/cancel"
    return await booking.client(who, *roles, **more).post(path, json=body, headers=headers)


@pytest.mark.feature("X5")
async def test_one_time_or_all_that_follow_are_given_up(booking: Running) -> None:
    resource = await add_resource(booking)
    order = weekly(resource, 6, applicant_id=booking.identity.id_of("anna"))
    await booking.handle(order, paid(order.data.order_id))
    answer = await give_up(booking, order, TOMORROW + WEEK)
    assert answer.status_code == 200, answer.text
    assert [item["cancelled"] for item in answer.json()["occurrences"]] == [False, True, *[False] * 4]
    assert await left(booking, resource, TOMORROW + WEEK) == {}
    (event,) = await booking.published(CANCELLED)
    same_shape(event, SAMPLES[CANCELLED])
    assert [item.starts_at for item in event.data.cancelled] == [TOMORROW + WEEK]
    assert (event.data.cancelled[0].price.amount, event.data.total.amount) == (20000, 100000)
    assert (event.data.places.occurrences, event.data.lines[0].quantity, event.data.actor.kind) == (5, 10, "customer")
    # Again: nothing more happens.
    assert (await give_up(booking, order, TOMORROW + WEEK)).json()["version"] == answer.json()["version"]
    staff = await give_up(booking, order, TOMORROW + 4 * WEEK, "following", "rita", roles=("rent_manager",))
    assert (staff.status_code, staff.json()["total"]["amount"]) == (200, 60000)
    assert [len((await booking.published(CANCELLED))[-1].data.cancelled), await claims(booking)] == [2, 3]
    # The first time is given up: the booking begins with the next that is left, and ends after the last.
    moved_on = await give_up(booking, order, TOMORROW)
    assert moved_on.json()["starts_at"] == (TOMORROW + 2 * WEEK).isoformat().replace("+00:00", "Z")
    booking.at(TOMORROW)
    await booking.turn("start-reservations")
    assert not await booking.published("booking.reservation.started.v1")
    booking.at(TOMORROW + 3 * WEEK + HOUR)
    await booking.turn("start-reservations")
    await booking.turn("end-reservations")
    assert [event.type for event in await booking.published()][-2:] == [
        "booking.reservation.started.v1",
        "booking.reservation.ended.v1",
    ]


@pytest.mark.feature("X5")
async def test_what_cannot_be_given_up(booking: Running) -> None:
    resource = await add_resource(booking)
    anna = booking.identity.id_of("anna")
    order, single = weekly(resource, applicant_id=anna), placed(resource, TOMORROW + DAY, applicant_id=anna)
    await booking.handle(order, single, paid(order.data.order_id))
    manager: dict[str, Any] = {"who": "rita", "roles": ("rent_manager",)}

    async def refused(*arguments: Any, **more: Any) -> tuple[int, str]:
        answer = await give_up(booking, *arguments, **more)
        return answer.status_code, answer.json()["type"].rpartition("/")[2]

    assert await refused(order, TOMORROW, who="boris") == (404, "not-found")
    assert await refused(order, TOMORROW, who="sergey", roles=("service_manager",)) == (403, "forbidden")
    assert await refused(order, TOMORROW, **manager, locations=[str(uuid4())]) == (404, "not-found")
    assert await refused(weekly(resource), TOMORROW, **manager) == (404, "not-found")
    assert await refused(order, TOMORROW, headers={"If-Match": '"9"'}) == (412, "stale")
    assert await refused(order, TOMORROW + DAY) == (422, "unknown-occurrence")
    assert await refused(order, TOMORROW, "following") == (409, "last-occurrences")
    assert await refused(single, TOMORROW + DAY) == (409, "not-recurring")
    booking.at(TOMORROW)
    assert await refused(order, TOMORROW) == (409, "begun")
    assert await booking.published(CANCELLED) == []
    path = f"/v1/orders/{order.data.order_id}/reservation/reschedule"
    body = {"starts_at": (TOMORROW + DAY).isoformat(), "ends_at": (TOMORROW + DAY + HOUR).isoformat()}
    answer = await booking.client("rita", "rent_manager").post(path, json=body, headers={"Idempotency-Key": "m"})
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (409, "recurring-cannot-be-moved")
    await booking.handle(cancelled(order.data.order_id, "customer_request"))
    assert await refused(order, TOMORROW + WEEK) == (409, "cannot-be-cancelled")


async def test_staff_see_a_booking_that_recurs_on_its_days_only(booking: Running) -> None:
    resource = await add_resource(booking)
    await booking.handle(weekly(resource))
    rita = booking.client("rita", "rent_manager")

    async def on(day: datetime) -> int:
        span = {"starts_from": day.isoformat(), "starts_to": (day + HOUR).isoformat()}
        return len((await rita.get(f"/v1/resources/{resource}/reservations", params=span)).json()["items"])

    assert [await on(TOMORROW + n * DAY) for n in (0, 1, 7, 8)] == [1, 0, 1, 0]
