"""Collecting goods, line by line (A28)."""

from typing import Literal, Self
from uuid import UUID

from fastapi import APIRouter, Response
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.http import etag, version_of
from foyer_chassis.idempotency import Answer, OncePerKey
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..ordering.domain.order import LineState
from ..ordering.routes.cards import IfMatch, OrderNumber, OrderOut, card
from . import use_cases

router = APIRouter(prefix="/v1", tags=["collecting"])


class LineDecision(BaseModel):
    model_config = ConfigDict(extra="forbid")

    state: Literal["pending", "collected", "replaced", "missing"]
    item_id: UUID | None = Field(default=None, description="what it is replaced by; with `replaced` only")
    quantity: int | None = Field(default=None, ge=1, le=10_000, description="of the replacement; else as ordered")

    @model_validator(mode="after")
    def _replacement(self) -> Self:
        if (self.state == "replaced") != (self.item_id is not None):
            raise ValueError("item_id goes with the state `replaced`")
        return self


@router.post("/orders/{number}/lines/{line_id}", response_model=OrderOut, dependencies=[requires("orders:edit")])
async def decide_line(
    number: OrderNumber,
    line_id: UUID,
    body: LineDecision,
    caller: CurrentCaller,
    once: OncePerKey,
    if_match: IfMatch = None,
) -> Response:
    """What became of a line: a missing one is refunded or taken off the invoice, and so is what a replacement costs
    less."""
    version = None if if_match is None else version_of(if_match)

    async def command(transaction: Transaction) -> Answer:
        order = await use_cases.decide_line(
            transaction,
            caller,
            number,
            line_id,
            state=LineState(body.state),
            item_id=body.item_id,
            quantity=body.quantity,
            if_version=version,
        )
        return Answer(await card(transaction, order, caller), 200, {"ETag": etag(order.version)})

    return await once.run(command)
