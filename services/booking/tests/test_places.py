"""Buffers, several equal places, and halls made of rooms: PostgreSQL decides, and lists say the same (A11, X5)."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from booking.claiming.tables import slot_claims
from foyer_chassis.testing import Running
from foyer_contracts.envelope import Event

from .conftest import NOW, TOMORROW, add_resource, cancelled, paid, placed
from .test_rescheduling import move

HELD, UNAVAILABLE = "booking.places.held.v1", "booking.places.unavailable.v1"
HOUR = timedelta(hours=1)


async def outcome(booking: Running, *orders: Event[Any]) -> list[str]:
    """What became of each order: `held`, or the reason why not."""
    ids = {order.data.order_id: "" for order in orders}
    for event in await booking.published():
        if event.type == HELD and event.data.order_id in ids:
            ids[event.data.order_id] = "held"
        if event.type == UNAVAILABLE and event.data.order_id in ids:
            ids[event.data.order_id] = event.data.reason
    return list(ids.values())


async def left(booking: Running, resource: UUID, day: datetime = TOMORROW) -> dict[str, int]:
    """Local time of a slot → places left, those slots only where some are taken."""
    path = f"/v1/resources/{resource}/availability"
    answer = await booking.client("anna").get(path, params={"from": day.date().isoformat()})
    everything = {slot["starts_at"][11:16]: slot["left"] for slot in answer.json()["days"][0]["slots"]}
    return {time: count for time, count in everything.items() if count < answer.json()["capacity"]}


async def deadlocks(booking: Running) -> int:
    async with booking.database.read() as reading:
        result = await reading.execute(
            sa.text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        )
        return int(result.scalar_one())


async def claims(booking: Running) -> int:
    async with booking.database.read() as reading:
        return int((await reading.execute(sa.select(sa.func.count()).select_from(slot_claims))).scalar_one())


async def change_resource(booking: Running, resource: UUID, **more: Any) -> Any:
    admin = booking.client("alex", "administrator")
    found = await admin.get(f"/v1/resources/{resource}")
    body = {
        key: value
        for key, value in found.json().items()
        if key not in ("id", "version", "location_id", "location_name", "time_zone")
    }
    headers = {"If-Match": found.headers["ETag"]}
    return await admin.put(f"/v1/resources/{resource}", json={**body, **more}, headers=headers)


@pytest.mark.feature("X5")
async def test_buffers_keep_others_away_and_share_nothing_with_each_other(booking: Running) -> None:
    """15 minutes before and 30 after: the gap between two bookings is 45 minutes, so an hour on this grid."""
    resource = await add_resource(booking, buffer_before_minutes=15, buffer_after_minutes=30)
    first = placed(resource, TOMORROW, minutes=60)
    await booking.handle_twice(first)
    (held,) = await booking.published(HELD)
    assert held.data.total.amount == 20000  # buffers are not paid
    assert list(await left(booking, resource)) == ["08:00", "08:30", "09:00", "09:30", "10:00", "10:30"]
    near = [placed(resource, TOMORROW + n * HOUR / 2, minutes=30) for n in (-2, -1, 2, 3)]
    fitting = [placed(resource, TOMORROW - 3 * HOUR / 2, minutes=30), placed(resource, TOMORROW + 2 * HOUR, minutes=30)]
    await booking.handle(*near, *fitting)
    assert await outcome(booking, *near, *fitting) == ["places_taken"] * 4 + ["held"] * 2
    # Buffers reach beyond opening hours, and do not bind what is booked already when they change.
    assert (
        await change_resource(booking, resource, buffer_before_minutes=0, buffer_after_minutes=0)
    ).status_code == 200
    await booking.handle(again := placed(resource, TOMORROW + HOUR, minutes=30))
    assert await outcome(booking, again) == ["places_taken"]
    await booking.handle(cancelled(first.data.order_id, "customer_request"))
    await booking.handle(last := placed(resource, TOMORROW, minutes=90))
    assert await outcome(booking, last) == ["held"]


@pytest.mark.feature("X5")
async def test_the_buffer_after_a_booking_outlives_it(booking: Running) -> None:
    resource = await add_resource(booking, slot_minutes=10, buffer_after_minutes=30)
    order = placed(resource, TOMORROW, minutes=60)
    await booking.handle(order, paid(order.data.order_id))
    booking.at(TOMORROW + HOUR)
    for loop in ("start-reservations", "end-reservations", "forget-claims"):
        await booking.turn(loop)
    assert (await booking.published())[-1].type == "booking.reservation.ended.v1"
    await booking.handle(
        inside := placed(resource, TOMORROW + timedelta(minutes=80), minutes=10),
        after := placed(resource, TOMORROW + timedelta(minutes=90), minutes=10),
    )
    assert await outcome(booking, inside, after) == ["places_taken", "held"]
    booking.at(TOMORROW + timedelta(hours=3))
    await booking.turn("expire-holds")
    await booking.turn("forget-claims")
    assert await claims(booking) == 0


@pytest.mark.feature("A11")
async def test_equal_places_are_had_until_none_is_left(booking: Running) -> None:
    resource = await add_resource(booking, capacity=3)
    two, other, too_many = placed(resource, quantity=2), placed(resource), placed(resource)
    await booking.handle_twice(two)
    (held,) = await booking.published(HELD)
    assert (held.data.places.quantity, held.data.lines[0].quantity, held.data.total.amount) == (2, 8, 80000)
    assert set((await left(booking, resource)).values()) == {1}
    await booking.handle_twice(other, too_many)
    more_than_there_are = placed(resource, TOMORROW + timedelta(days=1), quantity=4)
    await booking.handle_twice(more_than_there_are)
    assert await outcome(booking, other, too_many, more_than_there_are) == ["held", "places_taken", "too_many_places"]
    answer = await booking.client("anna").get(
        "/v1/availability", params={"resource_id": str(resource), "from": "2026-12-02"}
    )
    assert [(item["starts_at"][11:16], item["left"]) for item in answer.json()["items"][0]["days"][0]["free"]] == [
        ("00:00", 3),
        ("11:00", 3),
    ]
    await booking.handle(cancelled(two.data.order_id, "customer_request"))
    assert set((await left(booking, resource)).values()) == {2}
    published = (await booking.published("booking.resource.changed.v1"))[-1]
    assert published.data.capacity == 3


@pytest.mark.feature("X5")
async def test_a_hall_blocks_its_rooms_and_is_blocked_by_each(booking: Running) -> None:
    left_room = await add_resource(booking)
    right_room = await add_resource(booking, beside=left_room)
    hall = await add_resource(booking, beside=left_room, part_ids=[str(left_room), str(right_room)])
    in_left = placed(left_room, TOMORROW, minutes=60)
    of_hall, later = placed(hall, TOMORROW, minutes=60), placed(hall, TOMORROW + HOUR, minutes=60)
    await booking.handle_twice(in_left, of_hall, later)
    assert await outcome(booking, in_left, of_hall, later) == ["held", "places_taken", "held"]
    for room, taken in ((left_room, 4), (right_room, 2), (hall, 4)):
        assert len(await left(booking, room)) == taken
    await booking.handle(
        here := placed(right_room, TOMORROW, minutes=60), there := placed(right_room, TOMORROW + HOUR, minutes=30)
    )
    assert await outcome(booking, here, there) == ["held", "places_taken"]
    # The hall moves: never both times free, never both taken; onto its own old time, too.
    assert (await move(booking, later, TOMORROW + HOUR / 2, minutes=60)).status_code == 409
    assert (await move(booking, later, TOMORROW + 3 * HOUR / 2, minutes=60)).status_code == 200
    assert sorted(await left(booking, right_room)) == ["09:00", "09:30", "10:30", "11:00"]
    # A booking of a room becomes one of the hall.
    assert (await move(booking, here, TOMORROW + 5 * HOUR, minutes=60, resource_id=str(hall))).status_code == 200
    assert sorted(await left(booking, left_room))[-2:] == ["14:00", "14:30"]
    await booking.handle(cancelled(later.data.order_id, "customer_request"))
    assert await left(booking, right_room) == {"14:00": 0, "14:30": 0}


@pytest.mark.feature("A15")
async def test_several_places_move_onto_a_part_of_their_own_old_time(booking: Running) -> None:
    resource, small = await add_resource(booking, capacity=3), await add_resource(booking)
    two, one = placed(resource, quantity=2), placed(resource, TOMORROW + 2 * HOUR)
    await booking.handle(two, one, paid(two.data.order_id))
    moved = await move(booking, two, TOMORROW + HOUR)
    assert (moved.status_code, moved.json()["quantity"], moved.json()["total"]["amount"]) == (200, 2, 80000)
    counts = await left(booking, resource)
    assert {time: counts[time] for time in ("10:00", "11:00", "12:30")} == {"10:00": 1, "11:00": 0, "12:30": 2}
    await booking.handle(last := placed(resource, minutes=60, quantity=2))
    assert await outcome(booking, last) == ["held"]
    refused = await move(booking, two, TOMORROW)
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (409, "places-taken")
    assert await left(booking, resource) == {**counts, "09:00": 1, "09:30": 1}
    too_small = await move(booking, two, TOMORROW, resource_id=str(small))
    assert (too_small.status_code, too_small.json()["type"].rpartition("/")[2]) == (422, "too-many-places")


@pytest.mark.feature("X5")
async def test_late_money_has_all_of_a_hall_or_nothing(booking: Running) -> None:
    left_room = await add_resource(booking)
    hall = await add_resource(booking, beside=left_room, part_ids=[str(left_room)], hold_ttl_seconds=60)
    orders = [placed(hall, TOMORROW), placed(hall, TOMORROW + 2 * HOUR)]
    await booking.handle(*orders)
    booking.at(TOMORROW - timedelta(hours=23))
    await booking.turn("expire-holds")
    assert await claims(booking) == 0
    await booking.handle(placed(left_room, TOMORROW, minutes=30))
    await booking.handle_twice(*(paid(order.data.order_id) for order in orders))
    (confirmed,) = await booking.published("booking.reservation.confirmed.v1")
    (refused,) = await booking.published(UNAVAILABLE)
    assert (confirmed.data.order_id, confirmed.data.late) == (orders[1].data.order_id, True)
    assert (refused.data.order_id, refused.data.late, refused.data.reason) == (
        orders[0].data.order_id,
        True,
        "places_taken",
    )


async def test_what_is_booked_keeps_its_resource_as_it_is(booking: Running) -> None:
    room = await add_resource(booking, capacity=2)
    other = await add_resource(booking, beside=room)
    hall = await add_resource(booking, beside=room, part_ids=[str(room)])
    await booking.handle(order := placed(hall), placed(other))
    for resource, more, field in (
        (hall, {"part_ids": [str(room), str(other)]}, "part_ids"),
        (hall, {"part_ids": []}, "part_ids"),
        (room, {"capacity": 1}, "capacity"),
        (room, {"capacity": 3}, "capacity"),  # the hall would not have the third
        (other, {"part_ids": [str(room)]}, "part_ids"),
    ):
        answer = await change_resource(booking, resource, **more)
        assert (answer.status_code, answer.json()["field"]) == (409, field), answer.text
    assert (await change_resource(booking, other, capacity=2)).status_code == 200
    await booking.handle(cancelled(order.data.order_id, "customer_request"))
    assert (await change_resource(booking, room, capacity=1)).status_code == 200
    elsewhere = await add_resource(booking)
    for part in (hall, elsewhere, uuid4(), other):
        answer = await change_resource(booking, other, part_ids=[str(part)], capacity=1)
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (422, "parts-invalid")
    assert (await change_resource(booking, other, part_ids=[str(room)], capacity=2)).status_code == 422


@pytest.mark.feature("X5")
async def test_sixty_four_want_three_places_and_three_have_them(booking: Running) -> None:
    resource = await add_resource(booking, capacity=3)
    before = await deadlocks(booking)
    orders = [placed(resource) for _ in range(64)]
    await asyncio.gather(*(booking.handle(order) for order in orders))
    outcomes = await outcome(booking, *orders)
    assert (outcomes.count("held"), outcomes.count("places_taken")) == (3, 61)
    assert await deadlocks(booking) == before


@pytest.mark.feature("X5")
async def test_many_want_the_hall_and_its_rooms_at_once(booking: Running) -> None:
    """The hall is one's, or each room is; in batches of several orders that meet each other in every order."""
    rooms = [first := await add_resource(booking), await add_resource(booking, beside=first)]
    hall = await add_resource(booking, beside=first, part_ids=[str(room) for room in rooms])
    before = await deadlocks(booking)
    orders = [placed(resource) for _ in range(16) for resource in (rooms[1], hall, rooms[0])]
    batches = [orders[n : n + 3] if n % 2 else orders[n : n + 3][::-1] for n in range(0, len(orders), 3)]
    await asyncio.gather(*(booking.handle(*batch) for batch in batches))
    held = {event.data.places.resource_id for event in await booking.published(HELD)}
    assert held in ({hall}, set(rooms))
    assert len(await booking.published(HELD)) == len(held)
    assert await deadlocks(booking) == before


