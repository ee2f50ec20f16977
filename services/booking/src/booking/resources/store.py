from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from foyer_contracts.money import Money
from sqlalchemy.dialects.postgresql import ARRAY

from ..claiming.tables import resource_parts
from .domain import Calendar, Holiday, Location, OpeningHours, Resource, Rules, SpecialDay, zone_of
from .tables import locations, resources

_part = resources.alias("part")
_PARTS = (
    sa.select(sa.func.jsonb_agg(sa.func.jsonb_build_array(_part.c.id, _part.c.capacity)))
    .join(resource_parts, resource_parts.c.part_id == _part.c.id)
    .where(resource_parts.c.whole_id == resources.c.id)
    .correlate(resources)
    .scalar_subquery()
)
_JOINED = sa.select(
    resources,
    _PARTS.label("parts"),
    *(
        column.label(f"location_{column.name}") if column.name in ("name", "version") else column
        for column in locations.c
        if column is not locations.c.id
    ),
).join_from(resources, locations)
_RESOURCES_BY_ID = _JOINED.where(resources.c.id == sa.any_(sa.bindparam("ids", type_=ARRAY(sa.Uuid))))
_RESOURCES_OF_LOCATION = _JOINED.where(resources.c.location_id == sa.bindparam("location"))
_RESOURCES_PAGE = (
    _JOINED.where(
        sa.or_(sa.bindparam("location", type_=sa.Uuid).is_(None), resources.c.location_id == sa.bindparam("location")),
        sa.or_(sa.bindparam("after", type_=sa.Uuid).is_(None), resources.c.id > sa.bindparam("after")),
    )
    .order_by(resources.c.id)
    .limit(sa.bindparam("limit"))
)
_WHOLES_OF = sa.select(resource_parts.c.whole_id).where(resource_parts.c.part_id == sa.bindparam("part"))
_FORGET_PARTS = sa.delete(resource_parts).where(resource_parts.c.whole_id == sa.bindparam("whole"))
_LOCATION = sa.select(locations).where(locations.c.id == sa.bindparam("location"))
_LOCATIONS_BY_ID = sa.select(locations).where(locations.c.id == sa.any_(sa.bindparam("ids", type_=ARRAY(sa.Uuid))))
_LOCATION_LOCKED = _LOCATION.with_for_update()
_LOCATIONS_DUE = (
    sa.select(locations)
    .where(locations.c.holidays_country.is_not(None), locations.c.holidays_until < sa.bindparam("until", type_=sa.Date))
    .order_by(locations.c.id)
    .limit(sa.bindparam("most"))
    .with_for_update(skip_locked=True)
)
_LOCATIONS_PAGE = (
    sa.select(locations)
    .where(sa.or_(sa.bindparam("after", type_=sa.Uuid).is_(None), locations.c.id > sa.bindparam("after")))
    .order_by(locations.c.id)
    .limit(sa.bindparam("limit"))
)


def calendar_of(row: sa.RowMapping) -> Calendar:
    """The calendar of a row that has the columns of a location."""
    closed_days = frozenset(row["closed_days"])
    special = {item.day: item.hours for item in _special_days(row) if item.hours and item.day not in closed_days}
    return Calendar(
        zone=zone_of(row["time_zone"]),
        opening_hours=tuple(OpeningHours(**item) for item in row["opening_hours"]),
        closed_days=closed_days,
        special_hours=special,
    )


def _special_days(row: sa.RowMapping) -> tuple[SpecialDay, ...]:
    return tuple(
        SpecialDay(
            date.fromisoformat(item["day"]), item["name"], tuple((opens, closes) for opens, closes in item["hours"])
        )
        for item in row["special_days"]
    )


def _location(row: sa.RowMapping, prefix: str = "") -> Location:
    entered = row["entered_closed_days"]
    return Location(
        id=row[f"{prefix}id"],
        name=row[f"{prefix}name"],
        calendar=calendar_of(row),
        closed_days=frozenset(row["closed_days"] if entered is None else entered),
        special_days=_special_days(row),
        holidays_country=row["holidays_country"],
        holidays=tuple(Holiday(date.fromisoformat(item["day"]), item["name"]) for item in row["holidays"]),
        holidays_until=row["holidays_until"],
        version=row[f"{prefix}version"],
    )


def _resource(row: sa.RowMapping) -> Resource:
    parts = tuple(sorted((UUID(id_), capacity) for id_, capacity in row["parts"] or ()))
    return Resource(
        id=row["id"],
        location=_location(row, "location_"),
        name=row["name"],
        slot_length=timedelta(minutes=row["slot_minutes"]),
        price=Money(amount=row["price_amount"], currency=row["price_currency"]),
        hold_ttl=None if row["hold_ttl_seconds"] is None else timedelta(seconds=row["hold_ttl_seconds"]),
        active=row["active"],
        rules=Rules(
            min_slots=row["min_slots"],
            max_slots=row["max_slots"],
            notice=timedelta(minutes=row["notice_minutes"]),
            horizon_days=row["horizon_days"],
            before=timedelta(minutes=row["buffer_before_minutes"]),
            after=timedelta(minutes=row["buffer_after_minutes"]),
        ),
        offer_ttl=timedelta(minutes=row["offer_minutes"]),
        capacity=row["capacity"],
        part_ids=frozenset(id_ for id_, _ in parts),
        parts=parts,
        version=row["version"],
    )


