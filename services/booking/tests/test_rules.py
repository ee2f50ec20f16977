"""Special days, public holidays and the rules of a resource (X2, X5): the same for who lists and who orders."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from booking.resources.domain import Calendar, Holiday, OpeningHours, SpecialDay
from foyer_chassis.testing import Running, utc

from .conftest import NINE_TO_NINE, NOW, TOMORROW, add_resource, cancelled, placed

UNAVAILABLE = "booking.places.unavailable.v1"
LOCATION, RESOURCE = "booking.location.changed.v1", "booking.resource.changed.v1"


async def reasons(booking: Running) -> list[str]:
    return [event.data.reason for event in await booking.published(UNAVAILABLE)]


async def change_location(booking: Running, resource: UUID, **more: Any) -> Any:
    admin = booking.client("alex", "administrator")
    location = (await admin.get(f"/v1/resources/{resource}")).json()["location_id"]
    found = await admin.get(f"/v1/locations/{location}")
    body = {key: value for key, value in found.json().items() if key not in ("id", "version", "holidays")}
    headers = {"If-Match": found.headers["ETag"]}
    return await admin.put(f"/v1/locations/{location}", json={**body, **more}, headers=headers)


async def slots_of(booking: Running, resource: UUID, day: str) -> list[dict[str, Any]]:
    answer = await booking.client("anna").get(f"/v1/resources/{resource}/availability", params={"from": day})
    assert answer.status_code == 200, answer.text
    slots: list[dict[str, Any]] = answer.json()["days"][0]["slots"]
    return slots


def test_a_day_is_closed_or_special_or_as_its_weekday() -> None:
    hours = [OpeningHours(weekday, 540, 1260) for weekday in range(5)]
    new_year, eve, saturday = date(2027, 1, 1), date(2026, 12, 31), date(2027, 1, 2)
    calendar = Calendar.made_of(
        ZoneInfo("UTC"),
        hours,
        closed_days=[date(2026, 12, 3)],
        special_days=[
            SpecialDay(eve, "Канун", ((600, 720), (780, 960))),
            SpecialDay(saturday, "Открытая суббота", ((600, 720),)),
            SpecialDay(date(2026, 12, 4), "Учёт", ()),
            SpecialDay(date(2026, 12, 3), "Всё равно закрыто", ((600, 720),)),
        ],
        holidays=[Holiday(new_year, "Новый год"), Holiday(saturday, "Каникулы")],
    )
    opened = {day: [(p.starts_at.hour, p.ends_at.hour) for p in calendar.open_periods(day)] for day in (eve, saturday)}
    assert opened == {eve: [(10, 12), (13, 16)], saturday: [(10, 12)]}
    for day in (date(2026, 12, 3), date(2026, 12, 4), new_year, date(2026, 12, 5)):
        assert calendar.open_periods(day) == []
    assert [p.starts_at for p in calendar.open_periods(date(2026, 12, 7))] == [utc(2026, 12, 7, 9)]


@pytest.mark.feature("X5")
async def test_special_hours_and_public_holidays_are_kept_shown_and_published(booking: Running) -> None:
    resource = await add_resource(booking, hours=NINE_TO_NINE)
    special = [
        {"day": "2026-12-02", "name": "Короткий день", "hours": [{"opens": 600, "closes": 660}]},
        {"day": "2027-01-01", "name": "Открыты в Новый год", "hours": [{"opens": 720, "closes": 780}]},
        {"day": "2026-12-03", "name": "Учёт", "hours": []},
    ]
    answer = await change_location(booking, resource, special_days=special, holidays_country="RU")
    assert answer.status_code == 200, answer.text
    holidays = {item["day"]: item["name"] for item in answer.json()["holidays"]}
    assert {"2027-01-01", "2027-05-09", "2028-02-23"} <= set(holidays)
    assert answer.json()["closed_days"] == []
    assert [slot["starts_at"][11:16] for slot in await slots_of(booking, resource, "2026-12-02")] == ["10:00", "10:30"]
    assert [slot["starts_at"][11:16] for slot in await slots_of(booking, resource, "2027-01-01")] == ["12:00", "12:30"]
    assert await slots_of(booking, resource, "2026-12-03") == []
    assert await slots_of(booking, resource, "2027-01-07") == []
    for type_ in (LOCATION, RESOURCE):
        data = (await booking.published(type_))[-1].data
        assert {date(2026, 12, 3), date(2027, 1, 7)} <= set(data.closed_days)
        assert date(2027, 1, 1) not in data.closed_days
        assert [(item.day.isoformat(), item.opens, item.closes) for item in data.special_hours] == [
            ("2026-12-02", 600, 660),
            ("2027-01-01", 720, 780),
        ]
    await booking.handle(placed(resource), placed(resource, TOMORROW + timedelta(hours=1), minutes=60))
    assert await reasons(booking) == ["outside_opening_hours"]


@pytest.mark.feature("X5")
async def test_holidays_of_the_next_years_come_with_the_turn_of_the_year_once(booking: Running) -> None:
    resource = await add_resource(booking)
    await change_location(booking, resource, holidays_country="RU")
    before = await booking.published()
    await booking.turn("extend-holidays")
    assert await booking.published() == before
    booking.at(utc(2027, 1, 1, 0))
    await booking.turn("extend-holidays")
    await booking.turn("extend-holidays")
    happened = (await booking.published())[len(before) :]
    assert [event.type for event in happened] == [LOCATION, RESOURCE]
    assert date(2029, 6, 12) in happened[1].data.closed_days
    assert date(2026, 11, 4) not in happened[1].data.closed_days


async def test_impossible_days_and_rules_are_refused(booking: Running) -> None:
    resource = await add_resource(booking)
    for more, problem, field in (
        ({"holidays_country": "XX"}, "unknown-country", "holidays_country"),
        (
            {"special_days": [{"day": "2026-12-02", "name": "X", "hours": [{"opens": 600, "closes": 600}]}]},
            "special-days-invalid",
            "special_days.0",
        ),
        (
            {"special_days": [{"day": "2026-12-02", "name": "X"}, {"day": "2026-12-02", "name": "Y"}]},
            "special-days-invalid",
            "special_days.1",
        ),
    ):
        answer = await change_location(booking, resource, **more)
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (422, problem)
        assert answer.json()["field"] == field
    admin = booking.client("alex", "administrator")
    body = (await admin.get(f"/v1/resources/{resource}")).json()
    price = body["price"]
    wrong = {"location_id": body["location_id"], "name": "X", "slot_minutes": 30, "price": price}
    answer = await admin.post(
        "/v1/resources", json={**wrong, "min_slots": 3, "max_slots": 2}, headers={"Idempotency-Key": uuid4().hex}
    )
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (422, "rules-invalid")


@pytest.mark.feature("A11")
@pytest.mark.parametrize(
    ("starts_in", "minutes", "reason"),
    [
        (timedelta(hours=24), 30, "too_short"),
        (timedelta(hours=24), 150, "too_long"),
        (timedelta(hours=2, minutes=30), 60, "too_soon"),
        (timedelta(days=3, hours=15), 60, "too_far_ahead"),
        (timedelta(hours=3), 60, None),
        (timedelta(days=3, hours=14), 60, None),
    ],
)
async def test_rules_bind_who_orders(booking: Running, starts_in: timedelta, minutes: int, reason: str | None) -> None:
    """Now it is 9:00 of the 1st in UTC: the horizon of three days ends with the 4th."""
    rules: dict[str, Any] = {"min_slots": 2, "max_slots": 4, "notice_minutes": 180, "horizon_days": 3}
    resource = await add_resource(booking, **rules)
    await booking.handle_twice(placed(resource, NOW + starts_in, minutes=minutes))
    assert await reasons(booking) == ([] if reason is None else [reason])
    data = (await booking.published(RESOURCE))[-1].data
    assert {name: getattr(data, name) for name in rules} == rules


@pytest.mark.feature("A11")
async def test_an_order_is_given_just_what_is_listed(booking: Running) -> None:
    """It is 9:10 of the day: what has begun, what is inside the notice, what is too short or too long, what lies in a gap
    that is too short, what is beyond the horizon. Every booking of the day is tried."""
    hours = [{"weekday": day, "opens": 540, "closes": 780} for day in range(7)]
    rules: dict[str, Any] = {"min_slots": 2, "max_slots": 3, "notice_minutes": 40, "horizon_days": 0}
    resource = await add_resource(booking, hours=hours, **rules)
    taken = placed(resource, TOMORROW + timedelta(minutes=120), minutes=60)
    booking.at(TOMORROW)
    await booking.handle(taken)
    booking.at(TOMORROW + timedelta(minutes=10))
    slots = await slots_of(booking, resource, "2026-12-02")
    listed = "".join(str(slot["left"]) for slot in slots)
    assert listed == "00110011"  # 9:00 … 12:30: only from 10:00 and from 12:00 two slots in a row are left
    for first in range(8):
        for last in range(first + 1, 9):
            order = placed(resource, TOMORROW + first * timedelta(minutes=30), minutes=(last - first) * 30)
            before = len(await booking.published())
            await booking.handle(order, cancelled(order.data.order_id, "customer_request"))
            had = "booking.places.held.v1" in [event.type for event in (await booking.published())[before:]]
            assert had == (last - first in (2, 3) and "0" not in listed[first:last]), (first, last)
    assert {slot["left"] for slot in await slots_of(booking, resource, "2026-12-03")} == {0}
    answer = await booking.client("anna").get(
        "/v1/availability", params={"resource_id": str(resource), "from": "2026-12-02", "days": 2}
    )
    free = [item["starts_at"][11:16] for day in answer.json()["items"][0]["days"] for item in day["free"]]
    assert free == ["10:00", "12:00"]
