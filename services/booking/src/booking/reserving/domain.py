"""The states of a reservation. A reservation is one taking of places for one order; taking them again after the hold
expired makes a new one.

    held ──confirm──▶ confirmed ──start──▶ active ──end──▶ ended
      │                   │                  │
      ├─expire─▶ expired  └─────release──────┤
      └──────────────release────────────────▶ released
"""

from collections.abc import Mapping
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
class Reservation:
    """Places taken for an order.

    Attributes:
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

    @property
    def total(self) -> Money:
        return self.unit_price * (self.slots * self.quantity)


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
