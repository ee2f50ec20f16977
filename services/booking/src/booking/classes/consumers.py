"""What memberships hear: one line per subscription. Here, because withdrawing one frees its places in classes.

After those of `reserving`, which keep whether an order is paid or cancelled.
"""

from collections.abc import Sequence

from foyer_chassis.consumer import SubscribeMany
from foyer_chassis.db import Transaction
from foyer_contracts.envelope import Event
from foyer_contracts.orders import OrderCancelled, OrderPlaced
from foyer_contracts.payments import AccountDebited, PaymentSucceeded, RefundSucceeded

from . import use_cases


async def _on_paid(tx: Transaction, paid: Sequence[Event[PaymentSucceeded]]) -> None:
    whole = {event.data.order_id: (event, event.data.paid_total.amount) for event in paid if event.data.invoice_paid}
    await use_cases.issue_paid(tx, whole)


async def _on_debited(tx: Transaction, debited: Sequence[Event[AccountDebited]]) -> None:
    await use_cases.issue_paid(tx, {event.data.order_id: (event, event.data.amount.amount) for event in debited})


async def _on_cancelled(tx: Transaction, cancelled: Sequence[Event[OrderCancelled]]) -> None:
    await use_cases.orders_over(tx, {event.data.order_id: event for event in cancelled})


SUBSCRIPTIONS = [
    SubscribeMany(OrderPlaced, use_cases.note_orders),
    SubscribeMany(PaymentSucceeded, _on_paid),
    SubscribeMany(AccountDebited, _on_debited),
    SubscribeMany(OrderCancelled, _on_cancelled),
    SubscribeMany(RefundSucceeded, use_cases.note_refunds),
]
