"""Locations, and what can be booked there by the slot: by which rules, at which price."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from foyer_chassis.errors import ConflictError, InvalidError
from foyer_contracts.money import Money

from ...claiming.domain import Need, Period
from .calendar import Calendar, Holiday, SpecialDay


class UnknownResourceError(InvalidError):
    """There is no such resource, or it cannot be booked now."""

    title_en = "Unknown resource"
    title_ru = "Нет такого места"


class RulesInvalidError(InvalidError):
    """The most slots of a booking are not fewer than the fewest."""

    title_en = "The rules contradict each other"
    title_ru = "Правила противоречат друг другу"


class PartsInvalidError(InvalidError):
    """The parts of a resource are other resources of its location that have no parts themselves; it has one place."""

    title_en = "It cannot be made of these parts"
    title_ru = "Из этих частей собрать нельзя"


class ResourceInUseError(ConflictError):
    """Something is booked of it that is not over, and could not stay as it is."""

    title_en = "Something is booked of it"
    title_ru = "Есть незавершённые бронирования"


class TooManyPlacesError(InvalidError):
    """It has fewer places."""

    title_en = "So many places there are not"
    title_ru = "Столько мест нет"


class TooShortError(InvalidError):
    """A booking here has more slots."""

    title_en = "The booking is too short"
    title_ru = "Слишком короткое бронирование"


class TooLongError(InvalidError):
    """A booking here has fewer slots."""

    title_en = "The booking is too long"
    title_ru = "Слишком длинное бронирование"


class TooSoonError(InvalidError):
    """A booking here is made longer before it begins."""

    title_en = "Too late to book for this time"
    title_ru = "Бронировать на это время уже поздно"


class TooFarAheadError(InvalidError):
    """Bookings that begin so late are not taken yet."""

    title_en = "Too far ahead"
    title_ru = "Бронировать на это время ещё рано"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationPlan:
    """A location as an administrator describes it.

    Attributes:
        closed_days, special_days: as entered.
        holidays_country: its public holidays are closed days too, where special hours do not open them (ISO 3166-1).
    """

    name: str
    calendar: Calendar
    closed_days: frozenset[date] = frozenset()
    special_days: tuple[SpecialDay, ...] = ()
    holidays_country: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Location(LocationPlan):
    """
    Attributes:
        calendar: with everything that was entered and the public holidays in it.
        holidays: the public holidays that are known up to `holidays_until`.
    """

    id: UUID
    version: int
    holidays: tuple[Holiday, ...] = ()
    holidays_until: date | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What a booking of the resource must be like; they bind who orders, not staff who move what was ordered.

    Attributes:
        min_slots, max_slots: the fewest and the most slots of one booking.
        notice: a booking is made at least so long before it begins.
        horizon_days: it begins at most so many local days after today.
        before, after: buffers, in which nobody else has the place; they are not paid, and may lie outside opening
            hours.
    """

    min_slots: int = 1
    max_slots: int | None = None
    notice: timedelta = timedelta(0)
    horizon_days: int | None = None
    before: timedelta = timedelta(0)
    after: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        if self.max_slots is not None and self.max_slots < self.min_slots:
            raise RulesInvalidError(field="max_slots", min_slots=self.min_slots)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcePlan:
    """A resource as an administrator describes it.

    Attributes:
        price: of one slot (of one place, where it has several).
        hold_ttl: how long places are held for an unpaid order; None: the service's default.
        offer_ttl: how long a place that became free is kept for who waited for it.
        capacity: how many equal places it has.
        part_ids: the resources that it is made of; it takes all their places.
    """

    name: str
    slot_length: timedelta
    price: Money
    hold_ttl: timedelta | None
    active: bool
    rules: Rules = field(default_factory=Rules)
    offer_ttl: timedelta = timedelta(minutes=30)
    capacity: int = 1
    part_ids: frozenset[UUID] = frozenset()

    def __post_init__(self) -> None:
        if self.part_ids and self.capacity != 1:
            raise PartsInvalidError(field="capacity", allowed=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource(ResourcePlan):
    """A thing that can be booked by the slot.

    Attributes:
        parts: (id, capacity) of the resources that it is made of.
    """

    id: UUID
    location: Location
    version: int
    parts: tuple[tuple[UUID, int], ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether it is one place that only its own bookings take."""
        return self.capacity == 1 and not self.parts

    def needs(self, quantity: int) -> list[Need]:
        """What a booking of so many places takes.

        Raises:
            TooManyPlacesError: it has fewer.
        """
        if quantity > self.capacity:
            raise TooManyPlacesError(field="quantity", capacity=self.capacity)
        if self.parts:
            return [Need(id_, capacity, capacity) for id_, capacity in self.parts]
        return [Need(self.id, self.capacity, quantity)]

    def blocked(self, starts_at: datetime, ends_at: datetime) -> Period:
        """The time that a booking keeps others away: its own and the buffers."""
        return starts_at - self.rules.before, ends_at + self.rules.after

    def too_late_slots(self, opens: datetime, *, now: datetime) -> int:
        """How many of the slots that are counted from an opening cannot be ordered any more; see `in_time`."""
        begun = (now - opens) // self.slot_length + 1
        inside_notice = -((opens - now - self.rules.notice) // self.slot_length)
        return max(0, begun, inside_notice)

    def quote(self, starts_at: datetime, ends_at: datetime, *, now: datetime) -> int:
        """Number of slots of a booking, if it can be ordered now.

        Raises:
            TooShortError, TooLongError, TooSoonError, TooFarAheadError, and what `Calendar.count_slots` raises.
        """
        slots = self.location.calendar.count_slots(starts_at, ends_at, self.slot_length, now=now)
        rules = self.rules
        if slots < rules.min_slots:
            raise TooShortError(field="ends_at", min_slots=rules.min_slots)
        if rules.max_slots is not None and slots > rules.max_slots:
            raise TooLongError(field="ends_at", max_slots=rules.max_slots)
        if not self.in_time(starts_at, now=now):
            raise TooSoonError(field="starts_at", allowed_from=(now + rules.notice).isoformat())
        if (last_day := self.last_day(now)) is not None and self.location.calendar.local_day(starts_at) > last_day:
            raise TooFarAheadError(field="starts_at", last_day=last_day.isoformat())
        return slots

    def in_time(self, starts_at: datetime, *, now: datetime) -> bool:
        """Whether a booking that begins then can still be made: it has not begun, and is not inside the notice."""
        return starts_at > now and starts_at >= now + self.rules.notice

    def last_day(self, now: datetime) -> date | None:
        """The last local day on which a booking that is made now may begin; None: any."""
        if self.rules.horizon_days is None:
            return None
        return self.location.calendar.local_day(now) + timedelta(days=self.rules.horizon_days)
