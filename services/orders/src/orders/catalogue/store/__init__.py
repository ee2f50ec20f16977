"""The catalogue's only queries."""

from .copies import location, save_location, save_resource
from .items import goods_items
from .offerings import find_for_order, offering_at, offering_by_id, offerings_at, offerings_page, save_offering

__all__ = [
    "find_for_order",
    "goods_items",
    "location",
    "offering_at",
    "offering_by_id",
    "offerings_at",
    "offerings_page",
    "save_location",
    "save_offering",
    "save_resource",
]
