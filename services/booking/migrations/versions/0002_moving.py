"""Who pays for an order: an individual's booking moves to as many slots as were paid (A14)."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("order_copies", sa.Column("payer_kind", sa.Text))
    op.add_column("order_copies", sa.Column("payer_sequence", sa.Integer, nullable=False, server_default="0"))
