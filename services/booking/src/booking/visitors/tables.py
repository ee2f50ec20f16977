import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from ..resources.tables import metadata

#: How often each member of staff searched, minute by minute.
searches = sa.Table(
    "visitor_searches",
    metadata,
    sa.Column("caller_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("minute", sa.DateTime(timezone=True), primary_key=True),
    sa.Column("searches", sa.Integer, nullable=False),
    sa.Index("visitor_searches_by_minute", "minute"),
)

visitors = sa.Table(
    "visitors",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("phone", sa.Text),
    sa.Column("barcode", sa.Text),
    sa.Column("customer_id", UUID(as_uuid=True)),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column(
        "search",
        sa.Text,
        sa.Computed(
            "lower(name) || ' ' || regexp_replace(coalesce(phone, ''), '[^0-9]', '', 'g') || ' ' "
            "|| coalesce(barcode, '')",
            persisted=True,
        ),
    ),
    sa.UniqueConstraint("barcode", name="visitors_barcode"),
    sa.Index("visitors_search", "search", postgresql_using="gin", postgresql_ops={"search": "gin_trgm_ops"}),
    sa.Index("visitors_by_customer", "customer_id", postgresql_where=sa.text("customer_id IS NOT NULL")),
)
