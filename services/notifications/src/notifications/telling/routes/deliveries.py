"""What became of each notification."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.http import InTransaction, Reading
from pydantic import BaseModel, Field

from ..domain.deliveries import QUIET, Delivery, State
from ..domain.rules import rule_of
from ..store import deliveries as store
from ..use_cases import deliveries as use_cases

router = APIRouter(prefix="/v1", tags=["deliveries"])


#: `deferred`: queued, until the quiet hours of its recipient end.
DeliveryState = Literal["queued", "deferred", "sent", "failed", "skipped"]


class DeliveryOut(BaseModel):
    """A notification to one person by one channel. Contact data is not in it."""

    id: UUID
    event_id: UUID = Field(description="the event it tells of")
    order_id: UUID | None
    recipient_id: UUID
    channel: Literal["email", "push", "sms", "telegram"]
    template: str
    critical: bool
    state: DeliveryState
    reason: str | None = Field(description="why it failed, was skipped, or is tried again")
    waiting_for: str | None = Field(description="what it waits for: `contact`, or the facts that its text shows")
    attempts: int
    created_at: datetime
    due_at: datetime | None = Field(description="when it is looked at next; null once it is finished")
    finished_at: datetime | None

    @classmethod
    def of(cls, delivery: Delivery) -> "DeliveryOut":
        return cls.model_validate(
            {
                "id": delivery.id,
                "event_id": delivery.event_id,
                "order_id": delivery.order_id,
                "recipient_id": delivery.recipient_id,
                "channel": delivery.channel.value,
                "template": delivery.template,
                "critical": rule_of(delivery.template).critical,
                "state": "deferred" if delivery.waiting_for == QUIET else delivery.state.value,
                "reason": delivery.reason,
                "waiting_for": delivery.waiting_for,
                "attempts": delivery.attempts,
                "created_at": delivery.created_at,
                "due_at": delivery.due_at if delivery.state is State.QUEUED else None,
                "finished_at": delivery.finished_at,
            }
        )


class DeliveryPage(BaseModel):
    items: list[DeliveryOut]
    next: UUID | None = Field(description="pass it as `after` for the next page; null on the last one")


@router.get("/deliveries", dependencies=[requires("notifications:own", "notifications:configure")])
async def deliveries(
    reading: Reading,
    caller: CurrentCaller,
    order_id: UUID | None = None,
    state: DeliveryState | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: UUID | None = None,
) -> DeliveryPage:
    """The caller's deliveries, newest first; with `notifications:configure` everybody's."""
    found = await store.page(
        reading,
        recipient_id=None if caller.may("notifications:configure") else caller.id,
        order_id=order_id,
        state=None if state is None else State.QUEUED if state == "deferred" else State(state),
        deferred={"deferred": True, "queued": False}.get(state or ""),
        before=after,
        limit=limit,
    )
    return DeliveryPage(
        items=[DeliveryOut.of(delivery) for delivery in found], next=found[-1].id if len(found) == limit else None
    )


@router.post("/deliveries/{delivery_id}/send-again", dependencies=[requires("notifications:configure")])
async def send_again(delivery_id: UUID, transaction: InTransaction) -> DeliveryOut:
    """Queue a delivery that failed or was skipped once more; 409 in any other state. Whether it is still true and can
    be sent is decided anew."""
    return DeliveryOut.of(await use_cases.send_again(transaction, delivery_id))
