"""Money is promised back, by the way each part came; staff hand out what goes back at the desk."""

from dataclasses import dataclass
from uuid import UUID

from foyer_chassis import log, telemetry
from foyer_chassis.db import Transaction, cause
from foyer_chassis.errors import NotFoundError
from foyer_contracts.ids import new_id
from foyer_contracts.money import Money

from ...accounting import store as accounting
from ...accounting.domain import OrderAccount, allot
from ...invoicing import store as invoices
from ...invoicing.domain import FollowsOrderError, Invoice, InvoiceStateError, Origin
from ...invoicing.domain import Status as InvoiceStatus
from ...order_copies.domain import OrderCopy
from ...paying import store as payments
from ...paying import use_cases as paying
from ...paying.domain import BALANCE, DESK, OWN_WAYS
from ...paying.domain.receipts import of_part
from .. import store
from ..domain import Refund, Status
from .outcomes import give, publish_started

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
        publish_started(transaction, refund)
        if provider == BALANCE or ask.booked_back:
            after = await give(transaction, after, refund.hand_out(transaction.now), by=ask.by)
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
    await give(transaction, account, refund, by=by)
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
