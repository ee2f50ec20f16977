from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from foyer_contracts.money import Money
from sqlalchemy.dialects.postgresql import insert

from .domain import CustomerAccount
from .tables import customer_accounts

_insert = insert(customer_accounts)
# As for accounts of orders: locks the row and returns it, whoever made it.
_OPEN = _insert.on_conflict_do_update(
    index_elements=[customer_accounts.c.customer_id, customer_accounts.c.currency],
    set_={"customer_id": _insert.excluded.customer_id},
).returning(*customer_accounts.c)
_SAVE = (
    sa.update(customer_accounts)
    .where(
        customer_accounts.c.customer_id == sa.bindparam("customer"),
        customer_accounts.c.currency == sa.bindparam("in_currency"),
    )
    .values({name: sa.bindparam(f"new_{name}") for name in ("balance", "credit_limit", "version")})
)
_OF = (
    sa.select(customer_accounts)
    .where(customer_accounts.c.customer_id == sa.bindparam("customer"))
    .order_by(customer_accounts.c.currency)
)

_PAGE = (
    sa.select(customer_accounts)
    .where(
        customer_accounts.c.currency == sa.bindparam("in_currency"),
        sa.or_(~sa.bindparam("debtors", type_=sa.Boolean), customer_accounts.c.balance < 0),
        sa.or_(
            sa.bindparam("after", type_=sa.Uuid).is_(None),
            customer_accounts.c.customer_id > sa.bindparam("after", type_=sa.Uuid),
        ),
    )
    .order_by(customer_accounts.c.customer_id)
    .limit(sa.bindparam("limit"))
)


def _account(row: sa.RowMapping) -> CustomerAccount:
    return CustomerAccount(
        customer_id=row["customer_id"],
        balance=Money(amount=row["balance"], currency=row["currency"]),
        credit_limit=Money(amount=row["credit_limit"], currency=row["currency"]),
        version=row["version"],
    )


async def locked(transaction: Transaction, customer_id: UUID, currency: str) -> CustomerAccount:
    """The customer's account in a currency, locked until the end of the transaction; made if it is not there."""
    result = await transaction.execute(_OPEN, {"customer_id": customer_id, "currency": currency})
    return _account(result.mappings().one())


async def save(transaction: Transaction, account: CustomerAccount) -> None:
    await transaction.execute(
        _SAVE,
        {
            "customer": account.customer_id,
            "in_currency": account.balance.currency,
            "new_balance": account.balance.amount,
            "new_credit_limit": account.credit_limit.amount,
            "new_version": account.version,
        },
    )


async def of_customer(transaction: Transaction, customer_id: UUID) -> Sequence[CustomerAccount]:
    """A customer's accounts, one for each currency."""
    return [_account(row) for row in await transaction.all(_OF, {"customer": customer_id})]


async def page(
    transaction: Transaction, *, currency: str, debtors_only: bool, after: UUID | None, limit: int
) -> Sequence[CustomerAccount]:
    """Accounts in a currency by customer's id; `debtors_only`: with a balance below zero."""
    given = {"in_currency": currency, "debtors": debtors_only, "after": after, "limit": limit}
    return [_account(row) for row in await transaction.all(_PAGE, given)]
