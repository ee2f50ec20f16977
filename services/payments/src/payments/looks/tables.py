import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from ..accounting.tables import metadata

__all__ = ["metadata", "seller_looks"]

seller_looks = sa.Table(
    "seller_looks",
    metadata,
    sa.Column("legal_entity_id", UUID(as_uuid=True), sa.ForeignKey("legal_entities.id"), primary_key=True),
    sa.Column("look", JSONB, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)
