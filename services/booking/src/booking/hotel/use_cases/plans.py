"""Types of rooms, rates and extras, by administrators."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import InvalidError, NotFoundError, StaleError
from foyer_contracts.ids import new_id

from ...lodging import use_cases as lodging
from ...lodging.domain import Kind
from ...resources import store as resources_store
from .. import store
from ..domain import Extra, Rate, RoomType


async def create_type(
    transaction: Transaction,
    *,
    check_in: int,
    check_out: int,
    adults: int,
    guests: int,
    overbooking: int,
    **plan: Any,
) -> RoomType:
    group = await lodging.create_group(transaction, Kind.STAY, **plan)
    room_type = RoomType(group, check_in, check_out, adults, guests, overbooking)
    await store.save_type(transaction, room_type)
    await lodging.set_overbooking(transaction, group, overbooking)
    return room_type


async def change_type(
    transaction: Transaction,
    id_: UUID,
    *,
    check_in: int,
    check_out: int,
    adults: int,
    guests: int,
    overbooking: int,
    **plan: Any,
) -> RoomType:
    group = await lodging.change_group(transaction, Kind.STAY, id_, **plan)
    room_type = RoomType(group, check_in, check_out, adults, guests, overbooking)
    await store.save_type(transaction, room_type)
    await lodging.set_overbooking(transaction, group, overbooking)
    return room_type


async def create_rate(transaction: Transaction, type_id: UUID, **values: Any) -> Rate:
    """Raises NotFoundError: no such type."""
    await lodging.visible_group(transaction, Kind.STAY, type_id)
    rate = Rate(id=new_id(), type_id=type_id, version=1, **values)
    await store.save_rate(transaction, rate)
    return rate


async def change_rate(transaction: Transaction, id_: UUID, *, if_version: int, **values: Any) -> Rate:
    """Replace it; nights that are sold keep their price. Raises NotFoundError, StaleError, InvalidError."""
    current = await store.rate_by_id(transaction, id_, lock=True)
    if current is None:
        raise NotFoundError
    if current.version != if_version:
        raise StaleError(version=current.version)
    rate = replace(current, version=current.version + 1, **values)
    if rate.price.currency != current.price.currency:
        raise InvalidError("A rate keeps its currency: nights are sold in it.", field="price.currency")
    await store.save_rate(transaction, rate)
    return rate


async def create_extra(transaction: Transaction, location_id: UUID, **values: Any) -> Extra:
    """Raises NotFoundError: no such location."""
    if await resources_store.location_by_id(transaction, location_id) is None:
        raise NotFoundError
    extra = Extra(id=new_id(), location_id=location_id, version=1, **values)
    await store.save_extra(transaction, extra)
    return extra


async def change_extra(transaction: Transaction, id_: UUID, *, if_version: int, **values: Any) -> Extra:
    """Replace it; stays that have it keep its price. Raises NotFoundError, StaleError."""
    current = await store.extra_locked(transaction, id_)
    if current is None:
        raise NotFoundError
    if current.version != if_version:
        raise StaleError(version=current.version)
    extra = replace(current, version=current.version + 1, **values)
    await store.save_extra(transaction, extra)
    return extra
