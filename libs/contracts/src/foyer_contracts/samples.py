"""One realistic sample of every event: a meeting room booked, paid, and cancelled in the end.

`generate` writes them to `samples/`; producers' tests compare their events with these in shape, consumers' tests
handle every one of them.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from . import booking, chat, notifications, orders, payments
from .envelope import Event, EventData
from .money import Money

NOW = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)


def _id(n: int) -> UUID:
    return UUID(f"019ad9a0-0000-7000-8000-{n:012d}")


ORDER, APPLICANT, OFFERING, RESOURCE, LOCATION, MANAGER = (_id(n) for n in range(1, 7))
RESERVATION, INVOICE, PAYMENT, REFUND, CONVERSATION, MESSAGE, DELIVERY = (_id(n) for n in range(11, 18))
NUMBER = 1006313
PRICE = Money(amount=10000, currency="RUB")
TOTAL = Money(amount=40000, currency="RUB")
NOTHING = Money.zero("RUB")
SYSTEM = orders.Actor(kind="system")
CUSTOMER = orders.Actor(kind="customer", id=APPLICANT)
STARTS = datetime(2026, 12, 2, 10, 0, tzinfo=UTC)
ENDS = STARTS + timedelta(hours=2)
LINES = [orders.Line(title="Переговорная «Нева», 30 минут", quantity=4, unit_price=PRICE, total=TOTAL)]
PLACES = booking.Places(
    resource_id=RESOURCE,
    resource_name="Переговорная «Нева»",
    location_name="Фойе на Литейном",
    time_zone="Europe/Moscow",
    starts_at=STARTS,
    ends_at=ENDS,
)

_DATA: list[tuple[EventData, UUID]] = [
    (
        orders.OrderPlaced(
            order_id=ORDER,
            number=NUMBER,
            kind="slot_booking",
            offering_id=OFFERING,
            offering_title="Переговорная",
            applicant_id=APPLICANT,
            payer_kind="individual",
            prepaid=True,
            responsible_ids=[MANAGER],
            slots=orders.SlotRequest(resource_id=RESOURCE, starts_at=STARTS, ends_at=ENDS),
        ),
        ORDER,
    ),
    (
        orders.OrderPriced(
            order_id=ORDER,
            number=NUMBER,
            applicant_id=APPLICANT,
            payer_kind="individual",
            prepaid=True,
            description="Заказ 1006313: Переговорная «Нева»",
            lines=LINES,
            total=TOTAL,
            pay_until=NOW + timedelta(minutes=15),
        ),
        ORDER,
    ),
    (
        orders.OrderStatusChanged(
            order_id=ORDER,
            number=NUMBER,
            kind="slot_booking",
            offering_title="Переговорная",
            applicant_id=APPLICANT,
            from_status="new",
            to_status="confirmed",
            group="accepted",
            actor=SYSTEM,
        ),
        ORDER,
    ),
    (
        orders.OrderCancelled(
            order_id=ORDER,
            number=NUMBER,
            applicant_id=APPLICANT,
            reason="customer_request",
            paid=TOTAL,
            fee=NOTHING,
            refund=TOTAL,
            actor=CUSTOMER,
        ),
        ORDER,
    ),
    (orders.CustomerChanged(customer_id=APPLICANT, display_name="Анна Иванова", locale="ru"), APPLICANT),
    (
        orders.ContactChanged(
            person_id=APPLICANT,
            display_name="Анна Иванова",
            locale="ru",
            email="anna@example.test",
            phone="+79000000001",
        ),
        APPLICANT,
    ),
    (
        booking.ResourceChanged(
            resource_id=RESOURCE,
            name="Переговорная «Нева»",
            location_id=LOCATION,
            location_name="Фойе на Литейном",
            time_zone="Europe/Moscow",
            opening_hours=[booking.OpeningHours(weekday=day, opens=480, closes=1320) for day in range(7)],
            closed_days=[date(2027, 1, 1)],
            slot_minutes=30,
            price=PRICE,
            active=True,
        ),
        RESOURCE,
    ),
    (
        booking.PlacesHeld(
            order_id=ORDER,
            reservation_id=RESERVATION,
            places=PLACES,
            lines=LINES,
            total=TOTAL,
            expires_at=NOW + timedelta(minutes=15),
        ),
        RESERVATION,
    ),
    (booking.PlacesUnavailable(order_id=ORDER, reason="places_taken"), ORDER),
    (booking.HoldExpired(order_id=ORDER, reservation_id=RESERVATION), RESERVATION),
    (booking.ReservationConfirmed(order_id=ORDER, reservation_id=RESERVATION, places=PLACES), RESERVATION),
    (booking.ReservationStarted(order_id=ORDER, reservation_id=RESERVATION), RESERVATION),
    (booking.ReservationEnded(order_id=ORDER, reservation_id=RESERVATION), RESERVATION),
    (booking.ReservationReleased(order_id=ORDER, reservation_id=RESERVATION, places=PLACES), RESERVATION),
    (
        payments.InvoiceIssued(
            invoice_id=INVOICE,
            number=2001,
            order_id=ORDER,
            applicant_id=APPLICANT,
            total=TOTAL,
            pay_until=NOW + timedelta(minutes=15),
        ),
        INVOICE,
    ),
    (
        payments.InvoicePaid(invoice_id=INVOICE, number=2001, order_id=ORDER, applicant_id=APPLICANT, total=TOTAL),
        INVOICE,
    ),
    (
        payments.InvoiceCancelled(
            invoice_id=INVOICE, number=2001, order_id=ORDER, applicant_id=APPLICANT, reason="hold_expired"
        ),
        INVOICE,
    ),
    (
        payments.PaymentLinkCreated(
            payment_id=PAYMENT,
            invoice_id=INVOICE,
            order_id=ORDER,
            applicant_id=APPLICANT,
            amount=TOTAL,
            url="https://pay.example.test/2f0f1b9e-000f-5000-8000-18db351245c7",
        ),
        PAYMENT,
    ),
    (
        payments.PaymentSucceeded(
            payment_id=PAYMENT,
            invoice_id=INVOICE,
            order_id=ORDER,
            applicant_id=APPLICANT,
            amount=TOTAL,
            paid_total=TOTAL,
            invoice_paid=True,
            provider="yookassa",
            method="bank_card",
            paid_at=NOW + timedelta(minutes=2),
        ),
        PAYMENT,
    ),
    (
        payments.PaymentFailed(
            payment_id=PAYMENT,
            invoice_id=INVOICE,
            order_id=ORDER,
            applicant_id=APPLICANT,
            reason="insufficient_funds",
        ),
        PAYMENT,
    ),
    (
        payments.PaymentCancelled(
            payment_id=PAYMENT,
            invoice_id=INVOICE,
            order_id=ORDER,
            applicant_id=APPLICANT,
            reason="invoice_cancelled",
        ),
        PAYMENT,
    ),
    (
        payments.RefundStarted(
            refund_id=REFUND, payment_id=PAYMENT, order_id=ORDER, applicant_id=APPLICANT, amount=TOTAL
        ),
        REFUND,
    ),
    (
        payments.RefundSucceeded(
            refund_id=REFUND,
            payment_id=PAYMENT,
            order_id=ORDER,
            applicant_id=APPLICANT,
            amount=TOTAL,
            refunded_total=TOTAL,
            pending_total=NOTHING,
        ),
        REFUND,
    ),
    (
        payments.RefundFailed(
            refund_id=REFUND,
            payment_id=PAYMENT,
            order_id=ORDER,
            applicant_id=APPLICANT,
            amount=TOTAL,
            reason="insufficient_funds",
            attempts=8,
        ),
        REFUND,
    ),
    (chat.ConversationOpened(conversation_id=CONVERSATION, order_id=ORDER), CONVERSATION),
    (
        chat.MessagePosted(
            message_id=MESSAGE,
            conversation_id=CONVERSATION,
            order_id=ORDER,
            thread="public",
            author_kind="system",
            applicant_id=APPLICANT,
        ),
        CONVERSATION,
    ),
    (
        notifications.DeliverySent(
            delivery_id=DELIVERY,
            recipient_id=APPLICANT,
            channel="email",
            template="order_confirmed",
            caused_by=str(_id(103)),
        ),
        DELIVERY,
    ),
    (
        notifications.DeliveryFailed(
            delivery_id=DELIVERY,
            recipient_id=APPLICANT,
            channel="push",
            template="order_confirmed",
            caused_by=str(_id(103)),
            reason="UNREGISTERED",
        ),
        DELIVERY,
    ),
]

#: Sample by event type.
SAMPLES: dict[str, Event[Any]] = {
    data.type: Event.make(
        data,
        subject=subject,
        sequence=position,
        time=NOW + timedelta(seconds=position),
        causation_id=str(_id(100 + position - 1)),
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        event_id=_id(100 + position),
    )
    for position, (data, subject) in enumerate(_DATA, start=1)
}
