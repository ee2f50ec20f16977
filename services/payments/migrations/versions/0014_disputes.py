"""Payments that payers dispute with their banks.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)
INSTANT = sa.DateTime(timezone=True)
KINDS = (
    "'payment', 'refund', 'refund_reversal', 'dispute', 'dispute_reversal', 'top_up', 'top_up_reversal', 'settlement'"
)


def upgrade() -> None:
    op.add_column("payments", sa.Column("disputed", sa.BigInteger, nullable=False, server_default="0"))
    op.create_check_constraint(
        "payments_undisputed_cap", "payments", "disputed >= 0 AND refund_reserved + disputed <= coalesce(received, 0)"
    )
    op.add_column("order_accounts", sa.Column("disputed", sa.BigInteger, nullable=False, server_default="0"))
    op.create_check_constraint(
        "order_accounts_undisputed_cap",
        "order_accounts",
        "disputed >= 0 AND refunded + pending_refund + disputed <= paid",
    )
    op.drop_constraint("ledger_transactions_kind", "ledger_transactions")
    op.create_check_constraint("ledger_transactions_kind", "ledger_transactions", f"kind IN ({KINDS})")
    op.create_table(
        "disputes",
        sa.Column("id", ID, primary_key=True),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("payment_id", ID, sa.ForeignKey("payments.id")),
        sa.Column("order_id", ID),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger),
        sa.Column("currency", sa.CHAR(3)),
        sa.Column("held", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("withdrawn", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("withdrawals", sa.Integer, nullable=False, server_default="0"),
        sa.Column("reason", sa.Text),
        sa.Column("respond_by", INSTANT),
        sa.Column("next_at", INSTANT),
        sa.Column("noted_at", INSTANT, nullable=False),
        sa.Column("closed_at", INSTANT),
        sa.Column("caused_by", sa.Text),
        sa.Column("traceparent", sa.Text),
        sa.UniqueConstraint("provider", "number", name="disputes_once"),
        sa.CheckConstraint(
            "status IN ('noted', 'inquiry', 'open', 'inquiry_closed', 'won', 'lost')", name="disputes_status"
        ),
        sa.CheckConstraint("(status = 'noted') = (payment_id IS NULL)", name="disputes_of_a_payment"),
        sa.CheckConstraint("(payment_id IS NULL) = (amount IS NULL)", name="disputes_amount"),
        sa.CheckConstraint(
            "status NOT IN ('noted', 'inquiry', 'open') OR next_at IS NOT NULL", name="disputes_looked_after"
        ),
        sa.CheckConstraint("held >= 0", name="disputes_held"),
    )
    for column in ("payment_id", "order_id"):
        op.create_index(f"ix_disputes_{column}", "disputes", [column])
    op.create_index("disputes_due", "disputes", ["next_at"], postgresql_where=sa.text("next_at IS NOT NULL"))
    op.create_index("disputes_by_status", "disputes", ["status", "id"])
