"""A dry run of a booking that recurs."""

from datetime import UTC, date, datetime
from uuid import UUID

from fastapi import APIRouter
from foyer_chassis.auth import requires
from foyer_chassis.http import Reading
from foyer_contracts.money import Money
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from ..resources.routes import Moment
from . import use_cases
from .domain import MOST_OCCURRENCES

router = APIRouter(prefix="/v1", tags=["recurring"])


class RecurrenceIn(BaseModel):
    """What an order would ask for."""

    model_config = ConfigDict(extra="forbid")

    resource_id: UUID
    starts_at: Moment = Field(description="of the first time")
    ends_at: Moment
    quantity: StrictInt = Field(default=1, ge=1)
    recurrence: str = Field(
        max_length=200,
        description="the value of an RRULE (RFC 5545): FREQ=DAILY, WEEKLY or MONTHLY with COUNT or UNTIL, and "
        f"INTERVAL, BYDAY, BYMONTHDAY, WKST; at most {MOST_OCCURRENCES} times within a year",
        examples=["FREQ=WEEKLY;COUNT=10"],
    )
    skip: list[date] = Field(default=[], max_length=MOST_OCCURRENCES, description="local dates that are left out")


class OccurrenceOut(BaseModel):
    """Instants carry the offset that the location's clocks show then."""

    starts_at: datetime
    ends_at: datetime
    skipped: bool
    slots: int
    price: Money
    reason: str | None = Field(description="why it cannot be had, in the words of `booking.places.unavailable`")


class PreviewOut(BaseModel):
    items: list[OccurrenceOut]
    bookable: bool = Field(description="whether an order would be given all that is not skipped")
    total: Money = Field(description="of what can be had")


@router.post("/recurrences/preview", dependencies=[requires("booking:read")])
async def preview(body: RecurrenceIn, reading: Reading) -> PreviewOut:
    """Every time of a booking that recurs, with its price or with what keeps it from being had. Nothing is taken."""
    resource, planned = await use_cases.preview(
        reading,
        resource_id=body.resource_id,
        starts_at=body.starts_at.astimezone(UTC),
        ends_at=body.ends_at.astimezone(UTC),
        quantity=body.quantity,
        recurrence=body.recurrence,
        skip=body.skip,
    )
    zone = resource.location.calendar.zone
    items = [
        OccurrenceOut(
            starts_at=each.time.starts_at.astimezone(zone),
            ends_at=each.time.ends_at.astimezone(zone),
            skipped=each.time.skipped,
            slots=each.slots,
            price=resource.price * (each.slots * body.quantity),
            reason=each.reason,
        )
        for each in planned
    ]
    return PreviewOut(
        items=items,
        bookable=all(item.reason is None for item in items),
        total=resource.price * (sum(item.slots for item in items if item.reason is None) * body.quantity),
    )
