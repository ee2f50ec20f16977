"""The only queries on orders. A transaction locks and changes orders in memory and writes them together at its end."""

import json
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Direct, Transaction
from foyer_chassis.idempotency import Answer, Effect, OneStatement
from sqlalchemy.dialects import postgresql

from ...customers import store as customers
from ..domain.order import Actor, Order
from ..tables import NUMBER_BLOCK, order_history, order_search, orders
from .mapping import AT_PLACING, changed_columns, new_row, order_of_row, search_text

CHANGED_CHANNEL = "orders_changed"
MOST_HISTORY = 500

_BY_ID_LOCKED = (
    # In one order, so that two transactions never wait for each other.
    sa.select(orders)
    .where(orders.c.id.in_(sa.bindparam("orders", expanding=True)))
    .order_by(orders.c.id)
    .with_for_update()
)
_BY_ID = sa.select(orders).where(orders.c.id == sa.bindparam("order"))
_BY_NUMBER = sa.select(orders).where(orders.c.number == sa.bindparam("number"))
_BY_NUMBER_LOCKED = _BY_NUMBER.with_for_update()
_DUE_LOCKED = (
    sa.select(orders)
    .where(orders.c.due_at <= sa.bindparam("now"))
    .order_by(orders.c.due_at, orders.c.id)
    .limit(sa.bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_WAITING_LOCKED = (
    # C6: the last orders of a customer, and no older ones.
    sa.select(orders)
    .where(orders.c.applicant_id == sa.bindparam("applicant"), orders.c.status == "awaiting_payment")
    .order_by(orders.c.id.desc())
    .limit(sa.bindparam("limit"))
    .with_for_update()
)
_HISTORY = (
    sa.select(order_history)
    .where(order_history.c.order_id == sa.bindparam("order"))
    .order_by(order_history.c.version.desc(), order_history.c.position.desc())
    .limit(MOST_HISTORY)
)
_INSERT_HISTORY = sa.insert(order_history)
_RENAME = (
    sa.update(orders)
    .where(orders.c.applicant_id == sa.bindparam("applicant"), orders.c.applicant_name != sa.bindparam("name"))
    .values(applicant_name=sa.bindparam("name"))
    .returning(orders.c.id, orders.c.number, orders.c.offering_title, orders.c.address)
)
_SEARCHED = sa.text(
    "UPDATE order_search SET text = new.text "
    "FROM unnest(CAST(:ids AS uuid[]), CAST(:texts AS text[])) AS new (id, text) WHERE order_id = new.id"
)
_OPEN_ORDERS = (
    sa.select(orders.c.number)
    .where(
        orders.c.applicant_id == sa.bindparam("applicant"),
        orders.c.status.not_in(("done", "cancelled", "cancelled_refunded", "removed")),
    )
    .order_by(orders.c.id)
    .limit(20)
)
_ERASE = [
    sa.text(
        "UPDATE orders SET applicant_name = '', address = NULL, comment = NULL, payer = NULL, answers = '{}', "
        "rating_text = NULL, wanted = wanted #- '{ticket,visitor}' #- '{stay,visitor}', places = places - 'visitor', "
        "files = 0, version = version + 1 "
        "WHERE applicant_id = :applicant"
    ),
    sa.text(
        "UPDATE order_history h SET note = NULL FROM orders o "
        "WHERE o.id = h.order_id AND o.applicant_id = :applicant AND h.actor_kind = 'customer'"
    ),
    sa.text(
        "UPDATE order_search s SET text = lower(concat_ws(' ', o.number, o.offering_title)) FROM orders o "
        "WHERE o.id = s.order_id AND o.applicant_id = :applicant"
    ),
    sa.text("DELETE FROM idempotency_keys WHERE caller_id = :applicant"),
]
_NEXT_NUMBER = "SELECT nextval('order_numbers') AS number"


_JSON_AT_PLACING = [name for name in AT_PLACING if isinstance(orders.c[name].type, postgresql.JSONB)]


_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


def _typed(column: str) -> str:
    return f":{column}::{orders.c[column].type.compile(_DIALECT)}"


_INSERT_NEW = OneStatement(f"""
    placed AS (
        INSERT INTO orders ({", ".join(AT_PLACING)}) SELECT {", ".join(map(_typed, AT_PLACING))} FROM key
    ), history AS (
        INSERT INTO order_history (order_id, version, position, at, to_status, actor_kind, actor_id)
        SELECT :id::uuid, 1, 0, :created_at::timestamptz, :status::text, :actor_kind::text, :actor_id::uuid FROM key
    ), search AS (
        INSERT INTO order_search (order_id, text, kind, location_id, offering_id, assignee_id)
        SELECT :id::uuid, :search_text::text, :kind::text, :location_id::uuid, :offering_id::uuid, :assignee_id::uuid
        FROM key
    )
""")  # noqa: S608 (names of columns)


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


def _search_text(order: Order) -> str:
    return search_text(order.number, order.offering_title, order.applicant_name, order.address)


def insert_new(order: Order, actor: Actor, answer: Answer) -> Effect:
    """Store a new order with the first line of its history, its events and the answer: one statement."""
    row = new_row(order)
    for name in _JSON_AT_PLACING:
        # asyncpg takes JSON as text.
        if row[name] is not None:
            row[name] = json.dumps(row[name], ensure_ascii=False)
    row.update(actor_kind=actor.kind, actor_id=actor.id, search_text=_search_text(order))
    return Effect(answer, _INSERT_NEW, row)


async def add(transaction: Transaction, order: Order, actor: Actor) -> None:
    """As `insert_new`, beside other writes of a transaction (a draft that becomes an order)."""
    await transaction.execute(sa.insert(orders), new_row(order))
    await transaction.execute(
        sa.insert(order_history),
        {
            "order_id": order.id,
            "version": order.version,
            "position": 0,
            "at": order.created_at,
            "to_status": order.status.value,
            "actor_kind": actor.kind,
            "actor_id": actor.id,
        },
    )
    await transaction.execute(
        sa.insert(order_search),
        {
            "order_id": order.id,
            "text": _search_text(order),
            "kind": order.kind.value,
            "location_id": order.location_id,
            "offering_id": order.offering_id,
            "assignee_id": order.assignee_id,
        },
    )


class LockedOrders:
    """The orders that a transaction has locked and changed. They are written together at its end, so that a batch of
    events takes a few statements and not some for each."""

    def __init__(self) -> None:
        self.known: dict[UUID, Order | None] = {}
        self._read: dict[UUID, Order] = {}
        self._changed: dict[UUID, Order] = {}
        self._history: list[dict[str, Any]] = []

    def note(self, order: Order) -> Order:
        """Remember an order as it was read, unless this transaction has it already, perhaps changed."""
        known = self.known.get(order.id)
        if known is not None:
            return known
        self.known[order.id] = self._read[order.id] = order
        return order

    def keep(self, transaction: Transaction, order: Order, history: Sequence[dict[str, Any]]) -> None:
        if not self._changed:
            transaction.before_commit(lambda: self._write(transaction))
        self.known[order.id] = self._changed[order.id] = order
        self._history += history
        transaction.notify(CHANGED_CHANNEL, str(order.id))

    async def _write(self, transaction: Transaction) -> None:
        groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for order in self._changed.values():
            values = changed_columns(self._read[order.id], order)
            parameters = {"order": order.id, **{f"new_{name}": value for name, value in values.items()}}
            groups.setdefault(tuple(sorted(values)), []).append(parameters)
        for columns, rows in groups.items():
            if columns:
                await transaction.execute(_update(columns), rows)
        if self._history:
            await transaction.execute(_INSERT_HISTORY, self._history)
        self._read.update(self._changed)
        self._changed, self._history = {}, []


_UPDATES: dict[tuple[str, ...], sa.Update] = {}
_MOST_UPDATES = 512


def _update(columns: tuple[str, ...]) -> sa.Update:
    """Only the columns that changed: what does not change needs no encoding, and no index its entry."""
    statement = _UPDATES.get(columns)
    if statement is None:
        if len(_UPDATES) >= _MOST_UPDATES:
            _UPDATES.clear()
        statement = (
            sa.update(orders)
            .where(orders.c.id == sa.bindparam("order"))
            .values({name: sa.bindparam(f"new_{name}", type_=orders.c[name].type) for name in columns})
        )
        _UPDATES[columns] = statement
    return statement


def save(transaction: Transaction, order: Order, history: Sequence[dict[str, Any]]) -> None:
    """Store a changed order, and lines of its history, when the transaction ends; who waits for the order is told
    after that."""
    transaction.kept(LockedOrders).keep(transaction, order, history)


def history_row(order: Order, actor: Actor, position: int, **values: Any) -> dict[str, Any]:
    """One line of the history. `values`: what, from_status, to_status, label, details, reason, note."""
    empty = dict.fromkeys(("from_status", "label", "details", "reason", "note"))
    return {
        "order_id": order.id,
        "version": order.version,
        "position": position,
        "at": order.updated_at,
        "what": "status",
        "to_status": order.status.value,
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        **empty,
        **values,
    }


async def lock(transaction: Transaction, order_ids: Collection[UUID]) -> None:
    """Lock orders and read them, in one query; those that are locked already are not read again."""
    locked = transaction.kept(LockedOrders)
    if missing := [id_ for id_ in order_ids if id_ not in locked.known]:
        locked.known.update(dict.fromkeys(missing))
        for row in await transaction.all(_BY_ID_LOCKED, {"orders": missing}):
            locked.note(order_of_row(row))


async def by_id_locked(transaction: Transaction, order_id: UUID) -> Order | None:
    await lock(transaction, [order_id])
    return transaction.kept(LockedOrders).known[order_id]


async def by_id(transaction: Transaction, order_id: UUID) -> Order | None:
    row = await transaction.one_or_none(_BY_ID, {"order": order_id})
    return None if row is None else order_of_row(row)


async def by_number(transaction: Transaction, number: int, *, lock: bool = False) -> Order | None:
    row = await transaction.one_or_none(_BY_NUMBER_LOCKED if lock else _BY_NUMBER, {"number": number})
    if row is None:
        return None
    order = order_of_row(row)
    return transaction.kept(LockedOrders).note(order) if lock else order


async def due_locked(transaction: Transaction, *, limit: int) -> list[Order]:
    """Orders for which the clock has something to do, the longest due first; those that another worker has are left."""
    rows = await transaction.all(_DUE_LOCKED, {"now": transaction.now, "limit": limit})
    return [transaction.kept(LockedOrders).note(order_of_row(row)) for row in rows]


async def waiting_locked(transaction: Transaction, applicant_id: UUID, *, limit: int) -> list[Order]:
    """The last orders of a customer that wait for funds, the newest first (C6)."""
    rows = await transaction.all(_WAITING_LOCKED, {"applicant": applicant_id, "limit": limit})
    return [transaction.kept(LockedOrders).note(order_of_row(row)) for row in rows]


async def history(transaction: Transaction, order_id: UUID) -> Sequence[sa.RowMapping]:
    """The last lines of an order's history, the oldest of them first."""
    return list(reversed(await transaction.all(_HISTORY, {"order": order_id})))


async def names_of(transaction: Transaction, person_ids: Collection[UUID | None]) -> dict[UUID, str]:
    """Names of those people of whom something is known."""
    found = await customers.people_by_id(transaction, {id_ for id_ in person_ids if id_ is not None})
    return {id_: person.name for id_, person in found.items()}


async def has_open_orders(transaction: Transaction, applicant_id: UUID) -> list[int]:
    """Numbers of some orders of the applicant that are not over, or whose money is on its way back."""
    result = await transaction.execute(_OPEN_ORDERS, {"applicant": applicant_id})
    return list(result.scalars())


async def erase_applicant(transaction: Transaction, applicant_id: UUID) -> None:
    """Take the person out of their orders: names, addresses, answers and words. Numbers, lines and money stay."""
    for statement in _ERASE:
        await transaction.execute(statement, {"applicant": applicant_id})


async def search_anew(transaction: Transaction, order: Order) -> None:
    """What the order is found by has changed."""
    await transaction.execute(_SEARCHED, {"ids": [order.id], "texts": [_search_text(order)]})


async def rename_applicant(transaction: Transaction, applicant_id: UUID, name: str) -> None:
    """The customer has another name: their orders show it and are found by it."""
    rows = await transaction.all(_RENAME, {"applicant": applicant_id, "name": name})
    texts = [search_text(row["number"], row["offering_title"], name, row["address"]) for row in rows]
    if rows:
        await transaction.execute(_SEARCHED, {"ids": [row["id"] for row in rows], "texts": texts})
