"""Special days and public holidays of locations; what a booking of a resource must be like."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("locations", sa.Column("entered_closed_days", ARRAY(sa.Date)))
    op.add_column("locations", sa.Column("special_days", JSONB, nullable=False, server_default="[]"))
    op.add_column("locations", sa.Column("holidays_country", sa.Text))
    op.add_column("locations", sa.Column("holidays", JSONB, nullable=False, server_default="[]"))
    op.add_column("locations", sa.Column("holidays_until", sa.Date))
    op.create_index(
        "locations_due_holidays",
        "locations",
        ["holidays_until"],
        postgresql_where=sa.text("holidays_country IS NOT NULL"),
    )
    op.add_column("resources", sa.Column("min_slots", sa.Integer, nullable=False, server_default="1"))
    op.add_column("resources", sa.Column("max_slots", sa.Integer))
    op.add_column("resources", sa.Column("notice_minutes", sa.Integer, nullable=False, server_default="0"))
    op.add_column("resources", sa.Column("horizon_days", sa.Integer))
