"""Orders ask for tickets and stays: their units are taken, out of what is free or was kept for who orders."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from foyer_chassis.consumer import handling
from foyer_chassis.db import Transaction
from foyer_chassis.errors import InvalidError
from foyer_contracts.envelope import Event
from foyer_contracts.orders import OrderPlaced

from ...reserving import store as orders_store
from ...waiting.domain import OfferStatus
from .. import store
from ..domain import Group, Kind, Lodging, Offer, Unit, Wish
from .keeping import take_offer
from .life import confirm_paid
from .taking import free_for, labels_of
from .telling import publish_held, publish_unavailable

#: Makes the lodging that an order asks for at an instant, not taken yet. Raises InvalidError: it cannot be booked.
Make = Callable[[Event[OrderPlaced], datetime], Lodging]
#: Reads what all orders of a batch need, once their groups are locked.
Prepare = Callable[[Mapping[UUID, Group]], Awaitable[Make]]


async def hold(
    transaction: Transaction,
    placed: Sequence[Event[OrderPlaced]],
    kind: Kind,
    group_ids: Collection[UUID],
    prepare: Prepare,
    *,
    default_ttl: timedelta,
) -> None:
    """Take units for new orders, or tell that they cannot be had. What costs nothing, or is paid afterwards, waits
    for no payment: it is confirmed at once. An order that is told again changes nothing."""
    wanted = {event.data.order_id: event for event in placed}
    orders = await orders_store.note_placed(transaction, wanted.values())
    groups = await store.groups_by_id(transaction, group_ids, kind, lock=True)
    known = await store.by_orders(transaction, list(wanted))
    offer_ids = {offer_id for event in placed if (offer_id := _offer_id(event)) is not None}
    offers = await store.offers_locked(transaction, offer_ids, list(groups))
    make = await prepare(groups)
    need_no_payment: dict[UUID, Event[Any]] = {}
    # Nothing becomes free while these are served: what one could not have, the next cannot have either.
    not_had: dict[Wish, int] = {}
    for id_, event in wanted.items():
        if id_ in known or orders[id_].cancelled_reason is not None:
            continue  # Told again, or the cancellation overtook the order.
        with handling(event):
            offer_id = _offer_id(event)
            offer = None if offer_id is None else offers.get(offer_id)
            try:
                asked = make(event, transaction.now if offer is None else offer.created_at)
            except InvalidError as error:
                publish_unavailable(transaction, id_, error.slug().replace("-", "_"), event.sequence)
                continue
            if offer_id is not None and (offer is None or not _may_take(event, offer, asked)):
                publish_unavailable(transaction, id_, "offer_expired", event.sequence)
                continue
            if offer is not None and _is_over(asked, transaction.now):
                publish_unavailable(transaction, id_, "in_the_past", event.sequence)
                continue
            any_of_it = replace(asked.wish, rooms=1)
            free: list[Unit] = []
            if offer is None and asked.rooms < not_had.get(any_of_it, asked.rooms + 1):
                free = await free_for(transaction, asked.wish)
            if offer is None and len(free) < asked.rooms:
                not_had[any_of_it] = min(asked.rooms, not_had.get(any_of_it, asked.rooms))
                publish_unavailable(transaction, id_, "places_taken", event.sequence)
                continue
            lodging = replace(
                asked,
                number=await store.next_number(transaction, kind),
                code=store.new_code(),
                place=labels_of(free) if offer is None else offer.place,
                # An unpaid order holds nothing beyond the time it is for.
                expires_at=min(transaction.now + (groups[asked.group_id].hold_ttl or default_ttl), asked.ends_at),
            )
            await store.add(transaction, lodging)
            if offer is not None:
                await take_offer(transaction, offer, order_id=id_, lodging_id=lodging.id)
                offers[offer.id] = replace(offer, status=OfferStatus.TAKEN)
            elif not await store.claim(transaction, lodging.id, free, lodging.starts_at, lodging.ends_at):
                raise RuntimeError("a unit was taken in spite of the lock on its group")
            publish_held(transaction, lodging, groups[lodging.group_id])
            if orders[id_].paid or not _pays_first(event.data) or lodging.total.amount == 0:
                need_no_payment[id_] = event
    await confirm_paid(transaction, need_no_payment)


def _offer_id(placed: Event[OrderPlaced]) -> UUID | None:
    request = placed.data.ticket or placed.data.stay
    return None if request is None else request.offer_id


def _may_take(placed: Event[OrderPlaced], offer: Offer, asked: Lodging) -> bool:
    return offer.may_be_taken(applicant_id=placed.data.applicant_id, wish=asked.wish, placed_at=placed.time)


def _is_over(asked: Lodging, now: datetime) -> bool:
    """Whether what was kept in time is no use any more: nobody handled the order until then."""
    return (asked.starts_at if asked.kind is Kind.TICKET else asked.ends_at) <= now


def _pays_first(placed: OrderPlaced) -> bool:
    return placed.prepaid if placed.terms is None else placed.terms in ("prepaid", "part_payment", "account")
