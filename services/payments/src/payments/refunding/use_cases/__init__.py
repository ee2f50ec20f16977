"""What can happen to a refund: promised and learned about (`promising`), and decided by staff (`staff`)."""

from .promising import (
    Ask,
    cancel_invoice,
    hand_out,
    hint,
    learn,
    look_later,
    missed,
    renew_key,
    request,
    retry,
    settle_otherwise,
)
from .staff import ChangedPosition, Wish, give_back

__all__ = [
    "Ask",
    "ChangedPosition",
    "Wish",
    "cancel_invoice",
    "give_back",
    "hand_out",
    "hint",
    "learn",
    "look_later",
    "missed",
    "renew_key",
    "request",
    "retry",
    "settle_otherwise",
]
