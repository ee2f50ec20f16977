"""Invoices, payments, refunds, the accounts of orders and the ledger.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)
INSTANT = sa.DateTime(timezone=True)

LEDGER_RULES = [
    """
    CREATE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE FUNCTION ledger_check_balance() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        booked uuid;
    BEGIN
        IF TG_TABLE_NAME = 'ledger_transactions' THEN booked := NEW.id; ELSE booked := NEW.transaction_id; END IF;
        IF NOT EXISTS (SELECT FROM ledger_postings WHERE transaction_id = booked) OR EXISTS (
            SELECT FROM ledger_postings WHERE transaction_id = booked GROUP BY currency HAVING sum(amount) <> 0
        ) THEN
            RAISE EXCEPTION 'postings of ledger transaction % do not sum to zero', booked
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    END $$
    """,
]


def upgrade() -> None:
    _chassis_tables()
    op.create_table(
        "order_accounts",
        sa.Column("order_id", ID, primary_key=True),
        sa.Column("order_number", sa.BigInteger, nullable=False),
        sa.Column("applicant_id", ID, nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("paid", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("refunded", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("pending_refund", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("cancelled_reason", sa.Text),
        sa.Column("version", sa.Integer, nullable=False, server_default="1"),
        sa.CheckConstraint("paid >= 0 AND refunded >= 0 AND pending_refund >= 0", name="order_accounts_not_negative"),
        sa.CheckConstraint("refunded + pending_refund <= paid", name="order_accounts_refund_cap"),
    )
    op.create_index("ix_order_accounts_order_number", "order_accounts", ["order_number"])
    _ledger()
    _invoices()
    _payments()
    _refunds()


def _chassis_tables() -> None:
    op.create_table(
        "outbox",
        sa.Column("position", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("event_id", ID, nullable=False),
        sa.Column("exchange", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("parked_reason", sa.Text),
    )
    op.create_table(
        "inbox",
        sa.Column("event_id", ID, primary_key=True),
        sa.Column("handled_at", INSTANT, nullable=False, server_default=sa.func.now()),
    )
    op.create_index("ix_inbox_handled_at", "inbox", ["handled_at"])
    op.create_table(
        "idempotency_keys",
        sa.Column("caller_id", ID, primary_key=True),
        sa.Column("route", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("request_hash", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.SmallInteger, nullable=False),
        sa.Column("headers", JSONB, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False, server_default=sa.func.now()),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])


def _ledger() -> None:
    op.create_table(
        "ledger_transactions",
        sa.Column("id", ID, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("reference_id", ID, nullable=False),
        sa.Column("order_id", ID, sa.ForeignKey("order_accounts.order_id"), nullable=False),
        sa.Column("booked_at", INSTANT, nullable=False),
        sa.UniqueConstraint("kind", "reference_id", name="ledger_transactions_once"),
        sa.CheckConstraint("kind IN ('payment', 'refund')", name="ledger_transactions_kind"),
    )
    op.create_index("ix_ledger_transactions_order_id", "ledger_transactions", ["order_id"])
    op.create_table(
        "ledger_postings",
        sa.Column("transaction_id", ID, sa.ForeignKey("ledger_transactions.id"), primary_key=True),
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("currency", sa.CHAR(3), primary_key=True),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.CheckConstraint("amount <> 0", name="ledger_postings_amount"),
    )
    for statement in LEDGER_RULES:
        op.execute(statement)
    for table in ("ledger_transactions", "ledger_postings"):
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change()"
        )
        op.execute(
            f"CREATE CONSTRAINT TRIGGER {table}_balance AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION ledger_check_balance()"
        )


def _invoices() -> None:
    op.create_table(
        "invoices",
        sa.Column("id", ID, primary_key=True),
        sa.Column("number", sa.BigInteger, sa.Identity(start=2001), nullable=False, unique=True),
        sa.Column("order_id", ID, sa.ForeignKey("order_accounts.order_id"), nullable=False),
        sa.Column("order_number", sa.BigInteger, nullable=False),
        sa.Column("applicant_id", ID, nullable=False),
        sa.Column("prepaid", sa.Boolean, nullable=False),
        sa.Column("cause_event_id", ID, nullable=False, unique=True),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("lines", JSONB, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("paid", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("cancel_reason", sa.Text),
        sa.Column("pay_until", INSTANT),
        sa.Column("issued_at", INSTANT, nullable=False),
        sa.Column("settled_at", INSTANT),
        sa.Column("version", sa.Integer, nullable=False),
        sa.CheckConstraint("total > 0 AND paid >= 0", name="invoices_amounts"),
        sa.CheckConstraint("status IN ('issued', 'paid', 'cancelled')", name="invoices_status"),
        sa.CheckConstraint("status <> 'paid' OR paid >= total", name="invoices_paid_in_full"),
    )
    op.create_index("ix_invoices_order_id", "invoices", ["order_id"])
    op.create_index("ix_invoices_order_number", "invoices", ["order_number"])
    op.create_index("invoices_of_applicant", "invoices", ["applicant_id", "id"])
    op.create_index(
        "invoices_one_open_per_order",
        "invoices",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("status = 'issued'"),
    )
    op.create_index(
        "invoices_one_prepaid_per_order", "invoices", ["order_id"], unique=True, postgresql_where=sa.text("prepaid")
    )


def _payments() -> None:
    op.create_table(
        "payments",
        sa.Column("id", ID, primary_key=True),
        sa.Column("invoice_id", ID, sa.ForeignKey("invoices.id"), nullable=False),
        sa.Column("order_id", ID, sa.ForeignKey("order_accounts.order_id"), nullable=False),
        sa.Column("applicant_id", ID, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("provider_payment_id", sa.Text),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("received", sa.BigInteger),
        sa.Column("refund_reserved", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("link", sa.Text),
        sa.Column("method", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("next_at", INSTANT),
        sa.Column("hinted_at", INSTANT),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("paid_at", INSTANT),
        sa.Column("caused_by", sa.Text),
        sa.Column("traceparent", sa.Text),
        sa.Column("version", sa.Integer, nullable=False),
        sa.UniqueConstraint("provider", "provider_payment_id", name="payments_provider_payment_id"),
        sa.CheckConstraint("amount > 0", name="payments_amount"),
        sa.CheckConstraint(
            "status IN ('creating', 'pending', 'watched', 'succeeded', 'cancelled', 'failed')", name="payments_status"
        ),
        sa.CheckConstraint("(status = 'succeeded') = (received IS NOT NULL)", name="payments_received"),
        sa.CheckConstraint("refund_reserved BETWEEN 0 AND coalesce(received, 0)", name="payments_refund_cap"),
        sa.CheckConstraint(
            "(status IN ('creating', 'pending', 'watched')) = (next_at IS NOT NULL)", name="payments_looked_after"
        ),
    )
    op.create_index("ix_payments_invoice_id", "payments", ["invoice_id"])
    op.create_index("ix_payments_order_id", "payments", ["order_id"])
    op.create_index(
        "payments_one_open_per_invoice",
        "payments",
        ["invoice_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('creating', 'pending')"),
    )
    op.create_index(
        "payments_to_create", "payments", ["next_at"], postgresql_where=sa.text("provider_payment_id IS NULL")
    )
    op.create_index(
        "payments_to_check", "payments", ["next_at"], postgresql_where=sa.text("provider_payment_id IS NOT NULL")
    )


def _refunds() -> None:
    op.create_table(
        "refund_requests",
        sa.Column("event_id", ID, primary_key=True),
        sa.Column("order_id", ID, sa.ForeignKey("order_accounts.order_id"), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("asked", sa.BigInteger, nullable=False),
        sa.Column("granted", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("requested_at", INSTANT, nullable=False),
        sa.CheckConstraint("granted BETWEEN 0 AND asked", name="refund_requests_granted"),
    )
    op.create_index("ix_refund_requests_order_id", "refund_requests", ["order_id"])
    op.create_table(
        "refunds",
        sa.Column("id", ID, primary_key=True),
        sa.Column("event_id", ID, sa.ForeignKey("refund_requests.event_id"), nullable=False),
        sa.Column("payment_id", ID, sa.ForeignKey("payments.id"), nullable=False),
        sa.Column("order_id", ID, sa.ForeignKey("order_accounts.order_id"), nullable=False),
        sa.Column("order_number", sa.BigInteger, nullable=False),
        sa.Column("applicant_id", ID, nullable=False),
        sa.Column("provider_payment_id", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("provider_refund_id", sa.Text, unique=True),
        sa.Column("provider_key", sa.Text, nullable=False, unique=True),
        sa.Column("key_used_at", INSTANT),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("failure", sa.Text),
        sa.Column("next_at", INSTANT),
        sa.Column("requested_at", INSTANT, nullable=False),
        sa.Column("started_at", INSTANT),
        sa.Column("finished_at", INSTANT),
        sa.Column("caused_by", sa.Text),
        sa.Column("traceparent", sa.Text),
        sa.Column("version", sa.Integer, nullable=False),
        sa.UniqueConstraint("event_id", "payment_id", name="refunds_once_per_event"),
        sa.CheckConstraint("amount > 0", name="refunds_amount"),
        sa.CheckConstraint("status IN ('requested', 'in_progress', 'succeeded', 'failed')", name="refunds_status"),
        sa.CheckConstraint(
            "(status IN ('requested', 'in_progress')) = (next_at IS NOT NULL)", name="refunds_looked_after"
        ),
        sa.CheckConstraint(
            "status <> 'in_progress' OR provider_refund_id IS NOT NULL", name="refunds_known_at_provider"
        ),
    )
    op.create_index("ix_refunds_payment_id", "refunds", ["payment_id"])
    op.create_index("ix_refunds_order_id", "refunds", ["order_id"])
    op.create_index("refunds_due", "refunds", ["next_at"], postgresql_where=sa.text("next_at IS NOT NULL"))
    op.create_index("refunds_by_status", "refunds", ["status", "id"])
