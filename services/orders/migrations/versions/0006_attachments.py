"""Files that staff attach to orders."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "order_files",
        sa.Column("id", ID, primary_key=True),
        sa.Column("order_id", ID, sa.ForeignKey("orders.id", name="order_files_order"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger),
        sa.Column("sha256", sa.LargeBinary),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("author_id", ID, nullable=False),
        sa.Column("author_name", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("lease_until", INSTANT),
        sa.CheckConstraint("state IN ('uploading', 'stored', 'leaving')", name="order_files_state"),
        sa.CheckConstraint(
            "(state <> 'stored' OR (size_bytes > 0 AND sha256 IS NOT NULL))"
            " AND (state = 'stored') = (lease_until IS NULL)",
            name="order_files_whole",
        ),
    )
    stored = sa.text("state = 'stored'")
    op.create_index("order_files_by_order", "order_files", ["order_id", "id"])
    op.create_index(
        "order_files_same", "order_files", ["order_id", "sha256", "name"], unique=True, postgresql_where=stored
    )
    op.create_index(
        "order_files_unfinished", "order_files", ["lease_until"], postgresql_where=sa.text("state <> 'stored'")
    )
