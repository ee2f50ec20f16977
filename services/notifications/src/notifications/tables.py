"""All tables of the service's database, for its migrations."""

from foyer_chassis.tables import add_chassis_tables

from .feed import tables as feed
from .order_copies import tables as order_copies
from .recipients.tables import metadata
from .telling import tables as telling

assert {feed.feed_entries.metadata, order_copies.order_copies.metadata, telling.deliveries.metadata} == {metadata}
add_chassis_tables(metadata)

__all__ = ["metadata"]
