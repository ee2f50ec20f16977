"""All tables of the service's database, for its migrations."""

from foyer_chassis.tables import add_chassis_tables

from .feed import tables as feed
from .order_copies import tables as order_copies
from .recipients.tables import metadata
from .telegram import tables as telegram
from .telling import tables as telling
from .webhooks import tables as webhooks

_TABLES = (
    feed.feed_entries, order_copies.order_copies, telling.deliveries, webhooks.webhook_endpoints,
    telegram.telegram_chats,
)  # fmt: skip
assert {table.metadata for table in _TABLES} == {metadata}
add_chassis_tables(metadata)

__all__ = ["metadata"]
