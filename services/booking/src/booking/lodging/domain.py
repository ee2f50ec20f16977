"""Workplaces and rooms: numbered units in a group, and lodgings — a ticket or a stay — that take them for a period.

    held ──confirm──▶ confirmed ──start──▶ active ──end──▶ ended
      │                   │                  ├─no_show─▶ no_show
      ├─expire─▶ expired ─┼─retake─▶ confirmed
      └───────────────────┴──────release─────┴─▶ released

An expired lodging is confirmed again (`retake`) when its money comes late and its places are still free. Nobody fails
to come before it has begun.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from foyer_chassis.errors import ConflictError, InvalidError
from foyer_contracts.money import Money

from ..resources.domain import Location
from ..waiting.domain import ASKED_FOR_TTL, OfferStatus


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
class Wish:
    """So many units of a group at a time: any of them, that one, or any of a zone."""

    group_id: UUID
    starts_at: datetime
    ends_at: datetime
    rooms: int = 1
    unit_id: UUID | None = None
    zone: str | None = None

    def not_before(self, instant: datetime) -> "Wish":
        """Who comes in the evening has the room from then on."""
        return replace(self, starts_at=max(self.starts_at, instant))


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be kept before there is an order, as that would ask for it.

    Attributes:
        quantity: units of the tariff, or nights.
    """

    kind: Kind
    wish: Wish
    tariff_id: UUID
    quantity: int
    arrival: date | None = None
    departure: date | None = None

    def kept_until(self, now: datetime) -> datetime:
        """When an offer of it that is made now ends: a ticket cannot be ordered any more once its time begins."""
        return min(now + ASKED_FOR_TTL, self.wish.starts_at if self.kind is Kind.TICKET else self.wish.ends_at)


@dataclass(frozen=True, slots=True)
class Offer:
    """Units that are kept for who asked for them; see `waiting.domain` for its states.

    Attributes:
        place: the labels of its units; the rest as of `Lodging`.
        created_at: an order that takes it is judged by that instant, so that midnight takes tonight's room from nobody.
    """

    id: UUID
    kind: Kind
    applicant_id: UUID
    group_id: UUID
    tariff_id: UUID
    starts_at: datetime
    ends_at: datetime
    quantity: int
    rooms: int
    unit_id: UUID | None
    zone: str | None
    arrival: date | None
    departure: date | None
    place: str
    status: OfferStatus
    created_at: datetime
    expires_at: datetime
    order_id: UUID | None
    version: int

    def is_of(self, wish: Wish) -> bool:
        """Whether it is just that which is kept."""
        kept = Wish(self.group_id, self.starts_at, self.ends_at, self.rooms, self.unit_id, self.zone)
        return kept == wish.not_before(self.created_at)

    def may_be_taken(self, *, applicant_id: UUID, wish: Wish, placed_at: datetime) -> bool:
        """Whether an order that was placed then takes it: by the one who asked, in time, for just that."""
        mine = self.status is OfferStatus.OPEN and self.applicant_id == applicant_id
        return mine and self.is_of(wish) and placed_at < self.expires_at


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
    def wish(self) -> Wish:
        return Wish(self.group_id, self.starts_at, self.ends_at, self.rooms, self.unit_id, self.zone)

    @property
    def total(self) -> Money:
        first, *rest = (item.unit_price * item.quantity for item in self.items)
        for amount in rest:
            first = first + amount
        return first
