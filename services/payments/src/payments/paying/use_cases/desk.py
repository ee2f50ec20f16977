"""Money that no payment provider takes: at the desk, by transfer, off a balance."""

from uuid import UUID

from foyer_chassis import telemetry
from foyer_chassis.db import Transaction, cause
from foyer_contracts.ids import new_id
from foyer_contracts.money import Money

from ...accounting import domain as ledger
from ...accounting import store as accounting
from ...accounting.domain import OrderAccount
from ...invoicing import store as invoices
from ...invoicing import use_cases as invoicing
from ...invoicing.domain import Invoice, InvoiceStateError
from ...invoicing.domain import Status as InvoiceStatus
from ...order_copies.domain import OrderCopy
from .. import store
from ..domain import DESK, Status, check_part
from .online import cancel_of, publish_succeeded, renew


def source_of(method: str, order: OrderCopy) -> str:
    """The account of the ledger that money taken in this way comes to."""
    return ledger.cash_desk(order.location_id) if method == "cash" else ledger.bank(order.legal_entity_id)


async def take_part(
    transaction: Transaction,
    order: OrderCopy,
    invoice_id: UUID,
    *,
    amount: Money,
    method: str,
    smallest_remainder: int,
    by: UUID,
    provider: str,
) -> tuple[Invoice, bool]:
    """Staff take a payment of an invoice that is paid in parts (A20, A21). With whether a new page to pay was begun.

    Raises:
        InvoiceStateError: it is not to be paid, or not in parts.
        PartRefusedError: what would remain is neither nothing nor enough; with the amounts that would be accepted.
    """
    account = await accounting.locked_account(transaction, order.order_id)
    invoice = await invoices.locked(transaction, invoice_id)
    assert account is not None
    if invoice.status is not InvoiceStatus.ISSUED or not invoice.in_parts:
        raise InvoiceStateError(state=invoice.status.value, in_parts=invoice.in_parts)
    check_part(amount, invoice.remainder, smallest_remainder)
    _, invoice, _ = await take(
        transaction, account, invoice, amount=amount, method=method, source=source_of(method, order), by=by
    )
    return invoice, await renew(transaction, invoice, provider=provider)


async def mark_paid(transaction: Transaction, order: OrderCopy, invoice_id: UUID, *, method: str, by: UUID) -> Invoice:
    """Staff have the money for the whole invoice, in cash or by transfer (B17).

    Raises:
        InvoiceStateError: it is not unpaid; or a part of it is paid already, then the rest is taken as a part.
    """
    account = await accounting.locked_account(transaction, order.order_id)
    invoice = await invoices.locked(transaction, invoice_id)
    assert account is not None
    if invoice.paid.amount and invoice.status is InvoiceStatus.ISSUED:
        raise InvoiceStateError(
            "A part of the invoice is paid; take the rest as a payment.", state="partly_paid", verb="mark_paid"
        )
    marked = invoice.mark(method)
    _, invoice, _ = await take(
        transaction, account, marked, amount=invoice.total, method=method, source=source_of(method, order), by=by
    )
    await cancel_of(transaction, invoice, "superseded")
    return invoice


async def take(
    transaction: Transaction,
    account: OrderAccount,
    invoice: Invoice,
    *,
    amount: Money,
    method: str,
    source: str,
    by: UUID | None,
    provider: str = DESK,
) -> tuple[OrderAccount, Invoice, UUID]:
    """Money for an order's invoice came in without a payment provider: staff took it, or it came off a balance.

    `account` and `invoice` are locked and come back as they are then saved, with the payment's id.
    """
    id_ = new_id()
    part = await store.next_part(transaction, account.order_id)
    await store.add(
        transaction,
        {
            "id": id_,
            "invoice_id": invoice.id,
            "order_id": account.order_id,
            "applicant_id": account.applicant_id,
            "provider": provider,
            "description": invoice.description,
            "amount": amount.amount,
            "received": amount.amount,
            "currency": amount.currency,
            "method": method,
            "source": source,
            "part": part,
            "taken_by": by,
            "status": Status.SUCCEEDED,
            "created_at": transaction.now,
            "paid_at": transaction.now,
            "caused_by": cause.get(),
            "traceparent": telemetry.current_traceparent(),
            "version": 1,
        },
    )
    payment = await store.locked(transaction, id_)
    account = account.receive(amount)
    await accounting.save_account(transaction, account)
    await accounting.book(
        transaction,
        "payment",
        ledger.moved(source, ledger.order(account.order_id), amount),
        reference_id=id_,
        order_id=account.order_id,
        customer_id=account.applicant_id,
        at=transaction.now,
    )
    before, invoice = invoice, await invoicing.receive(transaction, invoice, amount)
    if provider == DESK:
        publish_succeeded(transaction, payment, account, invoice)
    invoicing.tell_if_paid(transaction, before, invoice)
    return account, invoice, id_


async def note_top_up(transaction: Transaction, invoice: Invoice, *, method: str, source: str, by: UUID) -> UUID:
    """Staff took the money for a top-up: the payment's id; the balance is somebody else's."""
    id_ = new_id()
    await store.add(
        transaction,
        {
            "id": id_,
            "invoice_id": invoice.id,
            "order_id": None,
            "applicant_id": invoice.applicant_id,
            "provider": DESK,
            "description": invoice.description,
            "amount": invoice.total.amount,
            "received": invoice.total.amount,
            "currency": invoice.total.currency,
            "method": method,
            "source": source,
            "taken_by": by,
            "status": Status.SUCCEEDED,
            "created_at": transaction.now,
            "paid_at": transaction.now,
            "caused_by": cause.get(),
            "traceparent": telemetry.current_traceparent(),
            "version": 1,
        },
    )
    return id_
