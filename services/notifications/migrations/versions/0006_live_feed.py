"""Entries of the feed have a position, so that a live feed goes on where it was."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SEQUENCE feed_positions")
    # Two steps, so that what is there already keeps NULL and the table is not written anew.
    op.add_column("feed_entries", sa.Column("position", sa.BigInteger))
    op.execute("ALTER TABLE feed_entries ALTER COLUMN position SET DEFAULT nextval('feed_positions')")
    op.create_index("feed_entries_position", "feed_entries", ["addressee", "position"])
