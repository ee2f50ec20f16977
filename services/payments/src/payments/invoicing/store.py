from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from foyer_contracts.money import Money

from ..order_copies.domain import Viewer
from ..order_copies.store import SeenBy
from .domain import BY_ITSELF, UNPAID, Invoice, Origin, Status
from .tables import invoices

_INSERT = sa.insert(invoices).returning(*invoices.c)
_UNPAID_OF_ORDERS = (
    sa.select(invoices)
    .where(
        invoices.c.order_id.in_(sa.bindparam("orders", expanding=True)),
        invoices.c.status.in_(sorted(UNPAID)),
        invoices.c.origin != Origin.TOP_UP,
    )
    .with_for_update()
)
_WITH_PREPAID = sa.select(invoices.c.order_id).where(
    invoices.c.order_id.in_(sa.bindparam("orders", expanding=True)), invoices.c.prepaid
)
_HAS_PAID_BY_ITSELF = (
    sa.select(sa.literal(1))
    .where(
        invoices.c.order_id == sa.bindparam("order"),
        invoices.c.origin.in_(sorted(BY_ITSELF)),
        invoices.c.status == Status.PAID,
    )
    .limit(1)
)
_BY_ID = sa.select(invoices).where(invoices.c.id == sa.bindparam("id"))
_LOCKED = _BY_ID.with_for_update()
_SAVED = (
    "lines",
    "extras_as_lines",
    "paid",
    "status",
    "marked",
    "cancel_reason",
    "activated_at",
    "settled_at",
    "version",
)
_SAVE = (
    sa.update(invoices)
    .where(invoices.c.id == sa.bindparam("invoice"))
    .values({name: sa.bindparam(f"new_{name}", type_=invoices.c[name].type) for name in _SAVED})
)
#: A customer sees what is theirs, once staff have shown it.
_VISIBLE = SeenBy(invoices.c.order_id, invoices.c.applicant_id, shown=invoices.c.status != Status.DRAFT)
_BY_NUMBER = sa.select(invoices).where(invoices.c.number == sa.bindparam("number"))
_OF_ORDER = (
    sa.select(invoices)
    .where(invoices.c.order_id == sa.bindparam("order"), invoices.c.origin != Origin.TOP_UP)
    .order_by(invoices.c.number)
)
_PAGE = sa.select(invoices).order_by(invoices.c.id).limit(sa.bindparam("limit"))
_FILTERS: dict[str, sa.ColumnElement[bool]] = {
    "order_id": invoices.c.order_id == sa.bindparam("order_id"),
    "order_number": invoices.c.order_number == sa.bindparam("order_number"),
    "customer_id": invoices.c.applicant_id == sa.bindparam("customer_id"),
    "origin": invoices.c.origin == sa.bindparam("origin"),
    "after": invoices.c.id > sa.bindparam("after"),
}


def _invoice(row: sa.RowMapping) -> Invoice:
    return Invoice(
        id=row["id"],
        number=row["number"],
        order_id=row["order_id"],
        order_number=row["order_number"],
        applicant_id=row["applicant_id"],
        origin=Origin(row["origin"]),
        description=row["description"],
        lines=row["lines"],
        extras_as_lines=row["extras_as_lines"],
        legal_entity_id=row["legal_entity_id"],
        in_parts=row["in_parts"],
        total=Money(amount=row["total"], currency=row["currency"]),
        paid=Money(amount=row["paid"], currency=row["currency"]),
        status=Status(row["status"]),
        marked=row["marked"],
        cancel_reason=row["cancel_reason"],
        pay_until=row["pay_until"],
        issued_at=row["issued_at"],
        activated_at=row["activated_at"],
        settled_at=row["settled_at"],
        version=row["version"],
    )


async def with_prepaid(transaction: Transaction, order_ids: Collection[UUID]) -> set[UUID]:
    """Which of these orders have the invoice of their price already."""
    rows = await transaction.all(_WITH_PREPAID, {"orders": list(order_ids)})
    return {row["order_id"] for row in rows}


