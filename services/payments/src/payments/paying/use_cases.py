"""A payment begins, is learned about, is cancelled. What the provider did is known from its own answers only."""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

from foyer_chassis import log, telemetry
from foyer_chassis.db import Transaction, cause
from foyer_contracts import payments as events
from foyer_contracts.ids import new_id

from ..accounting import store as accounting
from ..accounting.domain import OrderAccount
from ..invoicing import store as invoices
from ..invoicing import use_cases as invoicing
from ..invoicing.domain import Invoice
from . import store
from .domain import CHECK, WAKE_CHANNEL, Pace, Payment, ProviderPayment, Status, Verb

_logger = log.get(__name__)

#: A customer whose card is declined gets a new page this many times.
PAYMENTS_PER_INVOICE = 10


class Due(Enum):
    """What has to be done at once after an answer was learned."""

    TO_CREATE = auto()
    TO_CHECK = auto()


async def begin(transaction: Transaction, invoice: Invoice, *, provider: str) -> None:
    """Write down that a payment of the invoice is to be made at the provider."""
    await store.add(
        transaction,
        {
            "id": new_id(),
            "invoice_id": invoice.id,
            "order_id": invoice.order_id,
            "applicant_id": invoice.applicant_id,
            "provider": provider,
            "description": invoice.description,
            "amount": invoice.total.amount - invoice.paid.amount,
            "currency": invoice.total.currency,
            "status": Status.CREATING,
            "next_at": transaction.now,
            "created_at": transaction.now,
            "caused_by": cause.get(),
            "traceparent": telemetry.current_traceparent(),
            "version": 1,
        },
    )


async def cancel_of(transaction: Transaction, invoice: Invoice) -> bool:
    """The invoice is cancelled, and so is its payment. Whether the provider must be watched for late money."""
    open_payment = await store.locked_open_of(transaction, invoice.id)
    if open_payment is None:
        return False
    payment = open_payment.cancel("invoice_cancelled")
    if payment.status is Status.WATCHED and payment.provider_payment_id is not None:
        # The money may have come in this very moment.
        payment = replace(payment, next_at=transaction.now)
    await store.save(transaction, payment)
    _publish_cancelled(transaction, payment, "invoice_cancelled")
    return payment.status is Status.WATCHED


async def refused(transaction: Transaction, claimed: Payment, reason: str) -> None:
    """The provider definitely did not create it."""
    await accounting.locked_account(transaction, claimed.order_id)
    payment = await store.locked(transaction, claimed.id)
    if payment.is_final or payment.provider_payment_id is not None:
        return
    _logger.error("payment_refused", payment_id=str(payment.id), reason=reason)
    payment = payment.moved(Verb.REFUSE, reason=reason)
    await store.save(transaction, payment)
    if payment.status is Status.FAILED:
        _publish_failed(transaction, payment, reason)


async def learn(transaction: Transaction, claimed: Payment, answer: ProviderPayment, *, pace: Pace) -> Due | None:
    """Take in what the provider said of a claimed payment.

    The same answer learned twice, in parallel or late, has one effect: the order's account is locked first, and a
    final payment learns nothing more.
    """
    account = await accounting.locked_account(transaction, claimed.order_id)
    payment = await store.locked(transaction, claimed.id)
    if account is None or payment.is_final:
        return None
    if answer.our_id != payment.id or answer.amount.currency != payment.amount.currency:
        # Nothing we can do with it, and nothing that may be lost either: it stays due until somebody has looked.
        _logger.error("payment_mismatch", payment_id=str(payment.id), provider_payment_id=answer.id)
        await store.postpone(transaction, claimed, transaction.now + pace.longest)
        return None
    if answer.status == "succeeded":
        await _succeed(transaction, account, payment, answer)
        return None
    if answer.status == "cancelled":
        return await _close(transaction, payment, answer)
    if payment.provider_payment_id is None:
        return await _open(transaction, payment, answer, pace)
    await store.postpone(transaction, claimed, _next_look(transaction.now, payment, pace))
    return None


async def hint(transaction: Transaction, *, provider: str, their_id: str, our_id: UUID | None) -> None:
    """Somebody says that something happened to a payment: have the provider asked about it, if it is one of ours."""
    if await store.hint(transaction, provider=provider, their_id=their_id, our_id=our_id):
        transaction.notify(WAKE_CHANNEL, CHECK)


