"""Workplaces and rooms are kept for who asks, while the order is filled in (A16, A17)."""

import asyncio
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
import sqlalchemy as sa
from booking.lodging.tables import claims, lodgings, offers
from foyer_chassis.testing import Running, utc
from foyer_contracts.envelope import Event
from foyer_contracts.orders import OrderPlaced, StayExtra

from .conftest import NOW, TOMORROW, add_resource, paid
from .races import at_once, deadlocks
from .test_coworking import HELD, UNAVAILABLE, Space, add_space, issued, post
from .test_coworking import wants as wants_ticket
from .test_hotel import ARRIVAL, Hotel, add_hotel, sold
from .test_hotel import wants as wants_stay
from .test_keeping import ask as ask_slot

KEPT = timedelta(minutes=10)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
KINDS = ["workplace", "room"]


@dataclass
class Places:
    """Workplaces of a space or rooms of a type: how they are asked for, ordered, and seen to be free."""

    booking: Running
    kind: str
    space: Space | None
    hotel: Hotel | None

    def wish(self, ahead: int = 0, **more: Any) -> dict[str, Any]:
        """`ahead`: that many hours, or nights, later."""
        if self.space is not None:
            known = {"kind": "workplace", "space_id": str(self.space.id), "tariff_id": str(self.space.tariff)}
            return {**known, "starts_at": (TOMORROW + ahead * 4 * HOUR).isoformat(), "quantity": 4, **more}
        assert self.hotel is not None
        arrival = ARRIVAL + ahead * DAY
        nights = {"arrival": arrival.isoformat(), "departure": (arrival + DAY).isoformat()}
        return {"kind": "room", "room_type_id": str(self.hotel.type_id), **nights, "adults": 1, **more}

    async def ask(self, who: str = "anna", *roles: str, ahead: int = 0, key: str | None = None, **more: Any) -> Any:
        client = self.booking.client(who, *roles or ("customer",))
        headers = {"Idempotency-Key": key or uuid4().hex}
        return await client.post("/v1/offers", json=self.wish(ahead, **more), headers=headers)

    async def keep(self, who: str = "anna", **more: Any) -> UUID:
        answer = await self.ask(who, **more)
        assert answer.status_code == 201, answer.text
        return UUID(answer.json()["id"])

    def order(self, who: str = "anna", offer_id: UUID | None = None, *, ahead: int = 0, **more: Any) -> Any:
        """`more`: of the ticket or the stay."""
        applicant: dict[str, Any] = {"applicant_id": self.booking.identity.id_of(who)}
        if self.space is not None:
            made, what = wants_ticket(self.space, TOMORROW + ahead * 4 * HOUR, **applicant), "ticket"
        else:
            assert self.hotel is not None
            made, what = wants_stay(self.hotel, ARRIVAL + ahead * DAY, **applicant), "stay"
        request = getattr(made.data, what).model_copy(update={"offer_id": offer_id, **more})
        return made.model_copy(update={"data": made.data.model_copy(update={what: request})})

    async def free(self) -> int:
        client = self.booking.client("anna")
        if self.space is not None:
            during = {"from": TOMORROW.isoformat(), "to": (TOMORROW + 4 * HOUR).isoformat()}
            found = await client.get(f"/v1/spaces/{self.space.id}/places/free", params=during)
            return len(found.json()["items"])
        assert self.hotel is not None
        of = {"location_id": str(self.hotel.location_id), "from": ARRIVAL.isoformat(), "days": "1"}
        found = await client.get("/v1/room-types/availability", params=of)
        return int(found.json()["items"][0]["nights"][0]["free"])


async def places(booking: Running, kind: str, *, units: int = 1, **more: Any) -> Places:
    if kind == "workplace":
        return Places(booking, kind, await add_space(booking, places=units, **more), None)
    return Places(booking, kind, None, await add_hotel(booking, rooms=units, **more))


async def kept(booking: Running, who: str = "anna") -> list[str]:
    return [item["id"] for item in (await booking.client(who).get("/v1/offers")).json()["items"]]


async def claimed(booking: Running) -> int:
    async with booking.database.read() as reading:
        return int((await reading.execute(sa.select(sa.func.count()).where(claims.c.active))).scalar_one())


async def outcome(booking: Running, *orders: Event[OrderPlaced]) -> list[str]:
    """Of each order: `held`, or why not."""
    told = {}
    for event in await booking.published():
        if event.type in (HELD, UNAVAILABLE):
            assert event.data.order_id not in told
            told[event.data.order_id] = "held" if event.type == HELD else event.data.reason
    return [told[order.data.order_id] for order in orders]


