"""Places in classes are taken with a visit of a membership, and freed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from foyer_chassis.db import Direct, Transaction
from foyer_chassis.errors import NotFoundError
from foyer_contracts.ids import new_id

from ...memberships import domain as memberships
from ...memberships import store as passes
from ...memberships.domain import NoVisitLeftError, Pass
from ...memberships.use_cases import UnknownVisitorError
from ...visitors import store as visitors
from .. import store
from ..domain import Class, ClassBooking, Visit
from . import telling

VISITOR_REQUEST = "visitor_request"


async def book(
    transaction: Transaction, class_id: UUID, visitor_id: UUID, *, pass_id: UUID | None
) -> tuple[ClassBooking, Class]:
    """A visitor takes a place, and uses a visit of the membership that expires first (D6).

    The lock on the class's row lets one after another decide; the seat's unique index would refuse two on one seat.

    Raises:
        NotFoundError, UnknownVisitorError, ClassOverError, ClassFullError, BookedAlreadyError, NoVisitLeftError.
    """
    visit = _possible(await store.visit_locked(transaction, class_id, visitor_id), now=transaction.now)
    item = visit.item
    assert visit.free_seat is not None
    used = await _use_visit(transaction, visitor_id, item, pass_id)
    booking = ClassBooking(new_id(), class_id, visitor_id, used.id, visit.free_seat, None, 1)
    await store.add_booking(transaction, booking)
    after = replace(item, booked=item.booked + 1)
    await telling.publish_booked(transaction, booking, after, customer_id=visit.customer_id)
    return booking, after


async def look(direct: Direct, class_id: UUID, visitor_id: UUID) -> None:
    """Whether a place could be taken now, as far as one query without a lock can tell; raises what `book` raises."""
    _possible(await store.look(direct, class_id, visitor_id), now=direct.now)


def _possible(visit: Visit | None, *, now: datetime) -> Visit:
    if visit is None:
        raise NotFoundError
    if not visit.visitor_known:
        raise UnknownVisitorError(field="visitor_id")
    visit.item.check_bookable(now, has_place=visit.has_place)
    return visit


async def _use_visit(transaction: Transaction, visitor_id: UUID, item: Class, pass_id: UUID | None) -> Pass:
    """Raises NoVisitLeftError."""
    for one in await passes.passes_of_visitor_locked(transaction, visitor_id):
        if (pass_id is None or one.id == pass_id) and memberships.is_good_for(one, item.group_id, item.starts_at):
            used = memberships.visited(one)
            await passes.save(transaction, used)
            return used
    raise NoVisitLeftError(visitor_id=str(visitor_id))


async def cancel_booking(
    transaction: Transaction, booking_id: UUID, *, customer_id: UUID | None = None
) -> tuple[ClassBooking, Class]:
    """A place is given up before the class begins, and the visit comes back: at the desk always, for a customer
    (`customer_id`) in time, or when the class was moved to another time.

    Raises:
        NotFoundError: there is no such place, or it is not the customer's.
        ClassOverError.
    """
    known = await store.booking_by_id(transaction, booking_id)
    if known is None:
        raise NotFoundError
    if customer_id is not None:
        customers = await visitors.customers_of(transaction, [known.visitor_id])
        if customers.get(known.visitor_id) != customer_id:
            raise NotFoundError
    # Always the class first, so that two who free its places never wait for each other.
    item = await class_locked(transaction, known.class_id)
    booking = await store.booking_by_id(transaction, booking_id, lock=True)
    assert booking is not None
    if booking.cancelled_reason is not None:
        return booking, item
    item.check_open(transaction.now)
    returned = customer_id is None or booking.keeps_visit(item, transaction.now)
    (gone,) = await free(transaction, {item.id: item}, [booking], VISITOR_REQUEST, visits_return=returned)
    return gone, replace(item, booked=item.booked - 1)


async def free(
    transaction: Transaction,
    classes: Mapping[UUID, Class],
    bookings: Sequence[ClassBooking],
    reason: str,
    *,
    visits_return: bool = True,
) -> list[ClassBooking]:
    """These places are free, and their visits come back to passes that are still somebody's. Locked are the classes,
    and the passes where there are several."""
    if not bookings:
        return []
    versions = await store.cancel_bookings(transaction, [booking.id for booking in bookings], reason)
    gone = [
        replace(booking, cancelled_reason=reason, version=versions[booking.id])
        for booking in bookings
        if booking.id in versions
    ]
    if visits_return:
        await passes.return_visits(
            transaction, Counter(booking.pass_id for booking in gone if booking.pass_id is not None)
        )
    await telling.publish_freed(transaction, gone, classes, visits_return=visits_return)
    return gone


async def class_locked(transaction: Transaction, class_id: UUID) -> Class:
    item = await store.class_by_id(transaction, class_id, lock=True)
    if item is None:
        raise NotFoundError
    return item
