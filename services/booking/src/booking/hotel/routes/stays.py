"""Stays, for their guests and the reception."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query, Response
from foyer_chassis.auth import Caller, CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.errors import InvalidError, NotFoundError
from foyer_chassis.http import Reading, etag, version_of
from foyer_chassis.idempotency import Answer, OncePerKey
from foyer_contracts.orders import Actor, StayExtra
from pydantic import AwareDatetime, BaseModel, Field, StrictInt

from ...lodging import store as lodging_store
from ...lodging import use_cases as lodging
from ...lodging.domain import Group, Kind, Lodging
from ...lodging.routes import (
    Limit,
    LodgingOut,
    OnlyIf,
    Strict,
    staff,
)
from .. import use_cases

router = APIRouter(prefix="/v1", tags=["hotel"])

_READ = requires("booking:read")
_DESK = requires("booking:process")
_FIRST_ID = UUID(int=0)
#: Of the orders whose staff see stays (A2).
KIND = "hotel"
MOST_SPAN = timedelta(days=366)


class StayOut(LodgingOut):
    room_type_id: UUID
    arrival: date
    departure: date
    rooms: int
    adults: int
    children: int

    @classmethod
    def of(cls, item: Lodging) -> Self:
        return cls.model_validate({**cls.values_of(item), "room_type_id": item.group_id})


class StayPage(BaseModel):
    items: list[StayOut]
    next: UUID | None


class RoomMoveIn(Strict):
    room_id: UUID
    from_room_id: UUID | None = Field(default=None, description="which room is given up, where there are several")


class DatesIn(Strict):
    arrival: date
    departure: date


class WantedExtraIn(Strict):
    extra_id: UUID
    quantity: StrictInt = Field(default=1, ge=1, le=1000)
    at: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] | None = Field(
        default=None, description="local time"
    )


class MoreExtrasIn(Strict):
    extras: list[WantedExtraIn] = Field(min_length=1, max_length=50)


@router.get("/room-types/{room_type_id}/stays", dependencies=[requires("booking:read_all")])
async def stays_of_type(
    room_type_id: UUID,
    reading: Reading,
    caller: CurrentCaller,
    starts_from: AwareDatetime,
    starts_to: AwareDatetime,
    limit: Limit = 100,
    after: UUID = _FIRST_ID,
) -> StayPage:
    """All stays in rooms of a type that touch a time, of every status. For staff."""
    if not timedelta(0) < starts_to - starts_from <= MOST_SPAN:
        raise InvalidError("The time ends after it begins, and is at most a year long.", field="starts_to")
    lodging.must_see(caller, KIND)
    await lodging.visible_group(reading, Kind.STAY, room_type_id, locations=caller.locations)
    found = await lodging_store.page(reading, room_type_id, starts_from, starts_to, after=after, limit=limit)
    items = [StayOut.of(item) for item in found]
    return StayPage(items=items, next=items[-1].id if len(items) == limit else None)


@router.get("/orders/{order_id}/stay", dependencies=[_READ])
async def stay_of_order(order_id: UUID, reading: Reading, caller: CurrentCaller, response: Response) -> StayOut:
    """The stay of an order (A17). Customers see those of their own orders."""
    return await _shown(reading, caller, (await lodging_store.by_orders(reading, [order_id])).get(order_id), response)


@router.get("/stays", dependencies=[requires("booking:read_all")])
async def find_stay(
    reading: Reading, caller: CurrentCaller, response: Response, number: Annotated[int, Query(ge=1, le=2**62)]
) -> StayOut:
    return await _shown(reading, caller, await lodging_store.by_number(reading, Kind.STAY, number), response)


@router.get("/stays/{stay_id}", dependencies=[_READ])
async def get_stay(stay_id: UUID, reading: Reading, caller: CurrentCaller, response: Response) -> StayOut:
    return await _shown(reading, caller, await lodging_store.by_id(reading, stay_id), response)


@router.post("/stays/{stay_id}/check-in", response_model=StayOut, dependencies=[_DESK])
async def check_in(stay_id: UUID, caller: CurrentCaller, once: OncePerKey, if_match: OnlyIf = None) -> Response:
    return await _process(stay_id, caller, once, if_match, use_cases.check_in)


@router.post("/stays/{stay_id}/check-out", response_model=StayOut, dependencies=[_DESK])
async def check_out(stay_id: UUID, caller: CurrentCaller, once: OncePerKey, if_match: OnlyIf = None) -> Response:
    """The guests went; nights that lie ahead are free. What was paid stays paid."""
    return await _process(stay_id, caller, once, if_match, use_cases.check_out)


@router.post("/stays/{stay_id}/no-show", response_model=StayOut, dependencies=[_DESK])
async def no_show(stay_id: UUID, caller: CurrentCaller, once: OncePerKey, if_match: OnlyIf = None) -> Response:
    """Nobody came; the rooms are free."""
    return await _process(stay_id, caller, once, if_match, use_cases.no_show)


@router.post("/stays/{stay_id}/move", response_model=StayOut, dependencies=[_DESK])
async def move_room(
    stay_id: UUID, body: RoomMoveIn, caller: CurrentCaller, once: OncePerKey, if_match: OnlyIf = None
) -> Response:
    """Another room of the type for what is left of the stay; 409 if somebody has it then."""
    return await _process(
        stay_id,
        caller,
        once,
        if_match,
        lambda tx, *it: use_cases.move_room(tx, *it, room_id=body.room_id, from_room_id=body.from_room_id),
    )


@router.post("/stays/{stay_id}/dates", response_model=StayOut, dependencies=[_DESK])
async def change_dates(
    stay_id: UUID, body: DatesIn, caller: CurrentCaller, once: OncePerKey, if_match: OnlyIf = None
) -> Response:
    """Other nights; those that stay keep their price. During the stay only its end changes."""
    return await _process(
        stay_id,
        caller,
        once,
        if_match,
        lambda tx, *it: use_cases.change_dates(tx, *it, arrival=body.arrival, departure=body.departure),
    )


@router.post("/stays/{stay_id}/extras", response_model=StayOut, dependencies=[_DESK])
async def add_extras(
    stay_id: UUID, body: MoreExtrasIn, caller: CurrentCaller, once: OncePerKey, if_match: OnlyIf = None
) -> Response:
    """More extras at their present price, each a line of its own; 409 if a late check-out or an early check-in meets
    somebody else's stay."""
    extras = [StayExtra.model_validate(item.model_dump()) for item in body.extras]
    return await _process(stay_id, caller, once, if_match, lambda tx, *it: use_cases.add_extras(tx, *it, extras=extras))


async def _process(
    stay_id: UUID,
    caller: Caller,
    once: OncePerKey,
    if_match: str | None,
    verb: Callable[[Transaction, Lodging, Group, Actor], Awaitable[Lodging]],
) -> Response:
    version = None if if_match is None else version_of(if_match)
    lodging.must_process(caller, KIND)

    async def command(transaction: Transaction) -> Answer:
        stay, group = await lodging.opened(
            transaction, stay_id, Kind.STAY, locations=caller.locations, if_version=version
        )
        after = await verb(transaction, stay, group, staff(caller))
        return Answer(StayOut.of(after), 200, {"ETag": etag(after.version)})

    return await once.run(command)


async def _shown(reading: Transaction, caller: Caller, found: Lodging | None, response: Response) -> StayOut:
    if found is None or found.kind is not Kind.STAY or not lodging.may_see(caller, found, KIND):
        raise NotFoundError
    await lodging.visible_group(reading, Kind.STAY, found.group_id, locations=caller.locations)
    response.headers["ETag"] = etag(found.version)
    return StayOut.of(found)
