import json
from dataclasses import asdict
from datetime import timedelta
from functools import lru_cache
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import sqlalchemy as sa
from foyer_chassis.db import Direct, Transaction
from foyer_contracts.booking import ResourceChanged
from foyer_contracts.money import Money
from sqlalchemy.dialects.postgresql import insert

from .domain import Kind, Offering, OpeningHours, ResourceCopy
from .tables import offerings, resource_copies

_OFFERING = sa.select(offerings).where(offerings.c.id == sa.bindparam("offering"))
_OFFERING_LOCKED = _OFFERING.with_for_update()
_OFFERINGS_PAGE = (
    sa.select(offerings)
    .where(
        sa.or_(offerings.c.active, sa.bindparam("inactive_too", type_=sa.Boolean)),
        sa.or_(sa.bindparam("after", type_=sa.Uuid).is_(None), offerings.c.id > sa.bindparam("after")),
    )
    .order_by(offerings.c.id)
    .limit(sa.bindparam("limit"))
)
_FOR_ORDER = """
    SELECT o.*, r.id AS resource_id, r.time_zone, r.opening_hours, r.closed_days, r.slot_minutes, r.price_amount,
        r.price_currency, r.active AS resource_active
    FROM (VALUES ($1::uuid, $2::uuid)) AS wanted (offering, resource)
    LEFT JOIN offerings o ON o.id = wanted.offering
    LEFT JOIN resource_copies r ON r.id = wanted.resource
"""
_insert_copy = insert(resource_copies)
_UPSERT_COPY = _insert_copy.on_conflict_do_update(
    index_elements=["id"],
    set_={column.name: _insert_copy.excluded[column.name] for column in resource_copies.c if column.name != "id"},
    where=resource_copies.c.sequence < _insert_copy.excluded.sequence,
)


def _offering(row: sa.RowMapping | asyncpg.Record) -> Offering:
    return Offering(
        id=row["id"],
        title=row["title"],
        kind=Kind(row["kind"]),
        prepaid=row["prepaid"],
        customer_may_cancel=row["customer_may_cancel"],
        responsible_ids=tuple(row["responsible_ids"]),
        resource_ids=tuple(row["resource_ids"]),
        active=row["active"],
        version=row["version"],
    )


async def offering_by_id(transaction: Transaction, offering_id: UUID, *, lock: bool = False) -> Offering | None:
    row = await transaction.one_or_none(_OFFERING_LOCKED if lock else _OFFERING, {"offering": offering_id})
    return None if row is None else _offering(row)


async def offerings_page(
    transaction: Transaction, *, inactive_too: bool, after: UUID | None, limit: int
) -> list[Offering]:
    parameters = {"inactive_too": inactive_too, "after": after, "limit": limit}
    return [_offering(row) for row in await transaction.all(_OFFERINGS_PAGE, parameters)]


async def save_offering(transaction: Transaction, offering: Offering) -> None:
    values = {
        **asdict(offering),
        "kind": offering.kind.value,
        "responsible_ids": list(offering.responsible_ids),
        "resource_ids": list(offering.resource_ids),
    }
    id_ = values.pop("id")
    if offering.version == 1:
        await transaction.execute(sa.insert(offerings).values(id=id_, **values))
    else:
        await transaction.execute(sa.update(offerings).where(offerings.c.id == id_).values(**values))


async def save_resource(transaction: Transaction, resource: ResourceChanged, sequence: int) -> None:
    """Keep what booking published, unless something newer is known."""
    await transaction.execute(
        _UPSERT_COPY,
        {
            "id": resource.resource_id,
            "sequence": sequence,
            "name": resource.name,
            "location_name": resource.location_name,
            "time_zone": resource.time_zone,
            "opening_hours": [hours.model_dump() for hours in resource.opening_hours],
            "closed_days": resource.closed_days,
            "slot_minutes": resource.slot_minutes,
            "price_amount": resource.price.amount,
            "price_currency": resource.price.currency,
            "active": resource.active,
        },
    )


async def find_for_order(
    direct: Direct, offering_id: UUID, resource_id: UUID
) -> tuple[Offering | None, ResourceCopy | None]:
    """What an order names, in one query."""
    row = await direct.row(_FOR_ORDER, offering_id, resource_id)
    assert row is not None
    offering = None if row["id"] is None else _offering(row)
    return offering, None if row["resource_id"] is None else _resource_copy(row)


def _resource_copy(row: asyncpg.Record) -> ResourceCopy:
    return ResourceCopy(
        id=row["resource_id"],
        zone=ZoneInfo(row["time_zone"]),
        opening_hours=_opening_hours(row["opening_hours"]),
        closed_days=frozenset(row["closed_days"]),
        slot_length=timedelta(minutes=row["slot_minutes"]),
        price=Money(amount=row["price_amount"], currency=row["price_currency"]),
        active=row["resource_active"],
    )


@lru_cache(maxsize=1024)
def _opening_hours(text: str) -> tuple[OpeningHours, ...]:
    return tuple(OpeningHours(**hours) for hours in json.loads(text))
