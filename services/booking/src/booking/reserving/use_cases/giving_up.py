"""Times of a booking that recurs are given up; the rest of it stays (X5)."""

from datetime import datetime
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_contracts.orders import Actor

from ...claiming import store as claiming
from ...resources import store as resources_store
from ...resources.domain import Resource
from ...waiting.use_cases import offer_freed
from .. import store
from ..domain import Reservation, without
from .finding import find_locked
from .telling import publish_occurrences_cancelled


async def cancel_occurrences(
    transaction: Transaction,
    order_id: UUID,
    *,
    starts_at: datetime,
    following: bool,
    actor: Actor,
    if_version: int | None,
) -> tuple[Reservation, Resource]:
    """Give up one time, or that and all that follow. Doing it again changes nothing. With the resource of what is left.

    Raises:
        What `find_locked` raises.
        CannotBeCancelledError, NotRecurringError, UnknownOccurrenceError, BegunError, LastOccurrencesError
    """
    customer_id = actor.id if actor.kind == "customer" else None
    _, reservation = await find_locked(transaction, order_id, customer_id=customer_id, if_version=if_version)
    resources = await resources_store.resources_by_id(transaction, reservation.resource_ids)
    after, given_up = without(reservation, starts_at, following=following, now=transaction.now)
    if not given_up:
        return reservation, resources[reservation.resource_id]
    freed = await claiming.free(transaction, [after.id], occurrences=[each.number for each in given_up])
    await store.move(transaction, after)
    publish_occurrences_cancelled(transaction, after, given_up, resources, actor)
    await offer_freed(transaction, freed)
    return after, resources[after.resource_id]
