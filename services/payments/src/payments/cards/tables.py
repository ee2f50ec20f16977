import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from ..accounting.tables import metadata

__all__ = ["forgotten_cards", "metadata", "saved_cards"]

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

#: Cards that their provider is still to be told to forget; then the row goes. `next_at` as in payments; none: after all
#: attempts, for a person to look at.
forgotten_cards = sa.Table(
    "forgotten_cards",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("token", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("failure", sa.Text),
    sa.Column("next_at", sa.DateTime(timezone=True)),
    sa.Column("forgotten_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("caused_by", sa.Text),
    sa.Column("traceparent", sa.Text),
    sa.Index("forgotten_cards_due", "next_at", postgresql_where=sa.text("next_at IS NOT NULL")),
)
