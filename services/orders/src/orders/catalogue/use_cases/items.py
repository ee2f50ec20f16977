"""Goods are added, changed and imported."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from foyer_chassis.auth import Caller
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError, StaleError
from foyer_contracts.ids import new_id

from .. import store
from ..domain import GoodsItem, Kind, NotGoodsError, Offering, OneCurrencyError, RepeatedSkuError, SkuTakenError


async def visible_offering(transaction: Transaction, caller: Caller, offering_id: UUID) -> Offering:
    """Raises NotFoundError: there is no such offering, or it cannot be ordered and the caller is no staff."""
    offering = await store.offering_by_id(transaction, offering_id)
    if offering is None or not (offering.active or caller.is_staff):
        raise NotFoundError
    return offering


async def add_item(transaction: Transaction, offering_id: UUID, **values: Any) -> GoodsItem:
    """Raises NotFoundError, NotGoodsError, SkuTakenError, OneCurrencyError."""
    await _shop(transaction, offering_id)
    item = GoodsItem(id=new_id(), offering_id=offering_id, **values)
    if not await store.add_item(transaction, item):
        raise SkuTakenError(field="sku")
    await _check_currency(transaction, offering_id)
    return item


async def change_item(
    transaction: Transaction, offering_id: UUID, item_id: UUID, *, if_version: int, **values: Any
) -> GoodsItem:
    """Raises NotFoundError, NotGoodsError, StaleError, SkuTakenError, OneCurrencyError."""
    await _shop(transaction, offering_id)
    current = await store.item_locked(transaction, offering_id, item_id)
    if current is None:
        raise NotFoundError
    if current.version != if_version:
        raise StaleError(version=current.version)
    item = replace(current, version=current.version + 1, **values)
    if not await store.save_item(transaction, item):
        raise SkuTakenError(field="sku")
    await _check_currency(transaction, offering_id)
    return item


async def import_items(transaction: Transaction, offering_id: UUID, rows: Sequence[dict[str, Any]]) -> tuple[int, int]:
    """Add the items whose SKU is new and change the others. How many were added, how many are different now.

    What the import does not name stays as it is.

    Raises:
        NotFoundError, NotGoodsError, RepeatedSkuError, OneCurrencyError.
    """
    await _shop(transaction, offering_id)
    repeated = [sku for sku, times in Counter(row["sku"] for row in rows).items() if times > 1]
    if repeated:
        raise RepeatedSkuError(field="items", repeated=repeated[:20])
    items = [GoodsItem(id=new_id(), offering_id=offering_id, **row) for row in rows]
    counts = await store.import_items(transaction, items)
    await _check_currency(transaction, offering_id)
    return counts


async def _shop(transaction: Transaction, offering_id: UUID) -> None:
    """Locks the offering, so that two changes of its goods do not both see one currency."""
    offering = await store.offering_by_id(transaction, offering_id, lock=True)
    if offering is None:
        raise NotFoundError
    if offering.kind is not Kind.GOODS:
        raise NotGoodsError(kind=offering.kind.value)


async def _check_currency(transaction: Transaction, offering_id: UUID) -> None:
    if await store.currencies(transaction, offering_id) > 1:
        raise OneCurrencyError(field="price.currency")
