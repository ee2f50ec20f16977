"""Classes are scheduled, booked with a visit of a membership, and freed."""

from .passes import attach_and_book, freeze_pass, issue_paid, note_orders, note_refunds, orders_over, withdraw_pass
from .places import book, cancel_booking, look
from .scheduling import cancel_class, save_class

__all__ = [
    "attach_and_book",
    "book",
    "cancel_booking",
    "cancel_class",
    "freeze_pass",
    "issue_paid",
    "look",
    "note_orders",
    "note_refunds",
    "orders_over",
    "save_class",
    "withdraw_pass",
]
