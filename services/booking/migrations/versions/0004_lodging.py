"""Coworking: spaces with numbered places, tariffs and tickets. Units, lodgings and claims serve rooms and stays too."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE, UUID

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _groups()
    _lodgings()
    _claims()
    _tariffs()


def _groups() -> None:
    op.execute(sa.schema.CreateSequence(sa.Sequence("ticket_numbers", start=5_001)))
    op.execute(sa.schema.CreateSequence(sa.Sequence("stay_numbers", start=7_001)))
    op.create_table(
        "lodging_groups",
        sa.Column("id", ID, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("location_id", ID, sa.ForeignKey("locations.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("hold_ttl_seconds", sa.Integer),
        sa.Column("no_show_minutes", sa.Integer),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.CheckConstraint("kind IN ('ticket', 'stay')", name="lodging_groups_kind"),
    )
    op.create_index("lodging_groups_by_location", "lodging_groups", ["location_id", "kind"])
    op.create_table(
        "lodging_units",
        sa.Column("id", ID, primary_key=True),
        sa.Column("group_id", ID, sa.ForeignKey("lodging_groups.id"), nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("zone", sa.Text),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("blocked", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.UniqueConstraint("group_id", "label", name="lodging_units_label"),
    )
    op.create_index("lodging_units_in_order", "lodging_units", ["group_id", "position", "id"])


def _lodgings() -> None:
    op.create_table(
        "lodgings",
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
    )
    op.create_index("lodgings_of_group", "lodgings", ["group_id", "starts_at", "id"])
    for name, column, where in (
        ("lodgings_due_expiry", "expires_at", "status = 'held'"),
        ("lodgings_due_start", "starts_at", "status = 'confirmed'"),
        ("lodgings_due_end", "ends_at", "status = 'active'"),
        ("lodgings_due_no_show", "no_show_due_at", "status IN ('confirmed', 'active')"),
    ):
        op.create_index(name, "lodgings", [column], postgresql_where=sa.text(where))


def _claims() -> None:
    op.create_table(
        "lodging_claims",
        sa.Column("id", ID, primary_key=True),
        sa.Column("lodging_id", ID, sa.ForeignKey("lodgings.id"), nullable=False),
        sa.Column("unit_id", ID, sa.ForeignKey("lodging_units.id"), nullable=False),
        sa.Column("during", TSTZRANGE, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.CheckConstraint("NOT isempty(during)", name="lodging_claims_during"),
    )
    op.create_exclude_constraint(
        "lodging_claims_no_two_overlap",
        "lodging_claims",
        ("unit_id", "="),
        ("during", "&&"),
        where=sa.text("active"),
        using="gist",
    )
    op.create_index("lodging_claims_of_lodging", "lodging_claims", ["lodging_id"])


def _tariffs() -> None:
    op.create_table(
        "coworking_tariffs",
        sa.Column("id", ID, primary_key=True),
        sa.Column("space_id", ID, sa.ForeignKey("lodging_groups.id"), nullable=False),
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
    )
    op.create_index("coworking_tariffs_of_space", "coworking_tariffs", ["space_id", "id"])
