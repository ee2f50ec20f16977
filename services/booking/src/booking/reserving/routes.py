"""What is free, and what is reserved."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.errors import ForbiddenError, NotFoundError
from foyer_chassis.http import Reading, etag, version_of
from foyer_chassis.idempotency import Answer, OncePerKey
from foyer_contracts.money import Money
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ..resources import store as resources_store
from . import store, use_cases
from .domain import Period, Reservation, free_periods, free_slots

router = APIRouter(prefix="/v1", tags=["reservations"])

MOST_DAYS = 31
MOST_RESOURCES = 50
_FIRST_ID = UUID(int=0)

From = Annotated[date, Query(alias="from", description="first local day")]
Days = Annotated[int, Query(ge=1, le=MOST_DAYS)]


class SlotOut(BaseModel):
    starts_at: datetime
    ends_at: datetime
    free: bool


class DayOut(BaseModel):
    """A local day. On the day of a clock change it has 23 or 25 hours."""

    date: date
    slots: list[SlotOut]


class AvailabilityOut(BaseModel):
    """Instants carry the offset that the location's clocks show then."""

    resource_id: UUID
    time_zone: str
    price: Money
    days: list[DayOut]


class FreePeriod(BaseModel):
    starts_at: datetime
    ends_at: datetime


class FreeDay(BaseModel):
    date: date
    free: list[FreePeriod]


class FreeTimesOut(BaseModel):
    resource_id: UUID
    time_zone: str
    slot_minutes: int
    price: Money
    days: list[FreeDay]


class FreeTimesList(BaseModel):
    items: list[FreeTimesOut]


class ReservationOut(BaseModel):
    id: UUID
    order_id: UUID
    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    slots: int
    status: Literal["held", "confirmed", "active", "ended", "expired", "released"]
    expires_at: datetime | None = Field(description="when the hold ends, if it is not paid before")
    total: Money
    version: int

    @classmethod
    def of(cls, reservation: Reservation) -> "ReservationOut":
        return cls(
            id=reservation.id,
            order_id=reservation.order_id,
            resource_id=reservation.resource_id,
            starts_at=reservation.starts_at,
            ends_at=reservation.ends_at,
            slots=reservation.slots,
            status=reservation.status.value,
            expires_at=reservation.expires_at,
            total=reservation.total,
            version=reservation.version,
        )


class ReservationPage(BaseModel):
    items: list[ReservationOut]
    next: UUID | None


@router.get("/resources/{resource_id}/availability", dependencies=[requires("booking:read")])
async def availability(resource_id: UUID, reading: Reading, from_: From, days: Days = 1) -> AvailabilityOut:
    """The slots of a resource, day by day, with who is free: `free` is False too for what has already begun (A11)."""
    resource = (await resources_store.resources_by_id(reading, [resource_id])).get(resource_id)
    if resource is None or not resource.active:
        raise NotFoundError
    calendar = resource.location.calendar
    slots = {day: calendar.slots(day, resource.slot_length) for day in _days(from_, days)}
    everything = [slot for of_day in slots.values() for slot in of_day]
    taken: list[Period] = []
    if everything:
        found = await store.taken_between(reading, [resource_id], everything[0].starts_at, everything[-1].ends_at)
        taken = found[resource_id]
    flags = free_slots([(slot.starts_at, slot.ends_at) for slot in everything], taken)
    return AvailabilityOut(
        resource_id=resource_id,
        time_zone=calendar.zone.key,
        price=resource.price,
        days=[
            DayOut(
                date=day,
                slots=[
                    SlotOut(
                        starts_at=slot.starts_at.astimezone(calendar.zone),
                        ends_at=slot.ends_at.astimezone(calendar.zone),
                        free=next(flags) and slot.starts_at > reading.now,
                    )
                    for slot in of_day
                ],
            )
            for day, of_day in slots.items()
        ],
    )


