"""Money is promised back, taken up by the provider, back with the payer; or a person has to look."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from foyer_chassis import log, telemetry
from foyer_chassis.db import Transaction, cause
from foyer_chassis.errors import NotFoundError
from foyer_contracts import payments as events
from foyer_contracts.ids import new_id
from foyer_contracts.money import Money

from ...accounting import domain as ledger
from ...accounting import store as accounting
from ...accounting.domain import OrderAccount
from ...balances import use_cases as balancing
from ...invoicing import store as invoices
from ...invoicing.domain import FollowsOrderError, Invoice, InvoiceStateError, Origin
from ...invoicing.domain import Status as InvoiceStatus
from ...order_copies import store as copies
from ...order_copies.domain import OrderCopy
from ...paying import store as payments
from ...paying import use_cases as paying
from ...paying.domain import BALANCE, DESK, OWN_WAYS, WAKE_CHANNEL, Pace
from ...paying.domain.receipts import of_part
from .. import store
from ..domain import REFUND, Patience, ProviderRefund, Refund, RefundStateError, Status, allot

_logger = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Ask:
    """Somebody's word that money is to go back.

    Attributes:
        id: of what asks (an event, a change, a request of staff); the same one never asks twice.
        reason: a stable word; `note` is why, for staff only.
        only: the payments that it may come from; None: any of the order's.
        booked_back: what staff had booked as taken at the desk never was, or is back: nothing is to be handed out.
    """

    id: UUID
    amount: Money
    reason: str
    note: str | None = None
    by: UUID | None = None
    only: frozenset[UUID] | None = None
    booked_back: bool = False


async def request(transaction: Transaction, account: OrderAccount, ask: Ask) -> OrderAccount:
    """Promise back what was asked, under the cap of what is left, by the way each part came; once per ask.

    `account` is locked and comes back as it is then saved.
    """
    if ask.amount.amount <= 0:
        return account
    after, granted = account.grant_refund(ask.amount)
    if granted.amount < ask.amount.amount:
        _logger.warning("refund_capped", order=account.order_number, asked=ask.amount.amount, granted=granted.amount)
    if not await store.ask_once(
        transaction, event_id=ask.id, order_id=account.order_id, reason=ask.reason, asked=ask.amount, granted=granted
    ):
        return account
    found = await payments.locked_refundable(transaction, account.order_id)
    sources = {payment.id: payment for payment in found if ask.only is None or payment.id in ask.only}
    shares = allot(granted, [(payment.id, payment.refundable) for payment in sources.values()])
    if sum(amount.amount for _, amount in shares) != granted.amount:
        raise RuntimeError(f"order {account.order_number}: its account and its payments disagree on what is refundable")
    if not shares:
        return account
    rows, given = [], []
    for payment_id, amount in shares:
        payment = sources[payment_id]
        surcharge = payment.surcharge_share(amount)
        await payments.reserve_refund(transaction, payment_id, amount, surcharge)
        id_ = new_id()
        own = payment.provider in OWN_WAYS
        rows.append(
            {
                "id": id_,
                "event_id": ask.id,
                "payment_id": payment_id,
                "order_id": account.order_id,
                "order_number": account.order_number,
                "applicant_id": account.applicant_id,
                "provider": payment.provider,
                "provider_payment_id": payment.provider_payment_id,
                "source": payment.source,
                "receipt": None if payment.receipt is None else of_part(payment.receipt, (amount + surcharge).amount),
                "amount": amount.amount,
                "surcharge": surcharge.amount,
                "currency": amount.currency,
                "reason": ask.reason,
                "note": ask.note,
                "requested_by": ask.by,
                "status": Status.AT_DESK if own else Status.REQUESTED,
                "provider_key": str(id_),
                "next_at": None if own else transaction.now,
                "requested_at": transaction.now,
                "started_at": transaction.now if own else None,
                "caused_by": cause.get(),
                "traceparent": telemetry.current_traceparent(),
                "version": 1,
            }
        )
        if own:
            given.append((id_, payment.provider))
    await store.add(transaction, rows)
    await accounting.save_account(transaction, after)
    for id_, provider in given:
        refund = await store.locked(transaction, id_)
        assert refund is not None
        _publish_started(transaction, refund)
        if provider == BALANCE or ask.booked_back:
            after = await _give(transaction, after, refund.hand_out(transaction.now), by=ask.by)
    return after


async def hand_out(transaction: Transaction, refund_id: UUID, *, by: UUID) -> Refund:
    """Staff gave back cash, or made the transfer.

    Raises:
        NotFoundError: there is no such refund.
        RefundStateError: it goes back by itself, or was handed out.
    """
    found = await store.by_id(transaction, refund_id)
    if found is None:
        raise NotFoundError
    account = await accounting.locked_account(transaction, found.order_id)
    refund = await store.locked(transaction, refund_id)
    assert account is not None
    assert refund is not None
    refund = refund.hand_out(transaction.now)
    await _give(transaction, account, refund, by=by)
    return refund


async def cancel_invoice(
    transaction: Transaction, order: OrderCopy, invoice_id: UUID, *, reason: str, by: UUID
) -> tuple[Invoice, bool]:
    """Staff cancel an invoice of theirs (B17): one that is unpaid; or one that they had marked as paid, then what they
    had booked is booked back. With whether the provider must be watched for late money.

    Raises:
        FollowsOrderError: it was not staff who made it.
        InvoiceStateError: it is paid by the customer, in part or whole, or cancelled.
    """
    account = await accounting.locked_account(transaction, order.order_id)
    invoice = await invoices.locked(transaction, invoice_id)
    assert account is not None
    if invoice.origin is not Origin.STAFF:
        raise FollowsOrderError(origin=invoice.origin.value)
    if invoice.status is InvoiceStatus.ISSUED and invoice.paid.amount:
        raise InvoiceStateError(state="partly_paid", verb="cancel")
    was_paid = invoice.status is InvoiceStatus.PAID
    watch = await paying.cancel_invoice(transaction, invoice, reason)
    if was_paid:
        mine = {
            item.id: item.refundable
            for item in await payments.of_invoices(transaction, [invoice.id])
            if item.provider == DESK and item.refundable.amount
        }
        back = sum(mine.values(), start=Money.zero(invoice.total.currency))
        ask = Ask(id=new_id(), amount=back, reason="invoice_cancelled", by=by, only=frozenset(mine), booked_back=True)
        await request(transaction, account, ask)
    return await invoices.locked(transaction, invoice_id), watch


async def _give(transaction: Transaction, account: OrderAccount, refund: Refund, *, by: UUID | None) -> OrderAccount:
    """The money of a refund that has just succeeded is back with the payer: into the books, and tell."""
    account = account.pay_back(refund.amount)
    await accounting.save_account(transaction, account)
    if refund.provider == BALANCE:
        await balancing.give_back(transaction, refund.applicant_id, refund.amount)
    payment = await payments.locked(transaction, refund.payment_id)
    invoice = await invoices.locked(transaction, payment.invoice_id)
    await accounting.book(
        transaction,
        "refund",
        ledger.moved(
            refund.source,
            ledger.order(refund.order_id),
            refund.amount * -1,
            surcharge=(ledger.surcharge(invoice.legal_entity_id), refund.surcharge * -1),
        ),
        reference_id=refund.id,
        order_id=refund.order_id,
        customer_id=refund.applicant_id,
        at=transaction.now,
    )
    await store.save(transaction, refund, handed_out_by=by)
    transaction.publish(
        events.RefundSucceeded(
            refund_id=refund.id,
            payment_id=refund.payment_id,
            order_id=refund.order_id,
            applicant_id=refund.applicant_id,
            amount=refund.amount,
            refunded_total=account.refunded,
            pending_total=account.pending_refund,
        ),
        subject=refund.id,
        sequence=refund.version,
    )
    return account


async def learn(
    transaction: Transaction, claimed: Refund, answer: ProviderRefund, *, pace: Pace, patience: Patience
) -> None:
    """Take in what the provider said of a claimed refund; twice, in parallel or late, it has one effect."""
    account = await accounting.locked_account(transaction, claimed.order_id)
    refund = await store.locked(transaction, claimed.id)
    if account is None or refund is None or not refund.is_open or refund.provider_key != claimed.provider_key:
        return
    if answer.our_id not in (None, refund.id) or answer.amount != refund.paid_out:
        _logger.error("refund_mismatch", refund_id=str(refund.id), provider_refund_id=answer.id)
        await store.postpone(transaction, claimed, transaction.now + pace.longest)
        return
    if answer.status == "cancelled":
        await _miss(transaction, refund, answer.reason or "unknown", patience, definite=True)
        return
    now = transaction.now
    if refund.status is Status.REQUESTED:
        known = refund.started_at is not None
        refund = refund.start(answer.id, now, now + pace.first)
        if not known:
            _publish_started(transaction, refund)
    elif answer.status == "pending":
        await store.postpone(transaction, claimed, now + pace.after(now - (refund.started_at or now)))
        return
    if answer.status == "succeeded":
        await _give(transaction, account, refund.succeed(now), by=None)
        return
    await store.save(transaction, refund)


async def missed(
    transaction: Transaction, claimed: Refund, failure: str, *, patience: Patience, definite: bool
) -> None:
    """The provider refused an attempt (`definite`), or what became of it is not known."""
    await accounting.locked_account(transaction, claimed.order_id)
    refund = await store.locked(transaction, claimed.id)
    if refund is None or refund.status is not Status.REQUESTED or refund.provider_key != claimed.provider_key:
        return
    await _miss(transaction, refund, failure, patience, definite=definite)


async def renew_key(transaction: Transaction, claimed: Refund) -> Refund:
    """The provider knows nothing of it and may have forgotten the key: the next attempt goes under a new one."""
    refund = await store.locked(transaction, claimed.id)
    if refund is None or refund.status is not Status.REQUESTED or refund.provider_key != claimed.provider_key:
        raise RefundStateError
    refund = refund.with_new_key(transaction.now)
    await store.save(transaction, refund)
    return refund


async def look_later(transaction: Transaction, claimed: Refund, delay: timedelta) -> None:
    """The provider has it and could not be asked about it."""
    await store.postpone(transaction, claimed, transaction.now + delay)


async def retry(transaction: Transaction, refund_id: UUID) -> Refund:
    """Try a failed refund again, from its first attempt.

    Raises:
        NotFoundError: there is no such refund.
        RefundStateError: it has not failed.
    """
    refund = await store.locked(transaction, refund_id)
    if refund is None:
        raise NotFoundError
    refund = refund.retry(transaction.now)
    await store.save(transaction, refund)
    transaction.notify(WAKE_CHANNEL, REFUND)
    return refund


async def settle_otherwise(transaction: Transaction, refund_id: UUID, *, method: str) -> Refund:
    """A refund that the provider refused for good goes back in cash or by transfer: it waits at the desk.

    Raises:
        NotFoundError: there is no such refund.
        RefundStateError: it has not failed.
        RefundUnclearError: the provider may have given it back.
    """
    found = await store.by_id(transaction, refund_id)
    if found is None:
        raise NotFoundError
    await accounting.locked_account(transaction, found.order_id)
    refund = await store.locked(transaction, refund_id)
    order = await copies.by_id(transaction, found.order_id)
    payment = await payments.locked(transaction, found.payment_id)
    invoice = await invoices.locked(transaction, payment.invoice_id)
    assert refund is not None
    source = (
        ledger.bank(invoice.legal_entity_id)
        if method == "transfer"
        else ledger.cash_desk(None if order is None else order.location_id)
    )
    refund = refund.bring_to_desk(source, transaction.now)
    await store.save(transaction, refund)
    _publish_started(transaction, refund)
    return refund


async def hint(transaction: Transaction, *, their_id: str) -> None:
    """Somebody says that something happened to a refund: have the provider asked about it, if it is one of ours."""
    if await store.hint(transaction, their_id=their_id):
        transaction.notify(WAKE_CHANNEL, REFUND)


async def _miss(transaction: Transaction, refund: Refund, failure: str, patience: Patience, *, definite: bool) -> None:
    refund = refund.miss(failure, transaction.now, patience, definite=definite)
    await store.save(transaction, refund)
    _logger.warning(
        "refund_attempt_missed",
        refund_id=str(refund.id),
        attempts=refund.attempts,
        failure=failure,
        status=refund.status.value,
    )
    if refund.status is Status.FAILED:
        transaction.publish(
            events.RefundFailed(
                refund_id=refund.id,
                payment_id=refund.payment_id,
                order_id=refund.order_id,
                applicant_id=refund.applicant_id,
                amount=refund.amount,
                reason=failure,
                attempts=refund.attempts,
            ),
            subject=refund.id,
            sequence=refund.version,
        )


def _publish_started(transaction: Transaction, refund: Refund) -> None:
    transaction.publish(
        events.RefundStarted(
            refund_id=refund.id,
            payment_id=refund.payment_id,
            order_id=refund.order_id,
            applicant_id=refund.applicant_id,
            amount=refund.amount,
        ),
        subject=refund.id,
        sequence=refund.version,
    )
