"""What can happen to a payment: at a provider (`online`) and without one (`desk`)."""

from .asking import Asked, asked_for, asked_for_all, seller_of
from .desk import mark_paid, note_top_up, take, take_part
from .online import (
    PAYMENTS_PER_INVOICE,
    Due,
    begin,
    beginning,
    cancel_invoice,
    cancel_of,
    cancelled,
    forget_people,
    hint,
    learn,
    refused,
    renew,
    replace_invoice,
    unclear,
)

__all__ = [
    "PAYMENTS_PER_INVOICE",
    "Asked",
    "Due",
    "asked_for",
    "asked_for_all",
    "begin",
    "beginning",
    "cancel_invoice",
    "cancel_of",
    "cancelled",
    "forget_people",
    "hint",
    "learn",
    "mark_paid",
    "note_top_up",
    "refused",
    "renew",
    "replace_invoice",
    "seller_of",
    "take",
    "take_part",
    "unclear",
]
