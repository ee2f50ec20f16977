"""The schedule of classes, places in them, and what touches both a membership and its classes."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.db import Direct, Transaction
from foyer_chassis.errors import NotFoundError
from foyer_chassis.http import InTransaction, Reading, etag, version_of
from foyer_chassis.idempotency import Answer, OncePerKey
from foyer_contracts.ids import new_id
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ..memberships.routes import AttachIn, PassOut
from . import store, use_cases
from .domain import Class, ClassBooking

router = APIRouter(prefix="/v1", tags=["classes"])

_DESK = requires("booking:passes")
_CONFIGURE = requires("booking:configure", "booking:passes")
MOST_DAYS = 62
MOST_CANCEL_MINUTES = 7 * 24 * 60
#: Of instants that are asked for: nobody looks for a class beyond them, and days can be added to them.
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class ClassIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    group_id: UUID
    title: str = Field(min_length=1, max_length=200)
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    capacity: int = Field(ge=1, le=10_000)
    location_id: UUID | None = Field(default=None, description="by whose clocks its time is told")
    place: str | None = Field(default=None, min_length=1, max_length=200, description="the hall")
    trainer: str | None = Field(default=None, min_length=1, max_length=200)
    cancel_minutes: int = Field(
        default=0,
        ge=0,
        le=MOST_CANCEL_MINUTES,
        description="a visitor who gives the place up later than so long before the beginning loses the visit",
    )


class ClassOut(BaseModel):
    id: UUID
    group_id: UUID
    title: str
    starts_at: datetime
    ends_at: datetime
    capacity: int
    location_id: UUID | None
    place: str | None
    trainer: str | None
    cancel_minutes: int
    booked: int
    left: int
    cancelled: bool
    version: int

    @classmethod
    def of(cls, item: Class) -> Self:
        return cls(**{name: getattr(item, name) for name in cls.model_fields})


class Schedule(BaseModel):
    items: list[ClassOut]
    next: UUID | None


class PlaceIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    visitor_id: UUID
    pass_id: UUID | None = Field(default=None, description="else the membership that expires first")


class PlaceOut(BaseModel):
    id: UUID
    class_id: UUID
    visitor_id: UUID
    pass_id: UUID | None
    seat: int
    cancelled_reason: str | None

    @classmethod
    def of(cls, item: ClassBooking) -> Self:
        return cls(**{name: getattr(item, name) for name in cls.model_fields})


class Places(BaseModel):
    items: list[PlaceOut]
    next: UUID | None


class MyPlaceOut(BaseModel):
    """A place of one's own in a class."""

    id: UUID
    visitor_id: UUID
    pass_id: UUID | None
    seat: int
    keeps_visit: bool = Field(description="whether the visit comes back if the place is given up now")
    lesson: ClassOut

    @classmethod
    def of(cls, booking: ClassBooking, item: Class, now: datetime) -> Self:
        return cls(
            id=booking.id,
            visitor_id=booking.visitor_id,
            pass_id=booking.pass_id,
            seat=booking.seat,
            keeps_visit=booking.keeps_visit(item, now),
            lesson=ClassOut.of(item),
        )


class MyPlaces(BaseModel):
    items: list[MyPlaceOut]
    next: UUID | None


class AttachAndBookIn(AttachIn):
    class_ids: list[UUID] = Field(default=[], max_length=100, description="classes to book at once (D6)")


class Attached(BaseModel):
    membership: PassOut
    places: list[PlaceOut]


class FreezeIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    until: AwareDatetime | None = Field(description="null: used again from now on")


class WithdrawIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=200)


@router.get("/classes", dependencies=[requires("booking:read")])
async def list_classes(
    reading: Reading,
    starts_from: Annotated[AwareDatetime, Query(ge=EARLIEST, le=LATEST)],
    days: Annotated[int, Query(ge=1, le=MOST_DAYS)] = 7,
    group_id: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
    after: Annotated[UUID | None, Query(description="`next` of the page before")] = None,
) -> Schedule:
    """The schedule, with the places that are left."""
    found = await store.schedule(
        reading,
        starts_from=starts_from,
        starts_to=starts_from + timedelta(days=days),
        group_id=group_id,
        after=after,
        limit=limit,
    )
    return Schedule(items=[ClassOut.of(item) for item in found], next=found[-1].id if len(found) == limit else None)


@router.post("/classes", status_code=201, response_model=ClassOut, dependencies=[_CONFIGURE])
async def add_class(body: ClassIn, once: OncePerKey) -> Response:
    async def command(transaction: Transaction) -> Answer:
        item = Class(**dict(body), id=new_id())
        await use_cases.save_class(transaction, item, if_version=None)
        return Answer(ClassOut.of(item), 201, {"ETag": etag(item.version)})

    return await once.run(command)


