"""Conversations are opened by what happens to orders; people write and read in them."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import ForbiddenError, NotFoundError
from foyer_contracts import chat as events
from foyer_contracts.ids import new_id

from ..domain.conversations import (
    MESSAGES_IN,
    MOST_MESSAGES,
    AuthorKind,
    Conversation,
    Message,
    Person,
    SentFile,
    Side,
    Thread,
    TooFastError,
    changeable,
    readable_threads,
    side_of,
    writable_threads,
)
from ..domain.files import UnknownFileError
from ..store import conversations as store
from ..store import files, messages

#: The channel on which the processes of this service tell each other that a conversation changed.
CHANGED = "chat_changed"


async def open_for_order(
    transaction: Transaction, *, order_id: UUID, applicant_id: UUID, dialog_id: UUID | None
) -> tuple[Conversation, bool]:
    """An order was placed: its conversation, and whether it was a dialog until now (B27).

    The dialog that it came of becomes its conversation, with all that was said; a dialog of somebody else, or one that
    became another order's, does not.
    """
    if (known := await store.of_order(transaction, order_id)) is not None:
        return known, False
    if dialog_id is not None:
        dialog = await store.become_order(transaction, dialog_id, order_id=order_id, applicant_id=applicant_id)
        if dialog is not None:
            _opened(transaction, dialog)
            return dialog, True
    opened = await store.open_order(transaction, new_id(), order_id=order_id, applicant_id=applicant_id)
    assert opened is not None
    _opened(transaction, opened)
    return opened, False


def _opened(transaction: Transaction, conversation: Conversation) -> None:
    assert conversation.order_id is not None
    transaction.publish(
        events.ConversationOpened(conversation_id=conversation.id, order_id=conversation.order_id),
        subject=conversation.id,
        sequence=conversation.version,
    )


async def describe_order(
    transaction: Transaction,
    conversation: Conversation,
    *,
    number: int,
    kind: str,
    responsible_ids: Sequence[UUID],
    location_id: UUID | None,
    offering_id: UUID,
    offering_title: str,
    assignee_id: UUID | None,
    sequence: int,
) -> Conversation:
    """Keep what decides who reads and writes."""
    _changed(transaction, conversation.id)
    return await store.describe(
        transaction,
        conversation.id,
        number=number,
        kind=kind,
        responsible_ids=responsible_ids,
        location_ids=[location_id] if location_id else [],
        offering_id=offering_id,
        offering_title=offering_title,
        assignee_id=assignee_id,
        sequence=sequence,
    )


async def tell_what_was_said_before(transaction: Transaction, conversation: Conversation) -> None:
    """A dialog became an order's conversation: whoever counts the order's unread messages learns where both sides are.

    What was read is told as read; what was not, by its newest message, which belongs to the order from now on.
    """
    sides: tuple[tuple[Side, Side], tuple[Side, Side]] = (("customer", "staff"), ("staff", "customer"))
    for side, other in sides:
        if conversation.seen(side):
            reader_id = await messages.reader(transaction, conversation, side)
            _read(transaction, await store.next_version(transaction, conversation.id), side, reader_id)
        if conversation.unread(side):
            newest = await messages.newest(transaction, conversation.id, other)
            _posted(transaction, await store.next_version(transaction, conversation.id), newest)


async def note_system(
    transaction: Transaction,
    conversation: Conversation,
    *,
    thread: Thread = Thread.PUBLIC,
    event_id: UUID,
    template: str,
    facts: dict[str, Any],
    at: datetime,
) -> None:
    """Something happened: a system message (A23)."""
    await add(
        transaction,
        conversation,
        thread,
        author_kind="system",
        template=template,
        facts=facts,
        event_id=event_id,
        at=at,
    )


async def post(
    transaction: Transaction,
    conversation_id: UUID,
    person: Person,
    *,
    thread: Thread,
    text: str,
    file_ids: Sequence[UUID] = (),
) -> Message:
    """A person writes, and sends files that they have put into the thread before.

    Raises:
        UnknownFileError, TooFastError
        NotFoundError: there is no such conversation, or no such thread in it, for this person.
        ForbiddenError: they may read it, not write in it.
    """
    conversation = await readable(transaction, conversation_id, person, thread=thread)
    if thread not in writable_threads(conversation, person):
        raise ForbiddenError(needs=["orders:edit"])
    await not_too_fast(transaction, person)
    message_id = new_id()
    sent = await _send(transaction, conversation_id, person, thread, file_ids, message_id) if file_ids else ()
    return await add(
        transaction,
        conversation,
        thread,
        author_kind=side_of(conversation, person),
        author=person,
        text=text,
        sent=sent,
        message_id=message_id,
        at=transaction.now,
    )


async def _send(
    transaction: Transaction,
    conversation_id: UUID,
    person: Person,
    thread: Thread,
    file_ids: Sequence[UUID],
    message_id: UUID,
) -> tuple[SentFile, ...]:
    found = await files.send(
        transaction,
        file_ids,
        conversation_id=conversation_id,
        thread=thread,
        author_id=person.id,
        message_id=message_id,
    )
    if len(found) != len(file_ids):
        known = {file.id for file in found}
        raise UnknownFileError(field="file_ids", unknown=[str(id_) for id_ in file_ids if id_ not in known])
    return tuple(file.sent for file in found)


async def not_too_fast(transaction: Transaction, person: Person) -> None:
    """Raises TooFastError when they have written too much just now."""
    written, first = await messages.lately(transaction, person.id, after=transaction.now - MESSAGES_IN)
    if written >= MOST_MESSAGES and first is not None:
        again = first + MESSAGES_IN - transaction.now
        raise TooFastError(retry_after_seconds=max(1, math.ceil(again.total_seconds())), allowed=MOST_MESSAGES)


async def edit(
    transaction: Transaction, conversation_id: UUID, message_id: UUID, person: Person, *, text: str | None
) -> Message:
    """The author changes a message while it is fresh, or deletes it (no text); what it said is kept for staff.

    Raises:
        NotFoundError: there is no such message for this person.
        NotYoursError, AlreadyDeletedError, TooLateError
    """
    message = await readable_message(transaction, conversation_id, message_id, person)
    changeable(message, person, transaction.now, deleting=text is None)
    conversation = await store.next_version(transaction, conversation_id)
    # Read again under the conversation's lock: of two who change it at once the second sees what the first did.
    message = await readable_message(transaction, conversation_id, message_id, person)
    changeable(message, person, transaction.now, deleting=text is None)
    _changed(transaction, conversation_id)
    if text is None:
        await files.leave_of_message(transaction, message_id)
    return await messages.change(transaction, message, text=text, version=conversation.version)


async def readable_message(
    transaction: Transaction, conversation_id: UUID, message_id: UUID, person: Person
) -> Message:
    """A message in a thread that this person reads.

    Raises:
        NotFoundError
    """
    conversation = await store.by_id(transaction, conversation_id)
    message = await messages.one(transaction, conversation_id, message_id)
    if conversation is None or message is None or message.thread not in readable_threads(conversation, person):
        raise NotFoundError
    return message


def _changed(transaction: Transaction, conversation_id: UUID) -> None:
    """Those who look at the conversation now are told after the commit."""
    transaction.notify(CHANGED, str(conversation_id))


async def mark_read(
    transaction: Transaction, conversation_id: UUID, person: Person, *, thread: Thread, through: int
) -> int:
    """A person has read a thread up to a position: the public one for their whole side. How many messages are unread
    in it.

    Raises:
        NotFoundError: as for `post`.
    """
    conversation = await readable(transaction, conversation_id, person, thread=thread)
    through = min(through, conversation.last_position)
    if thread is Thread.INTERNAL:
        await messages.mark(transaction, conversation_id, person.id, thread, through=through)
        return await messages.unread_internal(transaction, conversation_id, person.id)
    side = side_of(conversation, person)
    await messages.mark(transaction, conversation_id, person.id, thread, through=through)
    marked = await store.mark_public(transaction, conversation_id, side, through=through)
    _changed(transaction, conversation_id)
    if marked is None:
        now = await store.by_id(transaction, conversation_id)
        assert now is not None
        return now.unread(side)
    if marked.order_id is not None and marked.seen(side) > conversation.seen(side):
        _read(transaction, marked, side, person.id)
    return marked.unread(side)


def _read(transaction: Transaction, conversation: Conversation, side: Side, reader_id: UUID) -> None:
    assert conversation.order_id is not None
    transaction.publish(
        events.ConversationRead(
            conversation_id=conversation.id,
            order_id=conversation.order_id,
            reader_kind=side,
            reader_id=reader_id,
            seen=conversation.seen(side),
        ),
        subject=conversation.id,
        sequence=conversation.version,
    )


async def readable(transaction: Transaction, conversation_id: UUID, person: Person, *, thread: Thread) -> Conversation:
    """The conversation, if this person may read that thread of it.

    Raises:
        NotFoundError: they may not, or it does not exist: the two look alike.
    """
    conversation = await store.by_id(transaction, conversation_id)
    if conversation is None or thread not in readable_threads(conversation, person):
        raise NotFoundError
    return conversation


async def unread(transaction: Transaction, conversation: Conversation, person: Person) -> dict[Thread, int]:
    """Unread messages by thread, for those that the person reads."""
    counted: dict[Thread, int] = {}
    for thread in readable_threads(conversation, person):
        counted[thread] = (
            conversation.unread(side_of(conversation, person))
            if thread is Thread.PUBLIC
            else await messages.unread_internal(transaction, conversation.id, person.id)
        )
    return counted


async def erase(transaction: Transaction, person_id: UUID) -> None:
    """A customer is erased: their words, their files, their name, and what others' events quote of them."""
    await messages.erase(transaction, person_id)
    await files.leave_of_author(transaction, person_id)
    await store.erase(transaction, person_id)


