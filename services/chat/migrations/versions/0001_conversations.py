"""Conversations, messages, who read what; the chassis's tables."""

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
        "conversations",
        sa.Column("id", UUID(as_uuid=True), primary_key=True),
        sa.Column("order_id", UUID(as_uuid=True), nullable=False, unique=True),
        sa.Column("applicant_id", UUID(as_uuid=True), nullable=False),
        sa.Column("number", sa.BigInteger),
        sa.Column("responsible_ids", ARRAY(UUID(as_uuid=True))),
        sa.Column("last_position", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_table(
        "messages",
        sa.Column("conversation_id", UUID(as_uuid=True), sa.ForeignKey("conversations.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("id", UUID(as_uuid=True), nullable=False, unique=True),
        sa.Column("thread", sa.Text, nullable=False),
        sa.Column("author_kind", sa.Text, nullable=False),
        sa.Column("author_id", UUID(as_uuid=True)),
        sa.Column("author_name", sa.Text),
        sa.Column("text", sa.Text),
        sa.Column("template", sa.Text),
        sa.Column("facts", JSONB, nullable=False),
        sa.Column("event_id", UUID(as_uuid=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("event_id", name="messages_once_per_event"),
        sa.CheckConstraint("thread IN ('public', 'internal')", name="messages_thread"),
        sa.CheckConstraint("(text IS NULL) <> (template IS NULL)", name="messages_text_or_template"),
    )
    op.create_index("messages_thread_position", "messages", ["conversation_id", "thread", "position"])
    op.create_table(
        "reads",
        sa.Column("conversation_id", UUID(as_uuid=True), sa.ForeignKey("conversations.id"), primary_key=True),
        sa.Column("person_id", UUID(as_uuid=True), primary_key=True),
        sa.Column("thread", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
    )
    create_chassis_tables()
