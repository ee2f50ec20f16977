import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from ..accounting.tables import metadata

__all__ = ["customer_refund_requests", "metadata"]

customer_refund_requests = sa.Table(
    "customer_refund_requests",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("order_id", UUID(as_uuid=True), sa.ForeignKey("order_accounts.order_id"), nullable=False, index=True),
    sa.Column("order_number", sa.BigInteger, nullable=False),
    sa.Column("applicant_id", UUID(as_uuid=True), nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.CHAR(3), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("answer", sa.Text),
    sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("answered_at", sa.DateTime(timezone=True)),
    sa.Column("answered_by", UUID(as_uuid=True)),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("customer_refund_requests_of_applicant", "applicant_id", "id"),
    sa.CheckConstraint("amount > 0", name="customer_refund_requests_amount"),
    sa.CheckConstraint("status IN ('requested', 'processed', 'rejected')", name="customer_refund_requests_status"),
    # One at a time, and none after a rejection (B23), also under a race.
    sa.Index(
        "customer_refund_requests_once",
        "order_id",
        unique=True,
        postgresql_where=sa.text("status IN ('requested', 'rejected')"),
    ),
)
