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
                        Occurrence(
                            each.time.number,
                            each.time.starts_at,
                            each.time.ends_at,
                            each.slots,
                            resource.id,
                            resource.price,
                        )
                        for each in planned
                        if not each.time.skipped
                    ]
                )
                had = [claim for each in planned for claim in claims_at(reservation.id, each.time.number, each.places)]
            else:
                reservation = wish.reservation
                had = _claims_of(reservation, resources, book) or []
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
    spans = []
    for wish in wishes:
        reservation = wish.reservation
        if wish.times:
            at = resources[reservation.resource_id]
            spans += [(at, reservation.quantity, each.starts_at, each.ends_at) for each in wish.times]
        else:
            spans += [
                (resources[each.resource_id], reservation.quantity, each.starts_at, each.ends_at)
                for each in reservation.times
            ]
    return await book_for(transaction, spans)


async def book_for(
    transaction: Transaction,
    spans: Sequence[tuple[Resource, int, datetime, datetime]],
    *,
    but: tuple[UUID, Collection[int]] | None = None,
) -> Book:
    """What is taken of all that is needed at these: resource, how many places, from when, until when; in one query.

    `but`: an owner and occurrences whose places do not count.
    """
    ids = {need.resource_id for resource, quantity, _, _ in spans for need in resource.needs(quantity)}
    blocked = [resource.blocked(starts_at, ends_at) for resource, _, starts_at, ends_at in spans]
    begin, end = min(begin for begin, _ in blocked), max(end for _, end in blocked)
    return Book(await claiming.taken(transaction, ids, begin, end, but=but))


def claims_of(reservation: Reservation, resource: Resource, book: Book) -> list[Claim] | None:
    """The places that the reservation takes at its one time, noted in the book; None: they cannot be had."""
    return _claims_of(reservation, {resource.id: resource}, book)


def _claims_of(reservation: Reservation, resources: Mapping[UUID, Resource], book: Book) -> list[Claim] | None:
    claims: list[Claim] = []
    mark = book.mark()
    for each in reservation.times:
        resource = resources[each.resource_id]
        picked = book.take(resource.needs(reservation.quantity), resource.blocked(each.starts_at, each.ends_at))
        if picked is None:
            book.back_to(mark)
            return None
        claims += claims_at(reservation.id, each.number, picked)
    return claims


def claims_at(reservation_id: UUID, occurrence: int, places: Mapping[UUID, Sequence[Taken]]) -> list[Claim]:
    return [
        Claim(Owner.RESERVATION, reservation_id, occurrence, resource_id, place, starts_at, ends_at)
        for resource_id, of_resource in places.items()
        for place, starts_at, ends_at in of_resource
    ]


def _first_place(reservation: Reservation, resource: Resource) -> Claim:
    starts_at, ends_at = resource.blocked(reservation.starts_at, reservation.ends_at)
    return Claim(Owner.RESERVATION, reservation.id, 0, resource.id, 1, starts_at, ends_at)
