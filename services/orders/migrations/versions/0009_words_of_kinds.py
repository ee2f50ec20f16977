"""The index of words knows kind, location and offering; special hours and rules of places."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_SPECIAL_HOURS = ("resource_copies", "location_copies")


def upgrade() -> None:
    op.add_column("order_search", sa.Column("kind", sa.Text))
    op.add_column("order_search", sa.Column("location_id", UUID(as_uuid=True)))
    op.add_column("order_search", sa.Column("offering_id", UUID(as_uuid=True)))
    op.drop_index("order_search_trigrams", "order_search")
    op.execute(
        "UPDATE order_search s SET kind = o.kind, location_id = o.location_id, offering_id = o.offering_id"
        " FROM orders o WHERE o.id = s.order_id"
    )
    op.alter_column("order_search", "kind", nullable=False)
    op.alter_column("order_search", "offering_id", nullable=False)
    op.create_index(
        "order_search_words",
        "order_search",
        ["text", "kind", "location_id", "offering_id"],
        postgresql_using="gin",
        postgresql_ops={"text": "gin_trgm_ops"},
    )
    for table in _SPECIAL_HOURS:
        op.add_column(table, sa.Column("special_hours", JSONB, nullable=False, server_default="[]"))
    op.add_column("resource_copies", sa.Column("rules", JSONB, nullable=False, server_default="{}"))
