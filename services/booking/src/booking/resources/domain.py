"""When a resource can be booked: local opening hours made into slots, which are instants.

Hours are wall-clock minutes of a local day; slots are counted in elapsed time from each opening. On the day of a
clock change the local day has 23 or 25 hours, and so many more or fewer slots (X2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from foyer_chassis.errors import InvalidError
from foyer_contracts.money import Money

MINUTES_A_DAY = 1440
LONGEST_SLOT_MINUTES = MINUTES_A_DAY


class UnknownTimeZoneError(InvalidError):
    """The time zone is not in the IANA database."""

    title_en = "Unknown time zone"
    title_ru = "Неизвестный часовой пояс"


class OpeningHoursInvalidError(InvalidError):
    """Opening hours of one weekday must end after they begin and must not overlap."""

    title_en = "Opening hours are not possible"
    title_ru = "Такие часы работы невозможны"


class UnknownResourceError(InvalidError):
    """There is no such resource, or it cannot be booked now."""

    title_en = "Unknown resource"
    title_ru = "Нет такого места"


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
class Slot:
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Calendar:
    """Opening hours and closed days of a location in its time zone."""

    zone: ZoneInfo
    opening_hours: tuple[OpeningHours, ...]
    closed_days: frozenset[date]

    def open_periods(self, day: date) -> list[Slot]:
        """When it is open on a local day, as instants."""
        if day in self.closed_days:
            return []
        return [
            Slot(self._instant(day, hours.opens), self._instant(day, hours.closes))
            for hours in self.opening_hours
            if hours.weekday == day.weekday()
        ]

    def _instant(self, day: date, minutes: int) -> datetime:
        whole_days, minutes = divmod(minutes, MINUTES_A_DAY)
        wall = datetime.combine(day + timedelta(days=whole_days), time(minutes // 60, minutes % 60), self.zone)
        return wall.astimezone(UTC)

    def slots(self, day: date, slot_length: timedelta) -> list[Slot]:
        """The slots of a local day. What is left at closing and is shorter than a slot is not bookable."""
        return [
            Slot(period.starts_at + n * slot_length, period.starts_at + (n + 1) * slot_length)
            for period in self.open_periods(day)
            for n in range((period.ends_at - period.starts_at) // slot_length)
        ]

    def count_slots(self, starts_at: datetime, ends_at: datetime, slot_length: timedelta, *, now: datetime) -> int:
        """How many whole slots a booking takes.

        Raises:
            InThePastError, OutsideOpeningHoursError, NotOnSlotGridError: it cannot be booked.
        """
        if ends_at <= starts_at:
            raise NotOnSlotGridError("A booking ends after it begins.", field="ends_at")
        if starts_at <= now:
            raise InThePastError(field="starts_at", now=now.isoformat())
        periods = self.open_periods(starts_at.astimezone(self.zone).date())
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


@dataclass(frozen=True, slots=True)
class Location:
    id: UUID
    name: str
    calendar: Calendar
    version: int


@dataclass(frozen=True, slots=True)
class Resource:
    """A thing that can be booked by the slot.

    Attributes:
        price: of one slot.
        hold_ttl: how long places are held for an unpaid order; None: the service's default.
    """

    id: UUID
    location: Location
    name: str
    slot_length: timedelta
    price: Money
    hold_ttl: timedelta | None
    active: bool
    version: int

    def quote(self, starts_at: datetime, ends_at: datetime, *, now: datetime) -> int:
        """Number of slots of a booking, if it can be booked at all; see `Calendar.count_slots`."""
        return self.location.calendar.count_slots(starts_at, ends_at, self.slot_length, now=now)
