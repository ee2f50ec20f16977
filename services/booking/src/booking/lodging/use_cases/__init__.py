"""One function per thing that can happen to what all lodgings have in common."""

from .life import (
    confirm_paid,
    end_due,
    end_now,
    expire_due,
    give_up,
    hold,
    hold_until,
    move_unit,
    need,
    no_show_due_now,
    opened,
    release,
    retake,
    retime,
    start_due,
)
from .plans import add_unit, change_group, change_unit, create_group, must_process, visible_group
from .telling import lines_of, places_of, publish_changed, publish_rescheduled

__all__ = [
    "add_unit",
    "change_group",
    "change_unit",
    "confirm_paid",
    "create_group",
    "end_due",
    "end_now",
    "expire_due",
    "give_up",
    "hold",
    "hold_until",
    "lines_of",
    "move_unit",
    "must_process",
    "need",
    "no_show_due_now",
    "opened",
    "places_of",
    "publish_changed",
    "publish_rescheduled",
    "release",
    "retake",
    "retime",
    "start_due",
    "visible_group",
]
