"""What a refund comes to, in the books and in events; for all who decide about it."""

from typing import Literal
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_contracts import payments as events

from ...accounting import domain as ledger
from ...accounting import store as accounting
from ...accounting.domain import OrderAccount
from ...advances import use_cases as advances
from ...balances import use_cases as balancing
from ...invoicing import store as invoices
from ...paying import store as payments
from ...paying.domain import BALANCE
from .. import store
from ..domain import Refund


async def give(transaction: Transaction, account: OrderAccount, refund: Refund, *, by: UUID | None) -> OrderAccount:
    """The money of a refund that has just succeeded is back with the payer: into the books, and tell."""
    account = account.pay_back(refund.amount)
    await accounting.save_account(transaction, account)
    if refund.provider == BALANCE:
        await balancing.give_back(transaction, refund.applicant_id, refund.amount)
        await advances.give_back(transaction, await payments.locked(transaction, refund.payment_id), refund.id)
    await _book(transaction, "refund", refund, occurrence=refund.bounces + 1)
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


async def take_back(transaction: Transaction, account: OrderAccount, refund: Refund) -> OrderAccount:
    """The money of a refund that has just bounced is at its source again and owed again: into the books, and tell."""
    account = account.take_back(refund.amount)
    await accounting.save_account(transaction, account)
    await _book(transaction, "refund_reversal", refund, occurrence=refund.bounces)
    await store.save(transaction, refund)
    publish_failed(transaction, refund, after_success=True)
    return account


async def _book(
    transaction: Transaction, kind: Literal["refund", "refund_reversal"], refund: Refund, *, occurrence: int
) -> None:
    """The money of a refund leaves its source, or is there again; the `occurrence`-th time that this happens to it."""
    sign = -1 if kind == "refund" else 1
    payment = await payments.locked(transaction, refund.payment_id)
    invoice = await invoices.locked(transaction, payment.invoice_id)
    await accounting.book(
        transaction,
        kind,
        ledger.moved(
            refund.source,
            ledger.order(refund.order_id),
            refund.amount * sign,
            surcharge=(ledger.surcharge(invoice.legal_entity_id), refund.surcharge * sign),
        ),
        reference_id=refund.id,
        order_id=refund.order_id,
        customer_id=refund.applicant_id,
        at=transaction.now,
        occurrence=occurrence,
    )


def publish_started(transaction: Transaction, refund: Refund) -> None:
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


def publish_failed(transaction: Transaction, refund: Refund, *, after_success: bool) -> None:
    transaction.publish(
        events.RefundFailed(
            refund_id=refund.id,
            payment_id=refund.payment_id,
            order_id=refund.order_id,
            applicant_id=refund.applicant_id,
            amount=refund.amount,
            reason=refund.failure or "unknown",
            attempts=refund.attempts,
            after_success=after_success,
            next_steps=list(refund.helps),
        ),
        subject=refund.id,
        sequence=refund.version,
    )
