"""Who waits for a time that is taken; the first who can have it is offered it when it is free (X5).

    waiting ──offer──▶ offered ──take──▶ taken
      │                   ├─expire─▶ missed
      └──────leave────────┴─────────▶ left

An offer is a place that is taken for the one it is made to, until it is taken by an order, expires, or is declined. One
may also ask to be offered a free time, so as to have it while the order is filled in; then nobody waited for it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from foyer_chassis.errors import ConflictError, InvalidError

from ..resources.domain import Resource

#: Of one customer at once.
MOST_ENTRIES = 20
#: Offers that one customer has asked for, at once: a few to choose from, too few to keep others out.
MOST_ASKED_FOR = 3
#: Long enough to fill in an order.
ASKED_FOR_TTL = timedelta(minutes=10)


class StillFreeError(ConflictError):
    """The time can be booked now: order it."""

    title_en = "The time is free"
    title_ru = "Это время свободно"


class TooManyEntriesError(ConflictError):
    """One customer waits for so many times at most."""

    title_en = "Waiting for too many times"
    title_ru = "Слишком много ожиданий"


class TooManyOffersError(ConflictError):
    """So many times, workplaces and rooms at most are kept for one customer: order one, or give one up."""

    title_en = "Too much is kept for you"
    title_ru = "За вами уже закреплено слишком много"


class EntryStatus(StrEnum):
    WAITING = "waiting"
    OFFERED = "offered"
    TAKEN = "taken"
    MISSED = "missed"
    LEFT = "left"


LIVE = frozenset({EntryStatus.WAITING, EntryStatus.OFFERED})


class OfferStatus(StrEnum):
    OPEN = "open"
    TAKEN = "taken"
    EXPIRED = "expired"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Entry:
    """A customer waits for `quantity` places of a resource from `starts_at` to `ends_at`."""

    id: UUID
    applicant_id: UUID
    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    quantity: int
    status: EntryStatus
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Offer:
    """`entry_id`: of who waited for it; None: the applicant asked for it."""

    id: UUID
    entry_id: UUID | None
    applicant_id: UUID
    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    quantity: int
    status: OfferStatus
    expires_at: datetime
    order_id: UUID | None
    version: int

    def may_be_taken(
        self,
        *,
        applicant_id: UUID,
        resource_id: UUID,
        starts_at: datetime,
        ends_at: datetime,
        quantity: int,
        placed_at: datetime,
    ) -> bool:
        """Whether an order that was placed then takes it: by the one it was made to, in time, for just that."""
        asked = (applicant_id, resource_id, starts_at, ends_at, quantity)
        offered = (self.applicant_id, self.resource_id, self.starts_at, self.ends_at, self.quantity)
        return self.status is OfferStatus.OPEN and asked == offered and placed_at < self.expires_at


def kept_until(resource: Resource, starts_at: datetime, *, now: datetime) -> datetime:
    """When an offer that is asked for now ends: not inside the notice, when it could not be ordered any more."""
    return min(now + ASKED_FOR_TTL, starts_at - resource.rules.notice)


def offered_until(entry: Entry, resource: Resource, *, now: datetime) -> datetime | None:
    """When an offer that is made now ends: not after the start, nor inside the notice. None: none can be made."""
    if not resource.active or entry.quantity > resource.capacity:
        return None
    try:
        resource.quote(entry.starts_at, entry.ends_at, now=now)
    except InvalidError:
        return None
    until = min(now + resource.offer_ttl, entry.starts_at - resource.rules.notice)
    return until if until > now else None
