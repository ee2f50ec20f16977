"""Locations and resources are made and changed; every change of what can be booked is published per resource."""

from dataclasses import asdict, fields, replace
from datetime import date, datetime, timedelta
from uuid import UUID

import holidays as public_holidays
from foyer_chassis.db import Transaction
from foyer_chassis.errors import InvalidError, NotFoundError, StaleError
from foyer_contracts import booking as events
from foyer_contracts.ids import new_id

from . import store
from .domain import (
    Calendar,
    Holiday,
    Location,
    LocationPlan,
    Resource,
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


async def create_resource(transaction: Transaction, location_id: UUID, plan: ResourcePlan) -> Resource:
    """Raises NotFoundError: no such location."""
    location = await store.location_by_id(transaction, location_id, lock=True)
    if location is None:
        raise NotFoundError("There is no such location.", field="location_id")
    resource = _resource(plan, new_id(), location, version=1)
    await _save(transaction, resource)
    return resource


async def change_resource(
    transaction: Transaction, resource_id: UUID, plan: ResourcePlan, *, if_version: int
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
    resource = _resource(plan, resource_id, current.location, version=current.version + 1)
    await _save(transaction, resource)
    return resource


def _resource(plan: ResourcePlan, id_: UUID, location: Location, *, version: int) -> Resource:
    planned = {each.name: getattr(plan, each.name) for each in fields(ResourcePlan)}
    return Resource(**planned, id=id_, location=location, version=version)


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
