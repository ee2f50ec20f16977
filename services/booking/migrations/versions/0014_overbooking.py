"""Rooms sold beyond those there are, with a limit that is none at first; tickets and stays of a day by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("lodging_units", sa.Column("overbooked", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("hotel_room_types", sa.Column("overbooking", sa.Integer, nullable=False, server_default="0"))
    op.create_check_constraint("hotel_room_types_overbooking", "hotel_room_types", "overbooking >= 0")
    op.create_index(
        "lodgings_during",
        "lodgings",
        ["group_id", sa.text("tstzrange(starts_at, ends_at)")],
        postgresql_using="gist",
    )