def type_of(answer: httpx2.Response) -> str:
    return str(answer.json()["type"].rsplit("/", 1)[1])


@pytest.mark.feature("A16")
@pytest.mark.feature("A17")
@pytest.mark.parametrize("kind", KINDS)
async def test_it_is_kept_and_taken_by_an_order(booking: Running, kind: str) -> None:
    some = await places(booking, kind)
    before = len(await booking.published())
    answer = await some.ask()
    offer = answer.json()
    assert (answer.status_code, offer["kind"], offer["place"]) == (201, kind, "A-1" if kind == "workplace" else "301")
    assert offer["expires_at"] == (NOW + KEPT).isoformat().replace("+00:00", "Z")
    assert await some.free() == 0
    assert (await booking.client("anna").get("/v1/offers")).json() == {"items": [offer]}
    assert len(await booking.published()) == before  # Only who asked knows of it.
    theirs = some.order("boris")
    await booking.handle_twice(theirs)
    assert await outcome(booking, theirs) == ["places_taken"]
    assert type_of(await some.ask("boris")) == "places-taken"
    order = some.order("anna", UUID(offer["id"]))
    await booking.handle_twice(order)
    assert await outcome(booking, order) == ["held"]
    (held,) = await booking.published(HELD)
    assert held.data.places.place == offer["place"]
    assert (await claimed(booking), await kept(booking), await some.free()) == (1, [], 0)
    booking.at(NOW + KEPT)
    await booking.turn("expire-lodgings")  # What was kept is the order's by now, and stays so.
    await booking.handle_twice(paid(order.data.order_id))
    assert await claimed(booking) == 1


@pytest.mark.feature("A16")
@pytest.mark.feature("A17")
@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_kept_is_for_one_and_for_just_that_and_once(booking: Running, kind: str) -> None:
    some = await places(booking, kind, units=2)
    offer_id = await some.keep()
    assert some.space is not None or some.hotel is not None
    other = {"place_id": some.space.places[0]} if some.space is not None else {"rooms": 2}
    longer = {"quantity": 3} if some.space is not None else {"departure": ARRIVAL + 2 * DAY}
    slot_offer = UUID((await ask_slot(booking, await add_resource(booking))).json()["id"])
    elsewhere = await (await places(booking, next(each for each in KINDS if each != kind))).keep()
    wrong = [
        some.order("boris", offer_id),
        some.order("anna", offer_id, ahead=1),
        some.order("anna", offer_id, **other),
        some.order("anna", offer_id, **longer),
        some.order("anna", uuid4()),
        some.order("anna", slot_offer),
        some.order("anna", elsewhere),
    ]
    await booking.handle_twice(*wrong)
    assert await outcome(booking, *wrong) == ["offer_expired"] * len(wrong)
    assert await kept(booking) == [str(offer_id), str(slot_offer), str(elsewhere)]
    both = [some.order("anna", offer_id), some.order("anna", offer_id)]
    await booking.handle_twice(*both)
    assert sorted(await outcome(booking, *both)) == ["held", "offer_expired"]
    late = some.order("anna", offer_id)
    await booking.handle_twice(late)
    assert await outcome(booking, late) == ["offer_expired"]
    assert (await claimed(booking), await some.free()) == (2, 1)


@pytest.mark.feature("A16")
@pytest.mark.feature("A17")
@pytest.mark.parametrize("kind", KINDS)
async def test_it_is_free_again_when_it_expires_whoever_looks(booking: Running, kind: str) -> None:
    some = await places(booking, kind, units=3)
    offers = [await some.keep(who) for who in ("anna", "boris", "clara")]
    booking.at(NOW + KEPT - MINUTE)
    await booking.turn("expire-lodgings")
    assert await claimed(booking) == 3
    in_time = some.order("boris", offers[1]).model_copy(update={"time": NOW + KEPT - MINUTE})
    booking.at(NOW + KEPT)
    assert await kept(booking) == []
    late = some.order("anna", offers[0]).model_copy(update={"time": NOW + KEPT})
    await booking.handle_twice(in_time, late)
    assert await outcome(booking, in_time, late) == ["held", "offer_expired"]
    await asyncio.gather(*(booking.turn("expire-lodgings") for _ in range(4)))
    assert (await claimed(booking), await some.free()) == (1, 2)
    assert await some.keep("dasha")


