"""Types of rooms with rates and extras, for everybody and for administrators; stays, for guests and the reception."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query, Response
from foyer_chassis.auth import Caller, CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.errors import InvalidError, NotFoundError
from foyer_chassis.http import InTransaction, Reading, etag, version_of
from foyer_chassis.idempotency import Answer, OncePerKey
from foyer_contracts.money import Money, not_negative
from foyer_contracts.orders import Actor, StayExtra
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StrictBool, StrictInt

from ..lodging import store as lodging_store
from ..lodging import use_cases as lodging
from ..lodging.domain import Group, Kind, Lodging
from ..lodging.routes import (
    After,
    IfMatch,
    Limit,
    LodgingOut,
    NewPlan,
    OnlyIf,
    PlanIn,
    PlanOut,
    Strict,
    UnitIn,
    UnitList,
    UnitOut,
    staff,
)
from . import store, use_cases
from .domain import Basis, Extra, Rate, RoomType, Season, Timed

router = APIRouter(prefix="/v1", tags=["hotel"])

_READ = requires("booking:read")
_CONFIGURE = requires("booking:configure")
_DESK = requires("booking:process")
_FIRST_ID = UUID(int=0)
#: Of the orders whose staff see stays (A2).
KIND = "hotel"
MOST_DAYS = 62
#: Of nights that are asked for: days can be added to them.
EARLIEST, LATEST = date(2000, 1, 1), date(2200, 1, 1)
MOST_SPAN = timedelta(days=366)
MOST_TYPES = 100

Amount = Annotated[Money, AfterValidator(not_negative)]


class _Rooms(BaseModel):
    check_in: StrictInt = Field(default=14 * 60, ge=0, lt=1440, description="minutes after local midnight")
    check_out: StrictInt = Field(default=12 * 60, ge=0, lt=1440, description="minutes after local midnight")
    adults: StrictInt = Field(default=2, ge=1, le=50, description="that one room takes")
    guests: StrictInt = Field(default=3, ge=1, le=50, description="adults and children that one room takes")
    overbooking: StrictInt = Field(default=0, ge=0, le=100, description="rooms sold beyond those there are; 0: none")

    def check(self) -> None:
        """Raises InvalidError."""
        if self.check_out > self.check_in:
            raise InvalidError("A night ends before the next one begins.", field="check_out")
        if self.guests < self.adults:
            raise InvalidError("A room takes at least as many guests as adults.", field="guests")


class RoomTypeIn(PlanIn, _Rooms):
    model_config = ConfigDict(extra="forbid")


class NewRoomType(NewPlan, _Rooms):
    model_config = ConfigDict(extra="forbid")


class RoomTypeOut(PlanOut):
    check_in: int
    check_out: int
    adults: int
    guests: int
    overbooking: int

    @classmethod
    def of_type(cls, item: RoomType) -> Self:
        plan = PlanOut.of(item.group).model_dump()
        return cls(
            **plan,
            check_in=item.check_in,
            check_out=item.check_out,
            adults=item.adults,
            guests=item.guests,
            overbooking=item.overbooking,
        )


class RoomTypePage(BaseModel):
    items: list[RoomTypeOut]
    next: UUID | None


class SeasonIn(Strict):
    """Nights from `first` to `last`, both too; of several that fit, the last one in the list counts."""

    first: date
    last: date
    weekdays: list[Annotated[StrictInt, Field(ge=0, le=6)]] = Field(
        default=[0, 1, 2, 3, 4, 5, 6], min_length=1, max_length=7, description="0 is Monday"
    )
    amount: StrictInt = Field(ge=0, le=10**12, description="minor units for a night")
    least_nights: StrictInt | None = Field(default=None, ge=1, le=366, description="of stays that begin then")


class RateIn(Strict):
    name: str = Field(min_length=1, max_length=200)
    price: Amount = Field(description="of one room for a night")
    least_nights: StrictInt = Field(default=1, ge=1, le=366)
    included_adults: StrictInt = Field(default=2, ge=1, le=50, description="adults in a room that the price covers")
    extra_adult: StrictInt = Field(default=0, ge=0, le=10**12, description="minor units a night for each one more")
    child: StrictInt = Field(default=0, ge=0, le=10**12, description="minor units a night for each child")
    seasons: list[SeasonIn] = Field(default=[], max_length=200)
    active: StrictBool = True

    def values(self) -> dict[str, Any]:
        for position, season in enumerate(self.seasons):
            if season.last < season.first:
                raise InvalidError("A season ends after it begins.", field=f"seasons.{position}.last")
        seasons = tuple(Season(**{**dict(item), "weekdays": frozenset(item.weekdays)}) for item in self.seasons)
        return {**dict(self), "seasons": seasons}


class RateOut(RateIn):
    model_config = ConfigDict(extra="ignore")

    id: UUID
    room_type_id: UUID
    version: int

    @classmethod
    def of(cls, rate: Rate) -> Self:
        values = {name: getattr(rate, name) for name in RateIn.model_fields if name != "seasons"}
        seasons = [
            SeasonIn(
                first=item.first,
                last=item.last,
                weekdays=sorted(item.weekdays),
                amount=item.amount,
                least_nights=item.least_nights,
            )
            for item in rate.seasons
        ]
        return cls(**values, seasons=seasons, id=rate.id, room_type_id=rate.type_id, version=rate.version)


class RateList(BaseModel):
    items: list[RateOut]


class ExtraIn(Strict):
    name: str = Field(min_length=1, max_length=200)
    price: Amount
    basis: Literal["stay", "night", "guest", "guest_night"] = Field(default="stay", description="what the price is for")
    timed: Literal["no", "at", "early_check_in", "late_check_out"] = Field(
        default="no", description="whether it has a time; the last two make the stay longer"
    )
    active: StrictBool = True

    def values(self) -> dict[str, Any]:
        return {**dict(self), "basis": Basis(self.basis), "timed": Timed(self.timed)}


class ExtraOut(ExtraIn):
    model_config = ConfigDict(extra="ignore")

    id: UUID
    location_id: UUID
    version: int

    @classmethod
    def of(cls, extra: Extra) -> Self:
        values = {name: getattr(extra, name) for name in cls.model_fields}
        return cls.model_validate({**values, "basis": extra.basis.value, "timed": extra.timed.value})


class ExtraList(BaseModel):
    items: list[ExtraOut]


class NightOut(BaseModel):
    date: date
    free: int = Field(description="rooms of the type that nobody has that night")
    overbooked: int = Field(description="sold beyond the rooms there are")
    from_price: Money | None = Field(description="the cheapest rate that night; null without rates")


class TypeNights(BaseModel):
    room_type_id: UUID
    name: str
    rooms: int = Field(description="that are not blocked")
    overbooking: int = Field(description="how many may be sold beyond them")
    nights: list[NightOut]


class NightsOut(BaseModel):
    items: list[TypeNights]


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


@router.post("/room-types", status_code=201, response_model=RoomTypeOut, dependencies=[_CONFIGURE])
async def create_type(body: NewRoomType, once: OncePerKey) -> Response:
    body.check()

    async def command(transaction: Transaction) -> Answer:
        made = await use_cases.create_type(transaction, **dict(body))
        return Answer(RoomTypeOut.of_type(made), 201, {"ETag": etag(made.group.version)})

    return await once.run(command)


@router.get("/room-types", dependencies=[_READ])
async def list_types(
    reading: Reading, location_id: UUID | None = None, limit: Limit = 50, after: After = None
) -> RoomTypePage:
    groups = await lodging_store.groups_page(reading, Kind.STAY, location_id=location_id, after=after, limit=limit)
    types = await store.types_of(reading, {group.id: group for group in groups})
    items = [RoomTypeOut.of_type(types[group.id]) for group in groups]
    return RoomTypePage(items=items, next=items[-1].id if len(items) == limit else None)


@router.get("/room-types/availability", dependencies=[_READ])
async def availability(
    reading: Reading,
    location_id: UUID,
    from_: Annotated[date, Query(alias="from", ge=EARLIEST, le=LATEST, description="first night")],
    days: Annotated[int, Query(ge=1, le=MOST_DAYS)] = 31,
) -> NightsOut:
    """How many rooms of each type are free, night by night; not always one room for several nights."""
    groups = await lodging_store.groups_page(reading, Kind.STAY, location_id=location_id, after=None, limit=MOST_TYPES)
    types = await store.types_of(reading, {group.id: group for group in groups if group.active})
    if not types:
        return NightsOut(items=[])
    nights = [from_ + timedelta(days=n) for n in range(days)]
    taken = await lodging_store.taken_nights(
        reading, {id_: [room_type.night(night) for night in nights] for id_, room_type in types.items()}
    )
    rooms = await lodging_store.count_units(reading, list(types))
    rates = [rate for rate in await store.rates_of(reading, list(types)) if rate.active]
    items = [
        TypeNights(
            room_type_id=id_,
            name=room_type.group.name,
            rooms=rooms.get((id_, False), 0),
            overbooking=room_type.overbooking,
            nights=[
                NightOut(
                    date=night,
                    free=rooms.get((id_, False), 0) - taken.get((id_, number, False), 0),
                    overbooked=taken.get((id_, number, True), 0),
                    from_price=_cheapest([rate for rate in rates if rate.type_id == id_], night),
                )
                for number, night in enumerate(nights)
            ],
        )
        for id_, room_type in types.items()
    ]
    return NightsOut(items=items)


def _cheapest(rates: list[Rate], night: date) -> Money | None:
    prices = [(rate.amount(night), rate.price.currency) for rate in rates]
    if not prices:
        return None
    amount, currency = min(prices)
    return Money(amount=amount, currency=currency)


@router.put("/room-types/{room_type_id}", dependencies=[_CONFIGURE])
async def change_type(
    room_type_id: UUID, body: RoomTypeIn, transaction: InTransaction, response: Response, if_match: IfMatch = None
) -> RoomTypeOut:
    body.check()
    changed = await use_cases.change_type(transaction, room_type_id, **dict(body), if_version=version_of(if_match))
    response.headers["ETag"] = etag(changed.group.version)
    return RoomTypeOut.of_type(changed)


@router.post("/room-types/{room_type_id}/rooms", status_code=201, response_model=UnitOut, dependencies=[_CONFIGURE])
async def add_room(room_type_id: UUID, body: UnitIn, once: OncePerKey) -> Response:
    async def command(transaction: Transaction) -> Answer:
        unit = await lodging.add_unit(transaction, Kind.STAY, room_type_id, **dict(body))
        return Answer(UnitOut.of(unit), 201, {"ETag": etag(unit.version)})

    return await once.run(command)


@router.get("/room-types/{room_type_id}/rooms", dependencies=[_READ])
async def list_rooms(room_type_id: UUID, reading: Reading) -> UnitList:
    await lodging.visible_group(reading, Kind.STAY, room_type_id)
    return UnitList(items=[UnitOut.of(unit) for unit in await lodging_store.units_of(reading, room_type_id)])


@router.put("/rooms/{room_id}", dependencies=[_CONFIGURE])
async def change_room(
    room_id: UUID, body: UnitIn, transaction: InTransaction, response: Response, if_match: IfMatch = None
) -> UnitOut:
    unit = await lodging.change_unit(transaction, Kind.STAY, room_id, **dict(body), if_version=version_of(if_match))
    response.headers["ETag"] = etag(unit.version)
    return UnitOut.of(unit)


@router.post("/room-types/{room_type_id}/rates", status_code=201, response_model=RateOut, dependencies=[_CONFIGURE])
async def create_rate(room_type_id: UUID, body: RateIn, once: OncePerKey) -> Response:
    async def command(transaction: Transaction) -> Answer:
        rate = await use_cases.create_rate(transaction, room_type_id, **body.values())
        return Answer(RateOut.of(rate), 201, {"ETag": etag(rate.version)})

    return await once.run(command)


@router.get("/room-types/{room_type_id}/rates", dependencies=[_READ])
async def list_rates(room_type_id: UUID, reading: Reading) -> RateList:
    await lodging.visible_group(reading, Kind.STAY, room_type_id)
    return RateList(items=[RateOut.of(rate) for rate in await store.rates_of(reading, [room_type_id])])


@router.put("/rates/{rate_id}", dependencies=[_CONFIGURE])
async def change_rate(
    rate_id: UUID, body: RateIn, transaction: InTransaction, response: Response, if_match: IfMatch = None
) -> RateOut:
    rate = await use_cases.change_rate(transaction, rate_id, if_version=version_of(if_match), **body.values())
    response.headers["ETag"] = etag(rate.version)
    return RateOut.of(rate)


@router.post("/locations/{location_id}/extras", status_code=201, response_model=ExtraOut, dependencies=[_CONFIGURE])
async def create_extra(location_id: UUID, body: ExtraIn, once: OncePerKey) -> Response:
    async def command(transaction: Transaction) -> Answer:
        extra = await use_cases.create_extra(transaction, location_id, **body.values())
        return Answer(ExtraOut.of(extra), 201, {"ETag": etag(extra.version)})

    return await once.run(command)


@router.get("/locations/{location_id}/extras", dependencies=[_READ])
async def list_extras(location_id: UUID, reading: Reading) -> ExtraList:
    return ExtraList(items=[ExtraOut.of(extra) for extra in await store.extras_of(reading, location_id)])


@router.put("/extras/{extra_id}", dependencies=[_CONFIGURE])
async def change_extra(
    extra_id: UUID, body: ExtraIn, transaction: InTransaction, response: Response, if_match: IfMatch = None
) -> ExtraOut:
    extra = await use_cases.change_extra(transaction, extra_id, if_version=version_of(if_match), **body.values())
    response.headers["ETag"] = etag(extra.version)
    return ExtraOut.of(extra)


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
