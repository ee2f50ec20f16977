from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from sqlalchemy.dialects.postgresql import insert

from .tables import account_charges

_insert = insert(account_charges)
_SAVE = _insert.on_conflict_do_update(
    index_elements=[account_charges.c.order_id],
    set_={"charged": _insert.excluded.charged, "waiting": _insert.excluded.waiting},
)
_CHARGED = sa.select(account_charges.c.charged).where(account_charges.c.order_id == sa.bindparam("order"))


async def charged(transaction: Transaction, order_id: UUID) -> int:
    """What the order was charged so far, in minor units; lock its account first."""
    row = await transaction.one_or_none(_CHARGED, {"order": order_id})
    return 0 if row is None else int(row["charged"])


async def save(transaction: Transaction, order_id: UUID, *, charged: int, waiting: bool) -> None:
    await transaction.execute(_SAVE, {"order_id": order_id, "charged": charged, "waiting": waiting})