async def unclear(transaction: Transaction, claimed: Payment, delay: timedelta) -> None:
    """The provider could not be asked, or its answer was lost: ask the same again."""
    await store.postpone(transaction, claimed, transaction.now + delay)


def _next_look(now: datetime, payment: Payment, pace: Pace) -> datetime:
    return now + pace.after(now - payment.created_at)


async def _open(transaction: Transaction, payment: Payment, answer: ProviderPayment, pace: Pace) -> Due | None:
    watched = payment.status is Status.WATCHED
    payment = payment.moved(Verb.OPEN)
    # A webhook that overtook this answer is worth a look at once.
    hinted = payment.hinted_at is not None
    payment = replace(
        payment,
        provider_payment_id=answer.id,
        link=None if watched else answer.link,
        next_at=transaction.now if hinted else _next_look(transaction.now, payment, pace),
    )
    await store.save(transaction, payment)
    if payment.link is not None:
        transaction.publish(
            events.PaymentLinkCreated(
                payment_id=payment.id,
                invoice_id=payment.invoice_id,
                order_id=payment.order_id,
                applicant_id=payment.applicant_id,
                amount=payment.amount,
                url=payment.link,
            ),
            subject=payment.id,
            sequence=payment.version,
        )
    return Due.TO_CHECK if hinted else None


async def _succeed(transaction: Transaction, account: OrderAccount, payment: Payment, answer: ProviderPayment) -> None:
    payment = replace(
        payment.moved(Verb.SUCCEED),
        provider_payment_id=answer.id,
        received=answer.amount,
        method=answer.method or "unknown",
        paid_at=answer.paid_at or transaction.now,
    )
    await store.save(transaction, payment)
    account = account.receive(answer.amount)
    await accounting.save_account(transaction, account)
    await accounting.book(
        transaction,
        "payment",
        reference_id=payment.id,
        order_id=payment.order_id,
        provider=payment.provider,
        amount=answer.amount,
        at=transaction.now,
    )
    invoice = await invoicing.receive(transaction, payment.invoice_id, answer.amount)
    transaction.publish(
        events.PaymentSucceeded(
            payment_id=payment.id,
            invoice_id=payment.invoice_id,
            order_id=payment.order_id,
            applicant_id=payment.applicant_id,
            amount=answer.amount,
            paid_total=account.balance,
            invoice_paid=invoice.is_covered,
            provider=payment.provider,
            method=payment.method or "unknown",
            paid_at=payment.paid_at or transaction.now,
        ),
        subject=payment.id,
        sequence=payment.version,
    )


async def _close(transaction: Transaction, payment: Payment, answer: ProviderPayment) -> Due | None:
    """The provider will not take the money. As long as the invoice may be paid, the payer gets another page."""
    reason = answer.reason or "unknown"
    was_watched = payment.status is Status.WATCHED
    verb = Verb.EXPIRE if answer.expired else Verb.REFUSE
    payment = replace(payment.moved(verb, reason=None if was_watched else reason), provider_payment_id=answer.id)
    await store.save(transaction, payment)
    if was_watched:
        return None
    if payment.status is Status.FAILED:
        _publish_failed(transaction, payment, reason)
    else:
        _publish_cancelled(transaction, payment, reason)
    invoice = await invoices.locked(transaction, payment.invoice_id)
    if not invoice.takes_payment(transaction.now):
        return None
    if await store.count_of(transaction, invoice.id) >= PAYMENTS_PER_INVOICE:
        _logger.warning("invoice_gets_no_more_pages", invoice=invoice.number, limit=PAYMENTS_PER_INVOICE)
        return None
    await begin(transaction, invoice, provider=payment.provider)
    return Due.TO_CREATE


def _publish_failed(transaction: Transaction, payment: Payment, reason: str) -> None:
    transaction.publish(
        events.PaymentFailed(
            payment_id=payment.id,
            invoice_id=payment.invoice_id,
            order_id=payment.order_id,
            applicant_id=payment.applicant_id,
            reason=reason,
        ),
        subject=payment.id,
        sequence=payment.version,
    )


def _publish_cancelled(transaction: Transaction, payment: Payment, reason: str) -> None:
    transaction.publish(
        events.PaymentCancelled(
            payment_id=payment.id,
            invoice_id=payment.invoice_id,
            order_id=payment.order_id,
            applicant_id=payment.applicant_id,
            reason=reason,
        ),
        subject=payment.id,
        sequence=payment.version,
    )
