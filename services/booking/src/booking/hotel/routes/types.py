"""Types of rooms with their rooms, rates and extras, and how many are free, night by night."""

from datetime import date, timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query, Response
from foyer_chassis.auth import requires
from foyer_chassis.db import Transaction
from foyer_chassis.errors import InvalidError
from foyer_chassis.http import InTransaction, Reading, etag, version_of
from foyer_chassis.idempotency import Answer, OncePerKey
from foyer_contracts.money import Money, not_negative
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictInt

from ...lodging import store as lodging_store
from ...lodging import use_cases as lodging
from ...lodging.domain import Kind
from ...lodging.routes import (
    After,
    IfMatch,
    Limit,
    Many,
    NewPlan,
    PlanIn,
    PlanOut,
    Strict,
    UnitIn,
    UnitList,
    UnitOut,
)
from .. import store, use_cases
from ..domain import Basis, Extra, Rate, RoomType, Season, Timed

router = APIRouter(prefix="/v1", tags=["hotel"])

_READ = requires("booking:read")
_CONFIGURE = requires("booking:configure")
MOST_DAYS = 62
#: Of nights that are asked for: days can be added to them.
EARLIEST, LATEST = date(2000, 1, 1), date(2200, 1, 1)
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
    next: UUID | None


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
    next: UUID | None


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
    next: UUID | None = Field(description="the last of the types of this page; null: there are no more")


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
    limit: Annotated[int, Query(ge=1, le=MOST_TYPES, description="types")] = MOST_TYPES,
    after: After = None,
) -> NightsOut:
    """How many rooms of each type are free, night by night; not always one room for several nights."""
    groups = await lodging_store.groups_page(reading, Kind.STAY, location_id=location_id, after=after, limit=limit)
    next_ = groups[-1].id if len(groups) == limit else None
    types = await store.types_of(reading, {group.id: group for group in groups if group.active})
    if not types:
        return NightsOut(items=[], next=next_)
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
    return NightsOut(items=items, next=next_)


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
async def list_rooms(room_type_id: UUID, reading: Reading, limit: Many = 1000, after: After = None) -> UnitList:
    await lodging.visible_group(reading, Kind.STAY, room_type_id)
    return UnitList.page(await lodging_store.units_page(reading, room_type_id, after=after, limit=limit), limit)


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
async def list_rates(room_type_id: UUID, reading: Reading, limit: Many = 500, after: After = None) -> RateList:
    await lodging.visible_group(reading, Kind.STAY, room_type_id)
    items = [RateOut.of(rate) for rate in await store.rates_page(reading, room_type_id, after=after, limit=limit)]
    return RateList(items=items, next=items[-1].id if len(items) == limit else None)


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
async def list_extras(location_id: UUID, reading: Reading, limit: Many = 500, after: After = None) -> ExtraList:
    items = [ExtraOut.of(extra) for extra in await store.extras_page(reading, location_id, after=after, limit=limit)]
    return ExtraList(items=items, next=items[-1].id if len(items) == limit else None)


@router.put("/extras/{extra_id}", dependencies=[_CONFIGURE])
async def change_extra(
    extra_id: UUID, body: ExtraIn, transaction: InTransaction, response: Response, if_match: IfMatch = None
) -> ExtraOut:
    extra = await use_cases.change_extra(transaction, extra_id, if_version=version_of(if_match), **body.values())
    response.headers["ETag"] = etag(extra.version)
    return ExtraOut.of(extra)
