from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from foyer_contracts.ids import new_id
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from ..domain.conversations import Conversation, Person
from ..domain.dialogs import Offering
from ..tables import conversations, drafts, offerings
from .conversations import conversation_of

_new = insert(offerings)
_NOTE = _new.on_conflict_do_update(
    index_elements=["offering_id"],
    set_={
        name: _new.excluded[name]
        for name in ("title", "kind", "active", "dialog_before_order", "responsible_ids", "location_ids", "sequence")
    },
    where=offerings.c.sequence < _new.excluded.sequence,
).returning(offerings.c.offering_id)
_OFFERING = sa.select(offerings).where(offerings.c.offering_id == sa.bindparam("offering"))
_KEEP_DRAFT = insert(drafts).on_conflict_do_nothing().returning(drafts.c.draft_id)
_new_draft = insert(drafts)
_END_DRAFT = _new_draft.on_conflict_do_update(index_elements=["draft_id"], set_={"live": False})
_LIVE_DRAFTS = sa.select(drafts.c.conversation_id, drafts.c.draft_id).where(
    drafts.c.conversation_id.in_(sa.bindparam("conversations", expanding=True)), drafts.c.live
)
_OPENED_LATELY = sa.select(sa.func.count().label("opened")).where(
    conversations.c.applicant_id == sa.bindparam("applicant"),
    conversations.c.applicant_name.is_not(None),
    conversations.c.created_at > sa.bindparam("after"),
)
_OWN = conversations.c.applicant_id == sa.bindparam("person")
_OF_KINDS = sa.and_(
    conversations.c.kind.in_(sa.bindparam("kinds", expanding=True)),
    sa.or_(
        sa.bindparam("anywhere", type_=sa.Boolean),
        conversations.c.location_ids == sa.cast([], ARRAY(PG_UUID(as_uuid=True))),
        conversations.c.location_ids.op("&&")(sa.bindparam("locations", type_=ARRAY(PG_UUID(as_uuid=True)))),
    ),
)
_PAGE = (
    sa.select(conversations)
    .where(conversations.c.order_id.is_(None), sa.or_(_OWN, _OF_KINDS))
    .order_by(conversations.c.id.desc())
    .limit(sa.bindparam("limit"))
)
_AFTER = conversations.c.id < sa.bindparam("after")
_UNREAD = sa.or_(
    sa.and_(_OWN, conversations.c.public_staff > conversations.c.customer_seen),
    sa.and_(
        conversations.c.applicant_id != sa.bindparam("person"),
        conversations.c.public_customer > conversations.c.staff_seen,
    ),
)
_ABOUT = conversations.c.offering_id == sa.bindparam("offering")


async def note_offering(transaction: Transaction, offering: Offering) -> bool:
    """Keep an offering unless a newer one is known; whether it was kept."""
    row = await transaction.one_or_none(
        _NOTE,
        {
            "offering_id": offering.offering_id,
            "title": offering.title,
            "kind": offering.kind,
            "active": offering.active,
            "dialog_before_order": offering.dialog_before_order,
            "responsible_ids": list(offering.responsible_ids),
            "location_ids": list(offering.location_ids),
            "sequence": offering.sequence,
        },
    )
    return row is not None


async def offering(transaction: Transaction, offering_id: UUID) -> Offering | None:
    row = await transaction.one_or_none(_OFFERING, {"offering": offering_id})
    if row is None:
        return None
    return Offering(
        **{**row, "responsible_ids": tuple(row["responsible_ids"]), "location_ids": tuple(row["location_ids"])}
    )


async def begin_draft(transaction: Transaction, conversation_id: UUID, draft_id: UUID | None = None) -> UUID | None:
    """A draft of the dialog; None when there is a live one, or this one is known (it may be over already)."""
    row = await transaction.one_or_none(
        _KEEP_DRAFT,
        {
            "draft_id": draft_id or new_id(),
            "conversation_id": conversation_id,
            "live": True,
            "created_at": transaction.now,
        },
    )
    return None if row is None else row["draft_id"]


async def end_draft(transaction: Transaction, conversation_id: UUID, draft_id: UUID) -> None:
    """The draft is no longer live, even if we never heard of its beginning."""
    await transaction.execute(
        _END_DRAFT,
        {
            "draft_id": draft_id,
            "conversation_id": conversation_id,
            "live": False,
            "created_at": transaction.now,
        },
    )


async def live_drafts(transaction: Transaction, conversation_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """The live draft of each of these dialogs that has one."""
    rows = await transaction.all(_LIVE_DRAFTS, {"conversations": list(conversation_ids)})
    return {row["conversation_id"]: row["draft_id"] for row in rows}


async def opened_lately(transaction: Transaction, applicant_id: UUID, *, after: datetime) -> int:
    """How many dialogs a customer has opened since then, also such that became orders."""
    row = await transaction.one_or_none(_OPENED_LATELY, {"applicant": applicant_id, "after": after})
    assert row is not None
    return int(row["opened"])


async def page(
    transaction: Transaction,
    person: Person,
    *,
    offering_id: UUID | None,
    unread: bool,
    after: UUID | None,
    limit: int,
) -> Sequence[Conversation]:
    """A person's own dialogs and those of the customers that they may talk to, newest first."""
    statement = _PAGE
    if offering_id is not None:
        statement = statement.where(_ABOUT)
    if unread:
        statement = statement.where(_UNREAD)
    if after is not None:
        statement = statement.where(_AFTER)
    rows = await transaction.all(
        statement,
        {
            "person": person.id,
            "kinds": sorted(person.clients),
            "anywhere": not person.locations,
            "locations": [UUID(item) for item in sorted(person.locations) if _is_uuid(item)],
            "limit": limit,
            **({"offering": offering_id} if offering_id is not None else {}),
            **({"after": after} if after is not None else {}),
        },
    )
    return [conversation_of(row) for row in rows]


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
