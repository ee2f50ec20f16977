import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from asyncpg import Range
from foyer_chassis.db import Transaction
from foyer_chassis.errors import ConflictError
from foyer_contracts.ids import new_id
from foyer_contracts.money import Money
from sqlalchemy.dialects.postgresql import TSTZRANGE

from ..reserving.domain import PlacesTakenError
from ..resources.domain import Calendar, Location, OpeningHours, zone_of
from ..resources.tables import locations
from .domain import Group, Item, Kind, Lodging, Status, Unit, Verb, next_status
from .tables import claims, groups, lodgings, units


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
_UNITS = (
    sa.select(units)
    .where(units.c.group_id == sa.bindparam("group"), units.c.overbooked == sa.bindparam("overbooked"))
    .order_by(units.c.position, units.c.id)
)
_UNIT = sa.select(units).where(units.c.id == sa.bindparam("unit"))
_FREE_UNITS = (
    sa.select(units)
    .where(
        units.c.group_id == sa.bindparam("group"),
        ~units.c.blocked,
        sa.or_(sa.bindparam("unit", type_=sa.Uuid).is_(None), units.c.id == sa.bindparam("unit")),
        sa.or_(sa.bindparam("zone", type_=sa.Text).is_(None), units.c.zone == sa.bindparam("zone")),
        ~sa.exists().where(
            claims.c.unit_id == units.c.id,
            claims.c.active,
            claims.c.during.op("&&")(sa.bindparam("during", type_=TSTZRANGE)),
        ),
    )
    .order_by(units.c.position, units.c.id)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
# Who is there at that time is found by an index of the group's lodgings, and their units from there: one walk for all
# units instead of a look for each. What a lodging has taken never reaches beyond its own time. IS TRUE keeps the other
# index, which knows no groups, out of it.
_TAKEN = """
    SELECT claim.unit_id, claim.during, lodging.group_id
    FROM lodgings AS lodging
    JOIN lodging_claims AS claim ON claim.lodging_id = lodging.id AND claim.active
    WHERE lodging.group_id = ANY(CAST(:groups AS uuid[]))
        AND tstzrange(lodging.starts_at, lodging.ends_at) && tstzrange(:begin, :end)
        AND lodging.status IN ('held', 'confirmed', 'active')
        AND (claim.during && tstzrange(:begin, :end)) IS TRUE
"""
_INSTANTS = [sa.bindparam(name, type_=sa.DateTime(timezone=True)) for name in ("begin", "end")]
_FREE_LIST = sa.text(
    f"""
    WITH taken AS MATERIALIZED ({_TAKEN})
    SELECT unit.* FROM lodging_units AS unit
    WHERE unit.group_id = ANY(CAST(:groups AS uuid[])) AND NOT unit.blocked AND NOT unit.overbooked
        AND NOT EXISTS (SELECT FROM taken WHERE taken.unit_id = unit.id)
    ORDER BY unit.position, unit.id
"""  # noqa: S608 - of our own text only
).bindparams(*_INSTANTS)
# DO NOTHING covers the exclusion constraint, and waits for a rival that may roll back.
_CLAIM = sa.text("""
    INSERT INTO lodging_claims (id, lodging_id, unit_id, during, active)
    SELECT id, CAST(:lodging AS uuid), unit_id, tstzrange(:starts_at, :ends_at), true
    FROM unnest(CAST(:ids AS uuid[]), CAST(:units AS uuid[])) AS new (id, unit_id)
    ON CONFLICT DO NOTHING
    RETURNING id
""").bindparams(
    sa.bindparam("starts_at", type_=sa.DateTime(timezone=True)),
    sa.bindparam("ends_at", type_=sa.DateTime(timezone=True)),
)
# What lies ahead is free; what was, stays as history. A claim that had not begun keeps the time it was for.
_UNCLAIM = sa.text("""
    UPDATE lodging_claims SET active = false, during = CASE
        WHEN lower(during) < :now THEN tstzrange(lower(during), least(upper(during), :now)) ELSE during END
    WHERE lodging_id = ANY(CAST(:lodgings AS uuid[])) AND active
        AND (CAST(:unit AS uuid) IS NULL OR unit_id = :unit)
""").bindparams(sa.bindparam("now", type_=sa.DateTime(timezone=True)))
_RETIME = sa.text("""
    UPDATE lodging_claims SET during = tstzrange(
        CASE WHEN lower(during) = :old_start THEN :new_start ELSE lower(during) END, :new_end)
    WHERE lodging_id = CAST(:lodging AS uuid) AND active
""").bindparams(
    *(sa.bindparam(name, type_=sa.DateTime(timezone=True)) for name in ("old_start", "new_start", "new_end"))
)
_CLAIMED_UNITS = (
    sa.select(units)
    .join(claims, claims.c.unit_id == units.c.id)
    .where(claims.c.lodging_id == sa.bindparam("lodging"), claims.c.active)
    .order_by(units.c.position, units.c.id)
)
_TAKEN_NIGHTS = sa.text(
    f"""
    WITH taken AS MATERIALIZED ({_TAKEN}), unit AS MATERIALIZED (
        SELECT id, overbooked FROM lodging_units
        WHERE group_id = ANY(CAST(:groups AS uuid[])) AND (overbooked OR NOT blocked)
    )
    SELECT night.group_id, night.position, unit.overbooked, count(DISTINCT taken.unit_id) AS units
    FROM unnest(
        CAST(:of AS uuid[]), CAST(:positions AS int[]), CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[])
    ) AS night (group_id, position, begins_at, ends_at)
    JOIN taken ON taken.group_id = night.group_id AND taken.during && tstzrange(night.begins_at, night.ends_at)
    JOIN unit ON unit.id = taken.unit_id
    GROUP BY night.group_id, night.position, unit.overbooked
"""  # noqa: S608 - of our own text only
).bindparams(*_INSTANTS)
_COUNT_UNITS = (
    sa.select(units.c.group_id, units.c.overbooked, sa.func.count().label("units"))
    .where(units.c.group_id.in_(sa.bindparam("groups", expanding=True)), ~units.c.blocked)
    .group_by(units.c.group_id, units.c.overbooked)
)
_BY_ORDERS = (
    sa.select(lodgings).where(lodgings.c.order_id.in_(sa.bindparam("orders", expanding=True))).order_by(lodgings.c.id)
)
_BY_ORDERS_LOCKED = _BY_ORDERS.with_for_update(key_share=True)
_BY_ID = sa.select(lodgings).where(lodgings.c.id == sa.bindparam("id"))
_BY_ID_LOCKED = _BY_ID.with_for_update(key_share=True)
_BY_NUMBER = sa.select(lodgings).where(
    lodgings.c.kind == sa.bindparam("kind"), lodgings.c.number == sa.bindparam("number")
)
_BY_CODE = sa.select(lodgings).where(lodgings.c.kind == sa.bindparam("kind"), lodgings.c.code == sa.bindparam("code"))
_PAGE = (
    sa.select(lodgings)
    .where(
        lodgings.c.group_id == sa.bindparam("group"),
        sa.func.tstzrange(lodgings.c.starts_at, lodgings.c.ends_at).op("&&")(sa.bindparam("during", type_=TSTZRANGE)),
        lodgings.c.id > sa.bindparam("after"),
    )
    .order_by(lodgings.c.id)
    .limit(sa.bindparam("limit"))
)
_NUMBERS = {
    Kind.TICKET: sa.text("SELECT nextval('ticket_numbers')"),
    Kind.STAY: sa.text("SELECT nextval('stay_numbers')"),
}


def _due(verb: Verb, due_at: sa.ColumnElement[Any], *also: sa.ColumnElement[bool], **more: Any) -> sa.Update:
    """Carry out a step on a batch of lodgings that are due for it, skipping what another worker has in hand."""
    (before,) = [status for status in Status if next_status(status, verb) is not None]
    batch = (
        sa.select(lodgings.c.id)
        .where(
            lodgings.c.status == before.value,
            due_at <= sa.bindparam("now", type_=sa.DateTime(timezone=True)),
            *also,
        )
        .order_by(due_at)
        .limit(sa.bindparam("most"))
        .with_for_update(skip_locked=True, key_share=True)
    )
    return (
        sa.update(lodgings)
        .where(lodgings.c.id.in_(batch.scalar_subquery()))
        .values(status=next_status(before, verb), version=lodgings.c.version + 1, **more)
        .returning(*lodgings.c)
    )


_NO_SHOW_COMES_FIRST = lodgings.c.no_show_due_at < lodgings.c.ends_at
_DUE = {
    Verb.EXPIRE: _due(Verb.EXPIRE, lodgings.c.expires_at),
    Verb.START: _due(Verb.START, lodgings.c.starts_at),
    # Of two that became due while nothing ran, what came first is first: whom nobody came for did not end.
    Verb.END: _due(Verb.END, lodgings.c.ends_at, sa.or_(~_NO_SHOW_COMES_FIRST, lodgings.c.no_show_due_at.is_(None))),
    Verb.NO_SHOW: _due(
        Verb.NO_SHOW,
        lodgings.c.no_show_due_at,
        _NO_SHOW_COMES_FIRST,
        no_show_due_at=None,
        no_show_at=sa.bindparam("now", type_=sa.DateTime(timezone=True)),
    ),
}


def location_of(row: sa.RowMapping) -> Location:
    return Location(
        id=row["location_id"],
        name=row["location_name"],
        calendar=Calendar(
            zone=zone_of(row["time_zone"]),
            opening_hours=tuple(OpeningHours(**item) for item in row["opening_hours"]),
            closed_days=frozenset(row["closed_days"]),
        ),
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


def _unit(row: sa.RowMapping) -> Unit:
    return Unit(**row)


def _lodging(row: sa.RowMapping) -> Lodging:
    values = {name: value for name, value in row.items() if name not in ("currency", "created_at")}
    values["items"] = tuple(
        Item(item["title"], item["quantity"], Money(amount=item["amount"], currency=row["currency"]), item["extra"])
        for item in row["items"]
    )
    return Lodging(**{**values, "kind": Kind(row["kind"]), "status": Status(row["status"])})


def _values(lodging: Lodging) -> dict[str, Any]:
    values = asdict(lodging)
    values["items"] = [
        {"title": item.title, "quantity": item.quantity, "amount": item.unit_price.amount, "extra": item.extra}
        for item in lodging.items
    ]
    return {**values, "currency": lodging.total.currency, "kind": lodging.kind.value, "status": lodging.status.value}


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
    return [_unit(row) for row in await transaction.all(_UNITS, parameters)]


async def count_units(transaction: Transaction, group_ids: Collection[UUID]) -> dict[tuple[UUID, bool], int]:
    """(group, whether overbooked) → units that can be booked."""
    rows = await transaction.all(_COUNT_UNITS, {"groups": list(group_ids)})
    return {(row["group_id"], row["overbooked"]): row["units"] for row in rows}


async def unit_by_id(transaction: Transaction, unit_id: UUID) -> Unit | None:
    row = await transaction.one_or_none(_UNIT, {"unit": unit_id})
    return None if row is None else _unit(row)


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


async def free_units(
    transaction: Transaction,
    group_id: UUID,
    starts_at: datetime,
    ends_at: datetime,
    *,
    unit_id: UUID | None = None,
    zone: str | None = None,
    most: int | None = None,
) -> list[Unit]:
    """Units that nobody has at that time, in the order in which they are given out; `most`: the first so many."""
    during = Range(starts_at, ends_at)
    parameters = {"group": group_id, "unit": unit_id, "zone": zone, "during": during, "most": most}
    return [_unit(row) for row in await transaction.all(_FREE_UNITS, parameters)]


async def free_list(transaction: Transaction, group_id: UUID, starts_at: datetime, ends_at: datetime) -> list[Unit]:
    """All units that are there and that nobody has at that time."""
    parameters = {"groups": [group_id], "begin": starts_at, "end": ends_at}
    return [_unit(row) for row in await transaction.all(_FREE_LIST, parameters)]


async def claim(
    transaction: Transaction, lodging_id: UUID, taken: Sequence[Unit], starts_at: datetime, ends_at: datetime
) -> bool:
    """Take units for a lodging; False: at least one of them is somebody else's, and some may have been taken."""
    result = await transaction.execute(
        _CLAIM,
        {
            "lodging": lodging_id,
            "ids": [new_id() for _ in taken],
            "units": [unit.id for unit in taken],
            "starts_at": starts_at,
            "ends_at": ends_at,
        },
    )
    return len(result.scalars().all()) == len(taken)


async def unclaim(transaction: Transaction, lodging_ids: Sequence[UUID], *, unit_id: UUID | None = None) -> None:
    """Units of these lodgings are free from now on; `unit_id`: only that one."""
    if lodging_ids:
        await transaction.execute(_UNCLAIM, {"lodgings": list(lodging_ids), "unit": unit_id, "now": transaction.now})


async def retime(transaction: Transaction, before: Lodging, after: Lodging) -> None:
    """Its units are taken for another time, in one step. Raises PlacesTakenError."""
    parameters = {
        "lodging": before.id,
        "old_start": before.starts_at,
        "new_start": after.starts_at,
        "new_end": after.ends_at,
    }
    try:
        async with transaction.connection.begin_nested():
            await transaction.execute(_RETIME, parameters)
    except sa.exc.IntegrityError as error:
        if "lodging_claims_no_two_overlap" in str(error.orig):
            raise PlacesTakenError(place=before.place) from None
        raise


async def claimed_units(transaction: Transaction, lodging_id: UUID) -> list[Unit]:
    return [_unit(row) for row in await transaction.all(_CLAIMED_UNITS, {"lodging": lodging_id})]


async def taken_nights(
    transaction: Transaction, nights: Mapping[UUID, Sequence[tuple[datetime, datetime]]]
) -> dict[tuple[UUID, int, bool], int]:
    """(group, number of the night, whether overbooked) → how many of its bookable units somebody has in that night.

    Args:
        nights: of each group, from when until when each night is, in order.
    """
    each = [(id_, number, *night) for id_, of_group in nights.items() for number, night in enumerate(of_group)]
    rows = await transaction.all(
        _TAKEN_NIGHTS,
        {
            "groups": list(nights),
            "begin": min(begin for _, _, begin, _ in each),
            "end": max(end for _, _, _, end in each),
            "of": [id_ for id_, _, _, _ in each],
            "positions": [number for _, number, _, _ in each],
            "begins": [begin for _, _, begin, _ in each],
            "ends": [end for _, _, _, end in each],
        },
    )
    return {(row["group_id"], row["position"], row["overbooked"]): row["units"] for row in rows}


async def next_number(transaction: Transaction, kind: Kind) -> int:
    return int((await transaction.execute(_NUMBERS[kind])).scalar_one())


def new_code() -> str:
    """96 random bits: who has not seen the QR code does not find it."""
    return secrets.token_urlsafe(12)


async def add(transaction: Transaction, lodging: Lodging) -> None:
    await transaction.execute(sa.insert(lodgings).values(**_values(lodging), created_at=transaction.now))


async def save(transaction: Transaction, lodging: Lodging) -> None:
    values = _values(lodging)
    await transaction.execute(sa.update(lodgings).where(lodgings.c.id == values.pop("id")).values(**values))


async def by_orders(
    transaction: Transaction, order_ids: Collection[UUID], *, lock: bool = False
) -> dict[UUID, Lodging]:
    """The lodging of each order that has one."""
    rows = await transaction.all(_BY_ORDERS_LOCKED if lock else _BY_ORDERS, {"orders": list(order_ids)})
    return {row["order_id"]: _lodging(row) for row in rows}


async def by_id(transaction: Transaction, id_: UUID, *, lock: bool = False) -> Lodging | None:
    row = await transaction.one_or_none(_BY_ID_LOCKED if lock else _BY_ID, {"id": id_})
    return None if row is None else _lodging(row)


async def by_number(transaction: Transaction, kind: Kind, number: int) -> Lodging | None:
    row = await transaction.one_or_none(_BY_NUMBER, {"kind": kind.value, "number": number})
    return None if row is None else _lodging(row)


async def by_code(transaction: Transaction, kind: Kind, code: str) -> Lodging | None:
    row = await transaction.one_or_none(_BY_CODE, {"kind": kind.value, "code": code})
    return None if row is None else _lodging(row)


async def page(
    transaction: Transaction, group_id: UUID, from_: datetime, to: datetime, *, after: UUID, limit: int
) -> list[Lodging]:
    """Lodgings of a group that touch a time, of every status."""
    parameters = {"group": group_id, "during": Range(from_, to), "after": after, "limit": limit}
    return [_lodging(row) for row in await transaction.all(_PAGE, parameters)]


async def carry_out_due(transaction: Transaction, verb: Verb, *, most: int) -> list[Lodging]:
    """Expire, start, end or give up what is due by the transaction's time; the changed ones."""
    rows = await transaction.all(_DUE[verb], {"now": transaction.now, "most": most})
    return [_lodging(row) for row in rows]
