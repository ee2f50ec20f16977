"""Preferences of people and roles, quiet hours, one message for a burst."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, UUID

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("recipients", sa.Column("roles", ARRAY(sa.Text), nullable=False, server_default="{}"))
    op.create_table(
        "preferences",
        sa.Column("person_id", UUID(as_uuid=True), primary_key=True),
        sa.Column("template", sa.Text, primary_key=True),
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("enabled", sa.Boolean, nullable=False),
    )
    op.create_table(
        "role_preferences",
        sa.Column("role", sa.Text, primary_key=True),
        sa.Column("template", sa.Text, primary_key=True),
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("enabled", sa.Boolean, nullable=False),
    )
    op.create_table(
        "quiet_hours",
        sa.Column("person_id", UUID(as_uuid=True), primary_key=True),
        sa.Column("starts", sa.SmallInteger, nullable=False),
        sa.Column("ends", sa.SmallInteger, nullable=False),
        sa.Column("time_zone", sa.Text, nullable=False),
    )
    op.create_index(
        "deliveries_in_turn",
        "deliveries",
        ["recipient_id", "channel", "id"],
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "deliveries_sent",
        "deliveries",
        ["recipient_id", "channel", "finished_at"],
        postgresql_where=sa.text("state = 'sent'"),
    )
