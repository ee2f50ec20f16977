"""Everything the service does because of another's event, on one screen.

Each handler locks the order's account first, so that events and the provider's answers about one order take turns.
"""

from typing import Any

from foyer_chassis.consumer import Subscribe, SubscribeMany
from foyer_chassis.db import Transaction
from foyer_contracts.booking import HoldExpired
from foyer_contracts.envelope import Event
from foyer_contracts.orders import (
    CustomerChanged,
    OfferingChanged,
    OrderAssigned,
    OrderCancelled,
    OrderChanged,
    OrderPlaced,
    OrderPriced,
    OrderStatusChanged,
)

from .accounting import store as accounting
from .accounting.domain import OrderAccount
from .clock import Clock
from .invoicing import store as invoices
from .invoicing import use_cases as invoicing
from .invoicing.domain import BY_ITSELF
from .order_copies import use_cases as copies
from .order_copies.domain import OrderCopy
from .paying import use_cases as paying
from .refunding import use_cases as refunding


def subscriptions(clock: Clock, *, provider: str) -> list[Subscribe | SubscribeMany]:
    """What the service subscribes to; `provider` is where new payments are made."""

    async def priced(transaction: Transaction, event: Event[OrderPriced]) -> None:
        order = await copies.priced(transaction, event)
        invoice = await invoicing.issue_for(transaction, order, cause_event_id=event.id)
        if invoice is not None:
            await paying.begin(transaction, invoice, provider=provider)
            transaction.after_commit(clock.create.wake)

    async def cancelled(transaction: Transaction, event: Event[OrderCancelled]) -> None:
        data = event.data
        account = await accounting.open_account(
            transaction,
            order_id=data.order_id,
            order_number=data.number,
            applicant_id=data.applicant_id,
            currency=data.refund.currency,
        )
        account = account.cancel(data.reason)
        await accounting.save_account(transaction, account)
        await _cancel_invoice(transaction, event, data.reason)
        ask = refunding.Ask(id=event.id, amount=data.refund, reason=data.reason)
        if await refunding.request(transaction, account, ask) is not account:
            transaction.after_commit(clock.refund.wake)

    async def changed(transaction: Transaction, event: Event[OrderChanged]) -> None:
        data = event.data
        order = await copies.changed(transaction, event)
        account = await accounting.locked_account(transaction, data.order_id)
        if account is None:
            # Nothing was ever to be paid for it here; its price, when that comes, will find the newer content.
            return
        ask = refunding.Ask(id=data.change_id, amount=data.refund, reason="order_changed")
        after = await refunding.request(transaction, account, ask)
        if after is not account:
            transaction.after_commit(clock.refund.wake)
        if order is not None and after.cancelled_reason is None:
            await _follow_price(transaction, event, order, after)

    async def _follow_price(
        transaction: Transaction, event: Event[OrderChanged], order: OrderCopy, account: OrderAccount
    ) -> None:
        unpaid = await invoices.locked_unpaid_of(transaction, order.order_id)
        if unpaid is None:
            dearer = await invoicing.issue_difference(transaction, order, account, cause_event_id=event.id)
            if dearer is not None:
                await paying.begin(transaction, dearer, provider=provider)
        elif unpaid.origin not in BY_ITSELF or order.total is None:
            return
        elif unpaid.total == order.total:
            await invoicing.relabel(transaction, unpaid, order)
            return
        else:
            await paying.replace_invoice(transaction, unpaid, order, cause_event_id=event.id, provider=provider)
        transaction.after_commit(clock.create.wake)
        transaction.after_commit(clock.check.wake)

    async def cancel_unpaid(transaction: Transaction, event: Event[HoldExpired]) -> None:
        if await accounting.locked_account(transaction, event.data.order_id) is not None:
            await _cancel_invoice(transaction, event, "hold_expired")

    async def _cancel_invoice(transaction: Transaction, event: Event[Any], reason: str) -> None:
        unpaid = await invoices.locked_unpaid_of(transaction, event.data.order_id)
        if unpaid is not None and await paying.cancel_invoice(transaction, unpaid, reason):
            transaction.after_commit(clock.check.wake)

    return [
        SubscribeMany(OrderPlaced, copies.placed),
        Subscribe(OrderPriced, priced),
        SubscribeMany(OrderStatusChanged, copies.moved),
        SubscribeMany(OrderAssigned, copies.assigned),
        Subscribe(OrderChanged, changed),
        Subscribe(OrderCancelled, cancelled),
        Subscribe(HoldExpired, cancel_unpaid),
        SubscribeMany(OfferingChanged, copies.offerings_changed),
        SubscribeMany(CustomerChanged, copies.customers_changed),
    ]
