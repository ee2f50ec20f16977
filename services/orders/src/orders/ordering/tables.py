import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from ..catalogue.tables import metadata

#: Numbers that people see. Processes take them a block at a time, so gaps are no sign of anything.
NUMBER_BLOCK = 50
order_numbers = sa.Sequence("order_numbers", start=1_000_000, increment=NUMBER_BLOCK, metadata=metadata)

orders = sa.Table(
    "orders",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("offering_id", UUID(as_uuid=True), nullable=False),
    sa.Column("offering_title", sa.Text, nullable=False),
    sa.Column("applicant_id", UUID(as_uuid=True), nullable=False),
    sa.Column("payer_kind", sa.Text, nullable=False),
    sa.Column("prepaid", sa.Boolean, nullable=False),
    sa.Column("customer_may_cancel", sa.Boolean, nullable=False),
    sa.Column("responsible_ids", ARRAY(UUID(as_uuid=True)), nullable=False),
    sa.Column("resource_id", UUID(as_uuid=True), nullable=False),
    sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("comment", sa.Text),
    sa.Column("currency", sa.CHAR(3), nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("lines", JSONB, nullable=False, server_default="[]"),
    sa.Column("total_amount", sa.BigInteger),
    sa.Column("pay_until", sa.DateTime(timezone=True)),
    sa.Column("places", JSONB(none_as_null=True)),
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
    sa.Index("orders_by_applicant", "applicant_id", "number"),
    sa.Index("orders_by_status", "status", "number"),
)

order_history = sa.Table(
    "order_history",
    metadata,
    sa.Column("order_id", UUID(as_uuid=True), sa.ForeignKey("orders.id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("position", sa.SmallInteger, primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("from_status", sa.Text),
    sa.Column("to_status", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("note", sa.Text),
    sa.Column("actor_kind", sa.Text, nullable=False),
    sa.Column("actor_id", UUID(as_uuid=True)),
)
