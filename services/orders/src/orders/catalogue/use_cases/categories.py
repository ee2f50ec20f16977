"""Categories are made, changed and taken away."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError, StaleError
from foyer_contracts.ids import new_id

from .. import store
from ..domain import Category, CategoryInUseError


async def create_category(transaction: Transaction, **values: Any) -> Category:
    """Raises CategoryInvalidError."""
    category = Category(id=new_id(), **values)
    category.check()
    await store.save_category(transaction, category)
    return category


async def change_category(transaction: Transaction, category_id: UUID, *, if_version: int, **values: Any) -> Category:
    """Raises NotFoundError, StaleError, CategoryInvalidError."""
    current = await _current(transaction, category_id, if_version)
    category = replace(current, version=current.version + 1, **values)
    category.check()
    await store.save_category(transaction, category)
    return category


async def delete_category(transaction: Transaction, category_id: UUID, *, if_version: int) -> None:
    """Raises NotFoundError, StaleError, CategoryInUseError."""
    await _current(transaction, category_id, if_version)
    # An offering that is being put into the category holds a lock on it, so this sees it or it sees no category.
    if await store.category_in_use(transaction, category_id):
        raise CategoryInUseError
    await store.delete_category(transaction, category_id)


async def _current(transaction: Transaction, category_id: UUID, if_version: int) -> Category:
    current = await store.category_by_id(transaction, category_id, lock=True)
    if current is None:
        raise NotFoundError
    if current.version != if_version:
        raise StaleError(version=current.version)
    return current
