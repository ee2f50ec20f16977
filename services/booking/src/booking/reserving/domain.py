"""The states of a reservation. A reservation is one taking of places for one order; taking them again after the hold
expired makes a new one.

    held ──confirm──▶ confirmed ──start──▶ active ──end──▶ ended
      │                   │                  │
      ├─expire─▶ expired  └─────release──────┤
      └──────────────release────────────────▶ released
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from foyer_chassis.errors import ConflictError, InvalidError
from foyer_contracts.money import Money


class Status(StrEnum):
    HELD = "held"
    CONFIRMED = "confirmed"
    ACTIVE = "active"
    ENDED = "ended"
    EXPIRED = "expired"
    RELEASED = "released"


class Verb(StrEnum):
    CONFIRM = "confirm"
    START = "start"
    END = "end"
    EXPIRE = "expire"
    RELEASE = "release"


#: Status × verb → status. What is not here is not done: the event that asked for it is late and changes nothing.
TRANSITIONS: Mapping[tuple[Status, Verb], Status] = MappingProxyType(
    {
        (Status.HELD, Verb.CONFIRM): Status.CONFIRMED,
        (Status.HELD, Verb.EXPIRE): Status.EXPIRED,
        (Status.HELD, Verb.RELEASE): Status.RELEASED,
        (Status.CONFIRMED, Verb.START): Status.ACTIVE,
        (Status.CONFIRMED, Verb.RELEASE): Status.RELEASED,
        (Status.ACTIVE, Verb.END): Status.ENDED,
        (Status.ACTIVE, Verb.RELEASE): Status.RELEASED,
    }
)

#: In these a reservation has its places (the index of one live reservation per order says the same).
TAKING = frozenset({Status.HELD, Status.CONFIRMED, Status.ACTIVE})

#: Reasons of a cancelled order that began here: nothing is left to release, and money that comes later may have the
#: places again if they are free.
EXPIRED_REASON = "hold_expired"
NOT_OURS_TO_RELEASE = frozenset({EXPIRED_REASON})


def next_status(status: Status, verb: Verb) -> Status | None:
    """The status after `verb`, or None where the verb comes too late or too early."""
    return TRANSITIONS.get((status, verb))


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time of a booking that recurs.

    Attributes:
        number: by which its places are known.
        cancelled: given up, while the rest of the booking stays.
    """

    number: int
    starts_at: datetime
    ends_at: datetime
    slots: int
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Reservation:
    """Places taken for an order.

    Attributes:
        starts_at, ends_at: of a booking that recurs, from the beginning of its first time to the end of its last.
        slots: of all its times together.
        occurrences: the times of a booking that recurs, those that were given up too; none: it has one time.
        expires_at: when an unpaid hold ends; None once confirmed without a hold.
        unit_price: of one slot of one place, as it was when the places were taken.
        quantity: how many equal places.
    """

    id: UUID
    order_id: UUID
    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    slots: int
    unit_price: Money
    status: Status
    expires_at: datetime | None
    version: int
    quantity: int = 1
    occurrences: tuple[Occurrence, ...] = ()

    @property
    def total(self) -> Money:
        return self.price_of(self.slots)

    @property
    def times(self) -> list[Occurrence]:
        """The times that it has, in order; of a booking that does not recur, the one."""
        if not self.occurrences:
            return [Occurrence(0, self.starts_at, self.ends_at, self.slots)]
        return [each for each in self.occurrences if not each.cancelled]

    def price_of(self, slots: int) -> Money:
        return self.unit_price * (slots * self.quantity)

    def recurring(self, occurrences: Sequence[Occurrence]) -> "Reservation":
        """With these times; at least one of them is left."""
        left = [each for each in occurrences if not each.cancelled]
        return replace(
            self,
            occurrences=tuple(occurrences),
            starts_at=min(each.starts_at for each in left),
            ends_at=max(each.ends_at for each in left),
            slots=sum(each.slots for each in left),
        )


@dataclass(frozen=True, slots=True)
class OrderCopy:
    """What booking knows of an order.

    Attributes:
        sequence: version of the order this is from.
        cancelled_reason: None while it is not cancelled.
    """

    order_id: UUID
    applicant_id: UUID | None
    sequence: int
    cancelled_reason: str | None
    paid: bool
    payer_kind: str | None = None


class PlacesTakenError(ConflictError):
    """Somebody else has these places at that time."""

    title_en = "The places are taken"
    title_ru = "Это место уже занято"


