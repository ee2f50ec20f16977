"""Classes are scheduled, booked with a visit of a membership, and freed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from foyer_chassis.consumer import handling
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError, StaleError
from foyer_contracts import booking as events
from foyer_contracts.envelope import Event
from foyer_contracts.ids import new_id
from foyer_contracts.orders import OrderPlaced
from foyer_contracts.payments import RefundSucceeded

from ..memberships import domain as memberships
from ..memberships import store as passes
from ..memberships.domain import NoVisitLeftError, Pass
from ..memberships.domain import Status as PassStatus
from ..memberships.use_cases import UnknownVisitorError, check_groups, issue, withdraw
from ..reserving import store as orders
from ..visitors import store as visitors
from . import store
from .domain import BookedAlreadyError, Class, ClassBooking, ClassFullError, ClassTimeError, TooFewPlacesError

VISITOR_REQUEST = "visitor_request"
WITHDRAWN = "withdrawn"
CLASS_CANCELLED = "class_cancelled"
REFUNDED = "refunded"


async def save_class(transaction: Transaction, item: Class, *, if_version: int | None) -> Class:
    """A new class (`if_version` None), or another time, title or number of places for one.

    Raises:
        NotFoundError, StaleError, UnknownGroupError, ClassTimeError, TooFewPlacesError.
    """
    if item.ends_at <= item.starts_at or item.starts_at <= transaction.now:
        raise ClassTimeError(field="ends_at" if item.ends_at <= item.starts_at else "starts_at")
    await check_groups(transaction, (item.group_id,))
    if if_version is not None:
        known = await store.class_by_id(transaction, item.id, lock=True)
        if known is None:
            raise NotFoundError
        if known.version != if_version:
            raise StaleError(version=known.version)
        if item.capacity < known.booked:
            raise TooFewPlacesError(field="capacity", booked=known.booked)
        item = replace(item, version=known.version + 1, booked=known.booked)
    await store.save_class(transaction, item)
    return item


async def cancel_class(transaction: Transaction, class_id: UUID) -> Class:
    """It does not take place; every visitor gets their visit back.

    Raises:
        NotFoundError, ClassOverError.
    """
    item = await _locked(transaction, class_id)
    item.check_open(transaction.now)
    cancelled = replace(item, cancelled=True, version=item.version + 1)
    await store.save_class(transaction, cancelled)
    for booking in await store.bookings_of_class(transaction, class_id):
        await _free(transaction, item, booking, CLASS_CANCELLED)
    return replace(cancelled, booked=0)


async def book(
    transaction: Transaction, class_id: UUID, visitor_id: UUID, *, pass_id: UUID | None
) -> tuple[ClassBooking, Class]:
    """A visitor takes a place, and uses a visit of the membership that expires first (D6).

    The lock on the class's row lets one after another decide; the seat's unique index would refuse two on one seat.

    Raises:
        NotFoundError, UnknownVisitorError, ClassOverError, ClassFullError, BookedAlreadyError, NoVisitLeftError.
    """
    if await visitors.visitor_by_id(transaction, visitor_id) is None:
        raise UnknownVisitorError(field="visitor_id")
    item = await _locked(transaction, class_id)
    item.check_open(transaction.now)
    taken = await store.bookings_of_class(transaction, class_id)
    if any(booking.visitor_id == visitor_id for booking in taken):
        raise BookedAlreadyError(class_id=str(class_id))
    if len(taken) >= item.capacity:
        raise ClassFullError(capacity=item.capacity)
    used = await _use_visit(transaction, visitor_id, item, pass_id)
    seats = {booking.seat for booking in taken}
    seat = next(number for number in range(1, item.capacity + 1) if number not in seats)
    booking = ClassBooking(new_id(), class_id, visitor_id, used.id, seat, None, 1)
    await store.add_booking(transaction, booking)
    after = replace(item, booked=len(taken) + 1)
    transaction.publish(
        events.ClassBooked(
            class_booking_id=booking.id,
            class_id=class_id,
            title=item.title,
            starts_at=item.starts_at,
            visitor_id=visitor_id,
            pass_id=used.id,
            left=after.left,
        ),
        subject=booking.id,
        sequence=booking.version,
    )
    return booking, after


async def _use_visit(transaction: Transaction, visitor_id: UUID, item: Class, pass_id: UUID | None) -> Pass:
    """Raises NoVisitLeftError."""
    for one in await passes.passes_of_visitor_locked(transaction, visitor_id):
        if (pass_id is None or one.id == pass_id) and memberships.is_good_for(one, item.group_id, item.starts_at):
            used = memberships.visited(one)
            await passes.save(transaction, used)
            return used
    raise NoVisitLeftError(visitor_id=str(visitor_id))


async def cancel_booking(transaction: Transaction, booking_id: UUID) -> tuple[ClassBooking, Class]:
    """A visitor gives the place up before the class begins; the visit comes back.

    Raises:
        NotFoundError, ClassOverError.
    """
    known = await store.booking_by_id(transaction, booking_id)
    if known is None:
        raise NotFoundError
    # Always the class first, so that two who free its places never wait for each other.
    item = await _locked(transaction, known.class_id)
    booking = await store.booking_by_id(transaction, booking_id, lock=True)
    assert booking is not None
    if booking.cancelled_reason is not None:
        return booking, item
    item.check_open(transaction.now)
    return await _free(transaction, item, booking, VISITOR_REQUEST), replace(item, booked=item.booked - 1)


async def _free(transaction: Transaction, item: Class, booking: ClassBooking, reason: str) -> ClassBooking:
    gone = replace(booking, cancelled_reason=reason, version=booking.version + 1)
    await store.cancel_booking(transaction, gone)
    if booking.pass_id is not None:
        used = await passes.pass_by_id(transaction, booking.pass_id, lock=True)
        if used is not None and used.status is PassStatus.ATTACHED:
            await passes.save(transaction, memberships.visit_returned(used))
    transaction.publish(
        events.ClassCancelled(
            class_booking_id=booking.id,
            class_id=item.id,
            title=item.title,
            starts_at=item.starts_at,
            visitor_id=booking.visitor_id,
            pass_id=booking.pass_id,
            reason=reason,
        ),
        subject=booking.id,
        sequence=gone.version,
    )
    return gone


async def withdraw_pass(transaction: Transaction, pass_id: UUID, reason: str) -> Pass:
    """D7, in one operation: the membership is taken back, and its places in coming classes are free.

    Raises:
        NotFoundError, PassStateError.
    """
    coming = await store.coming_of_pass(transaction, pass_id)
    visited = {id_: await _locked(transaction, id_) for id_ in sorted({booking.class_id for booking in coming})}
    gone = await withdraw(transaction, pass_id, reason)
    for booking in await store.coming_of_pass(transaction, pass_id):
        item = visited.get(booking.class_id) or await _locked(transaction, booking.class_id)
        await _free(transaction, item, booking, WITHDRAWN)
    return gone


async def note_orders(transaction: Transaction, placed: Sequence[Event[OrderPlaced]]) -> None:
    """Memberships were ordered; one may be paid already, or cancelled."""
    for event in placed:
        data = event.data
        if data.membership is None:
            continue
        type_id = data.membership.membership_type_id
        await passes.order_placed(transaction, data.order_id, type_id=type_id, buyer_id=data.applicant_id)
        known = await orders.order_copy(transaction, data.order_id)
        if known is not None and known.paid and known.cancelled_reason is None:
            with handling(event):
                await issue(transaction, data.order_id, type_id, data.applicant_id)


async def issue_paid(transaction: Transaction, paid: Mapping[UUID, tuple[Event[Any], int]]) -> None:
    """Orders are paid (id → the event, and all that came in): those of memberships get their pass (D3)."""
    for order_id, row in (await passes.membership_orders(transaction, paid)).items():
        event, amount = paid[order_id]
        await passes.note_paid_amount(transaction, order_id, amount)
        known = await orders.order_copy(transaction, order_id)
        if known is None or known.cancelled_reason is None:
            with handling(event):
                await issue(transaction, order_id, row["type_id"], row["buyer_id"])


async def orders_over(transaction: Transaction, over: Mapping[UUID, Event[Any]]) -> None:
    """Orders were cancelled, or all their money went back: their memberships are withdrawn (D7)."""
    for order_id in await passes.membership_orders(transaction, over):
        item = await passes.pass_of_order(transaction, order_id)
        if item is not None and item.status is not PassStatus.WITHDRAWN:
            with handling(over[order_id]):
                await withdraw_pass(transaction, item.id, REFUNDED)


async def note_refunds(transaction: Transaction, refunded: Sequence[Event[RefundSucceeded]]) -> None:
    """A part that went back leaves the membership; all of it takes it (D7)."""
    totals = {event.data.order_id: event for event in refunded}
    known = await passes.membership_orders(transaction, totals)
    whole = {
        order_id: totals[order_id]
        for order_id, row in known.items()
        if totals[order_id].data.refunded_total.amount >= row["paid_amount"] > 0
    }
    await orders_over(transaction, whole)


async def _locked(transaction: Transaction, class_id: UUID) -> Class:
    item = await store.class_by_id(transaction, class_id, lock=True)
    if item is None:
        raise NotFoundError
    return item


def new_class(
    *, group_id: UUID, title: str, starts_at: datetime, ends_at: datetime, capacity: int, class_id: UUID | None = None
) -> Class:
    return Class(class_id or new_id(), group_id, title, starts_at, ends_at, capacity, False, 1)
