import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from ..catalogue.tables import metadata

#: What staff say to each other on an order (B10). Nothing of it ever reaches its client.
order_comments = sa.Table(
    "order_comments",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("order_id", UUID(as_uuid=True), sa.ForeignKey("orders.id"), nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("author_id", UUID(as_uuid=True), nullable=False),
    sa.Column("author_name", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Index("order_comments_by_order", "order_id", "id"),
)
