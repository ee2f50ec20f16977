"""What chat hears: one line per subscription at the end."""

from typing import Any

from foyer_chassis.consumer import Subscribe
from foyer_chassis.db import Transaction
from foyer_contracts.envelope import Event
from foyer_contracts.orders import OrderCancelled, OrderPlaced, OrderStatusChanged
from foyer_contracts.payments import PaymentSucceeded

from . import use_cases

#: Changes that `orders.order.cancelled` tells of, with its reason and what goes back.
TOLD_BY_CANCELLED = frozenset({"cancelled", "cancelled_refunding"})


async def on_placed(transaction: Transaction, event: Event[OrderPlaced]) -> None:
    await use_cases.open_conversation(
        transaction,
        order_id=event.data.order_id,
        applicant_id=event.data.applicant_id,
        number=event.data.number,
        responsible_ids=event.data.responsible_ids,
    )


async def on_paid(transaction: Transaction, event: Event[PaymentSucceeded]) -> None:
    await use_cases.note_system(
        transaction,
        order_id=event.data.order_id,
        applicant_id=event.data.applicant_id,
        event_id=event.id,
        template="payment_received",
        facts={"amount": event.data.amount.model_dump()},
        at=event.data.paid_at,
    )


async def on_status(transaction: Transaction, event: Event[OrderStatusChanged]) -> None:
    if event.data.to_status in TOLD_BY_CANCELLED:
        return
    await use_cases.note_system(
        transaction,
        order_id=event.data.order_id,
        applicant_id=event.data.applicant_id,
        event_id=event.id,
        template="status_changed",
        facts={"status": event.data.to_status},
        at=event.time,
    )


async def on_cancelled(transaction: Transaction, event: Event[OrderCancelled]) -> None:
    facts: dict[str, Any] = {"reason": event.data.reason}
    if event.data.refund.amount > 0:
        facts["refund"] = event.data.refund.model_dump()
    await use_cases.note_system(
        transaction,
        order_id=event.data.order_id,
        applicant_id=event.data.applicant_id,
        event_id=event.id,
        template="order_cancelled",
        facts=facts,
        at=event.time,
    )


SUBSCRIPTIONS = [
    Subscribe(OrderPlaced, on_placed),
    Subscribe(PaymentSucceeded, on_paid),
    Subscribe(OrderStatusChanged, on_status),
    Subscribe(OrderCancelled, on_cancelled),
]
