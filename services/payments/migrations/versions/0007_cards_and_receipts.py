"""Saved cards, receipts that close prepayments, and customers' own lists.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    for table in ("payments", "refunds", "customer_refund_requests"):
        op.create_index(f"{table}_of_applicant", table, ["applicant_id", "id"])
    op.create_table(
        "saved_cards",
        sa.Column("id", ID, primary_key=True),
        sa.Column("customer_id", ID, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("saved_at", INSTANT, nullable=False),
        sa.UniqueConstraint("customer_id", "provider", "title", name="saved_cards_once"),
    )
    op.create_index("ix_saved_cards_customer_id", "saved_cards", ["customer_id"])
    op.create_table(
        "closing_receipts",
        sa.Column("payment_id", ID, sa.ForeignKey("payments.id"), primary_key=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("provider_receipt_id", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("failure", sa.Text),
        sa.Column("next_at", INSTANT),
        sa.Column("caused_by", sa.Text),
        sa.Column("traceparent", sa.Text),
        sa.CheckConstraint("status IN ('due', 'sent', 'failed', 'void')", name="closing_receipts_status"),
        sa.CheckConstraint("(status = 'due') = (next_at IS NOT NULL)", name="closing_receipts_looked_after"),
    )
    op.create_index(
        "closing_receipts_due", "closing_receipts", ["next_at"], postgresql_where=sa.text("next_at IS NOT NULL")
    )
