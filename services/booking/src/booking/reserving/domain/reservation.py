"""The states of a reservation. A reservation is one taking of places for one order; taking them again after the hold
expired makes a new one.

    held ──confirm──▶ confirmed ──start──▶ active ──end──▶ ended
      │                   │                  │
      ├─expire─▶ expired  └─────release──────┤
      └──────────────release────────────────▶ released
"""

from collections.abc import Iterable, Mapping, Sequence
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
        number: by which it and its places are known; it stays when the time moves.
        resource_id: where it is; a time that was moved may be elsewhere than the others.
        unit_price: of one slot of one place there.
        cancelled: given up, while the rest of the booking stays.
    """

    number: int
    starts_at: datetime
    ends_at: datetime
    slots: int
    resource_id: UUID
    unit_price: Money
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Reservation:
    """Places taken for an order.

    Attributes:
        resource_id, unit_price: of a booking that recurs, those of its first time.
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
        return sum((self.price_of(each) for each in self.times), Money.zero(self.unit_price.currency))

    @property
    def times(self) -> list[Occurrence]:
        """The times that it has, in order; of a booking that does not recur, the one."""
        if not self.occurrences:
            return [Occurrence(0, self.starts_at, self.ends_at, self.slots, self.resource_id, self.unit_price)]
        return sorted((each for each in self.occurrences if not each.cancelled), key=lambda each: each.starts_at)

    @property
    def resource_ids(self) -> set[UUID]:
        """Where it is, and where times are that were given up."""
        return {self.resource_id, *(each.resource_id for each in self.occurrences)}

    def price_of(self, time: Occurrence) -> Money:
        return time.unit_price * (time.slots * self.quantity)

    def recurring(self, occurrences: Sequence[Occurrence]) -> "Reservation":
        """With these times; at least one of them is left."""
        left = [each for each in occurrences if not each.cancelled]
        first = min(left, key=lambda each: each.starts_at)
        return replace(
            self,
            occurrences=tuple(occurrences),
            resource_id=first.resource_id,
            unit_price=first.unit_price,
            starts_at=first.starts_at,
            ends_at=max(each.ends_at for each in left),
            slots=sum(each.slots for each in left),
        )


def all_resources(reservations: Iterable[Reservation]) -> set[UUID]:
    """Where these are."""
    return {id_ for reservation in reservations for id_ in reservation.resource_ids}


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


class NotRecurringError(ConflictError):
    """The booking has one time: cancel the order."""

    title_en = "The booking does not recur"
    title_ru = "Бронирование не повторяется"


class UnknownOccurrenceError(InvalidError):
    """The booking has no such time."""

    title_en = "No such time"
    title_ru = "Такой даты в бронировании нет"


class BegunError(ConflictError):
    """A booking that is under way keeps its beginning; its end can be changed to a later instant than now."""

    title_en = "The booking has begun"
    title_ru = "Бронирование уже началось"
