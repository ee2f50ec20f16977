"""A free time is kept for who asks, while the order is filled in (A11, X5)."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from foyer_chassis.testing import Running

from .conftest import NOW, TOMORROW, add_resource, placed
from .test_places import claims, left, outcome
from .test_waiting import EXPIRED, MADE, TAKEN, waiting

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
KEPT = 10 * MINUTE


async def ask(
    booking: Running,
    resource: UUID,
    who: str = "anna",
    *roles: str,
    hour: int = 0,
    minutes: int = 120,
    key: str | None = None,
    **more: Any,
) -> Any:
    """Ask for a time to be kept, `hour` hours later than tomorrow's."""
    starts_at = TOMORROW + hour * HOUR
    body = {
        "resource_id": str(resource),
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + minutes * MINUTE).isoformat(),
        **more,
    }
    client = booking.client(who, *roles or ("customer",))
    return await client.post("/v1/offers", json=body, headers={"Idempotency-Key": key or uuid4().hex})


async def keep(booking: Running, resource: UUID, who: str = "anna", **more: Any) -> UUID:
    answer = await ask(booking, resource, who, **more)
    assert answer.status_code == 201, answer.text
    return UUID(answer.json()["id"])


async def kept(booking: Running, who: str = "anna") -> list[str]:
    return [item["id"] for item in (await booking.client(who).get("/v1/offers")).json()["items"]]


def of(booking: Running, who: str, resource: UUID, offer_id: UUID, **more: Any) -> Any:
    return placed(resource, applicant_id=booking.identity.id_of(who), offer_id=offer_id, **more)


@pytest.mark.feature("A11")
async def test_a_time_is_kept_and_taken_by_an_order(booking: Running) -> None:
    resource = await add_resource(booking)
    answer = await ask(booking, resource)
    offer = answer.json()
    assert answer.status_code == 201
    assert offer["expires_at"] == (NOW + KEPT).isoformat().replace("+00:00", "Z")
    assert set((await left(booking, resource)).values()) == {0}
    theirs = placed(resource)
    await booking.handle_twice(theirs)
    assert await outcome(booking, theirs) == ["places_taken"]
    assert (await ask(booking, resource, "boris")).json()["type"].endswith("/places-taken")
    order = of(booking, "anna", resource, UUID(offer["id"]))
    await booking.handle_twice(order)
    assert await outcome(booking, order) == ["held"]
    assert await claims(booking) == 1
    assert await kept(booking) == []
    # Nobody was told that it was offered, so nobody is told that it is not any more.
    assert not [event for event in await booking.published() if event.type in (MADE, TAKEN, EXPIRED)]


@pytest.mark.feature("A11")
async def test_what_is_kept_is_for_one_and_for_just_that(booking: Running) -> None:
    resource = await add_resource(booking)
    offer_id = await keep(booking, resource)
    wrong = [
        of(booking, "boris", resource, offer_id),
        of(booking, "anna", resource, offer_id, minutes=60),
        of(booking, "anna", resource, uuid4()),
    ]
    await booking.handle_twice(*wrong)
    assert await outcome(booking, *wrong) == ["offer_expired"] * 3
    assert await kept(booking) == [str(offer_id)]
    assert await kept(booking, "boris") == []


@pytest.mark.feature("A11")
async def test_it_is_free_again_when_it_expires(booking: Running) -> None:
    resource = await add_resource(booking)
    offer_id = await keep(booking, resource)
    booking.at(NOW + KEPT - MINUTE)
    await booking.turn("expire-holds")
    assert await claims(booking) == 1
    booking.at(NOW + KEPT)
    assert await kept(booking) == []
    late = of(booking, "anna", resource, offer_id).model_copy(update={"time": NOW + KEPT})
    await booking.handle_twice(late)
    assert await outcome(booking, late) == ["offer_expired"]
    await booking.turn("expire-holds")
    assert await claims(booking) == 0
    assert await keep(booking, resource, "boris")


@pytest.mark.feature("X5")
async def test_who_waits_for_it_is_asked_when_it_is_given_up(booking: Running) -> None:
    resource = await add_resource(booking)
    offer_id = await keep(booking, resource)
    await waiting(booking, resource, "boris")
    path = f"/v1/offers/{offer_id}"
    assert (await booking.client("boris").delete(path)).status_code == 404
    assert (await booking.client("anna").delete(path)).status_code == 204
    assert (await booking.client("anna").delete(path)).status_code == 204
    (made,) = await booking.published(MADE)
    assert made.data.applicant_id == booking.identity.id_of("boris")
    # An offer of the waiting list is declined in the same way: boris waits no longer.
    assert await kept(booking, "boris") == [str(made.data.offer_id)]
    assert (await booking.client("boris").delete(f"/v1/offers/{made.data.offer_id}")).status_code == 204
    assert await claims(booking) == 0
    assert (await booking.client("boris").get("/v1/waiting-list")).json()["items"][0]["status"] == "left"


