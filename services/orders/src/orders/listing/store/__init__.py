"""The lists' only queries: `query` is what is asked for, `pages` reads it, `counting` tells how many there are,
`search` goes about a text search, `views` keeps filters under names."""

from .counting import Count, counts
from .pages import page, read_page, rows, unread_page
from .query import Query
from .views import count_views, delete_view, save_view, view_locked, views_of
from .vocabulary import forget_nobodys

__all__ = [
    "Count",
    "Query",
    "count_views",
    "counts",
    "delete_view",
    "forget_nobodys",
    "page",
    "read_page",
    "rows",
    "save_view",
    "unread_page",
    "view_locked",
    "views_of",
]
