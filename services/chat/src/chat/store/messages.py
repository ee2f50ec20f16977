"""What is said, and how far each person has read."""

import re
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from foyer_chassis.tables import idempotency_keys
from sqlalchemy.dialects.postgresql import JSONPATH, insert

from ..domain.conversations import AuthorKind, Conversation, Message, SentFile, Side, Thread
from ..tables import conversations, message_edits, messages, reads

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
_PAGE_BEFORE = (
    sa.select(messages)
    .where(
        messages.c.conversation_id == sa.bindparam("conversation"),
        messages.c.thread == sa.bindparam("thread"),
        messages.c.position < sa.bindparam("before"),
    )
    .order_by(messages.c.position.desc())
    .limit(sa.bindparam("limit"))
)
_FOUND = sa.or_(
    messages.c.text.ilike(sa.bindparam("pattern"), escape="\\"),
    sa.cast(sa.func.jsonb_path_query_array(messages.c.files, sa.cast("$[*].name", JSONPATH)), sa.Text).ilike(
        sa.bindparam("pattern"), escape="\\"
    ),
)
_PAGE_FOUND, _PAGE_BEFORE_FOUND = _PAGE.where(_FOUND), _PAGE_BEFORE.where(_FOUND)
_SINCE = (
    sa.select(messages)
    .where(messages.c.conversation_id == sa.bindparam("conversation"), messages.c.position > sa.bindparam("after"))
    .order_by(messages.c.position)
    .limit(sa.bindparam("limit"))
)
_CHANGED_SINCE = (
    sa.select(messages)
    .where(
        messages.c.conversation_id == sa.bindparam("conversation"),
        messages.c.changed_version > sa.bindparam("version"),
        messages.c.changed_version > 0,
    )
    .order_by(messages.c.changed_version)
    .limit(sa.bindparam("limit"))
)
_ONE = sa.select(messages).where(
    messages.c.conversation_id == sa.bindparam("conversation"), messages.c.id == sa.bindparam("message")
)
_CHANGE = (
    sa.update(messages)
    .where(messages.c.id == sa.bindparam("message"))
    .values(
        text=sa.bindparam("new_text"),
        template=sa.bindparam("new_template"),
        changed_version=sa.bindparam("version"),
        edited_at=sa.bindparam("edited"),
        deleted_at=sa.bindparam("deleted"),
        # What is deleted takes its files along.
        files=sa.case(
            (sa.bindparam("new_text", type_=sa.Text).is_(None), sa.text("'[]'::jsonb")), else_=messages.c.files
        ),
    )
    .returning(messages)
)
_KEEP_FORMER = insert(message_edits)
_FORMER = (
    sa.select(message_edits.c.edited_at, message_edits.c.text)
    .where(message_edits.c.message_id == sa.bindparam("message"))
    .order_by(message_edits.c.edited_at, message_edits.c.version)
)
_LATELY = sa.select(sa.func.count().label("written"), sa.func.min(messages.c.created_at).label("first")).where(
    messages.c.author_id == sa.bindparam("author"), messages.c.created_at > sa.bindparam("after")
)
_ERASE_FORMER = sa.delete(message_edits).where(message_edits.c.author_id == sa.bindparam("person"))
_UNREAD_INTERNAL = (
    sa.select(sa.func.count().label("unread"))
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
        messages.c.thread == Thread.INTERNAL.value,
        messages.c.author_kind == "staff",
        messages.c.position > sa.func.coalesce(reads.c.position, 0),
        messages.c.author_id.is_distinct_from(sa.bindparam("person")),
    )
)
_read = insert(reads)
_MARK = _read.on_conflict_do_update(
    index_elements=["conversation_id", "person_id", "thread"],
    set_={"position": sa.func.greatest(reads.c.position, _read.excluded.position)},
)
_READER = (
    sa.select(reads.c.person_id)
    .where(
        reads.c.conversation_id == sa.bindparam("conversation"),
        reads.c.thread == Thread.PUBLIC.value,
        reads.c.person_id != sa.bindparam("applicant"),
    )
    .order_by(reads.c.position.desc())
    .limit(1)
)
_NEWEST = (
    sa.select(messages)
    .where(
        messages.c.conversation_id == sa.bindparam("conversation"),
        messages.c.thread == Thread.PUBLIC.value,
        messages.c.author_kind == sa.bindparam("author_kind"),
    )
    .order_by(messages.c.position.desc())
    .limit(1)
)
_ERASE_MESSAGES = (
    sa.update(messages)
    .where(messages.c.author_id == sa.bindparam("person"))
    .values(
        author_name=None,
        text=None,
        template=sa.func.coalesce(messages.c.template, "message_erased"),
        facts={},
        files=[],
    )
)
# Answers kept for repeats hold the words, too.
_ERASE_ANSWERS = sa.delete(idempotency_keys).where(idempotency_keys.c.caller_id == sa.bindparam("person"))
_ERASE_NOTES = (
    sa.update(messages)
    .where(
        messages.c.conversation_id.in_(
            sa.select(conversations.c.id).where(conversations.c.applicant_id == sa.bindparam("person"))
        ),
        messages.c.facts.has_key("note"),
    )
    .values(facts=messages.c.facts.op("-")("note"))
)


