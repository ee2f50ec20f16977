"""Stays, for their guests and the reception."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query, Response
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.http import Reading
from foyer_chassis.idempotency import OncePerKey
from foyer_contracts.orders import StayExtra
from pydantic import AwareDatetime, BaseModel, Field, StrictInt

from ...lodging import store as lodging_store
from ...lodging.domain import Kind, Lodging
from ...lodging.routes import FIRST_ID, Desk, Limit, LodgingOut, OnlyIf, Strict
from ...reserving.domain import CancellationStep
from .. import use_cases

router = APIRouter(prefix="/v1", tags=["hotel"])

_READ = requires("booking:read")
_DESK = requires("booking:process")


class StayOut(LodgingOut):
    room_type_id: UUID
    arrival: date
    departure: date
    rooms: int
    adults: int
    children: int

    @classmethod
    def of(cls, item: Lodging, steps: Sequence[CancellationStep] | None) -> Self:
        return cls.model_validate({**cls.values_of(item, steps), "room_type_id": item.group_id})


_STAYS = Desk(Kind.STAY, "hotel", StayOut)


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
    after: UUID = FIRST_ID,
) -> StayPage:
    """All stays in rooms of a type that touch a time, of every status. For staff."""
    page = await _STAYS.page(reading, caller, room_type_id, starts_from, starts_to, limit=limit, after=after)
    return StayPage(items=page[0], next=page[1])


@router.get("/orders/{order_id}/stay", dependencies=[_READ])
async def stay_of_order(order_id: UUID, reading: Reading, caller: CurrentCaller, response: Response) -> StayOut:
    """The stay of an order (A17). Customers see those of their own orders."""
    found = (await lodging_store.by_orders(reading, [order_id])).get(order_id)
    return await _STAYS.shown(reading, caller, found, response)


@router.get("/stays", dependencies=[requires("booking:read_all")])
async def find_stay(
    reading: Reading, caller: CurrentCaller, response: Response, number: Annotated[int, Query(ge=1, le=2**62)]
) -> StayOut:
    return await _STAYS.shown(reading, caller, await lodging_store.by_number(reading, Kind.STAY, number), response)


@router.get("/stays/{stay_id}", dependencies=[_READ])
async def get_stay(stay_id: UUID, reading: Reading, caller: CurrentCaller, response: Response) -> StayOut:
    return await _STAYS.shown(reading, caller, await lodging_store.by_id(reading, stay_id), response)


@router.post("/stays/{stay_id}/check-in", response_model=StayOut, dependencies=[_DESK])
async def check_in(stay_id: UUID, caller: CurrentCaller, once: OncePerKey, if_match: OnlyIf = None) -> Response:
    return await _STAYS.process(stay_id, caller, once, if_match, use_cases.check_in)


@router.post("/stays/{stay_id}/check-out", response_model=StayOut, dependencies=[_DESK])
async def check_out(stay_id: UUID, caller: CurrentCaller, once: OncePerKey, if_match: OnlyIf = None) -> Response:
    """The guests went; nights that lie ahead are free. What was paid stays paid."""
    return await _STAYS.process(stay_id, caller, once, if_match, use_cases.check_out)


@router.post("/stays/{stay_id}/no-show", response_model=StayOut, dependencies=[_DESK])
async def no_show(stay_id: UUID, caller: CurrentCaller, once: OncePerKey, if_match: OnlyIf = None) -> Response:
    """Nobody came; the rooms are free."""
    return await _STAYS.process(stay_id, caller, once, if_match, use_cases.no_show)


@router.post("/stays/{stay_id}/move", response_model=StayOut, dependencies=[_DESK])
async def move_room(
    stay_id: UUID, body: RoomMoveIn, caller: CurrentCaller, once: OncePerKey, if_match: OnlyIf = None
) -> Response:
    """Another room of the type for what is left of the stay; 409 if somebody has it then."""
    return await _STAYS.process(
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
    return await _STAYS.process(
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
    return await _STAYS.process(
        stay_id, caller, once, if_match, lambda tx, *it: use_cases.add_extras(tx, *it, extras=extras)
    )
