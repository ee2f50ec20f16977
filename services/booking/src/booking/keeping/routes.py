"""Free times, workplaces and rooms are kept for who asks: customers for themselves, staff for them."""

from collections.abc import Awaitable, Callable, Hashable
from datetime import UTC, date, datetime
from time import monotonic
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Request, Response
from foyer_chassis.auth import Caller, CurrentCaller, requires
from foyer_chassis.db import Database, Direct, Transaction
from foyer_chassis.errors import ForbiddenError
from foyer_chassis.http import InTransaction, Reading
from foyer_chassis.idempotency import Answer, Once, OncePerKey
from foyer_contracts.orders import StayExtra
from pydantic import (
    BaseModel,
    Field,
    RootModel,
    StrictInt,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import InitErrorDetails

from ..claiming.domain import must_be_free
from ..coworking import use_cases as coworking
from ..coworking.domain import Wanted
from ..hotel import use_cases as hotel
from ..hotel.domain import Guests
from ..hotel.routes.stays import WantedExtraIn
from ..hotel.use_cases import WantedStay
from ..lodging import use_cases as lodging
from ..lodging.domain import Asked, Kind
from ..lodging.domain import Offer as LodgingOffer
from ..lodging.routes import Strict
from ..resources.routes import Moment
from ..waiting import store as waiting_store
from ..waiting.domain import Offer as SlotOffer
from ..waiting.routes import TimeIn
from . import use_cases

router = APIRouter(prefix="/v1", tags=["offers"])

#: Opening hours and tariffs may be so old for who looks whether anything is left; what is kept is by the present ones.
PLANS_SECONDS = 1.0
_OWN = requires("booking:own", "booking:process")
_FOR = "for whom, when staff ask; else the caller"


class SlotIn(TimeIn):
    """A time of a resource, as an order would ask for it in `slots`."""

    kind: Literal["slot"] = "slot"


class WorkplaceIn(Strict):
    """A place in a coworking, as an order would ask for it in `ticket`."""

    kind: Literal["workplace"]
    space_id: UUID
    tariff_id: UUID
    starts_at: Moment
    quantity: StrictInt = Field(ge=1, le=1000, description="units of the tariff")
    place_id: UUID | None = Field(default=None, description="that one place; else any that the tariff is for")
    applicant_id: UUID | None = Field(default=None, description=_FOR)

    def wanted(self) -> Wanted:
        starts_at = self.starts_at.astimezone(UTC)
        return Wanted(self.space_id, self.tariff_id, starts_at, self.quantity, self.place_id)


class RoomIn(Strict):
    """Rooms of a hotel, as an order would ask for them in `stay`; of the extras, those with a time count."""

    kind: Literal["room"]
    room_type_id: UUID
    tariff_id: UUID | None = None
    arrival: date
    departure: date
    rooms: StrictInt = Field(default=1, ge=1, le=50)
    adults: StrictInt = Field(ge=1, le=200)
    children: StrictInt = Field(default=0, ge=0, le=200)
    extras: list[WantedExtraIn] = Field(default=[], max_length=50)
    applicant_id: UUID | None = Field(default=None, description=_FOR)

    def wanted(self) -> WantedStay:
        return WantedStay(
            room_type_id=self.room_type_id,
            tariff_id=self.tariff_id,
            arrival=self.arrival,
            departure=self.departure,
            guests=Guests(self.rooms, self.adults, self.children),
            extras=tuple(StayExtra.model_validate(item.model_dump()) for item in self.extras),
        )


_VARIANTS: dict[Any, type[SlotIn | WorkplaceIn | RoomIn]] = {"slot": SlotIn, "workplace": WorkplaceIn, "room": RoomIn}


def _variant(body: Any, handler: ValidatorFunctionWrapHandler) -> SlotIn | WorkplaceIn | RoomIn:
    """By its kind; slots were kept first, and needed none. What is wrong is said of the field, without the variant."""
    if not isinstance(body, dict):
        result: SlotIn | WorkplaceIn | RoomIn = handler(body)
        return result
    kind = body.get("kind", "slot")
    variant = _VARIANTS.get(kind) if isinstance(kind, str) else None
    if variant is None:
        wrong = InitErrorDetails(
            type="literal_error", loc=("kind",), input=kind, ctx={"expected": ", ".join(_VARIANTS)}
        )
        raise ValidationError.from_exception_data("Wish", [wrong])
    return variant.model_validate(body)


class Wish(RootModel[Annotated[SlotIn | WorkplaceIn | RoomIn, Field(discriminator="kind"), WrapValidator(_variant)]]):
    """What is to be kept, by its `kind`."""


class _Kept(BaseModel):
    id: UUID = Field(description="`offer_id` of the order that takes it")
    applicant_id: UUID
    starts_at: datetime
    ends_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, offer: SlotOffer | LodgingOffer, **more: Any) -> Self:
        values = {name: getattr(offer, name) for name in cls.model_fields if hasattr(offer, name)}
        return cls.model_validate({**values, **more})


class KeptSlot(_Kept):
    """A time that is kept for somebody."""

    kind: Literal["slot"] = "slot"
    resource_id: UUID
    quantity: int


class KeptWorkplace(_Kept):
    """A workplace that is kept for somebody."""

    kind: Literal["workplace"] = "workplace"
    space_id: UUID
    tariff_id: UUID
    quantity: int = Field(description="units of the tariff")
    place_id: UUID | None = Field(description="if that one was asked for")
    place: str = Field(description="its number")


class KeptRoom(_Kept):
    """Rooms that are kept for somebody."""

    kind: Literal["room"] = "room"
    room_type_id: UUID
    tariff_id: UUID
    arrival: date
    departure: date
    rooms: int
    place: str = Field(description="their numbers")


