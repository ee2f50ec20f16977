"""Groups and their numbered units."""

from collections.abc import Collection, Iterable
from dataclasses import asdict
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from foyer_chassis.errors import ConflictError
from foyer_chassis.pages import paged

from ...resources.domain import Location
from ...resources.store import calendar_of
from ...resources.tables import locations
from ..domain import Group, Kind, Unit
from ..tables import groups, units


class LabelTakenError(ConflictError):
    """There is another place with this number here."""

    title_en = "The number is taken"
    title_ru = "Такой номер уже есть"


_GROUPS = sa.select(
    groups,
    locations.c.name.label("location_name"),
    locations.c.time_zone,
    locations.c.opening_hours,
    locations.c.closed_days,
    locations.c.special_days,
    locations.c.version.label("location_version"),
).join_from(groups, locations)
_GROUPS_BY_ID = _GROUPS.where(
    groups.c.id.in_(sa.bindparam("ids", expanding=True)), groups.c.kind == sa.bindparam("kind")
).order_by(groups.c.id)
_ANY_GROUPS_BY_ID = _GROUPS.where(groups.c.id.in_(sa.bindparam("ids", expanding=True))).order_by(groups.c.id)
# The row is the lock for all units of the group: who takes or moves them takes turns, in the order of ids.
_LOCK_GROUPS = (
    sa.select(groups.c.id)
    .where(groups.c.id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(groups.c.id)
    .with_for_update(key_share=True)
)
_GROUPS_PAGE = (
    _GROUPS.where(
        groups.c.kind == sa.bindparam("kind"),
        sa.or_(sa.bindparam("location", type_=sa.Uuid).is_(None), groups.c.location_id == sa.bindparam("location")),
        sa.or_(sa.bindparam("after", type_=sa.Uuid).is_(None), groups.c.id > sa.bindparam("after")),
    )
    .order_by(groups.c.id)
    .limit(sa.bindparam("limit"))
)
_OF_GROUP = sa.select(units).where(
    units.c.group_id == sa.bindparam("group"), units.c.overbooked == sa.bindparam("overbooked")
)
_UNITS = _OF_GROUP.order_by(units.c.position, units.c.id)
_UNITS_PAGE = paged(_OF_GROUP, units.c.position, units.c.id)
_UNIT = sa.select(units).where(units.c.id == sa.bindparam("unit"))
_UNITS_BY_ID = sa.select(units).where(units.c.id.in_(sa.bindparam("ids", expanding=True)))
_COUNT_UNITS = (
    sa.select(units.c.group_id, units.c.overbooked, sa.func.count().label("units"))
    .where(units.c.group_id.in_(sa.bindparam("groups", expanding=True)), ~units.c.blocked)
    .group_by(units.c.group_id, units.c.overbooked)
)


def location_of(row: sa.RowMapping) -> Location:
    return Location(
        id=row["location_id"],
        name=row["location_name"],
        calendar=calendar_of(row),
        version=row["location_version"],
    )


def _group(row: sa.RowMapping) -> Group:
    return Group(
        id=row["id"],
        kind=Kind(row["kind"]),
        location=location_of(row),
        name=row["name"],
        hold_ttl=None if row["hold_ttl_seconds"] is None else timedelta(seconds=row["hold_ttl_seconds"]),
        no_show_after=None if row["no_show_minutes"] is None else timedelta(minutes=row["no_show_minutes"]),
        active=row["active"],
        version=row["version"],
    )


def unit_of(row: sa.RowMapping) -> Unit:
    return Unit(**row)


async def groups_by_id(
    transaction: Transaction, ids: Iterable[UUID], kind: Kind | None = None, *, lock: bool = False
) -> dict[UUID, Group]:
    """Groups of a kind (of any without it); `lock`: nobody else takes or moves their units until the end."""
    wanted = list(set(ids))
    if not wanted:
        return {}
    if lock:
        await transaction.execute(_LOCK_GROUPS, {"ids": wanted})
    if kind is None:
        rows = await transaction.all(_ANY_GROUPS_BY_ID, {"ids": wanted})
    else:
        rows = await transaction.all(_GROUPS_BY_ID, {"ids": wanted, "kind": kind.value})
    return {row["id"]: _group(row) for row in rows}


async def groups_page(
    transaction: Transaction, kind: Kind, *, location_id: UUID | None, after: UUID | None, limit: int
) -> list[Group]:
    parameters = {"kind": kind.value, "location": location_id, "after": after, "limit": limit}
    return [_group(row) for row in await transaction.all(_GROUPS_PAGE, parameters)]


async def save_group(transaction: Transaction, group: Group) -> None:
    """Insert it, or replace the stored one."""
    values = {
        "kind": group.kind.value,
        "location_id": group.location.id,
        "name": group.name,
        "hold_ttl_seconds": None if group.hold_ttl is None else int(group.hold_ttl.total_seconds()),
        "no_show_minutes": None if group.no_show_after is None else group.no_show_after // timedelta(minutes=1),
        "active": group.active,
        "version": group.version,
    }
    if group.version == 1:
        await transaction.execute(sa.insert(groups).values(id=group.id, **values))
    else:
        await transaction.execute(sa.update(groups).where(groups.c.id == group.id).values(**values))


async def units_of(transaction: Transaction, group_id: UUID, *, overbooked: bool = False) -> list[Unit]:
    """The units that there are; `overbooked`: those that are not."""
    parameters = {"group": group_id, "overbooked": overbooked}
    return [unit_of(row) for row in await transaction.all(_UNITS, parameters)]


async def units_page(transaction: Transaction, group_id: UUID, *, after: UUID | None, limit: int) -> list[Unit]:
    """The units that there are, in the order in which they are given out."""
    parameters = {"group": group_id, "overbooked": False, "after": after, "limit": limit}
    return [unit_of(row) for row in await transaction.all(_UNITS_PAGE, parameters)]


async def count_units(transaction: Transaction, group_ids: Collection[UUID]) -> dict[tuple[UUID, bool], int]:
    """(group, whether overbooked) → units that can be booked."""
    rows = await transaction.all(_COUNT_UNITS, {"groups": list(group_ids)})
    return {(row["group_id"], row["overbooked"]): row["units"] for row in rows}


async def units_by_id(transaction: Transaction, unit_ids: Collection[UUID]) -> dict[UUID, Unit]:
    rows = await transaction.all(_UNITS_BY_ID, {"ids": list(unit_ids)}) if unit_ids else []
    return {row["id"]: unit_of(row) for row in rows}


async def unit_by_id(transaction: Transaction, unit_id: UUID) -> Unit | None:
    row = await transaction.one_or_none(_UNIT, {"unit": unit_id})
    return None if row is None else unit_of(row)


async def save_unit(transaction: Transaction, unit: Unit) -> None:
    """Insert it, or replace the stored one. Raises LabelTakenError."""
    values = asdict(unit)
    try:
        async with transaction.connection.begin_nested():
            if unit.version == 1:
                await transaction.execute(sa.insert(units).values(**values))
            else:
                await transaction.execute(sa.update(units).where(units.c.id == unit.id).values(**values))
    except sa.exc.IntegrityError as error:
        if "lodging_units_label" in str(error.orig):
            raise LabelTakenError(field="label", value=unit.label) from None
        raise
