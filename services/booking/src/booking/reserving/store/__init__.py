"""The only queries for reservations and for what is known of orders."""

from .orders import cancellations_of, note_cancelled, note_paid, note_payers, note_placed, order_copy
from .reservations import (
    carry_out_due,
    latest_locked,
    latest_of,
    lock_places,
    move,
    orders_to_expire,
    page_of_resource,
    set_statuses,
    take,
)

__all__ = [
    "cancellations_of",
    "carry_out_due",
    "latest_locked",
    "latest_of",
    "lock_places",
    "move",
    "note_cancelled",
    "note_paid",
    "note_payers",
    "note_placed",
    "order_copy",
    "orders_to_expire",
    "page_of_resource",
    "set_statuses",
    "take",
]
