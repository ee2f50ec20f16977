"""What tickets and stays hear of money and cancellations. After `reserving`, which keeps whether an order is paid or
cancelled."""

from collections.abc import Sequence

from foyer_chassis.consumer import SubscribeMany
from foyer_chassis.db import Transaction
from foyer_contracts.envelope import Event
from foyer_contracts.orders import OrderCancelled
from foyer_contracts.payments import AccountDebited, PaymentSucceeded

from . import use_cases


async def _on_paid(transaction: Transaction, paid: Sequence[Event[PaymentSucceeded]]) -> None:
    whole = {event.data.order_id: event for event in paid if event.data.invoice_paid}
    await use_cases.confirm_paid(transaction, whole)


async def _on_debited(transaction: Transaction, debited: Sequence[Event[AccountDebited]]) -> None:
    await use_cases.confirm_paid(transaction, {event.data.order_id: event for event in debited})


SUBSCRIPTIONS = [
    SubscribeMany(PaymentSucceeded, _on_paid),
    SubscribeMany(AccountDebited, _on_debited),
    SubscribeMany(OrderCancelled, use_cases.release),
]
