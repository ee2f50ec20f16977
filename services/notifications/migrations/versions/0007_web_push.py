"""Devices may be browsers."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("devices", sa.Column("kind", sa.Text, nullable=False, server_default="fcm"))
    op.add_column("devices", sa.Column("p256dh", sa.Text))
    op.add_column("devices", sa.Column("auth", sa.Text))