@router.put("/classes/{class_id}", dependencies=[_CONFIGURE])
async def change_class(
    class_id: UUID,
    body: ClassIn,
    transaction: InTransaction,
    response: Response,
    if_match: Annotated[str | None, Header()] = None,
) -> ClassOut:
    """Who has a place is told of another time, place or trainer; for another time they may give it up without losing
    the visit."""
    item = Class(**dict(body), id=class_id)
    saved = await use_cases.save_class(transaction, item, if_version=version_of(if_match))
    response.headers["ETag"] = etag(saved.version)
    return ClassOut.of(saved)


@router.post("/classes/{class_id}/cancel", response_model=ClassOut, dependencies=[_CONFIGURE])
async def cancel_class(class_id: UUID, once: OncePerKey) -> Response:
    """It does not take place; every visitor gets the visit back, and is told."""

    async def command(transaction: Transaction) -> Answer:
        return Answer(ClassOut.of(await use_cases.cancel_class(transaction, class_id)))

    return await once.run(command)


@router.get("/classes/{class_id}/places", dependencies=[_DESK])
async def list_places(
    class_id: UUID,
    reading: Reading,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
    after: Annotated[UUID | None, Query(description="`next` of the page before")] = None,
) -> Places:
    """By seat."""
    if await store.class_by_id(reading, class_id) is None:
        raise NotFoundError
    items = [PlaceOut.of(item) for item in await store.bookings_page(reading, class_id, after=after, limit=limit)]
    return Places(items=items, next=items[-1].id if len(items) == limit else None)


@router.post("/classes/{class_id}/places", status_code=201, response_model=PlaceOut, dependencies=[_DESK])
async def book(class_id: UUID, body: PlaceIn, once: OncePerKey) -> Response:
    """A visitor takes a place with a visit of their membership."""

    async def command(transaction: Transaction) -> Answer:
        booking, _ = await use_cases.book(transaction, class_id, body.visitor_id, pass_id=body.pass_id)
        return Answer(PlaceOut.of(booking), 201)

    async def look(direct: Direct) -> None:
        await use_cases.look(direct, class_id, body.visitor_id)

    return await once.run_if_possible(("class", class_id), look, command)


@router.get("/class-places/mine", dependencies=[requires("booking:own")])
async def list_my_places(
    reading: Reading,
    caller: CurrentCaller,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    after: Annotated[UUID | None, Query(description="`next` of the page before")] = None,
) -> MyPlaces:
    """A customer's own places in classes that are not over, in the order in which they were booked."""
    found = await store.places_of_customer(reading, caller.id, after=after, limit=limit)
    items = [MyPlaceOut.of(booking, item, reading.now) for booking, item in found]
    return MyPlaces(items=items, next=items[-1].id if len(items) == limit else None)


@router.post(
    "/class-places/{place_id}/cancel",
    response_model=PlaceOut,
    dependencies=[requires("booking:passes", "booking:own")],
)
async def cancel_place(place_id: UUID, caller: CurrentCaller, once: OncePerKey) -> Response:
    """The place is free again. At the desk the visit always comes back; for who has the place, in time, or when the
    class was moved to another time."""
    customer_id = None if caller.may("booking:passes") else caller.id

    async def command(transaction: Transaction) -> Answer:
        booking, _ = await use_cases.cancel_booking(transaction, place_id, customer_id=customer_id)
        return Answer(PlaceOut.of(booking))

    return await once.run(command)


@router.post("/passes/{pass_id}/attach", response_model=Attached, dependencies=[_DESK])
async def attach(pass_id: UUID, body: AttachAndBookIn, once: OncePerKey) -> Response:
    """Give an activated membership to a visitor, with the groups it opens, its validity, and classes to book; all of
    it or nothing (D6)."""

    async def command(transaction: Transaction) -> Answer:
        after, places = await use_cases.attach_and_book(
            transaction,
            pass_id,
            body.visitor_id,
            body.class_ids,
            group_ids=None if body.group_ids is None else tuple(body.group_ids),
            valid_from=body.valid_from,
            valid_until=body.valid_until,
        )
        attached = Attached(membership=PassOut.of(after), places=[PlaceOut.of(place) for place in places])
        return Answer(attached, 200, {"ETag": etag(after.version)})

    return await once.run(command)


@router.put("/passes/{pass_id}/freeze", dependencies=[_DESK])
async def freeze(
    pass_id: UUID,
    body: FreezeIn,
    transaction: InTransaction,
    response: Response,
    if_match: Annotated[str | None, Header()] = None,
) -> PassOut:
    """Not used until then, and the validity is so much longer; places in classes of that time are free again."""
    item = await use_cases.freeze_pass(transaction, pass_id, body.until, if_version=version_of(if_match))
    response.headers["ETag"] = etag(item.version)
    return PassOut.of(item)


@router.post("/passes/{pass_id}/withdraw", response_model=PassOut, dependencies=[_DESK])
async def withdraw(pass_id: UUID, body: WithdrawIn, once: OncePerKey) -> Response:
    """Take a membership back from its visitor, and free its places in coming classes. When its money is refunded this
    happens by itself (D7)."""

    async def command(transaction: Transaction) -> Answer:
        return Answer(PassOut.of(await use_cases.withdraw_pass(transaction, pass_id, body.reason)))

    return await once.run(command)