@pytest.mark.feature("A11")
async def test_asking_again_for_the_same_changes_nothing(booking: Running) -> None:
    resource = await add_resource(booking)
    first = await ask(booking, resource, key="k" * 20)
    replayed = await ask(booking, resource, key="k" * 20)
    assert (replayed.json(), replayed.headers["idempotency-replayed"]) == (first.json(), "true")
    booking.at(NOW + 5 * MINUTE)
    assert (await ask(booking, resource)).json() == first.json()
    booking.at(NOW + KEPT)
    # The first answer, also when it could not be had any more.
    await booking.turn("expire-holds")
    await keep(booking, resource, "boris")
    assert (await ask(booking, resource, key="k" * 20)).json() == first.json()
    assert (await ask(booking, resource, key="k" * 20, minutes=60)).json()["type"].endswith("/idempotency-key-reused")


@pytest.mark.feature("A11")
async def test_one_is_kept_so_many_times(booking: Running) -> None:
    resource = await add_resource(booking)
    for hour in (0, 2, 4):
        last = await keep(booking, resource, hour=hour)
    refused = await ask(booking, resource, hour=6)
    assert (refused.status_code, refused.json()["type"].rsplit("/", 1)[1]) == (409, "too-many-offers")
    assert refused.json()["most"] == 3
    assert await claims(booking) == 3
    assert (await booking.client("anna").delete(f"/v1/offers/{last}")).status_code == 204
    assert await keep(booking, resource, hour=6)


@pytest.mark.feature("A11")
async def test_it_is_not_kept_into_the_notice(booking: Running) -> None:
    resource = await add_resource(booking, notice_minutes=23 * 60 + 55)
    assert (await ask(booking, resource)).json()["expires_at"] == "2026-12-01T09:05:00Z"
    booking.at(NOW + 6 * MINUTE)
    await booking.turn("expire-holds")
    assert (await ask(booking, resource)).json()["type"].endswith("/too-soon")


@pytest.mark.feature("A11")
@pytest.mark.parametrize(
    ("change", "status", "type_"),
    [
        ({"quantity": 0}, 422, "invalid"),
        ({"quantity": 2}, 422, "too-many-places"),
        ({"minutes": 20}, 422, "not-on-slot-grid"),
        ({"hour": -48}, 422, "in-the-past"),
        ({"resource": uuid4()}, 422, "unknown-resource"),
        ({"more": "of it"}, 422, "invalid"),
    ],
)
async def test_what_could_not_be_ordered_is_not_kept(
    booking: Running, change: dict[str, Any], status: int, type_: str
) -> None:
    resource = await add_resource(booking)
    answer = await ask(booking, change.pop("resource", resource), **change)
    assert answer.status_code == status, answer.text
    if type_ != "invalid":
        assert answer.json()["type"].rsplit("/", 1)[1] == type_
    assert await claims(booking) == 0


@pytest.mark.feature("A11")
async def test_staff_ask_for_a_customer(booking: Running) -> None:
    resource = await add_resource(booking)
    anna = str(booking.identity.id_of("anna"))
    assert (await ask(booking, resource, "boris", applicant_id=anna)).status_code == 403
    assert (await ask(booking, resource, "sergey", "service_manager", applicant_id=anna)).status_code == 403
    answer = await ask(booking, resource, "rita", "rent_manager", applicant_id=anna)
    assert answer.status_code == 201, answer.text
    assert await kept(booking) == [answer.json()["id"]]
    there = booking.client("roman", "rent_manager", locations=[str(uuid4())])
    later = {"starts_at": (TOMORROW + 5 * HOUR).isoformat(), "ends_at": (TOMORROW + 6 * HOUR).isoformat()}
    body = {"resource_id": str(resource), "applicant_id": anna, **later}
    refused = await there.post("/v1/offers", json=body, headers={"Idempotency-Key": uuid4().hex})
    assert (refused.status_code, await claims(booking)) == (404, 1)
    assert (await booking.client("rita", "rent_manager").delete(f"/v1/offers/{answer.json()['id']}")).status_code == 204
    assert await kept(booking) == []


@pytest.mark.feature("A11")
@pytest.mark.parametrize("capacity", [1, 3])
async def test_as_many_as_there_are_places_get_one(booking: Running, capacity: int) -> None:
    resource = await add_resource(booking, capacity=capacity)
    people = [f"person{n}" for n in range(16)]
    orders = [placed(resource) for _ in range(4)]
    answers, _ = await asyncio.gather(
        asyncio.gather(*(ask(booking, resource, who) for who in people)),
        asyncio.gather(*(booking.handle(order) for order in orders)),
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    had = sum(answer.status_code == 201 for answer in answers) + (await outcome(booking, *orders)).count("held")
    assert had == await claims(booking) == capacity


@pytest.mark.feature("A11")
async def test_a_hall_is_kept_with_its_rooms(booking: Running) -> None:
    room = await add_resource(booking)
    other = await add_resource(booking, beside=room)
    hall = await add_resource(booking, beside=room, part_ids=[str(room), str(other)])
    await keep(booking, hall)
    assert (await ask(booking, room, "boris")).status_code == 409
    assert await keep(booking, room, "boris", hour=2)
    assert (await ask(booking, hall, "clara", hour=2)).status_code == 409
