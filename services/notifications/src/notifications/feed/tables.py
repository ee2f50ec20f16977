import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from ..recipients.tables import metadata

#: `addressee` is `person:<id>` or `role:<name>`. `position` ascends in the order of commits (see `store.add`); entries
#: from before there were positions have none.
POSITIONS = sa.Sequence("feed_positions", metadata=metadata)
feed_entries = sa.Table(
    "feed_entries",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("event_id", UUID(as_uuid=True), nullable=False),
    sa.Column("addressee", sa.Text, nullable=False),
    sa.Column("template", sa.Text, nullable=False),
    sa.Column("facts", JSONB, nullable=False),
    sa.Column("order_id", UUID(as_uuid=True)),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("position", sa.BigInteger, server_default=POSITIONS.next_value()),
    sa.UniqueConstraint("event_id", "addressee", name="feed_entries_once"),
    sa.Index("feed_entries_addressee", "addressee", "id"),
    sa.Index("feed_entries_position", "addressee", "position"),
)

#: How far a person has read: everything up to that entry.
feed_readers = sa.Table(
    "feed_readers",
    metadata,
    sa.Column("person_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("read_through", UUID(as_uuid=True), nullable=False),
)
