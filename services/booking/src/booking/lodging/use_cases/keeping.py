"""Units are kept for who asks, before there is an order, and then taken by it, given up, or free again by the clock.

Nobody is told by events: only the one who asked knows of it."""

from uuid import UUID

from foyer_chassis.db import Direct, Transaction
from foyer_contracts.ids import new_id

from ...claiming.domain import PlacesTakenError
from ...waiting.domain import MOST_ASKED_FOR, OfferStatus, TooManyOffersError
from .. import store
from ..domain import Asked, Offer, Wish
from .taking import free_for, labels_of


async def taken_from_all_but(direct: Direct, wish: Wish) -> frozenset[UUID] | None:
    """For `must_be_free`, as far as one query without a lock can tell."""
    return await store.taken_from_all_but(direct, wish.not_before(direct.now))


async def keep(transaction: Transaction, asked: Asked, *, applicant_id: UUID, kept: int) -> Offer:
    """Who asks has it from this moment on. Asking for the same again changes nothing. The transaction has the locks of
    the customer and of the group.

    Args:
        kept: how much is kept for the customer at their wish already, of whatever kind.

    Raises:
        PlacesTakenError: others have it. TooManyOffersError.
    """
    for offer in await store.open_offers(transaction, applicant_id):
        if offer.is_of(asked.wish):
            return offer
    wish = asked.wish.not_before(transaction.now)
    free = await free_for(transaction, wish)
    if len(free) < wish.rooms:
        raise PlacesTakenError
    if kept >= MOST_ASKED_FOR:
        raise TooManyOffersError(most=MOST_ASKED_FOR)
    offer = Offer(
        id=new_id(),
        kind=asked.kind,
        applicant_id=applicant_id,
        group_id=wish.group_id,
        tariff_id=asked.tariff_id,
        starts_at=wish.starts_at,
        ends_at=wish.ends_at,
        quantity=asked.quantity,
        rooms=wish.rooms,
        unit_id=wish.unit_id,
        zone=wish.zone,
        arrival=asked.arrival,
        departure=asked.departure,
        place=labels_of(free),
        status=OfferStatus.OPEN,
        created_at=transaction.now,
        expires_at=asked.kept_until(transaction.now),
        order_id=None,
        version=1,
    )
    await store.add_offer(transaction, offer)
    if not await store.claim_for_offer(transaction, offer.id, free, wish.starts_at, wish.ends_at):
        raise PlacesTakenError
    return offer


async def take_offer(transaction: Transaction, offer: Offer, *, order_id: UUID, lodging_id: UUID) -> None:
    """What was kept is the lodging's, without being free between. The offer is locked and may be taken."""
    await store.end_offer(transaction, offer.id, OfferStatus.TAKEN, order_id=order_id)
    if await store.give(transaction, offer.id, lodging_id) != offer.rooms:
        raise RuntimeError("an open offer had not its units")


async def decline(transaction: Transaction, known: Offer) -> None:
    """What is kept is free. Doing it again changes nothing."""
    await store.groups_by_id(transaction, [known.group_id], lock=True)
    offer = (await store.offers_locked(transaction, [known.id], [known.group_id]))[known.id]
    if offer.status is OfferStatus.OPEN:
        await store.end_offer(transaction, offer.id, OfferStatus.DECLINED)
        await store.give_back(transaction, [offer.id])


async def expire_offers(transaction: Transaction, *, most: int) -> int:
    """What was kept and not ordered in time is free. How many there were."""
    expired = await store.expire_offers(transaction, most=most)
    await store.give_back(transaction, expired)
    return len(expired)
