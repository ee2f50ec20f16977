import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from ..paying.tables import metadata

__all__ = ["closing_receipts", "metadata"]

#: Receipts that follow prepayments once the order is done (54-FZ). `offset`: what came off a balance is closed by the
#: receipts in `advance_offsets`. `next_at`: as in payments.
closing_receipts = sa.Table(
    "closing_receipts",
    metadata,
    sa.Column("payment_id", UUID(as_uuid=True), sa.ForeignKey("payments.id"), primary_key=True),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("provider_receipt_id", sa.Text),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("failure", sa.Text),
    sa.Column("next_at", sa.DateTime(timezone=True)),
    sa.Column("caused_by", sa.Text),
    sa.Column("traceparent", sa.Text),
    sa.CheckConstraint("status IN ('due', 'sent', 'failed', 'void', 'offset')", name="closing_receipts_status"),
    sa.CheckConstraint("(status = 'due') = (next_at IS NOT NULL)", name="closing_receipts_looked_after"),
    sa.Index("closing_receipts_failed", "payment_id", postgresql_where=sa.text("status = 'failed'")),
    sa.Index("closing_receipts_due", "next_at", postgresql_where=sa.text("next_at IS NOT NULL")),
)
