"""What is reserved, and moving it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.errors import ForbiddenError, NotFoundError
from foyer_chassis.http import Reading, etag, version_of
from foyer_chassis.idempotency import Answer, OncePerKey
from foyer_contracts.money import Money
from foyer_contracts.orders import Actor
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from ..recurring.domain import MOST_OCCURRENCES
from ..resources.routes import Moment
from ..resources.use_cases import visible
from . import store, use_cases
from .domain import CancellationStep, Notice, Reservation, Scope, free_until, notices

router = APIRouter(prefix="/v1", tags=["reservations"])

_FIRST_ID = UUID(int=0)


class CancellationStepOut(BaseModel):
    hours_before: int = Field(description="cancelled less than so many hours before the beginning")
    fee_percent: int = Field(description="of what was paid is kept")


class NoticeOut(BaseModel):
    until: datetime = Field(description="that instant itself is still in time")
    fee_percent: int = Field(description="what cancelling costs until then, of what was paid")


class CancellationOut(BaseModel):
    """What it costs the customer to cancel (X4), as it was when the order was placed. What it costs now, in money, says
    `GET /v1/orders/{number}/cancellation` of orders."""

    steps: list[CancellationStepOut]
    notices: list[NoticeOut] = Field(
        description="up to the present beginning, one after the other; of a booking that recurs, of its first time"
    )
    free_until: datetime | None = Field(description="the first of them, if it is free; null: it always costs something")

    @classmethod
    def of(cls, steps: Sequence[CancellationStep] | None, starts_at: datetime) -> "CancellationOut | None":
        if steps is None:
            return None
        until = notices(steps, starts_at)
        return cls(
            steps=[CancellationStepOut(hours_before=step.hours_before, fee_percent=step.fee_percent) for step in steps],
            notices=_notices(until),
            free_until=free_until(until),
        )


def _notices(found: Sequence[Notice]) -> list[NoticeOut]:
    return [NoticeOut(until=notice.until, fee_percent=notice.fee_percent) for notice in found]


class OccurrenceOut(BaseModel):
    number: int = Field(description="by which it is moved; it stays the same when the time moves")
    starts_at: datetime
    ends_at: datetime
    resource_id: UUID = Field(description="a time that was moved may be elsewhere than the others")
    slots: int
    price: Money
    cancelled: bool
    notices: list[NoticeOut] | None = Field(description="until when cancelling this time costs what; null: not known")


class ReservationOut(BaseModel):
    id: UUID
    order_id: UUID
    resource_id: UUID
    starts_at: datetime = Field(
        description="of a booking that recurs, with the resource, of the first time that is left"
    )
    ends_at: datetime
    slots: int = Field(description="of all times together")
    quantity: int = Field(description="how many equal places")
    status: Literal["held", "confirmed", "active", "ended", "expired", "released"]
    expires_at: datetime | None = Field(description="when the hold ends, if it is not paid before")
    total: Money
    occurrences: list[OccurrenceOut] = Field(description="the times of a booking that recurs, else none")
    cancellation: CancellationOut | None = Field(description="null: not known, of orders from before it was kept")
    version: int

    @classmethod
    async def shown(cls, transaction: Transaction, *reservations: Reservation) -> "list[ReservationOut]":
        """These, with what cancelling each costs."""
        known = await store.cancellations_of(transaction, {item.order_id for item in reservations})
        return [cls.of(item, known.get(item.order_id)) for item in reservations]

    @classmethod
    def of(cls, reservation: Reservation, steps: Sequence[CancellationStep] | None) -> "ReservationOut":
        return cls(
            id=reservation.id,
            order_id=reservation.order_id,
            resource_id=reservation.resource_id,
            starts_at=reservation.times[0].starts_at,
            ends_at=reservation.times[0].ends_at,
            slots=reservation.slots,
            quantity=reservation.quantity,
            status=reservation.status.value,
            expires_at=reservation.expires_at,
            total=reservation.total,
            occurrences=[
                OccurrenceOut(
                    number=each.number,
                    starts_at=each.starts_at,
                    ends_at=each.ends_at,
                    resource_id=each.resource_id,
                    slots=each.slots,
                    price=reservation.price_of(each),
                    cancelled=each.cancelled,
                    notices=None if steps is None else _notices(notices(steps, each.starts_at)),
                )
                for each in sorted(reservation.occurrences, key=lambda each: each.starts_at)
            ],
            cancellation=CancellationOut.of(steps, reservation.times[0].starts_at),
            version=reservation.version,
        )


class ReservationPage(BaseModel):
    items: list[ReservationOut]
    next: UUID | None


@router.get("/orders/{order_id}/reservation", dependencies=[requires("booking:read")])
async def reservation_of_order(order_id: UUID, reading: Reading, caller: CurrentCaller) -> ReservationOut:
    """The order's places as they are now. Customers see those of their own orders."""
    order = await store.order_copy(reading, order_id)
    if order is None or (not caller.is_staff and order.applicant_id != caller.id):
        raise NotFoundError
    reservation = await store.latest_of(reading, order_id)
    if reservation is None:
        raise NotFoundError
    (shown,) = await ReservationOut.shown(reading, reservation)
    return shown


