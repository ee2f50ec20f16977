"""Bookings are moved (A13–A15): atomic, by the paid-slots rule, against rivals."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from foyer_chassis.testing import Running, same_shape
from foyer_contracts.envelope import Event
from foyer_contracts.samples import SAMPLES

from .conftest import NOW, TOMORROW, add_resource, cancelled, paid, placed

RESCHEDULED = "booking.reservation.rescheduled.v1"


async def move(
    booking: Running, order: Event[Any], starts_at: datetime, *, minutes: int = 120, who: str = "rita", **more: Any
) -> Any:
    roles = more.pop("roles", ("rent_manager",))
    headers = {"Idempotency-Key": uuid4().hex, **more.pop("headers", {})}
    claims = more.pop("claims", {})
    body = {"starts_at": starts_at.isoformat(), "ends_at": (starts_at + timedelta(minutes=minutes)).isoformat(), **more}
    path = f"/v1/orders/{order.data.order_id}/reservation/reschedule"
    return await booking.client(who, *roles, **claims).post(path, json=body, headers=headers)


async def free(booking: Running, resource: UUID, starts_at: datetime) -> bool:
    day = {"from": starts_at.date().isoformat()}
    answer = await booking.client("anna").get(f"/v1/resources/{resource}/availability", params=day)
    slots = {slot["starts_at"]: slot["free"] for slot in answer.json()["days"][0]["slots"]}
    return bool(slots[starts_at.isoformat().replace("+00:00", "Z")])


async def problem_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["type"]).rpartition("/")[2]


@pytest.fixture
async def resource(booking: Running) -> UUID:
    return await add_resource(booking)


async def confirmed(booking: Running, resource: UUID, starts_at: datetime = TOMORROW, **more: Any) -> Event[Any]:
    order = placed(resource, starts_at, **more)
    await booking.handle(order)
    await booking.handle(paid(order.data.order_id))
    return order


@pytest.mark.feature("A13")
@pytest.mark.feature("A15")
async def test_the_new_time_is_taken_and_the_old_one_free(booking: Running, resource: UUID) -> None:
    order = await confirmed(booking, resource)
    later = TOMORROW + timedelta(hours=3)
    answer = await move(booking, order, later)
    assert answer.status_code == 200, answer.text
    assert await free(booking, resource, TOMORROW)
    assert not await free(booking, resource, later)
    (event,) = await booking.published(RESCHEDULED)
    same_shape(event, SAMPLES[RESCHEDULED])
    assert (event.data.previous.starts_at, event.data.places.starts_at) == (TOMORROW, later)
    assert event.data.total.amount == 40000
    # Onto a part of its own old time.
    assert (await move(booking, order, later + timedelta(hours=1))).status_code == 200
    assert await free(booking, resource, later)
    # Where it is already, nothing happens.
    assert (await move(booking, order, later + timedelta(hours=1))).status_code == 200
    assert len(await booking.published(RESCHEDULED)) == 2


@pytest.mark.feature("A15")
async def test_a_taken_time_leaves_everything_as_it_was(booking: Running, resource: UUID) -> None:
    order = await confirmed(booking, resource)
    taken = TOMORROW + timedelta(hours=3)
    await confirmed(booking, resource, taken)
    assert await problem_of(await move(booking, order, taken + timedelta(hours=1))) == (409, "places-taken")
    assert not await free(booking, resource, TOMORROW)
    assert await booking.published(RESCHEDULED) == []


@pytest.mark.feature("A14")
async def test_an_individual_moves_to_as_many_slots_as_were_paid(booking: Running, resource: UUID) -> None:
    order = await confirmed(booking, resource)
    later = TOMORROW + timedelta(hours=3)
    for minutes in (90, 150):
        answer = await move(booking, order, later, minutes=minutes)
        assert await problem_of(answer) == (422, "other-number-of-slots")
        assert answer.json()["paid_slots"] == 4
    dear = await add_resource(booking, price={"amount": 99000, "currency": "RUB"})
    moved = await move(booking, order, later, resource_id=str(dear))
    assert (moved.status_code, moved.json()["total"]["amount"]) == (200, 40000)
    assert await free(booking, resource, TOMORROW)


@pytest.mark.feature("A14")
async def test_a_companys_booking_may_have_another_number_of_slots(booking: Running, resource: UUID) -> None:
    order = await confirmed(booking, resource, payer_kind="company")
    shorter = await move(booking, order, TOMORROW + timedelta(hours=3), minutes=60)
    assert (shorter.status_code, shorter.json()["total"]["amount"]) == (200, 20000)
    longer = await move(booking, order, TOMORROW + timedelta(hours=3), minutes=180)
    assert longer.json()["slots"] == 6
    assert [event.data.total.amount for event in await booking.published(RESCHEDULED)] == [20000, 60000]


@pytest.mark.feature("A13")
async def test_what_is_over_does_not_move_and_what_has_begun_keeps_its_beginning(
    booking: Running, resource: UUID
) -> None:
    order = await confirmed(booking, resource, payer_kind="company")
    booking.at(TOMORROW + timedelta(minutes=10))
    await booking.turn("start-reservations")
    assert await problem_of(await move(booking, order, TOMORROW + timedelta(hours=5))) == (409, "begun")
    assert (await move(booking, order, TOMORROW, minutes=180)).status_code == 200
    gone = await confirmed(booking, resource, TOMORROW + timedelta(hours=6))
    await booking.handle(cancelled(gone.data.order_id, "customer_request"))
    assert await problem_of(await move(booking, gone, TOMORROW + timedelta(hours=8))) == (409, "cannot-be-moved")
    past = await confirmed(booking, resource, TOMORROW + timedelta(hours=9))
    assert await problem_of(await move(booking, past, TOMORROW - timedelta(hours=1))) == (422, "in-the-past")
    assert await problem_of(await move(booking, past, TOMORROW + timedelta(hours=9, minutes=7))) == (
        422,
        "not-on-slot-grid",
    )


@pytest.mark.feature("A13")
async def test_who_moves(booking: Running, resource: UUID) -> None:
    order = await confirmed(booking, resource)
    later = TOMORROW + timedelta(hours=3)
    for who, roles, status in (
        ("anna", ("customer",), 403),
        ("sergey", ("service_manager",), 403),
        ("dana", ("front_desk",), 403),
        ("fedor", ("finance",), 403),
    ):
        assert (await move(booking, order, later, who=who, roles=roles)).status_code == status
    elsewhere = await move(booking, order, later, claims={"locations": [str(uuid4())]})
    assert elsewhere.status_code == 404
    assert await booking.published(RESCHEDULED) == []
    assert (await move(booking, order, later, headers={"If-Match": '"9"'})).status_code == 412
    unknown = placed(resource)
    assert (await move(booking, unknown, later)).status_code == 404
    assert (await move(booking, order, later, resource_id=str(uuid4()))).status_code == 422


@pytest.mark.feature("A15")
async def test_many_move_to_one_time_and_one_has_it(booking: Running, resource: UUID) -> None:
    """With holds of others for the same slots between them; no deadlock, no two holders, nothing lost."""
    orders = [await confirmed(booking, resource, TOMORROW + timedelta(hours=2 * n)) for n in range(6)]
    target = TOMORROW + timedelta(days=1)
    rivals = [placed(resource, target) for _ in range(4)]
    answers = await asyncio.gather(
        *(move(booking, order, target) for order in orders), *(booking.handle(rival) for rival in rivals)
    )
    statuses = sorted(answer.status_code for answer in answers[: len(orders)])
    held = len(await booking.published("booking.places.held.v1")) - len(orders)
    assert statuses.count(200) + held == 1
    assert set(statuses) <= {200, 409}
    page = await booking.client("rita", "rent_manager").get(
        f"/v1/resources/{resource}/reservations",
        params={"starts_from": NOW.isoformat(), "starts_to": (target + timedelta(days=1)).isoformat()},
    )
    taking = [
        (item["starts_at"], item["ends_at"]) for item in page.json()["items"] if item["status"] in ("held", "confirmed")
    ]
    assert len(taking) == len(set(taking)) == len(orders) + held


@pytest.mark.feature("A15")
async def test_two_bookings_cannot_change_places_into_a_deadlock(booking: Running, resource: UUID) -> None:
    other = await add_resource(booking)
    here, there = await confirmed(booking, resource), await confirmed(booking, other)
    answers = await asyncio.gather(
        *(move(booking, here, TOMORROW, resource_id=str(other)) for _ in range(3)),
        *(move(booking, there, TOMORROW, resource_id=str(resource)) for _ in range(3)),
    )
    assert {answer.status_code for answer in answers} == {409}
