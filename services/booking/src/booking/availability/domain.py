"""What an order would get: opening hours, rules, and what is left of the places, looked at together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from uuid import UUID

from ..claiming.domain import Period, Taken, levels
from ..resources.domain import Resource


@dataclass(frozen=True, slots=True)
class Run:
    """The slots of one open period, counted from its beginning; a booking lies within one of them.

    Attributes:
        left: of each slot, how many places an order would get: 0 also where it is too late or too early to order, and
            where no booking that is long enough goes over it.
    """

    opens: datetime
    left: list[int]


def runs_of(
    resource: Resource,
    opened: Mapping[date, Iterable[Period]],
    taken: Mapping[UUID, Sequence[Taken]],
    *,
    now: datetime,
) -> dict[date, list[Run]]:
    """What is left of each local day, for who orders now. Days, and their open periods, in order."""
    busy = levels(_taken_of(resource, taken), resource.capacity, resource.rules.before, resource.rules.after)
    length, last_day = resource.slot_length, resource.last_day(now)
    found: dict[date, list[Run]] = {}
    passed = 0
    for day, periods in opened.items():
        found[day] = []
        for opens, closes in periods:
            count = (closes - opens) // length
            too_late = count if last_day is not None and day > last_day else resource.too_late_slots(opens, now=now)
            left = [0] * min(count, too_late) + [resource.capacity] * (count - too_late)
            while passed < len(busy) and busy[passed][0][1] <= opens:
                passed += 1
            position = passed
            while position < len(busy) and busy[position][0][0] < closes:
                (begin, end), places = busy[position]
                first, last = max(0, (begin - opens) // length), min(count, -((opens - end) // length))
                left[first:last] = [min(places, each) for each in left[first:last]] if places else [0] * (last - first)
                position += 1
            _drop_short(left, resource.rules.min_slots)
            found[day].append(Run(opens, left))
    return found


def free_periods(run: Run, resource: Resource) -> list[tuple[Period, int]]:
    """The free times of a run, each with how many places are left."""
    found: list[tuple[Period, int]] = []
    begins = run.opens
    for places, alike in groupby(run.left):
        ends = begins + len(list(alike)) * resource.slot_length
        if places:
            found.append(((begins, ends), places))
        begins = ends
    return found


def _taken_of(resource: Resource, taken: Mapping[UUID, Sequence[Taken]]) -> Sequence[Taken]:
    """What keeps others from the resource, in order of its beginnings: what is taken of its parts, too."""
    if not resource.parts:
        return taken[resource.id]
    return sorted((each for id_, _ in resource.parts for each in taken[id_]), key=lambda each: each[1])


def _drop_short(left: list[int], fewest: int) -> None:
    """What is free between others and is shorter than a booking may be, is nobody's."""
    if fewest == 1:
        return
    start = 0
    for position in range(len(left) + 1):
        if position == len(left) or left[position] == 0:
            if position - start < fewest:
                left[start:position] = [0] * (position - start)
            start = position + 1
