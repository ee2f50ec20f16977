"""Where a class is and who gives it; until when a place is given up without losing the visit."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("classes", sa.Column("location_id", UUID(as_uuid=True), sa.ForeignKey("locations.id")))
    op.add_column("classes", sa.Column("place", sa.Text))
    op.add_column("classes", sa.Column("trainer", sa.Text))
    op.add_column("classes", sa.Column("cancel_minutes", sa.Integer, nullable=False, server_default="0"))
    op.create_check_constraint("classes_cancel_minutes", "classes", "cancel_minutes >= 0")
    op.add_column("class_bookings", sa.Column("moved", sa.Boolean, nullable=False, server_default=sa.false()))
