"""Extras that are added at the reception, before and during a stay (A17)."""

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from foyer_chassis.testing import Running, utc

from .test_coworking import post
from .test_hotel import ARRIVAL, RESCHEDULED, Hotel, add_hotel, sold, wants

RITA = ("rita", "rent_manager")


def extra(hotel: Hotel, name: str, at: str | None = None, **more: Any) -> dict[str, Any]:
    return {"extras": [{"extra_id": str(hotel.extras[name]), "at": at, **more}]}


@pytest.mark.feature("A17")
async def test_more_extras_before_the_stay_look_at_the_neighbours(booking: Running) -> None:
    hotel = await add_hotel(booking, rooms=1)
    path, _ = await sold(booking, hotel, ARRIVAL, 2, adults=2)
    await booking.handle(wants(hotel, ARRIVAL + timedelta(days=2)))
    rita = booking.client(*RITA)
    breakfast = await post(rita, f"{path}/extras", extra(hotel, "Завтрак"))
    # Two guests, two nights.
    assert (breakfast.status_code, breakfast.json()["total"]["amount"]) == (200, 200000 + 4 * 50000)
    early = await post(rita, f"{path}/extras", extra(hotel, "Ранний заезд", "09:00"))
    assert (early.status_code, early.json()["starts_at"]) == (200, "2026-12-10T09:00:00Z")
    taken = await post(rita, f"{path}/extras", extra(hotel, "Поздний выезд", "18:00"))
    assert (taken.status_code, taken.json()["type"].rsplit("/")[-1]) == (409, "places-taken")
    for body, problem in (
        (extra(hotel, "Такси"), "extra-time-invalid"),
        (extra(hotel, "Поздний выезд", "11:00"), "extra-time-invalid"),
        ({"extras": [{"extra_id": str(uuid4())}]}, "unknown-extra"),
    ):
        refused = await post(rita, f"{path}/extras", body)
        assert (refused.status_code, refused.json()["type"].rsplit("/")[-1]) == (422, problem)
    assert (
        await post(booking.client("dora", "front_desk"), f"{path}/extras", extra(hotel, "Завтрак"))
    ).status_code == 404
    changes = await booking.published(RESCHEDULED)
    assert [event.data.total.amount for event in changes] == [400000, 450000]
    assert [line.extra for line in changes[-1].data.lines] == [False, True, True]


@pytest.mark.feature("A17")
async def test_a_late_check_out_that_is_wanted_on_the_last_day(booking: Running) -> None:
    hotel = await add_hotel(booking, rooms=2)
    path, _ = await sold(booking, hotel, ARRIVAL, 1)
    rita = booking.client(*RITA)
    booking.at(utc(2026, 12, 11, 9))
    await booking.turn("start-lodgings")
    begun = await post(rita, f"{path}/extras", extra(hotel, "Ранний заезд", "09:00"))
    assert (begun.status_code, begun.json()["type"].rsplit("/")[-1]) == (409, "not-possible-now")
    late = await post(rita, f"{path}/extras", extra(hotel, "Поздний выезд", "19:00"))
    assert (late.status_code, late.json()["ends_at"], late.json()["place"]) == (200, "2026-12-11T19:00:00Z", "301")
    # Whoever comes that day gets the other room.
    await booking.handle(wants(hotel, date(2026, 12, 11)))
    assert (await booking.published("booking.places.held.v1"))[-1].data.places.place == "302"
    booking.at(utc(2026, 12, 11, 20))
    await booking.turn("end-lodgings")
    assert (await post(rita, f"{path}/extras", extra(hotel, "Завтрак"))).status_code == 409