@pytest.mark.feature("A16")
async def test_what_came_to_its_end_is_forgotten_and_its_order_is_not(booking: Running) -> None:
    some = await places(booking, "workplace", units=2)
    taken, _ = await some.keep(ahead=96), await some.keep("boris", ahead=96)
    order = some.order("anna", taken, ahead=96)
    await booking.handle(order)
    booking.at(NOW + KEPT)
    await booking.turn("expire-lodgings")
    booking.at(NOW + KEPT + DAY)
    await some.keep("clara", ahead=96)
    booking.at(NOW + KEPT + DAY + MINUTE)
    await booking.turn("forget-offers")
    async with booking.database.read() as reading:
        assert (await reading.execute(sa.select(offers.c.status))).scalars().all() == ["open"]
    await booking.handle_twice(order)
    assert await outcome(booking, order) == ["held"]


@pytest.mark.feature("A26")
@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_declined_is_free_at_once(booking: Running, kind: str) -> None:
    some = await places(booking, kind)
    offer_id = await some.keep()
    path = f"/v1/offers/{offer_id}"
    assert (await booking.client("boris").delete(path)).status_code == 404
    assert (await booking.client("sergey", "service_manager").delete(path)).status_code == 403
    # The front desk does coworking and no hotel (A2).
    desk = await booking.client("dora", "front_desk").delete(path)
    assert desk.status_code == (204 if kind == "workplace" else 404)
    await at_once([booking.client("anna").delete(path) for _ in range(3)])
    assert (await claimed(booking), await some.free(), await kept(booking)) == (0, 1, [])
    late = some.order("anna", offer_id)
    await booking.handle_twice(late)
    assert await outcome(booking, late) == ["offer_expired"]
    assert (await booking.client("rita", "rent_manager").delete(f"/v1/offers/{await some.keep('boris')}")).is_success
    assert await claimed(booking) == 0


@pytest.mark.feature("A16")
@pytest.mark.feature("A17")
@pytest.mark.feature("X3")
@pytest.mark.parametrize("kind", KINDS)
async def test_asking_again_for_the_same_changes_nothing(booking: Running, kind: str) -> None:
    some = await places(booking, kind)
    first = await some.ask(key="k" * 20)
    booking.at(NOW + 5 * MINUTE)
    assert (await some.ask()).json() == first.json()
    booking.at(NOW + KEPT)
    await booking.turn("expire-lodgings")
    await some.keep("boris")
    # The first answer, also when it could not be had any more.
    replayed = await some.ask(key="k" * 20)
    assert (replayed.json(), replayed.headers["idempotency-replayed"]) == (first.json(), "true")
    assert type_of(await some.ask(key="k" * 20, ahead=1)) == "idempotency-key-reused"
    assert await claimed(booking) == 1


@pytest.mark.feature("A11")
@pytest.mark.feature("A16")
@pytest.mark.feature("A17")
async def test_so_much_is_kept_for_one_whatever_it_is(booking: Running) -> None:
    resource = await add_resource(booking)
    desk, hotel = await places(booking, "workplace", units=9), await places(booking, "room", units=9)
    wishes = [ask_slot(booking, resource, hour=hour) for hour in (0, 2, 4)]
    wishes += [some.ask(ahead=ahead) for some in (desk, hotel) for ahead in range(3)]
    answers = await at_once(wishes)
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 6
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert (type_of(refused), refused.json()["most"]) == ("too-many-offers", 3)
    had = await kept(booking)
    assert len(had) == 3
    assert (await booking.client("anna").delete(f"/v1/offers/{had[0]}")).status_code == 204
    assert await hotel.keep(ahead=5)
    assert type_of(await desk.ask(ahead=5)) == type_of(await ask_slot(booking, resource, hour=6)) == "too-many-offers"
    assert await deadlocks(booking) == 0


@pytest.mark.feature("A16")
async def test_a_workplace_is_not_kept_into_its_time(booking: Running) -> None:
    some = await places(booking, "workplace", tariff={"unit": "day"})
    booking.at(TOMORROW - 4 * MINUTE)
    offer = (await some.ask(quantity=1)).json()
    assert offer["expires_at"] == "2026-12-02T09:00:00Z"
    in_time = some.order("anna", UUID(offer["id"]), quantity=1).model_copy(update={"time": TOMORROW - MINUTE})
    booking.at(TOMORROW)
    await booking.handle_twice(in_time)
    assert await outcome(booking, in_time) == ["in_the_past"]
    await booking.turn("expire-lodgings")
    assert await claimed(booking) == 0