@router.get("/availability", dependencies=[requires("booking:read")])
async def free_times(
    reading: Reading,
    resource_id: Annotated[list[UUID], Query(min_length=1, max_length=MOST_RESOURCES)],
    from_: From,
    days: Days = 1,
) -> FreeTimesList:
    """The free times of several resources, as periods rather than slots; one query whatever is asked for."""
    resources = await resources_store.resources_by_id(reading, resource_id)
    if missing := [str(id_) for id_ in resource_id if id_ not in resources]:
        raise NotFoundError(field="resource_id", missing=missing)
    # Two days more than asked for: the first local day begins before its date in UTC in the east, and ends after it
    # in the west.
    begin = datetime.combine(from_ - timedelta(days=1), datetime.min.time()).astimezone()
    taken = await store.taken_between(reading, list(resources), begin, begin + timedelta(days=days + 3))
    periods: dict[object, dict[date, list[Period]]] = {}
    items = []
    for resource in resources.values():
        calendar = resource.location.calendar
        if (opened := periods.get(resource.location.id)) is None:
            opened = {day: [(p.starts_at, p.ends_at) for p in calendar.open_periods(day)] for day in _days(from_, days)}
            periods[resource.location.id] = opened
        items.append(
            FreeTimesOut(
                resource_id=resource.id,
                time_zone=calendar.zone.key,
                slot_minutes=resource.slot_length // timedelta(minutes=1),
                price=resource.price,
                days=[
                    FreeDay(
                        date=day,
                        free=[
                            FreePeriod(starts_at=s, ends_at=e)
                            for opens, closes in of_day
                            for s, e in free_periods(opens, closes, taken[resource.id])
                        ],
                    )
                    for day, of_day in opened.items()
                ],
            )
        )
    return FreeTimesList(items=items)


@router.get("/orders/{order_id}/reservation", dependencies=[requires("booking:read")])
async def reservation_of_order(order_id: UUID, reading: Reading, caller: CurrentCaller) -> ReservationOut:
    """The order's places as they are now. Customers see those of their own orders."""
    order = await store.order_copy(reading, order_id)
    if order is None or (not caller.is_staff and order.applicant_id != caller.id):
        raise NotFoundError
    reservation = await store.latest_of(reading, order_id)
    if reservation is None:
        raise NotFoundError
    return ReservationOut.of(reservation)


class MoveIn(BaseModel):
    """Where and when the booking goes; slots of one resource, as when it was ordered."""

    model_config = ConfigDict(extra="forbid")

    resource_id: UUID | None = Field(default=None, description="another resource; else the same")
    starts_at: AwareDatetime
    ends_at: AwareDatetime


@router.post(
    "/orders/{order_id}/reservation/reschedule",
    response_model=ReservationOut,
    dependencies=[requires("booking:process")],
)
async def reschedule(
    order_id: UUID,
    body: MoveIn,
    caller: CurrentCaller,
    once: OncePerKey,
    if_match: Annotated[str | None, Header(description="only if the reservation is still at this ETag")] = None,
) -> Response:
    """Move a booking (A13–A15): never both times free, never both taken. An individual's new time has exactly as many
    slots as were paid; a company's may have another number, and the difference is invoiced or given back."""
    version = None if if_match is None else version_of(if_match)
    if not caller.may("booking:process", "slot_booking"):
        raise ForbiddenError(needs="booking:process")

    async def command(transaction: Transaction) -> Answer:
        reservation, resource = await use_cases.reschedule(
            transaction,
            order_id,
            resource_id=body.resource_id,
            starts_at=body.starts_at.astimezone(UTC),
            ends_at=body.ends_at.astimezone(UTC),
            actor_id=caller.id,
            if_version=version,
        )
        if caller.locations and str(resource.location.id) not in caller.locations:
            raise NotFoundError
        return Answer(ReservationOut.of(reservation), 200, {"ETag": etag(reservation.version)})

    return await once.run(command)


@router.get("/resources/{resource_id}/reservations", dependencies=[requires("booking:read_all")])
async def reservations_of_resource(
    resource_id: UUID,
    reading: Reading,
    starts_from: AwareDatetime,
    starts_to: AwareDatetime,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
    after: UUID = _FIRST_ID,
) -> ReservationPage:
    """All reservations of a resource that touch a time, of every status. For staff."""
    found = await store.page_of_resource(reading, resource_id, starts_from, starts_to, after=after, limit=limit)
    items = [ReservationOut.of(reservation) for reservation in found]
    return ReservationPage(items=items, next=items[-1].id if len(items) == limit else None)


def _days(first: date, count: int) -> list[date]:
    return [first + timedelta(days=n) for n in range(count)]
