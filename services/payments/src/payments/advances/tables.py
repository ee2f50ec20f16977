import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from ..paying.tables import metadata

__all__ = ["advance_offsets", "metadata"]

#: Receipts by which an order on account that is done (`payment_id`: what it was charged) offsets a top-up, and by which
#: a refund gives that back. `next_at`: as in payments.
advance_offsets = sa.Table(
    "advance_offsets",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("payment_id", UUID(as_uuid=True), sa.ForeignKey("payments.id"), nullable=False, index=True),
    sa.Column("top_up_id", UUID(as_uuid=True), sa.ForeignKey("payments.id"), nullable=False, index=True),
    sa.Column("refund_id", UUID(as_uuid=True), sa.ForeignKey("refunds.id")),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("receipt", JSONB, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("provider_receipt_id", sa.Text),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("failure", sa.Text),
    sa.Column("next_at", sa.DateTime(timezone=True)),
    sa.Column("caused_by", sa.Text),
    sa.Column("traceparent", sa.Text),
    sa.CheckConstraint("amount > 0", name="advance_offsets_amount"),
    sa.CheckConstraint("kind IN ('offset', 'return')", name="advance_offsets_kind"),
    sa.CheckConstraint("(kind = 'return') = (refund_id IS NOT NULL)", name="advance_offsets_of_a_refund"),
    sa.CheckConstraint("status IN ('due', 'sent', 'failed')", name="advance_offsets_status"),
    sa.CheckConstraint("(status = 'due') = (next_at IS NOT NULL)", name="advance_offsets_looked_after"),
    sa.Index(
        "advance_offsets_once",
        "payment_id",
        "top_up_id",
        unique=True,
        postgresql_where=sa.text("kind = 'offset'"),
    ),
    sa.Index("advance_offsets_returned_once", "refund_id", "top_up_id", unique=True),
    sa.Index("advance_offsets_due", "next_at", postgresql_where=sa.text("next_at IS NOT NULL")),
    sa.Index("advance_offsets_failed", "id", postgresql_where=sa.text("status = 'failed'")),
)