class MoveIn(BaseModel):
    """Where and when the booking goes; slots of one resource, as when it was ordered."""

    model_config = ConfigDict(extra="forbid")

    resource_id: UUID | None = Field(default=None, description="another resource; else the same")
    starts_at: Moment
    ends_at: Moment


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
        (shown,) = await ReservationOut.shown(transaction, reservation)
        return Answer(shown, 200, {"ETag": etag(reservation.version)})

    return await once.run(command)


class MoveOccurrencesIn(BaseModel):
    """Which times of a booking that recurs go where. The others of the scope go as many days further or back as the one
    that is meant, to the same time of day and for as long, by the wall clock of the place (X2)."""

    model_config = ConfigDict(extra="forbid")

    number: StrictInt = Field(ge=0, lt=MOST_OCCURRENCES, description="of the time that is meant")
    scope: Literal["one", "following", "all"] = Field(
        description="that time alone, with all that have higher numbers, or all; what has begun stays"
    )
    starts_at: Moment = Field(description="when the time that is meant begins then")
    ends_at: Moment
    resource_id: UUID | None = Field(default=None, description="another resource for all of them; else each stays")
    skip: list[StrictInt] = Field(default=[], max_length=MOST_OCCURRENCES, description="numbers of those that stay")

    @property
    def wish(self) -> use_cases.SeriesWish:
        return use_cases.SeriesWish(
            number=self.number,
            scope=Scope(self.scope),
            starts_at=self.starts_at.astimezone(UTC),
            ends_at=self.ends_at.astimezone(UTC),
            resource_id=self.resource_id,
            skip=frozenset(self.skip),
        )


class MovedOccurrenceOut(BaseModel):
    """Instants carry the offset that the clocks of the place show then."""

    number: int
    previous_starts_at: datetime
    previous_ends_at: datetime
    starts_at: datetime
    ends_at: datetime
    resource_id: UUID
    slots: int = Field(description="0 where the time cannot be booked at all")
    price: Money
    reason: str | None = Field(
        description="why it cannot be had: in the words of `booking.places.unavailable`, or `other_number_of_slots`,"
        " `other_currency`"
    )


class MovePreviewOut(BaseModel):
    items: list[MovedOccurrenceOut] = Field(description="those that move, in order; what is there already is left out")
    movable: bool = Field(description="whether a move would be carried out as it is asked")
    total: Money = Field(description="of the whole booking, if those moved that can")


@router.post(
    "/orders/{order_id}/reservation/occurrences/reschedule/preview", dependencies=[requires("booking:process")]
)
async def preview_move(
    order_id: UUID, body: MoveOccurrencesIn, reading: Reading, caller: CurrentCaller
) -> MovePreviewOut:
    """What a move of a booking that recurs would come to: every time with its price, or with what keeps it from moving.
    Nothing is moved."""
    if not caller.may("booking:process", "slot_booking"):
        raise ForbiddenError(needs="booking:process")
    plan = await use_cases.preview_move(reading, order_id, body.wish, locations=caller.locations)
    items = []
    for placed in plan.times:
        before, after = placed.time.before, placed.time.after
        was_in, is_in = (plan.resources[each.resource_id].location.calendar.zone for each in (before, after))
        items.append(
            MovedOccurrenceOut(
                number=before.number,
                previous_starts_at=before.starts_at.astimezone(was_in),
                previous_ends_at=before.ends_at.astimezone(was_in),
                starts_at=after.starts_at.astimezone(is_in),
                ends_at=after.ends_at.astimezone(is_in),
                resource_id=after.resource_id,
                slots=after.slots,
                price=plan.reservation.price_of(after),
                reason=placed.time.reason,
            )
        )
    return MovePreviewOut(items=items, movable=all(item.reason is None for item in items), total=plan.after.total)


