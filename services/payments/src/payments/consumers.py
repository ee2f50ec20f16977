"""Everything the service does because of another's event, on one screen.

Each handler locks the order's account first, so that events and the provider's answers about one order take turns.
"""

from collections.abc import Sequence
from typing import Any

from foyer_chassis.consumer import Subscribe, SubscribeMany, handling
from foyer_chassis.db import Transaction
from foyer_contracts.booking import HoldExpired
from foyer_contracts.envelope import Event
from foyer_contracts.orders import (
    ContactChanged,
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
from .accounts import use_cases as accounts
from .clock import Clock
from .closing import store as closing
from .invoicing import store as invoices
from .invoicing import use_cases as invoicing
from .invoicing.domain import BY_ITSELF, Invoice
from .order_copies import store as copies_store
from .order_copies import use_cases as copies
from .order_copies.domain import DONE, OrderCopy
from .paying import use_cases as paying
from .refunding import use_cases as refunding

#: Why an order that waited for its customer's funds goes on (C6).
FUNDS_RECEIVED = "funds_received"


class Handlers:
    """What each event does; `provider` is where new payments are made."""

    def __init__(self, clock: Clock, *, provider: str) -> None:
        self._clock = clock
        self._provider = provider

    async def priced(self, transaction: Transaction, event: Event[OrderPriced]) -> None:
        order = await copies.priced(transaction, event)
        await accounts.charge(transaction, order, cause_event_id=event.id)
        await self._begin(transaction, await invoicing.issue_for(transaction, order, cause_event_id=event.id))

    async def _begin(self, transaction: Transaction, invoice: Invoice | None) -> None:
        if invoice is not None:
            await paying.begin(transaction, invoice, provider=self._provider)
            transaction.after_commit(self._clock.create.wake)

    async def moved(self, transaction: Transaction, events: Sequence[Event[OrderStatusChanged]]) -> None:
        await copies.moved(transaction, events)
        done = [event.data.order_id for event in events if event.data.group == DONE]
        if done:
            await accounting.lock_accounts(transaction, done)
            if await closing.make_due(transaction, done):
                transaction.after_commit(self._clock.close_receipt.wake)
        for event in events:
            if event.data.reason != FUNDS_RECEIVED:
                continue
            order = await copies_store.by_id(transaction, event.data.order_id)
            if order is not None:
                with handling(event):
                    await accounts.charge(transaction, order, cause_event_id=event.id)

    async def customers_changed(self, transaction: Transaction, events: Sequence[Event[CustomerChanged]]) -> None:
        await copies.customers_changed(transaction, events)
        if erased := [event.data.customer_id for event in events if event.data.erased]:
            await paying.forget_people(transaction, erased)

    async def cancelled(self, transaction: Transaction, event: Event[OrderCancelled]) -> None:
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
        await self._cancel_invoice(transaction, event, data.reason)
        ask = refunding.Ask(id=event.id, amount=data.refund, reason=data.reason)
        if await refunding.request(transaction, account, ask) is not account:
            transaction.after_commit(self._clock.refund.wake)

    async def changed(self, transaction: Transaction, event: Event[OrderChanged]) -> None:
        data = event.data
        order = await copies.changed(transaction, event)
        account = await accounting.locked_account(transaction, data.order_id)
        if account is None:
            # Nothing was to be paid for it yet. If its price has not come, that will find the newer content.
            if order is not None and order.is_priced:
                await accounts.charge(transaction, order, cause_event_id=event.id)
                await self._begin(transaction, await invoicing.issue_for(transaction, order, cause_event_id=event.id))
            return
        ask = refunding.Ask(id=data.change_id, amount=data.refund, reason="order_changed")
        after = await refunding.request(transaction, account, ask)
        if after is not account:
            await accounts.cheapened(transaction, data.order_id, account.refundable - after.refundable)
            transaction.after_commit(self._clock.refund.wake)
        if order is not None and after.cancelled_reason is None:
            await accounts.charge(transaction, order, cause_event_id=event.id)
            await self._follow_price(transaction, event, order, after)

    async def _follow_price(
        self, transaction: Transaction, event: Event[OrderChanged], order: OrderCopy, account: OrderAccount
    ) -> None:
        unpaid = await invoices.locked_unpaid_of(transaction, order.order_id)
        if unpaid is None:
            dearer = await invoicing.issue_difference(transaction, order, account, cause_event_id=event.id)
            if dearer is None and order.is_priced:
                dearer = await invoicing.issue_for(transaction, order, cause_event_id=event.id)
            await self._begin(transaction, dearer)
        elif unpaid.origin not in BY_ITSELF or order.total is None:
            return
        elif unpaid.total == order.total:
            await invoicing.relabel(transaction, unpaid, order)
            return
        else:
            await paying.replace_invoice(transaction, unpaid, order, cause_event_id=event.id, provider=self._provider)
        transaction.after_commit(self._clock.create.wake)
        transaction.after_commit(self._clock.check.wake)

    async def cancel_unpaid(self, transaction: Transaction, event: Event[HoldExpired]) -> None:
        if await accounting.locked_account(transaction, event.data.order_id) is not None:
            await self._cancel_invoice(transaction, event, "hold_expired")

    async def _cancel_invoice(self, transaction: Transaction, event: Event[Any], reason: str) -> None:
        unpaid = await invoices.locked_unpaid_of(transaction, event.data.order_id)
        if unpaid is not None and await paying.cancel_invoice(transaction, unpaid, reason):
            transaction.after_commit(self._clock.check.wake)


def subscriptions(clock: Clock, *, provider: str) -> list[Subscribe | SubscribeMany]:
    """What the service subscribes to."""
    handlers = Handlers(clock, provider=provider)
    return [
        SubscribeMany(OrderPlaced, copies.placed),
        Subscribe(OrderPriced, handlers.priced),
        SubscribeMany(OrderStatusChanged, handlers.moved),
        SubscribeMany(OrderAssigned, copies.assigned),
        Subscribe(OrderChanged, handlers.changed),
        Subscribe(OrderCancelled, handlers.cancelled),
        Subscribe(HoldExpired, handlers.cancel_unpaid),
        SubscribeMany(OfferingChanged, copies.offerings_changed),
        SubscribeMany(CustomerChanged, handlers.customers_changed),
        SubscribeMany(ContactChanged, copies.contacts_changed),
    ]
