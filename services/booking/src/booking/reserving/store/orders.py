"""What booking knows of orders."""

import json
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from foyer_contracts.envelope import Event
from foyer_contracts.orders import OrderPlaced

from ..domain import CancellationStep, OrderCopy
from ..tables import order_copies

_COPIES_PLACED = sa.text("""
    INSERT INTO order_copies (order_id, applicant_id, sequence, payer_kind, payer_sequence, paid, cancellation)
    SELECT order_id, applicant_id, sequence, payer_kind, sequence, false, cancellation::jsonb
    FROM unnest(
        CAST(:orders AS uuid[]), CAST(:applicants AS uuid[]), CAST(:sequences AS integer[]), CAST(:payers AS text[]),
        CAST(:cancellations AS text[])
    ) AS new (order_id, applicant_id, sequence, payer_kind, cancellation)
    ON CONFLICT (order_id) DO UPDATE SET applicant_id = excluded.applicant_id,
        payer_kind = coalesce(order_copies.payer_kind, excluded.payer_kind),
        cancellation = coalesce(order_copies.cancellation, excluded.cancellation)
    RETURNING order_id, applicant_id, sequence, cancelled_reason, paid, payer_kind
""")
_COPIES_PAID = sa.text("""
    INSERT INTO order_copies (order_id, sequence, paid)
    SELECT order_id, 0, true FROM unnest(CAST(:orders AS uuid[])) AS new (order_id)
    ON CONFLICT (order_id) DO UPDATE SET paid = true
    RETURNING order_id, applicant_id, sequence, cancelled_reason, paid, payer_kind
""")
_COPIES_CANCELLED = sa.text("""
    INSERT INTO order_copies (order_id, sequence, cancelled_reason, paid)
    SELECT order_id, sequence, reason, false
    FROM unnest(CAST(:orders AS uuid[]), CAST(:sequences AS integer[]), CAST(:reasons AS text[]))
        AS new (order_id, sequence, reason)
    ON CONFLICT (order_id) DO UPDATE SET sequence = excluded.sequence, cancelled_reason = excluded.cancelled_reason
    WHERE order_copies.sequence < excluded.sequence
    RETURNING order_id
""")
_PAYERS = sa.text("""
    INSERT INTO order_copies (order_id, sequence, payer_kind, payer_sequence, paid)
    SELECT order_id, 0, payer_kind, sequence, false
    FROM unnest(CAST(:orders AS uuid[]), CAST(:sequences AS integer[]), CAST(:payers AS text[]))
        AS new (order_id, sequence, payer_kind)
    ON CONFLICT (order_id) DO UPDATE SET payer_kind = excluded.payer_kind, payer_sequence = excluded.payer_sequence
    WHERE order_copies.payer_sequence < excluded.payer_sequence
""")
_COPY = sa.select(
    order_copies.c.order_id,
    order_copies.c.applicant_id,
    order_copies.c.sequence,
    order_copies.c.cancelled_reason,
    order_copies.c.paid,
    order_copies.c.payer_kind,
).where(order_copies.c.order_id == sa.bindparam("order"))

_CANCELLATIONS = sa.select(order_copies.c.order_id, order_copies.c.cancellation).where(
    order_copies.c.order_id.in_(sa.bindparam("orders", expanding=True)), order_copies.c.cancellation.is_not(None)
)


def _copy(row: sa.RowMapping) -> OrderCopy:
    return OrderCopy(**row)


async def note_placed(transaction: Transaction, placed: Collection[Event[OrderPlaced]]) -> dict[UUID, OrderCopy]:
    """Keep new orders, with what cancelling them costs; what is known of each now."""
    rows = await transaction.all(
        _COPIES_PLACED,
        {
            "orders": [event.data.order_id for event in placed],
            "applicants": [event.data.applicant_id for event in placed],
            "sequences": [event.sequence for event in placed],
            "payers": [event.data.payer_kind for event in placed],
            "cancellations": [_steps(event.data) for event in placed],
        },
    )
    return {row["order_id"]: _copy(row) for row in rows}


def _steps(placed: OrderPlaced) -> str | None:
    if placed.cancellation is None:
        return None
    return json.dumps([[step.hours_before, step.fee_percent] for step in placed.cancellation])


async def cancellations_of(
    transaction: Transaction, order_ids: Collection[UUID]
) -> dict[UUID, tuple[CancellationStep, ...]]:
    """What cancelling costs, of those of these orders that it is known of."""
    rows = await transaction.all(_CANCELLATIONS, {"orders": list(order_ids)})
    return {row["order_id"]: tuple(CancellationStep(*step) for step in row["cancellation"]) for row in rows}


async def note_payers(transaction: Transaction, payers: Mapping[UUID, tuple[str, int]]) -> None:
    """Keep who pays for orders (id → kind of payer and sequence)."""
    await transaction.execute(
        _PAYERS,
        {
            "orders": list(payers),
            "payers": [payer for payer, _ in payers.values()],
            "sequences": [sequence for _, sequence in payers.values()],
        },
    )


async def note_paid(transaction: Transaction, order_ids: Sequence[UUID]) -> dict[UUID, OrderCopy]:
    """Keep that orders are paid; what is known of each now."""
    rows = await transaction.all(_COPIES_PAID, {"orders": order_ids})
    return {row["order_id"]: _copy(row) for row in rows}


async def note_cancelled(transaction: Transaction, cancelled: Mapping[UUID, tuple[str, int]]) -> set[UUID]:
    """Keep that orders are cancelled (id → reason and sequence); those for which this was news."""
    result = await transaction.execute(
        _COPIES_CANCELLED,
        {
            "orders": list(cancelled),
            "sequences": [sequence for _, sequence in cancelled.values()],
            "reasons": [reason for reason, _ in cancelled.values()],
        },
    )
    return set(result.scalars())


async def order_copy(transaction: Transaction, order_id: UUID) -> OrderCopy | None:
    row = await transaction.one_or_none(_COPY, {"order": order_id})
    return None if row is None else _copy(row)
