"""Blocks are put on a resource and taken off."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError
from foyer_contracts.ids import new_id

from ..claiming import store as claiming
from ..claiming.domain import Claim, Owner, PlacesTakenError
from ..resources.use_cases import visible
from ..waiting.use_cases import offer_freed
from . import store
from .domain import Block, check_time


async def block(
    transaction: Transaction,
    resource_id: UUID,
    *,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    actor_id: UUID,
    locations: Collection[str],
) -> Block:
    """All places of a resource (of a hall: of all its rooms) are nobody's for a time.

    Raises:
        NotFoundError: no such resource at the locations of who asks (none: all).
        BlockTimeInvalidError: such a block cannot be.
        PlacesTakenError: something is booked then; it is moved or cancelled first.
    """
    check_time(starts_at, ends_at, now=transaction.now)
    await claiming.lock(transaction, [resource_id])
    resource = await visible(transaction, resource_id, locations)
    made = Block(new_id(), resource_id, starts_at, ends_at, reason, actor_id)
    claims = [
        Claim(Owner.BLOCK, made.id, 0, need.resource_id, place, starts_at, ends_at)
        for need in resource.needs(resource.capacity)
        for place in range(1, need.capacity + 1)
    ]
    if not await claiming.claim(transaction, claims):
        raise PlacesTakenError("Something is booked in that time: move or cancel it first.", field="starts_at")
    await store.add(transaction, made)
    return made


async def unblock(transaction: Transaction, block_id: UUID, *, locations: Collection[str]) -> None:
    """The time is free again, at once.

    Raises:
        NotFoundError: no such block at the locations of who asks.
    """
    known = await store.by_id(transaction, block_id)
    if known is None:
        raise NotFoundError
    await claiming.lock(transaction, [known.resource_id])
    await visible(transaction, known.resource_id, locations)
    if await store.delete(transaction, block_id) is None:
        raise NotFoundError
    await offer_freed(transaction, await claiming.free(transaction, [block_id]))
