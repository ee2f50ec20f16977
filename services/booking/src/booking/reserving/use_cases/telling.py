"""What is published of a reservation."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_contracts import booking as events
from foyer_contracts.money import Money
from foyer_contracts.orders import Actor, Line

from ...resources.domain import Resource
from ..domain import MovedTime, Occurrence, Reservation


def places_of(reservation: Reservation, resources: Mapping[UUID, Resource]) -> events.Places:
    times = reservation.times
    resource = resources[reservation.resource_id]
    return events.Places(
        resource_id=resource.id,
        resource_name=resource.name,
        location_name=resource.location.name,
        time_zone=resource.location.calendar.zone.key,
        starts_at=times[0].starts_at,
        ends_at=times[0].ends_at,
        quantity=reservation.quantity if reservation.quantity > 1 else None,
        occurrences=len(times) if reservation.occurrences else None,
        times=_priced(reservation, times, resources) if reservation.occurrences else None,
    )


def _priced(
    reservation: Reservation, times: Sequence[Occurrence], resources: Mapping[UUID, Resource]
) -> list[events.Occurrence]:
    return [
        events.Occurrence(
            starts_at=each.starts_at,
            ends_at=each.ends_at,
            price=reservation.price_of(each),
            resource_id=each.resource_id if each.resource_id != reservation.resource_id else None,
            resource_name=resources[each.resource_id].name if each.resource_id != reservation.resource_id else None,
        )
        for each in times
    ]


def lines_of(reservation: Reservation, resources: Mapping[UUID, Resource]) -> list[Line]:
    """A line for each resource and price, that of the first time first."""
    slots: dict[tuple[UUID, int], int] = {}
    for each in reservation.times:
        key = (each.resource_id, each.unit_price.amount)
        slots[key] = slots.get(key, 0) + each.slots
    lines = []
    for (resource_id, amount), count in slots.items():
        unit_price = Money(amount=amount, currency=reservation.unit_price.currency)
        quantity = count * reservation.quantity
        minutes = resources[resource_id].slot_length // timedelta(minutes=1)
        title = f"{resources[resource_id].name}, {minutes} min"
        lines.append(Line(title=title, quantity=quantity, unit_price=unit_price, total=unit_price * quantity))
    return lines


def publish_held(transaction: Transaction, reservation: Reservation, resources: Mapping[UUID, Resource]) -> None:
    assert reservation.expires_at is not None
    transaction.publish(
        events.PlacesHeld(
            order_id=reservation.order_id,
            reservation_id=reservation.id,
            places=places_of(reservation, resources),
            lines=lines_of(reservation, resources),
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


def publish_confirmed(
    transaction: Transaction, reservation: Reservation, resources: Mapping[UUID, Resource], *, late: bool
) -> None:
    transaction.publish(
        events.ReservationConfirmed(
            order_id=reservation.order_id,
            reservation_id=reservation.id,
            places=places_of(reservation, resources),
            late=late,
        ),
        subject=reservation.id,
        sequence=reservation.version,
    )


def publish_rescheduled(
    transaction: Transaction,
    before: Reservation,
    after: Reservation,
    resources: Mapping[UUID, Resource],
    actor_id: UUID,
    *,
    moved: Sequence[MovedTime] = (),
) -> None:
    """`moved`: of a booking that recurs, the times that moved."""
    transaction.publish(
        events.ReservationRescheduled(
            order_id=after.order_id,
            reservation_id=after.id,
            places=places_of(after, resources),
            previous=places_of(before, resources),
            lines=lines_of(after, resources),
            total=after.total,
            actor=Actor(kind="staff", id=actor_id),
            moved=[
                events.MovedOccurrence(
                    previous_starts_at=each.before.starts_at,
                    previous_ends_at=each.before.ends_at,
                    starts_at=each.after.starts_at,
                    ends_at=each.after.ends_at,
                    resource_name=resources[each.after.resource_id].name,
                    location_name=resources[each.after.resource_id].location.name,
                    time_zone=resources[each.after.resource_id].location.calendar.zone.key,
                )
                for each in moved
            ]
            or None,
        ),
        subject=after.id,
        sequence=after.version,
    )


def publish_occurrences_cancelled(
    transaction: Transaction,
    after: Reservation,
    given_up: Sequence[Occurrence],
    resources: Mapping[UUID, Resource],
    actor: Actor,
) -> None:
    transaction.publish(
        events.OccurrencesCancelled(
            order_id=after.order_id,
            reservation_id=after.id,
            places=places_of(after, resources),
            cancelled=_priced(after, given_up, resources),
            lines=lines_of(after, resources),
            total=after.total,
            actor=actor,
        ),
        subject=after.id,
        sequence=after.version,
    )
