"""Offers of the waiting list that are over."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "offers_over",
        sa.Column("offer_id", UUID(as_uuid=True), primary_key=True),
        sa.Column("how", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("how IN ('taken', 'ended')", name="offers_over_how"),
        sa.Index("offers_over_at", "at"),
    )
