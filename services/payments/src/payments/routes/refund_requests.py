"""Money given back by staff, and asked back by customers (B21–B24, D7)."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Response
from foyer_chassis.auth import Caller, CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError
from foyer_chassis.http import Reading
from foyer_chassis.idempotency import Answer, OncePerKey
from foyer_contracts.money import Money, not_negative
from pydantic import AfterValidator, BaseModel, Field, model_validator

from ..order_copies.domain import OrderCopy
from ..paying.domain import WAKE_CHANNEL
from ..refund_requests import store, use_cases
from ..refund_requests.domain import Request, Status
from ..refunding import use_cases as refunding
from ..refunding.domain import REFUND, Refund
from .access import NO_NUL, READERS, After, Limit, order_for, viewer
from .accounts import positive
from .views import RefundOut

router = APIRouter(prefix="/v1", tags=["refunds"])

REFUNDERS = requires("payments:refund")
Reason = Annotated[str, Field(min_length=1, max_length=1000, pattern=NO_NUL)]


class ChangedPositionIn(BaseModel):
    """The `position`-th line (from 1) of an invoice as it is to be: less, or cheaper. The difference goes back."""

    invoice: Annotated[int, Field(ge=0, lt=2**63)]
    position: Annotated[int, Field(ge=1, le=1000)]
    quantity: Annotated[int, Field(ge=0, strict=True)] | None = None
    unit_price: Annotated[Money, AfterValidator(not_negative)] | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.quantity is None and self.unit_price is None:
            raise ValueError("quantity or unit_price is needed")
        return self


class RefundIn(BaseModel):
    """An `amount`, or changed `positions`, or all of one payment; with none of them all that is left of the order.

    `reason` is seen by staff only.
    """

    reason: Reason
    amount: Annotated[Money, AfterValidator(positive)] | None = None
    positions: Annotated[list[ChangedPositionIn], Field(min_length=1, max_length=100)] | None = None
    payment_id: UUID | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.positions is not None and (self.amount is not None or self.payment_id is not None):
            raise ValueError("positions stand alone")
        return self

    def wish(self) -> refunding.Wish:
        return refunding.Wish(
            note=self.reason,
            amount=self.amount,
            positions=[refunding.ChangedPosition(**dict(item)) for item in self.positions or []],
            payment_id=self.payment_id,
        )


class Refunds(BaseModel):
    """What the money goes back as: a refund for each way it came."""

    items: list[RefundOut]


class AskIn(BaseModel):
    """`amount` null: all that is left. `reason` is seen by staff."""

    reason: Reason
    amount: Annotated[Money, AfterValidator(positive)] | None = None


class RejectIn(BaseModel):
    """`reason` is told to the customer."""

    reason: Reason


class RefundRequestOut(BaseModel):
    """A customer's request. `status`: requested, processed, rejected. `answer`: why it was rejected."""

    id: UUID
    order_id: UUID
    order_number: int
    amount: Money
    reason: str
    status: Status
    answer: str | None
    requested_at: datetime
    answered_at: datetime | None

    @classmethod
    def of(cls, request: Request) -> Self:
        return cls.model_validate(request, from_attributes=True)


class RefundRequestPage(BaseModel):
    items: list[RefundRequestOut]
    next: UUID | None


class ProcessedOut(BaseModel):
    request: RefundRequestOut
    refunds: list[RefundOut]


def _shown(found: list[Refund], caller: Caller) -> list[RefundOut]:
    return [RefundOut.of(refund, caller) for refund in found]


@router.post("/orders/{order_id}/refunds", status_code=201, response_model=Refunds, dependencies=[REFUNDERS])
async def refund_order(order_id: UUID, wanted: RefundIn, once: OncePerKey, caller: CurrentCaller) -> Response:
    """Give money of an order back, by the way it came. Card money goes back while the order is in work."""

    async def command(transaction: Transaction) -> Answer:
        order = await order_for(transaction, order_id, caller, "payments:refund")
        refunds = await refunding.give_back(transaction, order, wanted.wish(), by=caller.id)
        transaction.notify(WAKE_CHANNEL, REFUND)
        return Answer(Refunds(items=_shown(refunds, caller)), 201)

    return await once.run(command)


@router.post(
    "/orders/{order_id}/refund-requests",
    status_code=201,
    response_model=RefundRequestOut,
    dependencies=[requires("payments:pay_own")],
)
async def ask_for_refund(order_id: UUID, wanted: AskIn, once: OncePerKey, caller: CurrentCaller) -> Response:
    """Ask for money back, where the offering allows; once a request was rejected, no more (B22, B23)."""

    async def command(transaction: Transaction) -> Answer:
        order = await order_for(transaction, order_id, caller, "payments:pay_own")
        if order.applicant_id != caller.id:
            raise NotFoundError
        request = await use_cases.ask(transaction, order, amount=wanted.amount, reason=wanted.reason)
        return Answer(RefundRequestOut.of(request), 201)

    return await once.run(command)


@router.get("/refund-requests", dependencies=[READERS])
async def list_refund_requests(
    reading: Reading,
    caller: CurrentCaller,
    state: Status | None = None,
    order_id: UUID | None = None,
    limit: Limit = 50,
    after: After = None,
) -> RefundRequestPage:
    found = await store.page(reading, viewer(caller), state=state, order_id=order_id, after=after, limit=limit)
    return RefundRequestPage(
        items=[RefundRequestOut.of(item) for item in found], next=found[-1].id if len(found) == limit else None
    )


async def _request_of(transaction: Transaction, request_id: UUID, caller: Caller) -> tuple[Request, OrderCopy]:
    """Raises NotFoundError or ForbiddenError."""
    request = await store.one(transaction, request_id, viewer(caller))
    if request is None:
        raise NotFoundError
    return request, await order_for(transaction, request.order_id, caller, "payments:refund")


@router.post("/refund-requests/{request_id}/reject", response_model=RefundRequestOut, dependencies=[REFUNDERS])
async def reject_refund_request(
    request_id: UUID, wanted: RejectIn, once: OncePerKey, caller: CurrentCaller
) -> Response:
    """Refuse a request for good; the customer is told the reason."""

    async def command(transaction: Transaction) -> Answer:
        found, order = await _request_of(transaction, request_id, caller)
        request = await use_cases.reject(transaction, order, found.id, answer=wanted.reason, by=caller.id)
        return Answer(RefundRequestOut.of(request))

    return await once.run(command)


@router.post("/refund-requests/{request_id}/process", response_model=ProcessedOut, dependencies=[REFUNDERS])
async def process_refund_request(
    request_id: UUID, wanted: RefundIn, once: OncePerKey, caller: CurrentCaller
) -> Response:
    """Give money back on a request; with neither amount nor positions what was asked."""

    async def command(transaction: Transaction) -> Answer:
        found, order = await _request_of(transaction, request_id, caller)
        wish = wanted.wish()
        if wish.amount is None and not wish.positions and wish.payment_id is None:
            wish = refunding.Wish(note=wish.note, amount=found.amount)
        request, refunds = await use_cases.process(transaction, order, found.id, wish, by=caller.id)
        transaction.notify(WAKE_CHANNEL, REFUND)
        return Answer(ProcessedOut(request=RefundRequestOut.of(request), refunds=_shown(refunds, caller)))

    return await once.run(command)
