"""What can happen to a payment: at a provider (`online`) and without one (`desk`)."""

from .asking import Asked, asked_for, seller_of
from .desk import mark_paid, note_top_up, take, take_part
from .online import (
    PAYMENTS_PER_INVOICE,
    Due,
    begin,
    cancel_invoice,
    cancel_of,
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
    "begin",
    "cancel_invoice",
    "cancel_of",
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
