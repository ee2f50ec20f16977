"""What booking hears: one line per subscription."""

from collections.abc import Sequence
from datetime import timedelta

from foyer_chassis.consumer import Subscribe, SubscribeMany
from foyer_chassis.db import Transaction
from foyer_contracts.envelope import Event
from foyer_contracts.orders import OrderCancelled, OrderPlaced
from foyer_contracts.payments import PaymentSucceeded

from . import use_cases


def subscriptions(*, default_hold_ttl_seconds: int) -> list[Subscribe | SubscribeMany]:
    default_ttl = timedelta(seconds=default_hold_ttl_seconds)

    async def on_placed(transaction: Transaction, placed: Sequence[Event[OrderPlaced]]) -> None:
        await use_cases.hold_places(transaction, placed, default_ttl=default_ttl)

    async def on_paid(transaction: Transaction, event: Event[PaymentSucceeded]) -> None:
        if event.data.invoice_paid:
            await use_cases.confirm_paid(transaction, order_id=event.data.order_id)

    async def on_cancelled(transaction: Transaction, event: Event[OrderCancelled]) -> None:
        await use_cases.release(
            transaction, order_id=event.data.order_id, reason=event.data.reason, order_sequence=event.sequence
        )

    return [
        SubscribeMany(OrderPlaced, on_placed),
        Subscribe(PaymentSucceeded, on_paid),
        Subscribe(OrderCancelled, on_cancelled),
    ]
