"""Times of a booking that recurs are given up; the rest of it stays (X5)."""

from datetime import datetime
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError, StaleError
from foyer_contracts.orders import Actor

from ...claiming import store as claiming
from ...resources import store as resources_store
from ...resources.domain import Resource
from ...waiting.use_cases import offer_freed
from .. import store
from ..domain import Reservation, without
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
    """Give up one time, or that and all that follow. Doing it again changes nothing.

    Raises:
        NotFoundError: the order has no places, or is not the customer's.
        StaleError: the reservation has another version than `if_version`.
        CannotBeCancelledError, NotRecurringError, UnknownOccurrenceError, BegunError, LastOccurrencesError
    """
    order = await store.order_copy(transaction, order_id)
    if order is None or (actor.kind == "customer" and order.applicant_id != actor.id):
        raise NotFoundError
    await store.lock_places(transaction, order_ids=[order_id])
    reservation = (await store.latest_locked(transaction, [order_id])).get(order_id)
    if reservation is None:
        raise NotFoundError
    if if_version is not None and reservation.version != if_version:
        raise StaleError(version=reservation.version, state={"status": reservation.status.value})
    resource = (await resources_store.resources_by_id(transaction, [reservation.resource_id]))[reservation.resource_id]
    after, given_up = without(reservation, starts_at, following=following, now=transaction.now)
    if not given_up:
        return reservation, resource
    freed = await claiming.free(transaction, [after.id], occurrences=[each.number for each in given_up])
    await store.set_occurrences(transaction, after)
    publish_occurrences_cancelled(transaction, after, given_up, resource, actor)
    await offer_freed(transaction, freed)
    return after, resource
