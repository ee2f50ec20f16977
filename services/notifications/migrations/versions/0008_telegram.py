"""Chats with the Telegram bot."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "telegram_chats",
        sa.Column("person_id", UUID(as_uuid=True), primary_key=True),
        sa.Column("chat_id", sa.BigInteger, nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("chat_id", name="telegram_chats_chat"),
    )
    op.create_table(
        "telegram_links",
        sa.Column("person_id", UUID(as_uuid=True), primary_key=True),
        sa.Column("token_hash", sa.Text, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("token_hash", name="telegram_links_token"),
    )
