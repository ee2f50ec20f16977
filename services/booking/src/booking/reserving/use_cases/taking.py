"""Places are taken: of one resource or of the parts of a whole, one place or several, all or nothing."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from uuid import UUID

from foyer_chassis.db import Transaction

from ...claiming import store as claiming
from ...claiming.domain import Book, Claim, Owner
from ...resources.domain import Resource
from .. import store
from ..domain import Reservation


async def take(
    transaction: Transaction, wanted: Sequence[Reservation], resources: Mapping[UUID, Resource]
) -> set[UUID]:
    """Take the places of these, in the given order; the ids of those that had all of theirs. The transaction has the
    lock of their resources."""
    if not wanted:
        return set()
    if all(resources[item.resource_id].is_plain for item in wanted):
        # One place each: PostgreSQL alone says who has it, nothing need be read before.
        claims = [claim for item in wanted for claim in _first_places(item, resources[item.resource_id])]
        return await store.take(transaction, wanted, claims)
    book = await book_for(transaction, wanted, resources)
    taken, claims = [], []
    for item in wanted:
        had = claims_of(item, resources[item.resource_id], book)
        if had is not None:
            taken.append(item)
            claims += had
    return await store.take(transaction, taken, claims) if taken else set()


async def book_for(
    transaction: Transaction, wanted: Collection[Reservation], resources: Mapping[UUID, Resource]
) -> Book:
    """What is taken of all that these need, around their times."""
    blocked = [resources[item.resource_id].blocked(item.starts_at, item.ends_at) for item in wanted]
    needed = {need.resource_id for item in wanted for need in resources[item.resource_id].needs(item.quantity)}
    begin, end = min(begin for begin, _ in blocked), max(end for _, end in blocked)
    return Book(await claiming.taken(transaction, needed, begin, end))


def claims_of(reservation: Reservation, resource: Resource, book: Book) -> list[Claim] | None:
    """The places that the reservation takes, noted in the book; None: they cannot be had."""
    picked = book.take(
        resource.needs(reservation.quantity), resource.blocked(reservation.starts_at, reservation.ends_at)
    )
    if picked is None:
        return None
    return [
        Claim(Owner.RESERVATION, reservation.id, 0, resource_id, place, starts_at, ends_at)
        for resource_id, places in picked.items()
        for place, starts_at, ends_at in places
    ]


def _first_places(reservation: Reservation, resource: Resource) -> Iterator[Claim]:
    starts_at, ends_at = resource.blocked(reservation.starts_at, reservation.ends_at)
    yield Claim(Owner.RESERVATION, reservation.id, 0, resource.id, 1, starts_at, ends_at)
