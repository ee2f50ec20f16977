import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from ..paying.tables import metadata

__all__ = ["metadata", "refund_positions", "refund_requests", "refunds"]

#: One row per event that asked for money back, whatever came of it: the same event never asks twice.
refund_requests = sa.Table(
    "refund_requests",
    metadata,
    sa.Column("event_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("order_id", UUID(as_uuid=True), sa.ForeignKey("order_accounts.order_id"), nullable=False, index=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("asked", sa.BigInteger, nullable=False),
    sa.Column("granted", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.CHAR(3), nullable=False),
    sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("granted BETWEEN 0 AND asked", name="refund_requests_granted"),
)

#: `next_at`: as in payments; `recheck_at`: the same of one that is done and may yet fail. `provider_key`: the
#: idempotence key of the present attempt; a new one only after the provider has definitely refused under the old one.
refunds = sa.Table(
    "refunds",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("event_id", UUID(as_uuid=True), sa.ForeignKey("refund_requests.event_id"), nullable=False),
    sa.Column("payment_id", UUID(as_uuid=True), sa.ForeignKey("payments.id"), nullable=False, index=True),
    sa.Column("order_id", UUID(as_uuid=True), sa.ForeignKey("order_accounts.order_id"), nullable=False, index=True),
    sa.Column("order_number", sa.BigInteger, nullable=False),
    sa.Column("applicant_id", UUID(as_uuid=True), nullable=False),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("provider_payment_id", sa.Text),
    sa.Column("source", sa.Text),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("surcharge", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("receipt", JSONB(none_as_null=True)),
    sa.Column("note", sa.Text),
    sa.Column("requested_by", UUID(as_uuid=True)),
    sa.Column("handed_out_by", UUID(as_uuid=True)),
    sa.Column("currency", sa.CHAR(3), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("provider_refund_id", sa.Text, unique=True),
    sa.Column("provider_key", sa.Text, nullable=False, unique=True),
    sa.Column("key_used_at", sa.DateTime(timezone=True)),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("failure", sa.Text),
    sa.Column("next_at", sa.DateTime(timezone=True)),
    sa.Column("recheck_at", sa.DateTime(timezone=True)),
    sa.Column("bounces", sa.Integer, nullable=False, server_default="0"),
    sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("started_at", sa.DateTime(timezone=True)),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    sa.Column("caused_by", sa.Text),
    sa.Column("traceparent", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
    sa.UniqueConstraint("event_id", "payment_id", name="refunds_once_per_event"),
    sa.CheckConstraint("amount > 0 AND surcharge >= 0", name="refunds_amount"),
    sa.CheckConstraint(
        "status IN ('requested', 'in_progress', 'succeeded', 'failed', 'at_desk')", name="refunds_status"
    ),
    sa.CheckConstraint("(status IN ('requested', 'in_progress')) = (next_at IS NOT NULL)", name="refunds_looked_after"),
    sa.CheckConstraint(
        "recheck_at IS NULL OR (status = 'succeeded' AND provider_refund_id IS NOT NULL)", name="refunds_rechecked"
    ),
    sa.CheckConstraint("status <> 'in_progress' OR provider_refund_id IS NOT NULL", name="refunds_known_at_provider"),
    sa.CheckConstraint(
        "(provider IN ('desk', 'balance')) = (provider_payment_id IS NULL)", name="refunds_provider_payment"
    ),
    sa.Index("refunds_of_applicant", "applicant_id", "id"),
    sa.Index("refunds_due", "next_at", postgresql_where=sa.text("next_at IS NOT NULL")),
    sa.Index("refunds_to_recheck", "recheck_at", postgresql_where=sa.text("recheck_at IS NOT NULL")),
    sa.Index("refunds_by_status", "status", "id"),
)

#: Positions of invoices that became less or cheaper by a refund: how each stands after it, and what went back for it.
refund_positions = sa.Table(
    "refund_positions",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("ask_id", UUID(as_uuid=True), nullable=False, index=True),
    sa.Column("order_id", UUID(as_uuid=True), sa.ForeignKey("order_accounts.order_id"), nullable=False, index=True),
    sa.Column("invoice_id", UUID(as_uuid=True), sa.ForeignKey("invoices.id"), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("quantity", sa.Integer, nullable=False),
    sa.Column("unit_price", sa.BigInteger, nullable=False),
    sa.Column("total", sa.BigInteger, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.CheckConstraint("amount > 0 AND total >= 0", name="refund_positions_amounts"),
)
