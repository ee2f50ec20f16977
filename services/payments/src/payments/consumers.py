"""Everything the service does because of another's event, on one screen.

The accounts of all orders of a batch are locked before anything else, in one order (`prepare`), so that events and the
provider's answers about one order take turns. What comes by hundreds is read and written for many at once.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

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
from .advances import store as advances
from .clock import Clock
from .closing import store as closing
from .invoicing import store as invoices
from .invoicing import use_cases as invoicing
from .invoicing.domain import BY_ITSELF, Invoice
from .order_copies import store as copies_store
from .order_copies import use_cases as copies
from .order_copies.domain import DONE, OrderCopy
from .paying import store as payments
from .paying import use_cases as paying
from .paying.domain import Choice
from .refunding import use_cases as refunding
from .settings import Settings

#: Why an order that waited for its customer's funds goes on (C6).
FUNDS_RECEIVED = "funds_received"


class Handlers:
    """What each event does."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._provider = settings.payment_provider
        self._fiscal = settings.fiscal
        self._detaching = settings.detaching

    async def priced(self, transaction: Transaction, events: Sequence[Event[OrderPriced]]) -> None:
        orders = await copies.priced(transaction, events)
        priced: dict[UUID, tuple[OrderCopy, UUID]] = {}
        for event in events:
            priced.setdefault(event.data.order_id, (orders[event.data.order_id], event.id))
        issued = await invoicing.issue_all(transaction, priced)
        asked = await paying.asked_for_all(transaction, list(issued.values()), Choice())
        begun = []
        for event in events:
            with handling(event):
                await accounts.charge(transaction, orders[event.data.order_id], cause_event_id=event.id)
                if (invoice := issued.pop(event.data.order_id, None)) is not None:
                    invoicing.tell(transaction, invoice)
                    begun.append(paying.beginning(transaction, invoice, asked[invoice.id], provider=self._provider))
        if begun:
            await payments.add(transaction, *begun)
            transaction.after_commit(self._clock.create.wake)

    async def _begin(self, transaction: Transaction, invoice: Invoice | None) -> None:
        if invoice is not None:
            await paying.begin(transaction, invoice, provider=self._provider)
            transaction.after_commit(self._clock.create.wake)

    async def moved(self, transaction: Transaction, events: Sequence[Event[OrderStatusChanged]]) -> None:
        await copies.moved(transaction, events)
        done = [event.data.order_id for event in events if event.data.group == DONE]
        if done and await closing.make_due(transaction, done, fiscal=self._fiscal):
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
            await paying.forget_people(transaction, erased, detaching=self._detaching)
            await advances.forget_people(transaction, erased)

    async def cancelled(self, transaction: Transaction, events: Sequence[Event[OrderCancelled]]) -> None:
        rows = {
            event.data.order_id: {
                "order_id": event.data.order_id,
                "order_number": event.data.number,
                "applicant_id": event.data.applicant_id,
                "currency": event.data.refund.currency,
            }
            for event in events
        }
        known = await accounting.open_accounts(transaction, list(rows.values()))
        for event in events:
            known[event.data.order_id] = known[event.data.order_id].cancel(event.data.reason)
        await accounting.save_account(transaction, *known.values())
        await self._cancel_invoices(transaction, [(event, event.data.reason) for event in events])
        for event in events:
            data = event.data
            before, ask = known[data.order_id], refunding.Ask(id=event.id, amount=data.refund, reason=data.reason)
            with handling(event):
                known[data.order_id] = await refunding.request(transaction, before, ask)
            if known[data.order_id] is not before:
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

    async def holds_expired(self, transaction: Transaction, events: Sequence[Event[HoldExpired]]) -> None:
        await self._cancel_invoices(transaction, [(event, "hold_expired") for event in events])

    async def _cancel_invoices(self, transaction: Transaction, why: Sequence[tuple[Event[Any], str]]) -> None:
        """The unpaid invoices of these orders need not be paid any more, for these reasons."""
        unpaid = await invoices.locked_unpaid(transaction, {event.data.order_id for event, _ in why})
        open_payments = await payments.locked_open(transaction, {invoice.id for invoice in unpaid.values()})
        over, withdrawn = [], []
        for event, reason in why:
            if (invoice := unpaid.pop(event.data.order_id, None)) is None:
                continue
            with handling(event):
                over.append(invoicing.cancelled(transaction, invoice, reason))
                if (payment := open_payments.get(invoice.id)) is not None:
                    withdrawn.append(paying.cancelled(transaction, payment))
        if over:
            await invoices.save(transaction, *over)
        if withdrawn:
            await payments.save(transaction, *withdrawn)
            transaction.after_commit(self._clock.check.wake)


async def prepare(transaction: Transaction, events: Sequence[Event[Any]]) -> None:
    """Lock the accounts of the orders that a batch is about."""
    orders = {event.data.order_id for event in events if hasattr(event.data, "order_id")}
    if orders:
        await accounting.lock_accounts(transaction, orders)


def subscriptions(clock: Clock, settings: Settings) -> list[Subscribe | SubscribeMany]:
    """What the service subscribes to."""
    handlers = Handlers(clock, settings)
    return [
        SubscribeMany(OrderPlaced, copies.placed),
        SubscribeMany(OrderPriced, handlers.priced),
        SubscribeMany(OrderStatusChanged, handlers.moved),
        SubscribeMany(OrderAssigned, copies.assigned),
        Subscribe(OrderChanged, handlers.changed),
        SubscribeMany(OrderCancelled, handlers.cancelled),
        SubscribeMany(HoldExpired, handlers.holds_expired),
        SubscribeMany(OfferingChanged, copies.offerings_changed),
        SubscribeMany(CustomerChanged, handlers.customers_changed),
        SubscribeMany(ContactChanged, copies.contacts_changed),
    ]
