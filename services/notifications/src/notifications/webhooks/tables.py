import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, UUID

from ..recipients.tables import metadata

webhook_endpoints = sa.Table(
    "webhook_endpoints",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("types", ARRAY(sa.Text), nullable=False),
    sa.Column("secret", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("owner_id", UUID(as_uuid=True), nullable=False),
    sa.Column("failing_since", sa.DateTime(timezone=True)),
    sa.Column("disabled_reason", sa.Text),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)

webhook_messages = sa.Table(
    "webhook_messages",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column(
        "endpoint_id", UUID(as_uuid=True), sa.ForeignKey("webhook_endpoints.id", ondelete="CASCADE"), nullable=False
    ),
    sa.Column("event_id", UUID(as_uuid=True), nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("leased_until", sa.DateTime(timezone=True)),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    sa.Column("traceparent", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
    # Persons whom it is about; `erased`: one of them is, and it goes as soon as it is over.
    sa.Column("people", ARRAY(UUID(as_uuid=True)), nullable=False, server_default="{}"),
    sa.Column("erased", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.UniqueConstraint("endpoint_id", "event_id", name="webhook_messages_once"),
    sa.CheckConstraint("state IN ('queued', 'sent', 'failed')", name="webhook_messages_state"),
    sa.Index("webhook_messages_due", "due_at", postgresql_where=sa.text("state = 'queued'")),
    sa.Index("webhook_messages_endpoint", "endpoint_id", "id"),
    sa.Index("webhook_messages_people", "people", postgresql_using="gin"),
)

webhook_attempts = sa.Table(
    "webhook_attempts",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column(
        "message_id", UUID(as_uuid=True), sa.ForeignKey("webhook_messages.id", ondelete="CASCADE"), nullable=False
    ),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("error", sa.Text),
    sa.Column("milliseconds", sa.Integer, nullable=False),
    sa.Index("webhook_attempts_message", "message_id", "id"),
)
