"""Dialogs before orders, read marks of both sides, who is assigned, events that overtake their order."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COUNTS = (
    "public_customer",
    "public_staff",
    "public_system",
    "internal_staff",
    "internal_system",
    "customer_read",
    "staff_read",
    "customer_seen",
    "staff_seen",
)


def upgrade() -> None:
    op.alter_column("conversations", "order_id", nullable=True)
    op.add_column("conversations", sa.Column("kind", sa.Text))
    op.add_column("conversations", sa.Column("assignee_id", UUID(as_uuid=True)))
    op.add_column("conversations", sa.Column("assignee_sequence", sa.BigInteger, nullable=False, server_default="-1"))
    op.add_column(
        "conversations", sa.Column("location_ids", ARRAY(UUID(as_uuid=True)), nullable=False, server_default="{}")
    )
    op.add_column("conversations", sa.Column("offering_id", UUID(as_uuid=True)))
    op.add_column("conversations", sa.Column("offering_title", sa.Text))
    op.add_column("conversations", sa.Column("applicant_name", sa.Text))
    for name in COUNTS:
        op.add_column("conversations", sa.Column(name, sa.Integer, nullable=False, server_default="0"))
    op.create_index(
        "conversations_one_dialog",
        "conversations",
        ["applicant_id", "offering_id"],
        unique=True,
        postgresql_where=sa.text("order_id IS NULL"),
    )
    op.create_index(
        "conversations_dialogs_of_kind", "conversations", ["kind", "id"], postgresql_where=sa.text("order_id IS NULL")
    )
    op.create_index("conversations_applicant", "conversations", ["applicant_id", "id"])
    op.add_column("messages", sa.Column("count", sa.Integer, nullable=False, server_default="1"))
    op.create_index("messages_author", "messages", ["author_id"], postgresql_where=sa.text("author_id IS NOT NULL"))
    op.create_table(
        "early_events",
        sa.Column("event_id", UUID(as_uuid=True), primary_key=True),
        sa.Column("order_id", UUID(as_uuid=True), nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("body", JSONB, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("early_events_order", "early_events", ["order_id"])
    op.create_table(
        "locations",
        sa.Column("location_id", UUID(as_uuid=True), primary_key=True),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "offerings",
        sa.Column("offering_id", UUID(as_uuid=True), primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("dialog_before_order", sa.Boolean, nullable=False),
        sa.Column("responsible_ids", ARRAY(UUID(as_uuid=True)), nullable=False),
        sa.Column("location_ids", ARRAY(UUID(as_uuid=True)), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "drafts",
        sa.Column("draft_id", UUID(as_uuid=True), primary_key=True),
        sa.Column("conversation_id", UUID(as_uuid=True), nullable=False),
        sa.Column("live", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("drafts_one_live", "drafts", ["conversation_id"], unique=True, postgresql_where=sa.text("live"))
    _count_what_is_there()


def _count_what_is_there() -> None:
    op.execute("""
        UPDATE messages SET count = counted.count FROM (
            SELECT conversation_id, position,
                   row_number() OVER (PARTITION BY conversation_id, thread, author_kind ORDER BY position) AS count
            FROM messages
        ) AS counted
        WHERE (counted.conversation_id, counted.position) = (messages.conversation_id, messages.position)
    """)
    op.execute("""
        UPDATE conversations SET
            public_customer = counted.public_customer, public_staff = counted.public_staff,
            public_system = counted.public_system, internal_staff = counted.internal_staff,
            internal_system = counted.internal_system
        FROM (
            SELECT conversation_id,
                   count(*) FILTER (WHERE thread = 'public' AND author_kind = 'customer') AS public_customer,
                   count(*) FILTER (WHERE thread = 'public' AND author_kind = 'staff') AS public_staff,
                   count(*) FILTER (WHERE thread = 'public' AND author_kind = 'system') AS public_system,
                   count(*) FILTER (WHERE thread = 'internal' AND author_kind = 'staff') AS internal_staff,
                   count(*) FILTER (WHERE thread = 'internal' AND author_kind = 'system') AS internal_system
            FROM messages GROUP BY conversation_id
        ) AS counted WHERE counted.conversation_id = conversations.id
    """)
    op.execute("""
        UPDATE conversations SET customer_read = marks.customer, staff_read = marks.staff
        FROM (
            SELECT id, coalesce(max(position) FILTER (WHERE person_id = applicant_id), 0) AS customer,
                   coalesce(max(position) FILTER (WHERE person_id <> applicant_id), 0) AS staff
            FROM conversations JOIN reads ON conversation_id = id WHERE thread = 'public' GROUP BY id
        ) AS marks WHERE marks.id = conversations.id
    """)
    op.execute("""
        UPDATE conversations SET
            customer_seen = (SELECT count(*) FROM messages WHERE conversation_id = conversations.id
                AND thread = 'public' AND author_kind = 'staff' AND position <= customer_read),
            staff_seen = (SELECT count(*) FROM messages WHERE conversation_id = conversations.id
                AND thread = 'public' AND author_kind = 'customer' AND position <= staff_read)
        WHERE customer_read > 0 OR staff_read > 0
    """)
