"""Hotel: stays quoted, held, paid and processed at the reception, through the consumer and the API."""

import asyncio
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from booking.lodging.tables import lodgings
from foyer_chassis.testing import Running, same_shape, utc
from foyer_contracts.envelope import Event
from foyer_contracts.orders import OrderPlaced, StayExtra, StayRequest, Visitor
from foyer_contracts.samples import SAMPLES

from .conftest import WHOLE_DAY, cancelled, paid, placed
from .test_coworking import made, post

HELD, UNAVAILABLE = "booking.places.held.v1", "booking.places.unavailable.v1"
CONFIRMED, RESCHEDULED = "booking.reservation.confirmed.v1", "booking.reservation.rescheduled.v1"
CHANGED, ENDED = "booking.stay.changed.v1", "booking.reservation.ended.v1"
ARRIVAL = date(2026, 12, 10)
RUB = "RUB"


@dataclass
class Hotel:
    type_id: UUID
    location_id: UUID
    rate: UUID
    rooms: list[UUID]
    extras: dict[str, UUID]


async def add_hotel(
    booking: Running, *, rooms: int = 2, zone: str = "UTC", rate: dict[str, Any] | None = None, **more: Any
) -> Hotel:
    admin = booking.client("alex", "administrator")
    location = await made(admin, "/v1/locations", {"name": "Фойе", "time_zone": zone, "opening_hours": WHOLE_DAY})
    type_ = await made(admin, "/v1/room-types", {"location_id": location["id"], "name": "Стандарт", **more})
    units = [
        await made(admin, f"/v1/room-types/{type_['id']}/rooms", {"label": str(300 + n), "position": n})
        for n in range(1, rooms + 1)
    ]
    price = {"amount": 100000, "currency": RUB}
    sold = await made(admin, f"/v1/room-types/{type_['id']}/rates", {"name": "Базовый", "price": price, **(rate or {})})
    extras = {}
    for name, basis, timed in (
        ("Завтрак", "guest_night", "no"),
        ("Такси", "stay", "at"),
        ("Ранний заезд", "stay", "early_check_in"),
        ("Поздний выезд", "stay", "late_check_out"),
    ):
        body = {"name": name, "basis": basis, "timed": timed, "price": {"amount": 50000, "currency": RUB}}
        extra = await made(admin, f"/v1/locations/{location['id']}/extras", body)
        extras[name] = UUID(extra["id"])
    return Hotel(
        UUID(type_["id"]), UUID(location["id"]), UUID(sold["id"]), [UUID(unit["id"]) for unit in units], extras
    )


def wants(
    hotel: Hotel,
    arrival: date = ARRIVAL,
    nights: int = 1,
    *,
    rooms: int = 1,
    adults: int = 1,
    children: int = 0,
    extras: list[StayExtra] | None = None,
    tariff: UUID | None = None,
    **more: Any,
) -> Event[OrderPlaced]:
    order = placed(uuid4(), **more)
    stay = StayRequest(
        room_type_id=hotel.type_id,
        tariff_id=tariff,
        arrival=arrival,
        departure=arrival + timedelta(days=nights),
        rooms=rooms,
        adults=adults,
        children=children,
        visitor=Visitor(name="Анна", id=uuid4()),
        extras=extras or [],
    )
    return order.model_copy(
        update={"data": order.data.model_copy(update={"slots": None, "stay": stay, "kind": "hotel"})}
    )


async def statuses(booking: Running) -> list[str]:
    async with booking.database.read() as reading:
        return list((await reading.execute(sa.select(lodgings.c.status).order_by(lodgings.c.number))).scalars())


async def reasons(booking: Running) -> list[str]:
    return [event.data.reason for event in await booking.published(UNAVAILABLE)]


async def sold(booking: Running, hotel: Hotel, *args: Any, **more: Any) -> tuple[str, Event[OrderPlaced]]:
    """A paid stay: the path of its verbs, and the order."""
    order = wants(hotel, *args, **more)
    await booking.handle(order, paid(order.data.order_id))
    answer = await booking.client("rita", "rent_manager").get(f"/v1/orders/{order.data.order_id}/stay")
    assert answer.status_code == 200, answer.text
    return f"/v1/stays/{answer.json()['id']}", order


