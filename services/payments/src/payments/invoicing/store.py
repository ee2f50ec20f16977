from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from foyer_contracts.money import Money

from .domain import Invoice, Status
from .tables import invoices

_INSERT = sa.insert(invoices).returning(*invoices.c)
_OPEN_OF_ORDER = (
    sa.select(invoices)
    .where(invoices.c.order_id == sa.bindparam("order"), invoices.c.status == Status.ISSUED)
    .with_for_update()
)
_HAS_PREPAID = sa.select(sa.literal(1)).where(invoices.c.order_id == sa.bindparam("order"), invoices.c.prepaid)
_LOCKED = sa.select(invoices).where(invoices.c.id == sa.bindparam("id")).with_for_update()
_SAVE = (
    sa.update(invoices)
    .where(invoices.c.id == sa.bindparam("invoice"))
    .values(
        {name: sa.bindparam(f"new_{name}") for name in ("paid", "status", "cancel_reason", "settled_at", "version")}
    )
)
_applicant = sa.bindparam("applicant", type_=sa.Uuid)
_VISIBLE = sa.or_(_applicant.is_(None), invoices.c.applicant_id == _applicant)
_BY_NUMBER = sa.select(invoices).where(invoices.c.number == sa.bindparam("number"), _VISIBLE)
_PAGE = sa.select(invoices).where(_VISIBLE).order_by(invoices.c.id).limit(sa.bindparam("limit"))
_FILTERS: dict[str, sa.ColumnElement[bool]] = {
    "order_id": invoices.c.order_id == sa.bindparam("order_id"),
    "order_number": invoices.c.order_number == sa.bindparam("order_number"),
    "after": invoices.c.id > sa.bindparam("after"),
}


def _invoice(row: sa.RowMapping) -> Invoice:
    return Invoice(
        id=row["id"],
        number=row["number"],
        order_id=row["order_id"],
        order_number=row["order_number"],
        applicant_id=row["applicant_id"],
        description=row["description"],
        lines=row["lines"],
        total=Money(amount=row["total"], currency=row["currency"]),
        paid=Money(amount=row["paid"], currency=row["currency"]),
        status=Status(row["status"]),
        cancel_reason=row["cancel_reason"],
        pay_until=row["pay_until"],
        issued_at=row["issued_at"],
        settled_at=row["settled_at"],
        version=row["version"],
    )


async def has_prepaid(transaction: Transaction, order_id: UUID) -> bool:
    return await transaction.one_or_none(_HAS_PREPAID, {"order": order_id}) is not None


async def add(transaction: Transaction, values: Mapping[str, Any]) -> Invoice:
    """Insert an invoice; the database gives it its number."""
    result = await transaction.execute(_INSERT, values)
    return _invoice(result.mappings().one())


async def locked_open_of(transaction: Transaction, order_id: UUID) -> Invoice | None:
    row = await transaction.one_or_none(_OPEN_OF_ORDER, {"order": order_id})
    return None if row is None else _invoice(row)


async def locked(transaction: Transaction, invoice_id: UUID) -> Invoice:
    row = await transaction.one_or_none(_LOCKED, {"id": invoice_id})
    if row is None:
        raise LookupError(f"no invoice {invoice_id}")
    return _invoice(row)


async def save(transaction: Transaction, invoice: Invoice) -> None:
    await transaction.execute(
        _SAVE,
        {
            "invoice": invoice.id,
            "new_paid": invoice.paid.amount,
            "new_status": invoice.status.value,
            "new_cancel_reason": invoice.cancel_reason,
            "new_settled_at": invoice.settled_at,
            "new_version": invoice.version,
        },
    )


async def by_number(transaction: Transaction, number: int, *, applicant_id: UUID | None) -> Invoice | None:
    """An invoice; with `applicant_id` only one of that customer's."""
    row = await transaction.one_or_none(_BY_NUMBER, {"number": number, "applicant": applicant_id})
    return None if row is None else _invoice(row)


async def page(
    transaction: Transaction,
    *,
    applicant_id: UUID | None,
    order_id: UUID | None,
    order_number: int | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Invoice]:
    """Invoices in the order they were issued; with `applicant_id` only that customer's."""
    given = {"order_id": order_id, "order_number": order_number, "after": after}
    given = {name: value for name, value in given.items() if value is not None}
    statement = _PAGE.where(*(_FILTERS[name] for name in given))
    rows = await transaction.all(statement, {"applicant": applicant_id, "limit": limit, **given})
    return [_invoice(row) for row in rows]
