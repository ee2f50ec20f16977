"""Orders: placed and cancelled by customers and by staff for them, read by whoever may see them."""

from collections.abc import AsyncIterable
from dataclasses import replace
from datetime import datetime
from time import monotonic
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.changes import Changes, wait_seconds
from foyer_chassis.db import Database, Direct, Transaction
from foyer_chassis.http import Reading, etag, version_of
from foyer_chassis.idempotency import Answer, Effect, OncePerKey
from foyer_contracts.money import Money
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ..customers.use_cases import KnownPeople, note_person
from . import store, use_cases
from .domain import GROUPS, Order, Slots, Status

router = APIRouter(prefix="/v1", tags=["orders"])

_READERS = requires("orders:read_own", "orders:read_all")
_STREAM_SECONDS = 300.0
_AFTER_LAST = 2**62

OrderNumber = Annotated[int, Path(ge=1, le=_AFTER_LAST)]
StatusName = Literal["new", "confirmed", "active", "done", "cancelled", "cancelled_refunding", "cancelled_refunded"]
Prefer = Annotated[
    str | None,
    Header(description="`wait=5`: answer as soon as the order is settled, at the latest after 5 seconds (RFC 7240)"),
]


class SlotsIn(BaseModel):
    """All slots of a resource from `starts_at` up to `ends_at`."""

    model_config = ConfigDict(extra="forbid")

    resource_id: UUID
    starts_at: AwareDatetime
    ends_at: AwareDatetime


class OrderIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    offering_id: UUID
    slots: SlotsIn
    applicant_id: UUID | None = Field(default=None, description="for staff: the customer whose order it is")
    payer_kind: Literal["individual", "company"] = "individual"
    expected_total: Money | None = Field(default=None, description="the price you have shown; refused if it differs")
    comment: str | None = Field(default=None, max_length=2000)


class CancelIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    comment: str | None = Field(default=None, max_length=2000, description="why; the customer sees it")


class LineOut(BaseModel):
    title: str
    quantity: int
    unit_price: Money
    total: Money


class SlotsOut(BaseModel):
    resource_id: UUID
    starts_at: datetime
    ends_at: datetime


class MoneyOut(BaseModel):
    """The state of the order's money, which is not the state of the order."""

    status: Literal["not_priced", "awaiting_payment", "partly_paid", "paid", "refunding", "refund_failed", "refunded"]
    paid: Money
    refund_due: Money
    refunded: Money
    invoice_number: int | None
    payment_url: str | None = Field(description="where it can be paid; staff can copy it (A12)")
    pay_until: datetime | None


class OrderOut(BaseModel):
    id: UUID
    number: int
    kind: str
    status: StatusName
    status_group: str
    title: str = Field(description="status of the order and of its money in the caller's language")
    offering_id: UUID
    offering_title: str
    applicant_id: UUID
    payer_kind: str
    slots: SlotsOut
    places: dict[str, str] | None
    lines: list[LineOut]
    total: Money | None
    money: MoneyOut
    comment: str | None
    cancel_reason: str | None
    actions: list[Literal["cancel"]] = Field(description="what the caller may do with it now")
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, order: Order, caller: CurrentCaller) -> Self:
        return cls(
            id=order.id,
            number=order.number,
            kind=order.kind,
            status=order.status.value,
            status_group=GROUPS[order.status],
            title=_title(order, caller.locale),
            offering_id=order.offering_id,
            offering_title=order.offering_title,
            applicant_id=order.applicant_id,
            payer_kind=order.payer_kind,
            slots=SlotsOut(
                resource_id=order.slots.resource_id, starts_at=order.slots.starts_at, ends_at=order.slots.ends_at
            ),
            places=None if order.places is None else dict(order.places),
            lines=[
                LineOut(title=line.title, quantity=line.quantity, unit_price=line.unit_price, total=line.total)
                for line in order.lines
            ],
            total=order.total,
            money=MoneyOut(
                status=order.money_status,
                paid=order.money(order.paid),
                refund_due=order.money(order.refund_due),
                refunded=order.money(order.refunded),
                invoice_number=order.invoice_number,
                payment_url=order.payment_url,
                pay_until=order.pay_until,
            ),
            comment=order.comment,
            cancel_reason=order.cancel_reason,
            actions=["cancel"] if _may_cancel(order, caller) else [],
            version=order.version,
            created_at=order.created_at,
            updated_at=order.updated_at,
        )


