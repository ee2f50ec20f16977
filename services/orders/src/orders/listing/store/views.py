"""Filters that staff keep under a name."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction

from ..tables import saved_views

MOST_VIEWS = 200

_VIEWS = (
    sa.select(saved_views)
    .where(sa.or_(saved_views.c.owner_id == sa.bindparam("owner"), saved_views.c.shared))
    .order_by(saved_views.c.name, saved_views.c.id)
    .limit(MOST_VIEWS)
)
_VIEW_LOCKED = sa.select(saved_views).where(saved_views.c.id == sa.bindparam("view")).with_for_update()


async def views_of(transaction: Transaction, owner_id: UUID) -> Sequence[sa.RowMapping]:
    return await transaction.all(_VIEWS, {"owner": owner_id})


async def view_locked(transaction: Transaction, view_id: UUID) -> sa.RowMapping | None:
    return await transaction.one_or_none(_VIEW_LOCKED, {"view": view_id})


async def save_view(transaction: Transaction, values: dict[str, Any]) -> None:
    """Raises sa.exc.IntegrityError: the owner has a view of that name."""
    if values["version"] == 1:
        await transaction.execute(sa.insert(saved_views), values)
    else:
        rest = {name: value for name, value in values.items() if name != "id"}
        await transaction.execute(sa.update(saved_views).where(saved_views.c.id == values["id"]).values(**rest))


async def count_views(transaction: Transaction, owner_id: UUID) -> int:
    result = await transaction.execute(
        sa.select(sa.func.count()).select_from(saved_views).where(saved_views.c.owner_id == owner_id)
    )
    return int(result.scalar_one())


async def delete_view(transaction: Transaction, view_id: UUID) -> None:
    await transaction.execute(sa.delete(saved_views).where(saved_views.c.id == view_id))
