import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from ..balances.tables import metadata

__all__ = ["account_charges", "metadata"]

#: What an order on account was charged, less what its changes gave back; `waiting` while the funds are missing.
account_charges = sa.Table(
    "account_charges",
    metadata,
    sa.Column("order_id", UUID(as_uuid=True), sa.ForeignKey("order_accounts.order_id"), primary_key=True),
    sa.Column("charged", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("waiting", sa.Boolean, nullable=False, server_default="false"),
    sa.CheckConstraint("charged >= 0", name="account_charges_charged"),
)
