import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from ..resources.tables import metadata

ID = UUID(as_uuid=True)

room_types = sa.Table(
    "hotel_room_types",
    metadata,
    sa.Column("group_id", ID, sa.ForeignKey("lodging_groups.id"), primary_key=True),
    sa.Column("check_in", sa.Integer, nullable=False),
    sa.Column("check_out", sa.Integer, nullable=False),
    sa.Column("adults", sa.Integer, nullable=False),
    sa.Column("guests", sa.Integer, nullable=False),
    sa.Column("overbooking", sa.Integer, nullable=False, server_default="0"),
    # A night ends before the next one begins.
    sa.CheckConstraint("0 <= check_out AND check_out <= check_in AND check_in < 1440", name="hotel_room_types_times"),
    sa.CheckConstraint("1 <= adults AND adults <= guests", name="hotel_room_types_guests"),
    sa.CheckConstraint("overbooking >= 0", name="hotel_room_types_overbooking"),
)

rates = sa.Table(
    "hotel_rates",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("type_id", ID, sa.ForeignKey("lodging_groups.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("price_amount", sa.BigInteger, nullable=False),
    sa.Column("price_currency", sa.CHAR(3), nullable=False),
    sa.Column("least_nights", sa.Integer, nullable=False),
    sa.Column("included_adults", sa.Integer, nullable=False),
    sa.Column("extra_adult", sa.BigInteger, nullable=False),
    sa.Column("child", sa.BigInteger, nullable=False),
    sa.Column("seasons", JSONB, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.CheckConstraint("price_amount >= 0 AND extra_adult >= 0 AND child >= 0", name="hotel_rates_price"),
    sa.Index("hotel_rates_of_type", "type_id", "id"),
)

extras = sa.Table(
    "hotel_extras",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("location_id", ID, sa.ForeignKey("locations.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("price_amount", sa.BigInteger, nullable=False),
    sa.Column("price_currency", sa.CHAR(3), nullable=False),
    sa.Column("basis", sa.Text, nullable=False),
    sa.Column("timed", sa.Text, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.CheckConstraint("price_amount >= 0", name="hotel_extras_price"),
    sa.Index("hotel_extras_of_location", "location_id", "id"),
)