def message_of(row: sa.RowMapping) -> Message:
    files = tuple(SentFile(**{**file, "id": UUID(file["id"])}) for file in row["files"])
    return Message(**{**row, "thread": Thread(row["thread"]), "files": files})


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
            "count": message.count,
            "files": [{**asdict(file), "id": str(file.id)} for file in message.files],
        },
    )


async def page(
    transaction: Transaction,
    conversation_id: UUID,
    thread: Thread,
    *,
    after: int,
    before: int | None,
    limit: int,
    containing: str | None = None,
) -> list[Message]:
    """Messages of one thread, oldest first: those next after a position, or those last before one; `containing` some
    text, whatever its case."""
    parameters: dict[str, Any] = {"conversation": conversation_id, "thread": thread.value, "limit": limit}
    if containing is not None:
        parameters["pattern"] = "%" + re.sub(r"([\\%_])", r"\\\1", containing) + "%"
    if before is None:
        statement = _PAGE if containing is None else _PAGE_FOUND
        return [message_of(row) for row in await transaction.all(statement, {**parameters, "after": after})]
    statement = _PAGE_BEFORE if containing is None else _PAGE_BEFORE_FOUND
    rows = await transaction.all(statement, {**parameters, "before": before})
    return [message_of(row) for row in reversed(rows)]


async def since(transaction: Transaction, conversation_id: UUID, *, after: int, limit: int) -> list[Message]:
    """Messages of all threads after a position, oldest first, without a gap."""
    rows = await transaction.all(_SINCE, {"conversation": conversation_id, "after": after, "limit": limit})
    return [message_of(row) for row in rows]


async def changed_since(transaction: Transaction, conversation_id: UUID, *, version: int, limit: int) -> list[Message]:
    """Messages of all threads that were edited or deleted after a version of the conversation, in that order."""
    rows = await transaction.all(_CHANGED_SINCE, {"conversation": conversation_id, "version": version, "limit": limit})
    return [message_of(row) for row in rows]


async def one(transaction: Transaction, conversation_id: UUID, message_id: UUID) -> Message | None:
    row = await transaction.one_or_none(_ONE, {"conversation": conversation_id, "message": message_id})
    return None if row is None else message_of(row)


async def change(transaction: Transaction, message: Message, *, text: str | None, version: int) -> Message:
    """Another text, or none: then it is deleted. What it said before is kept."""
    await transaction.execute(
        _KEEP_FORMER,
        {
            "message_id": message.id,
            "edited_at": transaction.now,
            "version": version,
            "author_id": message.author_id,
            "text": message.text,
        },
    )
    row = await transaction.one_or_none(
        _CHANGE,
        {
            "message": message.id,
            "new_text": text,
            "new_template": "message_deleted" if text is None else None,
            "version": version,
            "edited": message.edited_at if text is None else transaction.now,
            "deleted": transaction.now if text is None else None,
        },
    )
    assert row is not None
    return message_of(row)


async def former(transaction: Transaction, message_id: UUID) -> list[tuple[datetime, str]]:
    """What a message said until when, oldest first."""
    return [(row["edited_at"], row["text"]) for row in await transaction.all(_FORMER, {"message": message_id})]


async def lately(transaction: Transaction, author_id: UUID, *, after: datetime) -> tuple[int, datetime | None]:
    """How many messages a person has written since then, and when the first of them."""
    row = await transaction.one_or_none(_LATELY, {"author": author_id, "after": after})
    assert row is not None
    return int(row["written"]), row["first"]


async def unread_internal(transaction: Transaction, conversation_id: UUID, person_id: UUID) -> int:
    """How many messages of other staff a person has not read in the internal thread."""
    row = await transaction.one_or_none(_UNREAD_INTERNAL, {"conversation": conversation_id, "person": person_id})
    assert row is not None
    return int(row["unread"])


async def mark(
    transaction: Transaction, conversation_id: UUID, person_id: UUID, thread: Thread, *, through: int
) -> None:
    """A person has read that far; it never goes back."""
    await transaction.execute(
        _MARK,
        {"conversation_id": conversation_id, "person_id": person_id, "thread": thread.value, "position": through},
    )


async def reader(transaction: Transaction, conversation: Conversation, side: Side) -> UUID:
    """Who of a side has read furthest in the public thread; the side must have read something."""
    if side == "customer":
        return conversation.applicant_id
    row = await transaction.one_or_none(
        _READER, {"conversation": conversation.id, "applicant": conversation.applicant_id}
    )
    assert row is not None
    found: UUID = row["person_id"]
    return found


async def newest(transaction: Transaction, conversation_id: UUID, author_kind: AuthorKind) -> Message:
    """The newest public message of a kind of author; there must be one."""
    row = await transaction.one_or_none(_NEWEST, {"conversation": conversation_id, "author_kind": author_kind})
    assert row is not None
    return message_of(row)


async def erase(transaction: Transaction, person_id: UUID) -> None:
    """What a person wrote is gone, and what system messages quote of it; that they wrote stays."""
    for statement in (_ERASE_MESSAGES, _ERASE_NOTES, _ERASE_ANSWERS, _ERASE_FORMER):
        await transaction.execute(statement, {"person": person_id})
