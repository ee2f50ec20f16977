"""Conversations are opened by what happens to orders; people write and read in them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError
from foyer_contracts import chat as events
from foyer_contracts.ids import new_id

from . import store
from .domain import AuthorKind, Conversation, Message, Person, Thread, author_kind, threads_of


async def open_conversation(
    transaction: Transaction,
    *,
    order_id: UUID,
    applicant_id: UUID,
    number: int,
    responsible_ids: Sequence[UUID],
) -> None:
    """An order was placed. What overtook it may have opened the conversation already."""
    await _opened(transaction, order_id, applicant_id)
    await store.describe(transaction, order_id, number=number, responsible_ids=responsible_ids)


async def note_system(
    transaction: Transaction,
    *,
    order_id: UUID,
    applicant_id: UUID,
    event_id: UUID,
    template: str,
    facts: dict[str, Any],
    at: datetime,
) -> None:
    """Something happened to the order: a system message in the public thread (A23). The conversation is opened if the
    event that does so is still on its way."""
    conversation = await _opened(transaction, order_id, applicant_id)
    await _add(
        transaction,
        conversation,
        Thread.PUBLIC,
        author_kind="system",
        template=template,
        facts=facts,
        event_id=event_id,
        at=at,
    )


async def post(
    transaction: Transaction, conversation_id: UUID, person: Person, *, thread: Thread, text: str
) -> Message:
    """A person writes.

    Raises:
        NotFoundError: there is no such conversation, or no such thread in it, for this person.
    """
    conversation = await readable(transaction, conversation_id, person, thread=thread)
    return await _add(
        transaction,
        conversation,
        thread,
        author_kind=author_kind(conversation, person),
        author=person,
        text=text,
        at=transaction.now,
    )


async def mark_read(
    transaction: Transaction, conversation_id: UUID, person: Person, *, thread: Thread, through: int
) -> int:
    """A person has read a thread up to a position. How many messages are left unread in it.

    Raises:
        NotFoundError: as for `post`.
    """
    conversation = await readable(transaction, conversation_id, person, thread=thread)
    through = min(through, conversation.last_position)
    await store.mark_read(transaction, conversation_id, person.id, thread, through=through)
    return (await store.unread(transaction, conversation_id, person.id, [thread]))[thread]


async def readable(transaction: Transaction, conversation_id: UUID, person: Person, *, thread: Thread) -> Conversation:
    """The conversation, if this person may read that thread of it.

    Raises:
        NotFoundError: they may not, or it does not exist: the two look alike.
    """
    conversation = await store.by_id(transaction, conversation_id)
    if conversation is None or thread not in threads_of(conversation, person):
        raise NotFoundError
    return conversation


async def _opened(transaction: Transaction, order_id: UUID, applicant_id: UUID) -> Conversation:
    conversation, is_new = await store.open_for(transaction, order_id, applicant_id)
    if is_new:
        transaction.publish(
            events.ConversationOpened(conversation_id=conversation.id, order_id=order_id),
            subject=conversation.id,
            sequence=conversation.version,
        )
    return conversation


async def _add(
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
) -> Message:
    after = await store.next_position(transaction, conversation.id)
    message = Message(
        id=new_id(),
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
    )
    await store.add(transaction, message)
    transaction.publish(
        events.MessagePosted(
            message_id=message.id,
            conversation_id=conversation.id,
            order_id=conversation.order_id,
            thread=thread.value,
            author_kind=author_kind,
            author_id=message.author_id,
            applicant_id=conversation.applicant_id,
        ),
        subject=conversation.id,
        sequence=after.version,
    )
    return message
