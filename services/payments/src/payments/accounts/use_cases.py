"""Orders on account are charged to their customer's balance (C4); balances are topped up by invoices (C7)."""

from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_contracts import payments as events
from foyer_contracts.ids import new_id
from foyer_contracts.money import Money

from ..accounting import domain as ledger
from ..accounting import store as accounting
from ..accounting.domain import OrderAccount
from ..balances import store as balances
from ..balances import use_cases as balancing
from ..closing import store as closing
from ..invoicing import store as invoices
from ..invoicing import use_cases as invoicing
from ..invoicing.domain import Invoice, InvoiceStateError, Origin
from ..invoicing.domain import Status as InvoiceStatus
from ..order_copies.domain import DONE, OrderCopy
from ..paying import store as payments
from ..paying import use_cases as paying
from ..paying.domain import BALANCE, DESK
from . import store

TERMS = "account"


async def charge(transaction: Transaction, order: OrderCopy, *, cause_event_id: UUID) -> bool:
    """Charge an order on account, or what it became dearer by; whether the funds sufficed.

    Concurrent orders of a customer take turns at the lock of the customer's account, so that nothing is spent twice.
    An order that is charged already, cancelled, or costs nothing is left alone. What its funds are missing for is
    never charged beyond the credit limit, also when orders released it.
    """
    if order.terms != TERMS or order.total is None:
        return True
    account = await accounting.open_account(
        transaction,
        order_id=order.order_id,
        order_number=order.number,
        applicant_id=order.applicant_id,
        currency=order.total.currency,
    )
    so_far = await store.charged(transaction, order.order_id)
    missing = Money(amount=order.total.amount - so_far, currency=order.total.currency)
    if account.cancelled_reason is not None or missing.amount <= 0:
        return True
    balance = await balances.locked(transaction, order.applicant_id, missing.currency)
    if not balance.suffices(missing):
        await store.save(transaction, order.order_id, charged=so_far, waiting=True)
        transaction.publish(
            events.AccountInsufficient(
                customer_id=order.applicant_id,
                order_id=order.order_id,
                amount=missing,
                balance=balance.balance,
                credit_limit=balance.credit_limit,
            ),
            subject=order.applicant_id,
            sequence=balance.version,
        )
        return False
    balance = balance.spend(missing)
    await balances.save(transaction, balance)
    await store.save(transaction, order.order_id, charged=so_far + missing.amount, waiting=False)
    await _book(transaction, account, order, missing, whole=not so_far, cause_event_id=cause_event_id)
    transaction.publish(
        events.AccountDebited(
            customer_id=order.applicant_id,
            order_id=order.order_id,
            amount=missing,
            balance=balance.balance,
            credit_limit=balance.credit_limit,
        ),
        subject=order.applicant_id,
        sequence=balance.version,
    )
    return True


async def _book(
    transaction: Transaction,
    account: OrderAccount,
    order: OrderCopy,
    amount: Money,
    *,
    whole: bool,
    cause_event_id: UUID,
) -> None:
    """The charge as an invoice that the balance paid: it is shown, printed and refunded as any other."""
    price = amount.model_dump(mode="json")
    title = f"Доплата по заказу {order.number}"
    invoice = await invoicing.add(
        transaction,
        of=order,
        origin=Origin.ACCOUNT,
        total=amount,
        lines=order.lines if whole else [{"title": title, "quantity": 1, "unit_price": price, "total": price}],
        cause_event_id=cause_event_id,
        description=None if whole else title,
    )
    await paying.take(
        transaction,
        account,
        invoice,
        amount=amount,
        method=BALANCE,
        source=ledger.customer(order.applicant_id),
        by=None,
        provider=BALANCE,
    )
    if order.status_group == DONE:
        await closing.make_due(transaction, [order.order_id], fiscal=())


async def cheapened(transaction: Transaction, order_id: UUID, given_back: Money) -> None:
    """A change of the order gave back a part of what it was charged; lock its account first."""
    so_far = await store.charged(transaction, order_id)
    if so_far and given_back.amount > 0:
        await store.save(transaction, order_id, charged=max(0, so_far - given_back.amount), waiting=False)


