"""Blocks: rent managers put them on and take them off."""

from datetime import UTC, datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query, Response
from foyer_chassis.auth import Caller, CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.errors import ForbiddenError
from foyer_chassis.http import InTransaction, Reading
from foyer_chassis.idempotency import Answer, OncePerKey
from pydantic import BaseModel, ConfigDict, Field

from ..resources.routes import Moment
from ..resources.use_cases import visible
from . import store, use_cases
from .domain import Block

router = APIRouter(prefix="/v1", tags=["blocks"])

_FIRST_ID = UUID(int=0)


class BlockIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "starts_at": "2026-12-03T08:00:00+03:00",
                    "ends_at": "2026-12-03T12:00:00+03:00",
                    "reason": "Замена проектора",
                }
            ]
        },
    )

    starts_at: Moment
    ends_at: Moment
    reason: str = Field(min_length=1, max_length=500, description="for staff only")


class BlockOut(BaseModel):
    id: UUID
    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    reason: str
    created_by: UUID

    @classmethod
    def of(cls, block: Block) -> Self:
        return cls(
            id=block.id,
            resource_id=block.resource_id,
            starts_at=block.starts_at,
            ends_at=block.ends_at,
            reason=block.reason,
            created_by=block.created_by,
        )


class BlockPage(BaseModel):
    items: list[BlockOut]
    next: UUID | None


def _must_process(caller: Caller) -> None:
    if not caller.may("booking:process", "slot_booking"):
        raise ForbiddenError(needs="booking:process")


@router.post(
    "/resources/{resource_id}/blocks",
    status_code=201,
    response_model=BlockOut,
    dependencies=[requires("booking:process")],
)
async def block(resource_id: UUID, body: BlockIn, caller: CurrentCaller, once: OncePerKey) -> Response:
    """Take a resource out of use for a time; refused where something is booked."""
    _must_process(caller)

    async def command(transaction: Transaction) -> Answer:
        made = await use_cases.block(
            transaction,
            resource_id,
            starts_at=body.starts_at.astimezone(UTC),
            ends_at=body.ends_at.astimezone(UTC),
            reason=body.reason,
            actor_id=caller.id,
            locations=caller.locations,
        )
        return Answer(BlockOut.of(made), 201, {"Location": f"/v1/blocks/{made.id}"})

    return await once.run(command)


@router.get("/resources/{resource_id}/blocks", dependencies=[requires("booking:read_all")])
async def list_blocks(
    resource_id: UUID,
    caller: CurrentCaller,
    reading: Reading,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    after: Annotated[UUID, Query(description="`next` of the page before")] = _FIRST_ID,
) -> BlockPage:
    """Blocks that are not over, in the order in which they were made. For staff."""
    await visible(reading, resource_id, caller.locations)
    found = await store.page(reading, resource_id, ends_after=reading.now, after=after, limit=limit)
    items = [BlockOut.of(item) for item in found]
    return BlockPage(items=items, next=items[-1].id if len(items) == limit else None)


@router.delete("/blocks/{block_id}", status_code=204, dependencies=[requires("booking:process")])
async def unblock(block_id: UUID, caller: CurrentCaller, transaction: InTransaction) -> None:
    """The time can be booked again."""
    _must_process(caller)
    await use_cases.unblock(transaction, block_id, locations=caller.locations)
