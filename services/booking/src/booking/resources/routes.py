"""Locations and resources: everybody who is signed in reads them, administrators change them."""

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from foyer_chassis.auth import requires
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError
from foyer_chassis.http import InTransaction, Reading, etag, version_of
from foyer_chassis.idempotency import Answer, OncePerKey
from foyer_contracts.money import Money, not_negative
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StrictInt

from . import store, use_cases
from .domain import (
    LONGEST_SLOT_MINUTES,
    MINUTES_A_DAY,
    Calendar,
    Location,
    LocationPlan,
    OpeningHours,
    Resource,
    ResourcePlan,
    Rules,
    SpecialDay,
    zone_of,
)

router = APIRouter(prefix="/v1", tags=["resources"])

IfMatch = Annotated[str | None, Header(description="The ETag that was read; 428 without it, 412 when it is stale")]
After = Annotated[UUID | None, Query(description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=100)]
MOST_PLACES = 500
#: An instant that people book by; what is beyond is a mistake, and no arithmetic on it can fail.
Moment = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(2200, 1, 1, tzinfo=UTC))]


class Hours(BaseModel):
    """Open on a weekday (0 = Monday) between two wall-clock times, in minutes after local midnight."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"weekday": 0, "opens": 480, "closes": 1320}]}
    )

    weekday: StrictInt = Field(ge=0, le=6)
    opens: StrictInt = Field(ge=0, lt=MINUTES_A_DAY)
    closes: StrictInt = Field(gt=0, le=MINUTES_A_DAY)


class DayHours(BaseModel):
    """Open between two wall-clock times of one day, in minutes after local midnight."""

    model_config = ConfigDict(extra="forbid")

    opens: StrictInt = Field(ge=0, lt=MINUTES_A_DAY)
    closes: StrictInt = Field(gt=0, le=MINUTES_A_DAY)


class SpecialDayIO(BaseModel):
    """A day that is not as its weekday."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"day": "2026-12-31", "name": "Канун Нового года", "hours": [{"opens": 600, "closes": 960}]}]
        },
    )

    day: date
    name: str = Field(min_length=1, max_length=200)
    hours: list[DayHours] = Field(default=[], max_length=10, description="its hours; none: closed")


class LocationIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    time_zone: str = Field(description="IANA name, e.g. Europe/Moscow", max_length=64)
    opening_hours: list[Hours] = Field(max_length=100)
    closed_days: list[date] = Field(default=[], max_length=1000)
    special_days: list[SpecialDayIO] = Field(default=[], max_length=400)
    holidays_country: str | None = Field(
        default=None,
        pattern="^[A-Z]{2}$",
        description="ISO 3166-1: its public holidays are closed days, this year and two more, where no special "
        "hours open them",
    )

    def plan(self) -> LocationPlan:
        closed_days = frozenset(self.closed_days)
        return LocationPlan(
            name=self.name,
            calendar=Calendar(
                zone=zone_of(self.time_zone),
                opening_hours=tuple(OpeningHours(**hours.model_dump()) for hours in self.opening_hours),
                closed_days=closed_days,
            ),
            closed_days=closed_days,
            special_days=tuple(
                SpecialDay(item.day, item.name, tuple((hours.opens, hours.closes) for hours in item.hours))
                for item in self.special_days
            ),
            holidays_country=self.holidays_country,
        )


class HolidayOut(BaseModel):
    day: date
    name: str


class LocationOut(LocationIn):
    id: UUID
    version: int
    holidays: list[HolidayOut] = Field(description="the public holidays that are kept, with special hours or without")

    @classmethod
    def of(cls, location: Location) -> Self:
        return cls(
            id=location.id,
            name=location.name,
            time_zone=location.calendar.zone.key,
            opening_hours=[Hours(**asdict(hours)) for hours in location.calendar.opening_hours],
            closed_days=sorted(location.closed_days),
            special_days=[
                SpecialDayIO(
                    day=item.day,
                    name=item.name,
                    hours=[DayHours(opens=opens, closes=closes) for opens, closes in item.hours],
                )
                for item in location.special_days
            ],
            holidays_country=location.holidays_country,
            holidays=[HolidayOut(day=item.day, name=item.name) for item in location.holidays],
            version=location.version,
        )


class ResourceIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    slot_minutes: StrictInt = Field(ge=1, le=LONGEST_SLOT_MINUTES)
    price: Annotated[Money, AfterValidator(not_negative)] = Field(description="of one slot")
    hold_ttl_seconds: StrictInt | None = Field(
        default=None, ge=1, le=7 * 86400, description="how long places are held for an unpaid order"
    )
    active: bool = True
    min_slots: StrictInt = Field(default=1, ge=1, le=MINUTES_A_DAY, description="the fewest slots of one booking")
    max_slots: StrictInt | None = Field(default=None, ge=1, le=MINUTES_A_DAY, description="the most; null: any number")
    notice_minutes: StrictInt = Field(
        default=0, ge=0, le=90 * MINUTES_A_DAY, description="a booking is made at least so long before it begins"
    )
    horizon_days: StrictInt | None = Field(
        default=None, ge=0, le=3650, description="it begins at most so many local days after today; null: any day"
    )

    buffer_before_minutes: StrictInt = Field(
        default=0, ge=0, le=MINUTES_A_DAY, description="before a booking, when nobody else has the place; not paid"
    )
    buffer_after_minutes: StrictInt = Field(
        default=0,
        ge=0,
        le=MINUTES_A_DAY,
        description="after a booking. Buffers of two bookings share nothing: the gap is the one after the first and "
        "the one before the second",
    )
    offer_minutes: StrictInt = Field(
        default=30, ge=1, le=7 * MINUTES_A_DAY, description="how long a freed place is kept for who waited for it"
    )
    capacity: StrictInt = Field(default=1, ge=1, le=MOST_PLACES, description="how many equal places it has")
    part_ids: list[UUID] = Field(
        default=[],
        max_length=20,
        description="what it is made of, e.g. the rooms of a hall: it blocks all of them and is blocked by each",
    )

    def plan(self) -> ResourcePlan:
        return ResourcePlan(
            name=self.name,
            slot_length=timedelta(minutes=self.slot_minutes),
            price=self.price,
            hold_ttl=None if self.hold_ttl_seconds is None else timedelta(seconds=self.hold_ttl_seconds),
            active=self.active,
            rules=Rules(
                min_slots=self.min_slots,
                max_slots=self.max_slots,
                notice=timedelta(minutes=self.notice_minutes),
                horizon_days=self.horizon_days,
                before=timedelta(minutes=self.buffer_before_minutes),
                after=timedelta(minutes=self.buffer_after_minutes),
            ),
            offer_ttl=timedelta(minutes=self.offer_minutes),
            capacity=self.capacity,
            part_ids=frozenset(self.part_ids),
        )


