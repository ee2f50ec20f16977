"""Bookings that recur: the value of an RRULE (RFC 5545, 3.3.10) made into times by the location's wall clock (X5).

Understood are FREQ (DAILY, WEEKLY, MONTHLY), INTERVAL, COUNT, UNTIL, BYDAY, BYMONTHDAY and WKST; there are at most
`MOST_OCCURRENCES` times within a year of the first. 9:00 stays 9:00 over a change of clocks.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from dateutil import rrule
from foyer_chassis.errors import InvalidError

from ..claiming.domain import Book, Taken
from ..resources.domain import Resource

MOST_OCCURRENCES = 104
LONGEST = timedelta(days=366)

_FREQUENCIES: dict[str, Literal[1, 2, 3]] = {"DAILY": rrule.DAILY, "WEEKLY": rrule.WEEKLY, "MONTHLY": rrule.MONTHLY}
_WEEKDAYS = {name: getattr(rrule, name) for name in ("MO", "TU", "WE", "TH", "FR", "SA", "SU")}
_PARTS = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "WKST"})
_DAY = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)")


class RecurrenceInvalidError(InvalidError):
    """The recurrence is not understood, has no end, is longer than allowed, or does not begin with the booking."""

    title_en = "The recurrence is not possible"
    title_ru = "Такое повторение невозможно"


@dataclass(frozen=True, slots=True)
class Time:
    """One time of a booking.

    Attributes:
        number: counted from 0, with those that are skipped.
        skipped: left out by who orders.
    """

    number: int
    starts_at: datetime
    ends_at: datetime
    skipped: bool = False


def times_of(
    recurrence: str, starts_at: datetime, ends_at: datetime, zone: ZoneInfo, skip: Collection[date]
) -> list[Time]:
    """All times of a booking that recurs; the first is from `starts_at` to `ends_at`. Times that the clocks skip or
    show twice are as `Calendar.instant` says.

    Raises:
        RecurrenceInvalidError
    """
    try:
        return _times_of(recurrence, starts_at, ends_at, zone, frozenset(skip))
    except OverflowError:
        raise RecurrenceInvalidError("It goes beyond the calendar.", field="starts_at") from None


def _times_of(
    recurrence: str, starts_at: datetime, ends_at: datetime, zone: ZoneInfo, skipped: frozenset[date]
) -> list[Time]:
    first = starts_at.astimezone(zone).replace(tzinfo=None)
    length = ends_at.astimezone(zone).replace(tzinfo=None) - first
    if length <= timedelta(0):
        raise RecurrenceInvalidError("A booking ends after it begins.", field="ends_at")
    starts = _starts(_parts(recurrence), first, zone)

    def instant(local: datetime) -> datetime:
        return local.replace(tzinfo=zone).astimezone(UTC)

    times = [
        Time(number, instant(local), instant(local + length), local.date() in skipped)
        for number, local in enumerate(starts)
    ]
    times[0] = Time(0, starts_at, ends_at, first.date() in skipped)
    if all(each.skipped for each in times):
        raise RecurrenceInvalidError("Nothing is left of it.", field="skip")
    return times


def _parts(recurrence: str) -> Mapping[str, str]:
    parts: dict[str, str] = {}
    for part in recurrence.removeprefix("RRULE:").split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value or name not in _PARTS or name in parts:
            raise RecurrenceInvalidError(field="recurrence", value=part[:40], allowed=sorted(_PARTS))
        parts[name] = value
    if parts.get("FREQ") not in _FREQUENCIES:
        raise RecurrenceInvalidError(field="recurrence.FREQ", allowed=sorted(_FREQUENCIES))
    if ("COUNT" in parts) == ("UNTIL" in parts):
        raise RecurrenceInvalidError("It ends by COUNT or by UNTIL.", field="recurrence")
    return parts


def _starts(parts: Mapping[str, str], first: datetime, zone: ZoneInfo) -> list[datetime]:
    limit = first + LONGEST
    until = _until(parts["UNTIL"], zone) if "UNTIL" in parts else limit
    count = _number(parts, "COUNT", MOST_OCCURRENCES) if "COUNT" in parts else None
    if until > limit:
        raise RecurrenceInvalidError(field="recurrence.UNTIL", most_days=LONGEST.days)
    rule = rrule.rrule(
        _FREQUENCIES[parts["FREQ"]],
        dtstart=first,
        interval=_number(parts, "INTERVAL", LONGEST.days) if "INTERVAL" in parts else 1,
        wkst=_days(parts, "WKST")[0] if "WKST" in parts else rrule.MO,
        byweekday=_days(parts, "BYDAY") if "BYDAY" in parts else None,
        bymonthday=_month_days(parts["BYMONTHDAY"]) if "BYMONTHDAY" in parts else None,
        until=until,
    )
    starts = list(islice(rule, MOST_OCCURRENCES + 1 if count is None else count))
    if len(starts) > MOST_OCCURRENCES:
        raise RecurrenceInvalidError(field="recurrence", most=MOST_OCCURRENCES)
    if count is not None and len(starts) < count:
        raise RecurrenceInvalidError(field="recurrence.COUNT", most_days=LONGEST.days)
    if not starts or starts[0] != first:
        raise RecurrenceInvalidError("It begins with the booking's own time.", field="recurrence")
    return starts


def _number(parts: Mapping[str, str], name: str, most: int) -> int:
    value = parts[name]
    if not (value.isascii() and value.isdigit()) or not 1 <= int(value[:9]) <= most:
        raise RecurrenceInvalidError(field=f"recurrence.{name}", allowed=[1, most])
    return int(value)


def _days(parts: Mapping[str, str], name: str) -> list[rrule.weekday]:
    days = []
    for item in parts[name].split(","):
        found = _DAY.fullmatch(item)
        if found is None or (found[1] and (name == "WKST" or parts["FREQ"] != "MONTHLY")):
            raise RecurrenceInvalidError(field=f"recurrence.{name}", value=item[:40])
        days.append(_WEEKDAYS[found[2]](int(found[1])) if found[1] else _WEEKDAYS[found[2]])
    return days


def _month_days(value: str) -> list[int]:
    days = []
    for item in value.split(","):
        if not re.fullmatch(r"[+-]?[0-9]{1,2}", item) or not 1 <= abs(int(item)) <= 31:
            raise RecurrenceInvalidError(field="recurrence.BYMONTHDAY", value=item[:40])
        days.append(int(item))
    return days


def _until(value: str, zone: ZoneInfo) -> datetime:
    """The last local time: a date is meant with all of its day, what ends in Z is in UTC."""
    try:
        if value.endswith("Z"):
            instant = datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            return instant.astimezone(zone).replace(tzinfo=None)
        if "T" in value:
            return datetime.strptime(value, "%Y%m%dT%H%M%S")  # noqa: DTZ007 (a wall-clock time)
        return datetime.combine(datetime.strptime(value, "%Y%m%d").date(), time.max)  # noqa: DTZ007
    except (ValueError, OverflowError):
        raise RecurrenceInvalidError(field="recurrence.UNTIL", value=value[:40]) from None


@dataclass(frozen=True, slots=True)
class Planned:
    """One time of a booking that recurs, and whether it can be had.

    Attributes:
        slots: 0 where the time cannot be booked at all.
        reason: why it cannot be had; None: it can.
        places: what it takes, per resource.
    """

    time: Time
    slots: int
    reason: str | None
    places: Mapping[UUID, Sequence[Taken]]


def plan(resource: Resource, quantity: int, times: Sequence[Time], book: Book, *, now: datetime) -> list[Planned]:
    """Each time with what it takes or why it cannot be had: by the resource's rules, and by what is taken, these times
    among themselves too. They are had all or none: with a reason anywhere, the book is as it was.

    Raises:
        TooManyPlacesError: the resource has fewer places.
    """
    needs = resource.needs(quantity)
    planned = []
    mark = book.mark()
    for time_ in times:
        if time_.skipped:
            planned.append(Planned(time_, 0, None, {}))
            continue
        try:
            slots = resource.quote(time_.starts_at, time_.ends_at, now=now)
        except InvalidError as error:
            planned.append(Planned(time_, 0, error.slug().replace("-", "_"), {}))
            continue
        places = book.take(needs, resource.blocked(time_.starts_at, time_.ends_at))
        planned.append(Planned(time_, slots, "places_taken" if places is None else None, places or {}))
    if any(each.reason for each in planned):
        book.back_to(mark)
    return planned
