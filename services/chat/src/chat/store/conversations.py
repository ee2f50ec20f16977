from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from ..domain.conversations import AuthorKind, Conversation, Side, Thread
from ..tables import conversations, messages

_IDS = ARRAY(PG_UUID(as_uuid=True))
_ID = conversations.c.id == sa.bindparam("conversation")
_NEXT_VERSION = conversations.c.version + 1
_OPEN_ORDER = insert(conversations).on_conflict_do_nothing(index_elements=["order_id"]).returning(conversations)
_OPEN_DIALOG = (
    insert(conversations)
    .on_conflict_do_nothing(
        index_elements=["applicant_id", "offering_id"], index_where=conversations.c.order_id.is_(None)
    )
    .returning(conversations)
)
_OF_ORDER = sa.select(conversations).where(conversations.c.order_id == sa.bindparam("order"))
_BY_ID = sa.select(conversations).where(_ID)
_LOCKED = _BY_ID.with_for_update()
_VERSIONS = sa.select(conversations.c.id, conversations.c.version).where(
    conversations.c.id == sa.any_(sa.bindparam("ids", type_=_IDS))
)
_DIALOG_OF = sa.select(conversations).where(
    conversations.c.applicant_id == sa.bindparam("applicant"),
    conversations.c.offering_id == sa.bindparam("offering"),
    conversations.c.order_id.is_(None),
)
_BECOME_ORDER = (
    sa.update(conversations)
    .where(_ID, conversations.c.order_id.is_(None), conversations.c.applicant_id == sa.bindparam("applicant"))
    .values(order_id=sa.bindparam("order"), version=_NEXT_VERSION)
    .returning(conversations)
)
_DESCRIBE = (
    sa.update(conversations)
    .where(_ID)
    .values(
        number=sa.bindparam("number"),
        kind=sa.bindparam("kind"),
        responsible_ids=sa.bindparam("responsible_ids"),
        location_ids=sa.bindparam("location_ids"),
        offering_id=sa.bindparam("offering_id"),
        offering_title=sa.bindparam("offering_title"),
        assignee_id=sa.case(
            (
                conversations.c.assignee_sequence < sa.bindparam("sequence", type_=sa.BigInteger),
                sa.bindparam("assignee_id", type_=PG_UUID(as_uuid=True)),
            ),
            else_=conversations.c.assignee_id,
        ),
        assignee_sequence=sa.func.greatest(
            conversations.c.assignee_sequence, sa.bindparam("sequence", type_=sa.BigInteger)
        ),
        version=_NEXT_VERSION,
    )
    .returning(conversations)
)
_ASSIGN = (
    sa.update(conversations)
    .where(_ID, conversations.c.assignee_sequence < sa.bindparam("sequence"))
    .values(
        assignee_id=sa.bindparam("assignee"),
        assignee_sequence=sa.bindparam("sequence"),
        responsible_ids=sa.bindparam("responsible_ids"),
        version=_NEXT_VERSION,
    )
    .returning(conversations.c.id)
)
_REFRESH_DIALOGS = (
    sa.update(conversations)
    .where(conversations.c.offering_id == sa.bindparam("offering"), conversations.c.order_id.is_(None))
    .values(
        responsible_ids=sa.bindparam("responsible_ids"),
        location_ids=sa.bindparam("location_ids"),
        offering_title=sa.bindparam("title"),
        version=_NEXT_VERSION,
    )
)


def _next_position(thread: Thread, author_kind: AuthorKind) -> sa.UpdateBase:
    counted = conversations.c[f"{thread.value}_{author_kind}"]
    return (
        sa.update(conversations)
        .where(_ID)
        .values(
            {
                conversations.c.last_position: conversations.c.last_position + 1,
                counted: counted + 1,
                conversations.c.version: _NEXT_VERSION,
            }
        )
        .returning(conversations)
    )


