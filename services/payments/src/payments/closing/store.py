from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.clock import due
from foyer_chassis.db import Transaction
from sqlalchemy.dialects.postgresql import insert

from ..advances.tables import advance_offsets
from ..order_copies.domain import DONE, Viewer
from ..order_copies.store import SeenBy
from ..order_copies.tables import order_copies
from ..paying.domain import BALANCE
from ..paying.domain.receipts import PREPAYMENTS
from ..paying.tables import payments
from ..price_lists.tables import legal_entities
from .domain import Closing
from .tables import closing_receipts

_prepayments = sa.select(
    payments.c.id,
    sa.literal("due"),
    sa.bindparam("at", type_=sa.DateTime(timezone=True)),
    payments.c.caused_by,
    payments.c.traceparent,
).where(
    payments.c.order_id.in_(sa.bindparam("orders", expanding=True)),
    payments.c.order_id.in_(sa.select(order_copies.c.order_id).where(order_copies.c.status_group == DONE)),
    payments.c.received.is_not(None),
    sa.or_(
        sa.and_(
            payments.c.provider.in_(sa.bindparam("fiscal", expanding=True)),
            payments.c.receipt["mode"].astext.in_(sorted(PREPAYMENTS)),
            payments.c.receipt.has_key("email"),
        ),
        sa.and_(
            payments.c.provider == BALANCE,
            sa.exists().where(legal_entities.c.receipts["enabled"].astext == "true"),
        ),
    ),
)
_MAKE_DUE = (
    insert(closing_receipts)
    .from_select(["payment_id", "status", "next_at", "caused_by", "traceparent"], _prepayments)
    .on_conflict_do_nothing()
    .returning(closing_receipts.c.payment_id)
)
_ORDER = sa.select(payments.c.order_id).where(payments.c.id == sa.bindparam("payment"))
_due = due(closing_receipts.c.payment_id, closing_receipts.c.next_at)
_CLAIM = (
    sa.update(closing_receipts)
    .where(closing_receipts.c.payment_id == _due.c.payment_id)
    .values(next_at=sa.bindparam("until"), attempts=closing_receipts.c.attempts + 1)
    .returning(*closing_receipts.c)
)
_SETTLE = (
    sa.update(closing_receipts)
    .where(closing_receipts.c.payment_id == sa.bindparam("payment"), closing_receipts.c.status == "due")
    .values(
        status=sa.bindparam("now"),
        provider_receipt_id=sa.bindparam("receipt"),
        failure=sa.bindparam("why"),
        next_at=sa.bindparam("then", type_=sa.DateTime(timezone=True)),
    )
)
_closing = sa.select(
    closing_receipts.c.payment_id.label("id"),
    sa.literal("closing").label("kind"),
    closing_receipts.c.payment_id,
    sa.null().cast(sa.BigInteger).label("amount"),
    closing_receipts.c.status,
    closing_receipts.c.provider_receipt_id,
    closing_receipts.c.attempts,
    closing_receipts.c.failure,
)
_offsetting = sa.select(
    advance_offsets.c.id,
    advance_offsets.c.kind,
    advance_offsets.c.payment_id,
    advance_offsets.c.amount,
    advance_offsets.c.status,
    advance_offsets.c.provider_receipt_id,
    advance_offsets.c.attempts,
    advance_offsets.c.failure,
)
_receipts = _closing.union_all(_offsetting).subquery("made")
_PAGE = (
    sa.select(
        *_receipts.c, payments.c.order_id, payments.c.applicant_id, payments.c.currency, payments.c.provider_payment_id
    )
    .join(payments, payments.c.id == _receipts.c.payment_id)
    .order_by(_receipts.c.id)
)
_VISIBLE = SeenBy(payments.c.order_id, None)
_FILTERS: dict[str, sa.ColumnElement[bool]] = {
    "state": _receipts.c.status == sa.bindparam("state"),
    "after": _receipts.c.id > sa.bindparam("after"),
    "id": _receipts.c.id == sa.bindparam("id"),
}
_AGAIN = [
    sa.update(table)
    .where(key == sa.bindparam("made_id"), table.c.status == "failed")
    .values(status="due", attempts=0, next_at=sa.bindparam("at"))
    .returning(key)
    for table, key in (
        (closing_receipts, closing_receipts.c.payment_id),
        (advance_offsets, advance_offsets.c.id),
    )
]


async def make_due(transaction: Transaction, order_ids: Sequence[UUID], *, fiscal: Collection[str]) -> bool:
    """The prepayments of those of these orders that are done are to be closed, those at `fiscal` providers and those
    off a balance; whether there is any. Lock their accounts first: the order may become done while its money comes
    in."""
    known = {"orders": list(order_ids), "at": transaction.now, "fiscal": sorted(fiscal)}
    result = await transaction.execute(_MAKE_DUE, known)
    return bool(result.all())


async def claim(transaction: Transaction, *, until: datetime, most: int) -> list[Closing]:
    """Closing receipts that are to be sent now, ours until `until`."""
    rows = await transaction.all(_CLAIM, {"due": transaction.now, "until": until, "most": most})
    return [Closing(row["payment_id"], row["attempts"], row["caused_by"], row["traceparent"]) for row in rows]


async def order_of(transaction: Transaction, closing: Closing) -> UUID:
    """Whose prepayment it is."""
    result = await transaction.execute(_ORDER, {"payment": closing.payment_id})
    order_id: UUID = result.scalar_one()
    return order_id


async def settle(
    transaction: Transaction,
    payment_id: UUID,
    status: str,
    *,
    receipt_id: str | None = None,
    failure: str | None = None,
    next_at: datetime | None = None,
) -> None:
    await transaction.execute(
        _SETTLE, {"payment": payment_id, "now": status, "receipt": receipt_id, "why": failure, "then": next_at}
    )


async def page(
    transaction: Transaction, viewer: Viewer, *, state: str | None, after: UUID | None, limit: int
) -> Sequence[sa.RowMapping]:
    """Closing receipts and those that offset advances, by id."""
    given: dict[str, Any] = {"state": state, "after": after}
    given = {name: value for name, value in given.items() if value is not None}
    statement = _PAGE.where(_VISIBLE.of(viewer), *(_FILTERS[name] for name in given)).limit(sa.bindparam("limit"))
    return await transaction.all(statement, {**viewer.parameters(), "limit": limit, **given})


async def by_id(transaction: Transaction, viewer: Viewer, receipt_id: UUID) -> sa.RowMapping | None:
    statement = _PAGE.where(_VISIBLE.of(viewer), _FILTERS["id"])
    return await transaction.one_or_none(statement, {**viewer.parameters(), "id": receipt_id})


async def again(transaction: Transaction, receipt_id: UUID) -> bool:
    """Have a failed receipt tried again; whether there was one."""
    for statement in _AGAIN:
        if await transaction.one_or_none(statement, {"made_id": receipt_id, "at": transaction.now}) is not None:
            return True
    return False
