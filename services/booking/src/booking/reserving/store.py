from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from asyncpg import Range
from foyer_chassis.db import Transaction
from foyer_contracts.money import Money
from sqlalchemy.dialects.postgresql import TSTZRANGE

from .domain import TAKING, OrderCopy, PlacesTakenError, Reservation, Status, Verb, next_status
from .tables import order_copies, reservations

_COLUMNS = (
    reservations.c.id,
    reservations.c.order_id,
    reservations.c.resource_id,
    sa.func.lower(reservations.c.during).label("starts_at"),
    sa.func.upper(reservations.c.during).label("ends_at"),
    reservations.c.slots,
    reservations.c.price_amount,
    reservations.c.price_currency,
    reservations.c.status,
    reservations.c.expires_at,
    reservations.c.version,
)
_TAKING = reservations.c.status.in_(sorted(TAKING))

# DO NOTHING without a target covers the exclusion constraint too, and waits for a rival that may roll back.
# A plain INSERT deadlocks when many want one slot.
_INSERT = sa.text("""
    INSERT INTO reservations (
        id, order_id, resource_id, during, slots, price_amount, price_currency, status, expires_at, version, created_at
    )
    SELECT id, order_id, resource_id, tstzrange(starts_at, ends_at), slots, amount, currency, status, expires_at, 1,
        CAST(:now AS timestamptz)
    FROM unnest(
        CAST(:ids AS uuid[]), CAST(:orders AS uuid[]), CAST(:resources AS uuid[]), CAST(:starts AS timestamptz[]),
        CAST(:ends AS timestamptz[]), CAST(:slots AS integer[]), CAST(:amounts AS bigint[]),
        CAST(:currencies AS text[]), CAST(:statuses AS text[]), CAST(:expiries AS timestamptz[])
    ) AS new (id, order_id, resource_id, starts_at, ends_at, slots, amount, currency, status, expires_at)
    ON CONFLICT DO NOTHING
    RETURNING id
""")
_OF_ORDERS_LOCKED = (
    # In one order, so that two transactions never wait for each other; the newest of an order comes last.
    sa.select(*_COLUMNS)
    .where(reservations.c.order_id.in_(sa.bindparam("orders", expanding=True)))
    .order_by(reservations.c.id)
    .with_for_update()
)
_SET_STATUS = (
    sa.update(reservations)
    .where(reservations.c.id == sa.bindparam("reservation"))
    .values(status=sa.bindparam("new_status"), version=sa.bindparam("new_version"))
)
_MOVE = (
    sa.update(reservations)
    .where(reservations.c.id == sa.bindparam("reservation"))
    .values(
        resource_id=sa.bindparam("new_resource"),
        during=sa.bindparam("new_during", type_=TSTZRANGE),
        slots=sa.bindparam("new_slots"),
        price_amount=sa.bindparam("new_amount"),
        price_currency=sa.bindparam("new_currency"),
        version=sa.bindparam("new_version"),
    )
)
_LOCK_RESOURCE = sa.text("SELECT pg_advisory_xact_lock(hashtext('move:' || :resource))")
_LATEST_OF_ORDER = (
    sa.select(*_COLUMNS)
    .where(reservations.c.order_id == sa.bindparam("order"))
    .order_by(reservations.c.id.desc())
    .limit(1)
)
_TAKEN_BETWEEN = (
    sa.select(
        reservations.c.resource_id,
        sa.func.lower(reservations.c.during).label("starts_at"),
        sa.func.upper(reservations.c.during).label("ends_at"),
    )
    .where(
        reservations.c.resource_id.in_(sa.bindparam("resources", expanding=True)),
        reservations.c.during.op("&&")(sa.bindparam("during", type_=TSTZRANGE)),
        _TAKING,
    )
    .order_by(reservations.c.resource_id, sa.text("starts_at"))
)
_PAGE_OF_RESOURCE = (
    sa.select(*_COLUMNS)
    .where(
        reservations.c.resource_id == sa.bindparam("resource"),
        reservations.c.during.op("&&")(sa.bindparam("during", type_=TSTZRANGE)),
        reservations.c.id > sa.bindparam("after"),
    )
    .order_by(reservations.c.id)
    .limit(sa.bindparam("limit"))
)


def _due(verb: Verb, due_at: sa.ColumnElement[datetime]) -> sa.Update:
    """Carry out `verb` on a batch of reservations that are due for it, skipping what another worker has in hand."""
    (before,) = [status for status in Status if next_status(status, verb) is not None]
    batch = (
        sa.select(reservations.c.id)
        .where(reservations.c.status == before, due_at <= sa.bindparam("now", type_=sa.DateTime(timezone=True)))
        .order_by(due_at)
        .limit(sa.bindparam("most"))
        .with_for_update(skip_locked=True)
    )
    return (
        sa.update(reservations)
        .where(reservations.c.id.in_(batch.scalar_subquery()))
        .values(status=next_status(before, verb), version=reservations.c.version + 1)
        .returning(*_COLUMNS)
    )


_DUE = {
    Verb.EXPIRE: _due(Verb.EXPIRE, reservations.c.expires_at),
    Verb.START: _due(Verb.START, sa.func.lower(reservations.c.during)),
    Verb.END: _due(Verb.END, sa.func.upper(reservations.c.during)),
}

