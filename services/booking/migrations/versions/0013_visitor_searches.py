"""How often each member of staff searched for visitors, minute by minute."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "visitor_searches",
        sa.Column("caller_id", UUID(as_uuid=True), primary_key=True),
        sa.Column("minute", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("searches", sa.Integer, nullable=False),
    )
    op.create_index("visitor_searches_by_minute", "visitor_searches", ["minute"])
