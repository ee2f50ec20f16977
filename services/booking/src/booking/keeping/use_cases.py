"""Free times, workplaces and rooms are kept for who asks, while the order is filled in; an order that names the offer
takes them. So many at most for one customer, whatever they are."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from foyer_chassis.auth import Caller
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError

from ..claiming import store as claiming
from ..coworking import use_cases as coworking
from ..coworking.domain import Wanted
from ..hotel import use_cases as hotel
from ..hotel.use_cases import WantedStay
from ..lodging import store as lodging_store
from ..lodging import use_cases as lodging
from ..lodging.domain import Asked, Kind
from ..lodging.domain import Offer as LodgingOffer
from ..resources.use_cases import visible
from ..waiting import store as waiting_store
from ..waiting import use_cases as waiting
from ..waiting.domain import MOST_ASKED_FOR, MOST_ENTRIES
from ..waiting.domain import Offer as SlotOffer
from . import store

#: The kinds of orders whose staff see what is kept (A2).
SLOTS = "slot_booking"
ORDERS = {Kind.TICKET: "coworking", Kind.STAY: "hotel"}


async def keep_slot(
    transaction: Transaction,
    *,
    applicant_id: UUID,
    resource_id: UUID,
    starts_at: datetime,
    ends_at: datetime,
    quantity: int,
    locations: Collection[str] = (),
) -> SlotOffer:
    """`locations`: that a member of staff who asks for a customer is limited to; none: all.

    Raises:
        NotFoundError: it is at another one. What `waiting.keep` raises.
    """
    await claiming.lock(transaction, [resource_id, applicant_id])
    if locations:
        await visible(transaction, resource_id, locations)
    return await waiting.keep(
        transaction,
        applicant_id=applicant_id,
        resource_id=resource_id,
        starts_at=starts_at,
        ends_at=ends_at,
        quantity=quantity,
        kept=await store.how_many(transaction, applicant_id),
    )


async def keep_workplace(
    transaction: Transaction, wanted: Wanted, *, applicant_id: UUID, locations: frozenset[str] = frozenset()
) -> LodgingOffer:
    """`locations`: see `keep_slot`. Raises NotFoundError, and what `coworking.asked_for` and `lodging.keep` raise."""
    await claiming.lock(transaction, [applicant_id])
    if locations:
        await lodging.visible_group(transaction, Kind.TICKET, wanted.space_id, locations=locations)
    asked = await coworking.asked_for(transaction, wanted, lock=True)
    return await _keep(transaction, asked, applicant_id)


async def keep_rooms(
    transaction: Transaction, wanted: WantedStay, *, applicant_id: UUID, locations: frozenset[str] = frozenset()
) -> LodgingOffer:
    """`locations`: see `keep_slot`. Raises NotFoundError, and what `hotel.asked_for` and `lodging.keep` raise."""
    await claiming.lock(transaction, [applicant_id])
    if locations:
        await lodging.visible_group(transaction, Kind.STAY, wanted.room_type_id, locations=locations)
    return await _keep(transaction, await hotel.asked_for(transaction, wanted, lock=True), applicant_id)


async def _keep(transaction: Transaction, asked: Asked, applicant_id: UUID) -> LodgingOffer:
    kept = await store.how_many(transaction, applicant_id)
    return await lodging.keep(transaction, asked, applicant_id=applicant_id, kept=kept)


async def kept_for(reading: Transaction, applicant_id: UUID) -> list[SlotOffer | LodgingOffer]:
    """What is kept for a customer now, asked for or offered by the waiting list, in the order in which it was."""
    slots = await waiting_store.open_offers(reading, applicant_id, most=MOST_ENTRIES + MOST_ASKED_FOR)
    return sorted([*slots, *await lodging_store.open_offers(reading, applicant_id)], key=lambda offer: offer.id)


async def decline(transaction: Transaction, offer_id: UUID, caller: Caller) -> None:
    """What is kept is kept no longer. Doing it again changes nothing.

    Raises:
        NotFoundError: there is no such offer, or it is neither the caller's nor of the kind that their role is for, at
            the locations that it is limited to.
    """
    known = await lodging_store.offer_by_id(transaction, offer_id)
    if known is None:
        whose = None if caller.may("booking:process", SLOTS) else caller.id
        await waiting.decline(transaction, offer_id, applicant_id=whose, locations=caller.locations)
        return
    if not caller.may("booking:process", ORDERS[known.kind]):
        if known.applicant_id != caller.id:
            raise NotFoundError
    else:
        await lodging.visible_group(transaction, known.kind, known.group_id, locations=caller.locations)
    await lodging.decline(transaction, known)
