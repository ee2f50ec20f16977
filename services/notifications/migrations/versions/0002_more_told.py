"""Deliveries about no order; who works on an order; how far the sides of a conversation are; offerings."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, UUID

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("deliveries", "order_id", nullable=True)
    op.add_column("order_copies", sa.Column("kind", sa.Text))
    op.add_column("order_copies", sa.Column("applicant_id", UUID(as_uuid=True)))
    op.execute("""
        UPDATE order_copies SET applicant_id = told.recipient_id FROM deliveries AS told
        WHERE told.order_id = order_copies.order_id AND told.template <> 'order_placed'
    """)
    op.add_column(
        "order_copies", sa.Column("responsible_ids", ARRAY(UUID(as_uuid=True)), nullable=False, server_default="{}")
    )
    op.add_column("order_copies", sa.Column("assignee_id", UUID(as_uuid=True)))
    op.add_column("order_copies", sa.Column("assignee_sequence", sa.BigInteger, nullable=False, server_default="-1"))
    op.create_table(
        "conversation_copies",
        sa.Column("conversation_id", UUID(as_uuid=True), primary_key=True),
        sa.Column("customer_seen", sa.BigInteger, nullable=False),
        sa.Column("staff_seen", sa.BigInteger, nullable=False),
        sa.Column("customer_posted", sa.BigInteger, nullable=False),
        sa.Column("staff_posted", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "offering_copies",
        sa.Column("offering_id", UUID(as_uuid=True), primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
    )
