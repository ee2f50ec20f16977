"""Reservations and their places."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from asyncpg import Range
from foyer_chassis.clock import due
from foyer_chassis.db import Transaction
from foyer_contracts.money import Money
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE

from ...claiming.domain import Claim
from ...claiming.store import CLAIMED, columns_of, free, lock_statement
from ..domain import TAKING, Occurrence, Reservation, Status, Verb, next_status
from ..tables import reservations

LONGEST_HOURS = 25
_INSTANT = sa.DateTime(timezone=True)
_COLUMNS = (
    reservations.c.id,
    reservations.c.order_id,
    reservations.c.resource_id,
    sa.func.lower(reservations.c.during).label("starts_at"),
    sa.func.upper(reservations.c.during).label("ends_at"),
    reservations.c.slots,
    reservations.c.quantity,
    reservations.c.occurrences,
    reservations.c.price_amount,
    reservations.c.price_currency,
    reservations.c.status,
    reservations.c.expires_at,
    reservations.c.version,
)

# The reservation is there if, and only if, all its places were had.
_TAKE = sa.text(f"""
    WITH {CLAIMED},
    whole AS (
        SELECT owner_id FROM claimed GROUP BY owner_id
        HAVING count(*) = (SELECT count(*) FROM unnest(CAST(:claim_owner_ids AS uuid[])) AS each WHERE each = owner_id)
    ),
    reserved AS (
        INSERT INTO reservations (
            id, order_id, resource_id, during, slots, quantity, occurrences, elsewhere, price_amount, price_currency,
            status, expires_at, version, created_at, has_claims
        )
        SELECT id, order_id, resource_id, tstzrange(starts_at, ends_at), slots, quantity, occurrences::jsonb,
            elsewhere::uuid[], amount, currency, status, expires_at, version, CAST(:now AS timestamptz), true
        FROM unnest(
            CAST(:ids AS uuid[]), CAST(:orders AS uuid[]), CAST(:resources AS uuid[]), CAST(:starts AS timestamptz[]),
            CAST(:ends AS timestamptz[]), CAST(:slots AS integer[]), CAST(:quantities AS integer[]),
            CAST(:occurrences AS text[]), CAST(:elsewhere AS text[]), CAST(:amounts AS bigint[]),
            CAST(:currencies AS text[]), CAST(:statuses AS text[]), CAST(:expiries AS timestamptz[]),
            CAST(:versions AS integer[])
        ) AS new (
            id, order_id, resource_id, starts_at, ends_at, slots, quantity, occurrences, elsewhere, amount, currency,
            status, expires_at, version
        )
        WHERE id = ANY(CAST(:owned AS uuid[])) OR id IN (SELECT owner_id FROM whole)
        ON CONFLICT DO NOTHING
        RETURNING id
    )
    SELECT DISTINCT claimed.owner_id AS id, reserved.id IS NOT NULL AS had
    FROM claimed LEFT JOIN reserved ON reserved.id = claimed.owner_id
    UNION SELECT id, true FROM reserved
""")  # noqa: S608 (constants)
_LOCK_BATCH = lock_statement("""
    SELECT unnest(CAST(:resources AS uuid[])) AS id
    UNION SELECT unnest(array_append(elsewhere, resource_id)) FROM reservations
    WHERE order_id = ANY(CAST(:orders AS uuid[]))
""")
_OF_ORDERS_LOCKED = (
    # In one order, so that two transactions never wait for each other; the newest of an order comes last.
    sa.select(*_COLUMNS)
    .where(reservations.c.order_id.in_(sa.bindparam("orders", expanding=True)))
    .order_by(reservations.c.id)
    .with_for_update()
)
_SET_STATUSES = sa.text("""
    UPDATE reservations SET status = new.status, version = new.version, has_claims = new.has_claims
    FROM unnest(
        CAST(:ids AS uuid[]), CAST(:statuses AS text[]), CAST(:versions AS integer[]), CAST(:claimed AS boolean[])
    ) AS new (id, status, version, has_claims)
    WHERE reservations.id = new.id
""")
_MOVE = (
    sa.update(reservations)
    .where(reservations.c.id == sa.bindparam("reservation"))
    .values(
        resource_id=sa.bindparam("new_resource"),
        during=sa.bindparam("new_during", type_=TSTZRANGE),
        slots=sa.bindparam("new_slots"),
        occurrences=sa.bindparam("new_occurrences", type_=JSONB(none_as_null=True)),
        elsewhere=sa.bindparam("new_elsewhere"),
        price_amount=sa.bindparam("new_amount"),
        price_currency=sa.bindparam("new_currency"),
        version=sa.bindparam("new_version"),
    )
)
_LATEST_OF_ORDER = (
    sa.select(*_COLUMNS)
    .where(reservations.c.order_id == sa.bindparam("order"))
    .order_by(reservations.c.id.desc())
    .limit(1)
)
# A booking lies within one local day, but for those that recur: these have to have a time there.
_TIME_THERE = sa.text("""
    occurrences IS NOT NULL AND EXISTS (
        SELECT FROM jsonb_to_recordset(occurrences) AS each (
            starts_at timestamptz, ends_at timestamptz, resource_id uuid
        )
        WHERE each.starts_at < :to AND each.ends_at > :from
            AND coalesce(each.resource_id, reservations.resource_id) = :resource
    )
