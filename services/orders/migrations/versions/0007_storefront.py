"""Orders of guests."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)


def upgrade() -> None:
    op.create_table(
        "storefront_orders",
        sa.Column("order_id", ID, sa.ForeignKey("orders.id", name="storefront_orders_order"), primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("nonce", sa.LargeBinary, nullable=False),
        sa.Column("token_digest", sa.LargeBinary, nullable=False),
        sa.Column("email_digest", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("number", name="storefront_orders_number"),
    )
    op.create_index("storefront_orders_by_email", "storefront_orders", ["email_digest", "created_at"])
