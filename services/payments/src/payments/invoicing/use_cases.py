"""An invoice is issued for a priced order, is paid, or need not be paid any more."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_contracts import payments as events
from foyer_contracts.ids import new_id
from foyer_contracts.money import Money

from ..accounting import store as accounting
from ..accounting.domain import OrderAccount
from ..order_copies.domain import OrderCopy
from . import store
from .domain import Invoice, Origin, Status

#: Terms whose orders get an invoice by themselves.
INVOICED_TERMS = frozenset({"prepaid", "part_payment"})


async def issue_for(transaction: Transaction, order: OrderCopy, *, cause_event_id: UUID) -> Invoice | None:
    """Issue the invoice of a priced order that is paid with the order or in parts (B16, A20).

    Returns None when there is nothing to issue: other terms, an order that costs nothing or has been cancelled (that
    news may come first), or one that has its invoice already.
    """
    if order.terms not in INVOICED_TERMS or order.total is None or order.total.amount <= 0:
        return None
    account = await accounting.open_account(
        transaction,
        order_id=order.order_id,
        order_number=order.number,
        applicant_id=order.applicant_id,
        currency=order.total.currency,
    )
    if account.cancelled_reason is not None or await store.has_prepaid(transaction, order.order_id):
        return None
    return await add(
        transaction,
        of=order,
        origin=Origin.PRICED,
        total=order.total,
        lines=order.lines,
        cause_event_id=cause_event_id,
        in_parts=order.terms == "part_payment",
        pay_until=order.pay_until,
    )


async def issue_difference(
    transaction: Transaction, order: OrderCopy, account: OrderAccount, *, cause_event_id: UUID
) -> Invoice | None:
    """An order that was paid became dearer: an invoice for what is missing. `account` is locked.

    None: nothing is missing, or its first invoice never was paid.
    """
    if order.terms not in INVOICED_TERMS or order.total is None or order.total.currency != account.paid.currency:
        return None
    missing = order.total - account.refundable
    if missing.amount <= 0 or not await store.has_paid_by_itself(transaction, order.order_id):
        return None
    title = f"Доплата по заказу {order.number}"
    price = missing.model_dump(mode="json")
    return await add(
        transaction,
        of=order,
        origin=Origin.CHANGED,
        total=missing,
        lines=[{"title": title, "quantity": 1, "unit_price": price, "total": price, "extra": False}],
        cause_event_id=cause_event_id,
        description=title,
    )


async def add(
    transaction: Transaction,
    *,
    of: OrderCopy,
    origin: Origin,
    total: Money,
    lines: Sequence[dict[str, Any]],
    cause_event_id: UUID,
    in_parts: bool = False,
    pay_until: datetime | None = None,
    description: str | None = None,
    paid: Money | None = None,
    draft: bool = False,
) -> Invoice:
    """Write an invoice of the order and tell of it; `paid` is what came in for one that it replaces."""
    covered = paid is not None and total <= paid
    invoice = await store.add(
        transaction,
        {
            "id": new_id(),
            "order_id": of.order_id,
            "order_number": of.number,
            "applicant_id": of.applicant_id,
            "prepaid": origin is Origin.PRICED,
            "origin": origin,
            "cause_event_id": cause_event_id,
            "description": description or of.description or f"Заказ {of.number}",
            "lines": list(lines),
            "extras_as_lines": of.extras_as_lines,
            "legal_entity_id": of.legal_entity_id,
            "in_parts": in_parts,
            "total": total.amount,
            "paid": 0 if paid is None else paid.amount,
            "currency": total.currency,
            "status": Status.PAID if covered else Status.DRAFT if draft else Status.ISSUED,
            "pay_until": pay_until,
            "issued_at": transaction.now,
            "activated_at": None if draft else transaction.now,
            "settled_at": transaction.now if covered else None,
            "version": 1,
        },
    )
    transaction.publish(
        events.InvoiceIssued(
            invoice_id=invoice.id,
            number=invoice.number,
            order_id=of.order_id,
            applicant_id=invoice.applicant_id,
            total=invoice.total,
            pay_until=invoice.pay_until,
            activated=not draft,
        ),
        subject=invoice.id,
        sequence=invoice.version,
    )
    if covered:
        publish_paid(transaction, invoice)
    return invoice


async def receive(transaction: Transaction, invoice: Invoice, amount: Money) -> Invoice:
    """Money came in for a locked invoice, in whatever state it is."""
    after = invoice.receive(amount, transaction.now)
    await store.save(transaction, after)
    if after.status is Status.PAID and invoice.status is not Status.PAID:
        publish_paid(transaction, after)
    return after


async def relabel(transaction: Transaction, invoice: Invoice, order: OrderCopy) -> Invoice:
    """The order's lines or its flag changed and its total did not: the unpaid invoice shows them as they are now."""
    if (invoice.lines, invoice.extras_as_lines) == (order.lines, order.extras_as_lines):
        return invoice
    after = replace(invoice, lines=order.lines, extras_as_lines=order.extras_as_lines, version=invoice.version + 1)
    await store.save(transaction, after)
    return after


async def cancel(transaction: Transaction, invoice: Invoice, reason: str) -> Invoice:
    """Cancel a locked invoice. Raises InvoiceStateError."""
    after = invoice.cancel(reason, transaction.now)
    await store.save(transaction, after)
    if after.order_id is not None and after.origin is not Origin.TOP_UP:
        transaction.publish(
            events.InvoiceCancelled(
                invoice_id=after.id,
                number=after.number,
                order_id=after.order_id,
                applicant_id=after.applicant_id,
                reason=reason,
            ),
            subject=after.id,
            sequence=after.version,
        )
    return after


def publish_paid(transaction: Transaction, invoice: Invoice) -> None:
    """Tell that everything on an order's invoice is paid; of a top-up `payments.account.topped_up` tells."""
    if invoice.order_id is None or invoice.origin is Origin.TOP_UP:
        return
    transaction.publish(
        events.InvoicePaid(
            invoice_id=invoice.id,
            number=invoice.number,
            order_id=invoice.order_id,
            applicant_id=invoice.applicant_id,
            total=invoice.total,
        ),
        subject=invoice.id,
        sequence=invoice.version,
    )
