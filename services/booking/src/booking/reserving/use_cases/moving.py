"""Bookings move to another time or resource, in one step (A13–A15, X5)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError

from ...claiming import store as claiming
from ...claiming.domain import Book, PlacesTakenError
from ...resources import store as resources_store
from ...resources.domain import Resource, UnknownResourceError
from ...waiting.use_cases import offer_freed
from .. import store
from ..domain import (
    Move,
    MovedTime,
    OrderCopy,
    PlacedTime,
    Reservation,
    Scope,
    SeriesMove,
    Status,
    TimesCannotBeMovedError,
    moved,
    moved_times,
    placed,
    times_to_move,
    with_moved,
)
from .finding import find_locked
from .taking import book_for, claims_at, claims_of
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
        What `find_locked` raises.
        UnknownResourceError, PlacesTakenError, TooManyPlacesError, and what `moved` and `Calendar.count_slots` raise.
    """
    order, reservation = await find_locked(transaction, order_id, to_resource_id=resource_id, if_version=if_version)
    target = resource_id or reservation.resource_id
    resources = await resources_store.resources_by_id(transaction, reservation.resource_ids | {target})
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
    claims = claims_of(after, resource, await book_for(transaction, [(resource, after.quantity, starts_at, ends_at)]))
    if claims is None or not await claiming.claim(transaction, claims):
        raise PlacesTakenError(field="starts_at")
    await store.move(transaction, after)
    publish_rescheduled(transaction, reservation, after, resources, actor_id)
    await offer_freed(transaction, freed)
    return after, resource


@dataclass(frozen=True, slots=True)
class SeriesWish:
    """How times of a booking that recurs are to move, as it is asked; see `SeriesMove`."""

    number: int
    scope: Scope
    starts_at: datetime
    ends_at: datetime
    resource_id: UUID | None
    skip: frozenset[int]


@dataclass(frozen=True, slots=True)
class SeriesPlan:
    """What a move comes to. `times`: those that move, each with its places or with what keeps it from moving."""

    reservation: Reservation
    times: list[PlacedTime]
    resources: Mapping[UUID, Resource]

    @property
    def after(self) -> Reservation:
        """The reservation when those have moved that can."""
        can = [each.time for each in self.times if each.time.reason is None]
        return with_moved(self.reservation, can) if can else self.reservation


async def preview_move(
    reading: Transaction, order_id: UUID, wish: SeriesWish, *, locations: Collection[str] = ()
) -> SeriesPlan:
    """Every time that would move with what keeps it from moving, as a move would find it now; nothing is moved.

    Raises:
        NotFoundError: the order has no places, or they are elsewhere than at these locations.
        UnknownResourceError, TooManyPlacesError, and what `times_to_move` raises.
    """
    order = await store.order_copy(reading, order_id)
    reservation = await store.latest_of(reading, order_id)
    if order is None or reservation is None:
        raise NotFoundError
    return await _plan(reading, order, reservation, wish, locations)


async def reschedule_occurrences(
    transaction: Transaction,
    order_id: UUID,
    wish: SeriesWish,
    *,
    actor_id: UUID,
    locations: Collection[str] = (),
    if_version: int | None,
) -> SeriesPlan:
    """Move times of a booking that recurs, all of the scope or none, onto their own old times too. Asked again, they
    are there already, and nothing happens.

    Raises:
        What `find_locked` and `preview_move` raise.
        TimesCannotBeMovedError: with each that cannot be had.
    """
    order, reservation = await find_locked(
        transaction, order_id, to_resource_id=wish.resource_id, if_version=if_version
    )
    plan = await _plan(transaction, order, reservation, wish, locations)
    if conflicts := [each.time for each in plan.times if each.time.reason is not None]:
        raise TimesCannotBeMovedError(field="starts_at", conflicts=[_described(each) for each in conflicts])
    if not plan.times:
        return plan
    after = plan.after
    freed = await claiming.free(transaction, [after.id], occurrences=[each.time.before.number for each in plan.times])
    claims = [claim for each in plan.times for claim in claims_at(after.id, each.time.after.number, each.places)]
    if not await claiming.claim(transaction, claims):
        raise PlacesTakenError(field="starts_at")
    await store.move(transaction, after)
    publish_rescheduled(
        transaction, reservation, after, plan.resources, actor_id, moved=[each.time for each in plan.times]
    )
    await offer_freed(transaction, freed)
    return plan


async def _plan(
    transaction: Transaction,
    order: OrderCopy,
    reservation: Reservation,
    wish: SeriesWish,
    locations: Collection[str],
) -> SeriesPlan:
    wanted = {wish.resource_id} if wish.resource_id is not None else set()
    resources = await resources_store.resources_by_id(transaction, reservation.resource_ids | wanted)
    target = None if wish.resource_id is None else resources.get(wish.resource_id)
    if wish.resource_id is not None and (target is None or not target.active):
        raise UnknownResourceError(field="resource_id")
    if locations and any(str(resource.location.id) not in locations for resource in resources.values()):
        raise NotFoundError
    to = SeriesMove(wish.number, wish.scope, wish.starts_at, wish.ends_at, target, wish.skip)
    moving = times_to_move(reservation, to, now=transaction.now)
    times = moved_times(reservation, order, to, moving, resources, now=transaction.now)
    if not times:
        return SeriesPlan(reservation, [], resources)
    spans = [
        (resources[each.after.resource_id], reservation.quantity, each.after.starts_at, each.after.ends_at)
        for each in times
        if each.reason is None
    ]
    own = [each.before.number for each in times]
    book = await book_for(transaction, spans, but=(reservation.id, own)) if spans else Book({})
    return SeriesPlan(reservation, placed(times, reservation.quantity, book, resources), resources)


def _described(time: MovedTime) -> dict[str, object]:
    return {
        "number": time.before.number,
        "starts_at": time.after.starts_at.isoformat(),
        "ends_at": time.after.ends_at.isoformat(),
        "reason": time.reason,
    }
