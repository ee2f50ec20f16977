import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

metadata = sa.MetaData()

#: What an order paid and got back; its row is the lock under which the order's money moves.
order_accounts = sa.Table(
    "order_accounts",
    metadata,
    sa.Column("order_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("order_number", sa.BigInteger, nullable=False, index=True),
    sa.Column("applicant_id", UUID(as_uuid=True), nullable=False),
    sa.Column("currency", sa.CHAR(3), nullable=False),
    sa.Column("paid", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("refunded", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("pending_refund", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("disputed", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("cancelled_reason", sa.Text),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("settled_version", sa.Integer, nullable=False, server_default="1"),
    sa.Index("order_accounts_to_settle", "order_id", postgresql_where=sa.text("settled_version < version")),
    sa.CheckConstraint("paid >= 0 AND refunded >= 0 AND pending_refund >= 0", name="order_accounts_not_negative"),
    sa.CheckConstraint("refunded + pending_refund <= paid", name="order_accounts_refund_cap"),
    sa.CheckConstraint(
        "disputed >= 0 AND refunded + pending_refund + disputed <= paid", name="order_accounts_undisputed_cap"
    ),
)

#: The ledger: double entry, append-only (a trigger refuses changes), each transaction's postings sum to zero
#: (a deferred constraint trigger).
ledger_transactions = sa.Table(
    "ledger_transactions",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("reference_id", UUID(as_uuid=True), nullable=False),
    sa.Column("occurrence", sa.Integer, nullable=False, server_default="1"),
    sa.Column("order_id", UUID(as_uuid=True), sa.ForeignKey("order_accounts.order_id"), index=True),
    sa.Column("customer_id", UUID(as_uuid=True)),
    sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("kind", "reference_id", "occurrence", name="ledger_transactions_once_each"),
    sa.CheckConstraint(
        "kind IN ('payment', 'refund', 'refund_reversal', 'dispute', 'dispute_reversal', 'top_up', 'top_up_reversal', "
        "'settlement')",
        name="ledger_transactions_kind",
    ),
    sa.CheckConstraint("order_id IS NOT NULL OR customer_id IS NOT NULL", name="ledger_transactions_of_somebody"),
    sa.Index("ledger_transactions_by_time", "kind", "booked_at"),
)

ledger_postings = sa.Table(
    "ledger_postings",
    metadata,
    sa.Column(
        "transaction_id", UUID(as_uuid=True), sa.ForeignKey("ledger_transactions.id"), primary_key=True, nullable=False
    ),
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("currency", sa.CHAR(3), primary_key=True),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.CheckConstraint("amount <> 0", name="ledger_postings_amount"),
    sa.Index("ledger_postings_by_account", "account", "currency"),
)
