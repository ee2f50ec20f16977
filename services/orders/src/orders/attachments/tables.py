import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from ..catalogue.tables import metadata

ID = UUID(as_uuid=True)
INSTANT = sa.DateTime(timezone=True)

#: Files that staff attached to orders (B9). A row is there before its content and goes after it.
order_files = sa.Table(
    "order_files",
    metadata,
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
        "(state <> 'stored' OR (size_bytes > 0 AND sha256 IS NOT NULL)) AND (state = 'stored') = (lease_until IS NULL)",
        name="order_files_whole",
    ),
    sa.Index("order_files_by_order", "order_id", "id"),
    # The same content under the same name is the same file, however often it is sent.
    sa.Index(
        "order_files_same",
        "order_id",
        "sha256",
        "name",
        unique=True,
        postgresql_where=sa.text("state = 'stored'"),
    ),
    sa.Index("order_files_unfinished", "lease_until", postgresql_where=sa.text("state <> 'stored'")),
)
