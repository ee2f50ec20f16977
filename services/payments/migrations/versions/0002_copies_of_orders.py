"""Copies of orders, offerings and customers; invoices that staff prepare, in parts, or for no order; payments and
refunds that no payment provider takes part in; a ledger with an account for each of those whose money it is.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _copies()
    _ledger()
    _invoices()
    _payments()
    _refunds()


def _replace_check(table: str, name: str, condition: str) -> None:
    op.drop_constraint(name, table, type_="check")
    op.create_check_constraint(name, table, condition)


def _copies() -> None:
    op.create_table(
        "order_copies",
        sa.Column("order_id", ID, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("applicant_id", ID, nullable=False),
        sa.Column("kind", sa.Text),
        sa.Column("offering_id", ID),
        sa.Column("offering_title", sa.Text),
        sa.Column("legal_entity_id", ID),
        sa.Column("location_id", ID),
        sa.Column("assignee_id", ID),
        sa.Column("assignee_sequence", sa.Integer, nullable=False, server_default="0"),
        sa.Column("terms", sa.Text),
        sa.Column("payer_kind", sa.Text),
        sa.Column("status", sa.Text),
        sa.Column("status_group", sa.Text),
        sa.Column("status_sequence", sa.Integer, nullable=False, server_default="0"),
        sa.Column("description", sa.Text),
        sa.Column("lines", JSONB, nullable=False, server_default="[]"),
        sa.Column("total", sa.BigInteger),
        sa.Column("currency", sa.CHAR(3)),
        sa.Column("pay_until", INSTANT),
        sa.Column("extras_as_lines", sa.Boolean, nullable=False, server_default="false"),
        sa.Column("content_sequence", sa.Integer, nullable=False, server_default="0"),
        sa.CheckConstraint("(total IS NULL) = (currency IS NULL)", name="order_copies_total"),
    )
    op.create_table(
        "offering_copies",
        sa.Column("offering_id", ID, primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("terms", sa.Text, nullable=False),
        sa.Column("refunds_allowed", sa.Boolean, nullable=False),
        sa.Column("legal_entity_id", ID),
        sa.Column("sequence", sa.Integer, nullable=False),
    )
    op.create_table(
        "customer_copies",
        sa.Column("customer_id", ID, primary_key=True),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("discount_group_id", ID),
        sa.Column("erased", sa.Boolean, nullable=False, server_default="false"),
        sa.Column("sequence", sa.Integer, nullable=False),
    )


def _ledger() -> None:
    op.alter_column("ledger_transactions", "order_id", nullable=True)
    op.add_column("ledger_transactions", sa.Column("customer_id", ID))
    _replace_check(
        "ledger_transactions",
        "ledger_transactions_kind",
        "kind IN ('payment', 'refund', 'top_up', 'top_up_reversal', 'settlement')",
    )
    op.create_check_constraint(
        "ledger_transactions_of_somebody", "ledger_transactions", "order_id IS NOT NULL OR customer_id IS NOT NULL"
    )
    op.create_index("ledger_transactions_by_time", "ledger_transactions", ["kind", "booked_at"])
    op.create_index("ledger_postings_by_account", "ledger_postings", ["account", "currency"])


def _invoices() -> None:
    op.alter_column("invoices", "order_id", nullable=True)
    op.alter_column("invoices", "order_number", nullable=True)
    for column in (
        sa.Column("origin", sa.Text, nullable=False, server_default="priced"),
        sa.Column("extras_as_lines", sa.Boolean, nullable=False, server_default="true"),
        sa.Column("legal_entity_id", ID),
        sa.Column("in_parts", sa.Boolean, nullable=False, server_default="false"),
        sa.Column("marked", sa.Text),
        sa.Column("activated_at", INSTANT),
    ):
        op.add_column("invoices", column)
    _replace_check("invoices", "invoices_status", "status IN ('draft', 'issued', 'paid', 'cancelled')")
    op.create_check_constraint("invoices_marked", "invoices", "marked IN ('cash', 'transfer')")
    op.create_check_constraint(
        "invoices_origin", "invoices", "origin IN ('priced', 'changed', 'staff', 'account', 'top_up')"
    )
    op.create_check_constraint("invoices_of_an_order", "invoices", "origin = 'top_up' OR order_id IS NOT NULL")
    op.create_check_constraint("invoices_order_number", "invoices", "(order_id IS NULL) = (order_number IS NULL)")
    op.create_index(
        "invoices_one_unpaid_per_order",
        "invoices",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('draft', 'issued') AND origin <> 'top_up'"),
    )
    op.drop_index("invoices_one_open_per_order", "invoices")


def _payments() -> None:
    op.alter_column("payments", "order_id", nullable=True)
    for column in (
        sa.Column("surcharge", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("surcharge_reserved", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("part", sa.Integer),
        sa.Column("choice", JSONB, nullable=False, server_default="{}"),
        sa.Column("receipt", JSONB),
        sa.Column("source", sa.Text),
        sa.Column("taken_by", ID),
    ):
        op.add_column("payments", column)
    op.create_check_constraint("payments_surcharge_cap", "payments", "surcharge_reserved BETWEEN 0 AND surcharge")
    op.create_index(
        "payments_parts_once",
        "payments",
        ["order_id", "part"],
        unique=True,
        postgresql_where=sa.text("part IS NOT NULL"),
    )


def _refunds() -> None:
    op.alter_column("refunds", "provider_payment_id", nullable=True)
    for column in (
        sa.Column("provider", sa.Text, nullable=False, server_default="yookassa"),
        sa.Column("source", sa.Text),
        sa.Column("surcharge", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("receipt", JSONB),
        sa.Column("note", sa.Text),
        sa.Column("requested_by", ID),
        sa.Column("handed_out_by", ID),
    ):
        op.add_column("refunds", column)
    _replace_check("refunds", "refunds_amount", "amount > 0 AND surcharge >= 0")
    _replace_check(
        "refunds", "refunds_status", "status IN ('requested', 'in_progress', 'succeeded', 'failed', 'at_desk')"
    )
    op.create_check_constraint(
        "refunds_provider_payment", "refunds", "(provider IN ('desk', 'balance')) = (provider_payment_id IS NULL)"
    )
