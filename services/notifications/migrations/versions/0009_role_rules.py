"""Versions of what a role is told."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "role_versions",
        sa.Column("role", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
    )
