"""Hotel stays: asked for, and processed at the reception (A17)."""

from .asking import WantedStay, asked_for, hold_stays
from .desk import add_extras, change_dates, check_in, check_out, move_room, no_show
from .plans import change_extra, change_rate, change_type, create_extra, create_rate, create_type

__all__ = [
    "WantedStay",
    "add_extras",
    "asked_for",
    "change_dates",
    "change_extra",
    "change_rate",
    "change_type",
    "check_in",
    "check_out",
    "create_extra",
    "create_rate",
    "create_type",
    "hold_stays",
    "move_room",
    "no_show",
]
