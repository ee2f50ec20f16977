import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from ..catalogue.tables import metadata

#: Numbers that people see. Processes take them a block at a time, so gaps are no sign of anything.
NUMBER_BLOCK = 50
order_numbers = sa.Sequence("order_numbers", start=1_000_000, increment=NUMBER_BLOCK, metadata=metadata)

ID = UUID(as_uuid=True)
INSTANT = sa.DateTime(timezone=True)
JSON = JSONB(none_as_null=True)

_OPEN = "status NOT IN ('done', 'cancelled', 'cancelled_refunding', 'cancelled_refunded', 'removed')"

orders = sa.Table(
    "orders",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("offering_id", ID, nullable=False),
    sa.Column("offering_version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("offering_title", sa.Text, nullable=False),
    sa.Column("legal_entity_id", ID),
    sa.Column("location_id", ID),
    sa.Column("applicant_id", ID, nullable=False),
    sa.Column("applicant_name", sa.Text, nullable=False, server_default=""),
    sa.Column("payer_kind", sa.Text, nullable=False),
    sa.Column("payer", JSON),
    sa.Column("terms", sa.Text, nullable=False, server_default="prepaid"),
    # Written for processes of the release before `terms` and `rules`, which still read them.
    sa.Column("prepaid", sa.Boolean, nullable=False),
    sa.Column("customer_may_cancel", sa.Boolean, nullable=False),
    sa.Column("rules", JSONB, nullable=False, server_default="{}"),
    sa.Column("responsible_ids", ARRAY(ID), nullable=False),
    sa.Column("resource_id", ID),
    sa.Column("starts_at", INSTANT),
    sa.Column("ends_at", INSTANT),
    sa.Column("wanted", JSON),
    sa.Column("answers", JSONB, nullable=False, server_default="{}"),
    sa.Column("premises_id", ID),
    sa.Column("address", sa.Text),
    sa.Column("comment", sa.Text),
    sa.Column("extras_as_lines", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("conversation_id", ID),
    sa.Column("draft_id", ID),
    sa.Column("currency", sa.CHAR(3), nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("label", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", INSTANT, nullable=False),
    sa.Column("updated_at", INSTANT, nullable=False),
    sa.Column("lines", JSONB, nullable=False, server_default="[]"),
    sa.Column("total_amount", sa.BigInteger),
    sa.Column("pay_until", INSTANT),
    sa.Column("places", JSON),
    sa.Column("reservation", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("moved_sequence", sa.Integer, nullable=False, server_default="0"),
    sa.Column("places_gone", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("paid_amount", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("refund_due_amount", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("refunded_amount", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("refund_failed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("fee_amount", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("payment_url", sa.Text),
    sa.Column("invoice_number", sa.BigInteger),
    sa.Column("invoices", JSONB, nullable=False, server_default="{}"),
    sa.Column("payments", JSONB, nullable=False, server_default="{}"),
    sa.Column("refunds", JSONB, nullable=False, server_default="{}"),
    # Apart from them, for a release that knew no such key in theirs.
    sa.Column("refund_sequences", JSONB, nullable=False, server_default="{}"),
    sa.Column("costs_amount", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("costs_sequence", sa.Integer, nullable=False, server_default="0"),
    sa.Column("cancel_reason", sa.Text),
    sa.Column("assignee_id", ID),
    sa.Column("respond_by", INSTANT),
    sa.Column("complete_by", INSTANT),
    sa.Column("taken_up_at", INSTANT),
    sa.Column("response_told", INSTANT),
    sa.Column("completion_told", INSTANT),
    sa.Column("close_at", INSTANT),
    sa.Column("close_when_paid", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("files", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("rating", sa.SmallInteger),
    sa.Column("rating_text", sa.Text),
    sa.Column("rated_at", INSTANT),
    sa.Column("written_by_customer", sa.Integer, nullable=False, server_default="0"),
    sa.Column("written_by_staff", sa.Integer, nullable=False, server_default="0"),
    sa.Column("seen_by_customer", sa.Integer, nullable=False, server_default="0"),
    sa.Column("seen_by_staff", sa.Integer, nullable=False, server_default="0"),
    sa.Column("staff_version", sa.Integer, nullable=False, server_default="0"),
    sa.Column("seen_version", sa.Integer, nullable=False, server_default="0"),
    # What lists and clocks look for, kept beside what it follows from.
    sa.Column("invoiced_amount", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("open_invoices", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("money_status", sa.Text, nullable=False, server_default="not_priced"),
    sa.Column("refund_state", sa.Text),
    sa.Column("refund_amount", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("unread_by_applicant", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("unread_by_staff", sa.Integer, nullable=False, server_default="0"),
    sa.Column("due_at", INSTANT),
    sa.CheckConstraint("refund_due_amount <= paid_amount", name="orders_refund_within_paid"),
    sa.CheckConstraint("refunded_amount <= refund_due_amount", name="orders_refunded_within_due"),
    sa.CheckConstraint("rating BETWEEN 1 AND 5", name="orders_rating_range"),
    # Lists go by `id`, which ascends with time; every filter has an index that ends in it.
    sa.Index("orders_by_applicant_id", "applicant_id", "id"),
    sa.Index("orders_by_status_id", "status", "id"),
    sa.Index("orders_by_kind", "kind", "id"),
    sa.Index("orders_by_offering", "offering_id", "id"),
    sa.Index("orders_by_location", "location_id", "id", postgresql_where=sa.text("location_id IS NOT NULL")),
    sa.Index("orders_by_premises", "premises_id", "id", postgresql_where=sa.text("premises_id IS NOT NULL")),
    # Tabs: how many orders of a kind and location each status has, told without a look at the orders.
    sa.Index("orders_counted", "status", "kind", "location_id"),
    # As listing.store.conditions has it: those that can still be late.
    sa.Index("orders_open", "id", postgresql_where=sa.text(_OPEN)),
    sa.Index("orders_by_assignee", "assignee_id", "id", postgresql_where=sa.text("assignee_id IS NOT NULL")),
    sa.Index("orders_unassigned", "id", postgresql_where=sa.text("assignee_id IS NULL")),
    sa.Index("orders_by_label", "label", "id", postgresql_where=sa.text("label IS NOT NULL")),
    sa.Index("orders_by_rating", "rating", "id", postgresql_where=sa.text("rating IS NOT NULL")),
    sa.Index("orders_by_refund", "refund_state", "id", postgresql_where=sa.text("refund_state IS NOT NULL")),
    sa.Index("orders_paid", "id", postgresql_where=sa.text("invoiced_amount > 0 AND open_invoices = 0")),
    sa.Index("orders_unpaid", "id", postgresql_where=sa.text("open_invoices > 0")),
    sa.Index("orders_unread", "applicant_id", "id", postgresql_where=sa.text("unread_by_applicant")),
    sa.Index("orders_due", "due_at", postgresql_where=sa.text("due_at IS NOT NULL")),
    sa.Index("orders_by_complete_by", "complete_by", postgresql_where=sa.text("complete_by IS NOT NULL")),
    sa.Index("orders_by_draft", "draft_id", unique=True, postgresql_where=sa.text("draft_id IS NOT NULL")),
)

#: Every change of status (B10), and what else people did: who, when, why. `details` says what changed.
order_history = sa.Table(
    "order_history",
    metadata,
    sa.Column("order_id", ID, sa.ForeignKey("orders.id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("position", sa.SmallInteger, primary_key=True),
    sa.Column("at", INSTANT, nullable=False),
    sa.Column("what", sa.Text, nullable=False, server_default="status"),
    sa.Column("from_status", sa.Text),
    sa.Column("to_status", sa.Text, nullable=False),
    sa.Column("label", sa.Text),
    sa.Column("details", JSON),
    sa.Column("reason", sa.Text),
    sa.Column("note", sa.Text),
    sa.Column("actor_kind", sa.Text, nullable=False),
    sa.Column("actor_id", ID),
)

#: The time of a UUIDv7 in steps of 2²⁴ ms, some four and a half hours: its first 24 bits (RFC 9562, 5.7).
PERIOD = "('x' || left({}::text, 6))::bit(24)::int"
PERIOD_SHIFT = 128 - 24

#: The words of a text `s`, and the number that it begins with, as their indexes have them.
WORDS_OF_TEXT = "string_to_array({}text, ' ')"
NUMBER_OF_TEXT = "split_part({}text, ' ', 1)"

#: What an order is found by (B4), apart from it: the index is dear to write and must not be with every change. What
#: lists ask for and changes seldom or never stands beside the words; triggers keep the assignee as the order has it,
#: and all words but the numbers in the vocabulary.
order_search = sa.Table(
    "order_search",
    metadata,
    sa.Column("order_id", ID, sa.ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("location_id", ID),
    sa.Column("offering_id", ID, nullable=False),
    sa.Column("assignee_id", ID),
    sa.Index(
        "order_search_words",
        # The time first: a scan goes through what it is asked of first, and skips in the others what is not there.
        sa.text(f"({PERIOD.format('order_id')})"),
        sa.text(f"({WORDS_OF_TEXT.format('')})"),
        sa.text("(ARRAY[kind])"),
        sa.text("(ARRAY[location_id])"),
        sa.text("(ARRAY[offering_id])"),
        sa.text("(ARRAY[assignee_id])"),
        postgresql_using="gin",
    ),
    sa.Index("order_search_numbers", sa.text(f"({NUMBER_OF_TEXT.format('')}) gin_trgm_ops"), postgresql_using="gin"),
)

#: Every word that some text has, but for the numbers that texts begin with.
search_vocabulary = sa.Table(
    "search_vocabulary",
    metadata,
    sa.Column("word", sa.Text(collation="C"), primary_key=True),
    sa.Index("search_vocabulary_trigrams", "word", postgresql_using="gin", postgresql_ops={"word": "gin_trgm_ops"}),
)