async def ask_top_up(
    transaction: Transaction,
    *,
    customer_id: UUID,
    amount: Money,
    order: OrderCopy | None,
    legal_entity_id: UUID | None,
    provider: str,
) -> Invoice:
    """Issue an invoice for topping up an account, payable online; tied to an order or to none (C5, C7)."""
    if order is not None:
        await accounting.open_account(
            transaction,
            order_id=order.order_id,
            order_number=order.number,
            applicant_id=order.applicant_id,
            currency=amount.currency,
        )
    invoice = await _top_up_invoice(transaction, customer_id, amount, order, legal_entity_id)
    await paying.begin(transaction, invoice, provider=provider)
    return invoice


async def book_top_up(
    transaction: Transaction,
    *,
    customer_id: UUID,
    amount: Money,
    order: OrderCopy | None,
    legal_entity_id: UUID | None,
    method: str,
    source: str,
    by: UUID,
) -> Invoice:
    """Staff have the money for a top-up: the invoice is paid at once, and so is the balance."""
    if order is not None:
        await accounting.open_account(
            transaction,
            order_id=order.order_id,
            order_number=order.number,
            applicant_id=order.applicant_id,
            currency=amount.currency,
        )
    invoice = await _top_up_invoice(transaction, customer_id, amount, order, legal_entity_id)
    return await _mark(transaction, invoice, method=method, source=source, by=by)


async def _top_up_invoice(
    transaction: Transaction,
    customer_id: UUID,
    amount: Money,
    order: OrderCopy | None,
    legal_entity_id: UUID | None,
) -> Invoice:
    title = "Пополнение баланса"
    price = amount.model_dump(mode="json")
    return await invoices.add(
        transaction,
        {
            "id": new_id(),
            "order_id": None if order is None else order.order_id,
            "order_number": None if order is None else order.number,
            "applicant_id": customer_id,
            "prepaid": False,
            "origin": Origin.TOP_UP,
            "cause_event_id": new_id(),
            "description": title,
            "lines": [{"title": title, "quantity": 1, "unit_price": price, "total": price, "extra": False}],
            "legal_entity_id": legal_entity_id,
            "total": amount.amount,
            "currency": amount.currency,
            "status": InvoiceStatus.ISSUED,
            "issued_at": transaction.now,
            "activated_at": transaction.now,
            "version": 1,
        },
    )


async def mark_top_up_paid(
    transaction: Transaction, invoice_id: UUID, *, method: str, source: str, by: UUID
) -> Invoice:
    """Staff have the money for a top-up that waited for it. Raises InvoiceStateError: it is paid or cancelled."""
    invoice = await invoices.locked(transaction, invoice_id)
    invoice = await _mark(transaction, invoice, method=method, source=source, by=by)
    await paying.cancel_of(transaction, invoice, "superseded")
    return invoice


async def _mark(transaction: Transaction, invoice: Invoice, *, method: str, source: str, by: UUID) -> Invoice:
    marked = invoice.mark(method)
    payment_id = await paying.note_top_up(transaction, invoice, method=method, source=source, by=by)
    paid = await invoicing.receive(transaction, marked, invoice.total)
    await balancing.top_up(
        transaction,
        customer_id=invoice.applicant_id,
        amount=invoice.total,
        source=source,
        top_up_id=payment_id,
        invoice_id=invoice.id,
        order_id=invoice.order_id,
        online=False,
    )
    return paid


async def cancel_top_up(transaction: Transaction, invoice_id: UUID, *, reason: str) -> tuple[Invoice, bool]:
    """Cancel a top-up that is unpaid, or one that staff had marked as paid. With whether to watch for late money.

    Raises:
        InvoiceStateError: the customer paid it, or it is cancelled.
        FundsMissingError: the money was spent already.
    """
    invoice = await invoices.locked(transaction, invoice_id)
    if invoice.origin is not Origin.TOP_UP:
        raise InvoiceStateError(state=invoice.status.value, verb="cancel")
    was_paid = invoice.status is InvoiceStatus.PAID
    watch = await paying.cancel_invoice(transaction, invoice, reason)
    if was_paid:
        for payment in await payments.of_invoices(transaction, [invoice.id]):
            if payment.provider == DESK and payment.received is not None:
                await balancing.reverse(
                    transaction,
                    customer_id=invoice.applicant_id,
                    amount=payment.received,
                    source=payment.source,
                    top_up_id=payment.id,
                )
    return await invoices.locked(transaction, invoice_id), watch
