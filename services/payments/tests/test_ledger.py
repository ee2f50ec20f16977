"""What PostgreSQL itself refuses, whoever writes."""

import pytest
import sqlalchemy as sa
from foyer_contracts.ids import new_id
from sqlalchemy.exc import DBAPIError, IntegrityError

from .conftest import Shop


async def run(shop: Shop, *statements: str, **parameters: object) -> None:
    async with shop.it.database.transaction() as transaction:
        for statement in statements:
            await transaction.execute(sa.text(statement), parameters)


async def test_postings_must_sum_to_zero(shop: Shop) -> None:
    order_id = await shop.paid()
    book = (
        "INSERT INTO ledger_transactions (id, kind, reference_id, order_id, booked_at) "
        "VALUES (:id, 'payment', :id, :order, now())"
    )
    post = "INSERT INTO ledger_postings VALUES (:id, 'provider:yookassa', 'RUB', 100)"
    with pytest.raises(DBAPIError, match="do not sum to zero"):
        await run(shop, book, post, id=new_id(), order=order_id)
    with pytest.raises(DBAPIError, match="do not sum to zero"):
        await run(shop, book, id=new_id(), order=order_id)
    other = "INSERT INTO ledger_postings VALUES (:id, 'orders:prepayments', 'EUR', -100)"
    with pytest.raises(DBAPIError, match="do not sum to zero"):
        await run(shop, book, post, other, id=new_id(), order=order_id)
    await run(shop, book, post, other.replace("EUR", "RUB"), id=new_id(), order=order_id)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_postings SET amount = amount + 1",
        "DELETE FROM ledger_postings",
        "TRUNCATE ledger_postings",
        "UPDATE ledger_transactions SET booked_at = now()",
        "DELETE FROM ledger_transactions",
    ],
)
async def test_the_ledger_is_append_only(shop: Shop, statement: str) -> None:
    await shop.paid()
    with pytest.raises(DBAPIError, match="append-only"):
        await run(shop, statement)


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE order_accounts SET pending_refund = 40001", "order_accounts_refund_cap"),
        ("UPDATE order_accounts SET refunded = 40000, pending_refund = 1", "order_accounts_refund_cap"),
        ("UPDATE order_accounts SET paid = -1", "order_accounts_not_negative"),
        ("UPDATE payments SET refund_reserved = 40001", "payments_refund_cap"),
        ("UPDATE payments SET status = 'failed'", "payments_received"),
        ("UPDATE invoices SET total = 50000", "invoices_paid_in_full"),
    ],
)
async def test_what_the_books_cannot_hold(shop: Shop, statement: str, constraint: str) -> None:
    await shop.paid()
    with pytest.raises(IntegrityError, match=constraint):
        await run(shop, statement)


COPY_PAYMENT = """
    INSERT INTO payments (id, invoice_id, order_id, applicant_id, provider, provider_payment_id, description, amount,
                          currency, status, next_at, created_at, version)
    SELECT :id, invoice_id, order_id, applicant_id, provider, {}, description, amount, currency, {}, now(),
           created_at, 1
    FROM payments
"""


async def test_one_open_payment_per_invoice_and_unique_provider_ids(shop: Shop) -> None:
    await shop.with_link()
    with pytest.raises(IntegrityError, match="payments_one_open_per_invoice"):
        await run(shop, COPY_PAYMENT.format("NULL", "'creating'"), id=new_id())
    with pytest.raises(IntegrityError, match="payments_provider_payment_id"):
        await run(shop, COPY_PAYMENT.format("provider_payment_id", "'watched'"), id=new_id())
    await run(shop, COPY_PAYMENT.format("NULL", "'watched'"), id=new_id())
