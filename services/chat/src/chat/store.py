from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from foyer_contracts.ids import new_id
from sqlalchemy.dialects.postgresql import insert

from .domain import Conversation, Message, Thread
from .tables import conversations, messages, reads

_OPEN = insert(conversations).on_conflict_do_nothing(index_elements=["order_id"]).returning(conversations)
_OF_ORDER = sa.select(conversations).where(conversations.c.order_id == sa.bindparam("order"))
_BY_ID = sa.select(conversations).where(conversations.c.id == sa.bindparam("conversation"))
_DESCRIBE = (
    sa.update(conversations)
    .where(conversations.c.order_id == sa.bindparam("of_order"))
    .values(
        number=sa.bindparam("number"),
        responsible_ids=sa.bindparam("responsible_ids"),
        version=conversations.c.version + 1,
    )
)
# The row lock makes positions gapless and visible in order: a reader who has seen 7 never finds a new 6.
_NEXT_POSITION = (
    sa.update(conversations)
    .where(conversations.c.id == sa.bindparam("of_conversation"))
    .values(last_position=conversations.c.last_position + 1, version=conversations.c.version + 1)
    .returning(conversations)
)
_ADD = sa.insert(messages)
_PAGE = (
    sa.select(messages)
    .where(
        messages.c.conversation_id == sa.bindparam("conversation"),
        messages.c.thread == sa.bindparam("thread"),
        messages.c.position > sa.bindparam("after"),
    )
    .order_by(messages.c.position)
    .limit(sa.bindparam("limit"))
)
_UNREAD = (
    sa.select(messages.c.thread, sa.func.count().label("unread"))
    .select_from(
        messages.outerjoin(
            reads,
            sa.and_(
                reads.c.conversation_id == messages.c.conversation_id,
                reads.c.thread == messages.c.thread,
                reads.c.person_id == sa.bindparam("person"),
            ),
        )
    )
    .where(
        messages.c.conversation_id == sa.bindparam("conversation"),
        messages.c.thread.in_(sa.bindparam("threads", expanding=True)),
        messages.c.position > sa.func.coalesce(reads.c.position, 0),
        messages.c.author_id.is_distinct_from(sa.bindparam("person")),
    )
    .group_by(messages.c.thread)
)
_read = insert(reads)
_MARK_READ = _read.on_conflict_do_update(
    index_elements=["conversation_id", "person_id", "thread"],
    set_={"position": sa.func.greatest(reads.c.position, _read.excluded.position)},
)


def _conversation(row: sa.RowMapping) -> Conversation:
    ids = row["responsible_ids"]
    return Conversation(**{**row, "responsible_ids": None if ids is None else tuple(ids)})


async def open_for(transaction: Transaction, order_id: UUID, applicant_id: UUID) -> tuple[Conversation, bool]:
    """The order's conversation, and whether it was opened just now."""
    row = await transaction.one_or_none(
        _OPEN,
        {
            "id": new_id(),
            "order_id": order_id,
            "applicant_id": applicant_id,
            "number": None,
            "responsible_ids": None,
            "last_position": 0,
            "created_at": transaction.now,
            "version": 1,
        },
    )
    if row is not None:
        return _conversation(row), True
    conversation = await of_order(transaction, order_id)
    assert conversation is not None
    return conversation, False


async def of_order(transaction: Transaction, order_id: UUID) -> Conversation | None:
    row = await transaction.one_or_none(_OF_ORDER, {"order": order_id})
    return None if row is None else _conversation(row)


async def by_id(transaction: Transaction, conversation_id: UUID) -> Conversation | None:
    row = await transaction.one_or_none(_BY_ID, {"conversation": conversation_id})
    return None if row is None else _conversation(row)


async def describe(transaction: Transaction, order_id: UUID, *, number: int, responsible_ids: Sequence[UUID]) -> None:
    """Keep what the order's `placed` event says of it."""
    await transaction.execute(
        _DESCRIBE, {"of_order": order_id, "number": number, "responsible_ids": list(responsible_ids)}
    )


async def next_position(transaction: Transaction, conversation_id: UUID) -> Conversation:
    """The conversation with one more position, which is the caller's; others wait for the end of this transaction."""
    row = await transaction.one_or_none(_NEXT_POSITION, {"of_conversation": conversation_id})
    assert row is not None
    return _conversation(row)


async def add(transaction: Transaction, message: Message) -> None:
    await transaction.execute(
        _ADD,
        {
            "id": message.id,
            "conversation_id": message.conversation_id,
            "position": message.position,
            "thread": message.thread.value,
            "author_kind": message.author_kind,
            "author_id": message.author_id,
            "author_name": message.author_name,
            "text": message.text,
            "template": message.template,
            "facts": dict(message.facts),
            "event_id": message.event_id,
            "created_at": message.created_at,
        },
    )


async def page(
    transaction: Transaction, conversation_id: UUID, thread: Thread, *, after: int, limit: int
) -> list[Message]:
    """Messages of one thread, oldest first."""
    rows = await transaction.all(
        _PAGE, {"conversation": conversation_id, "thread": thread.value, "after": after, "limit": limit}
    )
    return [Message(**{**row, "thread": Thread(row["thread"])}) for row in rows]


async def unread(
    transaction: Transaction, conversation_id: UUID, person_id: UUID, threads: Sequence[Thread]
) -> dict[Thread, int]:
    """How many messages of others a person has not read, by thread."""
    rows = await transaction.all(
        _UNREAD,
        {"conversation": conversation_id, "person": person_id, "threads": [thread.value for thread in threads]},
    )
    counted = {Thread(row["thread"]): int(row["unread"]) for row in rows}
    return {thread: counted.get(thread, 0) for thread in threads}


async def mark_read(
    transaction: Transaction, conversation_id: UUID, person_id: UUID, thread: Thread, *, through: int
) -> None:
    await transaction.execute(
        _MARK_READ,
        {"conversation_id": conversation_id, "person_id": person_id, "thread": thread.value, "position": through},
    )
