import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from ..accounting.tables import metadata

__all__ = ["metadata", "saved_cards"]

#: Cards that a provider keeps: its token and how people recognise the card. No card data is ever here.
saved_cards = sa.Table(
    "saved_cards",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("customer_id", UUID(as_uuid=True), nullable=False, index=True),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("token", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("customer_id", "provider", "title", name="saved_cards_once"),
)
