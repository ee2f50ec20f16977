"""What can happen to a payment: at a provider (`online`) and without one (`desk`)."""

from .desk import mark_paid, note_top_up, take, take_part
from .online import (
    PAYMENTS_PER_INVOICE,
    Due,
    begin,
    cancel_invoice,
    cancel_of,
    hint,
    learn,
    refused,
    renew,
    replace_invoice,
    unclear,
)

__all__ = [
    "PAYMENTS_PER_INVOICE",
    "Due",
    "begin",
    "cancel_invoice",
    "cancel_of",
    "hint",
    "learn",
    "mark_paid",
    "note_top_up",
    "refused",
    "renew",
    "replace_invoice",
    "take",
    "take_part",
    "unclear",
]
