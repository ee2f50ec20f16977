"""What others are told of tickets and stays."""

from typing import Literal
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_contracts import booking as events
from foyer_contracts.orders import Actor, Line, Visitor

from ..domain import Group, Kind, Lodging

SYSTEM = Actor(kind="system")
Change = Literal[
    "checked_in", "checked_out", "extended", "moved", "ended_early", "blocked", "unblocked", "no_show", "room_moved",
    "dates_changed",
]  # fmt: skip


def visitor_of(lodging: Lodging) -> Visitor:
    return Visitor(name=lodging.visitor_name, id=lodging.visitor_id)


def places_of(lodging: Lodging, group: Group) -> events.Places:
    stay = lodging.kind is Kind.STAY
    return events.Places(
        resource_id=group.id,
        resource_name=group.name,
        location_name=group.location.name,
        time_zone=group.location.calendar.zone.key,
        starts_at=lodging.starts_at,
        ends_at=lodging.ends_at,
        kind=lodging.kind.value,
        number=lodging.number,
        place=lodging.place,
        tariff=lodging.tariff,
        visitor=visitor_of(lodging),
        nights=lodging.quantity if stay else None,
        adults=lodging.adults,
        children=lodging.children,
    )


def lines_of(lodging: Lodging) -> list[Line]:
    return [
        Line(
            title=item.title,
            quantity=item.quantity,
            unit_price=item.unit_price,
            total=item.unit_price * item.quantity,
            extra=item.extra,
        )
        for item in lodging.items
    ]


def publish_rescheduled(transaction: Transaction, before: Lodging, after: Lodging, group: Group, actor: Actor) -> None:
    transaction.publish(
        events.ReservationRescheduled(
            order_id=after.order_id,
            reservation_id=after.id,
            places=places_of(after, group),
            previous=places_of(before, group),
            lines=lines_of(after),
            total=after.total,
            actor=actor,
        ),
        subject=after.id,
        sequence=after.version,
    )


def publish_ended(transaction: Transaction, lodging: Lodging) -> None:
    transaction.publish(
        events.ReservationEnded(order_id=lodging.order_id, reservation_id=lodging.id),
        subject=lodging.id,
        sequence=lodging.version,
    )


def publish_no_show(transaction: Transaction, lodging: Lodging, group: Group, actor: Actor) -> None:
    transaction.publish(
        events.ReservationNoShow(order_id=lodging.order_id, reservation_id=lodging.id, released=True),
        subject=lodging.id,
        sequence=lodging.version,
    )
    publish_changed(transaction, lodging, group, "no_show", actor)
    # Its time is over for the order too, which would stay active for ever.
    publish_ended(transaction, lodging)


def publish_changed(transaction: Transaction, lodging: Lodging, group: Group, change: Change, actor: Actor) -> None:
    """`ticket.changed` or `stay.changed`, as it is a ticket or a stay."""
    data = {
        "number": lodging.number,
        "order_id": lodging.order_id,
        "applicant_id": lodging.applicant_id,
        "change": change,
        "visitor": visitor_of(lodging),
        "places": places_of(lodging, group),
        "actor": actor,
    }
    if lodging.kind is Kind.TICKET:
        event: events.TicketChanged | events.StayChanged = events.TicketChanged.model_validate(
            {"ticket_id": lodging.id, **data}
        )
    else:
        event = events.StayChanged.model_validate({"stay_id": lodging.id, **data})
    transaction.publish(event, subject=lodging.id, sequence=lodging.version)


def publish_held(transaction: Transaction, lodging: Lodging, group: Group) -> None:
    assert lodging.expires_at is not None
    transaction.publish(
        events.PlacesHeld(
            order_id=lodging.order_id,
            reservation_id=lodging.id,
            places=places_of(lodging, group),
            lines=lines_of(lodging),
            total=lodging.total,
            expires_at=lodging.expires_at,
        ),
        subject=lodging.id,
        sequence=lodging.version,
    )


def publish_unavailable(
    transaction: Transaction, order_id: UUID, reason: str, order_sequence: int, *, late: bool = False
) -> None:
    transaction.publish(
        events.PlacesUnavailable(order_id=order_id, reason=reason, late=late),
        subject=order_id,
        sequence=order_sequence,
    )
