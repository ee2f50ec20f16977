"""Internal comments, drafts, settings of waiting and releasing orders."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "order_comments",
        sa.Column("id", ID, primary_key=True),
        sa.Column("order_id", ID, sa.ForeignKey("orders.id"), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("author_id", ID, nullable=False),
        sa.Column("author_name", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_index("order_comments_by_order", "order_comments", ["order_id", "id"])
    op.create_table(
        "drafts",
        sa.Column("id", ID, primary_key=True),
        sa.Column("applicant_id", ID, nullable=False),
        sa.Column("offering_id", ID, nullable=False),
        sa.Column("offering_title", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("conversation_id", ID),
        sa.Column("content", JSONB, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("order_number", sa.BigInteger),
        sa.Column("created_by", ID, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    is_open = sa.text("status = 'open'")
    op.create_index("drafts_by_applicant", "drafts", ["applicant_id", "id"], postgresql_where=is_open)
    op.create_index("drafts_by_kind", "drafts", ["kind", "id"], postgresql_where=is_open)
    op.create_table(
        "order_settings",
        sa.Column("singleton", sa.Boolean, primary_key=True, server_default=sa.true()),
        sa.Column("start_when_paid", sa.Boolean, nullable=False),
        sa.Column("wait_without_funds", sa.Boolean, nullable=False),
        sa.Column("waiting_status", sa.Text, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.CheckConstraint("singleton", name="order_settings_one_row"),
    )
    op.create_table(
        "release_rules",
        sa.Column("owner_kind", sa.Text, primary_key=True),
        sa.Column("owner_id", ID, primary_key=True),
        sa.Column("mode", sa.Text, nullable=False),
        sa.CheckConstraint("owner_kind IN ('customer', 'discount_group')", name="release_rules_owner"),
    )
    op.create_table(
        "released_top_ups",
        sa.Column("top_up_id", ID, primary_key=True),
        sa.Column("at", INSTANT, nullable=False),
    )
