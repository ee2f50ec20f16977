import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from ..invoicing.tables import metadata

__all__ = ["metadata", "payments"]

#: `next_at`: when a loop has to look at the payment next, null when never again. Claiming a payment moves it ahead, so
#: that it is the lease, too: what a killed worker left comes up again by itself.
payments = sa.Table(
    "payments",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("invoice_id", UUID(as_uuid=True), sa.ForeignKey("invoices.id"), nullable=False, index=True),
    sa.Column("order_id", UUID(as_uuid=True), sa.ForeignKey("order_accounts.order_id"), index=True),
    sa.Column("applicant_id", UUID(as_uuid=True), nullable=False),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("provider_payment_id", sa.Text),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.CHAR(3), nullable=False),
    sa.Column("received", sa.BigInteger),
    sa.Column("refund_reserved", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("disputed", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("surcharge", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("surcharge_reserved", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("part", sa.Integer),
    sa.Column("choice", JSONB, nullable=False, server_default="{}"),
    sa.Column("receipt", JSONB(none_as_null=True)),
    sa.Column("source", sa.Text),
    sa.Column("acquiring", sa.BigInteger),
    # What disputes about it cost: what was lost of what the payer paid, and the provider's fees; of top-ups, what is
    # settled of both.
    sa.Column("charged_back", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("dispute_fees", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("charged_back_settled", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("dispute_fees_settled", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("taken_by", UUID(as_uuid=True)),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("link", sa.Text),
    sa.Column("method", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("next_at", sa.DateTime(timezone=True)),
    sa.Column("hinted_at", sa.DateTime(timezone=True)),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("paid_at", sa.DateTime(timezone=True)),
    sa.Column("caused_by", sa.Text),
    sa.Column("traceparent", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
    sa.UniqueConstraint("provider", "provider_payment_id", name="payments_provider_payment_id"),
    sa.CheckConstraint("amount > 0", name="payments_amount"),
    sa.CheckConstraint(
        "status IN ('creating', 'pending', 'watched', 'succeeded', 'cancelled', 'failed')", name="payments_status"
    ),
    sa.CheckConstraint("(status = 'succeeded') = (received IS NOT NULL)", name="payments_received"),
    sa.CheckConstraint("surcharge_reserved BETWEEN 0 AND surcharge", name="payments_surcharge_cap"),
    sa.CheckConstraint("refund_reserved BETWEEN 0 AND coalesce(received, 0)", name="payments_refund_cap"),
    sa.CheckConstraint(
        "disputed >= 0 AND refund_reserved + disputed <= coalesce(received, 0)", name="payments_undisputed_cap"
    ),
    sa.CheckConstraint(
        "(status IN ('creating', 'pending', 'watched')) = (next_at IS NOT NULL)", name="payments_looked_after"
    ),
    sa.Index(
        "payments_one_open_per_invoice",
        "invoice_id",
        unique=True,
        postgresql_where=sa.text("status IN ('creating', 'pending')"),
    ),
    sa.Index("payments_parts_once", "order_id", "part", unique=True, postgresql_where=sa.text("part IS NOT NULL")),
    sa.Index(
        "payments_of_top_ups_to_settle",
        "id",
        postgresql_where=sa.text(
            "order_id IS NULL AND received IS NOT NULL AND acquiring IS NULL AND provider NOT IN ('balance', 'desk')"
        ),
    ),
    sa.Index(
        "payments_of_top_ups_charged_back",
        "id",
        postgresql_where=sa.text(
            "order_id IS NULL AND (charged_back <> charged_back_settled OR dispute_fees <> dispute_fees_settled)"
        ),
    ),
    sa.Index("payments_of_applicant", "applicant_id", "id"),
    sa.Index("payments_to_create", "next_at", postgresql_where=sa.text("provider_payment_id IS NULL")),
    sa.Index("payments_to_check", "next_at", postgresql_where=sa.text("provider_payment_id IS NOT NULL")),
)
