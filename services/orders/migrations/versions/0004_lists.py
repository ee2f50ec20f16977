"""Saved views of the list."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)


def upgrade() -> None:
    op.create_table(
        "saved_views",
        sa.Column("id", ID, primary_key=True),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("filters", JSONB, nullable=False),
        sa.Column("shared", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.UniqueConstraint("owner_id", "name", name="saved_views_name"),
    )
    op.create_index("saved_views_shared", "saved_views", ["id"], postgresql_where=sa.text("shared"))
