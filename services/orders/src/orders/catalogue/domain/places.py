"""What booking published of its locations and resources, and the first check of a request against it.

Booking decides: it has the places. This check only spares the customer an order that is refused a moment later, so
it knows the published rules and nothing of what is taken.
"""

from collections.abc import Iterable
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


class TooShortError(InvalidError):
    """A booking of this place has more slots at least."""

    title_en = "Too short"
    title_ru = "Слишком короткое бронирование"


class TooLongError(InvalidError):
    """A booking of this place has fewer slots at most."""

    title_en = "Too long"
    title_ru = "Слишком длинное бронирование"


class TooSoonError(InvalidError):
    """This place is booked longer before."""

    title_en = "Too soon"
    title_ru = "Слишком поздно для бронирования"


class TooFarAheadError(InvalidError):
    """This place cannot be booked so long before yet."""

    title_en = "Too far ahead"
    title_ru = "Слишком рано для бронирования"


class TooManyPlacesError(InvalidError):
    """There are not so many places of this kind at all."""

    title_en = "Too many places"
    title_ru = "Столько мест здесь нет"


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """Open on `weekday` (0 = Monday) between two wall-clock times, minutes after local midnight."""

    weekday: int
    opens: int
    closes: int


@dataclass(frozen=True, slots=True)
class SpecialHours:
    """Open on that one day between two wall-clock times, instead of the hours of its weekday."""

    day: date
    opens: int
    closes: int


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """When a location is open, by its wall clock."""

    zone: ZoneInfo
    opening_hours: tuple[OpeningHours, ...]
    closed_days: frozenset[date] = frozenset()
    special_hours: tuple[SpecialHours, ...] = ()

    def on(self, day: date) -> list[tuple[datetime, datetime]]:
        """From, to of a local day, in ascending order of their beginnings."""
        hours: Iterable[OpeningHours | SpecialHours] = [item for item in self.special_hours if item.day == day]
        if not hours and day not in self.closed_days:
            hours = (item for item in self.opening_hours if item.weekday == day.weekday())
        return sorted(
            (instant_of(day, item.opens, self.zone), instant_of(day, item.closes, self.zone)) for item in hours
        )


@dataclass(frozen=True, slots=True)
class LocationCopy:
    """What booking published of a location: its business hours."""

    id: UUID
    hours: BusinessHours


@dataclass(frozen=True, slots=True)
class SlotRules:
    """How a resource may be booked, as booking published it; see `foyer_contracts.booking.ResourceChanged`."""

    capacity: int = 1
    min_slots: int = 1
    max_slots: int | None = None
    notice_minutes: int = 0
    horizon_days: int | None = None


@dataclass(frozen=True, slots=True)
class ResourceCopy:
    """What booking published of a resource. `location_id` is None until booking has said it again."""

    id: UUID
    hours: BusinessHours
    slot_length: timedelta
    price: Money
    active: bool
    rules: SlotRules = SlotRules()
    location_id: UUID | None = None

    def check_slots(self, starts_at: datetime, ends_at: datetime, *, quantity: int = 1, now: datetime) -> int:
        """How many slots are asked for, of each of the `quantity` places.

        Raises:
            UnknownResourceError, InThePastError, OutsideOpeningHoursError, NotOnSlotGridError, TooShortError,
            TooLongError, TooSoonError, TooFarAheadError, TooManyPlacesError.
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
                    allowed_from=opens_at.astimezone(self.hours.zone).isoformat(),
                )
        slots = (ends_at - starts_at) // self.slot_length
        self._check_rules(starts_at, slots, quantity, now)
        return slots

    def _check_rules(self, starts_at: datetime, slots: int, quantity: int, now: datetime) -> None:
        rules = self.rules
        if slots < rules.min_slots:
            raise TooShortError(field="slots.ends_at", slots=slots, min_slots=rules.min_slots)
        if rules.max_slots is not None and slots > rules.max_slots:
            raise TooLongError(field="slots.ends_at", slots=slots, max_slots=rules.max_slots)
        if quantity > rules.capacity:
            raise TooManyPlacesError(field="slots.quantity", quantity=quantity, capacity=rules.capacity)
        earliest = now + timedelta(minutes=rules.notice_minutes)
        if starts_at < earliest:
            raise TooSoonError(field="slots.starts_at", earliest=earliest.isoformat())
        if rules.horizon_days is not None:
            zone = self.hours.zone
            last_day = now.astimezone(zone).date() + timedelta(days=rules.horizon_days)
            if starts_at.astimezone(zone).date() > last_day:
                raise TooFarAheadError(field="slots.starts_at", last_day=last_day.isoformat())

    def _opening_around(self, starts_at: datetime, ends_at: datetime) -> datetime:
        open_times = self.hours.on(starts_at.astimezone(self.hours.zone).date())
        for opens, closes in open_times:
            if opens <= starts_at and ends_at <= closes:
                return opens
        raise OutsideOpeningHoursError(
            field="slots.starts_at",
            time_zone=self.hours.zone.key,
            allowed=[{"from": opens.isoformat(), "to": closes.isoformat()} for opens, closes in open_times],
        )


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
