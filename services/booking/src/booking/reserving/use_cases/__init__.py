"""Places are held, confirmed, moved, expired, released, started and ended."""

from .ending import end_due, expire_due, note_payers, release, start_due
from .giving_up import cancel_occurrences
from .holding import confirm_paid, hold_places, lock_places
from .moving import reschedule

__all__ = [
    "cancel_occurrences",
    "confirm_paid",
    "end_due",
    "expire_due",
    "hold_places",
    "lock_places",
    "note_payers",
    "release",
    "reschedule",
    "start_due",
]
