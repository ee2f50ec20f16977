"""Places are held for new orders, and confirmed when they are paid."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from foyer_chassis.consumer import handling
from foyer_chassis.db import Transaction
from foyer_chassis.errors import InvalidError
from foyer_contracts.booking import ResourceChanged
from foyer_contracts.envelope import Event
from foyer_contracts.ids import new_id
from foyer_contracts.orders import OrderCancelled, OrderPlaced, SlotRequest
from foyer_contracts.payments import AccountDebited, PaymentSucceeded

from ...recurring.domain import Time, times_of
from ...resources import store as resources_store
from ...resources.domain import Resource, UnknownResourceError
from ...waiting import store as waiting_store
from ...waiting.use_cases import take_offer
from .. import store
from ..domain import EXPIRED_REASON, Reservation, Status, Verb, all_resources, next_status
from .taking import Refusal, Taking, Wish, take
from .telling import publish_confirmed, publish_held, publish_unavailable


async def lock_places(transaction: Transaction, batch: Sequence[Event[Any]]) -> None:
    """Before anything else of a batch: lock all resources that its events touch, in one order."""
    resource_ids: set[UUID] = set()
    order_ids: set[UUID] = set()
    for event in batch:
        if isinstance(event.data, OrderPlaced) and event.data.slots is not None:
            resource_ids.add(event.data.slots.resource_id)
        elif isinstance(event.data, ResourceChanged):
            resource_ids.add(event.data.resource_id)
        elif isinstance(event.data, PaymentSucceeded | AccountDebited | OrderCancelled):
            order_ids.add(event.data.order_id)
    await store.lock_places(transaction, resource_ids=resource_ids, order_ids=order_ids)


async def hold_places(
    transaction: Transaction, placed: Sequence[Event[OrderPlaced]], *, default_ttl: timedelta
) -> None:
    """Take the places for new orders, or tell that they cannot be had (journeys 1 and 4).

    Set-based: as many queries for fifty orders as for one. What costs nothing, or is paid afterwards, waits
    for no payment: it is confirmed at once.
    """
    wanted = {event.data.order_id: event for event in placed if event.data.slots is not None}
    if not wanted:
        return
    orders = await store.note_placed(transaction, wanted.values())
    resources = await resources_store.resources_by_id(
        transaction, {_slots(event).resource_id for event in wanted.values()}
    )
    wishes: dict[UUID, Wish] = {}
    refused: dict[UUID, Refusal] = {}
    for id_, event in wanted.items():
        if orders[id_].cancelled_reason is not None:
            continue  # The cancellation overtook the order.
        try:
            wishes[id_] = _wish(event, resources, now=transaction.now, default_ttl=default_ttl)
        except InvalidError as error:
            refused[id_] = Refusal(error.slug().replace("-", "_"))
        except OverflowError:
            refused[id_] = Refusal("too_far_ahead")  # beyond the calendar
    taking = await _take(transaction, wanted, wishes, resources)
    need_no_payment: dict[UUID, Event[Any]] = {}
    for id_, event in wanted.items():
        with handling(event):
            wish = wishes.get(id_)
            if wish is not None and (reservation := taking.had.get(wish.reservation.id)) is not None:
                publish_held(transaction, reservation, resources)
                # Also when the payment overtook the order.
                if orders[id_].paid or not _pays_first(event.data) or reservation.total.amount == 0:
                    need_no_payment[id_] = event
                continue
            refusal = refused.get(id_) if wish is None else taking.refused.get(wish.reservation.id)
            if refusal is not None:
                publish_unavailable(transaction, id_, refusal.reason, event.sequence, conflicts=refusal.conflicts)
    await confirm_paid(transaction, need_no_payment)


async def _take(
    transaction: Transaction,
    wanted: Mapping[UUID, Event[OrderPlaced]],
    wishes: Mapping[UUID, Wish],
    resources: Mapping[UUID, Resource],
) -> Taking:
    """What is offered to an applicant is given to their order; all others take what is free."""
    by_offer = {id_: offer_id for id_ in wishes if (offer_id := _slots(wanted[id_]).offer_id) is not None}
    taking = await take(transaction, [wish for id_, wish in wishes.items() if id_ not in by_offer], resources)
    for id_, offer_id in by_offer.items():
        event, reservation = wanted[id_], wishes[id_].reservation
        offer = await waiting_store.offer_locked(transaction, offer_id)
        if offer is not None and offer.order_id == id_:
            continue  # Told again.
        if (
            offer is None
            or wishes[id_].times
            or not offer.may_be_taken(
                applicant_id=event.data.applicant_id,
                resource_id=reservation.resource_id,
                starts_at=reservation.starts_at,
                ends_at=reservation.ends_at,
                quantity=reservation.quantity,
                placed_at=event.time,
            )
        ):
            taking.refused[reservation.id] = Refusal("offer_expired")
            continue
        with handling(event):
            await take_offer(transaction, offer, order_id=id_, reservation_id=reservation.id)
        if not await store.take(transaction, [reservation], [], owned=[reservation.id]):
            raise RuntimeError("an order that takes an offer has places already")
        taking.had[reservation.id] = reservation
    return taking


def _slots(event: Event[OrderPlaced]) -> SlotRequest:
    assert event.data.slots is not None
    return event.data.slots


def _pays_first(placed: OrderPlaced) -> bool:
    """Whether the places wait for money; a publisher before `terms` says only whether it is prepaid."""
    return placed.prepaid if placed.terms is None else placed.terms in ("prepaid", "part_payment", "account")


def _wish(
    event: Event[OrderPlaced], resources: Mapping[UUID, Resource], *, now: datetime, default_ttl: timedelta
) -> Wish:
    """Raises InvalidError: the resource cannot be booked at that time at all."""
    slots = _slots(event)
    resource = resources.get(slots.resource_id)
    if resource is None or not resource.active:
        raise UnknownResourceError
    resource.needs(slots.quantity)
    times: Sequence[Time] = ()
    calendar = resource.location.calendar
    if slots.recurrence is not None:
        times, count = times_of(slots.recurrence, slots.starts_at, slots.ends_at, calendar.zone, slots.skip), 0
    elif slots.offer_id is not None:
        # The rules were asked when it was offered.
        count = calendar.count_slots(slots.starts_at, slots.ends_at, resource.slot_length, now=now)
    else:
        count = resource.quote(slots.starts_at, slots.ends_at, now=now)
    reservation = Reservation(
        id=new_id(),
        order_id=event.data.order_id,
        resource_id=resource.id,
        starts_at=slots.starts_at,
        ends_at=slots.ends_at,
        slots=count,
        unit_price=resource.price,
        status=Status.HELD,
        expires_at=now + (resource.hold_ttl or default_ttl),
        version=1,
        quantity=slots.quantity,
    )
    return Wish(reservation, times)


async def confirm_paid(transaction: Transaction, paid: Mapping[UUID, Event[Any]]) -> None:
    """Orders are paid (id → the event that says so): their places are taken for good, or again if the hold had
    expired (journeys 1 and 3).

    When they cannot be had again that is told, so that orders gives the money back. An order that was cancelled for
    another reason than the expired hold gets no places.
    """
    if not paid:
        return
    orders = await store.note_paid(transaction, list(paid))
    latest = await store.latest_locked(transaction, list(paid))
    resources = await resources_store.resources_by_id(transaction, all_resources(latest.values()))
    confirmed = []
    for id_, event in paid.items():
        reservation = latest.get(id_)
        if reservation is None:
            continue  # An order without places.
        with handling(event):
            if (status := next_status(reservation.status, Verb.CONFIRM)) is not None:
                after = replace(reservation, status=status, version=reservation.version + 1)
                confirmed.append(after)
                publish_confirmed(transaction, after, resources, late=False)
            elif reservation.status is Status.EXPIRED and orders[id_].cancelled_reason in (None, EXPIRED_REASON):
                await _take_again(transaction, reservation, resources, orders[id_].sequence)
    await store.set_statuses(transaction, confirmed)


async def _take_again(
    transaction: Transaction, expired: Reservation, resources: Mapping[UUID, Resource], order_sequence: int
) -> None:
    # Another reservation, whose versions go on: whoever keeps the order compares them over both.
    again = replace(expired, id=new_id(), status=Status.CONFIRMED, version=expired.version + 1)
    if expired.starts_at <= transaction.now:
        publish_unavailable(transaction, expired.order_id, "in_the_past", order_sequence, late=True)
    elif (
        all(expired.quantity <= resources[id_].capacity for id_ in expired.resource_ids)
        and (await take(transaction, [Wish(again)], resources)).had
    ):
        publish_confirmed(transaction, again, resources, late=True)
    else:
        publish_unavailable(transaction, expired.order_id, "places_taken", order_sequence, late=True)
