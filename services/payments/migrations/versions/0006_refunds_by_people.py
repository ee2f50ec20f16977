"""Refunds by position, and customers' requests for refunds.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "refund_positions",
        sa.Column("id", ID, primary_key=True),
        sa.Column("ask_id", ID, nullable=False),
        sa.Column("order_id", ID, sa.ForeignKey("order_accounts.order_id"), nullable=False),
        sa.Column("invoice_id", ID, sa.ForeignKey("invoices.id"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("unit_price", sa.BigInteger, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.CheckConstraint("amount > 0 AND total >= 0", name="refund_positions_amounts"),
    )
    op.create_index("ix_refund_positions_ask_id", "refund_positions", ["ask_id"])
    op.create_index("ix_refund_positions_order_id", "refund_positions", ["order_id"])
    op.create_table(
        "customer_refund_requests",
        sa.Column("id", ID, primary_key=True),
        sa.Column("order_id", ID, sa.ForeignKey("order_accounts.order_id"), nullable=False),
        sa.Column("order_number", sa.BigInteger, nullable=False),
        sa.Column("applicant_id", ID, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("answer", sa.Text),
        sa.Column("requested_at", INSTANT, nullable=False),
        sa.Column("answered_at", INSTANT),
        sa.Column("answered_by", ID),
        sa.Column("version", sa.Integer, nullable=False),
        sa.CheckConstraint("amount > 0", name="customer_refund_requests_amount"),
        sa.CheckConstraint("status IN ('requested', 'processed', 'rejected')", name="customer_refund_requests_status"),
    )
    op.create_index("ix_customer_refund_requests_order_id", "customer_refund_requests", ["order_id"])
    op.create_index(
        "customer_refund_requests_once",
        "customer_refund_requests",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('requested', 'rejected')"),
    )
