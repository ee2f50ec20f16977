"""What orders hears: one line per subscription."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from foyer_chassis.consumer import Subscribe
from foyer_chassis.db import Transaction
from foyer_contracts import booking, chat, payments
from foyer_contracts import orders as events
from foyer_contracts.envelope import Event

from . import store
from .domain import settling
from .domain.change import Change
from .domain.order import Actor, Invoice, Line, Order, Payment, Refund, Slots, Stage
from .use_cases import hear


def _lines(lines: Sequence[events.Line]) -> tuple[Line, ...]:
    return tuple(Line(line.title, line.quantity, line.unit_price, line.total, line.extra) for line in lines)


def _described(places: booking.Places) -> dict[str, Any]:
    """Booking's description of the places, as the card shows it: in words, but for the times of a recurring booking."""
    described: dict[str, Any] = {}
    for name, value in dict(places).items():
        if isinstance(value, datetime):
            described[name] = value.isoformat()
        elif isinstance(value, list):
            described[name] = [item.model_dump(mode="json") for item in value]
        elif isinstance(value, events.Visitor):
            described[name] = value.name
        elif value is not None:
            described[name] = str(value)
    return described


def _at(slots: Slots | None, places: booking.Places) -> Slots | None:
    """The slots where and when they are now; None: not an order of slots."""
    if slots is None:
        return None
    return replace(slots, resource_id=places.resource_id, starts_at=places.starts_at, ends_at=places.ends_at)


async def _on_held(tx: Transaction, event: Event[booking.PlacesHeld]) -> None:
    held = event.data
    await hear(
        tx,
        held.order_id,
        lambda order, now: settling.places_held(
            order,
            now,
            lines=_lines(held.lines),
            total=held.total,
            pay_until=held.expires_at,
            places=_described(held.places),
        ),
    )


async def _on_unavailable(tx: Transaction, event: Event[booking.PlacesUnavailable]) -> None:
    data = event.data
    await hear(
        tx,
        data.order_id,
        lambda order, now: settling.places_unavailable(order, now, reason=data.reason, late=data.late),
    )


async def _on_hold_expired(tx: Transaction, event: Event[booking.HoldExpired]) -> None:
    await hear(tx, event.data.order_id, settling.hold_expired)


async def _on_confirmed(tx: Transaction, event: Event[booking.ReservationConfirmed]) -> None:
    places = _described(event.data.places)
    await hear(
        tx,
        event.data.order_id,
        lambda order, now: settling.reservation_advanced(order, now, Stage.CONFIRMED, places),
    )


async def _on_started(tx: Transaction, event: Event[booking.ReservationStarted]) -> None:
    await hear(tx, event.data.order_id, lambda order, now: settling.reservation_advanced(order, now, Stage.STARTED))


async def _on_ended(tx: Transaction, event: Event[booking.ReservationEnded]) -> None:
    await hear(tx, event.data.order_id, lambda order, now: settling.reservation_advanced(order, now, Stage.ENDED))


async def _on_rescheduled(tx: Transaction, event: Event[booking.ReservationRescheduled]) -> None:
    data = event.data
    await hear(
        tx,
        data.order_id,
        lambda order, _: settling.rescheduled(
            order,
            sequence=event.sequence,
            slots=_at(order.slots, data.places),
            places=_described(data.places),
            lines=_lines(data.lines),
            total=data.total,
            actor=Actor(data.actor.kind, data.actor.id),
        ),
    )


async def _on_occurrences_cancelled(tx: Transaction, event: Event[booking.OccurrencesCancelled]) -> None:
    data = event.data
    await hear(
        tx,
        data.order_id,
        lambda order, now: settling.occurrences_cancelled(
            order,
            now,
            sequence=event.sequence,
            slots=_at(order.slots, data.places),
            places=_described(data.places),
            cancelled=[(item.starts_at, item.price.amount) for item in data.cancelled],
            lines=_lines(data.lines),
            total=data.total,
            actor=Actor(data.actor.kind, data.actor.id),
        ),
    )


async def _on_attached(tx: Transaction, event: Event[booking.PassAttached]) -> None:
    """A membership is in use from the day it belongs to a visitor (D6)."""
    if event.data.order_id is not None:
        await hear(tx, event.data.order_id, lambda order, now: settling.reservation_advanced(order, now, Stage.STARTED))


async def _on_withdrawn(tx: Transaction, event: Event[booking.PassWithdrawn]) -> None:
    """A membership whose money went back is over (D7); one that staff took away without that is not cancelled by it."""
    if event.data.order_id is not None and event.data.reason == settling.REFUNDED:
        await hear(tx, event.data.order_id, settling.membership_withdrawn)


def _invoice(state: str) -> Callable[[Transaction, Event[Any]], Awaitable[None]]:
    async def on_invoice(tx: Transaction, event: Event[payments.InvoiceIssued]) -> None:
        data = event.data
        now_state = "activated" if state == "issued" and data.activated else state
        invoice = Invoice(data.number, data.total.amount, now_state)
        await hear(tx, data.order_id, lambda order, now: settling.invoice_noted(order, now, data.invoice_id, invoice))

    return on_invoice


async def _on_invoice_cancelled(tx: Transaction, event: Event[payments.InvoiceCancelled]) -> None:
    data = event.data
    await hear(tx, data.order_id, lambda order, _: settling.invoice_cancelled(order, data.invoice_id, data.number))


