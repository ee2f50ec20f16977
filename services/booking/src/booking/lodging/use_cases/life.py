"""Tickets and stays: confirmed, expired, released, started and ended, as slots are; and given up when nobody comes.
What only one kind does is in its own feature."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from foyer_chassis.consumer import handling
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError, StaleError
from foyer_contracts import booking as events
from foyer_contracts.envelope import Event
from foyer_contracts.orders import Actor, OrderCancelled

from ...claiming.domain import PlacesTakenError
from ...reserving import store as orders_store
from ...reserving.domain import EXPIRED_REASON, NOT_OURS_TO_RELEASE, OrderCopy
from .. import store
from ..domain import LIVE, TAKING, Group, Kind, Lodging, NotPossibleNowError, Status, Unit, Verb, next_status
from .keeping import expire_offers
from .taking import free_for, labels_of
from .telling import (
    SYSTEM,
    places_of,
    publish_ended,
    publish_no_show,
    publish_rescheduled,
    publish_unavailable,
    visitor_of,
)


async def _locked(
    transaction: Transaction, order_ids: Collection[UUID]
) -> tuple[dict[UUID, Lodging], dict[UUID, Group]]:
    """The lodgings of these orders and their groups: groups are locked before lodgings, by everybody."""
    known = await store.by_orders(transaction, order_ids)
    if not known:
        return {}, {}
    groups = await store.groups_by_id(transaction, {item.group_id for item in known.values()}, lock=True)
    return await store.by_orders(transaction, list(known), lock=True), groups


async def confirm_paid(transaction: Transaction, paid: Mapping[UUID, Event[Any]]) -> None:
    """Orders are paid: their units are taken for good, or again if the hold had expired; when they cannot be had
    again that is told, so that orders gives the money back."""
    if not paid:
        return
    orders = await orders_store.note_paid(transaction, list(paid))
    lodgings, groups = await _locked(transaction, list(paid))
    for id_, lodging in lodgings.items():
        with handling(paid[id_]):
            if (status := next_status(lodging.status, Verb.CONFIRM)) is not None:
                await _confirm(transaction, lodging, status, groups[lodging.group_id], late=False)
            elif lodging.status is Status.EXPIRED and orders[id_].cancelled_reason in (None, EXPIRED_REASON):
                await _take_again(transaction, lodging, groups[lodging.group_id], orders[id_])


async def _confirm(transaction: Transaction, lodging: Lodging, status: Status, group: Group, *, late: bool) -> None:
    after = replace(lodging, status=status, version=lodging.version + 1)
    after = replace(after, no_show_due_at=no_show_due(after, group))
    await store.save(transaction, after)
    places = places_of(after, group)
    transaction.publish(
        events.ReservationConfirmed(order_id=after.order_id, reservation_id=after.id, places=places, late=late),
        subject=after.id,
        sequence=after.version,
    )
    if after.kind is Kind.TICKET:
        transaction.publish(
            events.TicketIssued(
                ticket_id=after.id,
                number=after.number,
                order_id=after.order_id,
                applicant_id=after.applicant_id,
                reservation_id=after.id,
                visitor=visitor_of(after),
                places=places,
            ),
            subject=after.id,
            sequence=after.version,
        )


async def _take_again(transaction: Transaction, expired: Lodging, group: Group, order: OrderCopy) -> None:
    today = transaction.now.astimezone(group.location.calendar.zone).date()
    if expired.arrival is not None and expired.arrival >= today:
        # Who comes in the evening has the room from now on.
        expired = replace(expired, starts_at=max(expired.starts_at, transaction.now))
    elif expired.starts_at <= transaction.now:
        publish_unavailable(transaction, expired.order_id, "in_the_past", order.sequence, late=True)
        return
    free = await free_for(transaction, expired.wish)
    if len(free) < expired.rooms:
        publish_unavailable(transaction, expired.order_id, "places_taken", order.sequence, late=True)
        return
    if not await store.claim(transaction, expired.id, free, expired.starts_at, expired.ends_at):
        raise RuntimeError("a unit was taken in spite of the lock on its group")
    again = replace(expired, place=labels_of(free))
    await _confirm(transaction, again, Status.CONFIRMED, group, late=True)


async def release(transaction: Transaction, cancelled: Sequence[Event[OrderCancelled]]) -> None:
    """Orders were cancelled: their units are free at once (A26). After `reserving`, which keeps the cancellation."""
    newest = {event.data.order_id: event for event in sorted(cancelled, key=lambda event: event.sequence)}
    lodgings, groups = await _locked(transaction, list(newest))
    for id_, lodging in lodgings.items():
        if newest[id_].data.reason in NOT_OURS_TO_RELEASE:
            continue
        if (status := next_status(lodging.status, Verb.RELEASE)) is None:
            continue
        after = replace(lodging, status=status, no_show_due_at=None, version=lodging.version + 1)
        await store.save(transaction, after)
        await store.unclaim(transaction, [after.id])
        with handling(newest[id_]):
            transaction.publish(
                events.ReservationReleased(
                    order_id=id_, reservation_id=after.id, places=places_of(after, groups[after.group_id])
                ),
                subject=after.id,
                sequence=after.version,
            )


async def opened(
    transaction: Transaction,
    id_: UUID,
    kind: Kind,
    *,
    locations: frozenset[str],
    if_version: int | None,
    also_lock: UUID | None = None,
) -> tuple[Lodging, Group]:
    """A ticket or stay for staff to work on, locked, with its group (and the units of `also_lock`). If its time began
    and no clock has said so yet, that is said first.

    Raises:
        NotFoundError: there is none, or not at the locations that the caller is limited to.
        StaleError: it has another version than `if_version`.
    """
    known = await store.by_id(transaction, id_)
    if known is None or known.kind is not kind:
        raise NotFoundError
    groups = await store.groups_by_id(transaction, {known.group_id, also_lock or known.group_id}, lock=True)
    lodging = await store.by_id(transaction, id_, lock=True)
    assert lodging is not None
    group = groups.get(lodging.group_id)
    if group is None or (locations and str(group.location.id) not in locations):
        raise NotFoundError
    if if_version is not None and lodging.version != if_version:
        raise StaleError(version=lodging.version, state={"status": lodging.status.value})
    if lodging.status is Status.CONFIRMED and lodging.starts_at <= transaction.now:
        lodging = replace(lodging, status=Status.ACTIVE, version=lodging.version + 1)
        await store.save(transaction, lodging)
        _publish_started(transaction, lodging)
    return lodging, group


def need(lodging: Lodging, statuses: Collection[Status]) -> None:
    """Raises NotPossibleNowError."""
    if lodging.status not in statuses:
        raise NotPossibleNowError(state={"status": lodging.status.value, "version": lodging.version})


async def end_now(transaction: Transaction, lodging: Lodging, group: Group) -> Lodging:
    """It is over before its time: its units are free from now on."""
    after = replace(
        lodging,
        status=Status.ENDED,
        ends_at=min(lodging.ends_at, transaction.now),
        no_show_due_at=None,
        version=lodging.version + 1,
    )
    await store.save(transaction, after)
    await store.unclaim(transaction, [after.id])
    publish_ended(transaction, after)
    return after


async def give_up(transaction: Transaction, lodging: Lodging, group: Group, actor: Actor) -> Lodging:
    """Nobody came: the units are free. Raises NotPossibleNowError: somebody did, or it is over."""
    if lodging.status is Status.NO_SHOW:
        return lodging
    need(lodging, {Status.ACTIVE})
    if lodging.checked_in_at is not None:
        raise NotPossibleNowError(state={"status": lodging.status.value, "checked_in": True})
    after = replace(
        lodging,
        status=Status.NO_SHOW,
        no_show_at=transaction.now,
        no_show_due_at=None,
        version=lodging.version + 1,
    )
    await store.save(transaction, after)
    await store.unclaim(transaction, [after.id])
    publish_no_show(transaction, after, group, actor)
    return after


async def move_unit(
    transaction: Transaction, lodging: Lodging, group: Group, unit: Unit, *, from_unit: Unit | None, actor: Actor
) -> Lodging:
    """Another unit for what is left of its time (from its start, if that is ahead); the old one is free at once.

    Args:
        from_unit: which of its units is given up; None: its only one.

    Raises:
        NotPossibleNowError: it is over. PlacesTakenError: somebody has that unit, or it is blocked.
    """
    need(lodging, TAKING)
    held = await store.claimed_units(transaction, lodging.id)
    if from_unit is None:
        if len(held) != 1:
            raise NotPossibleNowError("Say which of the rooms is given up.", field="from_unit_id")
        (from_unit,) = held
    elif from_unit.id not in {item.id for item in held}:
        raise NotPossibleNowError("It does not have that place.", field="from_unit_id")
    if unit.id == from_unit.id:
        return lodging
    begins = max(lodging.starts_at, transaction.now)
    if begins >= lodging.ends_at:
        raise NotPossibleNowError("Its time is over.")  # The clock has not seen it yet.
    free = await store.free_units(transaction, unit.group_id, begins, lodging.ends_at, unit_id=unit.id)
    await store.unclaim(transaction, [lodging.id], unit_id=from_unit.id)
    if not free or not await store.claim(transaction, lodging.id, free, begins, lodging.ends_at):
        raise PlacesTakenError(field="unit_id", place=unit.label)
    after = replace(
        lodging,
        place=labels_of([unit if item.id == from_unit.id else item for item in held]),
        unit_id=None if lodging.unit_id is None else unit.id,
        version=lodging.version + 1,
    )
    await store.save(transaction, after)
    publish_rescheduled(transaction, lodging, after, group, actor)
    return after


async def retime(transaction: Transaction, before: Lodging, after: Lodging, group: Group, actor: Actor) -> Lodging:
    """Another time, number of units of the tariff, or price, for the same units. Raises PlacesTakenError."""
    after = replace(after, version=before.version + 1)
    after = replace(after, no_show_due_at=no_show_due(after, group))
    await store.retime(transaction, before, after)
    await store.save(transaction, after)
    publish_rescheduled(transaction, before, after, group, actor)
    return after


async def retake(transaction: Transaction, before: Lodging, after: Lodging, group: Group, actor: Actor) -> Lodging:
    """Another time for what has not begun: in the same units where they are free then, else in others of the group.

    Raises PlacesTakenError.
    """
    held = await store.claimed_units(transaction, before.id)
    await store.unclaim(transaction, [before.id])
    free = await store.free_units(transaction, after.group_id, after.starts_at, after.ends_at, zone=after.zone)
    same = [unit for unit in free if unit in held and not unit.overbooked]
    chosen = [*same, *(unit for unit in free if unit not in same)][: after.rooms]
    if len(chosen) < after.rooms or not await store.claim(
        transaction, after.id, chosen, after.starts_at, after.ends_at
    ):
        raise PlacesTakenError(place=before.place)
    after = replace(after, place=labels_of(chosen), version=before.version + 1)
    after = replace(after, no_show_due_at=no_show_due(after, group))
    await store.save(transaction, after)
    publish_rescheduled(transaction, before, after, group, actor)
    return after


def no_show_due(lodging: Lodging, group: Group) -> datetime | None:
    waits = lodging.status in LIVE and lodging.checked_in_at is None and group.no_show_after is not None
    return lodging.starts_at + group.no_show_after if waits and group.no_show_after is not None else None


async def expire_due(transaction: Transaction, *, most: int) -> int:
    """Free what was not paid in time, and what was kept and not ordered in time. How many there were of either."""
    kept = await expire_offers(transaction, most=most)
    expired = await store.carry_out_due(transaction, Verb.EXPIRE, most=most)
    await store.unclaim(transaction, [item.id for item in expired])
    for item in expired:
        transaction.publish(
            events.HoldExpired(order_id=item.order_id, reservation_id=item.id), subject=item.id, sequence=item.version
        )
    return max(kept, len(expired))


async def start_due(transaction: Transaction, *, most: int) -> int:
    started = await store.carry_out_due(transaction, Verb.START, most=most)
    for item in started:
        _publish_started(transaction, item)
    return len(started)


def _publish_started(transaction: Transaction, lodging: Lodging) -> None:
    transaction.publish(
        events.ReservationStarted(order_id=lodging.order_id, reservation_id=lodging.id),
        subject=lodging.id,
        sequence=lodging.version,
    )


async def end_due(transaction: Transaction, *, most: int) -> int:
    ended = await store.carry_out_due(transaction, Verb.END, most=most)
    await store.unclaim(transaction, [item.id for item in ended])
    for item in ended:
        publish_ended(transaction, item)
    return len(ended)


async def no_show_due_now(transaction: Transaction, *, most: int) -> int:
    """Give up those that nobody came for, where the business set it so. How many there were."""
    given_up = await store.carry_out_due(transaction, Verb.NO_SHOW, most=most)
    await store.unclaim(transaction, [item.id for item in given_up])
    groups = await store.groups_by_id(transaction, {item.group_id for item in given_up})
    for item in given_up:
        publish_no_show(transaction, item, groups[item.group_id], SYSTEM)
    return len(given_up)
