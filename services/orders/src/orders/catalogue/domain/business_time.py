"""Business hours: when so many minutes of them have passed (A6, X2)."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from .places import LocationCopy, instant_of

LONGEST_SEARCH_DAYS = 400


def add_business_minutes(start: datetime, minutes: int, location: LocationCopy | None) -> datetime:
    """The instant (UTC) at which `minutes` minutes of the location's business hours have passed since `start`.

    Minutes are elapsed ones: the night of a clock change takes from the hours or adds to them what it does. Without
    a location, or with one that is not open for so long within 400 days, they are minutes of the calendar.
    """
    start = start.astimezone(UTC)
    left = timedelta(minutes=minutes)
    if location is None:
        return start + left
    if minutes <= 0:
        return start
    for opens, closes in _open_times(start, location):
        begin = max(opens, start)
        if closes - begin >= left:
            return begin + left
        left -= closes - begin
    return start + timedelta(minutes=minutes)


def _open_times(start: datetime, location: LocationCopy) -> Iterator[tuple[datetime, datetime]]:
    """From, to: in ascending order, not overlapping, ending after `start`."""
    first = start.astimezone(location.zone).date()
    latest = start
    for offset in range(LONGEST_SEARCH_DAYS):
        day = first + timedelta(days=offset)
        for opens, closes in _open_on(day, location):
            # Hours may overlap as they were entered; no minute counts twice.
            begin = max(opens, latest)
            if closes > begin:
                yield begin, closes
                latest = closes


def _open_on(day: date, location: LocationCopy) -> list[tuple[datetime, datetime]]:
    if day in location.closed_days:
        return []
    return sorted(
        (instant_of(day, hours.opens, location.zone), instant_of(day, hours.closes, location.zone))
        for hours in location.opening_hours
        if hours.weekday == day.weekday()
    )
