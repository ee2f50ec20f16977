"""Locations, resources, reservations; the chassis's tables."""

import sqlalchemy as sa
from alembic import op
from foyer_chassis.migrations import create_chassis_tables
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSTZRANGE, UUID

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TAKING = "status IN ('active', 'confirmed', 'held')"


def upgrade() -> None:
    op.create_table(
        "locations",
        sa.Column("id", UUID(as_uuid=True), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("opening_hours", JSONB, nullable=False),
        sa.Column("closed_days", ARRAY(sa.Date), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_table(
        "resources",
        sa.Column("id", UUID(as_uuid=True), primary_key=True),
        sa.Column("location_id", UUID(as_uuid=True), sa.ForeignKey("locations.id"), nullable=False),
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
    op.create_index("ix_resources_location_id", "resources", ["location_id"])
    op.create_table(
        "reservations",
        sa.Column("id", UUID(as_uuid=True), primary_key=True),
        sa.Column("order_id", UUID(as_uuid=True), nullable=False),
        sa.Column("resource_id", UUID(as_uuid=True), sa.ForeignKey("resources.id"), nullable=False),
        sa.Column("during", TSTZRANGE, nullable=False),
        sa.Column("slots", sa.Integer, nullable=False),
        sa.Column("price_amount", sa.BigInteger, nullable=False),
        sa.Column("price_currency", sa.CHAR(3), nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("slots > 0", name="reservations_slots"),
    )
    op.create_exclude_constraint(
        "reservations_no_two_overlap",
        "reservations",
        ("resource_id", "="),
        ("during", "&&"),
        where=sa.text(TAKING),
        using="gist",
    )
    op.create_index(
        "reservations_one_per_order", "reservations", ["order_id"], unique=True, postgresql_where=sa.text(TAKING)
    )
    op.create_index("reservations_order_id", "reservations", ["order_id"])
    op.create_index(
        "reservations_due_expiry", "reservations", ["expires_at"], postgresql_where=sa.text("status = 'held'")
    )
    op.create_index(
        "reservations_due_start",
        "reservations",
        [sa.text("lower(during)")],
        postgresql_where=sa.text("status = 'confirmed'"),
    )
    op.create_index(
        "reservations_due_end",
        "reservations",
        [sa.text("upper(during)")],
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_table(
        "order_copies",
        sa.Column("order_id", UUID(as_uuid=True), primary_key=True),
        sa.Column("applicant_id", UUID(as_uuid=True)),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("cancelled_reason", sa.Text),
        sa.Column("paid", sa.Boolean, nullable=False),
    )
    create_chassis_tables()
