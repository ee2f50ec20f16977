from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from sqlalchemy.dialects.postgresql import insert

from .domain import Facts, OrderCopy
from .tables import order_copies

_new = insert(order_copies)
# Several changes of one transaction share a version and arrive in order: the last of equals holds.
_later_group = sa.and_(_new.excluded.status_group.is_not(None), order_copies.c.sequence <= _new.excluded.sequence)
# Places taken again make a new reservation, whose id (UUIDv7) is greater; within one its version counts.
_later_places = sa.and_(
    _new.excluded.places.is_not(None),
    sa.or_(
        order_copies.c.reservation_id.is_(None),
        sa.tuple_(order_copies.c.reservation_id, order_copies.c.reservation_sequence)
        < sa.tuple_(_new.excluded.reservation_id, _new.excluded.reservation_sequence),
    ),
)


def _if(condition: sa.ColumnElement[bool], name: str) -> sa.ColumnElement[Any]:
    return sa.case((condition, _new.excluded[name]), else_=order_copies.c[name])


_NOTE = _new.on_conflict_do_update(
    index_elements=["order_id"],
    set_={
        "facts": order_copies.c.facts.op("||")(_new.excluded.facts),
        "paid": sa.or_(order_copies.c.paid, _new.excluded.paid),
        "status_group": _if(_later_group, "status_group"),
        "sequence": _if(_later_group, "sequence"),
        "places": _if(_later_places, "places"),
        "reservation_id": _if(_later_places, "reservation_id"),
        "reservation_sequence": _if(_later_places, "reservation_sequence"),
    },
)
_COPIES = sa.select(order_copies).where(order_copies.c.order_id.in_(sa.bindparam("orders", expanding=True)))


@dataclass(frozen=True, slots=True)
class News:
    """What one event says of an order; the rest stays as it is known.

    Attributes:
        facts: what never changes once it is known.
        group, sequence: the status group at a version of the order; older ones than known are left.
        places, reservation_id, reservation_sequence: likewise, by the version of the reservation.
    """

    order_id: UUID
    facts: Facts = field(default_factory=dict)
    group: str | None = None
    sequence: int = -1
    paid: bool = False
    places: Facts | None = None
    reservation_id: UUID | None = None
    reservation_sequence: int = -1


async def note(transaction: Transaction, news: News) -> None:
    """Take in what an event says, whatever order events come in."""
    await transaction.execute(
        _NOTE,
        {
            "order_id": news.order_id,
            "facts": dict(news.facts),
            "status_group": news.group,
            "sequence": news.sequence,
            "paid": news.paid,
            "places": news.places,
            "reservation_id": news.reservation_id,
            "reservation_sequence": news.reservation_sequence,
        },
    )


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
