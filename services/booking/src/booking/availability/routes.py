"""What is free: by the same rules by which orders are taken."""

from collections.abc import Collection, Iterator
from datetime import date, datetime, timedelta
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from foyer_chassis.auth import requires
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError
from foyer_chassis.http import Reading
from foyer_contracts.money import Money
from pydantic import BaseModel, Field

from ..claiming import store as claiming
from ..claiming.domain import Period, Taken
from ..resources import store as resources_store
from ..resources.domain import Resource
from .domain import Run, free_periods, runs_of

router = APIRouter(prefix="/v1", tags=["availability"])

MOST_DAYS = 31
MOST_RESOURCES = 50

From = Annotated[date, Query(alias="from", description="first local day", ge=date(2000, 1, 1), le=date(2200, 1, 1))]
Days = Annotated[int, Query(ge=1, le=MOST_DAYS)]


class SlotOut(BaseModel):
    starts_at: datetime
    ends_at: datetime
    free: bool = Field(description="whether it can be booked now, alone or in a booking that is long enough")
    left: int = Field(description="how many places of it")


class DayOut(BaseModel):
    """A local day. On the day of a clock change it has 23 or 25 hours."""

    date: date
    slots: list[SlotOut]


class AvailabilityOut(BaseModel):
    """Instants carry the offset that the location's clocks show then."""

    resource_id: UUID
    time_zone: str
    price: Money
    capacity: int
    min_slots: int
    max_slots: int | None
    days: list[DayOut]


class FreePeriod(BaseModel):
    starts_at: datetime
    ends_at: datetime
    left: int = Field(description="how many places, all the time from the beginning to the end")


class FreeDay(BaseModel):
    date: date
    free: list[FreePeriod]


class FreeTimesOut(BaseModel):
    resource_id: UUID
    time_zone: str
    slot_minutes: int
    price: Money
    capacity: int
    min_slots: int
    max_slots: int | None
    days: list[FreeDay]


class FreeTimesList(BaseModel):
    items: list[FreeTimesOut]


@router.get("/resources/{resource_id}/availability", dependencies=[requires("booking:read")])
async def availability(resource_id: UUID, reading: Reading, from_: From, days: Days = 1) -> AvailabilityOut:
    """The slots of a resource, day by day, with what is left of each (A11)."""
    resource = (await resources_store.resources_by_id(reading, [resource_id])).get(resource_id)
    if resource is None or not resource.active:
        raise NotFoundError
    taken = await _taken(reading, [resource], from_, days)
    runs = runs_of(resource, _opened(resource, from_, days), taken, now=reading.now)
    zone = resource.location.calendar.zone
    return AvailabilityOut(
        resource_id=resource_id,
        time_zone=zone.key,
        price=resource.price,
        capacity=resource.capacity,
        min_slots=resource.rules.min_slots,
        max_slots=resource.rules.max_slots,
        days=[
            DayOut(date=day, slots=[slot for run in of_day for slot in _slots(run, resource.slot_length, zone)])
            for day, of_day in runs.items()
        ],
    )


@router.get("/availability", dependencies=[requires("booking:read")])
async def free_times(
    reading: Reading,
    resource_id: Annotated[list[UUID], Query(min_length=1, max_length=MOST_RESOURCES)],
    from_: From,
    days: Days = 1,
) -> FreeTimesList:
    """The free times of several resources, as periods of whole slots; one query whatever is asked for."""
    resources = await resources_store.resources_by_id(reading, resource_id)
    if missing := [str(id_) for id_ in resource_id if id_ not in resources or not resources[id_].active]:
        raise NotFoundError(field="resource_id", missing=missing)
    taken = await _taken(reading, resources.values(), from_, days)
    opened: dict[UUID, dict[date, list[Period]]] = {}
    items = []
    for resource in resources.values():
        if (periods := opened.get(resource.location.id)) is None:
            periods = opened[resource.location.id] = _opened(resource, from_, days)
        items.append(
            FreeTimesOut(
                resource_id=resource.id,
                time_zone=resource.location.calendar.zone.key,
                slot_minutes=resource.slot_length // timedelta(minutes=1),
                price=resource.price,
                capacity=resource.capacity,
                min_slots=resource.rules.min_slots,
                max_slots=resource.rules.max_slots,
                days=[
                    FreeDay(
                        date=day,
                        free=[
                            FreePeriod(starts_at=starts_at, ends_at=ends_at, left=left)
                            for run in of_day
                            for (starts_at, ends_at), left in free_periods(run, resource)
                        ],
                    )
                    for day, of_day in runs_of(resource, periods, taken, now=reading.now).items()
                ],
            )
        )
    return FreeTimesList(items=items)


async def _taken(
    reading: Transaction, resources: Collection[Resource], first: date, days: int
) -> dict[UUID, list[Taken]]:
    """What is taken around these local days: in the east a day begins before its date in UTC, in the west it ends
    after it, and buffers reach beyond it."""
    reach = 1 + max((resource.rules.before + resource.rules.after).days + 1 for resource in resources)
    begin = datetime.combine(first - timedelta(days=reach), datetime.min.time()).astimezone()
    ids = {id_ for resource in resources for id_ in (resource.part_ids or (resource.id,))}
    return await claiming.taken(reading, ids, begin, begin + timedelta(days=days + 2 * reach))


def _opened(resource: Resource, first: date, days: int) -> dict[date, list[Period]]:
    calendar = resource.location.calendar
    return {
        day: [(period.starts_at, period.ends_at) for period in calendar.open_periods(day)]
        for day in (first + timedelta(days=n) for n in range(days))
    }


def _slots(run: Run, length: timedelta, zone: ZoneInfo) -> Iterator[SlotOut]:
    for number, left in enumerate(run.left):
        starts_at = run.opens + number * length
        yield SlotOut(
            starts_at=starts_at.astimezone(zone),
            ends_at=(starts_at + length).astimezone(zone),
            free=left > 0,
            left=left,
        )
