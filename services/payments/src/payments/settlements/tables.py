import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from ..paying.tables import metadata

__all__ = ["metadata", "settlement_changes", "settlements"]

#: What each order brought and cost so far; kept beside the ledger, in the same transaction.
settlements = sa.Table(
    "settlements",
    metadata,
    sa.Column("order_id", UUID(as_uuid=True), sa.ForeignKey("order_accounts.order_id"), primary_key=True),
    sa.Column("order_number", sa.BigInteger, nullable=False),
    sa.Column("legal_entity_id", UUID(as_uuid=True)),
    sa.Column("currency", sa.CHAR(3), nullable=False),
    sa.Column("gross", sa.BigInteger, nullable=False),
    sa.Column("acquiring", JSONB, nullable=False),
    sa.Column("commission", sa.BigInteger, nullable=False),
    # By account of the ledger.
    sa.Column("chargebacks", JSONB, nullable=False, server_default="{}"),
    sa.Column("commission_percent", sa.Numeric(5, 2), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)

#: By how much they changed and when, for reports of a period; one row per ledger transaction of kind `settlement`.
#: Or what an online top-up cost, once, and what disputes about it did, as often as that changes: it brings nothing,
#: since orders that the balance pays for do.
settlement_changes = sa.Table(
    "settlement_changes",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True),
    sa.Column("order_id", UUID(as_uuid=True), sa.ForeignKey("order_accounts.order_id"), index=True),
    sa.Column("order_number", sa.BigInteger),
    sa.Column("top_up_id", UUID(as_uuid=True), sa.ForeignKey("payments.id")),
    sa.Column("legal_entity_id", UUID(as_uuid=True)),
    sa.Column("currency", sa.CHAR(3), nullable=False),
    sa.Column("gross", sa.BigInteger, nullable=False),
    sa.Column("acquiring", sa.BigInteger, nullable=False),
    sa.Column("commission", sa.BigInteger, nullable=False),
    sa.Column("chargebacks", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("net", sa.BigInteger, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("net = gross - acquiring - commission - chargebacks", name="settlement_changes_net"),
    sa.Index("settlement_changes_top_up_once", "top_up_id", unique=True, postgresql_where=sa.text("acquiring <> 0")),
    sa.CheckConstraint("(order_id IS NULL) = (top_up_id IS NOT NULL)", name="settlement_changes_of_one_thing"),
    sa.Index("settlement_changes_by_time", "at"),
)
