"""Files that are sent with messages; two changes of a message may have one time."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)


def upgrade() -> None:
    op.add_column("message_edits", sa.Column("version", sa.Integer, nullable=False, server_default="0"))
    op.drop_constraint("message_edits_pkey", "message_edits")
    op.create_primary_key("message_edits_pkey", "message_edits", ["message_id", "edited_at", "version"])
    op.add_column("messages", sa.Column("files", JSONB, nullable=False, server_default="[]"))
    op.create_table(
        "files",
        sa.Column("id", ID, primary_key=True),
        sa.Column("conversation_id", ID, sa.ForeignKey("conversations.id", name="files_conversation"), nullable=False),
        sa.Column("thread", sa.Text, nullable=False),
        sa.Column("message_id", ID),
        sa.Column("author_id", ID, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger),
        sa.Column("sha256", sa.LargeBinary),
        sa.Column("picture", sa.Boolean, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        sa.CheckConstraint("state IN ('uploading', 'loose', 'sent', 'leaving')", name="files_state"),
        sa.CheckConstraint(
            "state NOT IN ('loose', 'sent') OR (size_bytes > 0 AND sha256 IS NOT NULL)", name="files_whole"
        ),
        sa.CheckConstraint(
            "(state = 'sent') = (message_id IS NOT NULL) AND (state = 'sent') = (lease_until IS NULL)",
            name="files_sent",
        ),
    )
    op.create_index("files_message", "files", ["message_id"], postgresql_where=sa.text("message_id IS NOT NULL"))
    op.create_index("files_author", "files", ["author_id"])
    op.create_index("files_due", "files", ["lease_until"], postgresql_where=sa.text("lease_until IS NOT NULL"))
