"""Classes are scheduled, booked with a visit of a membership, and freed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from foyer_chassis.consumer import handling
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError, StaleError, UnavailableError
from foyer_contracts import booking as events
from foyer_contracts.envelope import Event
from foyer_contracts.ids import new_id
from foyer_contracts.orders import OrderPlaced
from foyer_contracts.payments import RefundSucceeded

from ..memberships import domain as memberships
from ..memberships import store as passes
from ..memberships import use_cases as passes_use_cases
from ..memberships.domain import NoVisitLeftError, Pass
from ..memberships.domain import Status as PassStatus
from ..memberships.use_cases import UnknownVisitorError, check_groups, issue, withdraw
from ..reserving import store as orders
from ..visitors import store as visitors
from . import store
from .domain import (
    BookedAlreadyError,
    BookedClassError,
    Class,
    ClassBooking,
    ClassFullError,
    ClassTimeError,
    TooFewPlacesError,
)

VISITOR_REQUEST = "visitor_request"
WITHDRAWN = "withdrawn"
CLASS_CANCELLED = "class_cancelled"
REFUNDED = "refunded"
FROZEN = "frozen"
#: How often the classes of a pass are looked for anew, because it was booked into another one meanwhile.
MOST_LOOKS = 10


async def save_class(transaction: Transaction, item: Class, *, if_version: int | None) -> Class:
    """A new class (`if_version` None), or another time, title or number of places for one.

    Raises:
        NotFoundError, StaleError, UnknownGroupError, ClassTimeError, TooFewPlacesError, BookedClassError,
        ClassOverError: it was cancelled, or has begun.
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
        known.check_open(transaction.now)
        if known.booked and item.group_id != known.group_id:
            raise BookedClassError(field="group_id", booked=known.booked)
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
    taken = await store.bookings_of_class(transaction, class_id)
    await passes.lock_passes(transaction, {booking.pass_id for booking in taken if booking.pass_id is not None})
    for booking in taken:
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


async def attach_and_book(
    transaction: Transaction,
    pass_id: UUID,
    visitor_id: UUID,
    class_ids: Collection[UUID],
    *,
    group_ids: tuple[UUID, ...] | None,
    valid_from: datetime | None,
    valid_until: datetime | None,
) -> tuple[Pass, list[ClassBooking]]:
    """A membership is given to a visitor and classes are booked with it, all or nothing (D6).

    Raises:
        what `memberships.use_cases.attach` and `book` raise.
    """
    await store.classes_locked(transaction, class_ids)
    await passes.passes_of_visitor_locked(transaction, visitor_id, also=pass_id)
    await passes_use_cases.attach(
        transaction, pass_id, visitor_id, group_ids=group_ids, valid_from=valid_from, valid_until=valid_until
    )
    places = [
        (await book(transaction, class_id, visitor_id, pass_id=pass_id))[0] for class_id in sorted(set(class_ids))
    ]
    return await passes_use_cases.pass_now(transaction, pass_id), places


async def withdraw_pass(transaction: Transaction, pass_id: UUID, reason: str) -> Pass:
    """D7, in one operation: the membership is taken back, and its places in coming classes are free.

    Raises:
        NotFoundError, PassStateError.
    """
    visited = await _lock_with_classes(transaction, [pass_id])
    return await _withdraw(transaction, pass_id, reason, visited)


async def _withdraw(transaction: Transaction, pass_id: UUID, reason: str, visited: Mapping[UUID, Class]) -> Pass:
    gone = await withdraw(transaction, pass_id, reason)
    for booking in await store.coming_of_passes(transaction, [pass_id]):
        await _free(transaction, visited[booking.class_id], booking, WITHDRAWN)
    return gone


async def freeze_pass(transaction: Transaction, pass_id: UUID, until: datetime | None, *, if_version: int) -> Pass:
    """A membership rests until then: what was booked with it in that time is free, and its visits come back. `until`
    None: it is used again from now on.

    Raises:
        NotFoundError, StaleError, PassStateError, ValidityError.
    """
    visited = await _lock_with_classes(transaction, [pass_id])
    frozen = await passes_use_cases.freeze(transaction, pass_id, until, if_version=if_version)
    if until is None:
        return frozen
    for booking in await store.coming_of_passes(transaction, [pass_id]):
        item = visited[booking.class_id]
        if item.starts_at < until:
            await _free(transaction, item, booking, FROZEN)
    return await passes_use_cases.pass_now(transaction, pass_id)


