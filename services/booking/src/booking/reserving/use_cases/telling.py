"""What is published of a reservation."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_contracts import booking as events
from foyer_contracts.orders import Actor, Line

from ...resources.domain import Resource
from ..domain import Occurrence, Reservation


def places_of(reservation: Reservation, resource: Resource) -> events.Places:
    times = reservation.times
    return events.Places(
        resource_id=resource.id,
        resource_name=resource.name,
        location_name=resource.location.name,
        time_zone=resource.location.calendar.zone.key,
        starts_at=times[0].starts_at,
        ends_at=times[0].ends_at,
        quantity=reservation.quantity if reservation.quantity > 1 else None,
        occurrences=len(times) if reservation.occurrences else None,
        times=_priced(reservation, times) if reservation.occurrences else None,
    )


def _priced(reservation: Reservation, times: Sequence[Occurrence]) -> list[events.Occurrence]:
    return [
        events.Occurrence(starts_at=each.starts_at, ends_at=each.ends_at, price=reservation.price_of(each.slots))
        for each in times
    ]


def line_of(reservation: Reservation, resource: Resource) -> Line:
    minutes = resource.slot_length // timedelta(minutes=1)
    return Line(
        title=f"{resource.name}, {minutes} min",
        quantity=reservation.slots * reservation.quantity,
        unit_price=reservation.unit_price,
        total=reservation.total,
    )


def publish_held(transaction: Transaction, reservation: Reservation, resource: Resource) -> None:
    assert reservation.expires_at is not None
    transaction.publish(
        events.PlacesHeld(
            order_id=reservation.order_id,
            reservation_id=reservation.id,
            places=places_of(reservation, resource),
            lines=[line_of(reservation, resource)],
            total=reservation.total,
            expires_at=reservation.expires_at,
        ),
        subject=reservation.id,
        sequence=reservation.version,
    )


def publish_unavailable(
    transaction: Transaction,
    order_id: UUID,
    reason: str,
    order_sequence: int,
    *,
    late: bool = False,
    conflicts: Sequence[datetime] = (),
) -> None:
    transaction.publish(
        events.PlacesUnavailable(order_id=order_id, reason=reason, late=late, conflicts=list(conflicts)),
        subject=order_id,
        sequence=order_sequence,
    )


def publish_confirmed(transaction: Transaction, reservation: Reservation, resource: Resource, *, late: bool) -> None:
    transaction.publish(
        events.ReservationConfirmed(
            order_id=reservation.order_id,
            reservation_id=reservation.id,
            places=places_of(reservation, resource),
            late=late,
        ),
        subject=reservation.id,
        sequence=reservation.version,
    )


def publish_rescheduled(
    transaction: Transaction,
    before: Reservation,
    was_at: Resource,
    after: Reservation,
    resource: Resource,
    actor_id: UUID,
) -> None:
    transaction.publish(
        events.ReservationRescheduled(
            order_id=after.order_id,
            reservation_id=after.id,
            places=places_of(after, resource),
            previous=places_of(before, was_at),
            lines=[line_of(after, resource)],
            total=after.total,
            actor=Actor(kind="staff", id=actor_id),
        ),
        subject=after.id,
        sequence=after.version,
    )


def publish_occurrences_cancelled(
    transaction: Transaction, after: Reservation, given_up: Sequence[Occurrence], resource: Resource, actor: Actor
) -> None:
    transaction.publish(
        events.OccurrencesCancelled(
            order_id=after.order_id,
            reservation_id=after.id,
            places=places_of(after, resource),
            cancelled=_priced(after, given_up),
            lines=[line_of(after, resource)],
            total=after.total,
            actor=actor,
        ),
        subject=after.id,
        sequence=after.version,
    )
