"""Spaces with their plans and tariffs, for everybody and for administrators; tickets, for their owners and the desk."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query, Response
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.errors import InvalidError
from foyer_chassis.http import InTransaction, Reading, etag, version_of
from foyer_chassis.idempotency import Answer, OncePerKey
from foyer_contracts.money import Money, not_negative
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StrictBool, StrictInt

from ..lodging import store as lodging_store
from ..lodging import use_cases as lodging
from ..lodging.domain import LIVE, Kind, Lodging
from ..lodging.routes import (
    FIRST_ID,
    After,
    Desk,
    IfMatch,
    Limit,
    LodgingOut,
    Many,
    NewPlan,
    OnlyIf,
    PlanIn,
    PlanOut,
    PlanPage,
    Strict,
    UnitIn,
    UnitList,
    UnitOut,
    check_span,
)
from ..reserving.domain import CancellationStep
from . import export, store, use_cases
from .domain import Length, Tariff

router = APIRouter(prefix="/v1", tags=["coworking"])

_READ = requires("booking:read")
_CONFIGURE = requires("booking:configure")
_DESK = requires("booking:process")


class TariffIn(Strict):
    name: str = Field(min_length=1, max_length=200)
    unit: Literal["hour", "day", "week", "month"]
    price: Annotated[Money, AfterValidator(not_negative)] = Field(description="of one unit")
    fixed: StrictBool = Field(default=False, description="the buyer may choose the place; else it is any free one")
    zone: str | None = Field(default=None, max_length=100, description="only places of this zone")
    most: StrictInt = Field(default=31, ge=1, le=366, description="units that one ticket may have")
    active: StrictBool = True

    def values(self) -> dict[str, object]:
        return {**dict(self), "unit": Length(self.unit)}


class TariffOut(TariffIn):
    model_config = ConfigDict(extra="ignore")

    id: UUID
    space_id: UUID
    version: int

    @classmethod
    def of(cls, tariff: Tariff) -> Self:
        return cls.model_validate(
            {name: getattr(tariff, name) for name in cls.model_fields} | {"unit": tariff.unit.value}
        )


class TariffList(BaseModel):
    items: list[TariffOut]
    next: UUID | None


class TicketOut(LodgingOut):
    space_id: UUID

    @classmethod
    def of(cls, item: Lodging, steps: Sequence[CancellationStep] | None) -> Self:
        return cls.model_validate({**cls.values_of(item, steps), "space_id": item.group_id})


_TICKETS = Desk(Kind.TICKET, "coworking", TicketOut)


class TicketPage(BaseModel):
    items: list[TicketOut]
    next: UUID | None


class ScanIn(Strict):
    """An instant for scans that were made offline and are sent later."""

    at: AwareDatetime | None = Field(default=None, description="when it was scanned; else now; never in the future")
    scan_id: UUID | None = Field(default=None, description="of the device; the same scan sent again changes nothing")


class ExtendIn(Strict):
    quantity: StrictInt = Field(ge=1, le=366, description="units of the tariff more")


class OtherPlaceIn(Strict):
    place_id: UUID


@router.post("/spaces", status_code=201, response_model=PlanOut, dependencies=[_CONFIGURE])
async def create_space(body: NewPlan, once: OncePerKey) -> Response:
    async def command(transaction: Transaction) -> Answer:
        space = await lodging.create_group(transaction, Kind.TICKET, **dict(body))
        return Answer(PlanOut.of(space), 201, {"Location": f"/v1/spaces/{space.id}", "ETag": etag(space.version)})

    return await once.run(command)


@router.get("/spaces", dependencies=[_READ])
async def list_spaces(
    reading: Reading, location_id: UUID | None = None, limit: Limit = 50, after: After = None
) -> PlanPage:
    found = await lodging_store.groups_page(reading, Kind.TICKET, location_id=location_id, after=after, limit=limit)
    return PlanPage(items=[PlanOut.of(item) for item in found], next=found[-1].id if len(found) == limit else None)


@router.get("/spaces/{space_id}", dependencies=[_READ])
async def get_space(space_id: UUID, reading: Reading, response: Response) -> PlanOut:
    space = await lodging.visible_group(reading, Kind.TICKET, space_id)
    response.headers["ETag"] = etag(space.version)
    return PlanOut.of(space)


@router.put("/spaces/{space_id}", dependencies=[_CONFIGURE])
async def change_space(
    space_id: UUID, body: PlanIn, transaction: InTransaction, response: Response, if_match: IfMatch = None
) -> PlanOut:
    space = await lodging.change_group(
        transaction, Kind.TICKET, space_id, **dict(body), if_version=version_of(if_match)
    )
    response.headers["ETag"] = etag(space.version)
    return PlanOut.of(space)


@router.post("/spaces/{space_id}/places", status_code=201, response_model=UnitOut, dependencies=[_CONFIGURE])
async def add_place(space_id: UUID, body: UnitIn, once: OncePerKey) -> Response:
    async def command(transaction: Transaction) -> Answer:
        unit = await lodging.add_unit(transaction, Kind.TICKET, space_id, **dict(body))
        return Answer(UnitOut.of(unit), 201, {"ETag": etag(unit.version)})

    return await once.run(command)


@router.get("/spaces/{space_id}/places", dependencies=[_READ])
async def list_places(space_id: UUID, reading: Reading, limit: Many = 1000, after: After = None) -> UnitList:
    """The plan: every numbered place with its zone, in the order in which they are given out."""
    await lodging.visible_group(reading, Kind.TICKET, space_id)
    return UnitList.page(await lodging_store.units_page(reading, space_id, after=after, limit=limit), limit)


@router.get("/spaces/{space_id}/places/free", dependencies=[_READ])
async def free_places(
    space_id: UUID,
    reading: Reading,
    from_: Annotated[AwareDatetime, Query(alias="from")],
    to: AwareDatetime,
    limit: Many = 1000,
    after: After = None,
) -> UnitList:
    """The places that nobody has for the whole of that time and that are not blocked, in the order in which they are
    given out."""
    check_span(from_, to)
    space = await lodging.visible_group(reading, Kind.TICKET, space_id)
    if not space.active:
        return UnitList(items=[], next=None)
    return UnitList.page(await lodging_store.free_list(reading, space_id, from_, to, after=after, limit=limit), limit)


@router.put("/places/{place_id}", dependencies=[_CONFIGURE])
async def change_place(
    place_id: UUID, body: UnitIn, transaction: InTransaction, response: Response, if_match: IfMatch = None
) -> UnitOut:
    unit = await lodging.change_unit(transaction, Kind.TICKET, place_id, **dict(body), if_version=version_of(if_match))
    response.headers["ETag"] = etag(unit.version)
    return UnitOut.of(unit)


@router.post("/spaces/{space_id}/tariffs", status_code=201, response_model=TariffOut, dependencies=[_CONFIGURE])
async def create_tariff(space_id: UUID, body: TariffIn, once: OncePerKey) -> Response:
    async def command(transaction: Transaction) -> Answer:
        tariff = await use_cases.create_tariff(transaction, space_id, **body.values())
        return Answer(TariffOut.of(tariff), 201, {"ETag": etag(tariff.version)})

    return await once.run(command)


@router.get("/spaces/{space_id}/tariffs", dependencies=[_READ])
async def list_tariffs(space_id: UUID, reading: Reading, limit: Many = 500, after: After = None) -> TariffList:
    await lodging.visible_group(reading, Kind.TICKET, space_id)
    items = [TariffOut.of(item) for item in await store.tariffs_page(reading, space_id, after=after, limit=limit)]
    return TariffList(items=items, next=items[-1].id if len(items) == limit else None)


@router.put("/tariffs/{tariff_id}", dependencies=[_CONFIGURE])
async def change_tariff(
    tariff_id: UUID, body: TariffIn, transaction: InTransaction, response: Response, if_match: IfMatch = None
) -> TariffOut:
    tariff = await use_cases.change_tariff(transaction, tariff_id, if_version=version_of(if_match), **body.values())
    response.headers["ETag"] = etag(tariff.version)
    return TariffOut.of(tariff)


@router.get("/spaces/{space_id}/tickets", dependencies=[requires("booking:read_all")])
async def tickets_of_space(
    space_id: UUID,
    reading: Reading,
    caller: CurrentCaller,
    starts_from: AwareDatetime,
    starts_to: AwareDatetime,
    limit: Limit = 100,
    after: UUID = FIRST_ID,
) -> TicketPage:
    """All tickets of a space that touch a time, of every status. For staff."""
    page = await _TICKETS.page(reading, caller, space_id, starts_from, starts_to, limit=limit, after=after)
    return TicketPage(items=page[0], next=page[1])


@router.get("/orders/{order_id}/ticket", dependencies=[_READ])
async def ticket_of_order(order_id: UUID, reading: Reading, caller: CurrentCaller, response: Response) -> TicketOut:
    """The ticket of an order (A16). Customers see those of their own orders."""
    found = (await lodging_store.by_orders(reading, [order_id])).get(order_id)
    return await _TICKETS.shown(reading, caller, found, response)


@router.get("/tickets", dependencies=[requires("booking:read_all")])
async def find_ticket(
    reading: Reading,
    caller: CurrentCaller,
    response: Response,
    number: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    code: Annotated[str | None, Query(pattern=r"^[0-9A-Za-z_-]{1,64}$", description="what the QR code carries")] = None,
) -> TicketOut:
    """The ticket with that number or QR code, for the desk."""
    if (number is None) == (code is None):
        raise InvalidError("Give the number or the code.", field="number")
    if number is not None:
        found = await lodging_store.by_number(reading, Kind.TICKET, number)
    else:
        found = await lodging_store.by_code(reading, Kind.TICKET, code or "")
    return await _TICKETS.shown(reading, caller, found, response)


@router.get("/tickets/{ticket_id}", dependencies=[_READ])
async def get_ticket(ticket_id: UUID, reading: Reading, caller: CurrentCaller, response: Response) -> TicketOut:
    return await _TICKETS.shown(reading, caller, await lodging_store.by_id(reading, ticket_id), response)


@router.get(
    "/tickets/{ticket_id}/qr.svg",
    dependencies=[_READ],
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {}}}},
)
async def ticket_qr(ticket_id: UUID, reading: Reading, caller: CurrentCaller) -> Response:
    """The QR code that is scanned at the desk, of a ticket that is paid."""
    ticket = await _TICKETS.seen(reading, caller, await lodging_store.by_id(reading, ticket_id))
    lodging.need(ticket, LIVE)
    headers = {"Cache-Control": "private, no-store", "Content-Security-Policy": "default-src 'none'"}
    return Response(export.qr_svg(ticket), headers=headers, media_type=export.CONTENT_TYPE)


@router.post("/tickets/{ticket_id}/check-in", response_model=TicketOut, dependencies=[_DESK])
async def check_in(
    ticket_id: UUID, body: ScanIn, caller: CurrentCaller, once: OncePerKey, if_match: OnlyIf = None
) -> Response:
    """The visitor is here. A scan that comes again, also late, changes nothing twice."""
    return await _TICKETS.process(
        ticket_id,
        caller,
        once,
        if_match,
        lambda tx, *it: use_cases.check_in(tx, *it, at=_scanned(body, tx.now), scan_id=body.scan_id),
    )


@router.post("/tickets/{ticket_id}/check-out", response_model=TicketOut, dependencies=[_DESK])
async def check_out(
    ticket_id: UUID, body: ScanIn, caller: CurrentCaller, once: OncePerKey, if_match: OnlyIf = None
) -> Response:
    """The visitor went, and may come again while the ticket is good."""
    return await _TICKETS.process(
        ticket_id,
        caller,
        once,
        if_match,
        lambda tx, *it: use_cases.check_out(tx, *it, at=_scanned(body, tx.now), scan_id=body.scan_id),
    )


@router.post("/tickets/{ticket_id}/extend", response_model=TicketOut, dependencies=[_DESK])
async def extend(
    ticket_id: UUID, body: ExtendIn, caller: CurrentCaller, once: OncePerKey, if_match: OnlyIf = None
) -> Response:
    """More units of the same tariff at the same place, at the price it was sold for; 409 if somebody has it then."""
    return await _TICKETS.process(
        ticket_id, caller, once, if_match, lambda tx, *it: use_cases.extend(tx, *it, quantity=body.quantity)
    )


@router.post("/tickets/{ticket_id}/move", response_model=TicketOut, dependencies=[_DESK])
async def move(
    ticket_id: UUID, body: OtherPlaceIn, caller: CurrentCaller, once: OncePerKey, if_match: OnlyIf = None
) -> Response:
    """Another place of the space for what is left of the time; the old one is free at once."""
    return await _TICKETS.process(
        ticket_id, caller, once, if_match, lambda tx, *it: use_cases.move(tx, *it, unit_id=body.place_id)
    )


@router.post("/tickets/{ticket_id}/end", response_model=TicketOut, dependencies=[_DESK])
async def end_early(ticket_id: UUID, caller: CurrentCaller, once: OncePerKey, if_match: OnlyIf = None) -> Response:
    """Over now; the place is free for others. What was paid stays paid."""
    return await _TICKETS.process(ticket_id, caller, once, if_match, use_cases.end_early)


@router.post("/tickets/{ticket_id}/block", response_model=TicketOut, dependencies=[_DESK])
async def block(ticket_id: UUID, caller: CurrentCaller, once: OncePerKey, if_match: OnlyIf = None) -> Response:
    """It cannot be checked in until it is unblocked; the place stays taken."""
    return await _TICKETS.process(
        ticket_id, caller, once, if_match, lambda tx, *it: use_cases.set_blocked(tx, *it, blocked=True)
    )


@router.post("/tickets/{ticket_id}/unblock", response_model=TicketOut, dependencies=[_DESK])
async def unblock(ticket_id: UUID, caller: CurrentCaller, once: OncePerKey, if_match: OnlyIf = None) -> Response:
    return await _TICKETS.process(
        ticket_id, caller, once, if_match, lambda tx, *it: use_cases.set_blocked(tx, *it, blocked=False)
    )


@router.post("/tickets/{ticket_id}/no-show", response_model=TicketOut, dependencies=[_DESK])
async def no_show(ticket_id: UUID, caller: CurrentCaller, once: OncePerKey, if_match: OnlyIf = None) -> Response:
    """Nobody came; the place is free."""
    return await _TICKETS.process(ticket_id, caller, once, if_match, use_cases.no_show)


def _scanned(body: ScanIn, now: datetime) -> datetime:
    return now if body.at is None else min(now, body.at.astimezone(UTC))
