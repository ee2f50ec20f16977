"""What notifications knows of an order: enough to tell people about it in a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

#: A fact as it is kept and handed to texts: JSON values.
Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OrderCopy:
    """An order as far as its events have arrived.

    Attributes:
        group: the status group it was in at version `sequence`; None when only other services spoke of it.
        facts: what texts show: `number`, `offering`, `places`, `total`, `pay_until`; each only once it is known. And
            what makes texts untrue: `rated`, `invoice:<id>` once it is paid or cancelled.
        kind, responsible_ids, assignee_id: who works on it; `assignee_sequence` is the version that this is from.
    """

    order_id: UUID
    sequence: int
    group: str | None
    paid: bool
    facts: Facts
    kind: str | None = None
    applicant_id: UUID | None = None
    responsible_ids: tuple[UUID, ...] = ()
    assignee_id: UUID | None = None
    assignee_sequence: int = -1


@dataclass(frozen=True, slots=True)
class ConversationCopy:
    """How far the sides of a conversation are.

    Attributes:
        customer_seen, staff_seen: how many messages of the other side they have read.
        customer_posted, staff_posted: the conversation's version when they last wrote.
    """

    customer_seen: int
    staff_seen: int
    customer_posted: int
    staff_posted: int


@dataclass(frozen=True, slots=True)
class OfferingCopy:
    title: str
    kind: str


class OfferOver(StrEnum):
    """How an offer of the waiting list is over."""

    TAKEN = "taken"
    #: Not taken in time, declined, or not to be had any more.
    ENDED = "ended"