# The row lock makes positions gapless and visible in order: a reader who has seen 7 never finds a new 6.
_AUTHORS: tuple[tuple[Thread, AuthorKind], ...] = (
    (Thread.PUBLIC, "customer"),
    (Thread.PUBLIC, "staff"),
    (Thread.PUBLIC, "system"),
    (Thread.INTERNAL, "staff"),
    (Thread.INTERNAL, "system"),
)
_NEXT_POSITION = {author: _next_position(*author) for author in _AUTHORS}
_BUMP = sa.update(conversations).where(_ID).values(version=_NEXT_VERSION).returning(conversations)


def _mark_public(side: Side, other: Side) -> sa.UpdateBase:
    """The side's mark goes forward; how many of the other side's messages that is comes from their own count."""
    mark, seen = conversations.c[f"{side}_read"], conversations.c[f"{side}_seen"]
    through = sa.bindparam("through", type_=sa.Integer)
    counted = (
        sa.select(sa.func.coalesce(sa.func.max(messages.c.count), 0))
        .where(
            messages.c.conversation_id == conversations.c.id,
            messages.c.thread == Thread.PUBLIC.value,
            messages.c.author_kind == other,
            messages.c.position <= through,
        )
        .scalar_subquery()
    )
    return (
        sa.update(conversations)
        .where(_ID, mark < through)
        .values({mark: through, seen: counted, conversations.c.version: _NEXT_VERSION})
        .returning(conversations)
    )


_MARK_PUBLIC: dict[Side, sa.UpdateBase] = {
    "customer": _mark_public("customer", "staff"),
    "staff": _mark_public("staff", "customer"),
}
_ERASE_NAME = (
    sa.update(conversations)
    .where(conversations.c.applicant_id == sa.bindparam("person"), conversations.c.applicant_name.is_not(None))
    .values(applicant_name=None, version=_NEXT_VERSION)
)


def conversation_of(row: sa.RowMapping) -> Conversation:
    ids = row["responsible_ids"]
    return Conversation(
        **{
            **row,
            "responsible_ids": None if ids is None else tuple(ids),
            "location_ids": tuple(row["location_ids"]),
        }
    )


def _found(row: sa.RowMapping | None) -> Conversation | None:
    return None if row is None else conversation_of(row)


async def open_order(transaction: Transaction, id_: UUID, *, order_id: UUID, applicant_id: UUID) -> Conversation | None:
    """A new conversation for an order; None when it has one."""
    return _found(
        await transaction.one_or_none(
            _OPEN_ORDER,
            {
                "id": id_,
                "order_id": order_id,
                "applicant_id": applicant_id,
                "last_position": 0,
                "created_at": transaction.now,
                "version": 1,
            },
        )
    )


async def open_dialog(
    transaction: Transaction,
    id_: UUID,
    *,
    applicant_id: UUID,
    applicant_name: str,
    offering_id: UUID,
    offering_title: str,
    kind: str,
    responsible_ids: Sequence[UUID],
    location_ids: Sequence[UUID],
) -> Conversation | None:
    """A new dialog; None when the customer has an open one about this offering."""
    return _found(
        await transaction.one_or_none(
            _OPEN_DIALOG,
            {
                "id": id_,
                "order_id": None,
                "applicant_id": applicant_id,
                "applicant_name": applicant_name,
                "offering_id": offering_id,
                "offering_title": offering_title,
                "kind": kind,
                "responsible_ids": list(responsible_ids),
                "location_ids": list(location_ids),
                "last_position": 0,
                "created_at": transaction.now,
                "version": 1,
            },
        )
    )


async def of_order(transaction: Transaction, order_id: UUID) -> Conversation | None:
    return _found(await transaction.one_or_none(_OF_ORDER, {"order": order_id}))


async def by_id(transaction: Transaction, conversation_id: UUID, *, lock: bool = False) -> Conversation | None:
    return _found(await transaction.one_or_none(_LOCKED if lock else _BY_ID, {"conversation": conversation_id}))


