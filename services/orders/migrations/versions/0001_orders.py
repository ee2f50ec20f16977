"""Offerings, copies of resources, people, orders with their history; the chassis's tables."""

import sqlalchemy as sa
from alembic import op
from foyer_chassis.migrations import create_chassis_tables
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "offerings",
        sa.Column("id", ID, primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("prepaid", sa.Boolean, nullable=False),
        sa.Column("customer_may_cancel", sa.Boolean, nullable=False),
        sa.Column("responsible_ids", ARRAY(ID), nullable=False),
        sa.Column("resource_ids", ARRAY(ID), nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_table(
        "resource_copies",
        sa.Column("id", ID, primary_key=True),
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
    op.create_table(
        "people",
        sa.Column("id", ID, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("locale", sa.Text, nullable=False),
        sa.Column("email", sa.Text),
        sa.Column("phone", sa.Text),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.execute(sa.schema.CreateSequence(sa.Sequence("order_numbers", start=1_000_000, increment=50)))
    op.create_table(
        "orders",
        sa.Column("id", ID, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False, unique=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("offering_id", ID, nullable=False),
        sa.Column("offering_title", sa.Text, nullable=False),
        sa.Column("applicant_id", ID, nullable=False),
        sa.Column("payer_kind", sa.Text, nullable=False),
        sa.Column("prepaid", sa.Boolean, nullable=False),
        sa.Column("customer_may_cancel", sa.Boolean, nullable=False),
        sa.Column("responsible_ids", ARRAY(ID), nullable=False),
        sa.Column("resource_id", ID, nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("comment", sa.Text),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("lines", JSONB, nullable=False, server_default="[]"),
        sa.Column("total_amount", sa.BigInteger),
        sa.Column("pay_until", INSTANT),
        sa.Column("places", JSONB),
        sa.Column("reservation", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column("places_gone", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("paid_amount", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("refund_due_amount", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("refunded_amount", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("refund_failed", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("payment_url", sa.Text),
        sa.Column("invoice_number", sa.BigInteger),
        sa.Column("cancel_reason", sa.Text),
        sa.CheckConstraint("refund_due_amount <= paid_amount", name="orders_refund_within_paid"),
        sa.CheckConstraint("refunded_amount <= refund_due_amount", name="orders_refunded_within_due"),
    )
    op.create_index("orders_by_applicant", "orders", ["applicant_id", "number"])
    op.create_index("orders_by_status", "orders", ["status", "number"])
    op.create_table(
        "order_history",
        sa.Column("order_id", ID, sa.ForeignKey("orders.id"), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("position", sa.SmallInteger, primary_key=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("from_status", sa.Text),
        sa.Column("to_status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("note", sa.Text),
        sa.Column("actor_kind", sa.Text, nullable=False),
        sa.Column("actor_id", ID),
    )
    create_chassis_tables()
