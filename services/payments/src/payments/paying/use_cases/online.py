"""A payment begins, is learned about, is cancelled. What the provider did is known from its own answers only."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any
from uuid import UUID

from foyer_chassis import log, telemetry
from foyer_chassis.db import Transaction, cause
from foyer_contracts import payments as events
from foyer_contracts.ids import new_id
from foyer_contracts.money import Money

from ...accounting import domain as ledger
from ...accounting import store as accounting
from ...accounting.domain import OrderAccount
from ...balances import use_cases as balancing
from ...cards import store as cards
from ...invoicing import store as invoices
from ...invoicing import use_cases as invoicing
from ...invoicing.domain import BY_ITSELF, REPLACED, Invoice, Origin
from ...invoicing.domain import Status as InvoiceStatus
from ...order_copies.domain import OrderCopy
from .. import store
from ..domain import CHECK, WAKE_CHANNEL, Choice, Pace, Payment, ProviderPayment, Status, Verb
from .asking import Asked, asked_for

_logger = log.get(__name__)

#: A customer whose card is declined gets a new page this many times.
PAYMENTS_PER_INVOICE = 10


class Due(Enum):
    """What has to be done at once after an answer was learned."""

    TO_CREATE = auto()
    TO_CHECK = auto()


async def begin(transaction: Transaction, invoice: Invoice, *, provider: str, choice: Choice | None = None) -> UUID:
    """Write down that a payment of what remains of the invoice is to be made at the seller's provider, or else at this
    one; its id."""
    choice = choice or Choice()
    asked = await asked_for(transaction, invoice, choice)
    row = beginning(transaction, invoice, asked, provider=provider, choice=choice)
    await store.add(transaction, row)
    id_: UUID = row["id"]
    return id_


def beginning(
    transaction: Transaction, invoice: Invoice, asked: Asked, *, provider: str, choice: Choice | None = None
) -> dict[str, Any]:
    """A payment that is to be made, as it is to be added."""
    return {
        "id": new_id(),
        "invoice_id": invoice.id,
        "order_id": None if invoice.origin is Origin.TOP_UP else invoice.order_id,
        "applicant_id": invoice.applicant_id,
        "provider": asked.provider or provider,
        "description": invoice.description,
        "amount": asked.amount.amount,
        "surcharge": asked.surcharge.amount,
        "currency": asked.amount.currency,
        "choice": {name: value for name, value in asdict(choice or Choice()).items() if value},
        "receipt": asked.receipt,
        "status": Status.CREATING,
        "next_at": transaction.now,
        "created_at": transaction.now,
        "caused_by": cause.get(),
        "traceparent": telemetry.current_traceparent(),
        "version": 1,
    }


async def replace_invoice(
    transaction: Transaction, unpaid: Invoice, order: OrderCopy, *, cause_event_id: UUID, provider: str
) -> None:
    """The price of an order changed while its invoice was unpaid: cancel that one and issue one of the new total.

    What came in for the old one in parts counts for the new one.
    """
    assert order.total is not None
    await cancel_invoice(transaction, unpaid, REPLACED)
    if order.total.amount <= 0:
        return
    invoice = await invoicing.add(
        transaction,
        of=order,
        origin=Origin.CHANGED,
        total=order.total,
        lines=order.lines,
        cause_event_id=cause_event_id,
        in_parts=unpaid.in_parts,
        pay_until=unpaid.pay_until,
        description=unpaid.description,
        paid=unpaid.paid,
    )
    if unpaid.paid.amount:
        await store.hand_over(transaction, from_invoice=unpaid.id, to_invoice=invoice.id)
        await invoices.save(transaction, replace(await invoices.locked(transaction, unpaid.id), paid=_none(invoice)))
    if invoice.status is InvoiceStatus.ISSUED:
        await begin(transaction, invoice, provider=provider)


def _none(invoice: Invoice) -> Money:
    return Money.zero(invoice.total.currency)


async def cancel_invoice(transaction: Transaction, invoice: Invoice, reason: str) -> bool:
    """Cancel a locked unpaid invoice and its payment. Whether the provider must be watched for late money."""
    await invoicing.cancel(transaction, invoice, reason)
    return await cancel_of(transaction, invoice)


async def cancel_of(transaction: Transaction, invoice: Invoice, reason: str = "invoice_cancelled") -> bool:
    """The invoice's open payment is cancelled. Whether the provider must be watched for late money."""
    open_payment = await store.locked_open_of(transaction, invoice.id)
    if open_payment is None:
        return False
    payment = cancelled(transaction, open_payment, reason)
    await store.save(transaction, payment)
    return payment.status is Status.WATCHED


