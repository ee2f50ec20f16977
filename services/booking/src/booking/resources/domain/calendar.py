"""When a resource can be booked: local opening hours made into slots, which are instants.

Hours are wall-clock minutes of a local day; slots are counted in elapsed time from each opening. On the day of a
clock change the local day has 23 or 25 hours, and so many more or fewer slots (X2).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from foyer_chassis.errors import InvalidError

MINUTES_A_DAY = 1440
LONGEST_SLOT_MINUTES = MINUTES_A_DAY

#: From opening to closing, wall-clock minutes after local midnight.
Hours = tuple[int, int]


class UnknownTimeZoneError(InvalidError):
    """The time zone is not in the IANA database."""

    title_en = "Unknown time zone"
    title_ru = "Неизвестный часовой пояс"


class OpeningHoursInvalidError(InvalidError):
    """Opening hours of one weekday must end after they begin and must not overlap."""

    title_en = "Opening hours are not possible"
    title_ru = "Такие часы работы невозможны"


class SpecialDaysInvalidError(InvalidError):
    """A day is special once; its hours end after they begin and do not overlap."""

    title_en = "Special days are not possible"
    title_ru = "Такие особые дни невозможны"


class OutsideOpeningHoursError(InvalidError):
    """The place is closed for at least a part of that time. A booking lies within one local day."""

    title_en = "Outside opening hours"
    title_ru = "Вне часов работы"


class NotOnSlotGridError(InvalidError):
    """A booking begins and ends where slots do."""

    title_en = "Not on the slot grid"
    title_ru = "Время не совпадает с сеткой слотов"


class InThePastError(InvalidError):
    """The time has already begun."""

    title_en = "In the past"
    title_ru = "Это время уже прошло"


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """Open on `weekday` (0 = Monday) from `opens` to `closes`, wall-clock minutes after local midnight."""

    weekday: int
    opens: int
    closes: int


@dataclass(frozen=True, slots=True)
class SpecialDay:
    """A local day that is not as its weekday: with other hours, or with none, when it is closed."""

    day: date
    name: str
    hours: tuple[Hours, ...]


@dataclass(frozen=True, slots=True)
class Holiday:
    day: date
    name: str


@dataclass(frozen=True, slots=True)
class OpenPeriod:
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a location is open, in its time zone.

    Attributes:
        closed_days: have no hours at all.
        special_hours: the hours of those open days that are not as their weekday.
    """

    zone: ZoneInfo
    opening_hours: tuple[OpeningHours, ...]
    closed_days: frozenset[date]
    special_hours: Mapping[date, tuple[Hours, ...]] = field(default_factory=dict)

    @classmethod
    def made_of(
        cls,
        zone: ZoneInfo,
        opening_hours: Sequence[OpeningHours],
        *,
        closed_days: Collection[date],
        special_days: Sequence[SpecialDay],
        holidays: Sequence[Holiday],
    ) -> "Calendar":
        """A closed day is closed whatever else is said of it; special hours open a public holiday."""
        special_hours = {special.day: special.hours for special in special_days if special.hours}
        closed = {*closed_days, *(special.day for special in special_days if not special.hours)}
        for day in closed:
            special_hours.pop(day, None)
        closed.update(holiday.day for holiday in holidays if holiday.day not in special_hours)
        return cls(zone, tuple(opening_hours), frozenset(closed), special_hours)

    def open_periods(self, day: date) -> list[OpenPeriod]:
        """When it is open on a local day, as instants."""
        if day in self.closed_days:
            return []
        hours = self.special_hours.get(day)
        if hours is None:
            hours = tuple((each.opens, each.closes) for each in self.opening_hours if each.weekday == day.weekday())
        return [OpenPeriod(self.instant(day, opens), self.instant(day, closes)) for opens, closes in hours]

    def local_day(self, instant: datetime) -> date:
        return instant.astimezone(self.zone).date()

    def instant(self, day: date, minutes: int) -> datetime:
        """The instant when the clocks show so many minutes after the midnight of that day. A time that the clocks
        skip is counted on from before the change, one that they show twice is the first (RFC 5545, 3.3.5)."""
        whole_days, minutes = divmod(minutes, MINUTES_A_DAY)
        return self.at(datetime.combine(day + timedelta(days=whole_days), time(minutes // 60, minutes % 60)))

    def at(self, wall: datetime) -> datetime:
        """The instant when the clocks show that; see `instant`."""
        return wall.replace(tzinfo=self.zone).astimezone(UTC)

    def count_slots(self, starts_at: datetime, ends_at: datetime, slot_length: timedelta, *, now: datetime) -> int:
        """How many whole slots a booking takes.

        Raises:
            InThePastError, OutsideOpeningHoursError, NotOnSlotGridError: it cannot be booked.
        """
        if ends_at <= starts_at:
            raise NotOnSlotGridError("A booking ends after it begins.", field="ends_at")
        if starts_at <= now:
            raise InThePastError(field="starts_at", now=now.isoformat())
        periods = self.open_periods(self.local_day(starts_at))
        for period in periods:
            if period.starts_at <= starts_at and ends_at <= period.ends_at:
                before, taken = starts_at - period.starts_at, ends_at - starts_at
                if before % slot_length or taken % slot_length:
                    raise NotOnSlotGridError(
                        field="starts_at" if before % slot_length else "ends_at",
                        slot_minutes=slot_length // timedelta(minutes=1),
                        allowed_from=period.starts_at.astimezone(self.zone).isoformat(),
                    )
                return taken // slot_length
        raise OutsideOpeningHoursError(
            field="starts_at",
            time_zone=self.zone.key,
            allowed=[
                {
                    "from": period.starts_at.astimezone(self.zone).isoformat(),
                    "to": period.ends_at.astimezone(self.zone).isoformat(),
                }
                for period in periods
            ],
        )


#: Read once: the standard library walks the whole zone database at every call.
_KNOWN_ZONES = frozenset(available_timezones())


def zone_of(name: str) -> ZoneInfo:
    """Raises UnknownTimeZoneError."""
    if name not in _KNOWN_ZONES:
        raise UnknownTimeZoneError(field="time_zone", value=name)
    return ZoneInfo(name)


def check_opening_hours(hours: Sequence[OpeningHours]) -> None:
    """Raises OpeningHoursInvalidError."""
    for position, item in enumerate(hours):
        if item.closes <= item.opens:
            raise OpeningHoursInvalidError(field=f"opening_hours.{position}.closes")
    by_day = sorted(hours, key=lambda item: (item.weekday, item.opens))
    for first, second in pairwise(by_day):
        if first.weekday == second.weekday and second.opens < first.closes:
            raise OpeningHoursInvalidError(field="opening_hours", weekday=first.weekday)


def check_special_days(days: Sequence[SpecialDay]) -> None:
    """Raises SpecialDaysInvalidError."""
    seen: set[date] = set()
    for position, special in enumerate(days):
        in_order = sorted(special.hours)
        wrong = any(closes <= opens for opens, closes in in_order)
        overlapping = any(second[0] < first[1] for first, second in pairwise(in_order))
        if special.day in seen or wrong or overlapping:
            raise SpecialDaysInvalidError(field=f"special_days.{position}", day=special.day.isoformat())
        seen.add(special.day)
