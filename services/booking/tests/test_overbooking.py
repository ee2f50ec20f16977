"""Rooms sold beyond those there are: a limit that everybody sees, and that is none unless somebody sets one (A17)."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from foyer_chassis.testing import Running, utc

from .conftest import cancelled, paid
from .test_coworking import post
from .test_hotel import ARRIVAL, HELD, Hotel, add_hotel, reasons, sold, wants

ALEX = ("alex", "administrator")
RITA = ("rita", "rent_manager")


async def night(booking: Running, hotel: Hotel) -> dict[str, Any]:
    answer = await booking.client("anna").get(
        "/v1/room-types/availability",
        params={"location_id": str(hotel.location_id), "from": ARRIVAL.isoformat(), "days": 1},
    )
    (of_type,) = answer.json()["items"]
    (one,) = of_type["nights"]
    return {"rooms": of_type["rooms"], "limit": of_type["overbooking"], "free": one["free"], "over": one["overbooked"]}


@pytest.mark.feature("A17")
async def test_without_a_limit_not_one_room_too_many_is_sold(booking: Running) -> None:
    hotel = await add_hotel(booking, rooms=2)
    await asyncio.gather(*(booking.handle(wants(hotel)) for _ in range(8)))
    assert await night(booking, hotel) == {"rooms": 2, "limit": 0, "free": 0, "over": 0}
    assert len(await booking.published(HELD)) == 2


@pytest.mark.feature("A17")
async def test_as_many_as_the_limit_says_are_sold_after_all_rooms_and_get_one_before_check_in(booking: Running) -> None:
    hotel = await add_hotel(booking, rooms=2, overbooking=2)
    first, order = await sold(booking, hotel, ARRIVAL, 2)
    await sold(booking, hotel, ARRIVAL, 2)
    assert (await night(booking, hotel))["over"] == 0
    await asyncio.gather(*(booking.handle(wants(hotel, nights=2)) for _ in range(8)))
    assert await night(booking, hotel) == {"rooms": 2, "limit": 2, "free": 0, "over": 2}
    held = await booking.published(HELD)
    assert [event.data.places.place for event in held] == ["301", "302", "+1", "+2"]
    assert await reasons(booking) == ["places_taken"] * 6
    rooms = await booking.client("anna").get(f"/v1/room-types/{hotel.type_id}/rooms")
    assert [room["label"] for room in rooms.json()["items"]] == ["301", "302"]
    over = held[2].data.order_id
    await booking.handle(paid(over))
    rita = booking.client(*RITA)
    path = f"/v1/stays/{(await rita.get(f'/v1/orders/{over}/stay')).json()['id']}"
    booking.at(utc(2026, 12, 10, 15))
    await booking.turn("start-lodgings")
    refused = await post(rita, f"{path}/check-in")
    assert (refused.status_code, refused.json()["type"].rsplit("/")[-1]) == (409, "room-not-assigned")
    assert (await post(rita, f"{path}/move", {"room_id": str(hotel.rooms[0])})).status_code == 409
    # One of the others does not come after all.
    await booking.handle(cancelled(order.data.order_id, "customer_request"))
    moved = await post(rita, f"{path}/move", {"room_id": str(hotel.rooms[0])})
    assert (moved.status_code, moved.json()["place"]) == (200, "301")
    assert (await post(rita, f"{path}/check-in")).status_code == 200
    assert (await night(booking, hotel))["over"] == 1
    assert first != path


@pytest.mark.feature("A17")
async def test_another_limit_leaves_what_is_booked(booking: Running) -> None:
    hotel = await add_hotel(booking, rooms=1, overbooking=2)
    for _ in range(3):
        await booking.handle(wants(hotel))
    admin = booking.client(*ALEX)
    address = f"/v1/room-types/{hotel.type_id}"

    async def limit(wanted: int, version: int) -> int:
        body = {"name": "Стандарт", "overbooking": wanted}
        return (await admin.put(address, json=body, headers={"If-Match": f'"{version}"'})).status_code

    assert await limit(1, 1) == 200
    assert await night(booking, hotel) == {"rooms": 1, "limit": 1, "free": 0, "over": 2}
    await booking.handle(wants(hotel, ARRIVAL + timedelta(days=5)), wants(hotel, ARRIVAL + timedelta(days=5)))
    await booking.handle(wants(hotel, ARRIVAL + timedelta(days=5)))
    assert await reasons(booking) == ["places_taken"]
    assert await limit(3, 2) == 200
    await booking.handle(wants(hotel, ARRIVAL + timedelta(days=5)))
    assert await reasons(booking) == ["places_taken"]
    assert await limit(-1, 3) == 422
    held = [event.data.places.place for event in await booking.published(HELD)]
    assert held == ["301", "+1", "+2", "301", "+1", "+2"]
