"""What can happen to a refund: promised (`promising`), learned about (`learning`), decided by staff (`staff`)."""

from .learning import hint, learn, learn_again, look_later, missed, recheck_later, renew_key
from .promising import Ask, cancel_invoice, hand_out, request
from .staff import ChangedPosition, Wish, give_back, retry, settle_otherwise

__all__ = [
    "Ask",
    "ChangedPosition",
    "Wish",
    "cancel_invoice",
    "give_back",
    "hand_out",
    "hint",
    "learn",
    "learn_again",
    "look_later",
    "missed",
    "recheck_later",
    "renew_key",
    "request",
    "retry",
    "settle_otherwise",
]