class OrderPage(BaseModel):
    items: list[OrderOut]
    next: int | None = Field(description="give it as `after` to get the next page")


class HistoryEntry(BaseModel):
    at: datetime
    from_status: StatusName | None
    to_status: StatusName
    reason: str | None
    comment: str | None
    actor_kind: Literal["customer", "staff", "system"]
    actor_id: UUID | None


class History(BaseModel):
    items: list[HistoryEntry]


_STATUS_TITLES = {
    "ru": {
        Status.NEW: "Новый",
        Status.CONFIRMED: "Подтверждён",
        Status.ACTIVE: "Идёт",
        Status.DONE: "Выполнен",
        Status.CANCELLED: "Отменён",
        Status.CANCELLED_REFUNDING: "Отменён",
        Status.CANCELLED_REFUNDED: "Отменён",
    },
    "en": {
        Status.NEW: "New",
        Status.CONFIRMED: "Confirmed",
        Status.ACTIVE: "Active",
        Status.DONE: "Done",
        Status.CANCELLED: "Cancelled",
        Status.CANCELLED_REFUNDING: "Cancelled",
        Status.CANCELLED_REFUNDED: "Cancelled",
    },
}
_MONEY_TITLES = {
    "ru": {
        "awaiting_payment": "Оплачивается",
        "partly_paid": "Оплачен частично",
        "paid": "Оплачен",
        "refunding": "Возвращаются деньги",
        "refund_failed": "Возврат требует внимания",
        "refunded": "Деньги возвращены",
    },
    "en": {
        "awaiting_payment": "Being paid",
        "partly_paid": "Partly paid",
        "paid": "Paid",
        "refunding": "Refund in progress",
        "refund_failed": "The refund needs attention",
        "refunded": "Refunded",
    },
}


def _title(order: Order, locale: str) -> str:
    money = _MONEY_TITLES[locale].get(order.money_status)
    if order.is_cancelled and not order.refund_due:
        money = None
    return ". ".join(part for part in (_STATUS_TITLES[locale][order.status], money) if part)


def _may_cancel(order: Order, caller: CurrentCaller) -> bool:
    permitted = caller.may("orders:edit") or (order.applicant_id == caller.id and caller.may("orders:cancel_own"))
    return permitted and order.may_be_cancelled_by(use_cases.actor_of(caller))


@router.post(
    "/orders", status_code=201, response_model=OrderOut, dependencies=[requires("orders:place", "orders:place_for")]
)
async def place_order(
    body: OrderIn, request: Request, caller: CurrentCaller, once: OncePerKey, prefer: Prefer = None
) -> Response:
    """Order slots (A11). The order is accepted as `new`; soon it has a price and a payment link, or it is cancelled
    because somebody was quicker: wait for that with `Prefer: wait=5`."""
    placing = use_cases.Placing(
        offering_id=body.offering_id,
        slots=Slots(body.slots.resource_id, body.slots.starts_at, body.slots.ends_at),
        applicant_id=caller.id,
        payer_kind=body.payer_kind,
        expected_total=body.expected_total,
        comment=body.comment,
    )
    if body.applicant_id is not None and body.applicant_id != caller.id:
        caller.require("orders:place_for")
        placing = replace(placing, applicant_id=body.applicant_id)
    else:
        caller.require("orders:place")
    numbers: store.NumberBlock = request.app.state.numbers
    known: KnownPeople = request.app.state.known_people

    async def prepare(direct: Direct) -> Effect:
        order = await use_cases.place_order(direct, placing, numbers)
        # Before the order, so that who hears of the order can hear of the person; a refused order leaves nothing.
        await note_person(request.app.state.database, caller, known)
        headers = {"Location": f"/v1/orders/{order.number}", "ETag": etag(order.version)}
        return store.insert_new(order, use_cases.actor_of(caller), Answer(OrderOut.of(order, caller), 201, headers))

    answer = await once.run_in_one_statement(prepare)
    seconds = wait_seconds(prefer, longest=request.app.state.settings.longest_wait_seconds)
    if seconds == 0:
        return answer
    number = int(answer.headers["Location"].rpartition("/")[2])
    order = await _when_settled(request, caller, number, seconds)
    headers = {"ETag": etag(order.version), "Preference-Applied": f"wait={seconds}"}
    for name in ("Location", "Idempotency-Replayed"):
        if name in answer.headers:
            headers[name] = answer.headers[name]
    return Response(OrderOut.of(order, caller).model_dump_json(), 201, headers, "application/json")


