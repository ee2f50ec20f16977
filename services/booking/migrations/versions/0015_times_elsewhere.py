"""Times of a booking that recurs may be at other resources than the first of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, UUID

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reservations", sa.Column("elsewhere", ARRAY(UUID(as_uuid=True))))
    op.create_index(
        "reservations_elsewhere",
        "reservations",
        ["elsewhere"],
        postgresql_using="gin",
        postgresql_where=sa.text("elsewhere IS NOT NULL"),
    )
