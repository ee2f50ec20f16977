"""One realistic sample of every event: a meeting room booked, paid, and cancelled in the end; a request for repair,
from the dialog before it to its rating; an order of goods on account.

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
REQUEST, REQUEST_OFFERING, TECHNICIAN, DIALOG, DRAFT, CHANGE, TOP_UP, REFUND_REQUEST = (_id(n) for n in range(21, 29))
GOODS = _id(31)
TICKET, STAY, SPACE, ROOM_TYPE, PASS, MEMBERSHIP_TYPE, VISITOR, GROUP, CLASS, CLASS_BOOKING, OFFER = (
    _id(n) for n in range(41, 52)
)
GUEST = orders.Visitor(name="Анна Иванова", id=VISITOR)
NUMBER = 1006313
PRICE = Money(amount=10000, currency="RUB")
TOTAL = Money(amount=40000, currency="RUB")
NOTHING = Money.zero("RUB")
SYSTEM = orders.Actor(kind="system")
CUSTOMER = orders.Actor(kind="customer", id=APPLICANT)
STAFF = orders.Actor(kind="staff", id=MANAGER)
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

TICKET_PLACES = PLACES.model_copy(
    update={
        "resource_id": SPACE,
        "resource_name": "Открытое пространство",
        "kind": "ticket",
        "number": 5012,
        "place": "A-14",
        "tariff": "День",
        "visitor": GUEST,
    }
)
STAY_PLACES = PLACES.model_copy(
    update={
        "resource_id": ROOM_TYPE,
        "resource_name": "Стандарт",
        "kind": "stay",
        "number": 7003,
        "place": "301",
        "tariff": "Завтрак включён",
        "visitor": GUEST,
        "nights": 2,
        "adults": 2,
        "children": 0,
    }
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
            terms="prepaid",
            location_id=LOCATION,
            actor=CUSTOMER,
            slots=orders.SlotRequest(resource_id=RESOURCE, starts_at=STARTS, ends_at=ENDS),
            cancellation=[
                orders.CancellationStep(hours_before=48, fee_percent=20),
                orders.CancellationStep(hours_before=24, fee_percent=50),
            ],
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
            terms="prepaid",
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
            title=orders.StatusTitle(ru="Подтверждён", en="Confirmed"),
            responsible_ids=[MANAGER],
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
            number=1,
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
            next_steps=["retry", "settle-otherwise"],
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
    (
        orders.OrderAssigned(
            order_id=REQUEST,
            number=NUMBER + 1,
            kind="premises_request",
            offering_title="Вызов сантехника",
            applicant_id=APPLICANT,
            assignee_id=TECHNICIAN,
            previous_assignee_id=None,
            responsible_ids=[MANAGER, TECHNICIAN],
            actor=STAFF,
        ),
        REQUEST,
    ),
    (
        orders.OrderDeadlineChanged(
            order_id=REQUEST,
            number=NUMBER + 1,
            kind="premises_request",
            applicant_id=APPLICANT,
            assignee_id=TECHNICIAN,
            respond_by=NOW + timedelta(hours=1),
            complete_by=NOW + timedelta(days=2),
            actor=STAFF,
        ),
        REQUEST,
    ),
    (
        orders.OrderOverdue(
            order_id=REQUEST,
            number=NUMBER + 1,
            kind="premises_request",
            offering_title="Вызов сантехника",
            applicant_id=APPLICANT,
            assignee_id=TECHNICIAN,
            responsible_ids=[MANAGER, TECHNICIAN],
            deadline="response",
            due_at=NOW + timedelta(hours=1),
        ),
        REQUEST,
    ),
    (
        orders.OrderReturned(
            order_id=REQUEST,
            number=NUMBER + 1,
            kind="premises_request",
            offering_title="Вызов сантехника",
            applicant_id=APPLICANT,
            assignee_id=TECHNICIAN,
            responsible_ids=[MANAGER, TECHNICIAN],
            note="Кран всё ещё течёт",
        ),
        REQUEST,
    ),
    (
        orders.OrderCompleted(
            order_id=REQUEST,
            number=NUMBER + 1,
            kind="premises_request",
            offering_id=REQUEST_OFFERING,
            offering_title="Вызов сантехника",
            applicant_id=APPLICANT,
            assignee_id=TECHNICIAN,
            reason="auto_close",
            actor=SYSTEM,
        ),
        REQUEST,
    ),
    (
        orders.OrderRated(
            order_id=REQUEST,
            number=NUMBER + 1,
            offering_id=REQUEST_OFFERING,
            applicant_id=APPLICANT,
            assignee_id=TECHNICIAN,
            rating=5,
            previous_rating=4,
        ),
        REQUEST,
    ),
    (
        orders.OrderChanged(
            order_id=GOODS,
            number=NUMBER + 2,
            kind="goods",
            offering_title="Запчасти",
            applicant_id=APPLICANT,
            change_id=CHANGE,
            changed=["lines"],
            payer_kind="individual",
            extras_as_lines=False,
            lines=[
                orders.Line(
                    title="Масляный фильтр",
                    quantity=2,
                    unit_price=PRICE,
                    total=Money(amount=20000, currency="RUB"),
                )
            ],
            total=Money(amount=20000, currency="RUB"),
            refund=Money(amount=20000, currency="RUB"),
            actor=STAFF,
        ),
        GOODS,
    ),
    (
        orders.DraftCreated(
            draft_id=DRAFT,
            applicant_id=APPLICANT,
            offering_id=REQUEST_OFFERING,
            offering_title="Вызов сантехника",
            conversation_id=DIALOG,
            actor=STAFF,
        ),
        DRAFT,
    ),
    (orders.DraftDiscarded(draft_id=DRAFT, applicant_id=APPLICANT, conversation_id=DIALOG, actor=CUSTOMER), DRAFT),
    (
        orders.OfferingChanged(
            offering_id=REQUEST_OFFERING,
            title="Вызов сантехника",
            kind="premises_request",
            terms="postpaid",
            active=True,
            dialog_before_order=True,
            refunds_allowed=True,
            responsible_ids=[MANAGER, TECHNICIAN],
            location_ids=[LOCATION],
            legal_entity_id=None,
            membership_type_id=None,
        ),
        REQUEST_OFFERING,
    ),
    (
        booking.ReservationRescheduled(
            order_id=ORDER,
            reservation_id=RESERVATION,
            places=PLACES.model_copy(
                update={"starts_at": STARTS + timedelta(hours=3), "ends_at": ENDS + timedelta(hours=3)}
            ),
            previous=PLACES,
            lines=LINES,
            total=TOTAL,
            actor=STAFF,
        ),
        RESERVATION,
    ),
    (
        booking.LocationChanged(
            location_id=LOCATION,
            name="Фойе на Литейном",
            time_zone="Europe/Moscow",
            opening_hours=[booking.OpeningHours(weekday=day, opens=540, closes=1080) for day in range(5)],
            closed_days=[date(2027, 1, 1)],
        ),
        LOCATION,
    ),
    (booking.ReservationNoShow(order_id=ORDER, reservation_id=RESERVATION, released=False), RESERVATION),
    (
        payments.InvoiceActivated(invoice_id=INVOICE, number=2001, order_id=ORDER, applicant_id=APPLICANT, total=TOTAL),
        INVOICE,
    ),
    (
        payments.RefundRequested(request_id=REFUND_REQUEST, order_id=ORDER, applicant_id=APPLICANT, amount=TOTAL),
        REFUND_REQUEST,
    ),
    (
        payments.RefundRejected(
            request_id=REFUND_REQUEST,
            order_id=ORDER,
            applicant_id=APPLICANT,
            amount=TOTAL,
            reason="Услуга оказана полностью",
        ),
        REFUND_REQUEST,
    ),
    (
        payments.AccountDebited(
            customer_id=APPLICANT,
            order_id=GOODS,
            amount=TOTAL,
            balance=Money(amount=-10000, currency="RUB"),
            credit_limit=TOTAL,
        ),
        APPLICANT,
    ),
    (
        payments.AccountInsufficient(
            customer_id=APPLICANT, order_id=GOODS, amount=TOTAL, balance=NOTHING, credit_limit=NOTHING
        ),
        APPLICANT,
    ),
    (
        payments.AccountToppedUp(
            top_up_id=TOP_UP,
            customer_id=APPLICANT,
            invoice_id=INVOICE,
            order_id=None,
            amount=TOTAL,
            balance=TOTAL,
            online=True,
        ),
        APPLICANT,
    ),
    (
        payments.SettlementPosted(
            order_id=ORDER,
            gross=TOTAL,
            acquiring=Money(amount=1120, currency="RUB"),
            commission=Money(amount=4000, currency="RUB"),
            net=Money(amount=34880, currency="RUB"),
            chargebacks=Money.zero("RUB"),
        ),
        ORDER,
    ),
    (
        chat.ConversationRead(
            conversation_id=CONVERSATION, order_id=ORDER, reader_kind="staff", reader_id=MANAGER, seen=3
        ),
        CONVERSATION,
    ),
    (
        chat.DialogOpened(
            conversation_id=DIALOG,
            customer_id=APPLICANT,
            offering_id=REQUEST_OFFERING,
            offering_title="Вызов сантехника",
            responsible_ids=[MANAGER],
        ),
        DIALOG,
    ),
    (
        chat.DialogPosted(
            message_id=MESSAGE,
            conversation_id=DIALOG,
            customer_id=APPLICANT,
            offering_id=REQUEST_OFFERING,
            author_kind="customer",
            author_id=APPLICANT,
            responsible_ids=[MANAGER],
        ),
        DIALOG,
    ),
    (
        chat.DialogConverted(
            conversation_id=DIALOG,
            draft_id=DRAFT,
            customer_id=APPLICANT,
            offering_id=REQUEST_OFFERING,
            operator_id=MANAGER,
        ),
        DIALOG,
    ),
    (
        booking.TicketIssued(
            ticket_id=TICKET,
            number=5012,
            order_id=ORDER,
            applicant_id=APPLICANT,
            reservation_id=RESERVATION,
            visitor=GUEST,
            places=TICKET_PLACES,
        ),
        TICKET,
    ),
    (
        booking.TicketChanged(
            ticket_id=TICKET,
            number=5012,
            order_id=ORDER,
            applicant_id=APPLICANT,
            change="checked_in",
            visitor=GUEST,
            places=TICKET_PLACES,
            actor=STAFF,
        ),
        TICKET,
    ),
    (
        booking.StayChanged(
            stay_id=STAY,
            number=7003,
            order_id=ORDER,
            applicant_id=APPLICANT,
            change="checked_in",
            visitor=GUEST,
            places=STAY_PLACES,
            actor=STAFF,
        ),
        STAY,
    ),
    (
        booking.PassIssued(
            pass_id=PASS,
            number=880021,
            order_id=ORDER,
            buyer_id=APPLICANT,
            membership_type_id=MEMBERSHIP_TYPE,
            title="Йога, 8 занятий",
            visits=8,
            valid_days=60,
        ),
        PASS,
    ),
    (
        booking.PassCodeIssued(
            pass_id=PASS, number=880021, buyer_id=APPLICANT, title="Йога, 8 занятий", code="7KQ2-M4XP-9TRW"
        ),
        PASS,
    ),
    (booking.PassActivated(pass_id=PASS, number=880021, order_id=ORDER, buyer_id=APPLICANT, actor=STAFF), PASS),
    (
        booking.PassAttached(
            pass_id=PASS,
            number=880021,
            order_id=ORDER,
            buyer_id=APPLICANT,
            visitor_id=VISITOR,
            group_ids=[GROUP],
            visits=8,
            valid_from=NOW,
            valid_until=NOW + timedelta(days=60),
        ),
        PASS,
    ),
    (
        booking.PassWithdrawn(
            pass_id=PASS, number=880021, order_id=ORDER, buyer_id=APPLICANT, visitor_id=VISITOR, reason="refunded"
        ),
        PASS,
    ),
    (
        booking.ClassBooked(
            class_booking_id=CLASS_BOOKING,
            class_id=CLASS,
            title="Хатха-йога",
            starts_at=STARTS,
            visitor_id=VISITOR,
            pass_id=PASS,
            left=3,
        ),
        CLASS_BOOKING,
    ),
    (
        booking.ClassCancelled(
            class_booking_id=CLASS_BOOKING,
            class_id=CLASS,
            title="Хатха-йога",
            starts_at=STARTS,
            visitor_id=VISITOR,
            pass_id=PASS,
            reason="visitor_request",
        ),
        CLASS_BOOKING,
    ),
    (
        booking.ClassChanged(
            class_booking_id=CLASS_BOOKING,
            class_id=CLASS,
            title="Хатха-йога",
            changed=["time", "place"],
            now=booking.ClassTime(
                starts_at=STARTS + timedelta(hours=2),
                ends_at=STARTS + timedelta(hours=3),
                location_name="Фойе на Литейном",
                time_zone="Europe/Moscow",
                place="Зал 2",
                trainer="Ольга",
            ),
            previous=booking.ClassTime(
                starts_at=STARTS,
                ends_at=STARTS + timedelta(hours=1),
                location_name="Фойе на Литейном",
                time_zone="Europe/Moscow",
                place="Зал 1",
                trainer="Ольга",
            ),
            visitor_id=VISITOR,
            pass_id=PASS,
            customer_id=APPLICANT,
        ),
        CLASS_BOOKING,
    ),
    (
        booking.OfferMade(
            offer_id=OFFER,
            applicant_id=APPLICANT,
            resource_id=RESOURCE,
            resource_name="Переговорная «Нева»",
            starts_at=STARTS,
            ends_at=ENDS,
            expires_at=NOW + timedelta(minutes=30),
        ),
        OFFER,
    ),
    (
        booking.OfferExpired(offer_id=OFFER, applicant_id=APPLICANT, resource_id=RESOURCE, starts_at=STARTS),
        OFFER,
    ),
    (
        booking.OfferTaken(
            offer_id=OFFER, applicant_id=APPLICANT, order_id=ORDER, resource_id=RESOURCE, starts_at=STARTS
        ),
        OFFER,
    ),
    (
        booking.OccurrencesCancelled(
            order_id=ORDER,
            reservation_id=RESERVATION,
            places=PLACES.model_copy(
                update={
                    "occurrences": 1,
                    "times": [booking.Occurrence(starts_at=STARTS, ends_at=ENDS, price=TOTAL)],
                }
            ),
            cancelled=[
                booking.Occurrence(starts_at=STARTS + timedelta(days=7), ends_at=ENDS + timedelta(days=7), price=TOTAL)
            ],
            lines=LINES,
            total=TOTAL,
            actor=orders.Actor(kind="customer", id=APPLICANT),
        ),
        RESERVATION,
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
