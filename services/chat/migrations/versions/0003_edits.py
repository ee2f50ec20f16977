"""Edited and deleted messages with what they said before; ready-made texts; what a person wrote lately."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("changed_version", sa.Integer, nullable=False, server_default="0"))
    op.add_column("messages", sa.Column("edited_at", sa.DateTime(timezone=True)))
    op.add_column("messages", sa.Column("deleted_at", sa.DateTime(timezone=True)))
    op.create_index(
        "messages_author_lately",
        "messages",
        ["author_id", "created_at"],
        postgresql_where=sa.text("author_id IS NOT NULL"),
    )
    op.create_index(
        "messages_changed",
        "messages",
        ["conversation_id", "changed_version"],
        postgresql_where=sa.text("changed_version > 0"),
    )
    op.create_table(
        "message_edits",
        sa.Column("message_id", UUID(as_uuid=True), primary_key=True),
        sa.Column("edited_at", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("author_id", UUID(as_uuid=True), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_index("message_edits_author", "message_edits", ["author_id"])
    op.create_table(
        "templates",
        sa.Column("id", UUID(as_uuid=True), primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
