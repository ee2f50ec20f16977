"""Tickets and stays."""

import secrets
from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from asyncpg import Range
from foyer_chassis.clock import due
from foyer_chassis.db import Transaction
from foyer_contracts.money import Money
from sqlalchemy.dialects.postgresql import TSTZRANGE

from ..domain import Item, Kind, Lodging, Status, Verb, next_status
from ..tables import lodgings

_BY_ORDERS = (
    sa.select(lodgings).where(lodgings.c.order_id.in_(sa.bindparam("orders", expanding=True))).order_by(lodgings.c.id)
)
_BY_ORDERS_LOCKED = _BY_ORDERS.with_for_update(key_share=True)
_BY_ID = sa.select(lodgings).where(lodgings.c.id == sa.bindparam("id"))
_BY_ID_LOCKED = _BY_ID.with_for_update(key_share=True)
_BY_NUMBER = sa.select(lodgings).where(
    lodgings.c.kind == sa.bindparam("kind"), lodgings.c.number == sa.bindparam("number")
)
_BY_CODE = sa.select(lodgings).where(lodgings.c.kind == sa.bindparam("kind"), lodgings.c.code == sa.bindparam("code"))
_PAGE = (
    sa.select(lodgings)
    .where(
        lodgings.c.group_id == sa.bindparam("group"),
        sa.func.tstzrange(lodgings.c.starts_at, lodgings.c.ends_at).op("&&")(sa.bindparam("during", type_=TSTZRANGE)),
        lodgings.c.id > sa.bindparam("after"),
    )
    .order_by(lodgings.c.id)
    .limit(sa.bindparam("limit"))
)
_NUMBERS = {
    Kind.TICKET: sa.text("SELECT nextval('ticket_numbers')"),
    Kind.STAY: sa.text("SELECT nextval('stay_numbers')"),
}


def _due(verb: Verb, due_at: sa.ColumnElement[Any], *also: sa.ColumnElement[bool], **more: Any) -> sa.Update:
    """Carry out a step on a batch of lodgings that are due for it, skipping what another worker has in hand."""
    (before,) = [status for status in Status if next_status(status, verb) is not None]
    batch = due(lodgings.c.id, due_at, lodgings.c.status == before.value, *also, key_share=True)
    return (
        sa.update(lodgings)
        .where(lodgings.c.id == batch.c.id)
        .values(status=next_status(before, verb), version=lodgings.c.version + 1, **more)
        .returning(*lodgings.c)
    )


# Whoever is blocked could not check in: that is no fault of theirs, and the place stays taken.
_NO_SHOW_COMES_FIRST = sa.and_(lodgings.c.no_show_due_at < lodgings.c.ends_at, ~lodgings.c.blocked)
_DUE = {
    Verb.EXPIRE: _due(Verb.EXPIRE, lodgings.c.expires_at),
    Verb.START: _due(Verb.START, lodgings.c.starts_at),
    # Of two that became due while nothing ran, what came first is first: whom nobody came for did not end.
    Verb.END: _due(Verb.END, lodgings.c.ends_at, sa.or_(~_NO_SHOW_COMES_FIRST, lodgings.c.no_show_due_at.is_(None))),
    Verb.NO_SHOW: _due(
        Verb.NO_SHOW,
        lodgings.c.no_show_due_at,
        _NO_SHOW_COMES_FIRST,
        no_show_due_at=None,
        no_show_at=sa.bindparam("due", type_=sa.DateTime(timezone=True)),
    ),
}


def _lodging(row: sa.RowMapping) -> Lodging:
    values = {name: value for name, value in row.items() if name not in ("currency", "created_at")}
    values["items"] = tuple(
        Item(item["title"], item["quantity"], Money(amount=item["amount"], currency=row["currency"]), item["extra"])
        for item in row["items"]
    )
    return Lodging(**{**values, "kind": Kind(row["kind"]), "status": Status(row["status"])})


def _values(lodging: Lodging) -> dict[str, Any]:
    values = asdict(lodging)
    values["items"] = [
        {"title": item.title, "quantity": item.quantity, "amount": item.unit_price.amount, "extra": item.extra}
        for item in lodging.items
    ]
    return {**values, "currency": lodging.total.currency, "kind": lodging.kind.value, "status": lodging.status.value}


async def next_number(transaction: Transaction, kind: Kind) -> int:
    return int((await transaction.execute(_NUMBERS[kind])).scalar_one())


def new_code() -> str:
    """96 random bits: who has not seen the QR code does not find it."""
    return secrets.token_urlsafe(12)


async def add(transaction: Transaction, lodging: Lodging) -> None:
    await transaction.execute(sa.insert(lodgings).values(**_values(lodging), created_at=transaction.now))


async def save(transaction: Transaction, lodging: Lodging) -> None:
    values = _values(lodging)
    await transaction.execute(sa.update(lodgings).where(lodgings.c.id == values.pop("id")).values(**values))


async def by_orders(
    transaction: Transaction, order_ids: Collection[UUID], *, lock: bool = False
) -> dict[UUID, Lodging]:
    """The lodging of each order that has one."""
    rows = await transaction.all(_BY_ORDERS_LOCKED if lock else _BY_ORDERS, {"orders": list(order_ids)})
    return {row["order_id"]: _lodging(row) for row in rows}


async def by_id(transaction: Transaction, id_: UUID, *, lock: bool = False) -> Lodging | None:
    row = await transaction.one_or_none(_BY_ID_LOCKED if lock else _BY_ID, {"id": id_})
    return None if row is None else _lodging(row)


async def by_number(transaction: Transaction, kind: Kind, number: int) -> Lodging | None:
    row = await transaction.one_or_none(_BY_NUMBER, {"kind": kind.value, "number": number})
    return None if row is None else _lodging(row)


async def by_code(transaction: Transaction, kind: Kind, code: str) -> Lodging | None:
    row = await transaction.one_or_none(_BY_CODE, {"kind": kind.value, "code": code})
    return None if row is None else _lodging(row)


async def page(
    transaction: Transaction, group_id: UUID, from_: datetime, to: datetime, *, after: UUID, limit: int
) -> list[Lodging]:
    """Lodgings of a group that touch a time, of every status."""
    parameters = {"group": group_id, "during": Range(from_, to), "after": after, "limit": limit}
    return [_lodging(row) for row in await transaction.all(_PAGE, parameters)]


async def carry_out_due(transaction: Transaction, verb: Verb, *, most: int) -> list[Lodging]:
    """Expire, start, end or give up what is due by the transaction's time; the changed ones."""
    rows = await transaction.all(_DUE[verb], {"due": transaction.now, "most": most})
    return [_lodging(row) for row in rows]
