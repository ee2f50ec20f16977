import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from ..paying.tables import metadata

__all__ = ["disputes", "metadata"]

#: Payments that their payers dispute. `next_at`: as in payments.
disputes = sa.Table(
    "disputes",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("payment_id", UUID(as_uuid=True), sa.ForeignKey("payments.id"), index=True),
    sa.Column("order_id", UUID(as_uuid=True), index=True),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger),
    sa.Column("currency", sa.CHAR(3)),
    sa.Column("held", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("withdrawn", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("withdrawals", sa.Integer, nullable=False, server_default="0"),
    sa.Column("fee", sa.BigInteger),
    sa.Column("fee_currency", sa.CHAR(3)),
    sa.Column("reason", sa.Text),
    sa.Column("respond_by", sa.DateTime(timezone=True)),
    sa.Column("next_at", sa.DateTime(timezone=True)),
    sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("closed_at", sa.DateTime(timezone=True)),
    sa.Column("caused_by", sa.Text),
    sa.Column("traceparent", sa.Text),
    sa.UniqueConstraint("provider", "number", name="disputes_once"),
    sa.CheckConstraint(
        "status IN ('noted', 'inquiry', 'open', 'inquiry_closed', 'won', 'lost')", name="disputes_status"
    ),
    sa.CheckConstraint("(status = 'noted') = (payment_id IS NULL)", name="disputes_of_a_payment"),
    sa.CheckConstraint("(payment_id IS NULL) = (amount IS NULL)", name="disputes_amount"),
    sa.CheckConstraint("(fee IS NULL) = (fee_currency IS NULL)", name="disputes_fee"),
    sa.CheckConstraint(
        "status NOT IN ('noted', 'inquiry', 'open') OR next_at IS NOT NULL", name="disputes_looked_after"
    ),
    sa.CheckConstraint("held >= 0", name="disputes_held"),
    sa.Index("disputes_due", "next_at", postgresql_where=sa.text("next_at IS NOT NULL")),
    sa.Index("disputes_by_status", "status", "id"),
)
