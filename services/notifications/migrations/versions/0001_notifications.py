"""Recipients, devices, copies of orders, deliveries, the feed; the chassis's tables."""

import sqlalchemy as sa
from alembic import op
from foyer_chassis.migrations import create_chassis_tables
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "recipients",
        sa.Column("person_id", UUID(as_uuid=True), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("locale", sa.Text, nullable=False),
        sa.Column("email", sa.Text),
        sa.Column("phone", sa.Text),
        sa.Column("profile_sequence", sa.BigInteger, nullable=False),
        sa.Column("contact_sequence", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "devices",
        sa.Column("id", UUID(as_uuid=True), primary_key=True),
        sa.Column("token", sa.Text, nullable=False, unique=True),
        sa.Column("person_id", UUID(as_uuid=True), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("devices_person_id", "devices", ["person_id", "registered_at"])
    op.create_table(
        "order_copies",
        sa.Column("order_id", UUID(as_uuid=True), primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("status_group", sa.Text),
        sa.Column("paid", sa.Boolean, nullable=False),
        sa.Column("facts", JSONB, nullable=False),
        sa.Column("places", JSONB),
        sa.Column("reservation_id", UUID(as_uuid=True)),
        sa.Column("reservation_sequence", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "feed_entries",
        sa.Column("id", UUID(as_uuid=True), primary_key=True),
        sa.Column("event_id", UUID(as_uuid=True), nullable=False),
        sa.Column("addressee", sa.Text, nullable=False),
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("facts", JSONB, nullable=False),
        sa.Column("order_id", UUID(as_uuid=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("event_id", "addressee", name="feed_entries_once"),
    )
    op.create_index("feed_entries_addressee", "feed_entries", ["addressee", "id"])
    op.create_table(
        "feed_readers",
        sa.Column("person_id", UUID(as_uuid=True), primary_key=True),
        sa.Column("read_through", UUID(as_uuid=True), nullable=False),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", UUID(as_uuid=True), primary_key=True),
        sa.Column("event_id", UUID(as_uuid=True), nullable=False),
        sa.Column("recipient_id", UUID(as_uuid=True), nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("facts", JSONB, nullable=False),
        sa.Column("order_id", UUID(as_uuid=True), nullable=False),
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
    )
    op.create_index("deliveries_due", "deliveries", ["due_at"], postgresql_where=sa.text("state = 'queued'"))
    op.create_index("deliveries_recipient", "deliveries", ["recipient_id", "id"])
    op.create_index("deliveries_order", "deliveries", ["order_id", "id"])
    op.create_index("deliveries_state", "deliveries", ["state", "id"])
    create_chassis_tables()
