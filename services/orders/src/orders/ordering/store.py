from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Direct, Transaction
from foyer_chassis.idempotency import Answer, Effect, OneStatement

from .domain import Actor, Line, Order, Slots, Stage, Status, StatusChanged, money
from .tables import NUMBER_BLOCK, order_history, orders

CHANGED_CHANNEL = "orders_changed"

_BY_ID_LOCKED = (
    # In one order, so that two transactions never wait for each other.
    sa.select(orders)
    .where(orders.c.id.in_(sa.bindparam("orders", expanding=True)))
    .order_by(orders.c.id)
    .with_for_update()
)
_BY_NUMBER = sa.select(orders).where(orders.c.number == sa.bindparam("number"))
_BY_NUMBER_LOCKED = _BY_NUMBER.with_for_update()
_HISTORY = (
    sa.select(order_history)
    .where(order_history.c.order_id == sa.bindparam("order"))
    .order_by(order_history.c.version, order_history.c.position)
    .limit(500)
)
_INSERT_HISTORY = sa.insert(order_history)

_NEXT_NUMBER = "SELECT nextval('order_numbers') AS number"
_INSERT_NEW = OneStatement("""
    placed AS (
        INSERT INTO orders (
            id, number, kind, offering_id, offering_title, applicant_id, payer_kind, prepaid, customer_may_cancel,
            responsible_ids, resource_id, starts_at, ends_at, comment, currency, status, version, created_at, updated_at
        ) SELECT
            :id::uuid, :number::bigint, :kind::text, :offering_id::uuid, :offering_title::text, :applicant_id::uuid,
            :payer_kind::text, :prepaid::boolean, :customer_may_cancel::boolean, :responsible_ids::uuid[],
            :resource_id::uuid, :starts_at::timestamptz, :ends_at::timestamptz, :comment::text, :currency::text,
            :status::text, 1, :now::timestamptz, :now::timestamptz
        FROM key
    ), history AS (
        INSERT INTO order_history (order_id, version, position, at, to_status, actor_kind, actor_id)
        SELECT :id::uuid, 1, 0, :now::timestamptz, :status::text, :actor_kind::text, :actor_id::uuid FROM key
    )
""")


class NumberBlock:
    """Order numbers for one process, taken from the sequence a block at a time."""

    def __init__(self) -> None:
        self._next = self._end = 0

    async def take(self, direct: Direct) -> int:
        if self._next == self._end:
            row = await direct.row(_NEXT_NUMBER)
            assert row is not None
            # Another request may have fetched a block during the query; then the rest of that one stays unused.
            self._next, self._end = row["number"], row["number"] + NUMBER_BLOCK
        number = self._next
        self._next += 1
        return number


def _order(row: sa.RowMapping) -> Order:
    currency = row["currency"]
    total = row["total_amount"]
    return Order(
        id=row["id"],
        number=row["number"],
        kind=row["kind"],
        offering_id=row["offering_id"],
        offering_title=row["offering_title"],
        applicant_id=row["applicant_id"],
        payer_kind=row["payer_kind"],
        prepaid=row["prepaid"],
        customer_may_cancel=row["customer_may_cancel"],
        responsible_ids=tuple(row["responsible_ids"]),
        slots=Slots(row["resource_id"], row["starts_at"], row["ends_at"]),
        comment=row["comment"],
        currency=currency,
        status=Status(row["status"]),
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        lines=tuple(
            Line(line["title"], line["quantity"], money(**line["unit_price"]), money(**line["total"]))
            for line in row["lines"]
        ),
        total=None if total is None else money(total, currency),
        pay_until=row["pay_until"],
        places=row["places"],
        reservation=Stage(row["reservation"]),
        places_gone=row["places_gone"],
        paid=row["paid_amount"],
        refund_due=row["refund_due_amount"],
        refunded=row["refunded_amount"],
        refund_failed=row["refund_failed"],
        payment_url=row["payment_url"],
        invoice_number=row["invoice_number"],
        cancel_reason=row["cancel_reason"],
    )


def insert_new(order: Order, actor: Actor, answer: Answer) -> Effect:
    """Store a new order with the first line of its history, its events and the answer: one statement."""
    return Effect(
        answer,
        _INSERT_NEW,
        {
            "id": order.id,
            "number": order.number,
            "kind": order.kind,
            "offering_id": order.offering_id,
            "offering_title": order.offering_title,
            "applicant_id": order.applicant_id,
            "payer_kind": order.payer_kind,
            "prepaid": order.prepaid,
            "customer_may_cancel": order.customer_may_cancel,
            "responsible_ids": order.responsible_ids,
            "resource_id": order.slots.resource_id,
            "starts_at": order.slots.starts_at,
            "ends_at": order.slots.ends_at,
            "comment": order.comment,
            "currency": order.currency,
            "status": order.status.value,
            "now": order.created_at,
            "actor_kind": actor.kind,
            "actor_id": actor.id,
        },
    )


