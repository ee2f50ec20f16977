from collections.abc import Collection
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from sqlalchemy.dialects.postgresql import insert

from .domain import Draft, DraftStatus
from .tables import drafts

_BY_ID = sa.select(drafts).where(drafts.c.id == sa.bindparam("draft"))
_BY_ID_LOCKED = _BY_ID.with_for_update()
_OPEN = (
    sa.select(drafts)
    .where(
        drafts.c.status == "open",
        sa.bindparam("after", type_=sa.Uuid).is_(None) | (drafts.c.id < sa.bindparam("after")),
    )
    .order_by(drafts.c.id.desc())
    .limit(sa.bindparam("limit"))
)
_OWN = _OPEN.where(drafts.c.applicant_id == sa.bindparam("applicant"))
_OF_KINDS = _OPEN.where(drafts.c.kind.in_(sa.bindparam("kinds", expanding=True)))
_INSERT = insert(drafts).on_conflict_do_nothing().returning(drafts.c.id)


def _draft(row: sa.RowMapping) -> Draft:
    return Draft(**{**row, "status": DraftStatus(row["status"])})


async def draft_by_id(transaction: Transaction, draft_id: UUID, *, lock: bool = False) -> Draft | None:
    row = await transaction.one_or_none(_BY_ID_LOCKED if lock else _BY_ID, {"draft": draft_id})
    return None if row is None else _draft(row)


async def page(
    transaction: Transaction, *, applicant_id: UUID | None, kinds: Collection[str], after: UUID | None, limit: int
) -> list[Draft]:
    """Open drafts, the newest first: of one applicant, or of these kinds."""
    parameters = {"after": after, "limit": limit}
    if applicant_id is not None:
        rows = await transaction.all(_OWN, {**parameters, "applicant": applicant_id})
    else:
        rows = await transaction.all(_OF_KINDS, {**parameters, "kinds": list(kinds)})
    return [_draft(row) for row in rows]


async def add(transaction: Transaction, draft: Draft) -> bool:
    """Whether the draft was not there yet."""
    result = await transaction.execute(_INSERT, _values(draft))
    return result.scalar_one_or_none() is not None


async def save(transaction: Transaction, draft: Draft) -> None:
    values = _values(draft)
    id_ = values.pop("id")
    await transaction.execute(sa.update(drafts).where(drafts.c.id == id_).values(**values))


async def erase(transaction: Transaction, applicant_id: UUID) -> None:
    """Nothing of what the applicant entered stays; what was open is given up."""
    await transaction.execute(
        sa.update(drafts)
        .where(drafts.c.applicant_id == applicant_id)
        .values(
            content={},
            status=sa.case((drafts.c.status == "open", "discarded"), else_=drafts.c.status),
            version=drafts.c.version + 1,
        )
    )


def _values(draft: Draft) -> dict[str, object]:
    values = {column.name: getattr(draft, column.name) for column in drafts.c}
    return {**values, "content": dict(draft.content), "status": draft.status.value}
