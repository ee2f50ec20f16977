"""Indexes for lists of many orders: premises, tabs, what is open; for a client's whole phone."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "orders_by_premises", "orders", ["premises_id", "id"], postgresql_where=sa.text("premises_id IS NOT NULL")
    )
    op.create_index("orders_counted", "orders", ["status", "kind", "location_id"])
    op.create_index(
        "orders_open",
        "orders",
        ["id"],
        postgresql_where=sa.text(
            "status NOT IN ('done', 'cancelled', 'cancelled_refunding', 'cancelled_refunded', 'removed')"
        ),
    )
    op.create_index(
        "people_by_phone_tail",
        "people",
        [sa.text("right(phone_digits, 10)")],
        postgresql_where=sa.text("phone_digits <> ''"),
    )
