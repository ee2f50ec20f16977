import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from ..catalogue.tables import metadata

#: Orders of guests: what opens them, and whose email they came from, both as digests.
storefront_orders = sa.Table(
    "storefront_orders",
    metadata,
    sa.Column(
        "order_id",
        UUID(as_uuid=True),
        sa.ForeignKey("orders.id", name="storefront_orders_order"),
        primary_key=True,
    ),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("nonce", sa.LargeBinary, nullable=False),
    sa.Column("token_digest", sa.LargeBinary, nullable=False),
    sa.Column("email_digest", sa.LargeBinary, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("number", name="storefront_orders_number"),
    sa.Index("storefront_orders_by_email", "email_digest", "created_at"),
)
