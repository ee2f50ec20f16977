"""The index of words knows the time, and several kinds, locations and offerings at once."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "order_search_words_in_time",
        "order_search",
        [
            sa.text("(('x' || left(order_id::text, 6))::bit(24)::int)"),
            "text",
            sa.text("(ARRAY[kind])"),
            sa.text("(ARRAY[location_id])"),
            sa.text("(ARRAY[offering_id])"),
        ],
        postgresql_using="gin",
        postgresql_ops={"text": "gin_trgm_ops"},
    )
    op.drop_index("order_search_words", "order_search")
    op.execute("ALTER INDEX order_search_words_in_time RENAME TO order_search_words")