def cancelled(transaction: Transaction, open_payment: Payment, reason: str = "invoice_cancelled") -> Payment:
    """A locked open payment as it is to be saved once we do not want it any more; tells of it."""
    payment = open_payment.cancel(reason)
    if payment.status is Status.WATCHED and payment.provider_payment_id is not None:
        # The money may have come in this very moment.
        payment = replace(payment, next_at=transaction.now)
    _publish_cancelled(transaction, payment, reason)
    return payment


async def renew(transaction: Transaction, invoice: Invoice, *, provider: str, choice: Choice | None = None) -> bool:
    """See that the open payment of an invoice is for what remains of it, and as chosen. Whether one was begun."""
    await cancel_of(transaction, invoice, "superseded")
    if not invoice.takes_payment(transaction.now) or not invoice.remainder.amount:
        return False
    await begin(transaction, invoice, provider=provider, choice=choice)
    return True


async def refused(transaction: Transaction, claimed: Payment, reason: str) -> None:
    """The provider definitely did not create it."""
    await _lock_account(transaction, claimed)
    payment = await store.locked(transaction, claimed.id)
    if payment.is_final or payment.provider_payment_id is not None:
        return
    _logger.error("payment_refused", payment_id=str(payment.id), reason=reason)
    payment = payment.moved(Verb.REFUSE, reason=reason)
    await store.save(transaction, payment)
    if payment.status is Status.FAILED:
        _publish_failed(transaction, payment, reason)


async def learn(
    transaction: Transaction, claimed: Payment, answer: ProviderPayment, *, pace: Pace, detaching: Collection[str]
) -> Due | None:
    """Take in what the provider said of a claimed payment. `detaching`: providers that can be told to forget a card.

    The same answer learned twice, in parallel or late, has one effect: the order's account is locked first, and a
    final payment learns nothing more.
    """
    account = await _lock_account(transaction, claimed)
    payment = await store.locked(transaction, claimed.id)
    if payment.is_final:
        return None
    if (
        answer.our_id != payment.id
        or answer.amount.currency != payment.amount.currency
        or answer.amount <= payment.surcharge
    ):
        # Nothing we can do with it, and nothing that may be lost either: it stays due until somebody has looked.
        _logger.error("payment_mismatch", payment_id=str(payment.id), provider_payment_id=answer.id)
        await store.postpone(transaction, claimed, transaction.now + pace.longest)
        return None
    if answer.status == "succeeded":
        if payment.order_id is not None and account is None:
            return None
        await _keep_card(transaction, payment, answer, detaching)
        if payment.order_id is None or account is None:
            return await _top_up(transaction, payment, answer)
        return await _succeed(transaction, account, payment, answer)
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
    if payment.link is not None and payment.order_id is not None:
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


async def _lock_account(transaction: Transaction, payment: Payment) -> OrderAccount | None:
    """What everybody locks before the payment itself: the order's account; of a top-up, which has none, its invoice."""
    if payment.order_id is not None:
        return await accounting.locked_account(transaction, payment.order_id)
    await invoices.locked(transaction, payment.invoice_id)
    return None


