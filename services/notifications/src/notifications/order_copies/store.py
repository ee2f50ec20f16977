from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from sqlalchemy.dialects.postgresql import insert

from .domain import Facts, OrderCopy
from .tables import order_copies

_new = insert(order_copies)
_FACTS = _new.on_conflict_do_update(
    index_elements=["order_id"], set_={"facts": order_copies.c.facts.op("||")(_new.excluded.facts)}
)
# Several changes of one transaction share a version and arrive in order: the last of equals holds.
_STATUS = _new.on_conflict_do_update(
    index_elements=["order_id"],
    set_={"sequence": _new.excluded.sequence, "status_group": _new.excluded.status_group},
    where=order_copies.c.sequence <= _new.excluded.sequence,
)
# Places taken again make a new reservation, whose id (UUIDv7) is greater; within one its version counts.
_PLACES = _new.on_conflict_do_update(
    index_elements=["order_id"],
    set_={
        "places": _new.excluded.places,
        "reservation_id": _new.excluded.reservation_id,
        "reservation_sequence": _new.excluded.reservation_sequence,
    },
    where=sa.or_(
        order_copies.c.reservation_id.is_(None),
        sa.tuple_(order_copies.c.reservation_id, order_copies.c.reservation_sequence)
        < sa.tuple_(_new.excluded.reservation_id, _new.excluded.reservation_sequence),
    ),
)
_PAID = _new.on_conflict_do_update(index_elements=["order_id"], set_={"paid": True})
_COPIES = sa.select(order_copies).where(order_copies.c.order_id.in_(sa.bindparam("orders", expanding=True)))
_EMPTY: dict[str, Any] = {
    "sequence": -1,
    "status_group": None,
    "paid": False,
    "facts": {},
    "places": None,
    "reservation_id": None,
    "reservation_sequence": -1,
}


async def note_facts(transaction: Transaction, order_id: UUID, facts: Facts) -> None:
    """Add facts that never change once they are known."""
    await transaction.execute(_FACTS, {**_EMPTY, "order_id": order_id, "facts": facts})


async def note_group(transaction: Transaction, order_id: UUID, group: str, *, sequence: int) -> None:
    """Keep the status group unless a later one is known."""
    await transaction.execute(_STATUS, {**_EMPTY, "order_id": order_id, "status_group": group, "sequence": sequence})


async def note_places(
    transaction: Transaction, order_id: UUID, places: Facts, *, reservation_id: UUID, sequence: int
) -> None:
    """Keep the places unless those of a later version of the reservation are known."""
    await transaction.execute(
        _PLACES,
        {
            **_EMPTY,
            "order_id": order_id,
            "places": places,
            "reservation_id": reservation_id,
            "reservation_sequence": sequence,
        },
    )


async def note_paid(transaction: Transaction, order_id: UUID) -> None:
    await transaction.execute(_PAID, {**_EMPTY, "order_id": order_id, "paid": True})


async def copies(transaction: Transaction, order_ids: list[UUID]) -> dict[UUID, OrderCopy]:
    if not order_ids:
        return {}
    return {
        row["order_id"]: OrderCopy(
            order_id=row["order_id"],
            sequence=row["sequence"],
            group=row["status_group"],
            paid=row["paid"],
            facts={**row["facts"], **({"places": row["places"]} if row["places"] else {})},
        )
        for row in await transaction.all(_COPIES, {"orders": order_ids})
    }
