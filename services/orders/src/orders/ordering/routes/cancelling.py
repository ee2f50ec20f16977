"""Cancelling: by the customer where the offering allows, by staff with a reason; what it would cost, before."""

from fastapi import APIRouter, Response
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.http import Reading, etag, version_of
from foyer_chassis.idempotency import Answer, OncePerKey
from foyer_contracts.money import Money
from pydantic import BaseModel, ConfigDict, Field

from .. import use_cases
from ..domain.machine import Verb
from ..domain.processing import arrow_for
from .cards import NOTED, IfMatch, OrderNumber, OrderOut, card, parties_of
from .reading import READERS

router = APIRouter(prefix="/v1", tags=["orders"])


class CancelIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    comment: str | None = Field(default=None, max_length=2000, description="why; the customer sees it")
    keep_fee: bool = Field(default=False, description="for staff: keep what the cancellation policy says (X4)")


class CancellationPreview(BaseModel):
    """What cancelling now would do."""

    allowed: bool
    paid: Money
    fee: Money = Field(description="what the policy keeps if the customer cancels now (X4)")
    refund: Money


@router.get("/orders/{number}/cancellation", dependencies=[READERS])
async def preview_cancellation(number: OrderNumber, reading: Reading, caller: CurrentCaller) -> CancellationPreview:
    order = await use_cases.visible_order(reading, caller, number)
    fee = order.fee_for(reading.now)
    return CancellationPreview(
        allowed=arrow_for(order, Verb.CANCEL, parties_of(caller, order)) is not None,
        paid=order.money(order.paid),
        fee=order.money(fee),
        refund=order.money(max(0, order.paid_above(None) - fee)),
    )


@router.post(
    "/orders/{number}/cancel",
    response_model=OrderOut,
    dependencies=[requires("orders:cancel_own", "orders:edit"), NOTED],
)
async def cancel_order(
    number: OrderNumber, body: CancelIn, caller: CurrentCaller, once: OncePerKey, if_match: IfMatch = None
) -> Response:
    """Cancel (A25): places are free at once; what was paid goes back by itself (A27), without the policy's fee."""
    version = None if if_match is None else version_of(if_match)

    async def command(transaction: Transaction) -> Answer:
        order = await use_cases.cancel_order(
            transaction, caller, number, note=body.comment, if_version=version, keep_fee=body.keep_fee
        )
        return Answer(await card(transaction, order, caller), 200, {"ETag": etag(order.version)})

    return await once.run(command)
