import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from ..resources.tables import metadata

#: Scans that devices gave an id of their own, so that one that is sent again is known.
scans = sa.Table(
    "ticket_scans",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("ticket_id", UUID(as_uuid=True), sa.ForeignKey("lodgings.id"), nullable=False),
    sa.Column("verb", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("verb IN ('check_in', 'check_out')", name="ticket_scans_verb"),
)

tariffs = sa.Table(
    "coworking_tariffs",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("space_id", UUID(as_uuid=True), sa.ForeignKey("lodging_groups.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("price_amount", sa.BigInteger, nullable=False),
    sa.Column("price_currency", sa.CHAR(3), nullable=False),
    sa.Column("fixed", sa.Boolean, nullable=False),
    sa.Column("zone", sa.Text),
    sa.Column("most", sa.Integer, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.CheckConstraint("price_amount >= 0", name="coworking_tariffs_price"),
    sa.CheckConstraint("unit IN ('hour', 'day', 'week', 'month')", name="coworking_tariffs_unit"),
    sa.Index("coworking_tariffs_of_space", "space_id", "id"),
)
