"""What orders hears: one line per subscription."""

from collections.abc import Sequence
from typing import Any

from foyer_chassis.consumer import Subscribe
from foyer_chassis.db import Transaction
from foyer_contracts import booking, payments
from foyer_contracts.envelope import Event

from . import domain, store
from .domain import Line, Stage
from .use_cases import hear, places_as_text


async def _on_held(tx: Transaction, event: Event[booking.PlacesHeld]) -> None:
    held = event.data
    lines = tuple(Line(line.title, line.quantity, line.unit_price, line.total) for line in held.lines)
    places = places_as_text(dict(held.places))
    await hear(
        tx,
        held.order_id,
        lambda order: domain.places_held(
            order, lines=lines, total=held.total, pay_until=held.expires_at, places=places
        ),
    )


async def _on_unavailable(tx: Transaction, event: Event[booking.PlacesUnavailable]) -> None:
    data = event.data
    await hear(tx, data.order_id, lambda order: domain.places_unavailable(order, reason=data.reason, late=data.late))


async def _on_hold_expired(tx: Transaction, event: Event[booking.HoldExpired]) -> None:
    await hear(tx, event.data.order_id, domain.hold_expired)


async def _on_confirmed(tx: Transaction, event: Event[booking.ReservationConfirmed]) -> None:
    places = places_as_text(dict(event.data.places))
    await hear(tx, event.data.order_id, lambda order: domain.reservation_advanced(order, Stage.CONFIRMED, places))


async def _on_started(tx: Transaction, event: Event[booking.ReservationStarted]) -> None:
    await hear(tx, event.data.order_id, lambda order: domain.reservation_advanced(order, Stage.STARTED))


async def _on_ended(tx: Transaction, event: Event[booking.ReservationEnded]) -> None:
    await hear(tx, event.data.order_id, lambda order: domain.reservation_advanced(order, Stage.ENDED))


async def _on_invoice_issued(tx: Transaction, event: Event[payments.InvoiceIssued]) -> None:
    await hear(tx, event.data.order_id, lambda order: domain.invoice_issued(order, event.data.number))


async def _on_link_created(tx: Transaction, event: Event[payments.PaymentLinkCreated]) -> None:
    await hear(tx, event.data.order_id, lambda order: domain.link_created(order, event.data.url))


async def _on_payment_cancelled(tx: Transaction, event: Event[payments.PaymentCancelled]) -> None:
    await hear(tx, event.data.order_id, domain.link_gone)


async def _on_payment_failed(tx: Transaction, event: Event[payments.PaymentFailed]) -> None:
    await hear(tx, event.data.order_id, domain.link_gone)


async def _on_paid(tx: Transaction, event: Event[payments.PaymentSucceeded]) -> None:
    await hear(tx, event.data.order_id, lambda order: domain.money_received(order, event.data.amount))


async def _on_refunded(tx: Transaction, event: Event[payments.RefundSucceeded]) -> None:
    await hear(tx, event.data.order_id, lambda order: domain.money_returned(order, event.data.amount))


async def _on_refund_failed(tx: Transaction, event: Event[payments.RefundFailed]) -> None:
    await hear(tx, event.data.order_id, domain.refund_failed)


async def lock_orders(tx: Transaction, events: Sequence[Event[Any]]) -> None:
    """Lock and read all orders that a batch of events is about, in one query."""
    await store.lock(tx, {event.data.order_id for event in events if hasattr(event.data, "order_id")})


SUBSCRIPTIONS = [
    Subscribe(booking.PlacesHeld, _on_held),
    Subscribe(booking.PlacesUnavailable, _on_unavailable),
    Subscribe(booking.HoldExpired, _on_hold_expired),
    Subscribe(booking.ReservationConfirmed, _on_confirmed),
    Subscribe(booking.ReservationStarted, _on_started),
    Subscribe(booking.ReservationEnded, _on_ended),
    Subscribe(payments.InvoiceIssued, _on_invoice_issued),
    Subscribe(payments.PaymentLinkCreated, _on_link_created),
    Subscribe(payments.PaymentCancelled, _on_payment_cancelled),
    Subscribe(payments.PaymentFailed, _on_payment_failed),
    Subscribe(payments.PaymentSucceeded, _on_paid),
    Subscribe(payments.RefundSucceeded, _on_refunded),
    Subscribe(payments.RefundFailed, _on_refund_failed),
]
