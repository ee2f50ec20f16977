"""Visitors, memberships and classes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, UUID

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)
INSTANT = sa.DateTime(timezone=True)
SEARCH = "lower(name) || ' ' || regexp_replace(coalesce(phone, ''), '[^0-9]', '', 'g') || ' ' || coalesce(barcode, '')"


def upgrade() -> None:
    _visitors()
    _memberships()
    _classes()


def _visitors() -> None:
    op.create_table(
        "visitors",
        sa.Column("id", ID, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("phone", sa.Text),
        sa.Column("barcode", sa.Text),
        sa.Column("customer_id", ID),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("search", sa.Text, sa.Computed(SEARCH, persisted=True)),
        sa.UniqueConstraint("barcode", name="visitors_barcode"),
    )
    op.create_index(
        "visitors_search", "visitors", ["search"], postgresql_using="gin", postgresql_ops={"search": "gin_trgm_ops"}
    )
    op.create_index(
        "visitors_by_customer", "visitors", ["customer_id"], postgresql_where=sa.text("customer_id IS NOT NULL")
    )


def _memberships() -> None:
    op.execute(sa.schema.CreateSequence(sa.Sequence("pass_numbers", start=880_001)))
    op.create_table(
        "groups", sa.Column("id", ID, primary_key=True), sa.Column("title", sa.Text, nullable=False, unique=True)
    )
    op.create_table(
        "membership_types",
        sa.Column("id", ID, primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("permanent", sa.Boolean, nullable=False),
        sa.Column("visits", sa.Integer),
        sa.Column("valid_days", sa.Integer),
        sa.Column("group_ids", ARRAY(ID), nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_table(
        "pass_orders",
        sa.Column("order_id", ID, primary_key=True),
        sa.Column("type_id", ID, nullable=False),
        sa.Column("buyer_id", ID, nullable=False),
        sa.Column("paid_amount", sa.BigInteger, nullable=False, server_default="0"),
    )
    op.create_table(
        "passes",
        sa.Column("id", ID, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False, unique=True),
        sa.Column("type_id", ID, sa.ForeignKey("membership_types.id"), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("order_id", ID),
        sa.Column("buyer_id", ID, nullable=False),
        sa.Column("code_key", sa.Text, nullable=False),
        sa.Column("code_hash", sa.LargeBinary, nullable=False),
        sa.Column("guesses", sa.SmallInteger, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("visits_left", sa.Integer),
        sa.Column("valid_days", sa.Integer),
        sa.Column("group_ids", ARRAY(ID), nullable=False),
        sa.Column("visitor_id", ID, sa.ForeignKey("visitors.id")),
        sa.Column("valid_from", INSTANT),
        sa.Column("valid_until", INSTANT),
        sa.Column("frozen_until", INSTANT),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.UniqueConstraint("order_id", name="passes_one_per_order"),
        sa.CheckConstraint("visits_left >= 0", name="passes_visits"),
        sa.CheckConstraint("(status = 'attached') <= (visitor_id IS NOT NULL)", name="passes_attached_to_somebody"),
    )
    op.create_index("passes_by_code", "passes", ["code_key"], postgresql_where=sa.text("status = 'issued'"))
    op.create_index(
        "passes_unattached", "passes", ["id"], postgresql_where=sa.text("status IN ('issued', 'activated')")
    )
    op.create_index("passes_of_visitor", "passes", ["visitor_id"], postgresql_where=sa.text("visitor_id IS NOT NULL"))
    op.create_index("passes_of_buyer", "passes", ["buyer_id", "id"])
    op.create_table(
        "code_guesses",
        sa.Column("id", ID, primary_key=True),
        sa.Column("caller_id", ID, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
    )
    op.create_index("code_guesses_by_caller", "code_guesses", ["caller_id", "at"])


def _classes() -> None:
    op.create_table(
        "classes",
        sa.Column("id", ID, primary_key=True),
        sa.Column("group_id", ID, sa.ForeignKey("groups.id"), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("capacity", sa.Integer, nullable=False),
        sa.Column("cancelled", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.CheckConstraint("capacity BETWEEN 1 AND 10000", name="classes_capacity"),
        sa.CheckConstraint("ends_at > starts_at", name="classes_time"),
    )
    op.create_index("classes_by_start", "classes", ["starts_at", "id"])
    op.create_table(
        "class_bookings",
        sa.Column("id", ID, primary_key=True),
        sa.Column("class_id", ID, sa.ForeignKey("classes.id"), nullable=False),
        sa.Column("visitor_id", ID, sa.ForeignKey("visitors.id"), nullable=False),
        sa.Column("pass_id", ID, sa.ForeignKey("passes.id")),
        sa.Column("seat", sa.Integer, nullable=False),
        sa.Column("cancelled_reason", sa.Text),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
    )
    taken = sa.text("cancelled_reason IS NULL")
    op.create_index("class_bookings_seat", "class_bookings", ["class_id", "seat"], unique=True, postgresql_where=taken)
    op.create_index(
        "class_bookings_once", "class_bookings", ["class_id", "visitor_id"], unique=True, postgresql_where=taken
    )
    op.create_index("class_bookings_of_pass", "class_bookings", ["pass_id"], postgresql_where=taken)