@pytest.mark.feature("A17")
async def test_extras_are_lines_of_their_own_and_their_times_make_the_stay_longer(booking: Running) -> None:
    hotel = await add_hotel(booking)
    order = wants(
        hotel,
        adults=2,
        extras=[
            StayExtra(extra_id=hotel.extras["Завтрак"], quantity=1),
            StayExtra(extra_id=hotel.extras["Такси"], quantity=1, at=time(9, 30)),
            StayExtra(extra_id=hotel.extras["Ранний заезд"], quantity=1, at=time(10)),
            StayExtra(extra_id=hotel.extras["Поздний выезд"], quantity=1, at=time(18)),
        ],
    )
    await booking.handle_twice(order)
    (held,) = await booking.published(HELD)
    assert [(line.title, line.quantity, line.unit_price.amount, line.extra) for line in held.data.lines] == [
        ("Стандарт, тариф «Базовый»", 1, 100000, False),
        ("Завтрак", 2, 50000, True),
        ("Такси, 09:30", 1, 50000, True),
        ("Ранний заезд, 10:00", 1, 50000, True),
        ("Поздний выезд, 18:00", 1, 50000, True),
    ]
    assert held.data.total.amount == 350000
    places = held.data.places
    assert (places.starts_at, places.ends_at) == (utc(2026, 12, 10, 10), utc(2026, 12, 11, 18))
    assert (places.kind, places.place, places.nights, places.adults, places.children) == ("stay", "301", 1, 2, 0)
    await booking.handle_twice(paid(order.data.order_id))
    (event,) = await booking.published(CONFIRMED)
    assert not event.data.late
    assert not await booking.published("booking.ticket.issued.v1")


@pytest.mark.feature("A17")
async def test_early_and_late_look_at_the_neighbours(booking: Running) -> None:
    hotel = await add_hotel(booking, rooms=1)
    late = [StayExtra(extra_id=hotel.extras["Поздний выезд"], quantity=1, at=time(18))]
    early = [StayExtra(extra_id=hotel.extras["Ранний заезд"], quantity=1, at=time(11))]
    await booking.handle(wants(hotel, ARRIVAL))
    await booking.handle(wants(hotel, ARRIVAL + timedelta(days=1), extras=early))
    assert await reasons(booking) == ["places_taken"]
    await booking.handle(wants(hotel, ARRIVAL + timedelta(days=1)))
    await booking.handle(wants(hotel, ARRIVAL - timedelta(days=1), extras=late))
    await booking.handle(wants(hotel, ARRIVAL - timedelta(days=1)))
    assert await reasons(booking) == ["places_taken", "places_taken"]
    assert await statuses(booking) == ["held", "held", "held"]


@pytest.mark.feature("X2")
async def test_nights_are_local_dates_over_a_clock_change(booking: Running) -> None:
    hotel = await add_hotel(booking, zone="Europe/Berlin")
    await booking.handle(wants(hotel, date(2027, 3, 27), 2))
    (held,) = await booking.published(HELD)
    assert (held.data.places.starts_at, held.data.places.ends_at) == (utc(2027, 3, 27, 13), utc(2027, 3, 29, 10))
    assert (held.data.places.nights, held.data.lines[0].quantity) == (2, 2)


@pytest.mark.feature("A17")
async def test_seasons_weekdays_guests_and_rooms_make_the_price(booking: Running) -> None:
    rate = {
        "included_adults": 1,
        "extra_adult": 30000,
        "child": 10000,
        "seasons": [
            {"first": "2026-12-11", "last": "2026-12-31", "amount": 200000},
            {"first": "2026-12-01", "last": "2026-12-31", "weekdays": [5], "amount": 300000, "least_nights": 2},
        ],
    }
    hotel = await add_hotel(booking, rooms=3, rate=rate)
    await booking.handle(wants(hotel, ARRIVAL, 4))
    # Thursday, Friday, Saturday, Sunday.
    lines = (await booking.published(HELD))[-1].data.lines
    assert [(line.quantity, line.unit_price.amount) for line in lines] == [(1, 100000), (2, 200000), (1, 300000)]
    await booking.handle(wants(hotel, ARRIVAL, 1, rooms=2, adults=3, children=1))
    event = (await booking.published(HELD))[-1]
    # Two rooms, one adult more than they include, one child.
    assert (event.data.total.amount, event.data.places.place) == (240000, "302, 303")
    saturday = date(2026, 12, 12)
    await booking.handle(wants(hotel, saturday, 1), wants(hotel, ARRIVAL, 1, adults=3))
    assert await reasons(booking) == ["stay_too_short", "too_many_guests"]
    await booking.handle(wants(hotel, ARRIVAL, rooms=1), wants(hotel, date(2026, 12, 14), rooms=4, adults=4))
    assert (await reasons(booking))[2:] == ["places_taken", "places_taken"]


