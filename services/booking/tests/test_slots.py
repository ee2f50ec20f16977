"""The slot grid: local rules made into instants, also on the day of a clock change (X2)."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from booking.availability.domain import Run, runs_of
from booking.resources.domain import (
    Calendar,
    InThePastError,
    NotOnSlotGridError,
    OpeningHours,
    OutsideOpeningHoursError,
)
from foyer_chassis.testing import Running, utc

from .conftest import NINE_TO_NINE, NOW, add_resource
from .test_claims import resource_of

HALF_HOUR = timedelta(minutes=30)
ALWAYS = tuple(OpeningHours(day, 0, 1440) for day in range(7))


def runs(calendar: Calendar, day: date) -> list[Run]:
    """What is listed of a day on which nothing is taken."""
    resource = resource_of(calendar=calendar, slot_length=HALF_HOUR)
    opened = {day: [(period.starts_at, period.ends_at) for period in calendar.open_periods(day)]}
    return runs_of(resource, opened, {resource.id: []}, now=NOW)[day]


@pytest.mark.feature("X2")
@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2027, 3, 27), 24),
        ("Europe/Berlin", date(2027, 3, 28), 23),
        ("Europe/Berlin", date(2027, 10, 31), 25),
        ("Europe/Berlin", date(2027, 11, 1), 24),
        ("Asia/Yekaterinburg", date(2027, 3, 28), 24),
        ("Asia/Yekaterinburg", date(2027, 10, 31), 24),
    ],
)
def test_day_of_clock_change_has_its_hours(zone: str, day: date, hours: int) -> None:
    (run,) = runs(Calendar(ZoneInfo(zone), ALWAYS, frozenset()), day)
    assert run.left == [1] * hours * 2
    assert run.opens == datetime.combine(day, time(), ZoneInfo(zone))


@pytest.mark.feature("X2")
async def test_availability_shows_the_doubled_hour_with_both_offsets(booking: Running) -> None:
    resource = await add_resource(booking, time_zone="Europe/Berlin", slot_minutes=60)
    answer = await booking.client("anna").get(f"/v1/resources/{resource}/availability", params={"from": "2027-10-31"})
    assert answer.status_code == 200
    starts = [slot["starts_at"] for slot in answer.json()["days"][0]["slots"]]
    assert len(starts) == 25
    assert "2027-10-31T02:00:00+02:00" in starts
    assert "2027-10-31T02:00:00+01:00" in starts


@pytest.mark.feature("X2")
async def test_the_skipped_hour_is_not_offered(booking: Running) -> None:
    resource = await add_resource(booking, time_zone="Europe/Berlin", slot_minutes=60)
    answer = await booking.client("anna").get(f"/v1/resources/{resource}/availability", params={"from": "2027-03-28"})
    starts = [slot["starts_at"] for slot in answer.json()["days"][0]["slots"]]
    assert len(starts) == 23
    assert not [start for start in starts if start.startswith("2027-03-28T02")]


@pytest.mark.feature("X2")
def test_nine_to_nine_stays_so_by_the_wall_clock() -> None:
    calendar = Calendar(ZoneInfo("Europe/Berlin"), tuple(OpeningHours(d, 540, 1260) for d in range(7)), frozenset())
    assert [run.opens for run in runs(calendar, date(2027, 3, 27))] == [utc(2027, 3, 27, 8)]
    assert [run.opens for run in runs(calendar, date(2027, 3, 28))] == [utc(2027, 3, 28, 7)]


@pytest.mark.feature("A11")
def test_quote_counts_whole_slots_only() -> None:
    calendar = Calendar(ZoneInfo("UTC"), (OpeningHours(2, 540, 1260),), frozenset({date(2026, 12, 9)}))
    day = utc(2026, 12, 2, 0)  # a Wednesday
    ten = day + timedelta(hours=10)
    assert calendar.count_slots(ten, ten + timedelta(hours=2), HALF_HOUR, now=NOW) == 4
    for start, end, error in [
        (ten, ten, NotOnSlotGridError),
        (ten, ten - HALF_HOUR, NotOnSlotGridError),
        (ten + timedelta(minutes=10), ten + timedelta(minutes=40), NotOnSlotGridError),
        (ten, ten + timedelta(minutes=40), NotOnSlotGridError),
        (day + timedelta(hours=8), day + timedelta(hours=10), OutsideOpeningHoursError),
        (day + timedelta(hours=20), day + timedelta(hours=22), OutsideOpeningHoursError),
        (ten, ten + timedelta(hours=25), OutsideOpeningHoursError),
        (ten + timedelta(days=1), ten + timedelta(days=1, hours=1), OutsideOpeningHoursError),
        (ten + timedelta(days=7), ten + timedelta(days=7, hours=1), OutsideOpeningHoursError),
        (ten - timedelta(days=7), ten - timedelta(days=7) + HALF_HOUR, InThePastError),
    ]:
        with pytest.raises(error):
            calendar.count_slots(start, end, HALF_HOUR, now=NOW)


async def test_free_times_of_many_agree_with_the_slots(booking: Running) -> None:
    one = await add_resource(booking, hours=NINE_TO_NINE, time_zone="Asia/Yekaterinburg")
    two = await add_resource(booking, time_zone="America/New_York")
    anna = booking.client("anna")
    answer = await anna.get(
        "/v1/availability", params={"resource_id": [str(one), str(two)], "from": "2026-12-02", "days": 2}
    )
    assert answer.status_code == 200
    by_id = {item["resource_id"]: item for item in answer.json()["items"]}
    assert [d["free"] for d in by_id[str(one)]["days"]] == [
        [{"starts_at": "2026-12-02T04:00:00Z", "ends_at": "2026-12-02T16:00:00Z", "left": 1}],
        [{"starts_at": "2026-12-03T04:00:00Z", "ends_at": "2026-12-03T16:00:00Z", "left": 1}],
    ]
    assert by_id[str(two)]["days"][1]["free"] == [
        {"starts_at": "2026-12-03T05:00:00Z", "ends_at": "2026-12-04T05:00:00Z", "left": 1}
    ]


async def test_bad_places_get_clear_problems(booking: Running) -> None:
    admin = booking.client("alex", "administrator")

    async def post(path: str, **body: object) -> tuple[int, dict[str, object]]:
        answer = await admin.post(path, json=body, headers={"Idempotency-Key": "k"})
        return answer.status_code, answer.json()

    status, problem = await post("/v1/locations", name="X", time_zone="Mars/Base", opening_hours=[])
    assert (status, problem["type"]) == (422, "https://foyer.dev/problems/unknown-time-zone")
    overlapping = [{"weekday": 0, "opens": 0, "closes": 600}, {"weekday": 0, "opens": 540, "closes": 700}]
    status, problem = await post("/v1/locations", name="X", time_zone="UTC", opening_hours=overlapping)
    assert (status, problem["type"]) == (422, "https://foyer.dev/problems/opening-hours-invalid")
    price = {"amount": 1, "currency": "RUB"}
    missing = "019ad9a0-0000-7000-8000-000000000000"
    status, _ = await post("/v1/resources", location_id=missing, name="X", slot_minutes=30, price=price)
    assert status == 404
    for bad in (
        {"amount": -1, "currency": "RUB"},
        {"amount": False, "currency": "RUB"},
        {"amount": 1, "currency": "rub"},
    ):
        status, problem = await post("/v1/resources", location_id=missing, name="X", slot_minutes=30, price=bad)
        assert (status, problem["type"]) == (422, "https://foyer.dev/problems/invalid")
    assert await booking.published() == []
