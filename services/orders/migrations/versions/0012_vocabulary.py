"""Which words there are, and which orders have them: instead of trigrams of texts. The assignee beside the words."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_WORDS = "unnest((string_to_array(text, ' '))[2:])"
_TRIGGERS = (
    """
    CREATE FUNCTION keep_vocabulary() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        -- In their order, so that two who bring the same new words do not wait for each other in a circle.
        INSERT INTO search_vocabulary (word)
        SELECT DISTINCT word FROM unnest((string_to_array(NEW.text, ' '))[2:]) AS word WHERE word <> '' ORDER BY word
        ON CONFLICT DO NOTHING;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER order_search_vocabulary AFTER INSERT OR UPDATE OF text ON order_search
    FOR EACH ROW EXECUTE FUNCTION keep_vocabulary()
    """,
    """
    CREATE FUNCTION keep_assignee_of_text() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE order_search SET assignee_id = NEW.assignee_id
        WHERE order_id = NEW.id AND assignee_id IS DISTINCT FROM NEW.assignee_id;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER orders_assigned AFTER INSERT ON orders
    FOR EACH ROW WHEN (NEW.assignee_id IS NOT NULL) EXECUTE FUNCTION keep_assignee_of_text()
    """,
    """
    CREATE TRIGGER orders_reassigned AFTER UPDATE OF assignee_id ON orders
    FOR EACH ROW WHEN (OLD.assignee_id IS DISTINCT FROM NEW.assignee_id) EXECUTE FUNCTION keep_assignee_of_text()
    """,
)


def upgrade() -> None:
    op.create_table("search_vocabulary", sa.Column("word", sa.Text(collation="C"), primary_key=True))
    op.execute(
        f"INSERT INTO search_vocabulary (word) SELECT DISTINCT word FROM order_search, {_WORDS} AS word"  # noqa: S608
        " WHERE word <> ''"
    )
    op.create_index(
        "search_vocabulary_trigrams",
        "search_vocabulary",
        ["word"],
        postgresql_using="gin",
        postgresql_ops={"word": "gin_trgm_ops"},
    )
    op.drop_index("order_search_words", "order_search")
    op.add_column("order_search", sa.Column("assignee_id", UUID(as_uuid=True)))
    op.execute(
        "UPDATE order_search s SET assignee_id = o.assignee_id FROM orders o"
        " WHERE o.id = s.order_id AND o.assignee_id IS NOT NULL"
    )
    op.create_index(
        "order_search_words",
        "order_search",
        [
            sa.text("(('x' || left(order_id::text, 6))::bit(24)::int)"),
            sa.text("(string_to_array(text, ' '))"),
            sa.text("(ARRAY[kind])"),
            sa.text("(ARRAY[location_id])"),
            sa.text("(ARRAY[offering_id])"),
            sa.text("(ARRAY[assignee_id])"),
        ],
        postgresql_using="gin",
    )
    op.create_index(
        "order_search_numbers",
        "order_search",
        [sa.text("(split_part(text, ' ', 1)) gin_trgm_ops")],
        postgresql_using="gin",
    )
    for statement in _TRIGGERS:
        op.execute(statement)
