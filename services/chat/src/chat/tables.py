import sqlalchemy as sa
from foyer_chassis.tables import add_chassis_tables
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

metadata = sa.MetaData()

conversations = sa.Table(
    "conversations",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("order_id", UUID(as_uuid=True), nullable=False, unique=True),
    sa.Column("applicant_id", UUID(as_uuid=True), nullable=False),
    sa.Column("number", sa.BigInteger),
    sa.Column("responsible_ids", ARRAY(UUID(as_uuid=True))),
    sa.Column("last_position", sa.Integer, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("conversation_id", UUID(as_uuid=True), sa.ForeignKey("conversations.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("id", UUID(as_uuid=True), nullable=False, unique=True),
    sa.Column("thread", sa.Text, nullable=False),
    sa.Column("author_kind", sa.Text, nullable=False),
    sa.Column("author_id", UUID(as_uuid=True)),
    sa.Column("author_name", sa.Text),
    sa.Column("text", sa.Text),
    sa.Column("template", sa.Text),
    sa.Column("facts", JSONB, nullable=False),
    sa.Column("event_id", UUID(as_uuid=True)),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("event_id", name="messages_once_per_event"),
    sa.CheckConstraint("thread IN ('public', 'internal')", name="messages_thread"),
    sa.CheckConstraint("(text IS NULL) <> (template IS NULL)", name="messages_text_or_template"),
    sa.Index("messages_thread_position", "conversation_id", "thread", "position"),
)

#: How far a person has read a thread.
reads = sa.Table(
    "reads",
    metadata,
    sa.Column("conversation_id", UUID(as_uuid=True), sa.ForeignKey("conversations.id"), primary_key=True),
    sa.Column("person_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("thread", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
)

add_chassis_tables(metadata)
