"""A refund that was done may come back: it is looked at again, and the ledger takes it back.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

KINDS = "'payment', 'refund', 'refund_reversal', 'top_up', 'top_up_reversal', 'settlement'"


def upgrade() -> None:
    op.add_column("refunds", sa.Column("recheck_at", sa.DateTime(timezone=True)))
    op.add_column("refunds", sa.Column("bounces", sa.Integer, nullable=False, server_default="0"))
    op.create_check_constraint(
        "refunds_rechecked",
        "refunds",
        "recheck_at IS NULL OR (status = 'succeeded' AND provider_refund_id IS NOT NULL)",
    )
    op.create_index("refunds_to_recheck", "refunds", ["recheck_at"], postgresql_where=sa.text("recheck_at IS NOT NULL"))
    op.execute(
        "UPDATE refunds SET recheck_at = now() WHERE provider = 'stripe' AND status = 'succeeded' "
        "AND provider_refund_id IS NOT NULL AND finished_at > now() - interval '30 days'"
    )
    # The previous release knows no second time and books each thing once, as before.
    op.add_column("ledger_transactions", sa.Column("occurrence", sa.Integer, nullable=False, server_default="1"))
    op.create_unique_constraint(
        "ledger_transactions_once_each", "ledger_transactions", ["kind", "reference_id", "occurrence"]
    )
    op.drop_constraint("ledger_transactions_once", "ledger_transactions")
    op.drop_constraint("ledger_transactions_kind", "ledger_transactions")
    op.create_check_constraint("ledger_transactions_kind", "ledger_transactions", f"kind IN ({KINDS})")
