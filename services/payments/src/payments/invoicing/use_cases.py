"""An invoice is issued for a priced prepaid order, is paid, or need not be paid any more."""

from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_contracts import payments as events
from foyer_contracts.ids import new_id
from foyer_contracts.money import Money
from foyer_contracts.orders import OrderPriced

from ..accounting import store as accounting
from . import store
from .domain import Invoice, Status


async def issue(transaction: Transaction, priced: OrderPriced, *, cause_event_id: UUID) -> Invoice | None:
    """Issue the invoice of a prepaid order.

    Returns None when there is nothing to issue: the order is not prepaid or costs nothing, it has been cancelled
    (that news may come first), or it has its invoice already.
    """
    if not priced.prepaid or priced.total.amount <= 0:
        return None
    account = await accounting.open_account(
        transaction,
        order_id=priced.order_id,
        order_number=priced.number,
        applicant_id=priced.applicant_id,
        currency=priced.total.currency,
    )
    if account.cancelled_reason is not None or await store.has_prepaid(transaction, priced.order_id):
        return None
    invoice = await store.add(
        transaction,
        {
            "id": new_id(),
            "order_id": priced.order_id,
            "order_number": priced.number,
            "applicant_id": priced.applicant_id,
            "prepaid": True,
            "cause_event_id": cause_event_id,
            "description": priced.description,
            "lines": [line.model_dump(mode="json") for line in priced.lines],
            "total": priced.total.amount,
            "currency": priced.total.currency,
            "status": Status.ISSUED,
            "pay_until": priced.pay_until,
            "issued_at": transaction.now,
            "version": 1,
        },
    )
    transaction.publish(
        events.InvoiceIssued(
            invoice_id=invoice.id,
            number=invoice.number,
            order_id=invoice.order_id,
            applicant_id=invoice.applicant_id,
            total=invoice.total,
            pay_until=invoice.pay_until,
        ),
        subject=invoice.id,
        sequence=invoice.version,
    )
    return invoice


async def receive(transaction: Transaction, invoice_id: UUID, amount: Money) -> Invoice:
    """Money came in for an invoice, in whatever state it is."""
    before = await store.locked(transaction, invoice_id)
    invoice = before.receive(amount, transaction.now)
    await store.save(transaction, invoice)
    if invoice.status is Status.PAID and before.status is not Status.PAID:
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
    return invoice


async def cancel_open(transaction: Transaction, order_id: UUID, reason: str) -> Invoice | None:
    """Cancel the order's invoice if it is still open; lock the order's account first. None: nothing was open."""
    open_invoice = await store.locked_open_of(transaction, order_id)
    if open_invoice is None:
        return None
    invoice = open_invoice.cancel(reason, transaction.now)
    await store.save(transaction, invoice)
    transaction.publish(
        events.InvoiceCancelled(
            invoice_id=invoice.id,
            number=invoice.number,
            order_id=invoice.order_id,
            applicant_id=invoice.applicant_id,
            reason=reason,
        ),
        subject=invoice.id,
        sequence=invoice.version,
    )
    return invoice