_COPIES_PLACED = sa.text("""
    INSERT INTO order_copies (order_id, applicant_id, sequence, payer_kind, payer_sequence, paid)
    SELECT order_id, applicant_id, sequence, payer_kind, sequence, false
    FROM unnest(
        CAST(:orders AS uuid[]), CAST(:applicants AS uuid[]), CAST(:sequences AS integer[]), CAST(:payers AS text[])
    ) AS new (order_id, applicant_id, sequence, payer_kind)
    ON CONFLICT (order_id) DO UPDATE SET applicant_id = excluded.applicant_id,
        payer_kind = coalesce(order_copies.payer_kind, excluded.payer_kind)
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


def _reservation(row: sa.RowMapping) -> Reservation:
    return Reservation(
        id=row["id"],
        order_id=row["order_id"],
        resource_id=row["resource_id"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        slots=row["slots"],
        unit_price=Money(amount=row["price_amount"], currency=row["price_currency"]),
        status=Status(row["status"]),
        expires_at=row["expires_at"],
        version=row["version"],
    )


async def take(transaction: Transaction, wanted: Sequence[Reservation]) -> set[UUID]:
    """Take places, in the given order; the ids of those that were had. Not had: somebody has them, among them one
    before in the list, or the order has places already."""
    result = await transaction.execute(
        _INSERT,
        {
            "now": transaction.now,
            "ids": [item.id for item in wanted],
            "orders": [item.order_id for item in wanted],
            "resources": [item.resource_id for item in wanted],
            "starts": [item.starts_at for item in wanted],
            "ends": [item.ends_at for item in wanted],
            "slots": [item.slots for item in wanted],
            "amounts": [item.unit_price.amount for item in wanted],
            "currencies": [item.unit_price.currency for item in wanted],
            "statuses": [item.status.value for item in wanted],
            "expiries": [item.expires_at for item in wanted],
        },
    )
    return set(result.scalars())


async def latest_of(transaction: Transaction, order_id: UUID) -> Reservation | None:
    row = await transaction.one_or_none(_LATEST_OF_ORDER, {"order": order_id})
    return None if row is None else _reservation(row)


async def latest_locked(transaction: Transaction, order_ids: Sequence[UUID]) -> dict[UUID, Reservation]:
    """The newest reservation of each order that has any, locked."""
    rows = await transaction.all(_OF_ORDERS_LOCKED, {"orders": order_ids})
    return {row["order_id"]: _reservation(row) for row in rows}


async def set_statuses(transaction: Transaction, changed: Sequence[Reservation]) -> None:
    if changed:
        await transaction.execute(
            _SET_STATUS,
            [
                {"reservation": item.id, "new_status": item.status.value, "new_version": item.version}
                for item in changed
            ],
        )


async def carry_out_due(transaction: Transaction, verb: Verb, *, most: int) -> list[Reservation]:
    """Expire, start or end what is due by the transaction's time; the changed ones."""
    rows = await transaction.all(_DUE[verb], {"now": transaction.now, "most": most})
    return [_reservation(row) for row in rows]


async def taken_between(
    transaction: Transaction, resource_ids: Sequence[UUID], starts_at: datetime, ends_at: datetime
) -> dict[UUID, list[tuple[datetime, datetime]]]:
    """The taken times of each resource that touch this time, in order."""
    taken: dict[UUID, list[tuple[datetime, datetime]]] = {id_: [] for id_ in resource_ids}
    parameters: dict[str, Any] = {"resources": list(resource_ids), "during": Range(starts_at, ends_at)}
    for row in await transaction.all(_TAKEN_BETWEEN, parameters):
        taken[row["resource_id"]].append((row["starts_at"], row["ends_at"]))
    return taken


async def page_of_resource(
    transaction: Transaction, resource_id: UUID, starts_at: datetime, ends_at: datetime, *, after: UUID, limit: int
) -> list[Reservation]:
    rows = await transaction.all(
        _PAGE_OF_RESOURCE,
        {"resource": resource_id, "during": Range(starts_at, ends_at), "after": after, "limit": limit},
    )
    return [_reservation(row) for row in rows]


def _copy(row: sa.RowMapping) -> OrderCopy:
    return OrderCopy(**row)


async def note_placed(transaction: Transaction, placed: Mapping[UUID, tuple[UUID, int, str]]) -> dict[UUID, OrderCopy]:
    """Keep new orders (id → applicant, sequence, who pays); what is known of each now."""
    rows = await transaction.all(
        _COPIES_PLACED,
        {
            "orders": list(placed),
            "applicants": [applicant for applicant, _, _ in placed.values()],
            "sequences": [sequence for _, sequence, _ in placed.values()],
            "payers": [payer for _, _, payer in placed.values()],
        },
    )
    return {row["order_id"]: _copy(row) for row in rows}


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


async def move(transaction: Transaction, moved: Reservation) -> None:
    """Give a reservation other places or another time: the old are free and the new taken at once (A15).

    The caller has the resource's lock (`lock_resources`), so that of two who move to one place one waits here and
    does not wait for the other.

    Raises:
        PlacesTakenError: somebody else has them.
    """
    try:
        async with transaction.connection.begin_nested():
            await transaction.execute(
                _MOVE,
                {
                    "reservation": moved.id,
                    "new_resource": moved.resource_id,
                    "new_during": Range(moved.starts_at, moved.ends_at),
                    "new_slots": moved.slots,
                    "new_amount": moved.unit_price.amount,
                    "new_currency": moved.unit_price.currency,
                    "new_version": moved.version,
                },
            )
    except sa.exc.IntegrityError as error:
        if "reservations_no_two_overlap" in str(error.orig):
            raise PlacesTakenError(field="starts_at") from None
        raise


async def lock_resources(transaction: Transaction, resource_ids: Collection[UUID]) -> None:
    """Movers to a resource take turns. In one order, so that two never wait for each other."""
    for resource_id in sorted(resource_ids):
        await transaction.execute(_LOCK_RESOURCE, {"resource": str(resource_id)})


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
