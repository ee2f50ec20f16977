"""What went back of a membership's money; money that is told of before its order."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pass_orders", sa.Column("refunded_amount", sa.BigInteger, nullable=False, server_default="0"))
    op.alter_column("pass_orders", "type_id", nullable=True)
    op.alter_column("pass_orders", "buyer_id", nullable=True)