@pytest.mark.feature("A17")
async def test_stays_that_cannot_be_are_refused_with_the_reason(booking: Running) -> None:
    hotel, other = await add_hotel(booking), await add_hotel(booking)

    def extra(name: str, at: time | None = None, of: Hotel = hotel) -> list[StayExtra]:
        return [StayExtra(extra_id=of.extras[name], quantity=1, at=at)]

    cases = {
        "unknown_resource": wants(hotel, tariff=other.rate),
        "in_the_past": wants(hotel, date(2026, 11, 30)),
        "stay_dates_invalid": wants(hotel, ARRIVAL, 400),
        "unknown_extra": wants(hotel, extras=extra("Завтрак", of=other)),
        "extra_time_invalid": wants(hotel, extras=extra("Ранний заезд", time(15))),
    }
    for order in cases.values():
        await booking.handle_twice(order)
    assert await reasons(booking) == list(cases)
    for extras in (extra("Такси"), extra("Завтрак", time(9)), extra("Поздний выезд", time(12))):
        await booking.handle(wants(hotel, extras=extras))
    assert (await reasons(booking))[5:] == ["extra_time_invalid"] * 3
    assert await statuses(booking) == []


@pytest.mark.feature("A17")
async def test_sixty_four_want_the_rooms_of_a_type_and_exactly_the_capacity_wins(booking: Running) -> None:
    hotel = await add_hotel(booking, rooms=3)
    await asyncio.gather(*(booking.handle(wants(hotel, nights=2)) for _ in range(64)))
    assert len(await booking.published(HELD)) == 3
    assert await reasons(booking) == ["places_taken"] * 61
    assert {event.data.places.place for event in await booking.published(HELD)} == {"301", "302", "303"}


@pytest.mark.feature("A26")
async def test_cancelling_expiry_and_late_money(booking: Running) -> None:
    hotel = await add_hotel(booking, rooms=2, hold_ttl_seconds=60)
    order, late = wants(hotel, rooms=2, adults=2), wants(hotel, rooms=2, adults=2)
    await booking.handle(order, paid(order.data.order_id))
    await booking.handle_twice(cancelled(order.data.order_id, "customer_request"))
    await booking.handle(late)
    assert await statuses(booking) == ["released", "held"]
    booking.at(utc(2026, 12, 1, 10))
    await booking.turn("expire-lodgings")
    await booking.handle(wants(hotel))
    # Of its two rooms one is taken by now: it gets neither.
    await booking.handle_twice(paid(late.data.order_id))
    (event,) = await booking.published(UNAVAILABLE)
    assert (event.data.reason, event.data.late) == ("places_taken", True)
    assert await statuses(booking) == ["released", "expired", "held"]


