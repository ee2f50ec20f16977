"""A dispute is noted, asked about, and its money counted: off the provider, and back if it is won."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from foyer_chassis import log
from foyer_chassis.db import Transaction

from ..accounting import domain as ledger
from ..accounting import store as accounting
from ..invoicing import store as invoices
from ..invoicing.domain import Origin
from ..paying import store as payments
from ..paying.domain import WAKE_CHANNEL
from . import store
from .domain import DISPUTE, Dispute, ProviderDispute

_logger = log.get(__name__)


async def hint(transaction: Transaction, *, provider: str, number: str) -> None:
    """Somebody says that something happened to a dispute: have the provider asked about it."""
    await store.note(transaction, provider, number)
    transaction.notify(WAKE_CHANNEL, DISPUTE)


async def found(transaction: Transaction, *, provider: str, numbers: Sequence[str]) -> None:
    """The provider's own list; those that are not known yet are asked about."""
    await store.found(transaction, provider, numbers)


async def look_later(transaction: Transaction, claimed: Dispute, delay: timedelta) -> None:
    """The provider could not be asked."""
    await store.look_later(transaction, claimed, transaction.now + delay)


async def learn(transaction: Transaction, claimed: Dispute, answer: ProviderDispute, *, every: timedelta) -> None:
    """Take in what the provider said of a claimed dispute; twice, in parallel or late, it has one effect.

    While it holds money, that is not given back too; where it is withdrawn, the ledger has it on the provider's account
    of disputes, from which it returns if the dispute is won. What is lost, and the provider's fees, are costs that the
    settlement books.
    """
    found = None if answer.our_payment_id is None else await payments.outcome(transaction, answer.our_payment_id)
    if found is None or found.provider != claimed.provider:
        await store.drop(transaction, claimed)
        return
    account = None
    invoice = await invoices.by_id(transaction, found.invoice_id)
    if found.order_id is not None and invoice.origin is not Origin.TOP_UP:
        account = await accounting.locked_account(transaction, found.order_id)
    payment = await payments.locked(transaction, found.id)
    before = await store.locked(transaction, claimed.id)
    if before is None:
        return
    dispute = before.learn(answer, payment.id, payment.order_id, transaction.now)
    if account is not None and dispute.holds != bool(before.held):
        free = min(payment.refundable, account.refundable).amount
        held = min(answer.amount.amount, free) if dispute.holds else 0
        dispute = replace(dispute, held=held)
        change = held - before.held
        await payments.dispute(transaction, payment.id, change)
        account = account.dispute(change)
        await accounting.save_account(transaction, account)
    currency = payment.amount.currency
    lost, fees = dispute.lost - before.lost, dispute.fees(currency) - before.fees(currency)
    if lost or fees:
        await payments.charge_back(transaction, payment.id, lost=lost, fees=fees)
        if account is not None:
            # Its costs are others now: it is settled again.
            await accounting.save_account(transaction, account.dispute(0))
    if dispute.withdrawn != before.withdrawn and dispute.amount is not None:
        sign = -1 if dispute.withdrawn else 1
        await accounting.book(
            transaction,
            "dispute" if dispute.withdrawn else "dispute_reversal",
            ledger.moved(payment.source, ledger.disputes(claimed.provider), dispute.amount * sign),
            reference_id=dispute.id,
            order_id=None if account is None else account.order_id,
            customer_id=payment.applicant_id,
            at=transaction.now,
            occurrence=dispute.withdrawals,
        )
    if dispute.status is not before.status:
        _logger.warning("dispute", number=dispute.number, payment_id=str(payment.id), status=dispute.status.value)
    await store.save(transaction, dispute)
    await store.look_later(transaction, claimed, None if dispute.is_over else transaction.now + every)
