"""The goods catalogue."""

import json
from collections.abc import Collection
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Direct, Transaction
from foyer_contracts.money import Money

from ..domain import GoodsItem
from ..tables import goods_items as items

_COLUMNS = [
    items.c[name]
    for name in ("id", "offering_id", "sku", "title", "title_en", "price_amount", "price_currency", "active", "version")
]
_BY_IDS = sa.select(*_COLUMNS).where(
    items.c.offering_id == sa.bindparam("offering"),
    items.c.id.in_(sa.bindparam("ids", expanding=True)),
)
_BY_IDS_DIRECT = """
    SELECT coalesce(json_agg(json_build_object('id', id, 'offering_id', offering_id, 'sku', sku, 'title', title,
        'title_en', title_en, 'price_amount', price_amount, 'price_currency', price_currency, 'active', active,
        'version', version)), '[]')::text AS items
    FROM goods_items WHERE offering_id = $1 AND id = ANY($2::uuid[])
"""


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