_CHANGING = (
    "lines",
    "total_amount",
    "currency",
    "pay_until",
    "places",
    "reservation",
    "places_gone",
    "paid_amount",
    "refund_due_amount",
    "refunded_amount",
    "refund_failed",
    "payment_url",
    "invoice_number",
    "cancel_reason",
    "status",
    "version",
    "updated_at",
)
_UPDATE = (
    sa.update(orders)
    .where(orders.c.id == sa.bindparam("order"))
    .values({name: sa.bindparam(f"new_{name}", type_=orders.c[name].type) for name in _CHANGING})
)


class LockedOrders:
    """The orders that a transaction has locked and changed. They are written together at its end, so that a batch of
    events takes three statements and not three for each."""

    def __init__(self) -> None:
        self.known: dict[UUID, Order | None] = {}
        self._changed: dict[UUID, Order] = {}
        self._history: list[dict[str, Any]] = []

    def keep(self, transaction: Transaction, order: Order, changes: Sequence[StatusChanged]) -> None:
        if not self._changed:
            transaction.before_commit(lambda: self._write(transaction))
        self.known[order.id] = self._changed[order.id] = order
        self._history += [_history_row(order, position, change) for position, change in enumerate(changes)]
        transaction.notify(CHANGED_CHANNEL, str(order.id))

    async def _write(self, transaction: Transaction) -> None:
        await transaction.execute(_UPDATE, [_update_parameters(order) for order in self._changed.values()])
        if self._history:
            await transaction.execute(_INSERT_HISTORY, self._history)
        self._changed, self._history = {}, []


def save(transaction: Transaction, order: Order, changes: Sequence[StatusChanged]) -> None:
    """Store a changed order, and its changes of status in the history, when the transaction ends; who waits for the
    order is told after that."""
    transaction.kept(LockedOrders).keep(transaction, order, changes)


def _update_parameters(order: Order) -> dict[str, Any]:
    values: dict[str, Any] = {
        "lines": [
            {
                "title": line.title,
                "quantity": line.quantity,
                "unit_price": line.unit_price.model_dump(),
                "total": line.total.model_dump(),
            }
            for line in order.lines
        ],
        "total_amount": None if order.total is None else order.total.amount,
        "currency": order.currency,
        "pay_until": order.pay_until,
        "places": None if order.places is None else dict(order.places),
        "reservation": int(order.reservation),
        "places_gone": order.places_gone,
        "paid_amount": order.paid,
        "refund_due_amount": order.refund_due,
        "refunded_amount": order.refunded,
        "refund_failed": order.refund_failed,
        "payment_url": order.payment_url,
        "invoice_number": order.invoice_number,
        "cancel_reason": order.cancel_reason,
        "status": order.status.value,
        "version": order.version,
        "updated_at": order.updated_at,
    }
    return {"order": order.id, **{f"new_{name}": values[name] for name in _CHANGING}}


def _history_row(order: Order, position: int, change: StatusChanged) -> dict[str, Any]:
    return {
        "order_id": order.id,
        "version": order.version,
        "position": position,
        "at": order.updated_at,
        "from_status": change.before.value,
        "to_status": change.after.value,
        "reason": change.reason,
        "note": change.note,
        "actor_kind": change.actor.kind,
        "actor_id": change.actor.id,
    }


async def lock(transaction: Transaction, order_ids: Collection[UUID]) -> None:
    """Lock orders and read them, in one query; those that are locked already are not read again."""
    known = transaction.kept(LockedOrders).known
    if missing := [id_ for id_ in order_ids if id_ not in known]:
        known.update(dict.fromkeys(missing))
        rows = await transaction.all(_BY_ID_LOCKED, {"orders": missing})
        known.update((row["id"], _order(row)) for row in rows)


async def by_id_locked(transaction: Transaction, order_id: UUID) -> Order | None:
    await lock(transaction, [order_id])
    return transaction.kept(LockedOrders).known[order_id]


async def by_number(transaction: Transaction, number: int, *, lock: bool = False) -> Order | None:
    row = await transaction.one_or_none(_BY_NUMBER_LOCKED if lock else _BY_NUMBER, {"number": number})
    return None if row is None else _order(row)


def _page(*, own: bool, with_status: bool) -> sa.Select[Any]:
    query = sa.select(orders).where(orders.c.number < sa.bindparam("before"))
    if own:
        query = query.where(orders.c.applicant_id == sa.bindparam("applicant"))
    if with_status:
        query = query.where(orders.c.status == sa.bindparam("status"))
    return query.order_by(orders.c.number.desc()).limit(sa.bindparam("limit"))


# A statement per combination rather than "column = :x OR :x IS NULL", which no index serves.
_PAGES = {(own, status): _page(own=own, with_status=status) for own in (True, False) for status in (True, False)}


async def page(
    transaction: Transaction, *, applicant_id: UUID | None, status: Status | None, before: int, limit: int
) -> list[Order]:
    """Orders with smaller numbers than `before`, newest first."""
    parameters: dict[str, Any] = {"before": before, "limit": limit}
    if applicant_id is not None:
        parameters["applicant"] = applicant_id
    if status is not None:
        parameters["status"] = status.value
    statement = _PAGES[applicant_id is not None, status is not None]
    return [_order(row) for row in await transaction.all(statement, parameters)]


async def history(transaction: Transaction, order_id: UUID) -> Sequence[sa.RowMapping]:
    return await transaction.all(_HISTORY, {"order": order_id})
