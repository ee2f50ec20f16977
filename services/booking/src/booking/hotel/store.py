from collections.abc import Collection, Mapping
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from foyer_chassis.pages import paged
from foyer_contracts.money import Money
from sqlalchemy.dialects.postgresql import insert

from ..lodging.domain import Group
from .domain import Basis, Extra, Rate, RoomType, Season, Timed
from .tables import extras, rates, room_types

_TYPES = sa.select(room_types).where(room_types.c.group_id.in_(sa.bindparam("ids", expanding=True)))
_RATES_OF = (
    sa.select(rates)
    .where(rates.c.type_id.in_(sa.bindparam("types", expanding=True)))
    .order_by(rates.c.type_id, rates.c.id)
)
_RATES_PAGE = paged(sa.select(rates).where(rates.c.type_id == sa.bindparam("type")), rates.c.id)
_RATE = sa.select(rates).where(rates.c.id == sa.bindparam("id"))
_RATE_LOCKED = _RATE.with_for_update()
_EXTRAS_PAGE = paged(sa.select(extras).where(extras.c.location_id == sa.bindparam("location")), extras.c.id)
_EXTRAS = sa.select(extras).where(extras.c.id.in_(sa.bindparam("ids", expanding=True)))
_EXTRA_LOCKED = sa.select(extras).where(extras.c.id == sa.bindparam("id")).with_for_update()


async def types_of(transaction: Transaction, groups: Mapping[UUID, Group]) -> dict[UUID, RoomType]:
    """The types of rooms that these groups are."""
    rows = await transaction.all(_TYPES, {"ids": list(groups)})
    return {
        row["group_id"]: RoomType(
            groups[row["group_id"]],
            row["check_in"],
            row["check_out"],
            row["adults"],
            row["guests"],
            row["overbooking"],
        )
        for row in rows
    }


async def save_type(transaction: Transaction, room_type: RoomType) -> None:
    """Insert it, or replace the stored one; its group is saved by `lodging`."""
    values = {
        "check_in": room_type.check_in,
        "check_out": room_type.check_out,
        "adults": room_type.adults,
        "guests": room_type.guests,
        "overbooking": room_type.overbooking,
    }
    statement = insert(room_types).values(group_id=room_type.group.id, **values)
    await transaction.execute(statement.on_conflict_do_update(index_elements=["group_id"], set_=values))


def _rate(row: sa.RowMapping) -> Rate:
    return Rate(
        id=row["id"],
        type_id=row["type_id"],
        name=row["name"],
        price=Money(amount=row["price_amount"], currency=row["price_currency"]),
        least_nights=row["least_nights"],
        included_adults=row["included_adults"],
        extra_adult=row["extra_adult"],
        child=row["child"],
        seasons=tuple(
            Season(
                first=date.fromisoformat(item["first"]),
                last=date.fromisoformat(item["last"]),
                weekdays=frozenset(item["weekdays"]),
                amount=item["amount"],
                least_nights=item["least_nights"],
            )
            for item in row["seasons"]
        ),
        active=row["active"],
        version=row["version"],
    )


async def rates_of(transaction: Transaction, type_ids: Collection[UUID]) -> list[Rate]:
    return [_rate(row) for row in await transaction.all(_RATES_OF, {"types": list(type_ids)})]


async def rates_page(transaction: Transaction, type_id: UUID, *, after: UUID | None, limit: int) -> list[Rate]:
    parameters = {"type": type_id, "after": after, "limit": limit}
    return [_rate(row) for row in await transaction.all(_RATES_PAGE, parameters)]


async def rate_by_id(transaction: Transaction, id_: UUID, *, lock: bool = False) -> Rate | None:
    row = await transaction.one_or_none(_RATE_LOCKED if lock else _RATE, {"id": id_})
    return None if row is None else _rate(row)


async def save_rate(transaction: Transaction, rate: Rate) -> None:
    """Insert it, or replace the stored one."""
    values: dict[str, Any] = {
        "type_id": rate.type_id,
        "name": rate.name,
        "price_amount": rate.price.amount,
        "price_currency": rate.price.currency,
        "least_nights": rate.least_nights,
        "included_adults": rate.included_adults,
        "extra_adult": rate.extra_adult,
        "child": rate.child,
        "seasons": [
            {
                "first": season.first.isoformat(),
                "last": season.last.isoformat(),
                "weekdays": sorted(season.weekdays),
                "amount": season.amount,
                "least_nights": season.least_nights,
            }
            for season in rate.seasons
        ],
        "active": rate.active,
        "version": rate.version,
    }
    if rate.version == 1:
        await transaction.execute(sa.insert(rates).values(id=rate.id, **values))
    else:
        await transaction.execute(sa.update(rates).where(rates.c.id == rate.id).values(**values))


def _extra(row: sa.RowMapping) -> Extra:
    return Extra(
        id=row["id"],
        location_id=row["location_id"],
        name=row["name"],
        price=Money(amount=row["price_amount"], currency=row["price_currency"]),
        basis=Basis(row["basis"]),
        timed=Timed(row["timed"]),
        active=row["active"],
        version=row["version"],
    )


async def extras_page(transaction: Transaction, location_id: UUID, *, after: UUID | None, limit: int) -> list[Extra]:
    parameters = {"location": location_id, "after": after, "limit": limit}
    return [_extra(row) for row in await transaction.all(_EXTRAS_PAGE, parameters)]


async def extras_by_id(transaction: Transaction, ids: Collection[UUID]) -> dict[UUID, Extra]:
    rows = await transaction.all(_EXTRAS, {"ids": list(ids)}) if ids else []
    return {row["id"]: _extra(row) for row in rows}


async def extra_locked(transaction: Transaction, id_: UUID) -> Extra | None:
    row = await transaction.one_or_none(_EXTRA_LOCKED, {"id": id_})
    return None if row is None else _extra(row)


async def save_extra(transaction: Transaction, extra: Extra) -> None:
    """Insert it, or replace the stored one."""
    values = {
        "location_id": extra.location_id,
        "name": extra.name,
        "price_amount": extra.price.amount,
        "price_currency": extra.price.currency,
        "basis": extra.basis.value,
        "timed": extra.timed.value,
        "active": extra.active,
        "version": extra.version,
    }
    if extra.version == 1:
        await transaction.execute(sa.insert(extras).values(id=extra.id, **values))
    else:
        await transaction.execute(sa.update(extras).where(extras.c.id == extra.id).values(**values))
