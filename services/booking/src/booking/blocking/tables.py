import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from ..resources.tables import metadata

resource_blocks = sa.Table(
    "resource_blocks",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("resource_id", UUID(as_uuid=True), sa.ForeignKey("resources.id"), nullable=False),
    sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("created_by", UUID(as_uuid=True), nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("resource_blocks_of_resource", "resource_id", "id"),
    sa.CheckConstraint("ends_at > starts_at", name="resource_blocks_time"),
)
