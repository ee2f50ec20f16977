from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis import telemetry
from foyer_chassis.clock import due
from foyer_chassis.db import Transaction, cause
from foyer_contracts.ids import new_id
from foyer_contracts.money import Money
from sqlalchemy.dialects.postgresql import insert

from ..order_copies.domain import Viewer
from ..order_copies.store import SeenBy
from .domain import Dispute, Status
from .tables import disputes

_new = insert(disputes)
_NOTE = _new.on_conflict_do_update(constraint="disputes_once", set_={"next_at": _new.excluded.next_at})
_FOUND = _new.on_conflict_do_nothing()
_due = due(disputes.c.id, disputes.c.next_at)
_CLAIM = (
    sa.update(disputes).where(disputes.c.id == _due.c.id).values(next_at=sa.bindparam("until")).returning(*disputes.c)
)
_LOCKED = sa.select(disputes).where(disputes.c.id == sa.bindparam("id")).with_for_update()
_MONEY = ("amount", "currency", "fee", "fee_currency")
_SAVED = (
    "payment_id",
    "order_id",
    "status",
    "held",
    "withdrawn",
    "withdrawals",
    "reason",
    "respond_by",
    "closed_at",
)
_SAVE = (
    sa.update(disputes)
    .where(disputes.c.id == sa.bindparam("dispute"))
    .values({name: sa.bindparam(f"new_{name}", type_=disputes.c[name].type) for name in (*_SAVED, *_MONEY)})
)
_LATER = (
    sa.update(disputes)
    .where(disputes.c.id == sa.bindparam("dispute"), disputes.c.next_at == sa.bindparam("claimed_until"))
    .values(next_at=sa.bindparam("until", type_=sa.DateTime(timezone=True)))
)
_DROP = sa.delete(disputes).where(disputes.c.id == sa.bindparam("dispute"), disputes.c.status == Status.NOTED)
_PAGE = (
    sa.select(disputes)
    .where(disputes.c.payment_id.is_not(None))
    .order_by(disputes.c.id.desc())
    .limit(sa.bindparam("limit"))
)
_VISIBLE = SeenBy(disputes.c.order_id, None)
_FILTERS: dict[str, sa.ColumnElement[bool]] = {
    "state": disputes.c.status == sa.bindparam("state"),
    "after": disputes.c.id < sa.bindparam("after"),
}


def _dispute(row: sa.RowMapping) -> Dispute:
    amount = None if row["amount"] is None else Money(amount=row["amount"], currency=row["currency"])
    fee = None if row["fee"] is None else Money(amount=row["fee"], currency=row["fee_currency"])
    plain = {name: row[name] for name in Dispute.__slots__ if name not in ("amount", "fee", "status")}
    return Dispute(**plain, amount=amount, fee=fee, status=Status(row["status"]))


def _noted(transaction: Transaction, provider: str, number: str) -> dict[str, Any]:
    return {
        "id": new_id(),
        "provider": provider,
        "number": number,
        "status": Status.NOTED,
        "next_at": transaction.now,
        "noted_at": transaction.now,
        "caused_by": cause.get(),
        "traceparent": telemetry.current_traceparent(),
    }


async def note(transaction: Transaction, provider: str, number: str) -> None:
    """Somebody names a dispute: the provider is to be asked about it now."""
    await transaction.execute(_NOTE, _noted(transaction, provider, number))


async def found(transaction: Transaction, provider: str, numbers: Sequence[str]) -> None:
    """The provider names disputes: it is to be asked about those that are not known yet."""
    if numbers:
        await transaction.execute(_FOUND, [_noted(transaction, provider, number) for number in numbers])


async def claim(transaction: Transaction, *, until: datetime, most: int) -> list[Dispute]:
    """Disputes to ask about now, ours until `until`."""
    rows = await transaction.all(_CLAIM, {"due": transaction.now, "until": until, "most": most})
    return [_dispute(row) for row in rows]


async def locked(transaction: Transaction, dispute_id: UUID) -> Dispute | None:
    row = await transaction.one_or_none(_LOCKED, {"id": dispute_id})
    return None if row is None else _dispute(row)


async def save(transaction: Transaction, dispute: Dispute) -> None:
    amount, fee = dispute.amount, dispute.fee
    values = {f"new_{name}": getattr(dispute, name) for name in _SAVED}
    money = {
        "new_amount": None if amount is None else amount.amount,
        "new_currency": None if amount is None else amount.currency,
        "new_fee": None if fee is None else fee.amount,
        "new_fee_currency": None if fee is None else fee.currency,
    }
    await transaction.execute(_SAVE, {"dispute": dispute.id, **values, **money})


async def look_later(transaction: Transaction, claimed: Dispute, until: datetime | None) -> None:
    """Look again at `until`, or never, unless a webhook has come meanwhile."""
    await transaction.execute(_LATER, {"dispute": claimed.id, "claimed_until": claimed.next_at, "until": until})


async def drop(transaction: Transaction, claimed: Dispute) -> None:
    """It is of no payment of ours."""
    await transaction.execute(_DROP, {"dispute": claimed.id})


async def page(
    transaction: Transaction, viewer: Viewer, *, state: Status | None, after: UUID | None, limit: int
) -> list[Dispute]:
    """Newest first."""
    given: dict[str, Any] = {"state": state, "after": after}
    given = {name: value for name, value in given.items() if value is not None}
    statement = _PAGE.where(_VISIBLE.of(viewer), *(_FILTERS[name] for name in given))
    rows = await transaction.all(statement, {**viewer.parameters(), "limit": limit, **given})
    return [_dispute(row) for row in rows]
