"""Locations and resources are made and changed; every change of what can be booked is published per resource."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, fields, replace
from datetime import date, datetime, timedelta
from uuid import UUID

import holidays as public_holidays
from foyer_chassis.db import Transaction
from foyer_chassis.errors import InvalidError, NotFoundError, StaleError
from foyer_contracts import booking as events
from foyer_contracts.ids import new_id

from ..claiming import store as claiming
from . import store
from .domain import (
    Calendar,
    Holiday,
    Location,
    LocationPlan,
    PartsInvalidError,
    Resource,
    ResourceInUseError,
    ResourcePlan,
    check_opening_hours,
    check_special_days,
)

#: Public holidays are worked out for this year and so many more.
HOLIDAY_YEARS_AHEAD = 2


class UnknownCountryError(InvalidError):
    """The public holidays of this country are not known; ISO 3166-1 alpha-2."""

    title_en = "Unknown country"
    title_ru = "Праздники этой страны неизвестны"


async def create_location(transaction: Transaction, plan: LocationPlan) -> Location:
    """Raises UnknownCountryError, OpeningHoursInvalidError, SpecialDaysInvalidError."""
    location = _location(plan, new_id(), version=1, now=transaction.now)
    await store.save_location(transaction, location)
    _publish_location(transaction, location)
    return location


async def change_location(
    transaction: Transaction, location_id: UUID, plan: LocationPlan, *, if_version: int
) -> Location:
    """Replace all of it. Reservations that exist stay as they are.

    Raises:
        NotFoundError, StaleError: no such location; it has another version than `if_version`.
        UnknownCountryError, OpeningHoursInvalidError, SpecialDaysInvalidError.
    """
    current = await store.location_by_id(transaction, location_id, lock=True)
    if current is None:
        raise NotFoundError
    if current.version != if_version:
        raise StaleError(version=current.version)
    return await _change(transaction, current, plan)


async def extend_holidays(transaction: Transaction, *, most: int) -> int:
    """Work out the public holidays of the years ahead, once a year for each location that keeps them."""
    due = await store.locations_due(transaction, until=_holidays_until(transaction.now), most=most)
    for location in due:
        await _change(transaction, location, location)
    return len(due)


async def _change(transaction: Transaction, current: Location, plan: LocationPlan) -> Location:
    location = _location(plan, current.id, version=current.version + 1, now=transaction.now)
    await store.save_location(transaction, location)
    _publish_location(transaction, location)
    for resource in await store.resources_of(transaction, location.id):
        await _save(transaction, replace(resource, version=resource.version + 1))
    return location


def _location(plan: LocationPlan, id_: UUID, *, version: int, now: datetime) -> Location:
    calendar = plan.calendar
    check_opening_hours(calendar.opening_hours)
    check_special_days(plan.special_days)
    holidays = _holidays(plan.holidays_country, now)
    return Location(
        id=id_,
        name=plan.name,
        calendar=Calendar.made_of(
            calendar.zone,
            calendar.opening_hours,
            closed_days=plan.closed_days,
            special_days=plan.special_days,
            holidays=holidays,
        ),
        closed_days=plan.closed_days,
        special_days=plan.special_days,
        holidays_country=plan.holidays_country,
        holidays=holidays,
        holidays_until=_holidays_until(now) if plan.holidays_country else None,
        version=version,
    )


def _holidays_until(now: datetime) -> date:
    return date(now.year + HOLIDAY_YEARS_AHEAD, 12, 31)


def _holidays(country: str | None, now: datetime) -> tuple[Holiday, ...]:
    if country is None:
        return ()
    years = range(now.year, now.year + HOLIDAY_YEARS_AHEAD + 1)
    try:
        known = public_holidays.country_holidays(country, years=years)
    except NotImplementedError:
        raise UnknownCountryError(field="holidays_country", value=country) from None
    return tuple(Holiday(day, name) for day, name in sorted(known.items()))


async def visible(transaction: Transaction, resource_id: UUID, locations: Collection[str]) -> Resource:
    """A resource at one of the locations that a member of staff is limited to (none: all).

    Raises:
        NotFoundError: there is none.
    """
    resource = (await store.resources_by_id(transaction, [resource_id])).get(resource_id)
    if resource is None or (locations and str(resource.location.id) not in locations):
        raise NotFoundError
    return resource


async def create_resource(transaction: Transaction, location_id: UUID, plan: ResourcePlan) -> Resource:
    """
    Raises:
        NotFoundError: no such location.
        PartsInvalidError: it cannot be made of these.
    """
    location = await store.location_by_id(transaction, location_id, lock=True)
    if location is None:
        raise NotFoundError("There is no such location.", field="location_id")
    resource = _resource(plan, new_id(), location, await _parts(transaction, plan, None, location), version=1)
    await _save(transaction, resource)
    await store.set_parts(transaction, resource.id, resource.part_ids)
    return resource


async def change_resource(
    transaction: Transaction, resource_id: UUID, plan: ResourcePlan, *, if_version: int
) -> Resource:
    """Replace all but the location. Reservations that exist keep their times, buffers and prices.

    Raises:
        NotFoundError, StaleError: no such resource; it has another version than `if_version`.
        PartsInvalidError: it cannot be made of these.
        ResourceInUseError: its parts change, or it gets fewer places, while something is booked there.
    """
    known = (await store.resources_by_id(transaction, [resource_id])).get(resource_id)
    if known is None:
        raise NotFoundError
    # Places first, then rows: so does everybody.
    await claiming.lock(transaction, {resource_id, *known.part_ids, *plan.part_ids})
    # The location's row is the lock for all its resources: its own change publishes them too.
    await store.location_by_id(transaction, known.location.id, lock=True)
    current = (await store.resources_by_id(transaction, [resource_id]))[resource_id]
    if current.version != if_version:
        raise StaleError(version=current.version)
    parts = await _parts(transaction, plan, resource_id, current.location)
    resource = _resource(plan, resource_id, current.location, parts, version=current.version + 1)
    await _check_use(transaction, current, resource)
    await _save(transaction, resource)
    if resource.part_ids != current.part_ids:
        await store.set_parts(transaction, resource_id, resource.part_ids)
    return resource


async def _parts(
    transaction: Transaction, plan: ResourcePlan, whole_id: UUID | None, location: Location
) -> dict[UUID, Resource]:
    """Raises PartsInvalidError."""
    if not plan.part_ids:
        return {}
    found = await store.resources_by_id(transaction, plan.part_ids)
    for id_ in sorted(plan.part_ids):
        part = found.get(id_)
        if part is None or id_ == whole_id or part.parts or part.location.id != location.id:
            raise PartsInvalidError(field="part_ids", value=str(id_))
    if whole_id is not None and await store.wholes_of(transaction, whole_id):
        raise PartsInvalidError("A part of something has no parts itself.", field="part_ids")
    return found


async def _check_use(transaction: Transaction, before: Resource, after: Resource) -> None:
    """Raises ResourceInUseError."""
    if before.part_ids != after.part_ids:
        if await claiming.in_use(transaction, {before.id, *before.part_ids}):
            raise ResourceInUseError(field="part_ids")
    elif after.capacity != before.capacity:
        # What is booked of a whole takes all places of its parts, however many there were.
        shared = bool(await store.wholes_of(transaction, after.id))
        if await claiming.in_use(transaction, {after.id}, above=0 if shared else after.capacity):
            raise ResourceInUseError(field="capacity")


def _resource(
    plan: ResourcePlan, id_: UUID, location: Location, parts: Mapping[UUID, Resource], *, version: int
) -> Resource:
    planned = {each.name: getattr(plan, each.name) for each in fields(ResourcePlan)}
    made_of = tuple(sorted((part.id, part.capacity) for part in parts.values()))
    return Resource(**planned, id=id_, location=location, version=version, parts=made_of)


def _publish_location(transaction: Transaction, location: Location) -> None:
    transaction.publish(
        events.LocationChanged(
            location_id=location.id,
            name=location.name,
            time_zone=location.calendar.zone.key,
            opening_hours=[events.OpeningHours(**asdict(hours)) for hours in location.calendar.opening_hours],
            closed_days=sorted(location.calendar.closed_days),
            special_hours=_special_hours(location.calendar),
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
            special_hours=_special_hours(calendar),
            capacity=resource.capacity,
            min_slots=resource.rules.min_slots,
            max_slots=resource.rules.max_slots,
            notice_minutes=resource.rules.notice // timedelta(minutes=1),
            horizon_days=resource.rules.horizon_days,
        ),
        subject=resource.id,
        sequence=resource.version,
    )


def _special_hours(calendar: Calendar) -> list[events.SpecialHours]:
    return [
        events.SpecialHours(day=day, opens=opens, closes=closes)
        for day, hours in sorted(calendar.special_hours.items())
        for opens, closes in hours
    ]
