from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.clock import due
from foyer_chassis.db import Transaction
from foyer_contracts.money import Money
from sqlalchemy.dialects.postgresql import insert

from ..accounting import domain as ledger
from ..order_copies.domain import Viewer
from ..order_copies.store import SeenBy
from .domain import Refund, Status
from .domain.positions import Sold
from .tables import refund_positions, refund_requests, refunds

_ASK = insert(refund_requests).on_conflict_do_nothing().returning(refund_requests.c.event_id)
_INSERT = sa.insert(refunds)
_LOCKED = sa.select(refunds).where(refunds.c.id == sa.bindparam("id")).with_for_update()
_BY_ID = sa.select(refunds).where(refunds.c.id == sa.bindparam("id"))
_SAVED = (
    "status",
    "provider",
    "provider_payment_id",
    "source",
    "provider_refund_id",
    "provider_key",
    "key_used_at",
    "attempts",
    "failure",
    "next_at",
    "recheck_at",
    "bounces",
    "started_at",
    "finished_at",
    "handed_out_by",
    "version",
)
_SAVE = (
    sa.update(refunds)
    .where(refunds.c.id == sa.bindparam("refund"))
    .values({name: sa.bindparam(f"new_{name}", type_=refunds.c[name].type) for name in _SAVED})
)
_due = due(refunds.c.id, refunds.c.next_at)
_CLAIM = (
    sa.update(refunds)
    .where(refunds.c.id == _due.c.id)
    .values(
        next_at=sa.bindparam("until"),
        # Before the provider is asked, so that a killed worker has left the time of its first question.
        key_used_at=sa.func.coalesce(refunds.c.key_used_at, sa.bindparam("due")),
    )
    .returning(*refunds.c)
)
_POSTPONE = (
    sa.update(refunds)
    .where(refunds.c.id == sa.bindparam("refund"), refunds.c.next_at == sa.bindparam("claimed_until"))
    .values(next_at=sa.bindparam("until"))
)
_to_recheck = due(refunds.c.id, refunds.c.recheck_at)
_CLAIM_DONE = (
    sa.update(refunds)
    .where(refunds.c.id == _to_recheck.c.id)
    .values(recheck_at=sa.bindparam("until"))
    .returning(*refunds.c)
)
_RECHECK_LATER = (
    sa.update(refunds)
    .where(refunds.c.id == sa.bindparam("refund"), refunds.c.recheck_at == sa.bindparam("claimed_until"))
    .values(recheck_at=sa.bindparam("until", type_=sa.DateTime(timezone=True)))
)
_HINT = (
    sa.update(refunds)
    .where(refunds.c.provider_refund_id == sa.bindparam("their_id"), refunds.c.next_at > sa.bindparam("at"))
    .values(next_at=sa.bindparam("at"))
    .returning(refunds.c.id)
)
_HINT_DONE = (
    sa.update(refunds)
    .where(refunds.c.provider_refund_id == sa.bindparam("their_id"), refunds.c.status == Status.SUCCEEDED)
    .values(recheck_at=sa.bindparam("at"))
    .returning(refunds.c.id)
)
_OF_ASK = sa.select(refunds).where(refunds.c.event_id == sa.bindparam("ask")).order_by(refunds.c.id)
_ADD_POSITIONS = sa.insert(refund_positions)
_POSITIONS = (
    sa.select(refund_positions)
    .where(refund_positions.c.order_id == sa.bindparam("order"))
    .order_by(refund_positions.c.id)
)
_VISIBLE = SeenBy(refunds.c.order_id, refunds.c.applicant_id)
_OF_ORDERS = (
    sa.select(refunds).where(refunds.c.order_id.in_(sa.bindparam("orders", expanding=True))).order_by(refunds.c.id)
)
_PAGE = sa.select(refunds).order_by(refunds.c.id).limit(sa.bindparam("limit"))
_FILTERS: dict[str, sa.ColumnElement[bool]] = {
    "state": refunds.c.status == sa.bindparam("state"),
    "order_id": refunds.c.order_id == sa.bindparam("order_id"),
    "after": refunds.c.id > sa.bindparam("after"),
}