@pytest.mark.feature("A17")
async def test_check_in_check_out_and_no_show(booking: Running) -> None:
    hotel = await add_hotel(booking, rooms=2)
    path, order = await sold(booking, hotel, ARRIVAL, 3)
    gone, left_out = await sold(booking, hotel, ARRIVAL, 3)
    rita = booking.client("rita", "rent_manager")
    for verb in ("check-in", "check-out", "no-show"):
        assert (await post(rita, f"{path}/{verb}")).status_code == 409
    booking.at(utc(2026, 12, 10, 15))
    await booking.turn("start-lodgings")
    await asyncio.gather(*(post(rita, f"{path}/check-in") for _ in range(6)))
    assert (await post(rita, f"{path}/no-show")).status_code == 409
    assert (await post(rita, f"{gone}/no-show")).json()["status"] == "no_show"
    booking.at(utc(2026, 12, 11, 9))
    assert (await post(rita, f"{path}/check-out")).json()["status"] == "ended"
    assert (await post(rita, f"{path}/check-out")).status_code == 200
    changes = await booking.published(CHANGED)
    assert [event.data.change for event in changes] == ["checked_in", "no_show", "checked_out"]
    same_shape(changes[0], SAMPLES[CHANGED])
    # Over for the order too, which would stay active for ever.
    ended = [event.data.order_id for event in await booking.published(ENDED)]
    assert ended == [left_out.data.order_id, order.data.order_id]
    # The nights that were left are free in both rooms.
    await booking.handle(wants(hotel, ARRIVAL + timedelta(days=1), rooms=2, adults=2))
    assert await reasons(booking) == []


@pytest.mark.feature("A17")
async def test_rooms_are_moved_and_dates_changed(booking: Running) -> None:
    rate = {"seasons": [{"first": "2026-12-12", "last": "2026-12-31", "amount": 200000}]}
    hotel = await add_hotel(booking, rooms=2, rate=rate)
    path, _ = await sold(booking, hotel, ARRIVAL, 2)
    rita, admin = booking.client("rita", "rent_manager"), booking.client("alex", "administrator")
    # Dearer since then: nights that are sold keep their price, new ones have the new one.
    dearer = {"name": "Базовый", "price": {"amount": 110000, "currency": RUB}, **rate}
    assert (await admin.put(f"/v1/rates/{hotel.rate}", json=dearer, headers={"If-Match": '"1"'})).status_code == 200
    dates = {"arrival": "2026-12-09", "departure": "2026-12-13"}
    changed = await post(rita, f"{path}/dates", dates)
    assert (changed.status_code, changed.json()["total"]["amount"]) == (200, 110000 + 2 * 100000 + 200000)
    # The neighbour comes on the 13th to the same room: there is another one before the stay begins, not during it.
    await booking.handle(wants(hotel, date(2026, 12, 13)))
    longer = await post(rita, f"{path}/dates", {**dates, "departure": "2026-12-14"})
    assert (longer.status_code, longer.json()["place"]) == (200, "302")
    booking.at(utc(2026, 12, 10, 9))
    await booking.turn("start-lodgings")
    other = await post(rita, f"{path}/dates", {"arrival": "2026-12-10", "departure": "2026-12-14"})
    assert (other.status_code, other.json()["type"].rsplit("/")[-1]) == (422, "stay-dates-invalid")
    behind = await post(rita, f"{path}/dates", {"arrival": "2026-12-09", "departure": "2026-12-10"})
    assert behind.status_code == 200
    assert (await post(rita, f"{path}/dates", dates)).status_code == 200
    moved = await post(rita, f"{path}/move", {"room_id": str(hotel.rooms[0])})
    assert (moved.status_code, moved.json()["place"]) == (200, "301")
    taken = await post(rita, f"{path}/dates", {**dates, "departure": "2026-12-14"})
    assert (taken.status_code, taken.json()["type"].rsplit("/")[-1]) == (409, "places-taken")
    elsewhere = await add_hotel(booking)
    assert (await post(rita, f"{path}/move", {"room_id": str(elsewhere.rooms[0])})).status_code == 404
    changes = [event.data.change for event in await booking.published(CHANGED)]
    assert changes == ["dates_changed"] * 4 + ["room_moved"]
    assert len(await booking.published(RESCHEDULED)) == 5


