"""Places are held, confirmed, expired, released, started and ended."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from foyer_chassis.consumer import handling
from foyer_chassis.db import Transaction
from foyer_chassis.errors import InvalidError, NotFoundError, StaleError
from foyer_contracts import booking as events
from foyer_contracts.envelope import Event
from foyer_contracts.ids import new_id
from foyer_contracts.orders import Actor, Line, OrderCancelled, OrderChanged, OrderPlaced

from ..resources import store as resources_store
from ..resources.domain import Resource, UnknownResourceError
from . import store
from .domain import EXPIRED_REASON, NOT_OURS_TO_RELEASE, Move, Reservation, Status, Verb, moved, next_status


async def hold_places(
    transaction: Transaction, placed: Sequence[Event[OrderPlaced]], *, default_ttl: timedelta
) -> None:
    """Take the places for new orders, or tell that they cannot be had (journeys 1 and 4).

    Set-based: the same three queries for one order and for fifty. What costs nothing, or is paid afterwards, waits
    for no payment: it is confirmed at once.
    """
    wanted = {event.data.order_id: event for event in placed if event.data.slots is not None}
    if not wanted:
        return
    orders = await store.note_placed(
        transaction,
        {id_: (event.data.applicant_id, event.sequence, event.data.payer_kind) for id_, event in wanted.items()},
    )
    resources = await resources_store.resources_by_id(
        transaction, {event.data.slots.resource_id for event in wanted.values() if event.data.slots is not None}
    )
    reservations: dict[UUID, Reservation] = {}
    refused: dict[UUID, str] = {}
    for id_, event in wanted.items():
        if orders[id_].cancelled_reason is not None:
            continue  # The cancellation overtook the order.
        try:
            reservations[id_] = _reservation(event, resources, now=transaction.now, default_ttl=default_ttl)
        except InvalidError as error:
            refused[id_] = error.slug().replace("-", "_")
    had = await store.take(transaction, list(reservations.values())) if reservations else set()
    need_no_payment: dict[UUID, Event[Any]] = {}
    for id_, event in wanted.items():
        with handling(event):
            reservation = reservations.get(id_)
            if reservation is not None and reservation.id in had:
                _held(transaction, reservation, resources[reservation.resource_id])
                # Also when the payment overtook the order.
                if orders[id_].paid or not _pays_first(event.data) or reservation.total.amount == 0:
                    need_no_payment[id_] = event
            elif reservation is not None or id_ in refused:
                _unavailable(transaction, id_, refused.get(id_, "places_taken"), event.sequence)
    await confirm_paid(transaction, need_no_payment)


def _pays_first(placed: OrderPlaced) -> bool:
    """Whether the places wait for money; a publisher before `terms` says only whether it is prepaid."""
    return placed.prepaid if placed.terms is None else placed.terms in ("prepaid", "part_payment", "account")


def _reservation(
    event: Event[OrderPlaced], resources: Mapping[UUID, Resource], *, now: datetime, default_ttl: timedelta
) -> Reservation:
    """Raises InvalidError: the resource cannot be booked at that time at all."""
    slots = event.data.slots
    assert slots is not None
    resource = resources.get(slots.resource_id)
    if resource is None or not resource.active:
        raise UnknownResourceError
    return Reservation(
        id=new_id(),
        order_id=event.data.order_id,
        resource_id=resource.id,
        starts_at=slots.starts_at,
        ends_at=slots.ends_at,
        slots=resource.quote(slots.starts_at, slots.ends_at, now=now),
        unit_price=resource.price,
        status=Status.HELD,
        expires_at=now + (resource.hold_ttl or default_ttl),
        version=1,
    )


def _line(reservation: Reservation, resource: Resource) -> Line:
    minutes = resource.slot_length // timedelta(minutes=1)
    return Line(
        title=f"{resource.name}, {minutes} min",
        quantity=reservation.slots,
        unit_price=reservation.unit_price,
        total=reservation.total,
    )


def _held(transaction: Transaction, reservation: Reservation, resource: Resource) -> None:
    assert reservation.expires_at is not None
    transaction.publish(
        events.PlacesHeld(
            order_id=reservation.order_id,
            reservation_id=reservation.id,
            places=_places(reservation, resource),
            lines=[_line(reservation, resource)],
            total=reservation.total,
            expires_at=reservation.expires_at,
        ),
        subject=reservation.id,
        sequence=reservation.version,
    )


async def confirm_paid(transaction: Transaction, paid: Mapping[UUID, Event[Any]]) -> None:
    """Orders are paid (id → the event that says so): their places are taken for good, or again if the hold had
    expired (journeys 1 and 3).

    When they cannot be had again that is told, so that orders gives the money back. An order that was cancelled for
    another reason than the expired hold gets no places.
    """
    if not paid:
        return
    orders = await store.note_paid(transaction, list(paid))
    latest = await store.latest_locked(transaction, list(paid))
    resources = await resources_store.resources_by_id(transaction, {item.resource_id for item in latest.values()})
    confirmed = []
    for id_, event in paid.items():
        reservation = latest.get(id_)
        if reservation is None:
            continue  # An order without places.
        with handling(event):
            if (status := next_status(reservation.status, Verb.CONFIRM)) is not None:
                after = replace(reservation, status=status, version=reservation.version + 1)
                confirmed.append(after)
                _confirmed(transaction, after, resources[after.resource_id], late=False)
            elif reservation.status is Status.EXPIRED and orders[id_].cancelled_reason in (None, EXPIRED_REASON):
                await _take_again(transaction, reservation, resources[reservation.resource_id], orders[id_].sequence)
    await store.set_statuses(transaction, confirmed)


async def _take_again(transaction: Transaction, expired: Reservation, resource: Resource, order_sequence: int) -> None:
    again = replace(expired, id=new_id(), status=Status.CONFIRMED, version=1)
    if expired.starts_at <= transaction.now:
        _unavailable(transaction, expired.order_id, "in_the_past", order_sequence, late=True)
    elif await store.take(transaction, [again]):
        _confirmed(transaction, again, resource, late=True)
    else:
        _unavailable(transaction, expired.order_id, "places_taken", order_sequence, late=True)


async def release(transaction: Transaction, cancelled: Sequence[Event[OrderCancelled]]) -> None:
    """Orders were cancelled: their places are free at once (A26, journey 5)."""
    # Of several cancellations of one order the newest counts.
    newest = {event.data.order_id: event for event in sorted(cancelled, key=lambda event: event.sequence)}
    news = await store.note_cancelled(
        transaction, {id_: (event.data.reason, event.sequence) for id_, event in newest.items()}
    )
    ours = [id_ for id_ in news if newest[id_].data.reason not in NOT_OURS_TO_RELEASE]
    latest = await store.latest_locked(transaction, ours) if ours else {}
    resources = await resources_store.resources_by_id(transaction, {item.resource_id for item in latest.values()})
    released = []
    for id_, reservation in latest.items():
        if (status := next_status(reservation.status, Verb.RELEASE)) is None:
            continue
        after = replace(reservation, status=status, version=reservation.version + 1)
        released.append(after)
        with handling(newest[id_]):
            transaction.publish(
                events.ReservationReleased(
                    order_id=id_, reservation_id=after.id, places=_places(after, resources[after.resource_id])
                ),
                subject=after.id,
                sequence=after.version,
            )
    await store.set_statuses(transaction, released)


async def note_payers(transaction: Transaction, changed: Sequence[Event[OrderChanged]]) -> None:
    """The payer of an order can be edited (A14)."""
    newest = {event.data.order_id: event for event in sorted(changed, key=lambda event: event.sequence)}
    await store.note_payers(
        transaction, {id_: (event.data.payer_kind, event.sequence) for id_, event in newest.items()}
    )


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
    """Move a booking to another time or resource, in one step (A13–A15); onto its own old time too.

    Raises:
        NotFoundError: the order has no places, or there is no such resource.
        StaleError: the reservation has another version than `if_version`.
        PlacesTakenError, CannotBeMovedError, BegunError, OtherNumberOfSlotsError, and what `Resource.quote` raises.
    """
    order = await store.order_copy(transaction, order_id)
    known = await store.latest_of(transaction, order_id)
    if order is None or known is None:
        raise NotFoundError
    target = resource_id or known.resource_id
    await store.lock_resources(transaction, {known.resource_id, target})
    reservation = (await store.latest_locked(transaction, [order_id]))[order_id]
    if if_version is not None and reservation.version != if_version:
        raise StaleError(version=reservation.version, state={"status": reservation.status.value})
    resources = await resources_store.resources_by_id(transaction, {reservation.resource_id, target})
    resource = resources.get(target)
    if resource is None or not resource.active:
        raise UnknownResourceError(field="resource_id")
    # What is under way began in the past, and keeps its beginning.
    begun = reservation.status is Status.ACTIVE and starts_at == reservation.starts_at
    slots = resource.quote(starts_at, ends_at, now=starts_at - timedelta(microseconds=1) if begun else transaction.now)
    move = Move(target, starts_at, ends_at, slots, resource.price)
    after = moved(reservation, order, move, now=transaction.now)
    if after == replace(reservation, version=after.version):
        return reservation, resource
    await store.move(transaction, after)
    transaction.publish(
        events.ReservationRescheduled(
            order_id=order_id,
            reservation_id=after.id,
            places=_places(after, resource),
            previous=_places(reservation, resources[reservation.resource_id]),
            lines=[_line(after, resource)],
            total=after.total,
            actor=Actor(kind="staff", id=actor_id),
        ),
        subject=after.id,
        sequence=after.version,
    )
    return after, resource


async def expire_due(transaction: Transaction, *, most: int) -> int:
    """Free what was not paid in time (journey 2). How many there were."""
    expired = await store.carry_out_due(transaction, Verb.EXPIRE, most=most)
    for reservation in expired:
        transaction.publish(
            events.HoldExpired(order_id=reservation.order_id, reservation_id=reservation.id),
            subject=reservation.id,
            sequence=reservation.version,
        )
    return len(expired)


async def start_due(transaction: Transaction, *, most: int) -> int:
    started = await store.carry_out_due(transaction, Verb.START, most=most)
    for reservation in started:
        transaction.publish(
            events.ReservationStarted(order_id=reservation.order_id, reservation_id=reservation.id),
            subject=reservation.id,
            sequence=reservation.version,
        )
    return len(started)


async def end_due(transaction: Transaction, *, most: int) -> int:
    ended = await store.carry_out_due(transaction, Verb.END, most=most)
    for reservation in ended:
        transaction.publish(
            events.ReservationEnded(order_id=reservation.order_id, reservation_id=reservation.id),
            subject=reservation.id,
            sequence=reservation.version,
        )
    return len(ended)


def _unavailable(
    transaction: Transaction, order_id: UUID, reason: str, order_sequence: int, *, late: bool = False
) -> None:
    transaction.publish(
        events.PlacesUnavailable(order_id=order_id, reason=reason, late=late),
        subject=order_id,
        sequence=order_sequence,
    )


def _confirmed(transaction: Transaction, reservation: Reservation, resource: Resource, *, late: bool) -> None:
    transaction.publish(
        events.ReservationConfirmed(
            order_id=reservation.order_id,
            reservation_id=reservation.id,
            places=_places(reservation, resource),
            late=late,
        ),
        subject=reservation.id,
        sequence=reservation.version,
    )


def _places(reservation: Reservation, resource: Resource) -> events.Places:
    return events.Places(
        resource_id=resource.id,
        resource_name=resource.name,
        location_name=resource.location.name,
        time_zone=resource.location.calendar.zone.key,
        starts_at=reservation.starts_at,
        ends_at=reservation.ends_at,
    )