@pytest.mark.feature("A17")
async def test_midnight_takes_tonights_room_from_nobody(booking: Running) -> None:
    hotel = await places(booking, "room")
    booking.at(utc(2026, 12, 10, 23, 55))
    offer = (await hotel.ask()).json()
    assert offer["starts_at"] == "2026-12-10T23:55:00Z"
    assert (await hotel.ask()).json()["id"] == offer["id"]
    booking.at(utc(2026, 12, 11, 0, 1))
    order = hotel.order("anna", UUID(offer["id"])).model_copy(update={"time": utc(2026, 12, 11, 0, 1)})
    await booking.handle_twice(order)
    assert await outcome(booking, order) == ["held"]


#: What is wrong with a wish, and the type of the problem with the field that it names.
WRONG: dict[str, list[tuple[dict[str, Any], str, str | None]]] = {
    "workplace": [
        ({"quantity": 0}, "invalid", "quantity"),
        ({"quantity": 32}, "too-long", "quantity"),
        ({"starts_at": "2026-11-30T09:00:00Z"}, "in-the-past", "starts_at"),
        ({"starts_at": "2026-12-02T09:07:00Z"}, "not-on-slot-grid", "starts_at"),
        ({"starts_at": "2036-12-02T09:00:00Z"}, "too-far-ahead", "starts_at"),
        ({"place_id": str(uuid4())}, "unknown-resource", None),
        ({"tariff_id": str(uuid4())}, "unknown-resource", None),
        ({"kind": "desk"}, "invalid", "kind"),
        ({"resource_id": str(uuid4())}, "invalid", "resource_id"),
    ],
    "room": [
        ({"rooms": 0}, "invalid", "rooms"),
        ({"arrival": "2026-11-30"}, "in-the-past", "arrival"),
        ({"departure": ARRIVAL.isoformat()}, "stay-dates-invalid", "departure"),
        ({"adults": 9}, "too-many-guests", "adults"),
        ({"room_type_id": str(uuid4())}, "unknown-resource", None),
        ({"extras": [{"extra_id": str(uuid4())}]}, "unknown-extra", "extras.extra_id"),
        ({"kind": ["room"]}, "invalid", "kind"),
    ],
}


@pytest.mark.feature("A16")
@pytest.mark.feature("A17")
@pytest.mark.parametrize("kind", KINDS)
async def test_what_could_not_be_ordered_is_not_kept(booking: Running, kind: str) -> None:
    some = await places(booking, kind)
    told = []
    for change, _, _ in WRONG[kind]:
        answer = await some.ask(**change)
        assert answer.status_code == 422, answer.text
        problem = answer.json()
        field = problem["errors"][0]["field"] if "errors" in problem else problem.get("field")
        told.append((change, type_of(answer), field))
    assert told == WRONG[kind]
    assert await claimed(booking) == 0


@pytest.mark.feature("A16")
@pytest.mark.feature("A17")
@pytest.mark.parametrize("kind", KINDS)
async def test_staff_ask_for_a_customer(booking: Running, kind: str) -> None:
    some = await places(booking, kind)
    anna = str(booking.identity.id_of("anna"))
    assert (await some.ask("boris", applicant_id=anna)).status_code == 403
    assert (await some.ask("sergey", "service_manager", applicant_id=anna)).status_code == 403
    dora = await some.ask("dora", "front_desk", applicant_id=anna)
    assert dora.status_code == (201 if kind == "workplace" else 403)
    rita = await some.ask("rita", "rent_manager", applicant_id=anna)
    assert rita.status_code == 201, rita.text
    assert await kept(booking) == [rita.json()["id"]]
    # Staff of other places see neither what is kept nor what there is.
    there = booking.client("roman", "rent_manager", locations=[str(uuid4())])
    assert (await there.delete(f"/v1/offers/{rita.json()['id']}")).status_code == 404
    asked = await post(there, "/v1/offers", some.wish(1, applicant_id=anna))
    assert (asked.status_code, await claimed(booking)) == (404, 1)


