import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from ..catalogue.tables import metadata

drafts = sa.Table(
    "drafts",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("applicant_id", UUID(as_uuid=True), nullable=False),
    sa.Column("offering_id", UUID(as_uuid=True), nullable=False),
    sa.Column("offering_title", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("conversation_id", UUID(as_uuid=True)),
    sa.Column("content", JSONB, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("order_number", sa.BigInteger),
    sa.Column("created_by", UUID(as_uuid=True), nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("drafts_by_applicant", "applicant_id", "id", postgresql_where=sa.text("status = 'open'")),
    sa.Index("drafts_by_kind", "kind", "id", postgresql_where=sa.text("status = 'open'")),
)
