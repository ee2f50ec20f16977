"""Whom a webhook's message is about, so that it is forgotten with them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, UUID

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "webhook_messages", sa.Column("people", ARRAY(UUID(as_uuid=True)), nullable=False, server_default="{}")
    )
    op.add_column("webhook_messages", sa.Column("erased", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_index("webhook_messages_people", "webhook_messages", ["people"], postgresql_using="gin")
