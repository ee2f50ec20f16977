"""What is taken of numbered equal places, and what is left of them.

A resource has one place or several; a place is one booking's at a time. A hall made of rooms has no places of its own:
it takes all places of its rooms. What a booking blocks is its time with the buffers before and after it, and no two may
share any of that: the gap between two bookings is the buffer after the first and the buffer before the second.
"""

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from uuid import UUID

from foyer_chassis.errors import ConflictError

Period = tuple[datetime, datetime]
#: (place, from, until)
Taken = tuple[int, datetime, datetime]


class PlacesTakenError(ConflictError):
    """Somebody else has these places at that time."""

    title_en = "The places are taken"
    title_ru = "Это место уже занято"


def must_be_free(taken_from_all_but: Collection[UUID] | None, *, applicant_id: UUID, field: str | None = None) -> None:
    """For who looks whether something could be kept for an applicant.

    Args:
        taken_from_all_but: None: it is not taken. Else for whom something of it is kept already: they may be the ones
            who have it.

    Raises:
        PlacesTakenError.
    """
    if taken_from_all_but is not None and applicant_id not in taken_from_all_but:
        raise PlacesTakenError(field=field) if field else PlacesTakenError


class Owner(StrEnum):
    """For whom a place is taken."""

    RESERVATION = "reservation"
    OFFER = "offer"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Need:
    """So many of the places of a resource are needed at once."""

    resource_id: UUID
    capacity: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Claim:
    """One place, taken for a time.

    Attributes:
        owner_id: the reservation, offer or block that has it.
        occurrence: of a booking that recurs, its number; else 0.
    """

    owner: Owner
    owner_id: UUID
    occurrence: int
    resource_id: UUID
    place: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Freed:
    """A place of a resource is free again for a time."""

    resource_id: UUID
    starts_at: datetime
    ends_at: datetime


class Book:
    """What is taken, kept up while several are served one after the other."""

    def __init__(self, taken: Mapping[UUID, Iterable[Taken]]) -> None:
        self._taken = {resource_id: list(of_resource) for resource_id, of_resource in taken.items()}

    def take(self, needs: Sequence[Need], period: Period) -> dict[UUID, list[Taken]] | None:
        """Places for all needs, taken from here on; None: they cannot be had, and nothing is taken."""
        picked: dict[UUID, list[Taken]] = {}
        for need in needs:
            places = pick(need.capacity, need.quantity, period, self._taken.get(need.resource_id, ()))
            if places is None:
                return None
            picked[need.resource_id] = places
        for resource_id, places in picked.items():
            self._taken.setdefault(resource_id, []).extend(places)
        return picked

    def mark(self) -> Mapping[UUID, int]:
        """For `back_to`."""
        return {resource_id: len(taken) for resource_id, taken in self._taken.items()}

    def back_to(self, mark: Mapping[UUID, int]) -> None:
        """Forget what was taken since."""
        for resource_id, taken in self._taken.items():
            del taken[mark.get(resource_id, 0) :]


def pick(capacity: int, quantity: int, period: Period, taken: Iterable[Taken]) -> list[Taken] | None:
    """Places for a time, the lowest numbers first; None where at some instant fewer are left.

    The places are equal: where none is free all the time, one after the other makes up the time.
    """
    begin, end = period
    meeting = [each for each in taken if each[1] < end and each[2] > begin]
    busy = {place for place, _, _ in meeting}
    free = [place for place in range(1, capacity + 1) if place not in busy]
    if len(free) >= quantity:
        return [(place, begin, end) for place in free[:quantity]]
    instants = {begin, end}
    for _, starts_at, ends_at in meeting:
        instants.update(instant for instant in (starts_at, ends_at) if begin < instant < end)
    picked: list[Taken] = []
    now_at: dict[int, int] = {}  # place → where in `picked` it is being used
    for since, until in pairwise(sorted(instants)):
        busy = {place for place, starts_at, ends_at in meeting if starts_at < until and ends_at > since}
        free = [place for place in range(1, capacity + 1) if place not in busy]
        if len(free) < quantity:
            return None
        stay = [place for place in free if place in now_at]
        chosen = (stay + [place for place in free if place not in now_at])[:quantity]
        then: dict[int, int] = {}
        for place in chosen:
            if place in now_at:
                then[place] = now_at[place]
                picked[then[place]] = (place, picked[then[place]][1], until)
            else:
                then[place] = len(picked)
                picked.append((place, since, until))
        now_at = then
    return picked


def levels(taken: Sequence[Taken], capacity: int, before: timedelta, after: timedelta) -> list[tuple[Period, int]]:
    """Where fewer than all places are left for a booking that blocks `before` and `after` it too: periods in order of
    time, without overlaps, each with how many are left all through it, one place after the other if need be. `taken` in
    order of its beginnings."""
    if capacity == 1:
        return [(period, 0) for period in _merged((start - after, end + before) for _, start, end in taken)]
    steps = sorted(step for _, starts_at, ends_at in taken for step in ((starts_at, 1), (ends_at, -1)))
    counted: list[tuple[Period, int]] = []
    now, position = 0, None
    for instant, step in steps:
        if position is not None and instant > position and now:
            counted.append(((position - after, instant + before), now))
        now, position = now + step, instant
    return [(period, max(0, capacity - most)) for period, most in _highest(counted)]


def _merged(periods: Iterable[Period]) -> Iterator[Period]:
    """Periods in order of their beginnings, those that touch made one."""
    current: Period | None = None
    for begin, end in periods:
        if current is None:
            current = (begin, end)
        elif begin <= current[1]:
            current = (current[0], max(current[1], end))
        else:
            yield current
            current = (begin, end)
    if current is not None:
        yield current


def _highest(counted: Sequence[tuple[Period, int]]) -> Iterator[tuple[Period, int]]:
    """Of periods that may overlap, in order of their beginnings, the highest number at each time."""
    instants = sorted({instant for period, _ in counted for instant in period})
    active: list[tuple[int, datetime]] = []  # (−number, until)
    position = 0
    for since, until in pairwise(instants):
        while position < len(counted) and counted[position][0][0] <= since:
            heapq.heappush(active, (-counted[position][1], counted[position][0][1]))
            position += 1
        while active and active[0][1] <= since:
            heapq.heappop(active)
        if active:
            yield (since, until), -active[0][0]
