"""Locations and resources: everybody who is signed in reads them, administrators change them."""

from dataclasses import asdict
from datetime import date, timedelta
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from foyer_chassis.auth import requires
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError
from foyer_chassis.http import InTransaction, Reading, etag, version_of
from foyer_chassis.idempotency import Answer, OncePerKey
from foyer_contracts.money import Money, not_negative
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt

from . import store, use_cases
from .domain import LONGEST_SLOT_MINUTES, MINUTES_A_DAY, Calendar, Location, OpeningHours, Resource, zone_of

router = APIRouter(prefix="/v1", tags=["resources"])

IfMatch = Annotated[str | None, Header(description="The ETag that was read; 428 without it, 412 when it is stale")]
After = Annotated[UUID | None, Query(description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=100)]


class Hours(BaseModel):
    """Open on a weekday (0 = Monday) between two wall-clock times, in minutes after local midnight."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"weekday": 0, "opens": 480, "closes": 1320}]}
    )

    weekday: StrictInt = Field(ge=0, le=6)
    opens: StrictInt = Field(ge=0, lt=MINUTES_A_DAY)
    closes: StrictInt = Field(gt=0, le=MINUTES_A_DAY)


class LocationIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    time_zone: str = Field(description="IANA name, e.g. Europe/Moscow", max_length=64)
    opening_hours: list[Hours] = Field(max_length=100)
    closed_days: list[date] = Field(default=[], max_length=1000)

    def calendar(self) -> Calendar:
        return Calendar(
            zone=zone_of(self.time_zone),
            opening_hours=tuple(OpeningHours(**hours.model_dump()) for hours in self.opening_hours),
            closed_days=frozenset(self.closed_days),
        )


class LocationOut(LocationIn):
    id: UUID
    version: int

    @classmethod
    def of(cls, location: Location) -> Self:
        return cls(
            id=location.id,
            name=location.name,
            time_zone=location.calendar.zone.key,
            opening_hours=[Hours(**asdict(hours)) for hours in location.calendar.opening_hours],
            closed_days=sorted(location.calendar.closed_days),
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
        location = await use_cases.create_location(transaction, name=body.name, calendar=body.calendar())
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
    location = await use_cases.change_location(
        transaction, location_id, name=body.name, calendar=body.calendar(), if_version=version_of(if_match)
    )
    response.headers["ETag"] = etag(location.version)
    return LocationOut.of(location)


@router.post("/resources", status_code=201, response_model=ResourceOut, dependencies=[requires("booking:configure")])
async def create_resource(body: NewResource, once: OncePerKey) -> Response:
    async def command(transaction: Transaction) -> Answer:
        resource = await use_cases.create_resource(transaction, **dict(body))
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
    resource = await use_cases.change_resource(transaction, resource_id, **dict(body), if_version=version_of(if_match))
    response.headers["ETag"] = etag(resource.version)
    return ResourceOut.of(resource)
