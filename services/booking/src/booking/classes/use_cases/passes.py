"""What touches both a membership and the classes that are booked with it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from foyer_chassis.consumer import handling
from foyer_chassis.db import Transaction
from foyer_chassis.errors import UnavailableError
from foyer_contracts.envelope import Event
from foyer_contracts.orders import OrderPlaced
from foyer_contracts.payments import RefundSucceeded

from ...memberships import store as passes
from ...memberships import use_cases as passes_use_cases
from ...memberships.domain import Pass
from ...memberships.domain import Status as PassStatus
from ...memberships.use_cases import issue, withdraw
from ...reserving import store as orders
from .. import store
from ..domain import Class, ClassBooking
from .places import book, free

WITHDRAWN = "withdrawn"
REFUNDED = "refunded"
FROZEN = "frozen"
#: How often the classes of a pass are looked for anew, because it was booked into another one meanwhile.
MOST_LOOKS = 10


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
    coming = await store.coming_of_passes(transaction, [pass_id])
    await free(transaction, visited, coming, WITHDRAWN, visits_return=False)
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
    coming = await store.coming_of_passes(transaction, [pass_id])
    resting = [booking for booking in coming if visited[booking.class_id].starts_at < until]
    await free(transaction, visited, resting, FROZEN)
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
