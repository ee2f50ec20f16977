"""Money comes into a customer's account, and out of it again where it should not have come."""

from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import StaleError
from foyer_contracts import payments as events
from foyer_contracts.money import Money

from ..accounting import domain as ledger
from ..accounting import store as accounting
from . import store
from .domain import CustomerAccount


async def top_up(
    transaction: Transaction,
    *,
    customer_id: UUID,
    amount: Money,
    source: str,
    top_up_id: UUID,
    invoice_id: UUID,
    order_id: UUID | None,
    online: bool,
    surcharge: tuple[str, Money] | None = None,
) -> CustomerAccount:
    """Money was paid into the account (C6, C7); the same `top_up_id` twice violates a constraint."""
    account = (await store.locked(transaction, customer_id, amount.currency)).receive(amount)
    await store.save(transaction, account)
    await accounting.book(
        transaction,
        "top_up",
        ledger.moved(source, ledger.customer(customer_id), amount, surcharge=surcharge),
        reference_id=top_up_id,
        customer_id=customer_id,
        at=transaction.now,
    )
    transaction.publish(
        events.AccountToppedUp(
            top_up_id=top_up_id,
            customer_id=customer_id,
            invoice_id=invoice_id,
            order_id=order_id,
            amount=amount,
            balance=account.balance,
            online=online,
        ),
        subject=customer_id,
        sequence=account.version,
    )
    return account


async def reverse(
    transaction: Transaction, *, customer_id: UUID, amount: Money, source: str, top_up_id: UUID
) -> CustomerAccount:
    """A top-up that staff had booked never was. Raises FundsMissingError: the money is spent already."""
    account = (await store.locked(transaction, customer_id, amount.currency)).spend(amount)
    await store.save(transaction, account)
    await accounting.book(
        transaction,
        "top_up_reversal",
        ledger.moved(source, ledger.customer(customer_id), amount * -1),
        reference_id=top_up_id,
        customer_id=customer_id,
        at=transaction.now,
    )
    return account


async def give_back(transaction: Transaction, customer_id: UUID, amount: Money) -> None:
    """What an order had taken off the account is on it again; the refund itself is in the ledger."""
    await store.save(transaction, (await store.locked(transaction, customer_id, amount.currency)).receive(amount))


async def limit(
    transaction: Transaction, customer_id: UUID, credit_limit: Money, *, version: int | None
) -> CustomerAccount:
    """Set the credit limit; with `version` only if the account is still at it. Raises StaleError."""
    account = await store.locked(transaction, customer_id, credit_limit.currency)
    if version is not None and version != account.version:
        raise StaleError(version=account.version)
    account = account.limited(credit_limit)
    await store.save(transaction, account)
    return account