async def versions(transaction: Transaction, conversation_ids: list[UUID]) -> dict[UUID, int]:
    """The present version of each of these conversations."""
    if not conversation_ids:
        return {}
    rows = await transaction.all(_VERSIONS, {"ids": conversation_ids})
    return {row["id"]: row["version"] for row in rows}


async def dialog_of(transaction: Transaction, applicant_id: UUID, offering_id: UUID) -> Conversation | None:
    return _found(await transaction.one_or_none(_DIALOG_OF, {"applicant": applicant_id, "offering": offering_id}))


async def become_order(
    transaction: Transaction, conversation_id: UUID, *, order_id: UUID, applicant_id: UUID
) -> Conversation | None:
    """The applicant's dialog is the order's conversation from now on; None when there is no such dialog."""
    return _found(
        await transaction.one_or_none(
            _BECOME_ORDER, {"conversation": conversation_id, "order": order_id, "applicant": applicant_id}
        )
    )


async def describe(
    transaction: Transaction,
    conversation_id: UUID,
    *,
    number: int,
    kind: str,
    responsible_ids: Sequence[UUID],
    location_ids: Sequence[UUID],
    offering_id: UUID,
    offering_title: str,
    assignee_id: UUID | None,
    sequence: int,
) -> Conversation:
    """Keep what the order's `placed` event says of it."""
    row = await transaction.one_or_none(
        _DESCRIBE,
        {
            "conversation": conversation_id,
            "number": number,
            "kind": kind,
            "responsible_ids": list(responsible_ids),
            "location_ids": list(location_ids),
            "offering_id": offering_id,
            "offering_title": offering_title,
            "assignee_id": assignee_id,
            "sequence": sequence,
        },
    )
    assert row is not None
    return conversation_of(row)


async def assign(
    transaction: Transaction,
    conversation_id: UUID,
    *,
    assignee_id: UUID | None,
    responsible_ids: Sequence[UUID],
    sequence: int,
) -> None:
    """Keep who is assigned, unless something newer is known."""
    await transaction.execute(
        _ASSIGN,
        {
            "conversation": conversation_id,
            "assignee": assignee_id,
            "responsible_ids": list(responsible_ids),
            "sequence": sequence,
        },
    )


async def refresh_dialogs(
    transaction: Transaction,
    offering_id: UUID,
    *,
    title: str,
    responsible_ids: Sequence[UUID],
    location_ids: Sequence[UUID],
) -> None:
    await transaction.execute(
        _REFRESH_DIALOGS,
        {
            "offering": offering_id,
            "title": title,
            "responsible_ids": list(responsible_ids),
            "location_ids": list(location_ids),
        },
    )


async def next_position(
    transaction: Transaction, conversation_id: UUID, thread: Thread, author_kind: AuthorKind
) -> Conversation:
    """The conversation with one more position and count, which are the caller's; others wait for the end of this
    transaction."""
    row = await transaction.one_or_none(_NEXT_POSITION[thread, author_kind], {"conversation": conversation_id})
    assert row is not None
    return conversation_of(row)


async def next_version(transaction: Transaction, conversation_id: UUID) -> Conversation:
    """For a further event about the same state: each has a version of its own."""
    row = await transaction.one_or_none(_BUMP, {"conversation": conversation_id})
    assert row is not None
    return conversation_of(row)


async def mark_public(
    transaction: Transaction, conversation_id: UUID, side: Side, *, through: int
) -> Conversation | None:
    """The side has read that far; None when it had before."""
    return _found(
        await transaction.one_or_none(_MARK_PUBLIC[side], {"conversation": conversation_id, "through": through})
    )


async def erase(transaction: Transaction, person_id: UUID) -> None:
    """The person's name is gone; their conversations stay."""
    await transaction.execute(_ERASE_NAME, {"person": person_id})
