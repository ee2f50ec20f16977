import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from ..accounting.tables import metadata

__all__ = ["customer_copies", "metadata", "offering_copies", "order_copies"]

#: Copies; `…_sequence` is the version of the aggregate that the columns beside it are of, older news is dropped.
order_copies = sa.Table(
    "order_copies",
    metadata,
    sa.Column("order_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("applicant_id", UUID(as_uuid=True), nullable=False),
    sa.Column("kind", sa.Text),
    sa.Column("offering_id", UUID(as_uuid=True)),
    sa.Column("offering_title", sa.Text),
    sa.Column("legal_entity_id", UUID(as_uuid=True)),
    sa.Column("location_id", UUID(as_uuid=True)),
    sa.Column("assignee_id", UUID(as_uuid=True)),
    sa.Column("assignee_sequence", sa.Integer, nullable=False, server_default="0"),
    sa.Column("terms", sa.Text),
    sa.Column("payer_kind", sa.Text),
    sa.Column("status", sa.Text),
    sa.Column("status_group", sa.Text),
    sa.Column("status_sequence", sa.Integer, nullable=False, server_default="0"),
    sa.Column("description", sa.Text),
    sa.Column("lines", JSONB, nullable=False, server_default="[]"),
    sa.Column("total", sa.BigInteger),
    sa.Column("currency", sa.CHAR(3)),
    sa.Column("pay_until", sa.DateTime(timezone=True)),
    sa.Column("extras_as_lines", sa.Boolean, nullable=False, server_default="false"),
    sa.Column("content_sequence", sa.Integer, nullable=False, server_default="0"),
    sa.CheckConstraint("(total IS NULL) = (currency IS NULL)", name="order_copies_total"),
)

offering_copies = sa.Table(
    "offering_copies",
    metadata,
    sa.Column("offering_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("terms", sa.Text, nullable=False),
    sa.Column("refunds_allowed", sa.Boolean, nullable=False),
    sa.Column("legal_entity_id", UUID(as_uuid=True)),
    sa.Column("sequence", sa.Integer, nullable=False),
)

customer_copies = sa.Table(
    "customer_copies",
    metadata,
    sa.Column("customer_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("discount_group_id", UUID(as_uuid=True)),
    sa.Column("erased", sa.Boolean, nullable=False, server_default="false"),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("email", sa.Text),
    sa.Column("contact_sequence", sa.Integer, nullable=False, server_default="0"),
)
