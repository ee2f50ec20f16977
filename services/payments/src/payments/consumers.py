"""Everything the service does because of another's event, on one screen.

Each handler locks the order's account first, so that events and the provider's answers about one order take turns.
"""

from typing import Any

from foyer_chassis.consumer import Subscribe
from foyer_chassis.db import Transaction
from foyer_contracts.booking import HoldExpired
from foyer_contracts.envelope import Event
from foyer_contracts.orders import OrderCancelled, OrderPriced

from .accounting import store as accounting
from .clock import Clock
from .invoicing import use_cases as invoicing
from .paying import use_cases as paying
from .refunding import use_cases as refunding


def subscriptions(clock: Clock, *, provider: str) -> list[Subscribe]:
    """What the service subscribes to; `provider` is where new payments are made."""

    async def issue_invoice(transaction: Transaction, event: Event[OrderPriced]) -> None:
        invoice = await invoicing.issue(transaction, event.data, cause_event_id=event.id)
        if invoice is not None:
            await paying.begin(transaction, invoice, provider=provider)
            transaction.after_commit(clock.create.wake)

    async def cancel_and_refund(transaction: Transaction, event: Event[OrderCancelled]) -> None:
        cancelled = event.data
        account = await accounting.open_account(
            transaction,
            order_id=cancelled.order_id,
            order_number=cancelled.number,
            applicant_id=cancelled.applicant_id,
            currency=cancelled.refund.currency,
        )
        account = account.cancel(cancelled.reason)
        await accounting.save_account(transaction, account)
        await _cancel_invoice(transaction, event, cancelled.reason)
        after = await refunding.request(transaction, account, cancelled, event_id=event.id)
        if after is not account:
            transaction.after_commit(clock.refund.wake)

    async def cancel_unpaid(transaction: Transaction, event: Event[HoldExpired]) -> None:
        if await accounting.locked_account(transaction, event.data.order_id) is not None:
            await _cancel_invoice(transaction, event, "hold_expired")

    async def _cancel_invoice(transaction: Transaction, event: Event[Any], reason: str) -> None:
        invoice = await invoicing.cancel_open(transaction, event.data.order_id, reason)
        if invoice is not None and await paying.cancel_of(transaction, invoice):
            transaction.after_commit(clock.check.wake)

    return [
        Subscribe(OrderPriced, issue_invoice),
        Subscribe(OrderCancelled, cancel_and_refund),
        Subscribe(HoldExpired, cancel_unpaid),
    ]
