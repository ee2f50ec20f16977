"""Places are free again, by a cancellation or by the clock; reservations begin and end."""

from collections.abc import Sequence
from dataclasses import replace

from foyer_chassis.consumer import handling
from foyer_chassis.db import Transaction
from foyer_contracts import booking as events
from foyer_contracts.envelope import Event
from foyer_contracts.orders import OrderCancelled, OrderChanged

from ...claiming import store as claiming
from ...resources import store as resources_store
from ...waiting import store as waiting_store
from ...waiting.use_cases import end_offers, offer_freed
from .. import store
from ..domain import NOT_OURS_TO_RELEASE, Verb, all_resources, next_status
from .telling import places_of


async def release(transaction: Transaction, cancelled: Sequence[Event[OrderCancelled]]) -> None:
    """Orders were cancelled: their places are free at once (A26, journey 5)."""
    # Of several cancellations of one order the newest counts.
    newest = {event.data.order_id: event for event in sorted(cancelled, key=lambda event: event.sequence)}
    news = await store.note_cancelled(
        transaction, {id_: (event.data.reason, event.sequence) for id_, event in newest.items()}
    )
    ours = [id_ for id_ in news if newest[id_].data.reason not in NOT_OURS_TO_RELEASE]
    latest = await store.latest_locked(transaction, ours) if ours else {}
    resources = await resources_store.resources_by_id(transaction, all_resources(latest.values()))
    released = []
    for id_, reservation in latest.items():
        if (status := next_status(reservation.status, Verb.RELEASE)) is None:
            continue
        after = replace(reservation, status=status, version=reservation.version + 1)
        released.append(after)
        with handling(newest[id_]):
            transaction.publish(
                events.ReservationReleased(order_id=id_, reservation_id=after.id, places=places_of(after, resources)),
                subject=after.id,
                sequence=after.version,
            )
    await store.set_statuses(transaction, released)
    await offer_freed(transaction, await claiming.free(transaction, [item.id for item in released]))


async def note_payers(transaction: Transaction, changed: Sequence[Event[OrderChanged]]) -> None:
    """The payer of an order can be edited (A14)."""
    newest = {event.data.order_id: event for event in sorted(changed, key=lambda event: event.sequence)}
    await store.note_payers(
        transaction, {id_: (event.data.payer_kind, event.sequence) for id_, event in newest.items()}
    )


async def expire_due(transaction: Transaction, *, most: int) -> int:
    """Free what was not paid in time (journey 2), and what was offered and not taken in time; only then is what is free
    offered to who waits, so that after a pause, too, the first of them is asked. How many seemed due."""
    orders = await store.orders_to_expire(transaction, most=most)
    offers = await waiting_store.offers_to_expire(transaction, most=most)
    if not orders and not offers:
        return 0
    await store.lock_places(transaction, resource_ids=set(offers.values()), order_ids=orders)
    freed = await end_offers(transaction, offers)
    expired = await store.carry_out_due(transaction, Verb.EXPIRE, most=most, order_ids=orders) if orders else []
    for reservation in expired:
        transaction.publish(
            events.HoldExpired(order_id=reservation.order_id, reservation_id=reservation.id),
            subject=reservation.id,
            sequence=reservation.version,
        )
    freed += await claiming.free(transaction, [item.id for item in expired])
    await offer_freed(transaction, freed)
    return max(len(orders), len(offers))


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
    """What a booking blocks after its end stays taken."""
    ended = await store.carry_out_due(transaction, Verb.END, most=most)
    for reservation in ended:
        transaction.publish(
            events.ReservationEnded(order_id=reservation.order_id, reservation_id=reservation.id),
            subject=reservation.id,
            sequence=reservation.version,
        )
    if ended:
        await claiming.forget(transaction, [item.id for item in ended])
    return len(ended)
