import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from ..claiming.tables import metadata

locations = sa.Table(
    "locations",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("time_zone", sa.Text, nullable=False),
    sa.Column("opening_hours", JSONB, nullable=False),
    # All days without hours: entered, special and public holidays. `entered_closed_days` are those that were entered.
    sa.Column("closed_days", ARRAY(sa.Date), nullable=False),
    sa.Column("entered_closed_days", ARRAY(sa.Date)),
    sa.Column("special_days", JSONB, nullable=False, server_default="[]"),
    sa.Column("holidays_country", sa.Text),
    sa.Column("holidays", JSONB, nullable=False, server_default="[]"),
    sa.Column("holidays_until", sa.Date),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("locations_due_holidays", "holidays_until", postgresql_where=sa.text("holidays_country IS NOT NULL")),
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
    sa.Column("min_slots", sa.Integer, nullable=False, server_default="1"),
    sa.Column("max_slots", sa.Integer),
    sa.Column("notice_minutes", sa.Integer, nullable=False, server_default="0"),
    sa.Column("horizon_days", sa.Integer),
    sa.Column("buffer_before_minutes", sa.Integer, nullable=False, server_default="0"),
    sa.Column("buffer_after_minutes", sa.Integer, nullable=False, server_default="0"),
    sa.Column("offer_minutes", sa.Integer, nullable=False, server_default="30"),
    sa.Column("capacity", sa.Integer, nullable=False, server_default="1"),
    sa.Column("version", sa.Integer, nullable=False),
    sa.CheckConstraint("slot_minutes BETWEEN 1 AND 1440", name="resources_slot_minutes"),
    sa.CheckConstraint("capacity > 0", name="resources_capacity"),
    sa.CheckConstraint("price_amount >= 0", name="resources_price_amount"),
)

__all__ = ["locations", "metadata", "resources"]
