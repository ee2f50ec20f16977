"""A class changes, or does not take place: who has a place is told, and loses no visit by it (D6)."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from foyer_chassis.testing import Running, same_shape
from foyer_contracts.samples import SAMPLES

from .conftest import NOW, TOMORROW, add_resource
from .races import at_once, deadlocks, key
from .test_memberships import ALEX, DANA, Club, problem_of

CHANGED, CANCELLED = "booking.class.changed.v1", "booking.class.cancelled.v1"
HOUR = timedelta(hours=1)


class Gym(Club):
    """A club at a location in Berlin, whose members sign in."""

    async def open(self) -> "Gym":
        await super().open()
        room = await add_resource(self.booking, time_zone="Europe/Berlin")
        resource = (await self.booking.client(*ALEX).get(f"/v1/resources/{room}")).json()
        self.location = resource["location_id"]
        return self

    async def member(self, name: str) -> tuple[str, dict[str, Any]]:
        """A visitor who is that customer, and their membership."""
        visitor = await self.visitor(name, customer_id=str(self.booking.identity.id_of(name)))
        item, _ = await self.attached(visitor)
        return visitor, item

    def body(self, **more: Any) -> dict[str, Any]:
        times = {"starts_at": TOMORROW.isoformat(), "ends_at": (TOMORROW + HOUR).isoformat()}
        return {
            "group_id": self.yoga, "title": "Хатха", "capacity": 10, "location_id": self.location, "place": "Зал 1",
            "trainer": "Ольга", **times, **more,
        }  # fmt: skip

    async def lesson(self, **more: Any) -> str:
        return str((await self.made("/v1/classes", self.body(**more), *ALEX))["id"])

    async def change(self, class_id: str, version: int, **more: Any) -> Any:
        headers = {"If-Match": f'"{version}"'}
        return await self.booking.client(*ALEX).put(f"/v1/classes/{class_id}", json=self.body(**more), headers=headers)

    async def place(self, class_id: str, visitor: str) -> dict[str, Any]:
        return await self.made(f"/v1/classes/{class_id}/places", {"visitor_id": visitor})

    async def give_up(self, place: dict[str, Any], *who: str) -> Any:
        return await self.booking.client(*who).post(f"/v1/class-places/{place['id']}/cancel", headers=key())


@pytest.fixture
async def gym(booking: Running) -> Gym:
    return await Gym(booking).open()


@pytest.mark.feature("D6")
async def test_who_has_a_place_is_told_of_another_time_place_or_trainer(gym: Gym) -> None:
    class_id = await gym.lesson()
    anna, _ = await gym.member("anna")
    boris, _ = await gym.member("boris")
    gone = await gym.place(class_id, boris)
    await gym.place(class_id, anna)
    await gym.give_up(gone, *DANA)
    # What nobody has to know is told to nobody.
    assert (await gym.change(class_id, 1, title="Хатха-йога", capacity=12)).status_code == 200
    assert await gym.booking.published(CHANGED) == []
    later = {"starts_at": (TOMORROW + 2 * HOUR).isoformat(), "ends_at": (TOMORROW + 3 * HOUR).isoformat()}
    assert (await gym.change(class_id, 2, **later, place="Зал 2")).status_code == 200
    (event,) = await gym.booking.published(CHANGED)
    same_shape(event, SAMPLES[CHANGED])
    assert (event.data.changed, event.data.customer_id) == (["time", "place"], gym.booking.identity.id_of("anna"))
    assert (event.data.previous.starts_at, event.data.now.starts_at) == (TOMORROW, TOMORROW + 2 * HOUR)
    assert (event.data.previous.place, event.data.now.place, event.data.now.time_zone) == (
        "Зал 1", "Зал 2", "Europe/Berlin",
    )  # fmt: skip
    assert (await gym.change(class_id, 3, **later, place="Зал 2", trainer="Пётр")).status_code == 200
    last = (await gym.booking.published(CHANGED))[-1]
    assert (last.data.changed, last.sequence) == (["trainer"], event.sequence + 1)
    # Changed by two at once: one of them finds it changed.
    assert (await gym.change(class_id, 3, **later)).status_code == 412
    unknown = await gym.change(class_id, 4, location_id=str(uuid4()))
    assert await problem_of(unknown) == (422, "unknown-location")


@pytest.mark.feature("D6")
async def test_a_class_that_is_called_off_gives_every_visit_back_and_tells_everybody_once(gym: Gym) -> None:
    class_id = await gym.lesson()
    members = [await gym.member(name) for name in ("anna", "boris", "carol")]
    for visitor, _ in members:
        await gym.place(class_id, visitor)
    again = key()
    path = f"/v1/classes/{class_id}/cancel"
    answers = await at_once([gym.booking.client(*ALEX).post(path, headers=again) for _ in range(3)])
    assert 200 in {answer.status_code for answer in answers}
    told = await gym.booking.published(CANCELLED)
    assert {event.data.customer_id for event in told} == {
        gym.booking.identity.id_of(name) for name in ("anna", "boris", "carol")
    }
    assert {(event.data.reason, event.data.visit_returned, event.data.time_zone) for event in told} == {
        ("class_cancelled", True, "Europe/Berlin")
    }
    assert len(told) == 3
    assert [await gym.left(item["id"]) for _, item in members] == [8, 8, 8]


@pytest.mark.feature("D6")
async def test_a_place_given_up_late_costs_the_visit_unless_the_class_was_moved(gym: Gym) -> None:
    anna, item = await gym.member("anna")
    first = await gym.lesson(cancel_minutes=240)
    place = await gym.place(first, anna)
    client = gym.booking.client("anna")
    mine = (await client.get("/v1/class-places/mine")).json()["items"]
    assert [(one["id"], one["keeps_visit"], one["lesson"]["place"]) for one in mine] == [(place["id"], True, "Зал 1")]
    gym.booking.at(TOMORROW - 4 * HOUR)
    assert (await gym.give_up(place, "anna")).status_code == 200
    assert await gym.left(item["id"]) == 8
    place = await gym.place(first, anna)
    gym.booking.at(TOMORROW - 3 * HOUR)
    answers = await asyncio.gather(*(gym.give_up(place, "anna") for _ in range(3)))
    assert {answer.status_code for answer in answers} == {200}
    assert await gym.left(item["id"]) == 7
    assert (await gym.booking.published(CANCELLED))[-1].data.visit_returned is False
    # At the desk it comes back.
    place = await gym.place(first, anna)
    assert (await gym.give_up(place, *DANA)).status_code == 200
    assert await gym.left(item["id"]) == 7
    # The class is moved, and somebody who booked it as it was before may go until it begins.
    place = await gym.place(first, anna)
    moved = {"starts_at": (TOMORROW - HOUR).isoformat(), "ends_at": TOMORROW.isoformat()}
    assert (await gym.change(first, 1, **moved, cancel_minutes=240)).status_code == 200
    assert (await client.get("/v1/class-places/mine")).json()["items"][0]["keeps_visit"] is True
    boris, other = await gym.member("boris")
    knew = await gym.place(first, boris)
    assert (await gym.give_up(place, "anna")).status_code == 200
    assert (await gym.give_up(knew, "boris")).status_code == 200
    assert (await gym.left(item["id"]), await gym.left(other["id"])) == (7, 7)
    late = await gym.place(first, anna)
    gym.booking.at(TOMORROW - HOUR)
    assert await problem_of(await gym.give_up(late, "anna")) == (409, "class-over")


@pytest.mark.feature("D6")
async def test_ones_own_places_and_nobody_elses(gym: Gym) -> None:
    anna, _ = await gym.member("anna")
    classes = [await gym.lesson(title=f"Урок {n}") for n in range(3)]
    places = [await gym.place(class_id, anna) for class_id in classes]
    assert await problem_of(await gym.give_up(places[0], "boris")) == (404, "not-found")
    assert (await gym.give_up(places[0], "rita", "rent_manager")).status_code == 403
    assert (await gym.booking.client("boris").get("/v1/class-places/mine")).json()["items"] == []
    client = gym.booking.client("anna")
    page = (await client.get("/v1/class-places/mine", params={"limit": 2})).json()
    rest = (await client.get("/v1/class-places/mine", params={"limit": 2, "after": page["next"]})).json()
    assert [one["id"] for one in page["items"] + rest["items"]] == [place["id"] for place in places]
    assert rest["next"] is None
    await gym.give_up(places[0], "anna")
    gym.booking.at(NOW + timedelta(days=3))
    assert (await client.get("/v1/class-places/mine")).json()["items"] == []


@pytest.mark.feature("D6")
async def test_a_class_is_moved_while_its_places_are_taken_and_given_up(gym: Gym) -> None:
    """Whoever has a place in the end was told of the new time, or booked it; nobody deadlocks."""
    class_id = await gym.lesson(capacity=6, cancel_minutes=24 * 60)
    members = [await gym.member(name) for name in ("anna", "boris", "carol", "dora", "egor", "fiona")]
    held = [await gym.place(class_id, visitor) for visitor, _ in members[:3]]
    later = {"starts_at": (TOMORROW + HOUR).isoformat(), "ends_at": (TOMORROW + 2 * HOUR).isoformat()}
    takes = [gym.post(f"/v1/classes/{class_id}/places", {"visitor_id": visitor}) for visitor, _ in members[3:]]
    answers = await at_once(
        [
            *takes,
            gym.give_up(held[0], "anna"),
            gym.change(class_id, 1, **later, capacity=6, cancel_minutes=24 * 60),
        ]
    )
    assert [answer.status_code for answer in answers] == [201, 201, 201, 200, 200]
    told = {str(event.data.class_booking_id) for event in await gym.booking.published(CHANGED)}
    assert {place["id"] for place in held[1:]} <= told
    booked = {
        str(event.data.class_booking_id): event.data.starts_at
        for event in await gym.booking.published("booking.class.booked.v1")
    }
    desk = gym.booking.client(*DANA)
    for place in (await desk.get(f"/v1/classes/{class_id}/places")).json()["items"]:
        assert place["id"] in told or booked[place["id"]] == TOMORROW + HOUR
    assert await deadlocks(gym.booking) == 0