async def block(
    booking: Running, resource: UUID, starts_at: datetime, hours: float, who: str = "rita", **more: Any
) -> Any:
    roles = more.pop("roles", ("rent_manager",))
    body = {
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + hours * HOUR).isoformat(),
        "reason": "Замена проектора",
    }
    headers = {"Idempotency-Key": more.pop("key", uuid4().hex)}
    client = booking.client(who, *roles, **more)
    return await client.post(f"/v1/resources/{resource}/blocks", json=body, headers=headers)


@pytest.mark.feature("A11")
async def test_staff_block_a_resource_and_unblock_it(booking: Running) -> None:
    room = await add_resource(booking, capacity=2)
    hall = await add_resource(booking, beside=room, part_ids=[str(room)])
    made = await block(booking, hall, TOMORROW, 1.1, key="once")
    assert made.status_code == 201, made.text
    again = await block(booking, hall, TOMORROW, 1.1, key="once")
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (made.json(), "true")
    assert set(await left(booking, room)) == {"09:00", "09:30", "10:00"}
    await booking.handle(refused := placed(room), fitting := placed(room, TOMORROW + 1.5 * HOUR, minutes=30))
    assert await outcome(booking, refused, fitting) == ["places_taken", "held"]
    taken = await block(booking, room, TOMORROW + HOUR, 1)
    assert (taken.status_code, taken.json()["type"].rpartition("/")[2]) == (409, "places-taken")
    rita = booking.client("rita", "rent_manager")
    page = (await rita.get(f"/v1/resources/{hall}/blocks")).json()
    assert [item["reason"] for item in page["items"]] == ["Замена проектора"]
    elsewhere = booking.client("rita", "rent_manager", locations=[str(uuid4())])
    for listed in (
        f"/v1/resources/{hall}/blocks",
        f"/v1/resources/{hall}/waiting-list",
        f"/v1/resources/{hall}/reservations",
    ):
        span = {"starts_from": NOW.isoformat(), "starts_to": TOMORROW.isoformat()} if listed.endswith("s") else {}
        assert (await elsewhere.get(listed, params=span)).status_code == 404
    path = f"/v1/blocks/{made.json()['id']}"
    assert (await booking.client("anna").delete(path)).status_code == 403
    assert (await elsewhere.delete(path)).status_code == 404
    assert (await rita.delete(path)).status_code == 204
    assert (await rita.delete(path)).status_code == 404
    await booking.handle(now_free := placed(room, minutes=60))
    assert await outcome(booking, now_free) == ["held"]


