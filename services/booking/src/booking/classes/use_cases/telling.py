"""What is published of classes and places in them."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_contracts import booking as events

from ...resources import store as resources
from ...resources.domain import Location
from ...visitors import store as visitors
from ..domain import Change, Class, ClassBooking


async def publish_booked(
    transaction: Transaction, booking: ClassBooking, item: Class, *, customer_id: UUID | None
) -> None:
    where = await _locations(transaction, [item])
    transaction.publish(
        events.ClassBooked(
            class_booking_id=booking.id,
            class_id=item.id,
            title=item.title,
            starts_at=item.starts_at,
            visitor_id=booking.visitor_id,
            pass_id=booking.pass_id,
            left=item.left,
            customer_id=customer_id,
            time_zone=_zone(where, item),
        ),
        subject=booking.id,
        sequence=booking.version,
    )


async def publish_freed(
    transaction: Transaction, gone: Sequence[ClassBooking], classes: Mapping[UUID, Class], *, visits_return: bool
) -> None:
    """`gone`: places with the reason why they are free."""
    customers = await visitors.customers_of(transaction, {booking.visitor_id for booking in gone})
    where = await _locations(transaction, classes.values())
    for booking in gone:
        item = classes[booking.class_id]
        transaction.publish(
            events.ClassCancelled(
                class_booking_id=booking.id,
                class_id=item.id,
                title=item.title,
                starts_at=item.starts_at,
                visitor_id=booking.visitor_id,
                pass_id=booking.pass_id,
                reason=str(booking.cancelled_reason),
                customer_id=customers.get(booking.visitor_id),
                time_zone=_zone(where, item),
                visit_returned=visits_return,
            ),
            subject=booking.id,
            sequence=booking.version,
        )


async def publish_changed(
    transaction: Transaction, before: Class, item: Class, changes: Sequence[Change], told: Sequence[ClassBooking]
) -> None:
    """`told`: those who have a place."""
    customers = await visitors.customers_of(transaction, {booking.visitor_id for booking in told})
    where = await _locations(transaction, [before, item])
    now, previous = (_time(where, each) for each in (item, before))
    for booking in told:
        transaction.publish(
            events.ClassChanged(
                class_booking_id=booking.id,
                class_id=item.id,
                title=item.title,
                changed=[change.value for change in changes],
                now=now,
                previous=previous,
                visitor_id=booking.visitor_id,
                pass_id=booking.pass_id,
                customer_id=customers.get(booking.visitor_id),
            ),
            subject=booking.id,
            sequence=booking.version,
        )


def _time(where: Mapping[UUID, Location], item: Class) -> events.ClassTime:
    location = None if item.location_id is None else where.get(item.location_id)
    return events.ClassTime(
        starts_at=item.starts_at,
        ends_at=item.ends_at,
        location_name=None if location is None else location.name,
        time_zone=_zone(where, item),
        place=item.place,
        trainer=item.trainer,
    )


def _zone(where: Mapping[UUID, Location], item: Class) -> str | None:
    location = None if item.location_id is None else where.get(item.location_id)
    return None if location is None else location.calendar.zone.key


async def _locations(transaction: Transaction, classes: Iterable[Class]) -> dict[UUID, Location]:
    ids = {item.location_id for item in classes if item.location_id is not None}
    return await resources.locations_by_id(transaction, ids) if ids else {}
