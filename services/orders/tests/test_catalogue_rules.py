"""Rules of the catalogue that need no database: business hours, cancelling, statuses of opening."""

from datetime import date, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from foyer_chassis.testing import utc
from hypothesis import given
from hypothesis import strategies as st
from orders.catalogue.domain import (
    BusinessHours,
    CancellationStep,
    LocationCopy,
    OpeningHours,
    SpecialHours,
    add_business_minutes,
    cancellation_fee_percent,
)

WEEKDAYS = tuple(OpeningHours(day, 9 * 60, 18 * 60) for day in range(5))


def place(
    zone: str = "Europe/Moscow",
    hours: tuple[OpeningHours, ...] = WEEKDAYS,
    closed: tuple[date, ...] = (),
    special: tuple[SpecialHours, ...] = (),
) -> LocationCopy:
    return LocationCopy(uuid4(), BusinessHours(ZoneInfo(zone), hours, frozenset(closed), special))


@pytest.mark.feature("A6")
@pytest.mark.parametrize(
    ("start", "minutes", "due"),
    [
        # Tuesday 2026-12-01, 9:00–18:00 in Moscow is 6:00–15:00 UTC.
        (utc(2026, 12, 1, 7), 30, utc(2026, 12, 1, 7, 30)),
        (utc(2026, 12, 1, 2), 30, utc(2026, 12, 1, 6, 30)),
        (utc(2026, 12, 1, 14, 50), 30, utc(2026, 12, 2, 6, 20)),
        (utc(2026, 12, 1, 15), 1, utc(2026, 12, 2, 6, 1)),
        (utc(2026, 12, 1, 6), 9 * 60, utc(2026, 12, 1, 15)),
        (utc(2026, 12, 1, 6), 9 * 60 + 1, utc(2026, 12, 2, 6, 1)),
        (utc(2026, 12, 4, 14), 120, utc(2026, 12, 7, 7)),  # over a weekend
        (utc(2026, 12, 5, 10), 60, utc(2026, 12, 7, 7)),  # on a Saturday
        (utc(2026, 12, 1, 6), 5 * 9 * 60 + 30, utc(2026, 12, 8, 6, 30)),  # a working week and a half hour
        (utc(2026, 12, 1, 3), 0, utc(2026, 12, 1, 3)),
    ],
)
def test_minutes_of_business_hours(start: datetime, minutes: int, due: datetime) -> None:
    assert add_business_minutes(start, minutes, place()) == due


@pytest.mark.feature("A6")
def test_closed_days_do_not_count() -> None:
    closed = place(closed=(date(2026, 12, 2), date(2026, 12, 3)))
    assert add_business_minutes(utc(2026, 12, 1, 14, 30), 60, closed) == utc(2026, 12, 4, 6, 30)


@pytest.mark.feature("X5")
def test_special_hours_stand_in_for_those_of_the_weekday() -> None:
    # 2026-12-02 from 12 to 14 only, in two parts; and an open Saturday.
    hours = ((2, 13 * 60, 14 * 60), (2, 12 * 60, 13 * 60), (5, 10 * 60, 11 * 60))
    special = tuple(SpecialHours(date(2026, 12, day), opens, closes) for day, opens, closes in hours)
    here = place(special=special)
    assert add_business_minutes(utc(2026, 12, 1, 15), 90, here) == utc(2026, 12, 2, 10, 30)
    assert add_business_minutes(utc(2026, 12, 1, 15), 121, here) == utc(2026, 12, 3, 6, 1)
    assert add_business_minutes(utc(2026, 12, 4, 15), 30, here) == utc(2026, 12, 5, 7, 30)


@pytest.mark.feature("X2")
def test_over_a_change_of_clocks() -> None:
    daily = tuple(OpeningHours(day, 60, 5 * 60) for day in range(7))
    berlin = place("Europe/Berlin", daily)
    # 2027-03-28: 02:00 becomes 03:00, so 1:00–5:00 has three hours; 2027-10-31 has five.
    assert add_business_minutes(utc(2027, 3, 28, 0), 3 * 60, berlin) == utc(2027, 3, 28, 3)
    assert add_business_minutes(utc(2027, 3, 28, 0), 3 * 60 + 1, berlin) == utc(2027, 3, 28, 23, 1)
    assert add_business_minutes(utc(2027, 10, 30, 23), 5 * 60, berlin) == utc(2027, 10, 31, 4)
    nine_to_six = place("Europe/Berlin")
    # 9:00 is 8:00 UTC in winter and 7:00 in summer.
    assert add_business_minutes(utc(2027, 3, 26, 16, 30), 60, nine_to_six) == utc(2027, 3, 29, 7, 30)


@pytest.mark.feature("X2")
def test_round_the_clock_is_the_calendar() -> None:
    always = place("Europe/Berlin", tuple(OpeningHours(day, 0, 1440) for day in range(7)))
    start = utc(2027, 3, 27, 12, 34)
    assert add_business_minutes(start, 3 * 1440, always) == start + timedelta(days=3)


@pytest.mark.feature("A6")
def test_without_business_hours_the_calendar_counts() -> None:
    start = datetime(2026, 12, 1, 10, tzinfo=ZoneInfo("Europe/Moscow"))
    due = utc(2026, 12, 1, 8)
    assert add_business_minutes(start, 60, None) == due
    assert add_business_minutes(start, 60, place(hours=())) == due
    assert add_business_minutes(start, 60, None).utcoffset() == timedelta(0)
    once = place(hours=(OpeningHours(0, 540, 541),))
    # A minute a week for 400 days does not suffice for two hours.
    assert add_business_minutes(start, 120, once) == due + timedelta(hours=1)


def test_hours_entered_twice_count_once() -> None:
    overlapping = place(hours=(OpeningHours(1, 540, 720), OpeningHours(1, 600, 660), OpeningHours(1, 700, 780)))
    assert add_business_minutes(utc(2026, 12, 1, 6), 240, overlapping) == utc(2026, 12, 1, 10)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)),
    st.integers(1, 3000),
    st.integers(1, 3000),
    st.sampled_from(["Europe/Moscow", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_minutes_add_up(start: datetime, first: int, second: int, zone: str) -> None:
    """Waiting once for both is waiting for one and then for the other."""
    here, begin = place(zone), start.replace(tzinfo=ZoneInfo("UTC"))
    between = add_business_minutes(begin, first, here)
    assert add_business_minutes(between, second, here) == add_business_minutes(begin, first + second, here)
    local = (between - timedelta(microseconds=1)).astimezone(here.hours.zone)
    assert local.weekday() < 5
    assert 9 <= local.hour < 18


@pytest.mark.feature("X4")
@pytest.mark.parametrize(
    ("hours_left", "percent"),
    [(48, 0), (24, 0), (23.99, 50), (2, 50), (1.99, 100), (0, 100), (-5, 100)],
)
def test_what_cancelling_costs(hours_left: float, percent: int) -> None:
    steps = (CancellationStep(24, 50), CancellationStep(2, 100))
    assert cancellation_fee_percent(steps, timedelta(hours=hours_left)) == percent
    assert cancellation_fee_percent((), timedelta(hours=hours_left)) == 0
