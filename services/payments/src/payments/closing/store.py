from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from sqlalchemy.dialects.postgresql import insert

from ..order_copies.domain import DONE
from ..order_copies.tables import order_copies
from ..paying.domain.receipts import PREPAYMENTS
from ..paying.tables import payments
from .domain import FISCAL, Closing
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
    payments.c.provider.in_(sorted(FISCAL)),
    payments.c.receipt["mode"].astext.in_(sorted(PREPAYMENTS)),
    payments.c.receipt.has_key("email"),
)
_MAKE_DUE = (
    insert(closing_receipts)
    .from_select(["payment_id", "status", "next_at", "caused_by", "traceparent"], _prepayments)
    .on_conflict_do_nothing()
    .returning(closing_receipts.c.payment_id)
)
_due = (
    sa.select(closing_receipts.c.payment_id)
    .where(closing_receipts.c.next_at <= sa.bindparam("due"))
    .order_by(closing_receipts.c.next_at)
    .limit(sa.bindparam("most"))
    .with_for_update(skip_locked=True)
    .cte("due")
)
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


async def make_due(transaction: Transaction, order_ids: Sequence[UUID]) -> bool:
    """The prepayments of those of these orders that are done are to be closed; whether there is any. Lock their
    accounts first: the order may become done while its money comes in."""
    result = await transaction.execute(_MAKE_DUE, {"orders": list(order_ids), "at": transaction.now})
    return bool(result.all())


async def claim(transaction: Transaction, *, until: datetime, most: int) -> list[Closing]:
    """Closing receipts that are to be sent now, ours until `until`."""
    rows = await transaction.all(_CLAIM, {"due": transaction.now, "until": until, "most": most})
    return [Closing(row["payment_id"], row["attempts"], row["caused_by"], row["traceparent"]) for row in rows]


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
