"""Locations and resources are made and changed; every change of what can be booked is published per resource."""

from dataclasses import asdict, replace
from datetime import timedelta
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError, StaleError
from foyer_contracts import booking as events
from foyer_contracts.ids import new_id
from foyer_contracts.money import Money

from . import store
from .domain import Calendar, Location, Resource, check_opening_hours


async def create_location(transaction: Transaction, *, name: str, calendar: Calendar) -> Location:
    check_opening_hours(calendar.opening_hours)
    location = Location(id=new_id(), name=name, calendar=calendar, version=1)
    await store.save_location(transaction, location)
    _publish_location(transaction, location)
    return location


async def change_location(
    transaction: Transaction, location_id: UUID, *, name: str, calendar: Calendar, if_version: int
) -> Location:
    """Replace name and calendar. Reservations that exist stay as they are.

    Raises:
        NotFoundError, StaleError: no such location; it has another version than `if_version`.
    """
    check_opening_hours(calendar.opening_hours)
    current = await store.location_by_id(transaction, location_id, lock=True)
    if current is None:
        raise NotFoundError
    if current.version != if_version:
        raise StaleError(version=current.version)
    location = replace(current, name=name, calendar=calendar, version=current.version + 1)
    await store.save_location(transaction, location)
    _publish_location(transaction, location)
    for resource in await store.resources_of(transaction, location_id):
        await _save(transaction, replace(resource, version=resource.version + 1))
    return location


async def create_resource(
    transaction: Transaction,
    *,
    location_id: UUID,
    name: str,
    slot_minutes: int,
    price: Money,
    hold_ttl_seconds: int | None,
    active: bool,
) -> Resource:
    """Raises NotFoundError: no such location."""
    location = await store.location_by_id(transaction, location_id, lock=True)
    if location is None:
        raise NotFoundError("There is no such location.", field="location_id")
    resource = Resource(
        id=new_id(),
        location=location,
        name=name,
        slot_length=timedelta(minutes=slot_minutes),
        price=price,
        hold_ttl=None if hold_ttl_seconds is None else timedelta(seconds=hold_ttl_seconds),
        active=active,
        version=1,
    )
    await _save(transaction, resource)
    return resource


async def change_resource(
    transaction: Transaction,
    resource_id: UUID,
    *,
    name: str,
    slot_minutes: int,
    price: Money,
    hold_ttl_seconds: int | None,
    active: bool,
    if_version: int,
) -> Resource:
    """Replace all but the location. Reservations that exist keep their times and prices.

    Raises:
        NotFoundError, StaleError: no such resource; it has another version than `if_version`.
    """
    known = (await store.resources_by_id(transaction, [resource_id])).get(resource_id)
    if known is None:
        raise NotFoundError
    # The location's row is the lock for all its resources: its own change publishes them too.
    await store.location_by_id(transaction, known.location.id, lock=True)
    current = (await store.resources_by_id(transaction, [resource_id]))[resource_id]
    if current.version != if_version:
        raise StaleError(version=current.version)
    resource = replace(
        current,
        name=name,
        slot_length=timedelta(minutes=slot_minutes),
        price=price,
        hold_ttl=None if hold_ttl_seconds is None else timedelta(seconds=hold_ttl_seconds),
        active=active,
        version=current.version + 1,
    )
    await _save(transaction, resource)
    return resource


def _publish_location(transaction: Transaction, location: Location) -> None:
    transaction.publish(
        events.LocationChanged(
            location_id=location.id,
            name=location.name,
            time_zone=location.calendar.zone.key,
            opening_hours=[events.OpeningHours(**asdict(hours)) for hours in location.calendar.opening_hours],
            closed_days=sorted(location.calendar.closed_days),
        ),
        subject=location.id,
        sequence=location.version,
    )


async def _save(transaction: Transaction, resource: Resource) -> None:
    await store.save_resource(transaction, resource)
    calendar = resource.location.calendar
    transaction.publish(
        events.ResourceChanged(
            resource_id=resource.id,
            name=resource.name,
            location_id=resource.location.id,
            location_name=resource.location.name,
            time_zone=calendar.zone.key,
            opening_hours=[events.OpeningHours(**asdict(hours)) for hours in calendar.opening_hours],
            closed_days=sorted(calendar.closed_days),
            slot_minutes=resource.slot_length // timedelta(minutes=1),
            price=resource.price,
            active=resource.active,
        ),
        subject=resource.id,
        sequence=resource.version,
    )
