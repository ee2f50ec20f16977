"""Who waits for a time that is taken, and what they were offered."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)
INSTANT = sa.DateTime(timezone=True)
LIVE = sa.text("status IN ('offered', 'waiting')")
OPEN = sa.text("status = 'open'")


def upgrade() -> None:
    op.create_table(
        "waiting_entries",
        sa.Column("id", ID, primary_key=True),
        sa.Column("applicant_id", ID, nullable=False),
        sa.Column("resource_id", ID, sa.ForeignKey("resources.id"), nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.CheckConstraint("ends_at > starts_at", name="waiting_entries_time"),
        sa.CheckConstraint("quantity > 0", name="waiting_entries_quantity"),
        sa.CheckConstraint(
            "status IN ('left', 'missed', 'offered', 'taken', 'waiting')", name="waiting_entries_status"
        ),
    )
    op.create_index(
        "waiting_entries_once",
        "waiting_entries",
        ["applicant_id", "resource_id", "starts_at", "ends_at"],
        unique=True,
        postgresql_where=LIVE,
    )
    op.create_index("waiting_entries_in_order", "waiting_entries", ["resource_id", "id"], postgresql_where=LIVE)
    op.create_index("waiting_entries_of_applicant", "waiting_entries", ["applicant_id", "id"])
    op.create_table(
        "waiting_offers",
        sa.Column("id", ID, primary_key=True),
        sa.Column("entry_id", ID, sa.ForeignKey("waiting_entries.id"), nullable=False),
        sa.Column("applicant_id", ID, nullable=False),
        sa.Column("resource_id", ID, nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("order_id", ID),
        sa.Column("version", sa.Integer, nullable=False),
        sa.CheckConstraint("status IN ('declined', 'expired', 'open', 'taken')", name="waiting_offers_status"),
    )
    op.create_index("waiting_offers_one_open", "waiting_offers", ["entry_id"], unique=True, postgresql_where=OPEN)
    op.create_index("waiting_offers_of_entry", "waiting_offers", ["entry_id"])
    op.create_index("waiting_offers_due", "waiting_offers", ["expires_at"], postgresql_where=OPEN)