async def _on_link_created(tx: Transaction, event: Event[payments.PaymentLinkCreated]) -> None:
    data = event.data
    payment = Payment(None, data.amount.amount, None, "pending", event.time, data.url)
    await hear(tx, data.order_id, lambda order, _: settling.payment_noted(order, data.payment_id, payment))


def _payment_ended(state: str) -> Callable[[Transaction, Event[Any]], Awaitable[None]]:
    async def on_ended(tx: Transaction, event: Event[payments.PaymentCancelled]) -> None:
        data = event.data
        await hear(
            tx,
            data.order_id,
            lambda order, _: settling.payment_ended(order, data.payment_id, state, event.time),
        )

    return on_ended


async def _on_paid(tx: Transaction, event: Event[payments.PaymentSucceeded]) -> None:
    data = event.data
    payment = Payment(data.number, data.amount.amount, data.method, "succeeded", data.paid_at)

    def make(order: Order, now: datetime) -> Change:
        noted = settling.payment_noted(order, data.payment_id, payment)
        return settling.money_received(noted.order, now, data.amount)

    await hear(tx, data.order_id, make)


async def _on_refunded(tx: Transaction, event: Event[payments.RefundSucceeded]) -> None:
    data = event.data
    refund = Refund(data.amount.amount, "succeeded", event.time, sequence=event.sequence)
    await hear(tx, data.order_id, lambda order, now: settling.refund_heard(order, now, data.refund_id, refund))


async def _on_refund_started(tx: Transaction, event: Event[payments.RefundStarted]) -> None:
    data = event.data
    refund = Refund(data.amount.amount, "started", event.time, sequence=event.sequence)
    await hear(tx, data.order_id, lambda order, now: settling.refund_started(order, now, data.refund_id, refund))


async def _on_refund_failed(tx: Transaction, event: Event[payments.RefundFailed]) -> None:
    data = event.data
    state = "bounced" if data.after_success else "failed"
    refund = Refund(data.amount.amount, state, event.time, sequence=event.sequence)
    await hear(tx, data.order_id, lambda order, now: settling.refund_heard(order, now, data.refund_id, refund))


async def _on_refund_requested(tx: Transaction, event: Event[payments.RefundRequested]) -> None:
    data = event.data
    refund = Refund(data.amount.amount, "requested", event.time)
    await hear(tx, data.order_id, lambda order, _: settling.refund_noted(order, data.request_id, refund))


async def _on_refund_rejected(tx: Transaction, event: Event[payments.RefundRejected]) -> None:
    data = event.data
    refund = Refund(data.amount.amount, "rejected", event.time, data.reason)
    await hear(tx, data.order_id, lambda order, _: settling.refund_noted(order, data.request_id, refund))


async def _on_costs(tx: Transaction, event: Event[payments.SettlementPosted]) -> None:
    data = event.data
    costs = data.acquiring.amount + data.commission.amount
    await hear(tx, data.order_id, lambda order, _: settling.costs_posted(order, costs, event.sequence))


async def _on_message(tx: Transaction, event: Event[chat.MessagePosted]) -> None:
    data = event.data
    if data.thread == "public" and data.count is not None:
        count = data.count
        await hear(tx, data.order_id, lambda order, _: settling.message_posted(order, data.author_kind, count))


async def _on_read(tx: Transaction, event: Event[chat.ConversationRead]) -> None:
    data = event.data
    await hear(tx, data.order_id, lambda order, _: settling.conversation_read(order, data.reader_kind, data.seen))


async def lock_orders(tx: Transaction, batch: Sequence[Event[Any]]) -> None:
    """Lock and read all orders that a batch of events is about, in one query."""
    order_ids = {event.data.order_id for event in batch if getattr(event.data, "order_id", None) is not None}
    await store.lock(tx, order_ids)


SUBSCRIPTIONS = [
    Subscribe(booking.PlacesHeld, _on_held),
    Subscribe(booking.PlacesUnavailable, _on_unavailable),
    Subscribe(booking.HoldExpired, _on_hold_expired),
    Subscribe(booking.ReservationConfirmed, _on_confirmed),
    Subscribe(booking.ReservationStarted, _on_started),
    Subscribe(booking.ReservationEnded, _on_ended),
    Subscribe(booking.ReservationRescheduled, _on_rescheduled),
    Subscribe(booking.OccurrencesCancelled, _on_occurrences_cancelled),
    Subscribe(booking.PassAttached, _on_attached),
    Subscribe(booking.PassWithdrawn, _on_withdrawn),
    Subscribe(payments.InvoiceIssued, _invoice("issued")),
    Subscribe(payments.InvoiceActivated, _invoice("activated")),
    Subscribe(payments.InvoicePaid, _invoice("paid")),
    Subscribe(payments.InvoiceCancelled, _on_invoice_cancelled),
    Subscribe(payments.PaymentLinkCreated, _on_link_created),
    Subscribe(payments.PaymentCancelled, _payment_ended("cancelled")),
    Subscribe(payments.PaymentFailed, _payment_ended("failed")),
    Subscribe(payments.PaymentSucceeded, _on_paid),
    Subscribe(payments.RefundRequested, _on_refund_requested),
    Subscribe(payments.RefundRejected, _on_refund_rejected),
    Subscribe(payments.RefundStarted, _on_refund_started),
    Subscribe(payments.RefundSucceeded, _on_refunded),
    Subscribe(payments.RefundFailed, _on_refund_failed),
    Subscribe(payments.SettlementPosted, _on_costs),
    Subscribe(chat.MessagePosted, _on_message),
    Subscribe(chat.ConversationRead, _on_read),
]