class NewResource(ResourceIn):
    location_id: UUID


class ResourceOut(NewResource):
    id: UUID
    location_name: str
    time_zone: str
    version: int

    @classmethod
    def of(cls, resource: Resource) -> Self:
        return cls(
            id=resource.id,
            location_id=resource.location.id,
            location_name=resource.location.name,
            time_zone=resource.location.calendar.zone.key,
            name=resource.name,
            slot_minutes=resource.slot_length // timedelta(minutes=1),
            price=resource.price,
            hold_ttl_seconds=None if resource.hold_ttl is None else int(resource.hold_ttl.total_seconds()),
            active=resource.active,
            min_slots=resource.rules.min_slots,
            max_slots=resource.rules.max_slots,
            notice_minutes=resource.rules.notice // timedelta(minutes=1),
            horizon_days=resource.rules.horizon_days,
            buffer_before_minutes=resource.rules.before // timedelta(minutes=1),
            buffer_after_minutes=resource.rules.after // timedelta(minutes=1),
            offer_minutes=resource.offer_ttl // timedelta(minutes=1),
            capacity=resource.capacity,
            part_ids=sorted(resource.part_ids),
            version=resource.version,
        )


class LocationPage(BaseModel):
    items: list[LocationOut]
    next: UUID | None


class ResourcePage(BaseModel):
    items: list[ResourceOut]
    next: UUID | None


@router.post("/locations", status_code=201, response_model=LocationOut, dependencies=[requires("booking:configure")])
async def create_location(body: LocationIn, once: OncePerKey) -> Response:
    async def command(transaction: Transaction) -> Answer:
        location = await use_cases.create_location(transaction, body.plan())
        return Answer(
            LocationOut.of(location), 201, {"Location": f"/v1/locations/{location.id}", "ETag": etag(location.version)}
        )

    return await once.run(command)


@router.get("/locations", dependencies=[requires("booking:read")])
async def list_locations(reading: Reading, limit: Limit = 50, after: After = None) -> LocationPage:
    found = [LocationOut.of(item) for item in await store.locations_page(reading, after=after, limit=limit)]
    return LocationPage(items=found, next=found[-1].id if len(found) == limit else None)


@router.get("/locations/{location_id}", dependencies=[requires("booking:read")])
async def get_location(location_id: UUID, reading: Reading, response: Response) -> LocationOut:
    location = await store.location_by_id(reading, location_id)
    if location is None:
        raise NotFoundError
    response.headers["ETag"] = etag(location.version)
    return LocationOut.of(location)


@router.put("/locations/{location_id}", dependencies=[requires("booking:configure")])
async def change_location(
    location_id: UUID, body: LocationIn, transaction: InTransaction, response: Response, if_match: IfMatch = None
) -> LocationOut:
    location = await use_cases.change_location(transaction, location_id, body.plan(), if_version=version_of(if_match))
    response.headers["ETag"] = etag(location.version)
    return LocationOut.of(location)


@router.post("/resources", status_code=201, response_model=ResourceOut, dependencies=[requires("booking:configure")])
async def create_resource(body: NewResource, once: OncePerKey) -> Response:
    async def command(transaction: Transaction) -> Answer:
        resource = await use_cases.create_resource(transaction, body.location_id, body.plan())
        return Answer(
            ResourceOut.of(resource), 201, {"Location": f"/v1/resources/{resource.id}", "ETag": etag(resource.version)}
        )

    return await once.run(command)


@router.get("/resources", dependencies=[requires("booking:read")])
async def list_resources(
    reading: Reading, location_id: UUID | None = None, limit: Limit = 50, after: After = None
) -> ResourcePage:
    found = await store.resources_page(reading, location_id=location_id, after=after, limit=limit)
    items = [ResourceOut.of(item) for item in found]
    return ResourcePage(items=items, next=items[-1].id if len(items) == limit else None)


@router.get("/resources/{resource_id}", dependencies=[requires("booking:read")])
async def get_resource(resource_id: UUID, reading: Reading, response: Response) -> ResourceOut:
    resource = (await store.resources_by_id(reading, [resource_id])).get(resource_id)
    if resource is None:
        raise NotFoundError
    response.headers["ETag"] = etag(resource.version)
    return ResourceOut.of(resource)


@router.put("/resources/{resource_id}", dependencies=[requires("booking:configure")])
async def change_resource(
    resource_id: UUID, body: ResourceIn, transaction: InTransaction, response: Response, if_match: IfMatch = None
) -> ResourceOut:
    resource = await use_cases.change_resource(transaction, resource_id, body.plan(), if_version=version_of(if_match))
    response.headers["ETag"] = etag(resource.version)
    return ResourceOut.of(resource)
