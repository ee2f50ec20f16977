"""The catalogue's only queries."""

from .categories import (
    categories_page,
    category_by_id,
    category_in_use,
    category_stays,
    delete_category,
    save_category,
)
from .copies import location, save_location, save_resource
from .items import add_item, currencies, goods_items, import_items, item_locked, items_page, save_item
from .offerings import find_for_order, offering_at, offering_by_id, offerings_at, offerings_page, save_offering
from .search import Cursor, Found, Wanted, search_offerings

__all__ = [
    "Cursor",
    "Found",
    "Wanted",
    "add_item",
    "categories_page",
    "category_by_id",
    "category_in_use",
    "category_stays",
    "currencies",
    "delete_category",
    "find_for_order",
    "goods_items",
    "import_items",
    "item_locked",
    "items_page",
    "location",
    "offering_at",
    "offering_by_id",
    "offerings_at",
    "offerings_page",
    "save_category",
    "save_item",
    "save_location",
    "save_offering",
    "save_resource",
    "search_offerings",
]
