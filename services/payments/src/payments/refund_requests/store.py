from collections.abc import Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from foyer_contracts.money import Money
from sqlalchemy.dialects.postgresql import insert

from ..order_copies.domain import Viewer
from ..order_copies.store import SeenBy
from .domain import Request, Status
from .tables import customer_refund_requests as requests

_ADD = insert(requests).on_conflict_do_nothing().returning(requests.c.id)
_SAVE = (
    sa.update(requests)
    .where(requests.c.id == sa.bindparam("request"))
    .values(
        {
            name: sa.bindparam(f"new_{name}", type_=requests.c[name].type)
            for name in ("status", "answer", "answered_at", "answered_by", "version")
        }
    )
)
_VISIBLE = SeenBy(requests.c.order_id, requests.c.applicant_id)
_ONE = sa.select(requests).where(requests.c.id == sa.bindparam("id"))
_LOCKED = sa.select(requests).where(requests.c.id == sa.bindparam("id")).with_for_update()
_PAGE = sa.select(requests).order_by(requests.c.id).limit(sa.bindparam("limit"))
_FILTERS: dict[str, sa.ColumnElement[bool]] = {
    "state": requests.c.status == sa.bindparam("state"),
    "order_id": requests.c.order_id == sa.bindparam("order_id"),
    "after": requests.c.id > sa.bindparam("after"),
}


def _request(row: sa.RowMapping) -> Request:
    values = {item.name: row[item.name] for item in fields(Request) if item.name != "amount"}
    return Request(
        **{
            **values,
            "amount": Money(amount=row["amount"], currency=row["currency"]),
            "status": Status(row["status"]),
        }
    )


async def add(transaction: Transaction, request: Request) -> bool:
    """False: there is one that stands in the way."""
    values = {item.name: getattr(request, item.name) for item in fields(Request)}
    result = await transaction.execute(
        _ADD, {**values, "amount": request.amount.amount, "currency": request.amount.currency}
    )
    return result.scalar_one_or_none() is not None


async def save(transaction: Transaction, request: Request) -> None:
    await transaction.execute(
        _SAVE,
        {
            "request": request.id,
            "new_status": request.status.value,
            "new_answer": request.answer,
            "new_answered_at": request.answered_at,
            "new_answered_by": request.answered_by,
            "new_version": request.version,
        },
    )


async def one(transaction: Transaction, request_id: UUID, viewer: Viewer) -> Request | None:
    row = await transaction.one_or_none(_ONE.where(_VISIBLE.of(viewer)), {"id": request_id, **viewer.parameters()})
    return None if row is None else _request(row)


async def locked(transaction: Transaction, request_id: UUID) -> Request:
    row = await transaction.one_or_none(_LOCKED, {"id": request_id})
    if row is None:
        raise LookupError(f"no request {request_id}")
    return _request(row)


async def page(
    transaction: Transaction,
    viewer: Viewer,
    *,
    state: Status | None,
    order_id: UUID | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Request]:
    """Requests in the order they were made."""
    given: dict[str, Any] = {"state": state, "order_id": order_id, "after": after}
    given = {name: value for name, value in given.items() if value is not None}
    statement = _PAGE.where(_VISIBLE.of(viewer), *(_FILTERS[name] for name in given))
    rows = await transaction.all(statement, {**viewer.parameters(), "limit": limit, **given})
    return [_request(row) for row in rows]
