"""Bookings that recur: all times of one, those that are left and those that were given up."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reservations", sa.Column("occurrences", JSONB))
    op.create_index(
        "reservations_recurring",
        "reservations",
        ["resource_id"],
        postgresql_where=sa.text("occurrences IS NOT NULL"),
    )
