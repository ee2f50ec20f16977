"""What booking published of its locations and resources."""

import json
from dataclasses import fields
from datetime import date, timedelta
from functools import lru_cache
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import sqlalchemy as sa
from foyer_chassis.db import Direct, Transaction
from foyer_contracts.booking import LocationChanged, ResourceChanged
from foyer_contracts.money import Money
from sqlalchemy.dialects.postgresql import Insert, insert

from ..domain import BusinessHours, LocationCopy, OpeningHours, ResourceCopy, SlotRules, SpecialHours
from ..tables import location_copies, resource_copies


def _upsert(table: sa.Table) -> Insert:
    statement = insert(table)
    return statement.on_conflict_do_update(
        index_elements=["id"],
        set_={column.name: statement.excluded[column.name] for column in table.c if column.name != "id"},
        where=table.c.sequence < statement.excluded.sequence,
    )


_RULES = {field.name for field in fields(SlotRules)}
_UPSERT_RESOURCE = _upsert(resource_copies)
_UPSERT_LOCATION = _upsert(location_copies)
_LOCATION = (
    "SELECT id, time_zone, opening_hours::text AS opening_hours, closed_days, special_hours::text AS special_hours"
    " FROM location_copies WHERE id = {}"
)
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
            "special_hours": [hours.model_dump(mode="json") for hours in resource.special_hours],
            "rules": resource.model_dump(include=_RULES, exclude_defaults=True),
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
            "special_hours": [hours.model_dump(mode="json") for hours in location.special_hours],
        },
    )


async def location(unit: Transaction | Direct, location_id: UUID) -> LocationCopy | None:
    """The business hours of a location, as booking published them last."""
    row: sa.RowMapping | asyncpg.Record | None
    if isinstance(unit, Direct):
        row = await unit.row(_LOCATION_DIRECT, location_id)
    else:
        row = await unit.one_or_none(_LOCATION_TEXT, {"location": location_id})
    if row is None:
        return None
    return LocationCopy(id=row["id"], hours=_business_hours(row))


def resource_copy(row: asyncpg.Record) -> ResourceCopy:
    """The resource in a row of the query that places an order."""
    return ResourceCopy(
        id=row["resource_id"],
        hours=_business_hours(row),
        slot_length=timedelta(minutes=row["slot_minutes"]),
        price=Money(amount=row["price_amount"], currency=row["price_currency"]),
        active=row["resource_active"],
        rules=_rules(row["rules"]),
        location_id=row["location_id"],
    )


def _business_hours(row: sa.RowMapping | asyncpg.Record) -> BusinessHours:
    return BusinessHours(
        zone=ZoneInfo(row["time_zone"]),
        opening_hours=_opening_hours(row["opening_hours"]),
        closed_days=frozenset(row["closed_days"]),
        special_hours=_special_hours(row["special_hours"]),
    )


# The same few texts stand in thousands of rows.
@lru_cache(maxsize=1024)
def _opening_hours(text: str) -> tuple[OpeningHours, ...]:
    return tuple(OpeningHours(**hours) for hours in json.loads(text))


@lru_cache(maxsize=1024)
def _special_hours(text: str) -> tuple[SpecialHours, ...]:
    return tuple(
        SpecialHours(date.fromisoformat(hours["day"]), hours["opens"], hours["closes"]) for hours in json.loads(text)
    )


@lru_cache(maxsize=1024)
def _rules(text: str) -> SlotRules:
    return SlotRules(**json.loads(text))
