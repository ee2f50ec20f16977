"""A booking moves to another time or resource, in one step (A13–A15)."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError, StaleError

from ...claiming import store as claiming
from ...resources import store as resources_store
from ...resources.domain import Resource, UnknownResourceError
from ...waiting.use_cases import offer_freed
from .. import store
from ..domain import Move, PlacesTakenError, Reservation, Status, moved
from .taking import book_for, claims_of
from .telling import publish_rescheduled


async def reschedule(
    transaction: Transaction,
    order_id: UUID,
    *,
    resource_id: UUID | None,
    starts_at: datetime,
    ends_at: datetime,
    actor_id: UUID,
    if_version: int | None,
) -> tuple[Reservation, Resource]:
    """Move a booking to another time or resource, onto its own old time too. Staff who move are bound by opening hours
    and the grid, not by the rules for who orders.

    Raises:
        NotFoundError: the order has no places, or there is no such resource.
        StaleError: the reservation has another version than `if_version`.
        PlacesTakenError, CannotBeMovedError, BegunError, OtherNumberOfSlotsError, TooManyPlacesError, and what
            `Calendar.count_slots` raises.
    """
    order = await store.order_copy(transaction, order_id)
    known = await store.latest_of(transaction, order_id)
    if order is None or known is None:
        raise NotFoundError
    target = resource_id or known.resource_id
    await store.lock_places(transaction, resource_ids={known.resource_id, target})
    reservation = (await store.latest_locked(transaction, [order_id]))[order_id]
    if if_version is not None and reservation.version != if_version:
        raise StaleError(version=reservation.version, state={"status": reservation.status.value})
    resources = await resources_store.resources_by_id(transaction, {reservation.resource_id, target})
    resource = resources.get(target)
    if resource is None or not resource.active:
        raise UnknownResourceError(field="resource_id")
    # What is under way began in the past, and keeps its beginning.
    begun = reservation.status is Status.ACTIVE and starts_at == reservation.starts_at
    now = starts_at - timedelta(microseconds=1) if begun else transaction.now
    slots = resource.location.calendar.count_slots(starts_at, ends_at, resource.slot_length, now=now)
    move = Move(target, starts_at, ends_at, slots, resource.price)
    after = moved(reservation, order, move, now=transaction.now)
    if after == replace(reservation, version=after.version):
        return reservation, resource
    freed = await claiming.free(transaction, [reservation.id])
    claims = claims_of(after, resource, await book_for(transaction, after, resource))
    if claims is None or not await claiming.claim(transaction, claims):
        raise PlacesTakenError(field="starts_at")
    await store.move(transaction, after)
    publish_rescheduled(transaction, reservation, resources[reservation.resource_id], after, resource, actor_id)
    await offer_freed(transaction, freed)
    return after, resource
