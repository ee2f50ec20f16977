"""One function per thing that can happen to the catalogue."""

from .categories import change_category, create_category, delete_category
from .items import add_item, change_item, import_items, visible_offering
from .offerings import change_offering, create_offering

__all__ = [
    "add_item",
    "change_category",
    "change_item",
    "change_offering",
    "create_category",
    "create_offering",
    "delete_category",
    "import_items",
    "visible_offering",
]
