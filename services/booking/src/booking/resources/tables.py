import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

metadata = sa.MetaData()

locations = sa.Table(
    "locations",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("time_zone", sa.Text, nullable=False),
    sa.Column("opening_hours", JSONB, nullable=False),
    sa.Column("closed_days", ARRAY(sa.Date), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)

resources = sa.Table(
    "resources",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("location_id", UUID(as_uuid=True), sa.ForeignKey("locations.id"), nullable=False, index=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("slot_minutes", sa.Integer, nullable=False),
    sa.Column("price_amount", sa.BigInteger, nullable=False),
    sa.Column("price_currency", sa.CHAR(3), nullable=False),
    sa.Column("hold_ttl_seconds", sa.Integer),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.CheckConstraint("slot_minutes BETWEEN 1 AND 1440", name="resources_slot_minutes"),
    sa.CheckConstraint("price_amount >= 0", name="resources_price_amount"),
)
