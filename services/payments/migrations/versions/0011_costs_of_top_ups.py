"""What providers keep of top-ups is settled, too.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "payments_of_top_ups_to_settle",
        "payments",
        ["id"],
        postgresql_where=sa.text(
            "order_id IS NULL AND received IS NOT NULL AND acquiring IS NULL AND provider NOT IN ('balance', 'desk')"
        ),
    )
    op.alter_column("settlement_changes", "order_id", nullable=True)
    op.alter_column("settlement_changes", "order_number", nullable=True)
    op.add_column(
        "settlement_changes",
        sa.Column(
            "top_up_id", UUID(as_uuid=True), sa.ForeignKey("payments.id", name="settlement_changes_top_up_id_fkey")
        ),
    )
    op.create_unique_constraint("settlement_changes_top_up_once", "settlement_changes", ["top_up_id"])
    op.create_check_constraint(
        "settlement_changes_of_one_thing", "settlement_changes", "(order_id IS NULL) = (top_up_id IS NOT NULL)"
    )
