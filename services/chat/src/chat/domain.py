"""Who may read and write what in the conversation of an order (A24)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

LONGEST_TEXT = 4000

AuthorKind = Literal["customer", "staff", "system"]


class Thread(StrEnum):
    """`public`: applicant and staff. `internal`: staff responsible for the offering, never the applicant."""

    PUBLIC = "public"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Conversation:
    """The conversation of an order.

    Attributes:
        number, responsible_ids: the order's; None until its `placed` event has come. No responsible ids at all mean
            that every manager of orders is responsible.
        last_position: of its newest message in any thread; 0 without one.
    """

    id: UUID
    order_id: UUID
    applicant_id: UUID
    number: int | None
    responsible_ids: tuple[UUID, ...] | None
    last_position: int
    created_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class Person:
    """Who looks at a conversation.

    Attributes:
        serves_orders: may read and write in the conversations of orders, as staff.
        sees_all: and in every internal thread, responsible or not.
    """

    id: UUID
    name: str
    serves_orders: bool
    sees_all: bool


@dataclass(frozen=True, slots=True)
class Message:
    """A message: a person's `text`, or a system message as `template` and `facts`, put into words for each reader.

    Attributes:
        position: 1, 2, 3 … within the conversation, over both threads, in the order of commits.
        created_at: when it was written, or when that happened what it tells of.
    """

    id: UUID
    conversation_id: UUID
    position: int
    thread: Thread
    author_kind: AuthorKind
    author_id: UUID | None
    author_name: str | None
    text: str | None
    template: str | None
    facts: Mapping[str, Any]
    event_id: UUID | None
    created_at: datetime


def threads_of(conversation: Conversation, person: Person) -> tuple[Thread, ...]:
    """The threads that a person reads and writes; none: the conversation does not exist for them.

    An applicant is an applicant even when they work here: nobody reads the internal thread about their own order.
    """
    if person.id == conversation.applicant_id:
        return (Thread.PUBLIC,)
    if not person.serves_orders:
        return ()
    responsible = conversation.responsible_ids is not None and (
        not conversation.responsible_ids or person.id in conversation.responsible_ids
    )
    return (Thread.PUBLIC, Thread.INTERNAL) if responsible or person.sees_all else (Thread.PUBLIC,)


def author_kind(conversation: Conversation, person: Person) -> AuthorKind:
    return "customer" if person.id == conversation.applicant_id else "staff"
