"""Every event there is, in one list."""

from typing import Any

from . import booking, chat, notifications, orders, payments
from .envelope import Event, EventData

EVENTS: tuple[type[EventData], ...] = (
    orders.OrderPlaced,
    orders.OrderPriced,
    orders.OrderStatusChanged,
    orders.OrderCancelled,
    orders.OrderAssigned,
    orders.OrderDeadlineChanged,
    orders.OrderOverdue,
    orders.OrderReturned,
    orders.OrderCompleted,
    orders.OrderRated,
    orders.OrderChanged,
    orders.DraftCreated,
    orders.DraftDiscarded,
    orders.OfferingChanged,
    orders.CustomerChanged,
    orders.ContactChanged,
    booking.ResourceChanged,
    booking.PlacesHeld,
    booking.PlacesUnavailable,
    booking.HoldExpired,
    booking.ReservationConfirmed,
    booking.ReservationStarted,
    booking.ReservationEnded,
    booking.ReservationReleased,
    booking.ReservationRescheduled,
    booking.ReservationNoShow,
    booking.LocationChanged,
    booking.TicketIssued,
    booking.TicketChanged,
    booking.StayChanged,
    booking.PassIssued,
    booking.PassCodeIssued,
    booking.PassActivated,
    booking.PassAttached,
    booking.PassWithdrawn,
    booking.ClassBooked,
    booking.ClassCancelled,
    booking.ClassChanged,
    booking.OfferMade,
    booking.OfferExpired,
    booking.OfferTaken,
    booking.OccurrencesCancelled,
    payments.InvoiceIssued,
    payments.InvoiceActivated,
    payments.InvoicePaid,
    payments.InvoiceCancelled,
    payments.PaymentLinkCreated,
    payments.PaymentSucceeded,
    payments.PaymentFailed,
    payments.PaymentCancelled,
    payments.RefundStarted,
    payments.RefundSucceeded,
    payments.RefundFailed,
    payments.RefundRequested,
    payments.RefundRejected,
    payments.AccountDebited,
    payments.AccountInsufficient,
    payments.AccountToppedUp,
    payments.SettlementPosted,
    chat.ConversationOpened,
    chat.MessagePosted,
    chat.ConversationRead,
    chat.DialogOpened,
    chat.DialogPosted,
    chat.DialogConverted,
    notifications.DeliverySent,
    notifications.DeliveryFailed,
)

BY_TYPE: dict[str, type[EventData]] = {data.type: data for data in EVENTS}


def envelope_of(data: type[EventData]) -> type[Event[Any]]:
    """The concrete envelope model of an event, as it is read from the wire and described in its schema."""
    return Event[data]  # type: ignore[valid-type]