async def _when_settled(request: Request, caller: CurrentCaller, number: int, seconds: float) -> Order:
    changes: Changes = request.app.state.changes
    until = monotonic() + seconds
    order = await _visible(number, request, caller)
    if order.is_settled or seconds == 0:
        return order
    with changes.of(order.id) as change:
        while True:
            order = await _visible(number, request, caller)
            left = until - monotonic()
            if order.is_settled or left <= 0:
                return order
            await change.wait(left)


@router.get("/orders", dependencies=[_READERS])
async def list_orders(
    reading: Reading,
    caller: CurrentCaller,
    status: StatusName | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: Annotated[int, Query(ge=0, le=_AFTER_LAST, description="`next` of the page before")] = _AFTER_LAST,
) -> OrderPage:
    """The newest first: customers their own, staff all."""
    found = await store.page(
        reading,
        applicant_id=None if caller.may("orders:read_all") else caller.id,
        status=None if status is None else Status(status),
        before=after,
        limit=limit,
    )
    items = [OrderOut.of(order, caller) for order in found]
    return OrderPage(items=items, next=items[-1].number if len(items) == limit else None)


@router.get("/orders/{number}", dependencies=[_READERS])
async def get_order(
    number: OrderNumber, request: Request, caller: CurrentCaller, response: Response, prefer: Prefer = None
) -> OrderOut:
    """The order's card. With `Prefer: wait=N`: when it can be paid, is cancelled, or goes its way."""
    seconds = wait_seconds(prefer, longest=request.app.state.settings.longest_wait_seconds)
    order = await _when_settled(request, caller, number, seconds)
    response.headers["ETag"] = etag(order.version)
    return OrderOut.of(order, caller)


@router.get("/orders/{number}/history", dependencies=[_READERS])
async def get_history(number: OrderNumber, reading: Reading, caller: CurrentCaller) -> History:
    """Every change of status with time, comment and who made it (B10)."""
    order = await use_cases.visible_order(reading, caller, number)
    return History(
        items=[
            HistoryEntry(
                at=row["at"],
                from_status=row["from_status"],
                to_status=row["to_status"],
                reason=row["reason"],
                comment=row["note"],
                actor_kind=row["actor_kind"],
                actor_id=row["actor_id"],
            )
            for row in await store.history(reading, order.id)
        ]
    )


@router.post(
    "/orders/{number}/cancel", response_model=OrderOut, dependencies=[requires("orders:cancel_own", "orders:edit")]
)
async def cancel_order(
    number: OrderNumber,
    body: CancelIn,
    caller: CurrentCaller,
    once: OncePerKey,
    if_match: Annotated[str | None, Header(description="cancel only if it is still at this ETag")] = None,
) -> Response:
    """Cancel (A25): places are free at once; what was paid goes back by itself (A27)."""
    version = None if if_match is None else version_of(if_match)

    async def command(transaction: Transaction) -> Answer:
        order = await use_cases.cancel_order(transaction, caller, number, note=body.comment, if_version=version)
        return Answer(OrderOut.of(order, caller), 200, {"ETag": etag(order.version)})

    return await once.run(command)


async def _visible(number: OrderNumber, request: Request, caller: CurrentCaller) -> Order:
    database: Database = request.app.state.database
    async with database.read() as reading:
        return await use_cases.visible_order(reading, caller, number)


@router.get("/orders/{number}/events", response_class=EventSourceResponse, dependencies=[_READERS])
async def stream_order(
    # As a dependency, because a refusal inside the stream would come after its status 200.
    order: Annotated[Order, Depends(_visible)],
    request: Request,
    caller: CurrentCaller,
) -> AsyncIterable[Any]:
    """The order's card, now and whenever it changes (server-sent events, for five minutes; then connect again)."""
    changes: Changes = request.app.state.changes
    sent = 0
    until = monotonic() + _STREAM_SECONDS
    with changes.of(order.id) as change:
        while (left := until - monotonic()) > 0 and not await request.is_disconnected():
            current = await _visible(order.number, request, caller)
            if current.version != sent:
                sent = current.version
                card = OrderOut.of(current, caller).model_dump_json()
                yield ServerSentEvent(raw_data=card, event="order", id=str(current.version))
            await change.wait(left)
