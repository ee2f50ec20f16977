"""Customers wait, are offered what becomes free, take it or not."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError
from foyer_contracts import booking as events
from foyer_contracts.envelope import Event
from foyer_contracts.ids import new_id

from ..claiming import store as claiming
from ..claiming.domain import Book, Claim, Freed, Owner, PlacesTakenError, Taken
from ..resources import store as resources_store
from ..resources.domain import Resource, UnknownResourceError
from ..resources.use_cases import visible
from . import store
from .domain import (
    LIVE,
    MOST_ASKED_FOR,
    MOST_ENTRIES,
    Entry,
    EntryStatus,
    Offer,
    OfferStatus,
    StillFreeError,
    TooManyEntriesError,
    TooManyOffersError,
    kept_until,
    offered_until,
)

#: Of those who wait for a time that is free again so many are looked at, first come first.
MOST_LOOKED_AT = 500
#: Nobody waits for what is further away.
LONGEST_WAIT = timedelta(days=3660)


async def join(
    transaction: Transaction,
    *,
    applicant_id: UUID,
    resource_id: UUID,
    starts_at: datetime,
    ends_at: datetime,
    quantity: int,
) -> Entry:
    """Wait for a time that could be ordered if it were not taken. Who waits for it already goes on doing so.

    Raises:
        UnknownResourceError, TooManyPlacesError, and what `Resource.quote` raises: it could never be ordered.
        StillFreeError: it can be ordered now.
        TooManyEntriesError: the customer waits for many times already.
    """
    await claiming.lock(transaction, [resource_id, applicant_id])
    resource = await _orderable(transaction, resource_id, starts_at, ends_at, quantity)
    entry = Entry(
        id=new_id(),
        applicant_id=applicant_id,
        resource_id=resource_id,
        starts_at=starts_at,
        ends_at=ends_at,
        quantity=quantity,
        status=EntryStatus.WAITING,
        created_at=transaction.now,
    )
    if await _free(transaction, resource, starts_at, ends_at, quantity) is not None:
        raise StillFreeError(field="starts_at")
    added = await store.add(transaction, entry)
    if added is entry and await store.how_many(transaction, applicant_id) > MOST_ENTRIES:
        raise TooManyEntriesError(most=MOST_ENTRIES)
    return added


async def leave(
    transaction: Transaction, entry_id: UUID, *, applicant_id: UUID | None, locations: Collection[str] = ()
) -> None:
    """Wait no longer. What was offered is offered to the next. Doing it again changes nothing.

    `applicant_id`: of the customer who leaves; None: staff take somebody off, at these locations (none: all).

    Raises:
        NotFoundError: nobody waits so, or it is not the customer's.
    """
    known = await store.by_id(transaction, entry_id)
    if known is None or (applicant_id is not None and known.applicant_id != applicant_id):
        raise NotFoundError
    await claiming.lock(transaction, [known.resource_id])
    await visible(transaction, known.resource_id, locations)
    entry = await store.by_id(transaction, entry_id, lock=True)
    if entry is None or entry.status not in LIVE:
        return
    await store.set_status(transaction, [entry_id], EntryStatus.LEFT)
    if (offer := await store.open_offer_of(transaction, entry_id)) is not None:
        declined = replace(offer, status=OfferStatus.DECLINED, version=offer.version + 1)
        await store.save_offer(transaction, declined)
        _publish_ended(transaction, declined)
        await offer_freed(transaction, await claiming.free(transaction, [offer.id]))


async def keep(
    transaction: Transaction,
    *,
    applicant_id: UUID,
    resource_id: UUID,
    starts_at: datetime,
    ends_at: datetime,
    quantity: int,
    kept: int,
) -> Offer:
    """Offer a free time to who asks for it, who has it from this moment on. Asking for the same again changes nothing.
    The transaction has the locks of the resource and of the customer.

    Args:
        kept: how much is kept for the customer at their wish already, of whatever kind.

    Raises:
        UnknownResourceError, TooManyPlacesError, and what `Resource.quote` raises: it could never be ordered.
        PlacesTakenError: somebody else has it.
        TooManyOffersError: much is kept for the customer already.
    """
    resource = await _orderable(transaction, resource_id, starts_at, ends_at, quantity)
    wanted = (resource_id, starts_at, ends_at, quantity)
    for offer in await store.open_offers(transaction, applicant_id, most=MOST_ENTRIES + MOST_ASKED_FOR):
        same = (offer.resource_id, offer.starts_at, offer.ends_at, offer.quantity) == wanted
        if same and offer.entry_id is None:
            return offer
    picked = await _free(transaction, resource, starts_at, ends_at, quantity)
    if picked is None:
        raise PlacesTakenError(field="starts_at")
    if kept >= MOST_ASKED_FOR:
        raise TooManyOffersError(most=MOST_ASKED_FOR)
    offer = Offer(
        id=new_id(),
        entry_id=None,
        applicant_id=applicant_id,
        resource_id=resource_id,
        starts_at=starts_at,
        ends_at=ends_at,
        quantity=quantity,
        status=OfferStatus.OPEN,
        expires_at=kept_until(resource, starts_at, now=transaction.now),
        order_id=None,
        version=1,
    )
    if not await claiming.claim(transaction, _claims(offer.id, picked)):
        raise PlacesTakenError(field="starts_at")
    await store.add_offers(transaction, [offer])
    return offer


async def decline(
    transaction: Transaction, offer_id: UUID, *, applicant_id: UUID | None, locations: Collection[str] = ()
) -> None:
    """What is kept is kept no longer; who waits for it is asked next. Doing it again changes nothing. Of an offer of
    the waiting list it is as to `leave` that.

    `applicant_id`: of the customer who declines; None: staff, at these locations (none: all).

    Raises:
        NotFoundError: there is no such offer, or it is not the customer's.
    """
    known = await store.offer(transaction, offer_id)
    if known is None or (applicant_id is not None and known.applicant_id != applicant_id):
        raise NotFoundError
    if known.entry_id is not None:
        await leave(transaction, known.entry_id, applicant_id=applicant_id, locations=locations)
        return
    await claiming.lock(transaction, [known.resource_id])
    await visible(transaction, known.resource_id, locations)
    offer = await store.offer_locked(transaction, offer_id)
    if offer is None or offer.status is not OfferStatus.OPEN:
        return
    await store.save_offer(transaction, replace(offer, status=OfferStatus.DECLINED, version=offer.version + 1))
    await offer_freed(transaction, await claiming.free(transaction, [offer_id]))


async def offer_freed(transaction: Transaction, freed: Sequence[Freed]) -> None:
    """Times are free again: whoever waits for one of them and can have it now is offered it, and has it from this
    moment on, so that nobody else comes between. The transaction has the lock of what is free."""
    if not freed:
        return
    entries = await store.waiting_for(transaction, freed, most=MOST_LOOKED_AT)
    if not entries:
        return
    resources = await resources_store.resources_by_id(transaction, {entry.resource_id for entry in entries})
    eligible = [
        (entry, resource, until)
        for entry in entries
        if (resource := resources[entry.resource_id])
        and (until := offered_until(entry, resource, now=transaction.now)) is not None
    ]
    if not eligible:
        return
    book = await _book_for(transaction, [(entry, resource) for entry, resource, _ in eligible])
    offers: dict[UUID, Offer] = {}
    claims: list[Claim] = []
    for entry, resource, until in eligible:
        picked = book.take(resource.needs(entry.quantity), resource.blocked(entry.starts_at, entry.ends_at))
        if picked is None:
            continue
        offer = _offer(entry, until)
        offers[offer.id] = offer
        claims += _claims(offer.id, picked)
    had = await claiming.claim(transaction, claims)
    made = [offer for offer in offers.values() if offer.id in had]
    if not made:
        return
    await store.set_status(transaction, _entries(made), EntryStatus.OFFERED)
    await store.add_offers(transaction, made)
    for offer in made:
        transaction.publish(
            events.OfferMade(
                offer_id=offer.id,
                applicant_id=offer.applicant_id,
                resource_id=offer.resource_id,
                resource_name=resources[offer.resource_id].name,
                starts_at=offer.starts_at,
                ends_at=offer.ends_at,
                expires_at=offer.expires_at,
            ),
            subject=offer.id,
            sequence=offer.version,
        )


async def ask_again(transaction: Transaction, changed: Event[events.ResourceChanged]) -> None:
    """A resource has more places or shorter buffers than before, maybe: what is free by that is offered, too."""
    now = transaction.now
    await offer_freed(transaction, [Freed(changed.data.resource_id, now, now + LONGEST_WAIT)])


async def _orderable(
    transaction: Transaction, resource_id: UUID, starts_at: datetime, ends_at: datetime, quantity: int
) -> Resource:
    """The resource, if that could be ordered now were it free; raises what `join` and `keep` say of it."""
    resource = (await resources_store.resources_by_id(transaction, [resource_id])).get(resource_id)
    if resource is None or not resource.active:
        raise UnknownResourceError(field="resource_id")
    resource.needs(quantity)
    resource.quote(starts_at, ends_at, now=transaction.now)
    return resource


async def _free(
    transaction: Transaction, resource: Resource, starts_at: datetime, ends_at: datetime, quantity: int
) -> Mapping[UUID, Sequence[Taken]] | None:
    """The places that such an order would take; None: they cannot be had. The transaction has the resource's lock."""
    needs, blocked = resource.needs(quantity), resource.blocked(starts_at, ends_at)
    book = Book(await claiming.taken(transaction, {need.resource_id for need in needs}, *blocked))
    return book.take(needs, blocked)


