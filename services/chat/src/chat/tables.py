import sqlalchemy as sa
from foyer_chassis.tables import add_chassis_tables
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

metadata = sa.MetaData()


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False, server_default="0")


#: A dialog before an order while `order_id` is null; the order's conversation afterwards, the same row.
conversations = sa.Table(
    "conversations",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("order_id", UUID(as_uuid=True), unique=True),
    sa.Column("applicant_id", UUID(as_uuid=True), nullable=False),
    sa.Column("number", sa.BigInteger),
    sa.Column("responsible_ids", ARRAY(UUID(as_uuid=True))),
    sa.Column("last_position", sa.Integer, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text),
    sa.Column("assignee_id", UUID(as_uuid=True)),
    sa.Column("assignee_sequence", sa.BigInteger, nullable=False, server_default="-1"),
    sa.Column("location_ids", ARRAY(UUID(as_uuid=True)), nullable=False, server_default="{}"),
    sa.Column("offering_id", UUID(as_uuid=True)),
    sa.Column("offering_title", sa.Text),
    sa.Column("applicant_name", sa.Text),
    _count("public_customer"),
    _count("public_staff"),
    _count("public_system"),
    _count("internal_staff"),
    _count("internal_system"),
    _count("customer_read"),
    _count("staff_read"),
    _count("customer_seen"),
    _count("staff_seen"),
    sa.Index(
        "conversations_one_dialog",
        "applicant_id",
        "offering_id",
        unique=True,
        postgresql_where=sa.text("order_id IS NULL"),
    ),
    sa.Index("conversations_dialogs_of_kind", "kind", "id", postgresql_where=sa.text("order_id IS NULL")),
    sa.Index("conversations_applicant", "applicant_id", "id"),
)

#: `count`: how many messages of its kind of author are in its thread, with this one. `changed_version`: the
#: conversation's version when it was last edited or deleted.
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
    sa.Column("count", sa.Integer, nullable=False, server_default="1"),
    sa.Column("changed_version", sa.Integer, nullable=False, server_default="0"),
    sa.Column("edited_at", sa.DateTime(timezone=True)),
    sa.Column("deleted_at", sa.DateTime(timezone=True)),
    # As `domain.files.SentFile` has them, so that a page of messages is one query.
    sa.Column("files", JSONB, nullable=False, server_default="[]"),
    sa.UniqueConstraint("event_id", name="messages_once_per_event"),
    sa.CheckConstraint("thread IN ('public', 'internal')", name="messages_thread"),
    sa.CheckConstraint("(text IS NULL) <> (template IS NULL)", name="messages_text_or_template"),
    sa.Index("messages_thread_position", "conversation_id", "thread", "position"),
    sa.Index("messages_author", "author_id", postgresql_where=sa.text("author_id IS NOT NULL")),
    sa.Index("messages_author_lately", "author_id", "created_at", postgresql_where=sa.text("author_id IS NOT NULL")),
    sa.Index("messages_changed", "conversation_id", "changed_version", postgresql_where=sa.text("changed_version > 0")),
)

#: A row is there before the content of its file and goes after it.
files = sa.Table(
    "files",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column(
        "conversation_id",
        UUID(as_uuid=True),
        sa.ForeignKey("conversations.id", name="files_conversation"),
        nullable=False,
    ),
    sa.Column("thread", sa.Text, nullable=False),
    sa.Column("message_id", UUID(as_uuid=True)),
    sa.Column("author_id", UUID(as_uuid=True), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("size_bytes", sa.BigInteger),
    sa.Column("sha256", sa.LargeBinary),
    sa.Column("picture", sa.Boolean, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("lease_until", sa.DateTime(timezone=True)),
    sa.CheckConstraint("state IN ('uploading', 'loose', 'sent', 'leaving')", name="files_state"),
    sa.CheckConstraint("state NOT IN ('loose', 'sent') OR (size_bytes > 0 AND sha256 IS NOT NULL)", name="files_whole"),
    sa.CheckConstraint(
        "(state = 'sent') = (message_id IS NOT NULL) AND (state = 'sent') = (lease_until IS NULL)", name="files_sent"
    ),
    sa.Index("files_message", "message_id", postgresql_where=sa.text("message_id IS NOT NULL")),
    sa.Index("files_author", "author_id"),
    sa.Index("files_due", "lease_until", postgresql_where=sa.text("lease_until IS NOT NULL")),
)

#: What a message said before each time its author changed or deleted it.
message_edits = sa.Table(
    "message_edits",
    metadata,
    sa.Column("message_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("edited_at", sa.DateTime(timezone=True), primary_key=True),
    # The conversation's version with the change: two changes may have one time.
    sa.Column("version", sa.Integer, primary_key=True, server_default="0"),
    sa.Column("author_id", UUID(as_uuid=True), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Index("message_edits_author", "author_id"),
)

#: Ready-made texts for staff.
templates = sa.Table(
    "templates",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)

#: How far a person has read a thread. The public one is read by sides: `conversations` has their marks.
reads = sa.Table(
    "reads",
    metadata,
    sa.Column("conversation_id", UUID(as_uuid=True), sa.ForeignKey("conversations.id"), primary_key=True),
    sa.Column("person_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("thread", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
)

#: Events of orders whose `placed` has not come yet: it alone says whether the order has a dialog already.
early_events = sa.Table(
    "early_events",
    metadata,
    sa.Column("event_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("order_id", UUID(as_uuid=True), nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("body", JSONB, nullable=False),
    sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("early_events_order", "order_id"),
)

#: Copies of booking's locations, for times in words.
locations = sa.Table(
    "locations",
    metadata,
    sa.Column("location_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("time_zone", sa.Text, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
)

#: Copies of the catalogue's offerings; `sequence` is the offering's version that they are from.
offerings = sa.Table(
    "offerings",
    metadata,
    sa.Column("offering_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("dialog_before_order", sa.Boolean, nullable=False),
    sa.Column("responsible_ids", ARRAY(UUID(as_uuid=True)), nullable=False),
    sa.Column("location_ids", ARRAY(UUID(as_uuid=True)), nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
)

#: Drafts made of dialogs; one that is live at a time.
drafts = sa.Table(
    "drafts",
    metadata,
    sa.Column("draft_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("conversation_id", UUID(as_uuid=True), nullable=False),
    sa.Column("live", sa.Boolean, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("drafts_one_live", "conversation_id", unique=True, postgresql_where=sa.text("live")),
)

add_chassis_tables(metadata)
