import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

metadata = sa.MetaData()

offerings = sa.Table(
    "offerings",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("prepaid", sa.Boolean, nullable=False),
    sa.Column("customer_may_cancel", sa.Boolean, nullable=False),
    sa.Column("responsible_ids", ARRAY(UUID(as_uuid=True)), nullable=False),
    sa.Column("resource_ids", ARRAY(UUID(as_uuid=True)), nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)

resource_copies = sa.Table(
    "resource_copies",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("location_name", sa.Text, nullable=False),
    sa.Column("time_zone", sa.Text, nullable=False),
    sa.Column("opening_hours", JSONB, nullable=False),
    sa.Column("closed_days", ARRAY(sa.Date), nullable=False),
    sa.Column("slot_minutes", sa.Integer, nullable=False),
    sa.Column("price_amount", sa.BigInteger, nullable=False),
    sa.Column("price_currency", sa.CHAR(3), nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
)
