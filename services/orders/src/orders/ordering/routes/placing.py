"""Placing orders: customers for themselves, staff for them."""

from dataclasses import replace
from datetime import date
from time import monotonic
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from foyer_chassis.auth import Caller, CurrentCaller, requires
from foyer_chassis.changes import Changes, wait_seconds
from foyer_chassis.db import Database, Direct
from foyer_chassis.http import etag
from foyer_chassis.idempotency import Answer, Effect, OncePerKey
from foyer_contracts import orders as events
from foyer_contracts.money import Money
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ...catalogue import store as catalogue
from ...customers import store as customers
from ...statuses import store as statuses
from .. import store, use_cases
from ..domain.order import Actor, Order, Slots
from ..use_cases.people import note_caller
from ..use_cases.placing import Placing, WantedItem, place_order
from .cards import Known, OrderNumber, OrderOut, card

router = APIRouter(prefix="/v1", tags=["orders"])

Prefer = Annotated[
    str | None,
    Header(description="`wait=5`: answer as soon as the order is settled, at the latest after 5 seconds (RFC 7240)"),
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SlotsIn(_Strict):
    """All slots of a resource from `starts_at` up to `ends_at`."""

    resource_id: UUID
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    quantity: int = Field(default=1, ge=1, le=1000, description="how many of the equal places of a resource")
    recurrence: str | None = Field(
        default=None,
        max_length=300,
        examples=["FREQ=WEEKLY;COUNT=10"],
        description="the value of an RRULE (RFC 5545), by the wall clock of the location; from `starts_at` to `ends_at`"
        " is the first time (X5). Booking tells beforehand what it would come to: `POST /v1/recurrences/preview`",
    )
    skip: list[date] = Field(default=[], max_length=104, description="local dates of times that are left out")
    offer_id: UUID | None = Field(
        default=None, description="the offer that is taken: of a waiting list (X5), or of what was kept (A11)"
    )


class VisitorIn(_Strict):
    name: str = Field(min_length=1, max_length=200)
    id: UUID | None = None


class TicketIn(_Strict):
    """Coworking places: `quantity` units of the tariff from `starts_at` (A16)."""

    space_id: UUID
    tariff_id: UUID
    starts_at: AwareDatetime
    quantity: int = Field(ge=1, le=1000)
    visitor: VisitorIn
    place_id: UUID | None = None
    offer_id: UUID | None = Field(default=None, description="the offer that is taken: of a workplace that was kept")


class ExtraIn(_Strict):
    extra_id: UUID
    quantity: int = Field(ge=1, le=1000)
    at: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] | None = Field(
        default=None, description="local time"
    )


class StayIn(_Strict):
    """Hotel nights from `arrival` up to `departure` (A17)."""

    room_type_id: UUID
    tariff_id: UUID | None = None
    arrival: date
    departure: date
    rooms: int = Field(default=1, ge=1, le=50)
    adults: int = Field(ge=1, le=200)
    children: int = Field(default=0, ge=0, le=200)
    visitor: VisitorIn
    extras: list[ExtraIn] = Field(default=[], max_length=50)
    offer_id: UUID | None = Field(default=None, description="the offer that is taken: of rooms that were kept")


class ItemIn(_Strict):
    item_id: UUID
    quantity: int = Field(ge=1, le=10_000)


class PayerIn(_Strict):
    name: str = Field(min_length=1, max_length=300)
    inn: str | None = Field(default=None, pattern=r"^([0-9]{10}|[0-9]{12})$")
    kpp: str | None = Field(default=None, pattern=r"^[0-9]{9}$")

    def values(self) -> dict[str, str]:
        return {name: value for name, value in self if value is not None}


class OrderContent(_Strict):
    """What an order is about; which of it is needed follows from the offering's kind."""

    slots: SlotsIn | None = Field(default=None, description="`slot_booking`")
    ticket: TicketIn | None = Field(default=None, description="`coworking`")
    stay: StayIn | None = Field(default=None, description="`hotel`")
    items: list[ItemIn] = Field(default=[], max_length=200, description="`goods`")
    answers: dict[str, Any] = Field(default={}, max_length=200, description="to the offering's form, by field code")
    premises_id: UUID | None = None
    address: str | None = Field(default=None, max_length=500, description="where, if not at one's premises")
    payer_kind: Literal["individual", "company"] = "individual"
    payer: PayerIn | None = Field(default=None, description="the company that pays")
    comment: str | None = Field(default=None, max_length=2000)
    extras_as_lines: bool = Field(default=False, description="extras are lines of their own on invoices (A18)")