async def _lock_with_classes(transaction: Transaction, pass_ids: Collection[UUID]) -> dict[UUID, Class]:
    """Lock passes and the coming classes they are booked into, in the one order that everybody keeps: classes by id,
    then passes by id. Until the passes are locked they can be booked into more classes; then all is given back, and
    looked for anew.

    Raises UnavailableError: that happened too often.
    """
    for _ in range(MOST_LOOKS):
        savepoint = await transaction.connection.begin_nested()
        expected = {booking.class_id for booking in await store.coming_of_passes(transaction, pass_ids)}
        visited = await store.classes_locked(transaction, expected)
        await passes.lock_passes(transaction, pass_ids)
        found = {booking.class_id for booking in await store.coming_of_passes(transaction, pass_ids)}
        if found <= expected:
            await savepoint.commit()
            return visited
        await savepoint.rollback()
    raise UnavailableError(retry_after_seconds=1)


async def note_orders(transaction: Transaction, placed: Sequence[Event[OrderPlaced]]) -> None:
    """Memberships were ordered; one may be paid already, or cancelled."""
    for event in placed:
        data = event.data
        if data.membership is None:
            continue
        type_id = data.membership.membership_type_id
        await passes.order_placed(transaction, data.order_id, type_id=type_id, buyer_id=data.applicant_id)
        known = await orders.order_copy(transaction, data.order_id)
        if known is not None and known.cancelled_reason is not None:
            continue
        row = (await passes.membership_orders(transaction, [data.order_id]))[data.order_id]
        # What is free or paid afterwards waits for no payment; a payment may have overtaken the order.
        waits = data.prepaid if data.terms is None else data.terms not in ("free", "postpaid")
        if not waits or (known is not None and known.paid and not _all_went_back(row)):
            with handling(event):
                await issue(transaction, data.order_id, type_id, data.applicant_id)


async def issue_paid(transaction: Transaction, paid: Mapping[UUID, tuple[Event[Any], int]]) -> None:
    """Orders are paid (id → the event, and all that came in): those of memberships get their pass (D3)."""
    await passes.note_paid(transaction, {order_id: amount for order_id, (_, amount) in paid.items()})
    for order_id, row in (await passes.membership_orders(transaction, paid)).items():
        if _all_went_back(row):
            continue  # That overtook this.
        event, _ = paid[order_id]
        known = await orders.order_copy(transaction, order_id)
        if known is None or known.cancelled_reason is None:
            with handling(event):
                await issue(transaction, order_id, row["type_id"], row["buyer_id"])


async def orders_over(transaction: Transaction, over: Mapping[UUID, Event[Any]]) -> None:
    """Orders were cancelled, or all their money went back: their memberships are withdrawn (D7)."""
    found = {}
    for order_id in await passes.membership_orders(transaction, over):
        item = await passes.pass_of_order(transaction, order_id)
        if item is not None and item.status is not PassStatus.WITHDRAWN:
            found[order_id] = item.id
    if not found:
        return
    visited = await _lock_with_classes(transaction, set(found.values()))
    for order_id, pass_id in found.items():
        # Staff may have taken it back while this waited.
        if (await passes_use_cases.pass_now(transaction, pass_id)).status is not PassStatus.WITHDRAWN:
            with handling(over[order_id]):
                await _withdraw(transaction, pass_id, REFUNDED, visited)


async def note_refunds(transaction: Transaction, refunded: Sequence[Event[RefundSucceeded]]) -> None:
    """A part that went back leaves the membership; all of it takes it (D7)."""
    totals = {
        event.data.order_id: event for event in sorted(refunded, key=lambda event: event.data.refunded_total.amount)
    }
    await passes.note_refunded(
        transaction, {order_id: event.data.refunded_total.amount for order_id, event in totals.items()}
    )
    known = await passes.membership_orders(transaction, totals)
    whole = {order_id: totals[order_id] for order_id, row in known.items() if _all_went_back(row)}
    await orders_over(transaction, whole)


def _all_went_back(order: Mapping[Any, Any]) -> bool:
    return bool(order["refunded_amount"] >= order["paid_amount"] > 0)


async def _locked(transaction: Transaction, class_id: UUID) -> Class:
    item = await store.class_by_id(transaction, class_id, lock=True)
    if item is None:
        raise NotFoundError
    return item


def new_class(
    *, group_id: UUID, title: str, starts_at: datetime, ends_at: datetime, capacity: int, class_id: UUID | None = None
) -> Class:
    return Class(class_id or new_id(), group_id, title, starts_at, ends_at, capacity, False, 1)