async def add(
    transaction: Transaction,
    conversation: Conversation,
    thread: Thread,
    *,
    author_kind: AuthorKind,
    at: datetime,
    author: Person | None = None,
    text: str | None = None,
    template: str | None = None,
    facts: dict[str, Any] | None = None,
    event_id: UUID | None = None,
    sent: tuple[SentFile, ...] = (),
    message_id: UUID | None = None,
) -> Message:
    """The next message of a conversation."""
    after = await store.next_position(transaction, conversation.id, thread, author_kind)
    message = Message(
        id=message_id or new_id(),
        conversation_id=conversation.id,
        position=after.last_position,
        thread=thread,
        author_kind=author_kind,
        author_id=author.id if author else None,
        author_name=author.name if author else None,
        text=text,
        template=template,
        facts=facts or {},
        event_id=event_id,
        created_at=at,
        count=after.count(thread, author_kind),
        files=sent,
    )
    await messages.add(transaction, message)
    _changed(transaction, conversation.id)
    _posted(transaction, after, message)
    return message


def _posted(transaction: Transaction, conversation: Conversation, message: Message) -> None:
    data: events.MessagePosted | events.DialogPosted
    if conversation.order_id is not None:
        data = events.MessagePosted(
            message_id=message.id,
            conversation_id=conversation.id,
            order_id=conversation.order_id,
            thread=message.thread.value,
            author_kind=message.author_kind,
            author_id=message.author_id,
            applicant_id=conversation.applicant_id,
            count=message.count,
        )
    else:
        assert conversation.offering_id is not None
        data = events.DialogPosted(
            message_id=message.id,
            conversation_id=conversation.id,
            customer_id=conversation.applicant_id,
            offering_id=conversation.offering_id,
            author_kind=message.author_kind,
            author_id=message.author_id,
            responsible_ids=list(conversation.responsible_ids or ()),
        )
    transaction.publish(data, subject=conversation.id, sequence=conversation.version)
