"""The goods catalogue."""

import json
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Direct, Transaction
from foyer_contracts.money import Money
from sqlalchemy.dialects.postgresql import insert

from ..domain import GoodsItem
from ..tables import goods_items as items
from . import words

_COLUMNS = [
    items.c[name]
    for name in ("id", "offering_id", "sku", "title", "title_en", "price_amount", "price_currency", "active", "version")
]
_OF_OFFERING = sa.select(*_COLUMNS).where(items.c.offering_id == sa.bindparam("offering"))
_BY_IDS = _OF_OFFERING.where(items.c.id.in_(sa.bindparam("ids", expanding=True)))
_LOCKED = _OF_OFFERING.where(items.c.id == sa.bindparam("item")).with_for_update()
_BY_IDS_DIRECT = """
    SELECT coalesce(json_agg(json_build_object('id', id, 'offering_id', offering_id, 'sku', sku, 'title', title,
        'title_en', title_en, 'price_amount', price_amount, 'price_currency', price_currency, 'active', active,
        'version', version)), '[]')::text AS items
    FROM goods_items WHERE offering_id = $1 AND id = ANY($2::uuid[])
"""
_PAGE = (
    _OF_OFFERING.where(
        sa.or_(items.c.active, sa.bindparam("inactive_too", type_=sa.Boolean)),
        sa.or_(sa.bindparam("after", type_=sa.Uuid).is_(None), items.c.id > sa.bindparam("after")),
    )
    .order_by(items.c.id)
    .limit(sa.bindparam("limit"))
)
_FOUND = _PAGE.where(items.c.search.op("@@")(sa.func.to_tsquery("russian", sa.bindparam("query"))))
_CURRENCIES = sa.select(sa.func.count(items.c.price_currency.distinct()).label("many")).where(
    items.c.offering_id == sa.bindparam("offering")
)
_insert = insert(items)
_ADD = _insert.on_conflict_do_nothing().returning(items.c.id)
_CONTENT = ("title", "title_en", "price_amount", "price_currency", "active")
_IMPORT = _insert.on_conflict_do_update(
    constraint="goods_items_sku",
    set_={
        **{name: _insert.excluded[name] for name in (*_CONTENT, "search_words")},
        "version": items.c.version + 1,
    },
    where=sa.tuple_(*(items.c[name] for name in _CONTENT)).is_distinct_from(
        sa.tuple_(*(_insert.excluded[name] for name in _CONTENT))
    ),
).returning(items.c.version)


def item_of(row: sa.RowMapping | dict[str, Any]) -> GoodsItem:
    return GoodsItem(
        id=row["id"],
        offering_id=row["offering_id"],
        sku=row["sku"],
        title=row["title"],
        title_en=row["title_en"],
        price=Money(amount=row["price_amount"], currency=row["price_currency"]),
        active=row["active"],
        version=row["version"],
    )


async def goods_items(unit: Transaction | Direct, offering_id: UUID, ids: Collection[UUID]) -> dict[UUID, GoodsItem]:
    """Those of the items that the offering has, also inactive ones."""
    if not ids:
        return {}
    if isinstance(unit, Direct):
        record = await unit.row(_BY_IDS_DIRECT, offering_id, list(ids))
        assert record is not None
        rows = [
            {**row, "id": UUID(row["id"]), "offering_id": UUID(row["offering_id"])}
            for row in json.loads(record["items"])
        ]
        return {row["id"]: item_of(row) for row in rows}
    found = await unit.all(_BY_IDS, {"offering": offering_id, "ids": list(ids)})
    return {row["id"]: item_of(row) for row in found}


async def item_locked(transaction: Transaction, offering_id: UUID, item_id: UUID) -> GoodsItem | None:
    row = await transaction.one_or_none(_LOCKED, {"offering": offering_id, "item": item_id})
    return None if row is None else item_of(row)


async def items_page(
    transaction: Transaction,
    offering_id: UUID,
    *,
    text: str | None,
    inactive_too: bool,
    after: UUID | None,
    limit: int,
) -> list[GoodsItem]:
    """By id; with `text` those that have all of its words."""
    parameters = {"offering": offering_id, "inactive_too": inactive_too, "after": after, "limit": limit}
    if text is None:
        return [item_of(row) for row in await transaction.all(_PAGE, parameters)]
    query = words.query(text)
    if query is None:
        return []
    return [item_of(row) for row in await transaction.all(_FOUND, {**parameters, "query": query})]


async def add_item(transaction: Transaction, item: GoodsItem) -> bool:
    """False when the SKU is taken."""
    added = await transaction.execute(_ADD, _values(item))
    return added.scalar_one_or_none() is not None


async def save_item(transaction: Transaction, item: GoodsItem) -> bool:
    """False when the SKU is taken."""
    try:
        async with transaction.connection.begin_nested():
            await transaction.execute(sa.update(items).where(items.c.id == item.id).values(**_values(item)))
    except sa.exc.IntegrityError as error:
        if "goods_items_sku" not in str(error.orig):
            raise
        return False
    return True


async def import_items(transaction: Transaction, imported: Sequence[GoodsItem]) -> tuple[int, int]:
    """Add what is new by its SKU and change what is different. How many were added, how many changed."""
    if not imported:
        return 0, 0
    found = await transaction.execute(_IMPORT.values([_values(item) for item in imported]))
    versions = list(found.scalars())
    added = sum(version == 1 for version in versions)
    return added, len(versions) - added


async def currencies(transaction: Transaction, offering_id: UUID) -> int:
    """How many currencies the items of an offering are priced in."""
    row = await transaction.one_or_none(_CURRENCIES, {"offering": offering_id})
    assert row is not None
    return int(row["many"])


def _values(item: GoodsItem) -> dict[str, Any]:
    return {
        "id": item.id,
        "offering_id": item.offering_id,
        "sku": item.sku,
        "title": item.title,
        "title_en": item.title_en,
        "price_amount": item.price.amount,
        "price_currency": item.price.currency,
        "active": item.active,
        "version": item.version,
        "search_words": words.of_item(item),
    }