@router.post(
    "/orders/{order_id}/reservation/occurrences/reschedule",
    response_model=ReservationOut,
    dependencies=[requires("booking:process")],
)
async def reschedule_occurrences(
    order_id: UUID,
    body: MoveOccurrencesIn,
    caller: CurrentCaller,
    once: OncePerKey,
    if_match: Annotated[str | None, Header(description="only if the reservation is still at this ETag")] = None,
) -> Response:
    """Move one time of a booking that recurs, that and all that follow, or all (X5, A13–A15): all of them or none; a
    409 `times-cannot-be-moved` lists every conflict. By the same rules as the move of any booking, for each time."""
    version = None if if_match is None else version_of(if_match)
    if not caller.may("booking:process", "slot_booking"):
        raise ForbiddenError(needs="booking:process")

    async def command(transaction: Transaction) -> Answer:
        plan = await use_cases.reschedule_occurrences(
            transaction, order_id, body.wish, actor_id=caller.id, locations=caller.locations, if_version=version
        )
        (shown,) = await ReservationOut.shown(transaction, plan.after)
        return Answer(shown, 200, {"ETag": etag(plan.after.version)})

    return await once.run(command)


class CancelOccurrencesIn(BaseModel):
    """Which times of a booking that recurs are given up."""

    model_config = ConfigDict(extra="forbid")

    starts_at: Moment = Field(description="the beginning of the time that is meant")
    scope: Literal["one", "following"] = Field(description="that time alone, or with all that follow")


@router.post(
    "/orders/{order_id}/reservation/occurrences/cancel",
    response_model=ReservationOut,
    dependencies=[requires("booking:own", "booking:process")],
)
async def cancel_occurrences(
    order_id: UUID,
    body: CancelOccurrencesIn,
    caller: CurrentCaller,
    once: OncePerKey,
    if_match: Annotated[str | None, Header(description="only if the reservation is still at this ETag")] = None,
) -> Response:
    """Give up one time of a booking that recurs, or that and all that follow (X5): by the customer whose it is, or by
    staff. All of it is given up by cancelling the order."""
    version = None if if_match is None else version_of(if_match)
    as_staff = caller.may("booking:process", "slot_booking")
    if not as_staff and not caller.may("booking:own"):
        raise ForbiddenError(needs="booking:process")

    async def command(transaction: Transaction) -> Answer:
        reservation, resource = await use_cases.cancel_occurrences(
            transaction,
            order_id,
            starts_at=body.starts_at.astimezone(UTC),
            following=body.scope == "following",
            actor=Actor(kind="staff" if as_staff else "customer", id=caller.id),
            if_version=version,
        )
        if caller.locations and str(resource.location.id) not in caller.locations:
            raise NotFoundError
        (shown,) = await ReservationOut.shown(transaction, reservation)
        return Answer(shown, 200, {"ETag": etag(reservation.version)})

    return await once.run(command)


@router.get("/resources/{resource_id}/reservations", dependencies=[requires("booking:read_all")])
async def reservations_of_resource(
    resource_id: UUID,
    caller: CurrentCaller,
    reading: Reading,
    starts_from: Moment,
    starts_to: Moment,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
    after: UUID = _FIRST_ID,
) -> ReservationPage:
    """All reservations of a resource that touch a time, of every status. For staff."""
    await visible(reading, resource_id, caller.locations)
    found = await store.page_of_resource(reading, resource_id, starts_from, starts_to, after=after, limit=limit)
    items = await ReservationOut.shown(reading, *found)
    return ReservationPage(items=items, next=items[-1].id if len(items) == limit else None)
