from dataclasses import asdict
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction

from .domain import Block
from .tables import resource_blocks

_COLUMNS = tuple(column for column in resource_blocks.c if column.name != "created_at")
_BY_ID = sa.select(*_COLUMNS).where(resource_blocks.c.id == sa.bindparam("block"))
_DELETE = sa.delete(resource_blocks).where(resource_blocks.c.id == sa.bindparam("block")).returning(*_COLUMNS)
_PAGE = (
    sa.select(*_COLUMNS)
    .where(
        resource_blocks.c.resource_id == sa.bindparam("resource"),
        resource_blocks.c.ends_at > sa.bindparam("ends_after", type_=sa.DateTime(timezone=True)),
        resource_blocks.c.id > sa.bindparam("after"),
    )
    .order_by(resource_blocks.c.id)
    .limit(sa.bindparam("limit"))
)


async def add(transaction: Transaction, block: Block) -> None:
    await transaction.execute(sa.insert(resource_blocks).values(**asdict(block), created_at=transaction.now))


async def by_id(transaction: Transaction, block_id: UUID) -> Block | None:
    row = await transaction.one_or_none(_BY_ID, {"block": block_id})
    return None if row is None else Block(**row)


async def delete(transaction: Transaction, block_id: UUID) -> Block | None:
    """The block that was there."""
    row = await transaction.one_or_none(_DELETE, {"block": block_id})
    return None if row is None else Block(**row)


async def page(
    transaction: Transaction, resource_id: UUID, *, ends_after: datetime, after: UUID, limit: int
) -> list[Block]:
    parameters = {"resource": resource_id, "ends_after": ends_after, "after": after, "limit": limit}
    return [Block(**row) for row in await transaction.all(_PAGE, parameters)]
