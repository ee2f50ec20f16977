from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.clock import due
from foyer_chassis.db import Transaction

from ..invoicing.domain import Origin
from ..invoicing.tables import invoices
from ..paying.tables import payments
from ..price_lists.tables import legal_entities
from .domain import MOST_OFFSETS, Offset, Status
from .tables import advance_offsets

_signed = sa.case((advance_offsets.c.kind == "offset", advance_offsets.c.amount), else_=-advance_offsets.c.amount)
_taken = (
    sa.select(
        sa.func.coalesce(sa.func.sum(_signed), 0).cast(sa.BigInteger).label("amount"),
        sa.func.count().filter(advance_offsets.c.kind == "offset").label("receipts"),
    )
    .where(advance_offsets.c.top_up_id == payments.c.id)
    .lateral("taken")
)
_default = sa.select(legal_entities.c.id).where(legal_entities.c.is_default).scalar_subquery()
_ADVANCES = (
    sa.select(
        payments.c.id,
        (payments.c.received - _taken.c.amount).label("free"),
        (_taken.c.receipts >= MOST_OFFSETS).label("is_full"),
    )
    .join(invoices, invoices.c.id == payments.c.invoice_id)
    .join(_taken, sa.true())
    .where(
        payments.c.applicant_id == sa.bindparam("customer"),
        payments.c.currency == sa.bindparam("in_currency"),
        payments.c.received.is_not(None),
        payments.c.provider.in_(sa.bindparam("fiscal", expanding=True)),
        payments.c.receipt["mode"].astext == "advance",
        invoices.c.origin == Origin.TOP_UP,
        sa.func.coalesce(invoices.c.legal_entity_id, _default) == sa.bindparam("seller"),
        payments.c.received > _taken.c.amount,
    )
    .order_by(sa.text("is_full"), payments.c.id)
)
_OF_PAYMENT = (
    sa.select(
        advance_offsets.c.top_up_id,
        sa.func.sum(_signed).cast(sa.BigInteger).label("amount"),
    )
    .where(advance_offsets.c.payment_id == sa.bindparam("payment"))
    .group_by(advance_offsets.c.top_up_id)
    .order_by(advance_offsets.c.top_up_id.desc())
)
_RECEIPTS = sa.select(advance_offsets.c.top_up_id, advance_offsets.c.receipt).where(
    advance_offsets.c.payment_id == sa.bindparam("payment"), advance_offsets.c.kind == "offset"
)
_ADD = sa.insert(advance_offsets)
_first, _return, _returned = (advance_offsets.alias(name) for name in ("first", "back", "back_of"))


def _offset_of(row: sa.FromClause, of: sa.FromClause) -> sa.ColumnElement[bool]:
    return sa.and_(of.c.payment_id == row.c.payment_id, of.c.top_up_id == row.c.top_up_id, of.c.kind == "offset")


#: Nothing is given back of what the provider has not heard of, and nothing is offset again before it was given back.
_in_turn = sa.case(
    (
        advance_offsets.c.kind == "return",
        ~sa.exists().where(_offset_of(advance_offsets, _first), _first.c.status != "sent"),
    ),
    else_=~sa.exists().where(
        _return.c.top_up_id == advance_offsets.c.top_up_id,
        _return.c.kind == "return",
        _return.c.status == "due",
        _return.c.id < advance_offsets.c.id,
        _offset_of(_return, _returned),
        _returned.c.status != "failed",
    ),
)
_due = due(advance_offsets.c.id, advance_offsets.c.next_at, _in_turn)
_CLAIM = (
    sa.update(advance_offsets)
    .where(advance_offsets.c.id == _due.c.id, payments.c.id == advance_offsets.c.top_up_id)
    .values(next_at=sa.bindparam("until"), attempts=advance_offsets.c.attempts + 1)
    .returning(*advance_offsets.c, payments.c.provider, payments.c.provider_payment_id)
)
_SETTLE = (
    sa.update(advance_offsets)
    .where(advance_offsets.c.id == sa.bindparam("offset"), advance_offsets.c.status == "due")
    .values(
        status=sa.bindparam("now"),
        provider_receipt_id=sa.bindparam("number"),
        failure=sa.bindparam("why"),
        next_at=sa.bindparam("then", type_=sa.DateTime(timezone=True)),
    )
)
_FORGET = (
    sa.update(advance_offsets)
    .where(
        advance_offsets.c.status == "sent",
        payments.c.id == advance_offsets.c.payment_id,
        payments.c.applicant_id.in_(sa.bindparam("customers", expanding=True)),
    )
    .values(receipt=advance_offsets.c.receipt.op("-")("email"))
)


async def advances(
    transaction: Transaction, customer_id: UUID, currency: str, *, seller: UUID, fiscal: Collection[str]
) -> list[tuple[UUID, int, bool]]:
    """Top-ups with receipts, of `fiscal` providers, of which something was not offset yet, oldest first; how much, and
    whether it has all the offsets that it may have: those come last. Lock the customer's account first."""
    given = {"customer": customer_id, "in_currency": currency, "seller": seller, "fiscal": sorted(fiscal)}
    rows = await transaction.all(_ADVANCES, given)
    return [(row["id"], row["free"], row["is_full"]) for row in rows]


async def of_payment(transaction: Transaction, payment_id: UUID) -> list[tuple[UUID, int]]:
    """Which top-ups are offset by what an order was charged, newest first, and how much of each."""
    rows = await transaction.all(_OF_PAYMENT, {"payment": payment_id})
    return [(row["top_up_id"], row["amount"]) for row in rows]


async def receipts_of(transaction: Transaction, payment_id: UUID) -> dict[UUID, dict[str, Any]]:
    """The receipts by which it was, by top-up."""
    return {row["top_up_id"]: row["receipt"] for row in await transaction.all(_RECEIPTS, {"payment": payment_id})}


async def add(transaction: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    await transaction.execute(_ADD, rows)


async def claim(transaction: Transaction, *, until: datetime, most: int) -> list[Offset]:
    """Receipts that are to be made now, ours until `until`."""
    rows = await transaction.all(_CLAIM, {"due": transaction.now, "until": until, "most": most})
    return [
        Offset(
            id=row["id"],
            kind=row["kind"],
            provider=row["provider"],
            top_up_number=row["provider_payment_id"],
            receipt=row["receipt"],
            attempts=row["attempts"],
            caused_by=row["caused_by"],
            traceparent=row["traceparent"],
        )
        for row in rows
    ]


async def settle(
    transaction: Transaction,
    offset_id: UUID,
    status: Status,
    *,
    number: str | None = None,
    failure: str | None = None,
    next_at: datetime | None = None,
) -> None:
    """`number`: the provider's of the receipt."""
    await transaction.execute(
        _SETTLE, {"offset": offset_id, "now": status, "number": number, "why": failure, "then": next_at}
    )


async def forget_people(transaction: Transaction, customer_ids: Sequence[UUID]) -> None:
    """Drop the addresses of erased people from receipts that were made."""
    await transaction.execute(_FORGET, {"customers": list(customer_ids)})