class OrderIn(OrderContent):
    offering_id: UUID
    applicant_id: UUID | None = Field(default=None, description="for staff: the customer whose order it is")
    expected_total: Money | None = Field(
        default=None,
        description="the price you have shown, of each time where the booking recurs; refused if it differs",
    )


def placing_of(content: OrderContent, offering_id: UUID, applicant_id: UUID, actor: Actor) -> Placing:
    """The content of a request as the use case takes it."""
    slots, ticket, stay = content.slots, content.ticket, content.stay
    return Placing(
        offering_id=offering_id,
        applicant_id=applicant_id,
        applicant_name="",
        actor=actor,
        payer_kind=content.payer_kind,
        payer=None if content.payer is None else content.payer.values(),
        slots=None if slots is None else Slots(**{**dict(slots), "skip": tuple(slots.skip)}),
        ticket=None if ticket is None else events.TicketRequest.model_validate(ticket.model_dump()),
        stay=None if stay is None else events.StayRequest.model_validate(stay.model_dump()),
        items=tuple(WantedItem(item.item_id, item.quantity) for item in content.items),
        answers=content.answers,
        premises_id=content.premises_id,
        address=content.address,
        comment=content.comment,
        extras_as_lines=content.extras_as_lines,
    )


@router.post(
    "/orders", status_code=201, response_model=OrderOut, dependencies=[requires("orders:place", "orders:place_for")]
)
async def post_order(
    body: OrderIn, request: Request, caller: CurrentCaller, once: OncePerKey, prefer: Prefer = None
) -> Response:
    """Order something of the catalogue (A1, A11, A28, B26).

    The order is accepted as `new`. One with places soon has a price and a payment link, or it is cancelled because
    somebody was quicker: wait for that with `Prefer: wait=5`.
    """
    own = body.applicant_id in (None, caller.id)
    caller.require("orders:place" if own else "orders:place_for")
    actor = Actor("customer" if own else "staff", caller.id)
    placing = placing_of(body, body.offering_id, body.applicant_id or caller.id, actor)
    placing = replace(placing, applicant_name=caller.name if own else "", expected_total=body.expected_total)
    database: Database = request.app.state.database

    async def prepare(direct: Direct) -> Effect:
        wanted = placing
        if not own:
            wanted = replace(placing, applicant_name=await customers.name_of(direct, placing.applicant_id))
        directory = await statuses.directory(database)
        order = await place_order(direct, wanted, request.app.state.numbers, directory)
        if not own:
            # Staff order what their role is for (A2).
            _require_kind(caller, order)
        # Before the order, so that who hears of the order can hear of the person; a refused order leaves nothing.
        await note_caller(database, caller, request.app.state.known_people)
        offering, _ = await catalogue.find_for_order(direct, order.offering_id, None) if order.answers else (None, None)
        known = Known(directory=directory, offering=offering, person=None, now=direct.now)
        headers = {"Location": f"/v1/orders/{order.number}", "ETag": etag(order.version)}
        return store.insert_new(order, actor, Answer(OrderOut.of(order, caller, known), 201, headers))

    answer = await once.run_in_one_statement(prepare)
    seconds = wait_seconds(prefer, longest=request.app.state.settings.longest_wait_seconds)
    if seconds == 0:
        return answer
    number = int(answer.headers["Location"].rpartition("/")[2])
    settled = await card_when_settled(request, caller, number, seconds)
    headers = {"ETag": etag(settled.version), "Preference-Applied": f"wait={seconds}"}
    for name in ("Location", "Idempotency-Replayed"):
        if name in answer.headers:
            headers[name] = answer.headers[name]
    return Response(settled.model_dump_json(), 201, headers, "application/json")


def _require_kind(caller: Caller, order: Order) -> None:
    if not caller.may("orders:place_for", order.kind.value):
        caller.require(f"orders:place_for:{order.kind.value}")


async def visible(request: Request, caller: Caller, number: int) -> Order:
    """Raises NotFoundError."""
    database: Database = request.app.state.database
    async with database.read() as reading:
        return await use_cases.visible_order(reading, caller, number)


async def card_when_settled(request: Request, caller: Caller, number: OrderNumber, seconds: float) -> OrderOut:
    """The card as soon as nothing more will happen without a person, or after `seconds`."""
    changes: Changes = request.app.state.changes
    until = monotonic() + seconds
    order = await visible(request, caller, number)
    if not order.is_settled and seconds > 0:
        with changes.of(order.id) as change:
            while True:
                order = await visible(request, caller, number)
                left = until - monotonic()
                if order.is_settled or left <= 0:
                    break
                await change.wait(left)
    database: Database = request.app.state.database
    async with database.read() as reading:
        return await card(reading, order, caller)