""").bindparams(sa.bindparam("from", type_=_INSTANT), sa.bindparam("to", type_=_INSTANT))


def _page_of_resource(*conditions: sa.ColumnElement[bool]) -> sa.Subquery:
    return (
        sa.select(*_COLUMNS)
        .where(
            *conditions,
            sa.func.lower(reservations.c.during) < sa.bindparam("to", type_=_INSTANT),
            sa.func.upper(reservations.c.during) > sa.bindparam("from", type_=_INSTANT),
            reservations.c.id > sa.bindparam("after"),
        )
        .order_by(reservations.c.id)
        .limit(sa.bindparam("limit"))
        .subquery()
    )


_PAGES_OF_RESOURCE = sa.union_all(
    _page_of_resource(
        reservations.c.resource_id == sa.bindparam("resource"),
        sa.or_(
            sa.and_(
                reservations.c.occurrences.is_(None),
                sa.func.lower(reservations.c.during)
                > sa.bindparam("from", type_=_INSTANT) - timedelta(hours=LONGEST_HOURS),
            ),
            _TIME_THERE,
        ),
    ).select(),
    _page_of_resource(
        reservations.c.elsewhere.contains(postgresql.array([sa.bindparam("resource", type_=sa.Uuid)])),
        sa.and_(_TIME_THERE),
    ).select(),
).subquery()
_PAGE_OF_RESOURCE = sa.select(_PAGES_OF_RESOURCE).order_by(_PAGES_OF_RESOURCE.c.id).limit(sa.bindparam("limit"))


def _due(verb: Verb, due_at: sa.ColumnElement[datetime], *conditions: sa.ColumnElement[bool]) -> sa.Update:
    """Carry out `verb` on a batch of reservations that are due for it, skipping what another worker has in hand."""
    (before,) = [status for status in Status if next_status(status, verb) is not None]
    batch = due(reservations.c.id, due_at, reservations.c.status == before, *conditions)
    return (
        sa.update(reservations)
        .where(reservations.c.id == batch.c.id)
        .values(
            status=next_status(before, verb),
            version=reservations.c.version + 1,
            has_claims=verb is not Verb.EXPIRE,
        )
        .returning(*_COLUMNS)
    )


_DUE = {
    Verb.EXPIRE: _due(
        Verb.EXPIRE, reservations.c.expires_at, reservations.c.order_id.in_(sa.bindparam("orders", expanding=True))
    ),
    Verb.START: _due(Verb.START, sa.func.lower(reservations.c.during)),
    Verb.END: _due(Verb.END, sa.func.upper(reservations.c.during)),
}
_EXPIRED_ORDERS = (
    sa.select(reservations.c.order_id)
    .where(reservations.c.status == Status.HELD, reservations.c.expires_at <= sa.bindparam("now", type_=_INSTANT))
    .order_by(reservations.c.expires_at)
    .limit(sa.bindparam("most"))
)


def _reservation(row: sa.RowMapping) -> Reservation:
    unit_price = Money(amount=row["price_amount"], currency=row["price_currency"])
    return Reservation(
        id=row["id"],
        order_id=row["order_id"],
        resource_id=row["resource_id"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        slots=row["slots"],
        unit_price=unit_price,
        status=Status(row["status"]),
        expires_at=row["expires_at"],
        version=row["version"],
        quantity=row["quantity"],
        occurrences=tuple(_occurrence(item, row["resource_id"], unit_price) for item in row["occurrences"] or ()),
    )


def _occurrence(item: Mapping[str, Any], resource_id: UUID, unit_price: Money) -> Occurrence:
    return Occurrence(
        item["number"],
        datetime.fromisoformat(item["starts_at"]),
        datetime.fromisoformat(item["ends_at"]),
        item["slots"],
        UUID(item["resource_id"]) if "resource_id" in item else resource_id,
        Money(**item["unit_price"]) if "unit_price" in item else unit_price,
        item["cancelled"],
    )


def _stored(reservation: Reservation) -> list[dict[str, object]] | None:
    """Of each time, where it is and what it costs only where that is not as the reservation says."""
    stored: list[dict[str, object]] = []
    for each in reservation.occurrences:
        item: dict[str, object] = {
            "number": each.number,
            "starts_at": each.starts_at.isoformat(),
            "ends_at": each.ends_at.isoformat(),
            "slots": each.slots,
            "cancelled": each.cancelled,
        }
        if each.resource_id != reservation.resource_id:
            item["resource_id"] = str(each.resource_id)
        if each.unit_price != reservation.unit_price:
            item["unit_price"] = each.unit_price.model_dump()
        stored.append(item)
    return stored or None


def _elsewhere(reservation: Reservation) -> list[UUID] | None:
    return sorted(reservation.resource_ids - {reservation.resource_id}) or None


def _array(ids: Sequence[UUID] | None) -> str | None:
    """As PostgreSQL writes an array: there is no array of arrays of several lengths."""
    return None if ids is None else "{" + ",".join(map(str, ids)) + "}"


async def take(
    transaction: Transaction, wanted: Sequence[Reservation], claims: Sequence[Claim], *, owned: Collection[UUID] = ()
) -> set[UUID]:
    """Take places, in the given order; the ids of those that were had. Not had: somebody has them, among them one
    before in the list, or the order has places already.

    `owned`: those that have their places, handed on by somebody else.
    """
    rows = await transaction.all(
        _TAKE,
        {
            **columns_of(claims),
            "now": transaction.now,
            "owned": list(owned),
            "ids": [item.id for item in wanted],
            "orders": [item.order_id for item in wanted],
            "resources": [item.resource_id for item in wanted],
            "starts": [item.starts_at for item in wanted],
            "ends": [item.ends_at for item in wanted],
            "slots": [item.slots for item in wanted],
            "quantities": [item.quantity for item in wanted],
            "occurrences": [json.dumps(_stored(item)) if item.occurrences else None for item in wanted],
            "elsewhere": [_array(_elsewhere(item)) for item in wanted],
            "amounts": [item.unit_price.amount for item in wanted],
            "currencies": [item.unit_price.currency for item in wanted],
            "statuses": [item.status.value for item in wanted],
            "expiries": [item.expires_at for item in wanted],
            "versions": [item.version for item in wanted],
        },
    )
    await free(transaction, [row["id"] for row in rows if not row["had"]])
    return {row["id"] for row in rows if row["had"]}


async def lock_places(
    transaction: Transaction, *, resource_ids: Collection[UUID] = (), order_ids: Collection[UUID] = ()
) -> None:
    """See `claiming.store.lock`: these resources, and those that these orders have places of."""
    if resource_ids or order_ids:
        await transaction.execute(_LOCK_BATCH, {"resources": list(resource_ids), "orders": list(order_ids)})


async def orders_to_expire(transaction: Transaction, *, most: int) -> list[UUID]:
    """Orders whose holds end by now; whether they still do is seen under the lock."""
    return list((await transaction.execute(_EXPIRED_ORDERS, {"now": transaction.now, "most": most})).scalars())


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
            _SET_STATUSES,
            {
                "ids": [item.id for item in changed],
                "statuses": [item.status.value for item in changed],
                "versions": [item.version for item in changed],
                "claimed": [item.status in TAKING for item in changed],
            },
        )


async def carry_out_due(
    transaction: Transaction, verb: Verb, *, most: int, order_ids: Sequence[UUID] = ()
) -> list[Reservation]:
    """Expire (of these orders), start or end what is due by the transaction's time; the changed ones."""
    parameters = {"due": transaction.now, "most": most}
    rows = await transaction.all(_DUE[verb], {**parameters, "orders": order_ids} if order_ids else parameters)
    return [_reservation(row) for row in rows]


async def page_of_resource(
    transaction: Transaction, resource_id: UUID, starts_at: datetime, ends_at: datetime, *, after: UUID, limit: int
) -> list[Reservation]:
    rows = await transaction.all(
        _PAGE_OF_RESOURCE,
        {"resource": resource_id, "from": starts_at, "to": ends_at, "after": after, "limit": limit},
    )
    return [_reservation(row) for row in rows]


async def move(transaction: Transaction, moved: Reservation) -> None:
    """Write down where and when a reservation is now, and which times of it are left; its places are moved or freed by
    who calls."""
    await transaction.execute(
        _MOVE,
        {
            "reservation": moved.id,
            "new_resource": moved.resource_id,
            "new_during": Range(moved.starts_at, moved.ends_at),
            "new_slots": moved.slots,
            "new_occurrences": _stored(moved),
            "new_elsewhere": _elsewhere(moved),
            "new_amount": moved.unit_price.amount,
            "new_currency": moved.unit_price.currency,
            "new_version": moved.version,
        },
    )