KeptOut = Annotated[KeptSlot | KeptWorkplace | KeptRoom, Field(discriminator="kind")]


def _kept(offer: SlotOffer | LodgingOffer) -> KeptSlot | KeptWorkplace | KeptRoom:
    if isinstance(offer, SlotOffer):
        return KeptSlot.of(offer)
    if offer.kind is Kind.TICKET:
        return KeptWorkplace.of(offer, kind="workplace", space_id=offer.group_id, place_id=offer.unit_id)
    return KeptRoom.of(offer, kind="room", room_type_id=offer.group_id)


class KeptList(BaseModel):
    items: list[KeptOut]


def _applicant(body: SlotIn | WorkplaceIn | RoomIn, caller: Caller, orders: str) -> UUID:
    """Whom it is for. Raises ForbiddenError: that is not the caller's to ask."""
    for_another = body.applicant_id is not None and body.applicant_id != caller.id
    if not caller.may(*(("booking:process", orders) if for_another else ("booking:own",))):
        raise ForbiddenError(needs="booking:process" if for_another else "booking:own")
    return body.applicant_id or caller.id


def _limits(applicant_id: UUID, caller: Caller) -> frozenset[str]:
    """Of who asks for another."""
    return frozenset() if applicant_id == caller.id else caller.locations


@router.post("/offers", status_code=201, response_model=KeptOut, dependencies=[_OWN])
async def keep(body: Wish, request: Request, caller: CurrentCaller, once: OncePerKey) -> Response:
    """Have a free time, workplace or room kept while the order is filled in: an order with this `offer_id` takes it.
    It is free again when the offer expires or is declined. Of those who ask for one thing at once, all but one are told
    at once that it is taken."""
    wish = body.root
    database: Database = request.app.state.database
    if isinstance(wish, SlotIn):
        return await _keep_slot(wish, caller, once, database)
    if isinstance(wish, WorkplaceIn):
        return await _keep_workplace(wish, caller, once, database)
    return await _keep_rooms(wish, caller, once, database)


async def _keep_slot(body: SlotIn, caller: Caller, once: Once, database: Database) -> Response:
    came = monotonic()
    applicant_id = _applicant(body, caller, use_cases.SLOTS)
    limits = _limits(applicant_id, caller)
    starts_at, ends_at = body.starts_at.astimezone(UTC), body.ends_at.astimezone(UTC)

    async def look(direct: Direct) -> None:
        time = (body.resource_id, starts_at, ends_at)
        taken = await database.shared(time, lambda: waiting_store.taken_from_all_but(direct, *time), since=came)
        must_be_free(taken, applicant_id=applicant_id, field="starts_at")

    async def command(transaction: Transaction) -> Answer:
        offer = await use_cases.keep_slot(
            transaction,
            applicant_id=applicant_id,
            resource_id=body.resource_id,
            starts_at=starts_at,
            ends_at=ends_at,
            quantity=body.quantity,
            locations=limits,
        )
        return Answer(_kept(offer), 201)

    return await once.run_if_possible(("resource", body.resource_id), look, command)


async def _keep_workplace(body: WorkplaceIn, caller: Caller, once: Once, database: Database) -> Response:
    applicant_id = _applicant(body, caller, use_cases.ORDERS[Kind.TICKET])
    wanted, limits = body.wanted(), _limits(applicant_id, caller)

    async def command(transaction: Transaction) -> Answer:
        offer = await use_cases.keep_workplace(transaction, wanted, applicant_id=applicant_id, locations=limits)
        return Answer(_kept(offer), 201)

    look = _look(database, wanted, lambda reading: coworking.asked_for(reading, wanted), applicant_id)
    return await once.run_if_possible(("space", body.space_id), look, command)


async def _keep_rooms(body: RoomIn, caller: Caller, once: Once, database: Database) -> Response:
    applicant_id = _applicant(body, caller, use_cases.ORDERS[Kind.STAY])
    wanted, limits = body.wanted(), _limits(applicant_id, caller)

    async def command(transaction: Transaction) -> Answer:
        offer = await use_cases.keep_rooms(transaction, wanted, applicant_id=applicant_id, locations=limits)
        return Answer(_kept(offer), 201)

    look = _look(database, wanted, lambda reading: hotel.asked_for(reading, wanted), applicant_id)
    return await once.run_if_possible(("room type", body.room_type_id), look, command)


def _look(
    database: Database, wanted: Hashable, find: Callable[[Transaction], Awaitable[Asked]], applicant_id: UUID
) -> Callable[[Direct], Awaitable[None]]:
    """What is asked for comes to the same place and time for all who ask for it, and is taken from all of them: both
    are found out once for all who ask at the same moment."""
    came = monotonic()

    async def find_asked() -> Asked:
        async with database.read() as reading:
            return await find(reading)

    async def look(direct: Direct) -> None:
        asked = await database.shared(wanted, find_asked, since=came - PLANS_SECONDS)
        assert asked is not None
        wish = asked.wish
        taken = await database.shared(wish, lambda: lodging.taken_from_all_but(direct, wish), since=came)
        must_be_free(taken, applicant_id=applicant_id)

    return look


@router.get("/offers", dependencies=[requires("booking:own")])
async def kept(caller: CurrentCaller, reading: Reading) -> KeptList:
    """What is kept for the caller now, asked for or offered by the waiting list."""
    return KeptList(items=[_kept(offer) for offer in await use_cases.kept_for(reading, caller.id)])


@router.delete("/offers/{offer_id}", status_code=204, dependencies=[_OWN])
async def decline(offer_id: UUID, caller: CurrentCaller, transaction: InTransaction) -> None:
    """Have it kept no longer; who waits for that time is asked next."""
    await use_cases.decline(transaction, offer_id, caller)
