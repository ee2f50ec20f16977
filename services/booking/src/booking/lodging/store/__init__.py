"""The only queries of workplaces, rooms, tickets and stays."""

from .claims import claim, claimed_units, free_list, free_units, retime, taken_nights, unclaim
from .lodgings import add, by_code, by_id, by_number, by_orders, carry_out_due, new_code, next_number, page, save
from .plans import (
    LabelTakenError,
    count_units,
    groups_by_id,
    groups_page,
    save_group,
    save_unit,
    unit_by_id,
    units_by_id,
    units_of,
    units_page,
)

__all__ = [
    "LabelTakenError",
    "add",
    "by_code",
    "by_id",
    "by_number",
    "by_orders",
    "carry_out_due",
    "claim",
    "claimed_units",
    "count_units",
    "free_list",
    "free_units",
    "groups_by_id",
    "groups_page",
    "new_code",
    "next_number",
    "page",
    "retime",
    "save",
    "save_group",
    "save_unit",
    "taken_nights",
    "unclaim",
    "unit_by_id",
    "units_by_id",
    "units_of",
    "units_page",
]
