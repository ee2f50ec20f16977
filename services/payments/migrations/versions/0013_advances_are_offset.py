"""Orders on account that are done offset the top-ups they took by receipts.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)


def upgrade() -> None:
    op.drop_constraint("closing_receipts_status", "closing_receipts")
    op.create_check_constraint(
        "closing_receipts_status", "closing_receipts", "status IN ('due', 'sent', 'failed', 'void', 'offset')"
    )
    op.create_index(
        "closing_receipts_failed", "closing_receipts", ["payment_id"], postgresql_where=sa.text("status = 'failed'")
    )
    op.create_table(
        "advance_offsets",
        sa.Column("id", ID, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("payment_id", ID, sa.ForeignKey("payments.id"), nullable=False),
        sa.Column("top_up_id", ID, sa.ForeignKey("payments.id"), nullable=False),
        sa.Column("refund_id", ID, sa.ForeignKey("refunds.id")),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("receipt", JSONB, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("provider_receipt_id", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("failure", sa.Text),
        sa.Column("next_at", sa.DateTime(timezone=True)),
        sa.Column("caused_by", sa.Text),
        sa.Column("traceparent", sa.Text),
        sa.CheckConstraint("amount > 0", name="advance_offsets_amount"),
        sa.CheckConstraint("kind IN ('offset', 'return')", name="advance_offsets_kind"),
        sa.CheckConstraint("(kind = 'return') = (refund_id IS NOT NULL)", name="advance_offsets_of_a_refund"),
        sa.CheckConstraint("status IN ('due', 'sent', 'failed')", name="advance_offsets_status"),
        sa.CheckConstraint("(status = 'due') = (next_at IS NOT NULL)", name="advance_offsets_looked_after"),
    )
    for column in ("payment_id", "top_up_id"):
        op.create_index(f"ix_advance_offsets_{column}", "advance_offsets", [column])
    op.create_index(
        "advance_offsets_once",
        "advance_offsets",
        ["payment_id", "top_up_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'offset'"),
    )
    op.create_index("advance_offsets_returned_once", "advance_offsets", ["refund_id", "top_up_id"], unique=True)
    op.create_index(
        "advance_offsets_due", "advance_offsets", ["next_at"], postgresql_where=sa.text("next_at IS NOT NULL")
    )
    op.create_index("advance_offsets_failed", "advance_offsets", ["id"], postgresql_where=sa.text("status = 'failed'"))