async def resources_by_id(transaction: Transaction, ids: Iterable[UUID]) -> dict[UUID, Resource]:
    rows = await transaction.all(_RESOURCES_BY_ID, {"ids": list(ids)})
    return {row["id"]: _resource(row) for row in rows}


async def resources_of(transaction: Transaction, location_id: UUID) -> list[Resource]:
    return [_resource(row) for row in await transaction.all(_RESOURCES_OF_LOCATION, {"location": location_id})]


async def resources_page(
    transaction: Transaction, *, location_id: UUID | None, after: UUID | None, limit: int
) -> list[Resource]:
    parameters = {"location": location_id, "after": after, "limit": limit}
    return [_resource(row) for row in await transaction.all(_RESOURCES_PAGE, parameters)]


async def location_by_id(transaction: Transaction, location_id: UUID, *, lock: bool = False) -> Location | None:
    row = await transaction.one_or_none(_LOCATION_LOCKED if lock else _LOCATION, {"location": location_id})
    return None if row is None else _location(row)


async def locations_by_id(transaction: Transaction, ids: Iterable[UUID]) -> dict[UUID, Location]:
    rows = await transaction.all(_LOCATIONS_BY_ID, {"ids": list(ids)})
    return {row["id"]: _location(row) for row in rows}


async def locations_due(transaction: Transaction, *, until: date, most: int) -> list[Location]:
    """Locations whose public holidays are not known up to that day, locked."""
    return [_location(row) for row in await transaction.all(_LOCATIONS_DUE, {"until": until, "most": most})]


async def locations_page(transaction: Transaction, *, after: UUID | None, limit: int) -> Sequence[Location]:
    return [_location(row) for row in await transaction.all(_LOCATIONS_PAGE, {"after": after, "limit": limit})]


async def save_location(transaction: Transaction, location: Location) -> None:
    """Insert it, or replace the stored one."""
    values = {
        "name": location.name,
        "time_zone": location.calendar.zone.key,
        "opening_hours": [asdict(item) for item in location.calendar.opening_hours],
        "closed_days": sorted(location.calendar.closed_days),
        "entered_closed_days": sorted(location.closed_days),
        "special_days": [
            {"day": item.day.isoformat(), "name": item.name, "hours": item.hours} for item in location.special_days
        ],
        "holidays_country": location.holidays_country,
        "holidays": [{"day": item.day.isoformat(), "name": item.name} for item in location.holidays],
        "holidays_until": location.holidays_until,
        "version": location.version,
    }
    if location.version == 1:
        await transaction.execute(sa.insert(locations).values(id=location.id, **values))
    else:
        await transaction.execute(sa.update(locations).where(locations.c.id == location.id).values(**values))


async def save_resource(transaction: Transaction, resource: Resource) -> None:
    """Insert it, or replace the stored one."""
    values = {
        "location_id": resource.location.id,
        "name": resource.name,
        "slot_minutes": resource.slot_length // timedelta(minutes=1),
        "price_amount": resource.price.amount,
        "price_currency": resource.price.currency,
        "hold_ttl_seconds": None if resource.hold_ttl is None else int(resource.hold_ttl.total_seconds()),
        "active": resource.active,
        "min_slots": resource.rules.min_slots,
        "max_slots": resource.rules.max_slots,
        "notice_minutes": resource.rules.notice // timedelta(minutes=1),
        "horizon_days": resource.rules.horizon_days,
        "buffer_before_minutes": resource.rules.before // timedelta(minutes=1),
        "buffer_after_minutes": resource.rules.after // timedelta(minutes=1),
        "offer_minutes": resource.offer_ttl // timedelta(minutes=1),
        "capacity": resource.capacity,
        "version": resource.version,
    }
    if resource.version == 1:
        await transaction.execute(sa.insert(resources).values(id=resource.id, **values))
    else:
        await transaction.execute(sa.update(resources).where(resources.c.id == resource.id).values(**values))


async def wholes_of(transaction: Transaction, resource_id: UUID) -> list[UUID]:
    """What the resource is a part of."""
    return list((await transaction.execute(_WHOLES_OF, {"part": resource_id})).scalars())


async def set_parts(transaction: Transaction, whole_id: UUID, part_ids: Iterable[UUID]) -> None:
    await transaction.execute(_FORGET_PARTS, {"whole": whole_id})
    if rows := [{"whole_id": whole_id, "part_id": id_} for id_ in sorted(part_ids)]:
        await transaction.execute(sa.insert(resource_parts), rows)
