"""What orders brought and cost.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)


def upgrade() -> None:
    op.add_column("payments", sa.Column("acquiring", sa.BigInteger))
    # Whatever money there is was never settled; an account that nothing has moved yet is at version 1.
    op.add_column("order_accounts", sa.Column("settled_version", sa.Integer, nullable=False, server_default="1"))
    op.create_index(
        "order_accounts_to_settle",
        "order_accounts",
        ["order_id"],
        postgresql_where=sa.text("settled_version < version"),
    )
    op.create_table(
        "settlements",
        sa.Column("order_id", ID, sa.ForeignKey("order_accounts.order_id"), primary_key=True),
        sa.Column("order_number", sa.BigInteger, nullable=False),
        sa.Column("legal_entity_id", ID),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("gross", sa.BigInteger, nullable=False),
        sa.Column("acquiring", JSONB, nullable=False),
        sa.Column("commission", sa.BigInteger, nullable=False),
        sa.Column("commission_percent", sa.Numeric(5, 2), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_table(
        "settlement_changes",
        sa.Column("id", ID, primary_key=True),
        sa.Column("order_id", ID, sa.ForeignKey("order_accounts.order_id"), nullable=False),
        sa.Column("order_number", sa.BigInteger, nullable=False),
        sa.Column("legal_entity_id", ID),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("gross", sa.BigInteger, nullable=False),
        sa.Column("acquiring", sa.BigInteger, nullable=False),
        sa.Column("commission", sa.BigInteger, nullable=False),
        sa.Column("net", sa.BigInteger, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("net = gross - acquiring - commission", name="settlement_changes_net"),
    )
    op.create_index("ix_settlement_changes_order_id", "settlement_changes", ["order_id"])
    op.create_index("settlement_changes_by_time", "settlement_changes", ["at"])
