"""Cards that their provider is to be told to forget.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "forgotten_cards",
        sa.Column("id", UUID(as_uuid=True), primary_key=True),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("failure", sa.Text),
        sa.Column("next_at", sa.DateTime(timezone=True)),
        sa.Column("forgotten_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("caused_by", sa.Text),
        sa.Column("traceparent", sa.Text),
    )
    op.create_index(
        "forgotten_cards_due", "forgotten_cards", ["next_at"], postgresql_where=sa.text("next_at IS NOT NULL")
    )
