from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction

from ..domain import Category, Text
from ..tables import categories, offerings

_ID = sa.bindparam("category", type_=sa.Uuid)
_BY_ID = sa.select(categories).where(categories.c.id == _ID)
_BY_ID_LOCKED = _BY_ID.with_for_update()
_PAGE = sa.text("""
    SELECT * FROM categories WHERE (active OR :inactive_too) AND (
        CAST(:after AS uuid) IS NULL
        OR (position, id) > (SELECT a.position, a.id FROM categories a WHERE a.id = :after)
    )
    ORDER BY position, id LIMIT :limit
""").columns(*categories.c)
#: Without a row nothing of it is in use; the lock keeps it there until the offering that refers to it is committed.
_EXISTS = sa.select(categories.c.id).where(categories.c.id == _ID).with_for_update(read=True, key_share=True)
_IN_USE = sa.select(offerings.c.id).where(offerings.c.category_id == _ID).limit(1)
_DELETE = sa.delete(categories).where(categories.c.id == _ID)


def _category(row: sa.RowMapping) -> Category:
    return Category(
        id=row["id"],
        name=Text(row["name_ru"], row["name_en"]),
        background=row["background"],
        icon=row["icon"],
        position=row["position"],
        active=row["active"],
        version=row["version"],
    )


async def category_by_id(transaction: Transaction, category_id: UUID, *, lock: bool = False) -> Category | None:
    row = await transaction.one_or_none(_BY_ID_LOCKED if lock else _BY_ID, {"category": category_id})
    return None if row is None else _category(row)


async def category_stays(transaction: Transaction, category_id: UUID) -> bool:
    """Whether there is such a category, which then nobody can delete until the transaction ends."""
    return await transaction.one_or_none(_EXISTS, {"category": category_id}) is not None


async def categories_page(
    transaction: Transaction, *, inactive_too: bool, after: UUID | None, limit: int
) -> list[Category]:
    """By position. After one that is gone there is nothing: begin again."""
    parameters = {"inactive_too": inactive_too, "after": after, "limit": limit}
    return [_category(row) for row in await transaction.all(_PAGE, parameters)]


async def save_category(transaction: Transaction, category: Category) -> None:
    values: dict[str, Any] = {
        "name_ru": category.name.ru,
        "name_en": category.name.en,
        "background": category.background,
        "icon": category.icon,
        "position": category.position,
        "active": category.active,
        "version": category.version,
    }
    if category.version == 1:
        await transaction.execute(sa.insert(categories).values(id=category.id, **values))
    else:
        await transaction.execute(sa.update(categories).where(categories.c.id == category.id).values(**values))


async def category_in_use(transaction: Transaction, category_id: UUID) -> bool:
    return await transaction.one_or_none(_IN_USE, {"category": category_id}) is not None


async def delete_category(transaction: Transaction, category_id: UUID) -> None:
    await transaction.execute(_DELETE, {"category": category_id})