@pytest.mark.feature("A17")
async def test_a_month_of_availability_in_one_call(booking: Running) -> None:
    rate = {"seasons": [{"first": "2026-12-11", "last": "2026-12-11", "amount": 50000}]}
    hotel = await add_hotel(booking, rooms=3, rate=rate)
    late = [StayExtra(extra_id=hotel.extras["Поздний выезд"], quantity=1, at=time(18))]
    await booking.handle(wants(hotel, ARRIVAL, 2, extras=late), wants(hotel, ARRIVAL, 1))
    query: dict[str, Any] = {"location_id": str(hotel.location_id), "from": "2026-12-09", "days": 31}
    anna = booking.client("anna")
    (item,) = (await anna.get("/v1/room-types/availability", params=query)).json()["items"]
    nights = {night["date"]: night["free"] for night in item["nights"]}
    assert (len(nights), item["rooms"]) == (31, 3)
    # The late check-out on the 12th is in the way of that night in its room.
    assert [nights[f"2026-12-{day:02}"] for day in (9, 10, 11, 12, 13)] == [3, 1, 2, 2, 3]
    assert [night["from_price"]["amount"] for night in item["nights"][1:4]] == [100000, 50000, 100000]
    assert (await anna.get("/v1/room-types/availability", params={**query, "days": 63})).status_code == 422
    nowhere: dict[str, str | int] = {**query, "location_id": str(uuid4())}
    assert (await anna.get("/v1/room-types/availability", params=nowhere)).json()["items"] == []


@pytest.mark.feature("A17")
async def test_who_may_see_and_process_and_configure(booking: Running) -> None:
    hotel = await add_hotel(booking)
    path, order = await sold(booking, hotel, applicant_id=booking.identity.id_of("anna"))
    anna, desk = booking.client("anna"), booking.client("dora", "front_desk")
    for address in (path, f"/v1/orders/{order.data.order_id}/stay"):
        assert (await anna.get(address)).status_code == 200
        assert (await booking.client("boris").get(address)).status_code == 404
        assert (await booking.client().get(address)).status_code == 401
    number = (await anna.get(path)).json()["number"]
    assert (await anna.get("/v1/stays", params={"number": number})).status_code == 403
    assert (await desk.get("/v1/stays", params={"number": number})).status_code == 404
    fedor = booking.client("fedor", "finance")
    assert (await fedor.get("/v1/stays", params={"number": number})).status_code == 200
    # A stay is no ticket.
    assert (await anna.get(path.replace("stays", "tickets"))).status_code == 404
    for verb in ("check-in", "check-out", "no-show"):
        assert (await post(anna, f"{path}/{verb}")).status_code == 403
        # The front desk sees and processes coworking, not hotels; finance sees them (A2).
        assert (await post(desk, f"{path}/{verb}")).status_code == 404
        assert (await post(fedor, f"{path}/{verb}")).status_code == 403
    span = {"starts_from": "2026-12-01T00:00:00Z", "starts_to": "2027-01-01T00:00:00Z"}
    of_type = f"/v1/room-types/{hotel.type_id}/stays"
    assert (await desk.get(of_type, params=span)).status_code == 403
    assert len((await fedor.get(of_type, params=span)).json()["items"]) == 1
    limited = booking.client("rosa", "rent_manager", locations=[str(uuid4())])
    assert (await post(limited, f"{path}/check-in")).status_code == 404
    assert (await limited.get(path)).status_code == 404
    admin = booking.client("alex", "administrator")
    body = {"location_id": str(hotel.location_id), "name": "Люкс"}
    assert (await post(anna, "/v1/room-types", body)).status_code == 403
    assert (await post(admin, "/v1/room-types", {**body, "check_in": 600, "check_out": 700})).status_code == 422
    assert (await post(admin, "/v1/room-types", {**body, "adults": 4, "guests": 3})).status_code == 422
    rate = {"name": "x", "price": {"amount": 1, "currency": "EUR"}}
    season = {"first": "2026-12-02", "last": "2026-12-01", "amount": 1}
    rates = f"/v1/room-types/{hotel.type_id}/rates"
    assert (await post(admin, rates, {**rate, "seasons": [season]})).status_code == 422
    other_currency = await admin.put(f"/v1/rates/{hotel.rate}", json=rate, headers={"If-Match": '"1"'})
    assert other_currency.status_code == 422
    changed = {"name": "Стандарт+", "check_in": 900}
    address = f"/v1/room-types/{hotel.type_id}"
    assert (await admin.put(address, json=changed)).status_code == 428
    assert (await admin.put(address, json=changed, headers={"If-Match": '"1"'})).json()["check_in"] == 900
    assert (await admin.put(address, json=changed, headers={"If-Match": '"1"'})).status_code == 412
