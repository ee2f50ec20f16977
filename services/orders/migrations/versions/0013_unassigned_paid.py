"""Orders that nobody does, and those that are paid: lists walked all orders where they are few."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("orders_unassigned", "orders", ["id"], postgresql_where=sa.text("assignee_id IS NULL"))
    op.create_index(
        "orders_paid", "orders", ["id"], postgresql_where=sa.text("invoiced_amount > 0 AND open_invoices = 0")
    )
