"""Who may read and write what: in the conversation of an order (A24, B1) and in a dialog before one (B2, B27)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from foyer_chassis.errors import ConflictError, ForbiddenError, TooManyRequestsError

LONGEST_TEXT = 4000
EDIT_WITHIN = timedelta(minutes=15)
#: Messages of one person, and dialogs of one customer, in one time.
MOST_MESSAGES, MESSAGES_IN = 30, timedelta(minutes=1)
MOST_DIALOGS, DIALOGS_IN = 10, timedelta(hours=1)

AuthorKind = Literal["customer", "staff", "system"]
#: Who reads and writes from opposite ends of a public thread.
Side = Literal["customer", "staff"]


class Thread(StrEnum):
    """`public`: applicant and staff. `internal`: staff responsible for the offering, never the applicant."""

    PUBLIC = "public"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Conversation:
    """A dialog before an order, or the conversation of an order, which may have been a dialog before.

    Attributes:
        order_id: None for a dialog.
        kind: of the order, or of the offering that a dialog is about; None while only a conversation of an earlier
            release is known: then no staff may read it.
        responsible_ids: who is responsible for the offering. None at all mean that every manager is.
        assignee_sequence: the order's version that the assignee is from.
        location_ids: where the order or the offering belongs; none: everywhere.
        last_position: of its newest message in any thread; 0 without one.
        public_customer … internal_system: how many messages each kind of author wrote in each thread.
        customer_read, staff_read: how far each side has read the public thread (a position).
        customer_seen, staff_seen: how many messages of the other side that is.
    """

    id: UUID
    order_id: UUID | None
    applicant_id: UUID
    number: int | None
    responsible_ids: tuple[UUID, ...] | None
    last_position: int
    created_at: datetime
    version: int
    kind: str | None
    assignee_id: UUID | None
    assignee_sequence: int
    location_ids: tuple[UUID, ...]
    offering_id: UUID | None
    offering_title: str | None
    applicant_name: str | None
    public_customer: int
    public_staff: int
    public_system: int
    internal_staff: int
    internal_system: int
    customer_read: int
    staff_read: int
    customer_seen: int
    staff_seen: int

    @property
    def is_dialog(self) -> bool:
        return self.order_id is None

    def seen(self, side: Side) -> int:
        return self.customer_seen if side == "customer" else self.staff_seen

    def unread(self, side: Side) -> int:
        """Messages of the other side in the public thread that this side has not read; system messages are not
        anybody's."""
        written = self.public_staff if side == "customer" else self.public_customer
        return max(0, written - self.seen(side))

    def count(self, thread: Thread, author_kind: AuthorKind) -> int:
        return int(getattr(self, f"{thread.value}_{author_kind}"))


@dataclass(frozen=True, slots=True)
class Person:
    """Who looks at a conversation.

    Attributes:
        reads_all, reads_assigned, edits: kinds of order whose orders they may read, read when assigned to them, edit.
        clients: kinds of offering about which they may talk to customers before an order.
        locations: ids of the locations that they are limited to; none: no limit.
    """

    id: UUID
    name: str
    reads_all: frozenset[str] = frozenset()
    reads_assigned: frozenset[str] = frozenset()
    edits: frozenset[str] = frozenset()
    clients: frozenset[str] = frozenset()
    locations: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file as its message shows it. `picture`: there is a small picture of it."""

    id: UUID
    name: str
    media_type: str
    size_bytes: int
    picture: bool


@dataclass(frozen=True, slots=True)
class Message:
    """A message: a person's `text`, or a system message as `template` and `facts`, put into words for each reader.

    Attributes:
        position: 1, 2, 3 … within the conversation, over both threads, in the order of commits.
        created_at: when it was written, or when that happened what it tells of.
        count: how many messages its kind of author has written in this thread, with this one.
        changed_version: the conversation's version when it was last edited or deleted; 0: never.
        files: that were sent with it; a message may have no other words.
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
    count: int
    changed_version: int = 0
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    files: tuple[SentFile, ...] = ()


class NotYoursError(ForbiddenError):
    """Only its author can change or delete a message."""

    title_en = "Not your message"
    title_ru = "Это не ваше сообщение"


class TooLateError(ConflictError):
    """A message can be changed within 15 minutes after it was written."""

    title_en = "It is too late to change the message"
    title_ru = "Сообщение уже нельзя изменить"


class AlreadyDeletedError(ConflictError):
    """The message was deleted."""

    title_en = "The message was deleted"
    title_ru = "Сообщение удалено"


class TooFastError(TooManyRequestsError):
    """You write too fast; wait a little."""

    title_en = "You write too fast"
    title_ru = "Слишком много сообщений подряд"


def changeable(message: Message, person: Person, now: datetime, *, deleting: bool) -> None:
    """Whether the person may edit or delete the message now.

    Raises:
        NotYoursError, AlreadyDeletedError, TooLateError
    """
    if message.author_id is None or message.author_id != person.id:
        raise NotYoursError
    if message.text is None:
        raise AlreadyDeletedError
    if not deleting and now - message.created_at > EDIT_WITHIN:
        raise TooLateError


PUBLIC_ONLY = (Thread.PUBLIC,)


def readable_threads(conversation: Conversation, person: Person) -> tuple[Thread, ...]:
    """The threads that a person reads; none: the conversation does not exist for them.

    An applicant is an applicant even when they work here: nobody reads the internal thread about their own order.
    Permissions for dialogs say nothing about orders, nor the other way round.
    """
    if person.id == conversation.applicant_id:
        return PUBLIC_ONLY
    kind = conversation.kind
    if kind is None or not _reaches(conversation, person):
        return ()
    if conversation.is_dialog:
        return PUBLIC_ONLY if kind in person.clients else ()
    is_assignee = person.id == conversation.assignee_id
    if kind not in person.reads_all and not (is_assignee and kind in person.reads_assigned):
        return ()
    return (Thread.PUBLIC, Thread.INTERNAL) if is_within(conversation, person) else PUBLIC_ONLY


def is_within(conversation: Conversation, person: Person) -> bool:
    """Whether the internal thread of an order is theirs: responsible for the offering or assigned, and may edit."""
    if conversation.kind not in person.edits:
        return False
    responsible = conversation.responsible_ids is not None and (
        not conversation.responsible_ids or person.id in conversation.responsible_ids
    )
    return responsible or person.id == conversation.assignee_id


def writable_threads(conversation: Conversation, person: Person) -> tuple[Thread, ...]:
    """The threads that a person writes in, a part of those they read."""
    threads = readable_threads(conversation, person)
    if person.id == conversation.applicant_id or conversation.is_dialog or conversation.kind in person.edits:
        return threads
    return ()


def _reaches(conversation: Conversation, person: Person) -> bool:
    places = conversation.location_ids
    return not person.locations or not places or any(str(place) in person.locations for place in places)


def side_of(conversation: Conversation, person: Person) -> Side:
    return "customer" if person.id == conversation.applicant_id else "staff"
