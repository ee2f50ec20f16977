"""The waiting list: customers join and leave it, staff see it."""

from datetime import UTC, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query, Response
from foyer_chassis.auth import Caller, CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.errors import ForbiddenError
from foyer_chassis.http import InTransaction, Reading
from foyer_chassis.idempotency import Answer, OncePerKey
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from ..resources.routes import Moment
from ..resources.use_cases import visible
from . import store, use_cases
from .store import Listed

router = APIRouter(prefix="/v1", tags=["waiting list"])

_FIRST_ID = UUID(int=0)
After = Annotated[UUID, Query(description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=100)]


class TimeIn(BaseModel):
    """A time of a resource, as an order would ask for it."""

    model_config = ConfigDict(extra="forbid")

    resource_id: UUID
    starts_at: Moment
    ends_at: Moment
    quantity: StrictInt = Field(default=1, ge=1)
    applicant_id: UUID | None = Field(default=None, description="for whom, when staff ask; else the caller")


class OfferOut(BaseModel):
    id: UUID = Field(description="`offer_id` of the order that takes it")
    expires_at: datetime


class WaitingOut(BaseModel):
    id: UUID
    applicant_id: UUID
    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    quantity: int
    status: Literal["waiting", "offered", "taken", "missed", "left"]
    position: int | None = Field(description="1 is the first of those who wait for that time")
    offer: OfferOut | None = Field(description="the place that is kept now")
    created_at: datetime

    @classmethod
    def of(cls, listed: Listed) -> Self:
        entry = listed.entry
        offer = None
        if listed.offer_id is not None and listed.offer_expires_at is not None:
            offer = OfferOut(id=listed.offer_id, expires_at=listed.offer_expires_at)
        return cls(
            id=entry.id,
            applicant_id=entry.applicant_id,
            resource_id=entry.resource_id,
            starts_at=entry.starts_at,
            ends_at=entry.ends_at,
            quantity=entry.quantity,
            status=entry.status.value,
            position=listed.position,
            offer=offer,
            created_at=entry.created_at,
        )


class WaitingPage(BaseModel):
    items: list[WaitingOut]
    next: UUID | None

    @classmethod
    def of(cls, found: list[Listed], limit: int) -> Self:
        items = [WaitingOut.of(item) for item in found]
        return cls(items=items, next=items[-1].id if len(items) == limit else None)


def _applicant(body: TimeIn, caller: Caller) -> UUID:
    """Whom it is for. Raises ForbiddenError: that is not the caller's to ask."""
    for_another = body.applicant_id is not None and body.applicant_id != caller.id
    if not caller.may(*(("booking:process", "slot_booking") if for_another else ("booking:own",))):
        raise ForbiddenError(needs="booking:process" if for_another else "booking:own")
    return body.applicant_id or caller.id


def _whose(caller: Caller) -> UUID | None:
    """Whose entries and offers the caller may end; None: everybody's. Raises ForbiddenError."""
    as_staff = caller.may("booking:process", "slot_booking")
    if not as_staff and not caller.may("booking:own"):
        raise ForbiddenError(needs="booking:process")
    return None if as_staff else caller.id


@router.post(
    "/waiting-list",
    status_code=201,
    response_model=WaitingOut,
    dependencies=[requires("booking:own", "booking:process")],
)
async def join(body: TimeIn, caller: CurrentCaller, once: OncePerKey) -> Response:
    """Wait for a time that is taken. When it is free it is kept for the first who waits, who is told by
    `booking.offer.made` and takes it by an order with that `offer_id`."""
    applicant_id = _applicant(body, caller)

    async def command(transaction: Transaction) -> Answer:
        entry = await use_cases.join(
            transaction,
            applicant_id=applicant_id,
            resource_id=body.resource_id,
            starts_at=body.starts_at.astimezone(UTC),
            ends_at=body.ends_at.astimezone(UTC),
            quantity=body.quantity,
        )
        listed = await store.listed(transaction, entry.id)
        assert listed is not None
        return Answer(WaitingOut.of(listed), 201, {"Location": f"/v1/waiting-list/{entry.id}"})

    return await once.run(command)


@router.get("/waiting-list", dependencies=[requires("booking:own")])
async def mine(caller: CurrentCaller, reading: Reading, limit: Limit = 50, after: After = _FIRST_ID) -> WaitingPage:
    """What the caller waits for, is offered, or waited for, as far as its time is to come."""
    return WaitingPage.of(await store.page_of_applicant(reading, caller.id, after=after, limit=limit), limit)


@router.delete("/waiting-list/{entry_id}", status_code=204, dependencies=[requires("booking:own", "booking:process")])
async def leave(entry_id: UUID, caller: CurrentCaller, transaction: InTransaction) -> None:
    """Wait no longer; what was offered is offered to the next."""
    await use_cases.leave(transaction, entry_id, applicant_id=_whose(caller), locations=caller.locations)


@router.get("/resources/{resource_id}/waiting-list", dependencies=[requires("booking:read_all")])
async def of_resource(
    resource_id: UUID, caller: CurrentCaller, reading: Reading, limit: Limit = 50, after: After = _FIRST_ID
) -> WaitingPage:
    """Who waits for a resource, in the order in which they came. For staff."""
    await visible(reading, resource_id, caller.locations)
    return WaitingPage.of(await store.page_of_resource(reading, resource_id, after=after, limit=limit), limit)
