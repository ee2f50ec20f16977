"""What booking hears: one line per subscription."""

from collections.abc import Sequence
from datetime import timedelta

from foyer_chassis.consumer import SubscribeMany
from foyer_chassis.db import Transaction
from foyer_contracts.envelope import Event
from foyer_contracts.orders import OrderCancelled, OrderChanged, OrderPlaced
from foyer_contracts.payments import AccountDebited, PaymentSucceeded

from . import use_cases


def subscriptions(*, default_hold_ttl_seconds: int) -> list[SubscribeMany]:
    default_ttl = timedelta(seconds=default_hold_ttl_seconds)

    async def on_placed(transaction: Transaction, placed: Sequence[Event[OrderPlaced]]) -> None:
        await use_cases.hold_places(transaction, placed, default_ttl=default_ttl)

    async def on_paid(transaction: Transaction, paid: Sequence[Event[PaymentSucceeded]]) -> None:
        whole = {event.data.order_id: event for event in paid if event.data.invoice_paid}
        await use_cases.confirm_paid(transaction, whole)

    async def on_debited(transaction: Transaction, debited: Sequence[Event[AccountDebited]]) -> None:
        await use_cases.confirm_paid(transaction, {event.data.order_id: event for event in debited})

    return [
        SubscribeMany(OrderPlaced, on_placed),
        SubscribeMany(PaymentSucceeded, on_paid),
        SubscribeMany(AccountDebited, on_debited),
        SubscribeMany(OrderCancelled, use_cases.release),
        SubscribeMany(OrderChanged, use_cases.note_payers),
    ]
