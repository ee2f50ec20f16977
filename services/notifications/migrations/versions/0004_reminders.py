"""Reminders."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reminders",
        sa.Column("order_id", UUID(as_uuid=True), primary_key=True),
        sa.Column("about", sa.Text, primary_key=True),
        sa.Column("thing", sa.Text, primary_key=True),
        sa.Column("id", UUID(as_uuid=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("facts", JSONB, nullable=False),
        sa.UniqueConstraint("id", name="reminders_id"),
    )
    op.create_index("reminders_due", "reminders", ["due_at"])