class CannotBeMovedError(ConflictError):
    """Only a booking that is held, confirmed or under way can be moved (A13)."""

    title_en = "The booking cannot be moved"
    title_ru = "Бронирование нельзя перенести"


class RecurringCannotBeMovedError(ConflictError):
    """Of a booking that recurs, cancel the time that does not suit and book another."""

    title_en = "A booking that recurs cannot be moved"
    title_ru = "Повторяющееся бронирование нельзя перенести"


class NotRecurringError(ConflictError):
    """The booking has one time: cancel the order."""

    title_en = "The booking does not recur"
    title_ru = "Бронирование не повторяется"


class LastOccurrencesError(ConflictError):
    """Nothing would be left of the booking: cancel the order."""

    title_en = "Nothing would be left"
    title_ru = "От бронирования ничего не останется"


class CannotBeCancelledError(ConflictError):
    """Only times of a booking that is held, confirmed or under way can be given up."""

    title_en = "The times cannot be given up"
    title_ru = "Отменить эти даты нельзя"


class UnknownOccurrenceError(InvalidError):
    """The booking has no such time."""

    title_en = "No such time"
    title_ru = "Такой даты в бронировании нет"


class BegunError(ConflictError):
    """A booking that is under way keeps its beginning; its end can be changed to a later instant than now."""

    title_en = "The booking has begun"
    title_ru = "Бронирование уже началось"


class OtherNumberOfSlotsError(InvalidError):
    """An individual paid for a number of slots: the new time has exactly as many (A14)."""

    title_en = "As many slots as were paid"
    title_ru = "Слотов должно быть столько, сколько оплачено"


@dataclass(frozen=True, slots=True)
class Move:
    """Where and when a booking goes.

    Attributes:
        slots: how many the new time has, by the rules of the resource.
        unit_price: of one slot there.
    """

    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    slots: int
    unit_price: Money


def moved(reservation: Reservation, order: OrderCopy, to: Move, *, now: datetime) -> Reservation:
    """The reservation at its new place and time (A13, A14). What an individual paid stays the price.

    Raises:
        CannotBeMovedError, BegunError, OtherNumberOfSlotsError.
    """
    if reservation.status not in TAKING:
        raise CannotBeMovedError(state={"status": reservation.status.value, "version": reservation.version})
    if reservation.occurrences:
        raise RecurringCannotBeMovedError
    if reservation.status is Status.ACTIVE and (to.starts_at != reservation.starts_at or to.ends_at <= now):
        raise BegunError(field="starts_at", starts_at=reservation.starts_at.isoformat(), now=now.isoformat())
    unit_price = to.unit_price
    if order.payer_kind != "company":
        if to.slots != reservation.slots:
            raise OtherNumberOfSlotsError(field="ends_at", slots=to.slots, paid_slots=reservation.slots)
        unit_price = reservation.unit_price
    return replace(
        reservation,
        resource_id=to.resource_id,
        starts_at=to.starts_at,
        ends_at=to.ends_at,
        slots=to.slots,
        unit_price=unit_price,
        version=reservation.version + 1,
    )


def without(
    reservation: Reservation, starts_at: datetime, *, following: bool, now: datetime
) -> tuple[Reservation, list[Occurrence]]:
    """The reservation without one of its times, or without that and all that follow; and those that are given up now
    (none: they were before).

    Raises:
        CannotBeCancelledError, NotRecurringError, UnknownOccurrenceError, BegunError, LastOccurrencesError
    """
    if reservation.status not in TAKING:
        raise CannotBeCancelledError(state={"status": reservation.status.value, "version": reservation.version})
    if not reservation.occurrences:
        raise NotRecurringError
    meant = next((each for each in reservation.occurrences if each.starts_at == starts_at), None)
    if meant is None:
        raise UnknownOccurrenceError(field="starts_at", value=starts_at.isoformat())
    if meant.starts_at <= now:
        raise BegunError(field="starts_at", starts_at=starts_at.isoformat(), now=now.isoformat())
    given_up = [
        each
        for each in reservation.occurrences
        if not each.cancelled and (each.number == meant.number or (following and each.starts_at > meant.starts_at))
    ]
    numbers = {each.number for each in given_up}
    after = [replace(each, cancelled=each.cancelled or each.number in numbers) for each in reservation.occurrences]
    if all(each.cancelled for each in after):
        raise LastOccurrencesError
    if not given_up:
        return reservation, []
    return replace(reservation.recurring(after), version=reservation.version + 1), given_up
