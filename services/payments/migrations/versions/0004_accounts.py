"""Balances of customers, and what orders were charged to them.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)


def upgrade() -> None:
    op.create_table(
        "customer_accounts",
        sa.Column("customer_id", ID, primary_key=True),
        sa.Column("currency", sa.CHAR(3), primary_key=True),
        sa.Column("balance", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("credit_limit", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("version", sa.Integer, nullable=False, server_default="1"),
        sa.CheckConstraint("credit_limit >= 0", name="customer_accounts_credit_limit"),
    )
    op.create_table(
        "account_charges",
        sa.Column("order_id", ID, sa.ForeignKey("order_accounts.order_id"), primary_key=True),
        sa.Column("charged", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("waiting", sa.Boolean, nullable=False, server_default="false"),
        sa.CheckConstraint("charged >= 0", name="account_charges_charged"),
    )
