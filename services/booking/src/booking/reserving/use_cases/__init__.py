"""Places are held, confirmed, moved, expired, released, started and ended."""

from .ending import end_due, expire_due, note_payers, release, start_due
from .giving_up import cancel_occurrences
from .holding import confirm_paid, hold_places, lock_places
from .moving import SeriesPlan, SeriesWish, preview_move, reschedule, reschedule_occurrences

__all__ = [
    "SeriesPlan",
    "SeriesWish",
    "cancel_occurrences",
    "confirm_paid",
    "end_due",
    "expire_due",
    "hold_places",
    "lock_places",
    "note_payers",
    "preview_move",
    "release",
    "reschedule",
    "reschedule_occurrences",
    "start_due",
]