async def has_paid_by_itself(transaction: Transaction, order_id: UUID) -> bool:
    """Whether an invoice that was issued for the order's price is paid."""
    return await transaction.one_or_none(_HAS_PAID_BY_ITSELF, {"order": order_id}) is not None


async def add(transaction: Transaction, values: Mapping[str, Any]) -> Invoice:
    """Insert an invoice; the database gives it its number."""
    return (await add_many(transaction, [values]))[0]


async def add_many(transaction: Transaction, rows: Sequence[Mapping[str, Any]]) -> list[Invoice]:
    """As `add`, for many; in any order."""
    result = await transaction.execute(_INSERT, rows)
    return [_invoice(row) for row in result.mappings()]


async def locked_unpaid_of(transaction: Transaction, order_id: UUID) -> Invoice | None:
    """The order's invoice that is prepared or issued and not yet paid; there is at most one."""
    return (await locked_unpaid(transaction, [order_id])).get(order_id)


async def locked_unpaid(transaction: Transaction, order_ids: Collection[UUID]) -> dict[UUID, Invoice]:
    """As `locked_unpaid_of`, for many, by order; orders without one are missing."""
    rows = await transaction.all(_UNPAID_OF_ORDERS, {"orders": list(order_ids)})
    return {row["order_id"]: _invoice(row) for row in rows}


async def locked(transaction: Transaction, invoice_id: UUID) -> Invoice:
    row = await transaction.one_or_none(_LOCKED, {"id": invoice_id})
    if row is None:
        raise LookupError(f"no invoice {invoice_id}")
    return _invoice(row)


async def by_id(transaction: Transaction, invoice_id: UUID) -> Invoice:
    """An invoice that there is, whoever asks."""
    row = await transaction.one_or_none(_BY_ID, {"id": invoice_id})
    if row is None:
        raise LookupError(f"no invoice {invoice_id}")
    return _invoice(row)


async def save(transaction: Transaction, *changed: Invoice) -> None:
    await transaction.execute(
        _SAVE,
        [
            {
                "invoice": invoice.id,
                "new_lines": invoice.lines,
                "new_extras_as_lines": invoice.extras_as_lines,
                "new_paid": invoice.paid.amount,
                "new_status": invoice.status.value,
                "new_marked": invoice.marked,
                "new_cancel_reason": invoice.cancel_reason,
                "new_activated_at": invoice.activated_at,
                "new_settled_at": invoice.settled_at,
                "new_version": invoice.version,
            }
            for invoice in changed
        ],
    )


async def by_number(transaction: Transaction, number: int, viewer: Viewer) -> Invoice | None:
    row = await transaction.one_or_none(
        _BY_NUMBER.where(_VISIBLE.of(viewer)), {"number": number, **viewer.parameters()}
    )
    return None if row is None else _invoice(row)


async def of_order(transaction: Transaction, order_id: UUID) -> list[Invoice]:
    """The order's invoices, oldest first; top-ups made for it are not among them."""
    return [_invoice(row) for row in await transaction.all(_OF_ORDER, {"order": order_id})]


async def page(
    transaction: Transaction,
    viewer: Viewer,
    *,
    order_id: UUID | None = None,
    order_number: int | None = None,
    customer_id: UUID | None = None,
    origin: Origin | None = None,
    after: UUID | None,
    limit: int,
) -> Sequence[Invoice]:
    """Invoices in the order they were issued."""
    given: dict[str, Any] = {
        "order_id": order_id,
        "order_number": order_number,
        "customer_id": customer_id,
        "origin": origin,
        "after": after,
    }
    given = {name: value for name, value in given.items() if value is not None}
    statement = _PAGE.where(_VISIBLE.of(viewer), *(_FILTERS[name] for name in given))
    rows = await transaction.all(statement, {**viewer.parameters(), "limit": limit, **given})
    return [_invoice(row) for row in rows]
