"""Spaces and types of rooms, with their numbered units."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from foyer_chassis.auth import Caller
from foyer_chassis.db import Transaction
from foyer_chassis.errors import ForbiddenError, NotFoundError, StaleError
from foyer_contracts.ids import new_id

from ...resources import store as resources_store
from .. import store
from ..domain import Group, Kind, Lodging, Unit

#: The position of units that are not there: beyond that of any that is.
AFTER_ALL = 1_000_000


def _minutes(minutes: int | None) -> timedelta | None:
    return None if minutes is None else timedelta(minutes=minutes)


def _seconds(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


async def create_group(
    transaction: Transaction,
    kind: Kind,
    *,
    location_id: UUID,
    name: str,
    hold_ttl_seconds: int | None,
    no_show_minutes: int | None,
    active: bool,
) -> Group:
    """Raises NotFoundError: no such location."""
    location = await resources_store.location_by_id(transaction, location_id)
    if location is None:
        raise NotFoundError("There is no such location.", field="location_id")
    group = Group(
        id=new_id(),
        kind=kind,
        location=location,
        name=name,
        hold_ttl=_seconds(hold_ttl_seconds),
        no_show_after=_minutes(no_show_minutes),
        active=active,
        version=1,
    )
    await store.save_group(transaction, group)
    return group


async def change_group(
    transaction: Transaction,
    kind: Kind,
    group_id: UUID,
    *,
    name: str,
    hold_ttl_seconds: int | None,
    no_show_minutes: int | None,
    active: bool,
    if_version: int,
) -> Group:
    """Replace all but the location; what is booked stays as it is. Raises NotFoundError, StaleError."""
    current = (await store.groups_by_id(transaction, [group_id], kind, lock=True)).get(group_id)
    if current is None:
        raise NotFoundError
    if current.version != if_version:
        raise StaleError(version=current.version)
    group = replace(
        current,
        name=name,
        hold_ttl=_seconds(hold_ttl_seconds),
        no_show_after=_minutes(no_show_minutes),
        active=active,
        version=current.version + 1,
    )
    await store.save_group(transaction, group)
    return group


async def add_unit(
    transaction: Transaction,
    kind: Kind,
    group_id: UUID,
    *,
    label: str,
    zone: str | None,
    position: int,
    blocked: bool,
) -> Unit:
    """Raises NotFoundError, LabelTakenError."""
    if group_id not in await store.groups_by_id(transaction, [group_id], kind, lock=True):
        raise NotFoundError
    unit = Unit(id=new_id(), group_id=group_id, label=label, zone=zone, position=position, blocked=blocked, version=1)
    await store.save_unit(transaction, unit)
    return unit


async def change_unit(
    transaction: Transaction,
    kind: Kind,
    unit_id: UUID,
    *,
    label: str,
    zone: str | None,
    position: int,
    blocked: bool,
    if_version: int,
) -> Unit:
    """Replace it; who has it booked keeps it. Raises NotFoundError, StaleError, LabelTakenError."""
    known = await store.unit_by_id(transaction, unit_id)
    if (
        known is None
        or known.overbooked
        or known.group_id not in await store.groups_by_id(transaction, [known.group_id], kind, lock=True)
    ):
        raise NotFoundError
    current = await store.unit_by_id(transaction, unit_id)
    assert current is not None
    if current.version != if_version:
        raise StaleError(version=current.version)
    unit = replace(current, label=label, zone=zone, position=position, blocked=blocked, version=current.version + 1)
    await store.save_unit(transaction, unit)
    return unit


async def set_overbooking(transaction: Transaction, group: Group, limit: int) -> None:
    """So many units are sold beyond those that there are, and no more; what is booked beyond another limit stays. The
    caller has the group's lock, or has just made it. Raises LabelTakenError: a unit of its own is called like one."""
    known = await store.units_of(transaction, group.id, overbooked=True)
    for number in range(len(known), limit):
        position = AFTER_ALL + number
        unit = Unit(new_id(), group.id, f"+{number + 1}", None, position, False, 1, overbooked=True)
        await store.save_unit(transaction, unit)
    for number, unit in enumerate(known):
        if unit.blocked != (number >= limit):
            await store.save_unit(transaction, replace(unit, blocked=number >= limit, version=unit.version + 1))


async def visible_group(
    transaction: Transaction, kind: Kind, group_id: UUID, *, locations: frozenset[str] = frozenset()
) -> Group:
    """Raises NotFoundError, also for staff that are limited to other locations."""
    group = (await store.groups_by_id(transaction, [group_id], kind)).get(group_id)
    if group is None or (locations and str(group.location.id) not in locations):
        raise NotFoundError
    return group


def may_see(caller: Caller, lodging: Lodging, kind: str) -> bool:
    """Whether it is the caller's own, or of the kind of orders that their role sees (A2)."""
    return lodging.applicant_id == caller.id or caller.may("booking:read_all", kind)


def must_see(caller: Caller, kind: str) -> None:
    """Raises ForbiddenError: the role does not see bookings of this kind of order (A2)."""
    if not caller.may("booking:read_all", kind):
        raise ForbiddenError(needs="booking:read_all")


def must_process(caller: Caller, kind: str) -> None:
    """Raises NotFoundError: the role does not see bookings of this kind; ForbiddenError: it does, and may not this."""
    if not caller.may("booking:process", kind):
        if not caller.may("booking:read_all", kind):
            raise NotFoundError
        raise ForbiddenError(needs="booking:process")
