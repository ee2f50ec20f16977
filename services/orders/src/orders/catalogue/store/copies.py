"""What booking published of its locations and resources."""

import json
from datetime import timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import sqlalchemy as sa
from foyer_chassis.db import Direct, Transaction
from foyer_contracts.booking import LocationChanged, ResourceChanged
from foyer_contracts.money import Money
from sqlalchemy.dialects.postgresql import Insert, insert

from ..domain import LocationCopy, OpeningHours, ResourceCopy
from ..tables import location_copies, resource_copies


def _upsert(table: sa.Table) -> Insert:
    statement = insert(table)
    return statement.on_conflict_do_update(
        index_elements=["id"],
        set_={column.name: statement.excluded[column.name] for column in table.c if column.name != "id"},
        where=table.c.sequence < statement.excluded.sequence,
    )


_UPSERT_RESOURCE = _upsert(resource_copies)
_UPSERT_LOCATION = _upsert(location_copies)
_LOCATION = "SELECT id, time_zone, opening_hours::text AS opening_hours, closed_days FROM location_copies WHERE id = {}"
_LOCATION_DIRECT = _LOCATION.format("$1")
_LOCATION_TEXT = sa.text(_LOCATION.format(":location")).bindparams(sa.bindparam("location", type_=sa.Uuid))


async def save_resource(transaction: Transaction, resource: ResourceChanged, sequence: int) -> None:
    """Keep what booking published, unless something newer is known."""
    await transaction.execute(
        _UPSERT_RESOURCE,
        {
            "id": resource.resource_id,
            "sequence": sequence,
            "name": resource.name,
            "location_id": resource.location_id,
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


async def save_location(transaction: Transaction, location: LocationChanged, sequence: int) -> None:
    """Keep what booking published, unless something newer is known."""
    await transaction.execute(
        _UPSERT_LOCATION,
        {
            "id": location.location_id,
            "sequence": sequence,
            "name": location.name,
            "time_zone": location.time_zone,
            "opening_hours": [hours.model_dump() for hours in location.opening_hours],
            "closed_days": location.closed_days,
            "active": location.active,
        },
    )


async def location(unit: Transaction | Direct, location_id: UUID) -> LocationCopy | None:
    """The business hours of a location, as booking published them last."""
    row: sa.RowMapping | dict[str, Any] | None
    if isinstance(unit, Direct):
        found = await unit.row(_LOCATION_DIRECT, location_id)
        row = None if found is None else dict(found)
    else:
        row = await unit.one_or_none(_LOCATION_TEXT, {"location": location_id})
    if row is None:
        return None
    return LocationCopy(
        id=row["id"],
        zone=ZoneInfo(row["time_zone"]),
        opening_hours=_opening_hours(row["opening_hours"]),
        closed_days=frozenset(row["closed_days"]),
    )


def resource_copy(row: asyncpg.Record) -> ResourceCopy:
    """The resource in a row of the query that places an order."""
    return ResourceCopy(
        id=row["resource_id"],
        zone=ZoneInfo(row["time_zone"]),
        opening_hours=_opening_hours(row["opening_hours"]),
        closed_days=frozenset(row["closed_days"]),
        slot_length=timedelta(minutes=row["slot_minutes"]),
        price=Money(amount=row["price_amount"], currency=row["price_currency"]),
        active=row["resource_active"],
        location_id=row["location_id"],
    )


@lru_cache(maxsize=1024)
def _opening_hours(text: str) -> tuple[OpeningHours, ...]:
    return tuple(OpeningHours(**hours) for hours in json.loads(text))
