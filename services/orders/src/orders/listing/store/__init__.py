"""The lists' only queries: `query` reads pages, counts and exports of orders, `views` keeps filters under names."""

from .query import MOST_COUNTED, Count, Query
from .views import count_views, delete_view, save_view, view_locked, views_of

__all__ = [
    "MOST_COUNTED",
    "Count",
    "Query",
    "count_views",
    "delete_view",
    "save_view",
    "view_locked",
    "views_of",
]