def _refund(row: sa.RowMapping) -> Refund:
    return Refund(
        id=row["id"],
        payment_id=row["payment_id"],
        order_id=row["order_id"],
        order_number=row["order_number"],
        applicant_id=row["applicant_id"],
        provider=row["provider"],
        provider_payment_id=row["provider_payment_id"],
        amount=Money(amount=row["amount"], currency=row["currency"]),
        surcharge=Money(amount=row["surcharge"], currency=row["currency"]),
        source=row["source"] or ledger.provider(row["provider"]),
        receipt=row["receipt"],
        reason=row["reason"],
        note=row["note"],
        status=Status(row["status"]),
        provider_refund_id=row["provider_refund_id"],
        provider_key=row["provider_key"],
        key_used_at=row["key_used_at"],
        attempts=row["attempts"],
        failure=row["failure"],
        next_at=row["next_at"],
        recheck_at=row["recheck_at"],
        bounces=row["bounces"],
        requested_at=row["requested_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        caused_by=row["caused_by"],
        traceparent=row["traceparent"],
        version=row["version"],
    )


async def ask_once(
    transaction: Transaction, *, event_id: UUID, order_id: UUID, reason: str, asked: Money, granted: Money
) -> bool:
    """Note that this event asked for money back; False if it has done so before."""
    result = await transaction.execute(
        _ASK,
        {
            "event_id": event_id,
            "order_id": order_id,
            "reason": reason,
            "asked": asked.amount,
            "granted": granted.amount,
            "currency": asked.currency,
            "requested_at": transaction.now,
        },
    )
    return result.scalar_one_or_none() is not None


async def add(transaction: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    await transaction.execute(_INSERT, rows)


async def locked(transaction: Transaction, refund_id: UUID) -> Refund | None:
    row = await transaction.one_or_none(_LOCKED, {"id": refund_id})
    return None if row is None else _refund(row)


async def by_id(transaction: Transaction, refund_id: UUID) -> Refund | None:
    row = await transaction.one_or_none(_BY_ID, {"id": refund_id})
    return None if row is None else _refund(row)


async def save(transaction: Transaction, refund: Refund, *, handed_out_by: UUID | None = None) -> None:
    await transaction.execute(
        _SAVE,
        {
            "refund": refund.id,
            "new_status": refund.status.value,
            "new_provider": refund.provider,
            "new_provider_payment_id": refund.provider_payment_id,
            "new_source": refund.source,
            "new_provider_refund_id": refund.provider_refund_id,
            "new_provider_key": refund.provider_key,
            "new_key_used_at": refund.key_used_at,
            "new_attempts": refund.attempts,
            "new_failure": refund.failure,
            "new_next_at": refund.next_at,
            "new_recheck_at": refund.recheck_at,
            "new_bounces": refund.bounces,
            "new_started_at": refund.started_at,
            "new_finished_at": refund.finished_at,
            "new_handed_out_by": handed_out_by,
            "new_version": refund.version,
        },
    )


async def claim(transaction: Transaction, *, until: datetime, most: int) -> list[Refund]:
    """Refunds the provider is to be asked for, or about, now; ours until `until`."""
    rows = await transaction.all(_CLAIM, {"due": transaction.now, "until": until, "most": most})
    return [_refund(row) for row in rows]


async def postpone(transaction: Transaction, claimed: Refund, until: datetime) -> None:
    """Nothing new about a claimed refund: look again at `until`, unless a webhook has come meanwhile."""
    await transaction.execute(_POSTPONE, {"refund": claimed.id, "claimed_until": claimed.next_at, "until": until})


async def claim_done(transaction: Transaction, *, until: datetime, most: int) -> list[Refund]:
    """Refunds that are done and to be asked about again now; ours until `until`."""
    rows = await transaction.all(_CLAIM_DONE, {"due": transaction.now, "until": until, "most": most})
    return [_refund(row) for row in rows]


async def recheck_later(transaction: Transaction, claimed: Refund, until: datetime | None) -> None:
    """A claimed refund is still done: look again at `until`, or never, unless a webhook has come meanwhile."""
    await transaction.execute(
        _RECHECK_LATER, {"refund": claimed.id, "claimed_until": claimed.recheck_at, "until": until}
    )


async def hint(transaction: Transaction, *, their_id: str) -> bool:
    """Something happened to a refund, says somebody. Whether there is one that is worth asking about."""
    row = await transaction.one_or_none(_HINT, {"their_id": their_id, "at": transaction.now})
    return row is not None


async def hint_done(transaction: Transaction, *, their_id: str) -> bool:
    """As `hint`, of a refund that is done."""
    return await transaction.one_or_none(_HINT_DONE, {"their_id": their_id, "at": transaction.now}) is not None


async def of_orders(transaction: Transaction, order_ids: Sequence[UUID]) -> list[Refund]:
    return [_refund(row) for row in await transaction.all(_OF_ORDERS, {"orders": list(order_ids)})]


async def of_ask(transaction: Transaction, ask_id: UUID) -> list[Refund]:
    return [_refund(row) for row in await transaction.all(_OF_ASK, {"ask": ask_id})]


async def add_positions(transaction: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    await transaction.execute(_ADD_POSITIONS, rows)


async def positions_of_order(transaction: Transaction, order_id: UUID) -> dict[tuple[UUID, int], Sold]:
    """How positions of the order's invoices stand that refunds have changed, by invoice and position."""
    rows = await transaction.all(_POSITIONS, {"order": order_id})
    return {
        (row["invoice_id"], row["position"]): Sold(row["quantity"], row["unit_price"], row["total"]) for row in rows
    }


async def page(
    transaction: Transaction,
    viewer: Viewer,
    *,
    state: Status | None,
    order_id: UUID | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Refund]:
    """Refunds in the order they were requested."""
    given: dict[str, Any] = {"state": state, "order_id": order_id, "after": after}
    given = {name: value for name, value in given.items() if value is not None}
    statement = _PAGE.where(_VISIBLE.of(viewer), *(_FILTERS[name] for name in given))
    rows = await transaction.all(statement, {**viewer.parameters(), "limit": limit, **given})
    return [_refund(row) for row in rows]