@pytest.mark.feature("A16")
@pytest.mark.feature("A17")
@pytest.mark.parametrize("units", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
async def test_as_many_as_there_are_units_get_one(booking: Running, kind: str, units: int) -> None:
    some = await places(booking, kind, units=units)
    orders = [some.order(f"orderer{n}") for n in range(4)]
    answers, _ = await asyncio.gather(
        at_once([some.ask(f"person{n}") for n in range(24)]),
        asyncio.gather(*(booking.handle(order) for order in orders)),
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    had = sum(answer.status_code == 201 for answer in answers) + (await outcome(booking, *orders)).count("held")
    assert had == await claimed(booking) == units
    assert await some.free() == 0
    assert await deadlocks(booking) == 0


@pytest.mark.feature("A16")
async def test_the_desk_moves_and_extends_nobody_onto_what_is_kept(booking: Running) -> None:
    some = await places(booking, "workplace", units=2)
    assert some.space is not None
    path, _ = await issued(booking, some.space, place=some.space.places[0])
    await some.keep(place_id=str(some.space.places[1]))
    await some.keep("boris", ahead=1, place_id=str(some.space.places[0]))
    desk = booking.client("dora", "front_desk")
    moved = await post(desk, f"{path}/move", {"place_id": str(some.space.places[1])})
    longer = await post(desk, f"{path}/extend", {"quantity": 1})
    assert (type_of(moved), type_of(longer)) == ("places-taken", "places-taken")


@pytest.mark.feature("A16")
async def test_any_place_of_a_zone_is_one_of_it(booking: Running) -> None:
    some = await places(booking, "workplace", units=3, tariff={"zone": "общая", "fixed": False})
    had = [(await some.ask(who)).json()["place"] for who in ("anna", "boris")]
    assert had == ["A-1", "A-3"]
    assert type_of(await some.ask("clara")) == "places-taken"
    assert await some.free() == 1  # the one of the other zone


@pytest.mark.feature("A17")
async def test_neighbours_of_a_room_that_is_kept_stay_out_of_its_time(booking: Running) -> None:
    hotel = await places(booking, "room")
    assert hotel.hotel is not None
    path, _ = await sold(booking, hotel.hotel, ARRIVAL - DAY)
    early = [{"extra_id": str(hotel.hotel.extras["Ранний заезд"]), "quantity": 1, "at": "10:00"}]
    assert type_of(await hotel.ask(extras=early)) == "places-taken"
    late = [{"extra_id": str(hotel.hotel.extras["Поздний выезд"]), "quantity": 1, "at": "18:00"}]
    offer = (await hotel.ask(extras=late)).json()
    assert offer["ends_at"] == "2026-12-11T18:00:00Z"
    assert type_of(await hotel.ask("boris", ahead=1)) == "places-taken"
    rita = booking.client("rita", "rent_manager")
    assert type_of(await post(rita, f"{path}/extras", {"extras": [{**late[0], "at": "15:00"}]})) == "places-taken"
    longer = {"arrival": (ARRIVAL - DAY).isoformat(), "departure": (ARRIVAL + DAY).isoformat()}
    assert type_of(await post(rita, f"{path}/dates", longer)) == "places-taken"
    # An order for less time than is kept takes something else; with the late check-out it is just that.
    wrong = hotel.order("anna", UUID(offer["id"]))
    right = hotel.order(
        "anna",
        UUID(offer["id"]),
        extras=[StayExtra(extra_id=hotel.hotel.extras["Поздний выезд"], quantity=1, at=time(18))],
    )
    await booking.handle_twice(wrong, right)
    assert await outcome(booking, wrong, right) == ["offer_expired", "held"]


@pytest.mark.feature("A17")
async def test_kept_rooms_count_toward_the_limit_of_overbooking(booking: Running) -> None:
    hotel = await places(booking, "room", units=2, overbooking=1)
    both = (await hotel.ask(rooms=2)).json()
    assert (both["place"], both["rooms"]) == ("301, 302", 2)
    beyond = (await hotel.ask("boris")).json()
    assert beyond["place"] == "+1"
    assert type_of(await hotel.ask("clara")) == "places-taken"
    theirs, mine = hotel.order("clara"), hotel.order("anna", UUID(both["id"]), rooms=2)
    await booking.handle_twice(theirs, mine)
    assert await outcome(booking, theirs, mine) == ["places_taken", "held"]
    of = {"location_id": str(hotel.hotel.location_id) if hotel.hotel else "", "from": ARRIVAL.isoformat(), "days": "1"}
    shown = (await booking.client("anna").get("/v1/room-types/availability", params=of)).json()["items"][0]
    assert (shown["nights"][0]["free"], shown["nights"][0]["overbooked"]) == (0, 1)
    async with booking.database.read() as reading:
        (row,) = await reading.all(sa.select(lodgings.c.place, lodgings.c.rooms))
    assert dict(row) == {"place": "301, 302", "rooms": 2}
