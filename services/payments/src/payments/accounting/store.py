from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from foyer_contracts.ids import new_id
from foyer_contracts.money import Money
from sqlalchemy.dialects.postgresql import insert

from .domain import Kind, OrderAccount, Posting
from .tables import ledger_postings, ledger_transactions, order_accounts

_ACCOUNT = sa.select(order_accounts).where(order_accounts.c.order_id == sa.bindparam("order"))
_ACCOUNT_LOCKED = _ACCOUNT.with_for_update()
_LOCKED_ALL = (
    sa.select(order_accounts)
    .where(order_accounts.c.order_id.in_(sa.bindparam("orders", expanding=True)))
    .order_by(order_accounts.c.order_id)
    .with_for_update()
)
_insert = insert(order_accounts)
# An update that changes nothing: it locks the row and returns it, whoever made it.
_OPEN = _insert.on_conflict_do_update(
    index_elements=[order_accounts.c.order_id], set_={"order_id": _insert.excluded.order_id}
).returning(*order_accounts.c)
_OPEN_MANY = _insert.on_conflict_do_nothing()
_SAVE = (
    sa.update(order_accounts)
    .where(order_accounts.c.order_id == sa.bindparam("order"))
    .values(
        {
            name: sa.bindparam(f"new_{name}")
            for name in ("paid", "refunded", "pending_refund", "disputed", "cancelled_reason")
        }
    )
    .values(version=sa.bindparam("new_version"))
)
_ENTRIES = (
    sa.select(
        ledger_transactions.c.id,
        ledger_transactions.c.kind,
        ledger_transactions.c.order_id,
        ledger_transactions.c.booked_at,
        ledger_postings.c.amount,
    )
    .join(ledger_postings, ledger_postings.c.transaction_id == ledger_transactions.c.id)
    .where(
        ledger_postings.c.account == sa.bindparam("of_account"),
        ledger_postings.c.currency == sa.bindparam("in_currency"),
        sa.or_(
            sa.bindparam("before", type_=sa.Uuid).is_(None),
            ledger_transactions.c.id < sa.bindparam("before", type_=sa.Uuid),
        ),
    )
    .order_by(ledger_transactions.c.id.desc())
    .limit(sa.bindparam("limit"))
)
_BOOK = sa.insert(ledger_transactions)
_POST = sa.insert(ledger_postings)


def _account(row: sa.RowMapping) -> OrderAccount:
    def money(column: str) -> Money:
        return Money(amount=row[column], currency=row["currency"])

    return OrderAccount(
        order_id=row["order_id"],
        order_number=row["order_number"],
        applicant_id=row["applicant_id"],
        paid=money("paid"),
        refunded=money("refunded"),
        pending_refund=money("pending_refund"),
        cancelled_reason=row["cancelled_reason"],
        version=row["version"],
        disputed=money("disputed"),
    )


async def open_account(
    transaction: Transaction, *, order_id: UUID, order_number: int, applicant_id: UUID, currency: str
) -> OrderAccount:
    """The order's account, locked until the end of the transaction; made if it is not there."""
    result = await transaction.execute(
        _OPEN,
        {"order_id": order_id, "order_number": order_number, "applicant_id": applicant_id, "currency": currency},
    )
    return _account(result.mappings().one())


async def open_accounts(transaction: Transaction, rows: Sequence[Mapping[str, Any]]) -> dict[UUID, OrderAccount]:
    """As `open_account`, for many: rows of `order_id`, `order_number`, `applicant_id`, `currency`."""
    await transaction.execute(_OPEN_MANY, sorted(rows, key=lambda row: row["order_id"]))
    found = await transaction.all(_LOCKED_ALL, {"orders": [row["order_id"] for row in rows]})
    return {row["order_id"]: _account(row) for row in found}


async def locked_account(transaction: Transaction, order_id: UUID) -> OrderAccount | None:
    """The order's account, locked until the end of the transaction. Lock it before anything else of the order."""
    row = await transaction.one_or_none(_ACCOUNT_LOCKED, {"order": order_id})
    return None if row is None else _account(row)


async def lock_accounts(transaction: Transaction, order_ids: Collection[UUID]) -> None:
    """Lock the accounts of these orders that there are, in one order for all."""
    await transaction.all(_LOCKED_ALL, {"orders": list(order_ids)})


async def account_of(transaction: Transaction, order_id: UUID) -> OrderAccount | None:
    row = await transaction.one_or_none(_ACCOUNT, {"order": order_id})
    return None if row is None else _account(row)


async def save_account(transaction: Transaction, *accounts: OrderAccount) -> None:
    await transaction.execute(
        _SAVE,
        [
            {
                "order": account.order_id,
                "new_paid": account.paid.amount,
                "new_refunded": account.refunded.amount,
                "new_pending_refund": account.pending_refund.amount,
                "new_disputed": account.disputed.amount,
                "new_cancelled_reason": account.cancelled_reason,
                "new_version": account.version,
            }
            for account in accounts
        ],
    )


async def entries(
    transaction: Transaction, account: str, *, currency: str, before: UUID | None, limit: int
) -> Sequence[sa.RowMapping]:
    """What moved an account of the ledger, newest first: `id`, `kind`, `order_id`, `booked_at`, `amount` (debit +)."""
    return await transaction.all(
        _ENTRIES, {"of_account": account, "in_currency": currency, "before": before, "limit": limit}
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """A transaction of the ledger; the same `kind` of the same `reference_id` is booked once per `occurrence`."""

    kind: Kind
    postings: Sequence[Posting]
    reference_id: UUID
    order_id: UUID | None
    customer_id: UUID | None
    at: datetime
    occurrence: int = 1


async def book(
    transaction: Transaction,
    kind: Kind,
    postings: Sequence[Posting],
    *,
    reference_id: UUID,
    order_id: UUID | None = None,
    customer_id: UUID | None = None,
    at: datetime,
    occurrence: int = 1,
) -> None:
    """Write into the ledger what happened; the same `kind` of the same thing twice violates a constraint, unless it is
    said which time it is (`occurrence`, from 1)."""
    await book_many(transaction, [Entry(kind, postings, reference_id, order_id, customer_id, at, occurrence)])


async def book_many(transaction: Transaction, entries: Sequence[Entry]) -> None:
    named = [(new_id(), entry) for entry in entries]
    await transaction.execute(
        _BOOK,
        [
            {
                "id": id_,
                "kind": entry.kind,
                "reference_id": entry.reference_id,
                "occurrence": entry.occurrence,
                "order_id": entry.order_id,
                "customer_id": entry.customer_id,
                "booked_at": entry.at,
            }
            for id_, entry in named
        ],
    )
    await transaction.execute(
        _POST,
        [
            {
                "transaction_id": id_,
                "account": posting.account,
                "amount": posting.amount.amount,
                "currency": posting.amount.currency,
            }
            for id_, entry in named
            for posting in entry.postings
        ],
    )
