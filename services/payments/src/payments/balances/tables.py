import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from ..accounting.tables import metadata

__all__ = ["customer_accounts", "metadata"]

#: Its row is the lock under which a customer's balance moves; lock an order's account before it.
customer_accounts = sa.Table(
    "customer_accounts",
    metadata,
    sa.Column("customer_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("currency", sa.CHAR(3), primary_key=True),
    sa.Column("balance", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("credit_limit", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.CheckConstraint("credit_limit >= 0", name="customer_accounts_credit_limit"),
)