async def _book_for(transaction: Transaction, wanted: Sequence[tuple[Entry, Resource]]) -> Book:
    ids = {need.resource_id for entry, resource in wanted for need in resource.needs(entry.quantity)}
    blocked = [resource.blocked(entry.starts_at, entry.ends_at) for entry, resource in wanted]
    return Book(
        await claiming.taken(transaction, ids, min(begin for begin, _ in blocked), max(end for _, end in blocked))
    )


def _offer(entry: Entry, until: datetime) -> Offer:
    return Offer(
        id=new_id(),
        entry_id=entry.id,
        applicant_id=entry.applicant_id,
        resource_id=entry.resource_id,
        starts_at=entry.starts_at,
        ends_at=entry.ends_at,
        quantity=entry.quantity,
        status=OfferStatus.OPEN,
        expires_at=until,
        order_id=None,
        version=1,
    )


async def take_offer(transaction: Transaction, offer: Offer, *, order_id: UUID, reservation_id: UUID) -> None:
    """What was offered is the reservation's, without being free between. The offer is locked and may be taken."""
    taken = replace(offer, status=OfferStatus.TAKEN, order_id=order_id, version=offer.version + 1)
    await store.save_offer(transaction, taken)
    await store.set_status(transaction, _entries([offer]), EntryStatus.TAKEN)
    if not await claiming.give(transaction, offer.id, Owner.RESERVATION, reservation_id):
        raise RuntimeError("an open offer had no places")
    if offer.entry_id is None:
        return  # Nobody was told of it.
    transaction.publish(
        events.OfferTaken(
            offer_id=offer.id,
            applicant_id=offer.applicant_id,
            order_id=order_id,
            resource_id=offer.resource_id,
            starts_at=offer.starts_at,
        ),
        subject=taken.id,
        sequence=taken.version,
    )


