import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE, UUID, ExcludeConstraint

from ..resources.tables import metadata

ID = UUID(as_uuid=True)
INSTANT = sa.DateTime(timezone=True)

ticket_numbers = sa.Sequence("ticket_numbers", start=5_001, metadata=metadata)
stay_numbers = sa.Sequence("stay_numbers", start=7_001, metadata=metadata)

groups = sa.Table(
    "lodging_groups",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("location_id", ID, sa.ForeignKey("locations.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("hold_ttl_seconds", sa.Integer),
    sa.Column("no_show_minutes", sa.Integer),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.CheckConstraint("kind IN ('ticket', 'stay')", name="lodging_groups_kind"),
    sa.Index("lodging_groups_by_location", "location_id", "kind"),
)

units = sa.Table(
    "lodging_units",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("group_id", ID, sa.ForeignKey("lodging_groups.id"), nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("zone", sa.Text),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("blocked", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("overbooked", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.UniqueConstraint("group_id", "label", name="lodging_units_label"),
    sa.Index("lodging_units_in_order", "group_id", "position", "id"),
)

lodgings = sa.Table(
    "lodgings",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("order_id", ID, nullable=False),
    sa.Column("group_id", ID, sa.ForeignKey("lodging_groups.id"), nullable=False),
    sa.Column("applicant_id", ID, nullable=False),
    sa.Column("visitor_name", sa.Text, nullable=False),
    sa.Column("visitor_id", ID),
    sa.Column("tariff_id", ID, nullable=False),
    sa.Column("tariff", sa.Text, nullable=False),
    sa.Column("starts_at", INSTANT, nullable=False),
    sa.Column("ends_at", INSTANT, nullable=False),
    sa.Column("quantity", sa.Integer, nullable=False),
    sa.Column("items", JSONB, nullable=False),
    sa.Column("currency", sa.CHAR(3), nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("expires_at", INSTANT),
    sa.Column("rooms", sa.Integer, nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("unit_id", ID, sa.ForeignKey("lodging_units.id")),
    sa.Column("zone", sa.Text),
    sa.Column("arrival", sa.Date),
    sa.Column("departure", sa.Date),
    sa.Column("adults", sa.Integer),
    sa.Column("children", sa.Integer),
    sa.Column("checked_in_at", INSTANT),
    sa.Column("checked_out_at", INSTANT),
    sa.Column("blocked", sa.Boolean, nullable=False),
    sa.Column("no_show_at", INSTANT),
    sa.Column("no_show_due_at", INSTANT),
    sa.Column("terms", JSONB, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", INSTANT, nullable=False),
    sa.UniqueConstraint("order_id", name="lodgings_one_per_order"),
    sa.UniqueConstraint("kind", "number", name="lodgings_number"),
    sa.UniqueConstraint("code", name="lodgings_code"),
    sa.CheckConstraint("ends_at > starts_at", name="lodgings_time"),
    sa.CheckConstraint("quantity > 0 AND rooms > 0", name="lodgings_quantity"),
    sa.Index("lodgings_of_group", "group_id", "starts_at", "id"),
    # Those that touch a day, however many there were before.
    sa.Index("lodgings_during", "group_id", sa.text("tstzrange(starts_at, ends_at)"), postgresql_using="gist"),
    sa.Index("lodgings_due_expiry", "expires_at", postgresql_where=sa.text("status = 'held'")),
    sa.Index("lodgings_due_start", "starts_at", postgresql_where=sa.text("status = 'confirmed'")),
    sa.Index("lodgings_due_end", "ends_at", postgresql_where=sa.text("status = 'active'")),
    sa.Index("lodgings_due_no_show", "no_show_due_at", postgresql_where=sa.text("status IN ('confirmed', 'active')")),
)

_OPEN = sa.text("status = 'open'")

#: What is kept for who asked for it, before there is an order.
offers = sa.Table(
    "lodging_offers",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("applicant_id", ID, nullable=False),
    sa.Column("group_id", ID, sa.ForeignKey("lodging_groups.id"), nullable=False),
    sa.Column("tariff_id", ID, nullable=False),
    sa.Column("starts_at", INSTANT, nullable=False),
    sa.Column("ends_at", INSTANT, nullable=False),
    sa.Column("quantity", sa.Integer, nullable=False),
    sa.Column("rooms", sa.Integer, nullable=False),
    sa.Column("unit_id", ID, sa.ForeignKey("lodging_units.id")),
    sa.Column("zone", sa.Text),
    sa.Column("arrival", sa.Date),
    sa.Column("departure", sa.Date),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("created_at", INSTANT, nullable=False),
    sa.Column("expires_at", INSTANT, nullable=False),
    sa.Column("order_id", ID),
    sa.Column("version", sa.Integer, nullable=False),
    sa.CheckConstraint("ends_at > starts_at", name="lodging_offers_time"),
    sa.CheckConstraint("quantity > 0 AND rooms > 0", name="lodging_offers_quantity"),
    sa.CheckConstraint("status IN ('declined', 'expired', 'open', 'taken')", name="lodging_offers_status"),
    sa.Index("lodging_offers_due", "expires_at", postgresql_where=_OPEN),
    sa.Index("lodging_offers_open_of_applicant", "applicant_id", "id", postgresql_where=_OPEN),
    sa.Index("lodging_offers_open_of_group", "group_id", postgresql_where=_OPEN),
)

#: Which unit a lodging or an offer takes when. Inactive: a lodging did once, and the unit is free again; what an offer
#: took and gave back leaves nothing.
claims = sa.Table(
    "lodging_claims",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("lodging_id", ID, sa.ForeignKey("lodgings.id")),
    sa.Column("offer_id", ID, sa.ForeignKey("lodging_offers.id")),
    sa.Column("unit_id", ID, sa.ForeignKey("lodging_units.id"), nullable=False),
    sa.Column("during", TSTZRANGE, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    ExcludeConstraint(
        ("unit_id", "="), ("during", "&&"), where=sa.text("active"), using="gist", name="lodging_claims_no_two_overlap"
    ),
    sa.CheckConstraint("NOT isempty(during)", name="lodging_claims_during"),
    sa.CheckConstraint("(lodging_id IS NULL) <> (offer_id IS NULL)", name="lodging_claims_owner"),
    sa.Index("lodging_claims_of_lodging", "lodging_id"),
    sa.Index("lodging_claims_of_offer", "offer_id", postgresql_where=sa.text("offer_id IS NOT NULL")),
)
