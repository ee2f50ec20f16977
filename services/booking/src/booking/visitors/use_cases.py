from dataclasses import replace
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError, StaleError
from foyer_contracts.ids import new_id

from . import store
from .domain import MOST_SEARCHES, TooManySearchesError, Visitor


async def search(
    transaction: Transaction, caller_id: UUID, *, query: str | None, after: UUID | None, limit: int
) -> list[Visitor]:
    """By name, phone or barcode; without a query, all of them page by page. Raises TooManySearchesError."""
    if not await store.count_search(transaction, caller_id, most=MOST_SEARCHES):
        raise TooManySearchesError(retry_after_seconds=60 - transaction.now.second)
    return await store.find(transaction, query=query, after=after, limit=limit)


async def add_visitor(
    transaction: Transaction, *, name: str, phone: str | None, barcode: str | None, customer_id: UUID | None
) -> Visitor:
    """Raises BarcodeTakenError."""
    visitor = Visitor(new_id(), name, phone, barcode, customer_id, 1)
    await store.save(transaction, visitor)
    return visitor


async def change_visitor(
    transaction: Transaction,
    visitor_id: UUID,
    *,
    name: str,
    phone: str | None,
    barcode: str | None,
    customer_id: UUID | None,
    if_version: int,
) -> Visitor:
    """Raises NotFoundError, StaleError, BarcodeTakenError."""
    visitor = await store.visitor_by_id(transaction, visitor_id, lock=True)
    if visitor is None:
        raise NotFoundError
    if visitor.version != if_version:
        raise StaleError(version=visitor.version)
    changed = replace(
        visitor, name=name, phone=phone, barcode=barcode, customer_id=customer_id, version=visitor.version + 1
    )
    await store.save(transaction, changed)
    return changed
