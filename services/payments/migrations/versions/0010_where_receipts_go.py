"""Customers' own addresses, for their receipts.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("customer_copies", sa.Column("email", sa.Text))
    op.add_column("customer_copies", sa.Column("contact_sequence", sa.Integer, nullable=False, server_default="0"))