async def _succeed(
    transaction: Transaction, account: OrderAccount, payment: Payment, answer: ProviderPayment
) -> Due | None:
    was_watched = payment.status is Status.WATCHED
    invoice = await invoices.locked(transaction, payment.invoice_id)
    if invoice.status is InvoiceStatus.CANCELLED and invoice.cancel_reason == REPLACED:
        # Money for the old link counts for the invoice that took its place.
        heir = await invoices.locked_unpaid_of(transaction, account.order_id)
        invoice = heir if heir is not None and heir.origin in BY_ITSELF else invoice
    received = answer.amount - payment.surcharge
    payment = replace(
        payment.moved(Verb.SUCCEED),
        invoice_id=invoice.id,
        provider_payment_id=answer.id,
        received=received,
        method=answer.method or "unknown",
        paid_at=answer.paid_at or transaction.now,
        part=await store.next_part(transaction, account.order_id),
    )
    await store.save(transaction, payment)
    account = account.receive(received)
    await accounting.save_account(transaction, account)
    await accounting.book(
        transaction,
        "payment",
        ledger.moved(
            payment.source,
            ledger.order(account.order_id),
            received,
            surcharge=(ledger.surcharge(invoice.legal_entity_id), payment.surcharge),
        ),
        reference_id=payment.id,
        order_id=account.order_id,
        customer_id=account.applicant_id,
        at=transaction.now,
    )
    before, invoice = invoice, await invoicing.receive(transaction, invoice, received)
    publish_succeeded(transaction, payment, account, invoice)
    invoicing.tell_if_paid(transaction, before, invoice)
    # A payment that was still open was the only open one; beside a watched one another may be.
    if was_watched and await renew(transaction, invoice, provider=payment.provider):
        return Due.TO_CREATE
    return None


async def _keep_card(
    transaction: Transaction, payment: Payment, answer: ProviderPayment, detaching: Collection[str]
) -> None:
    if payment.choice.save_card and answer.saved is not None:
        await cards.keep(
            transaction,
            customer_id=payment.applicant_id,
            provider=payment.provider,
            token=answer.saved.token,
            title=answer.saved.title,
            detaching=detaching,
        )


async def _top_up(transaction: Transaction, payment: Payment, answer: ProviderPayment) -> Due | None:
    was_watched = payment.status is Status.WATCHED
    invoice = await invoices.locked(transaction, payment.invoice_id)
    received = answer.amount - payment.surcharge
    payment = replace(
        payment.moved(Verb.SUCCEED),
        provider_payment_id=answer.id,
        received=received,
        method=answer.method or "unknown",
        paid_at=answer.paid_at or transaction.now,
    )
    await store.save(transaction, payment)
    invoice = await invoicing.receive(transaction, invoice, received)
    await balancing.top_up(
        transaction,
        customer_id=payment.applicant_id,
        amount=received,
        source=payment.source,
        top_up_id=payment.id,
        invoice_id=invoice.id,
        order_id=invoice.order_id,
        online=True,
        surcharge=(ledger.surcharge(invoice.legal_entity_id), payment.surcharge),
    )
    if was_watched and await renew(transaction, invoice, provider=payment.provider):
        return Due.TO_CREATE
    return None


def publish_succeeded(transaction: Transaction, payment: Payment, account: OrderAccount, invoice: Invoice) -> None:
    assert payment.received is not None
    transaction.publish(
        events.PaymentSucceeded(
            payment_id=payment.id,
            invoice_id=payment.invoice_id,
            order_id=account.order_id,
            applicant_id=payment.applicant_id,
            amount=payment.received,
            paid_total=account.balance,
            invoice_paid=invoice.is_covered,
            provider=payment.provider,
            method=payment.method or "unknown",
            paid_at=payment.paid_at or transaction.now,
            number=payment.part,
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
    await begin(transaction, invoice, provider=payment.provider, choice=replace(payment.choice, card_token=None))
    return Due.TO_CREATE


def _publish_failed(transaction: Transaction, payment: Payment, reason: str) -> None:
    if payment.order_id is None:
        return
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
    if payment.order_id is None:
        return
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


async def forget_people(transaction: Transaction, customer_ids: Sequence[UUID], *, detaching: Collection[str]) -> None:
    """These customers are erased: their cards and addresses go."""
    await cards.forget_all(transaction, customer_ids, detaching=detaching)
    await store.forget_people(transaction, customer_ids)
