from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction

from .tables import order_comments

_PAGE = (
    sa.select(order_comments)
    .where(
        order_comments.c.order_id == sa.bindparam("order"),
        sa.bindparam("after", type_=sa.Uuid).is_(None) | (order_comments.c.id > sa.bindparam("after")),
    )
    .order_by(order_comments.c.id)
    .limit(sa.bindparam("limit"))
)
_INSERT = sa.insert(order_comments)


async def add_comment(transaction: Transaction, values: dict[str, Any]) -> None:
    await transaction.execute(_INSERT, values)


async def comments(
    transaction: Transaction, order_id: UUID, *, after: UUID | None, limit: int
) -> Sequence[sa.RowMapping]:
    return await transaction.all(_PAGE, {"order": order_id, "after": after, "limit": limit})
