import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from ..catalogue.tables import metadata

#: Filters that staff keep under a name, for themselves or for all.
saved_views = sa.Table(
    "saved_views",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("owner_id", UUID(as_uuid=True), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("filters", JSONB, nullable=False),
    sa.Column("shared", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.UniqueConstraint("owner_id", "name", name="saved_views_name"),
    sa.Index("saved_views_shared", "id", postgresql_where=sa.text("shared")),
)
