"""What sellers' payment pages look like.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "seller_looks",
        sa.Column("legal_entity_id", UUID(as_uuid=True), sa.ForeignKey("legal_entities.id"), primary_key=True),
        sa.Column("look", JSONB, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
