"""What booking published of its locations and resources, and the first check of a request against it.

Booking decides: it has the places. This check only spares the customer an order that is refused a moment later, so
it knows the published rules and nothing of what is taken.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from foyer_chassis.errors import InvalidError
from foyer_contracts.money import Money


class UnknownResourceError(InvalidError):
    """This offering has no such resource, or it cannot be booked now."""

    title_en = "Unknown resource"
    title_ru = "Нет такого места"


class InThePastError(InvalidError):
    """The time has already begun."""

    title_en = "In the past"
    title_ru = "Это время уже прошло"


class OutsideOpeningHoursError(InvalidError):
    """The place is closed for at least a part of that time. A booking lies within one local day."""

    title_en = "Outside opening hours"
    title_ru = "Вне часов работы"


class NotOnSlotGridError(InvalidError):
    """A booking begins and ends where slots do."""

    title_en = "Not on the slot grid"
    title_ru = "Время не совпадает с сеткой слотов"


class PriceMismatchError(InvalidError):
    """The price is another than the one you expected; look at it again."""

    title_en = "The price has changed"
    title_ru = "Цена изменилась"


class WrongCurrencyError(InvalidError):
    """The price is in another currency."""

    title_en = "Wrong currency"
    title_ru = "Другая валюта"


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """Open on `weekday` (0 = Monday) between two wall-clock times, minutes after local midnight."""

    weekday: int
    opens: int
    closes: int


@dataclass(frozen=True, slots=True)
class LocationCopy:
    """What booking published of a location: its business hours."""

    id: UUID
    zone: ZoneInfo
    opening_hours: tuple[OpeningHours, ...]
    closed_days: frozenset[date]


@dataclass(frozen=True, slots=True)
class ResourceCopy:
    """What booking published of a resource. `location_id` is None until booking has said it again."""

    id: UUID
    zone: ZoneInfo
    opening_hours: tuple[OpeningHours, ...]
    closed_days: frozenset[date]
    slot_length: timedelta
    price: Money
    active: bool
    location_id: UUID | None = None

    def check_slots(self, starts_at: datetime, ends_at: datetime, *, now: datetime) -> int:
        """How many slots are asked for.

        Raises:
            UnknownResourceError, InThePastError, OutsideOpeningHoursError, NotOnSlotGridError.
        """
        if not self.active:
            raise UnknownResourceError(field="slots.resource_id")
        if ends_at <= starts_at:
            raise NotOnSlotGridError("A booking ends after it begins.", field="slots.ends_at")
        if starts_at <= now:
            raise InThePastError(field="slots.starts_at", now=now.isoformat())
        opens_at = self._opening_around(starts_at, ends_at)
        for field, instant in (("slots.starts_at", starts_at), ("slots.ends_at", ends_at)):
            if (instant - opens_at) % self.slot_length:
                raise NotOnSlotGridError(
                    field=field,
                    slot_minutes=self.slot_length // timedelta(minutes=1),
                    allowed_from=opens_at.astimezone(self.zone).isoformat(),
                )
        return (ends_at - starts_at) // self.slot_length

    def _opening_around(self, starts_at: datetime, ends_at: datetime) -> datetime:
        day = starts_at.astimezone(self.zone).date()
        allowed = []
        for hours in self.opening_hours:
            if hours.weekday == day.weekday() and day not in self.closed_days:
                opens, closes = instant_of(day, hours.opens, self.zone), instant_of(day, hours.closes, self.zone)
                if opens <= starts_at and ends_at <= closes:
                    return opens
                allowed.append({"from": opens.isoformat(), "to": closes.isoformat()})
        raise OutsideOpeningHoursError(field="slots.starts_at", time_zone=self.zone.key, allowed=allowed)


def instant_of(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """The instant (UTC) at which the wall clock shows that many minutes after midnight; 1440 is the next midnight."""
    if minutes == 24 * 60:
        day, minutes = day + timedelta(days=1), 0
    return datetime.combine(day, time(minutes // 60, minutes % 60), zone).astimezone(UTC)


def check_price(price: Money, expected: Money | None) -> None:
    """Raises WrongCurrencyError, PriceMismatchError: the customer expected something else."""
    if expected is None:
        return
    if expected.currency != price.currency:
        raise WrongCurrencyError(field="expected_total.currency", allowed=[price.currency])
    if expected != price:
        raise PriceMismatchError(field="expected_total", price=price.model_dump())
