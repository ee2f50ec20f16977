"""Payments that their payers dispute with their banks: for finance to see and to answer at the provider."""

from datetime import datetime
from typing import Self
from uuid import UUID

from fastapi import APIRouter
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.http import Reading
from foyer_contracts.money import Money
from pydantic import BaseModel, Field

from ..disputes import store
from ..disputes.domain import Dispute, Status
from .access import After, Limit, viewer

router = APIRouter(prefix="/v1/disputes", tags=["disputes"], dependencies=[requires("payments:settlements")])


class DisputeOut(BaseModel):
    """A dispute (chargeback). `amount` is disputed, with the surcharge that was paid on it; `held` is what of the
    order's money is not given back because of it. `withdrawn`: the provider took it off the account; a lost one stays
    so."""

    id: UUID
    number: str = Field(description="the provider's")
    provider: str
    order_id: UUID | None = Field(description="null: a top-up that is tied to no order")
    payment_id: UUID
    status: Status
    amount: Money
    held: Money
    withdrawn: bool
    fee: Money | None = Field(
        description="what the provider charges for it; in the order's currency it is a cost of the order (B7)"
    )
    reason: str | None
    respond_by: datetime | None = Field(description="until when the provider takes evidence")
    noted_at: datetime
    closed_at: datetime | None

    @classmethod
    def of(cls, dispute: Dispute) -> Self:
        assert dispute.amount is not None
        assert dispute.payment_id is not None
        return cls(
            id=dispute.id,
            number=dispute.number,
            provider=dispute.provider,
            order_id=dispute.order_id,
            payment_id=dispute.payment_id,
            status=dispute.status,
            amount=dispute.amount,
            held=Money(amount=dispute.held, currency=dispute.amount.currency),
            withdrawn=dispute.withdrawn,
            fee=dispute.fee,
            reason=dispute.reason,
            respond_by=dispute.respond_by,
            noted_at=dispute.noted_at,
            closed_at=dispute.closed_at,
        )


class DisputePage(BaseModel):
    items: list[DisputeOut]
    next: UUID | None


@router.get("")
async def list_disputes(
    reading: Reading, caller: CurrentCaller, state: Status | None = None, limit: Limit = 50, after: After = None
) -> DisputePage:
    """Those of payments that the caller sees, newest first. They are answered at the provider."""
    found = await store.page(reading, viewer(caller), state=state, after=after, limit=limit)
    return DisputePage(
        items=[DisputeOut.of(item) for item in found], next=found[-1].id if len(found) == limit else None
    )
