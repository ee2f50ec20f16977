"""Business hours: when so many minutes of them have passed (A6, X2)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from .places import BusinessHours, LocationCopy

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
    for opens, closes in _open_times(start, location.hours):
        begin = max(opens, start)
        if closes - begin >= left:
            return begin + left
        left -= closes - begin
    return start + timedelta(minutes=minutes)


def _open_times(start: datetime, hours: BusinessHours) -> Iterator[tuple[datetime, datetime]]:
    """From, to: in ascending order, not overlapping, ending after `start`."""
    first = start.astimezone(hours.zone).date()
    latest = start
    for offset in range(LONGEST_SEARCH_DAYS):
        day = first + timedelta(days=offset)
        for opens, closes in hours.on(day):
            # Hours may overlap as they were entered; no minute counts twice.
            begin = max(opens, latest)
            if closes > begin:
                yield begin, closes
                latest = closes
