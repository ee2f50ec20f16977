"""Refunds: seen, tried again, settled by another way, handed out."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Response
from foyer_chassis.auth import Caller, CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError
from foyer_chassis.http import Reading
from foyer_chassis.idempotency import Answer, OncePerKey
from pydantic import BaseModel

from ..refunding import store as refunds
from ..refunding import use_cases as refunding
from ..refunding.domain import Status as RefundStatus
from .access import READERS, After, Limit, viewer, visible_order
from .views import RefundOut

router = APIRouter(prefix="/v1")


class RefundPage(BaseModel):
    items: list[RefundOut]
    next: UUID | None


class OtherWayIn(BaseModel):
    """In which way staff give it back."""

    method: Literal["cash", "transfer"]


async def _visible(transaction: Transaction, refund_id: UUID, caller: Caller) -> None:
    """Raises NotFoundError: there is no such refund that the caller sees."""
    found = await refunds.by_id(transaction, refund_id)
    if found is None:
        raise NotFoundError
    await visible_order(transaction, found.order_id, caller, applicant_id=found.applicant_id)


@router.get("/refunds", tags=["refunds"], dependencies=[READERS])
async def list_refunds(
    reading: Reading,
    caller: CurrentCaller,
    state: RefundStatus | None = None,
    order_id: UUID | None = None,
    limit: Limit = 50,
    after: After = None,
) -> RefundPage:
    found = await refunds.page(reading, viewer(caller), state=state, order_id=order_id, after=after, limit=limit)
    return RefundPage(
        items=[RefundOut.of(refund, caller) for refund in found], next=found[-1].id if len(found) == limit else None
    )


@router.post(
    "/refunds/{refund_id}/retry",
    tags=["refunds"],
    status_code=202,
    response_model=RefundOut,
    dependencies=[requires("payments:refund")],
)
async def retry_refund(refund_id: UUID, once: OncePerKey, caller: CurrentCaller) -> Response:
    """Try a failed refund again; 409 in any other state."""

    async def command(transaction: Transaction) -> Answer:
        await _visible(transaction, refund_id, caller)
        refund = await refunding.retry(transaction, refund_id)
        return Answer(RefundOut.of(refund, caller), 202)

    return await once.run(command)


@router.post(
    "/refunds/{refund_id}/settle-otherwise",
    tags=["refunds"],
    response_model=RefundOut,
    dependencies=[requires("payments:refund")],
)
async def settle_refund_otherwise(
    refund_id: UUID, wanted: OtherWayIn, once: OncePerKey, caller: CurrentCaller
) -> Response:
    """Give the money of a failed refund back in cash or by transfer: it waits at the desk to be handed out. 409 as long
    as the provider might still have taken the last attempt up: retry it first."""

    async def command(transaction: Transaction) -> Answer:
        await _visible(transaction, refund_id, caller)
        refund = await refunding.settle_otherwise(transaction, refund_id, method=wanted.method)
        return Answer(RefundOut.of(refund, caller))

    return await once.run(command)


@router.post(
    "/refunds/{refund_id}/hand-out",
    tags=["refunds"],
    response_model=RefundOut,
    dependencies=[requires("payments:take", "payments:refund")],
)
async def hand_out_refund(refund_id: UUID, once: OncePerKey, caller: CurrentCaller) -> Response:
    """Cash was given back at the desk, or the transfer was made; 409 for money that goes back by itself."""

    async def command(transaction: Transaction) -> Answer:
        await _visible(transaction, refund_id, caller)
        refund = await refunding.hand_out(transaction, refund_id, by=caller.id)
        return Answer(RefundOut.of(refund, caller))

    return await once.run(command)
