"""The lists' only queries: `query` reads pages, counts and exports of orders, `search` goes about a text search,
`views` keeps filters under names."""

from .query import MOST_COUNTED, Count, Query
from .views import count_views, delete_view, save_view, view_locked, views_of
from .vocabulary import forget_nobodys

__all__ = [
    "MOST_COUNTED",
    "Count",
    "Query",
    "count_views",
    "delete_view",
    "forget_nobodys",
    "save_view",
    "view_locked",
    "views_of",
]
