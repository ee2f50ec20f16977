"""Orders of every kind: what they ask for, who does them until when, their money as lists show it; customers.

Only additions, and columns that may now be empty: processes of the release before go on beside.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)
INSTANT = sa.DateTime(timezone=True)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False, server_default="0")


def _amount(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())


def upgrade() -> None:
    _customers()
    _orders()
    _indexes()
    op.add_column("order_history", sa.Column("what", sa.Text, nullable=False, server_default="status"))
    op.add_column("order_history", sa.Column("label", sa.Text))
    op.add_column("order_history", sa.Column("details", JSONB))
    op.create_table(
        "order_search",
        sa.Column("order_id", ID, sa.ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.execute(
        "INSERT INTO order_search (order_id, text) "
        "SELECT o.id, lower(concat_ws(' ', o.number, o.offering_title, nullif(o.applicant_name, ''))) FROM orders o"
    )
    op.create_index(
        "order_search_trigrams",
        "order_search",
        ["text"],
        postgresql_using="gin",
        postgresql_ops={"text": "gin_trgm_ops"},
    )


def _customers() -> None:
    op.create_table(
        "discount_groups",
        sa.Column("id", ID, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.add_column("people", sa.Column("source", sa.Text, nullable=False, server_default="identity"))
    op.add_column("people", sa.Column("company", JSONB))
    op.add_column(
        "people",
        sa.Column("discount_group_id", ID, sa.ForeignKey("discount_groups.id", name="people_discount_group")),
    )
    op.add_column("people", sa.Column("erased_at", INSTANT))
    op.add_column(
        "people",
        sa.Column("search", sa.Text, sa.Computed("lower(name || ' ' || coalesce(email, ''))", persisted=True)),
    )
    op.add_column(
        "people",
        sa.Column(
            "phone_digits",
            sa.Text,
            sa.Computed("regexp_replace(coalesce(phone, ''), '[^0-9]', '', 'g')", persisted=True),
        ),
    )
    op.create_index(
        "people_search", "people", ["search"], postgresql_using="gin", postgresql_ops={"search": "gin_trgm_ops"}
    )
    op.create_index("people_by_phone", "people", ["phone_digits"], postgresql_where=sa.text("phone_digits <> ''"))
    op.create_index(
        "people_by_group", "people", ["discount_group_id"], postgresql_where=sa.text("discount_group_id IS NOT NULL")
    )
    op.create_table(
        "premises",
        sa.Column("id", ID, primary_key=True),
        sa.Column("customer_id", ID, sa.ForeignKey("people.id", name="premises_customer"), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("location_id", ID),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_index("premises_by_customer", "premises", ["customer_id", "id"])


def _orders() -> None:
    for column in (
        sa.Column("offering_version", sa.Integer, nullable=False, server_default="1"),
        sa.Column("legal_entity_id", ID),
        sa.Column("location_id", ID),
        sa.Column("applicant_name", sa.Text, nullable=False, server_default=""),
        sa.Column("payer", JSONB),
        sa.Column("terms", sa.Text, nullable=False, server_default="prepaid"),
        sa.Column("rules", JSONB, nullable=False, server_default="{}"),
        sa.Column("wanted", JSONB),
        sa.Column("answers", JSONB, nullable=False, server_default="{}"),
        sa.Column("premises_id", ID),
        sa.Column("address", sa.Text),
        _flag("extras_as_lines"),
        sa.Column("conversation_id", ID),
        sa.Column("draft_id", ID),
        sa.Column("label", sa.Text),
        _count("moved_sequence"),
        _amount("fee_amount"),
        sa.Column("invoices", JSONB, nullable=False, server_default="{}"),
        sa.Column("payments", JSONB, nullable=False, server_default="{}"),
        sa.Column("refunds", JSONB, nullable=False, server_default="{}"),
        _amount("costs_amount"),
        _count("costs_sequence"),
        sa.Column("assignee_id", ID),
        sa.Column("respond_by", INSTANT),
        sa.Column("complete_by", INSTANT),
        sa.Column("taken_up_at", INSTANT),
        sa.Column("response_told", INSTANT),
        sa.Column("completion_told", INSTANT),
        sa.Column("close_at", INSTANT),
        _flag("close_when_paid"),
        sa.Column("files", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column("rating", sa.SmallInteger),
        sa.Column("rating_text", sa.Text),
        sa.Column("rated_at", INSTANT),
        _count("written_by_customer"),
        _count("written_by_staff"),
        _count("seen_by_customer"),
        _count("seen_by_staff"),
        _count("staff_version"),
        _count("seen_version"),
        _amount("invoiced_amount"),
        sa.Column("open_invoices", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column("money_status", sa.Text, nullable=False, server_default="not_priced"),
        sa.Column("refund_state", sa.Text),
        _amount("refund_amount"),
        _flag("unread_by_applicant"),
        _count("unread_by_staff"),
        sa.Column("due_at", INSTANT),
    ):
        op.add_column("orders", column)
    for name in ("resource_id", "starts_at", "ends_at"):
        op.alter_column("orders", name, nullable=True)
    op.execute(
        """
        UPDATE orders o SET
            terms = CASE WHEN prepaid THEN 'prepaid' ELSE 'postpaid' END,
            applicant_name = coalesce((SELECT p.name FROM people p WHERE p.id = o.applicant_id), ''),
            taken_up_at = CASE WHEN status IN ('confirmed', 'active', 'done') THEN updated_at END,
            money_status = CASE
                WHEN refund_failed THEN 'refund_failed'
                WHEN refund_due_amount > refunded_amount THEN 'refunding'
                WHEN refund_due_amount > 0 THEN 'refunded'
                WHEN total_amount IS NULL THEN 'not_priced'
                WHEN paid_amount >= total_amount THEN 'paid'
                WHEN paid_amount > 0 THEN 'partly_paid'
                ELSE 'awaiting_payment'
            END,
            refund_amount = refund_due_amount,
            refund_state = CASE
                WHEN refund_failed THEN 'failed'
                WHEN refund_due_amount > refunded_amount THEN 'processing'
                WHEN refund_due_amount > 0 THEN 'done'
            END
        """
    )
    op.create_check_constraint("orders_rating_range", "orders", "rating BETWEEN 1 AND 5")


def _indexes() -> None:
    op.drop_index("orders_by_applicant", "orders")
    op.drop_index("orders_by_status", "orders")
    op.create_index("orders_by_applicant_id", "orders", ["applicant_id", "id"])
    op.create_index("orders_by_status_id", "orders", ["status", "id"])
    op.create_index("orders_by_kind", "orders", ["kind", "id"])
    op.create_index("orders_by_offering", "orders", ["offering_id", "id"])
    for name, column in (
        ("orders_by_location", "location_id"),
        ("orders_by_assignee", "assignee_id"),
        ("orders_by_label", "label"),
        ("orders_by_rating", "rating"),
        ("orders_by_refund", "refund_state"),
    ):
        op.create_index(name, "orders", [column, "id"], postgresql_where=sa.text(f"{column} IS NOT NULL"))
    op.create_index("orders_unpaid", "orders", ["id"], postgresql_where=sa.text("open_invoices > 0"))
    op.create_index("orders_unread", "orders", ["applicant_id", "id"], postgresql_where=sa.text("unread_by_applicant"))
    op.create_index("orders_due", "orders", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))
    op.create_index(
        "orders_by_complete_by", "orders", ["complete_by"], postgresql_where=sa.text("complete_by IS NOT NULL")
    )
    op.create_index(
        "orders_by_draft", "orders", ["draft_id"], unique=True, postgresql_where=sa.text("draft_id IS NOT NULL")
    )
