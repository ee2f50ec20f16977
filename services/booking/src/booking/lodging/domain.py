"""Workplaces and rooms: numbered units in a group, and lodgings — a ticket or a stay — that take them for a period.

    held ──confirm──▶ confirmed ──start──▶ active ──end──▶ ended
      │                   │                  ├─no_show─▶ no_show
      ├─expire─▶ expired ─┼─retake─▶ confirmed
      └───────────────────┴──────release─────┴─▶ released

An expired lodging is confirmed again (`retake`) when its money comes late and its places are still free. Nobody fails
to come before it has begun.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from foyer_chassis.errors import ConflictError, InvalidError
from foyer_contracts.money import Money

from ..resources.domain import Location


class Kind(StrEnum):
    TICKET = "ticket"
    STAY = "stay"


class Status(StrEnum):
    HELD = "held"
    CONFIRMED = "confirmed"
    ACTIVE = "active"
    ENDED = "ended"
    EXPIRED = "expired"
    RELEASED = "released"
    NO_SHOW = "no_show"


class Verb(StrEnum):
    CONFIRM = "confirm"
    START = "start"
    END = "end"
    EXPIRE = "expire"
    RELEASE = "release"
    RETAKE = "retake"
    NO_SHOW = "no_show"


#: Status × verb → status. What is not here is not done: it comes too late or too early.
TRANSITIONS: Mapping[tuple[Status, Verb], Status] = MappingProxyType(
    {
        (Status.HELD, Verb.CONFIRM): Status.CONFIRMED,
        (Status.HELD, Verb.EXPIRE): Status.EXPIRED,
        (Status.HELD, Verb.RELEASE): Status.RELEASED,
        (Status.EXPIRED, Verb.RETAKE): Status.CONFIRMED,
        (Status.CONFIRMED, Verb.START): Status.ACTIVE,
        (Status.CONFIRMED, Verb.RELEASE): Status.RELEASED,
        (Status.ACTIVE, Verb.END): Status.ENDED,
        (Status.ACTIVE, Verb.RELEASE): Status.RELEASED,
        (Status.ACTIVE, Verb.NO_SHOW): Status.NO_SHOW,
    }
)

#: In these a lodging takes its units.
TAKING = frozenset({Status.HELD, Status.CONFIRMED, Status.ACTIVE})
#: In these it is paid for, or need not be, and not over.
LIVE = frozenset({Status.CONFIRMED, Status.ACTIVE})


def next_status(status: Status, verb: Verb) -> Status | None:
    """The status after `verb`, or None where the verb comes too late or too early."""
    return TRANSITIONS.get((status, verb))


class NotPossibleNowError(ConflictError):
    """The ticket or stay is in a state that does not allow this."""

    title_en = "Not possible for this ticket or stay now"
    title_ru = "Сейчас это нельзя сделать с билетом или проживанием"


class NotBegunError(ConflictError):
    """Its time has not begun yet."""

    title_en = "Not begun yet"
    title_ru = "Время ещё не наступило"


class BlockedError(ConflictError):
    """It is blocked; unblock it first."""

    title_en = "Blocked"
    title_ru = "Заблокировано"


class TooFarAheadError(InvalidError):
    """Nothing is booked more than three years ahead."""

    title_en = "Too far ahead"
    title_ru = "Слишком далеко вперёд"


#: How far ahead the beginning of a ticket or stay may be.
FARTHEST = timedelta(days=3 * 365)


@dataclass(frozen=True, slots=True)
class Group:
    """A coworking space, or a type of hotel room: units that stand for each other.

    Attributes:
        hold_ttl: how long units are held for an unpaid order; None: the service's default.
        no_show_after: nobody checked in so long after the start: the units are free again; None: never by itself.
    """

    id: UUID
    kind: Kind
    location: Location
    name: str
    hold_ttl: timedelta | None
    no_show_after: timedelta | None
    active: bool
    version: int


@dataclass(frozen=True, slots=True)
class Unit:
    """A numbered workplace or room.

    Attributes:
        zone: part of the plan it is in.
        position: any-place requests try units in this order, then by id.
        blocked: cannot be booked for now; what is booked stays.
        overbooked: not there at all: it is sold beyond the rooms that there are, after all of them, and whoever has it
            gets a real one before they check in. Its claims keep the limit as those of real ones do.
    """

    id: UUID
    group_id: UUID
    label: str
    zone: str | None
    position: int
    blocked: bool
    version: int
    overbooked: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """A priced line: `quantity` × `unit_price`. `extra`: an addition to what was ordered."""

    title: str
    quantity: int
    unit_price: Money
    extra: bool = False


@dataclass(frozen=True, slots=True)
class Lodging:
    """A coworking ticket (A16) or a hotel stay (A17): one per order.

    Attributes:
        number: as people call it; `code`: what its QR code carries, not to be guessed.
        rooms: how many units it takes at a time; `place`: their labels.
        unit_id: the one unit that was asked for; None: any. `zone`: only units of that zone.
        quantity: units of the tariff (hours, days, …), or nights.
        no_show_due_at: when it is a no-show by itself, if nobody checks in before.
        terms: what a kind keeps of its price as it was when it was sold; see `hotel.domain`.
    """

    id: UUID
    kind: Kind
    number: int
    code: str
    order_id: UUID
    group_id: UUID
    applicant_id: UUID
    visitor_name: str
    visitor_id: UUID | None
    tariff_id: UUID
    tariff: str
    starts_at: datetime
    ends_at: datetime
    quantity: int
    items: tuple[Item, ...]
    status: Status
    expires_at: datetime | None
    rooms: int = 1
    place: str = ""
    unit_id: UUID | None = None
    zone: str | None = None
    arrival: date | None = None
    departure: date | None = None
    adults: int | None = None
    children: int | None = None
    checked_in_at: datetime | None = None
    checked_out_at: datetime | None = None
    blocked: bool = False
    no_show_at: datetime | None = None
    no_show_due_at: datetime | None = None
    terms: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1

    @property
    def total(self) -> Money:
        first, *rest = (item.unit_price * item.quantity for item in self.items)
        for amount in rest:
            first = first + amount
        return first