async def test_who_blocks_and_which_blocks_cannot_be(booking: Running) -> None:
    room = await add_resource(booking)
    for who, roles, more, status in (
        ("anna", ("customer",), {}, 403),
        ("dana", ("front_desk",), {}, 403),
        ("rita", ("rent_manager",), {"locations": [str(uuid4())]}, 404),
    ):
        assert (await block(booking, room, TOMORROW, 1, who, roles=roles, **more)).status_code == status
    assert (await booking.client("anna").get(f"/v1/resources/{room}/blocks")).status_code == 403
    assert (await block(booking, uuid4(), TOMORROW, 1)).status_code == 404
    for starts_at, hours in ((TOMORROW, 0.0), (TOMORROW, -1.0), (TOMORROW, 24.0 * 367), (NOW - HOUR, 1.0)):
        answer = await block(booking, room, starts_at, hours)
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (422, "block-time-invalid")


async def test_blocks_and_holds_fight_for_one_time(booking: Running) -> None:
    room = await add_resource(booking)
    orders = [placed(room) for _ in range(10)]
    answers = await asyncio.gather(
        *(block(booking, room, TOMORROW, 1) for _ in range(10)), *(booking.handle(order) for order in orders)
    )
    blocked = [answer.status_code for answer in answers[:10]].count(201)
    assert blocked + (await outcome(booking, *orders)).count("held") == 1
