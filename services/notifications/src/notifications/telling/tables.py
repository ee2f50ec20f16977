import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from ..recipients.tables import metadata

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("event_id", UUID(as_uuid=True), nullable=False),
    sa.Column("recipient_id", UUID(as_uuid=True), nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("template", sa.Text, nullable=False),
    sa.Column("facts", JSONB, nullable=False),
    sa.Column("order_id", UUID(as_uuid=True)),
    sa.Column("order_sequence", sa.BigInteger),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("reached", ARRAY(UUID(as_uuid=True)), nullable=False),
    sa.Column("waiting_for", sa.Text),
    sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("leased_until", sa.DateTime(timezone=True)),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    sa.Column("traceparent", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
    sa.UniqueConstraint("event_id", "recipient_id", "channel", name="deliveries_once"),
    sa.CheckConstraint("state IN ('queued', 'sent', 'failed', 'skipped')", name="deliveries_state"),
    sa.Index("deliveries_due", "due_at", postgresql_where=sa.text("state = 'queued'")),
    sa.Index("deliveries_recipient", "recipient_id", "id"),
    sa.Index("deliveries_in_turn", "recipient_id", "channel", "id", postgresql_where=sa.text("state = 'queued'")),
    sa.Index("deliveries_sent", "recipient_id", "channel", "finished_at", postgresql_where=sa.text("state = 'sent'")),
    sa.Index("deliveries_order", "order_id", "id"),
    sa.Index("deliveries_state", "state", "id"),
)

#: What a person wants to be told by which channel; what is not here is as their role's settings say, or on.
preferences = sa.Table(
    "preferences",
    metadata,
    sa.Column("person_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("template", sa.Text, primary_key=True),
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("enabled", sa.Boolean, nullable=False),
)

role_preferences = sa.Table(
    "role_preferences",
    metadata,
    sa.Column("role", sa.Text, primary_key=True),
    sa.Column("template", sa.Text, primary_key=True),
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("enabled", sa.Boolean, nullable=False),
)

#: +1 with every change of what a role is told; a role without a row is at 0.
role_versions = sa.Table(
    "role_versions",
    metadata,
    sa.Column("role", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
)

#: Minutes after local midnight; `starts` > `ends` is over midnight.
quiet_hours = sa.Table(
    "quiet_hours",
    metadata,
    sa.Column("person_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("starts", sa.SmallInteger, nullable=False),
    sa.Column("ends", sa.SmallInteger, nullable=False),
    sa.Column("time_zone", sa.Text, nullable=False),
)

#: What is to be told at a time unless it is untrue by then; the row goes when its time has come.
reminders = sa.Table(
    "reminders",
    metadata,
    sa.Column("order_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("about", sa.Text, primary_key=True),
    sa.Column("thing", sa.Text, primary_key=True),
    sa.Column("id", UUID(as_uuid=True), nullable=False),
    sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("facts", JSONB, nullable=False),
    sa.UniqueConstraint("id", name="reminders_id"),
    sa.Index("reminders_due", "due_at"),
)
