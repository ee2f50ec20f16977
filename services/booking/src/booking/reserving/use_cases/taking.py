"""Places are taken: of one resource or of the parts of a whole, one place or several, at one time or at many; all or
nothing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from foyer_chassis.db import Transaction

from ...claiming import store as claiming
from ...claiming.domain import Book, Claim, Owner, Taken
from ...recurring.domain import Planned, Time, plan
from ...resources.domain import Resource
from .. import store
from ..domain import Occurrence, Reservation

TAKEN = "places_taken"


@dataclass(frozen=True, slots=True)
class Wish:
    """A reservation that is to be made; `times`: of one that recurs, not yet looked at."""

    reservation: Reservation
    times: Sequence[Time] = ()

    @property
    def is_plain(self) -> bool:
        return not self.times and not self.reservation.occurrences


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why places could not be had; `conflicts`: the beginnings of those times of a booking that recurs."""

    reason: str
    conflicts: Sequence[datetime] = ()


@dataclass(frozen=True, slots=True)
class Taking:
    """What was had and what was not, by the ids of the reservations."""

    had: dict[UUID, Reservation] = field(default_factory=dict)
    refused: dict[UUID, Refusal] = field(default_factory=dict)


async def take(transaction: Transaction, wishes: Sequence[Wish], resources: Mapping[UUID, Resource]) -> Taking:
    """Take the places of these, in the given order. The transaction has the lock of their resources."""
    taking = Taking()
    if not wishes:
        return taking
    tried: list[Reservation] = []
    claims: list[Claim] = []
    if all(wish.is_plain and resources[wish.reservation.resource_id].is_plain for wish in wishes):
        # One place each: PostgreSQL alone says who has it, nothing need be read before.
        tried = [wish.reservation for wish in wishes]
        claims = [_first_place(item, resources[item.resource_id]) for item in tried]
    else:
        book = await _book_for(transaction, wishes, resources)
        for wish in wishes:
            resource = resources[wish.reservation.resource_id]
            if wish.times:
                planned = plan(resource, wish.reservation.quantity, wish.times, book, now=transaction.now)
                if (refusal := _refusal(planned)) is not None:
                    taking.refused[wish.reservation.id] = refusal
                    continue
                reservation = wish.reservation.recurring(
                    [
                        Occurrence(each.time.number, each.time.starts_at, each.time.ends_at, each.slots)
                        for each in planned
                        if not each.time.skipped
                    ]
                )
                had = [claim for each in planned for claim in _claims(reservation.id, each.time.number, each.places)]
            else:
                reservation = wish.reservation
                had = claims_of(reservation, resource, book) or []
            if had:
                tried.append(reservation)
                claims += had
    taken = await store.take(transaction, tried, claims) if tried else set()
    taking.had.update({item.id: item for item in tried if item.id in taken})
    for wish in wishes:
        if wish.reservation.id not in taking.had:
            taking.refused.setdefault(wish.reservation.id, Refusal(TAKEN))
    return taking


def _refusal(planned: Sequence[Planned]) -> Refusal | None:
    reasons = [each.reason for each in planned if each.reason is not None]
    if not reasons:
        return None
    # A rule that is broken says more than that somebody was faster.
    reason = next((each for each in reasons if each != TAKEN), TAKEN)
    return Refusal(reason, [each.time.starts_at for each in planned if each.reason is not None])


async def _book_for(transaction: Transaction, wishes: Collection[Wish], resources: Mapping[UUID, Resource]) -> Book:
    """What is taken of all that these need, around their times, in one query."""
    ids: set[UUID] = set()
    begins, ends = [], []
    for wish in wishes:
        resource = resources[wish.reservation.resource_id]
        ids.update(need.resource_id for need in resource.needs(wish.reservation.quantity))
        for each in wish.times or wish.reservation.times:
            begin, end = resource.blocked(each.starts_at, each.ends_at)
            begins.append(begin)
            ends.append(end)
    return Book(await claiming.taken(transaction, ids, min(begins), max(ends)))


async def book_for(transaction: Transaction, reservation: Reservation, resource: Resource) -> Book:
    """What is taken of all that the reservation needs."""
    return await _book_for(transaction, [Wish(reservation)], {resource.id: resource})


def claims_of(reservation: Reservation, resource: Resource, book: Book) -> list[Claim] | None:
    """The places that the reservation takes at all its times, noted in the book; None: they cannot be had."""
    claims: list[Claim] = []
    mark = book.mark()
    for each in reservation.times:
        picked = book.take(resource.needs(reservation.quantity), resource.blocked(each.starts_at, each.ends_at))
        if picked is None:
            book.back_to(mark)
            return None
        claims += _claims(reservation.id, each.number, picked)
    return claims


def _claims(reservation_id: UUID, occurrence: int, places: Mapping[UUID, Sequence[Taken]]) -> list[Claim]:
    return [
        Claim(Owner.RESERVATION, reservation_id, occurrence, resource_id, place, starts_at, ends_at)
        for resource_id, of_resource in places.items()
        for place, starts_at, ends_at in of_resource
    ]


def _first_place(reservation: Reservation, resource: Resource) -> Claim:
    starts_at, ends_at = resource.blocked(reservation.starts_at, reservation.ends_at)
    return Claim(Owner.RESERVATION, reservation.id, 0, resource.id, 1, starts_at, ends_at)
