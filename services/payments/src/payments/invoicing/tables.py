import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from ..accounting.tables import metadata

__all__ = ["invoices", "metadata"]

invoices = sa.Table(
    "invoices",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("number", sa.BigInteger, sa.Identity(start=2001), nullable=False, unique=True),
    sa.Column("order_id", UUID(as_uuid=True), sa.ForeignKey("order_accounts.order_id"), index=True),
    sa.Column("order_number", sa.BigInteger, index=True),
    sa.Column("applicant_id", UUID(as_uuid=True), nullable=False),
    sa.Column("prepaid", sa.Boolean, nullable=False),
    sa.Column("origin", sa.Text, nullable=False, server_default="priced"),
    sa.Column("cause_event_id", UUID(as_uuid=True), nullable=False, unique=True),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("lines", JSONB, nullable=False),
    sa.Column("extras_as_lines", sa.Boolean, nullable=False, server_default="true"),
    sa.Column("legal_entity_id", UUID(as_uuid=True)),
    sa.Column("in_parts", sa.Boolean, nullable=False, server_default="false"),
    sa.Column("total", sa.BigInteger, nullable=False),
    sa.Column("paid", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("currency", sa.CHAR(3), nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("marked", sa.Text),
    sa.Column("cancel_reason", sa.Text),
    sa.Column("pay_until", sa.DateTime(timezone=True)),
    sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("activated_at", sa.DateTime(timezone=True)),
    sa.Column("settled_at", sa.DateTime(timezone=True)),
    sa.Column("version", sa.Integer, nullable=False),
    sa.CheckConstraint("total > 0 AND paid >= 0", name="invoices_amounts"),
    sa.CheckConstraint("status IN ('draft', 'issued', 'paid', 'cancelled')", name="invoices_status"),
    sa.CheckConstraint("status <> 'paid' OR paid >= total", name="invoices_paid_in_full"),
    sa.CheckConstraint("marked IN ('cash', 'transfer')", name="invoices_marked"),
    sa.CheckConstraint("origin IN ('priced', 'changed', 'staff', 'account', 'top_up')", name="invoices_origin"),
    sa.CheckConstraint("origin = 'top_up' OR order_id IS NOT NULL", name="invoices_of_an_order"),
    sa.CheckConstraint("(order_id IS NULL) = (order_number IS NULL)", name="invoices_order_number"),
    # B18, also under a race. A top-up is no invoice of an order's own, even where it is made for one.
    sa.Index(
        "invoices_one_unpaid_per_order",
        "order_id",
        unique=True,
        postgresql_where=sa.text("status IN ('draft', 'issued') AND origin <> 'top_up'"),
    ),
    sa.Index("invoices_one_prepaid_per_order", "order_id", unique=True, postgresql_where=sa.text("prepaid")),
    sa.Index("invoices_of_applicant", "applicant_id", "id"),
)