async def end_offers(transaction: Transaction, offer_ids: Collection[UUID]) -> list[Freed]:
    """Those of these offers that were not taken in time end; what is free by that, for `offer_freed`. The transaction
    has the lock of their resources."""
    if not offer_ids:
        return []
    expired = await store.expire(transaction, offer_ids)
    for offer in expired:
        if offer.entry_id is not None:
            _publish_ended(transaction, offer)
    await store.set_status(transaction, _entries(expired), EntryStatus.MISSED)
    return await claiming.free(transaction, [offer.id for offer in expired])


def _entries(offers: Iterable[Offer]) -> list[UUID]:
    """Of those of the offers for which somebody waited."""
    return [offer.entry_id for offer in offers if offer.entry_id is not None]


def _claims(offer_id: UUID, picked: Mapping[UUID, Sequence[Taken]]) -> list[Claim]:
    return [
        Claim(Owner.OFFER, offer_id, 0, resource_id, place, begin, end)
        for resource_id, places in picked.items()
        for place, begin, end in places
    ]


def _publish_ended(transaction: Transaction, offer: Offer) -> None:
    transaction.publish(
        events.OfferExpired(
            offer_id=offer.id,
            applicant_id=offer.applicant_id,
            resource_id=offer.resource_id,
            starts_at=offer.starts_at,
        ),
        subject=offer.id,
        sequence=offer.version,
    )
