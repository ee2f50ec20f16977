"""What an order would get: opening hours, rules, and what is left of the places, looked at together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from ..claiming.domain import Period, Taken, free_periods, levels, places_left
from ..resources.domain import Resource, Slot


@dataclass(frozen=True, slots=True)
class SlotLeft:
    """A slot, and how many places of it can be booked; 0 also where no booking that is long enough goes over it."""

    slot: Slot
    left: int


def taken_of(resource: Resource, taken: Mapping[UUID, Sequence[Taken]]) -> Sequence[Taken]:
    """What keeps others from the resource, in order of its beginnings: what is taken of its parts, too."""
    if not resource.parts:
        return taken[resource.id]
    return sorted((each for id_, _ in resource.parts for each in taken[id_]), key=lambda each: each[1])


def slots_left(
    resource: Resource, days: Iterable[date], taken: Mapping[UUID, Sequence[Taken]], *, now: datetime
) -> dict[date, list[SlotLeft]]:
    """The slots of each local day, with what is left for who orders now."""
    last_day = resource.last_day(now)
    runs = {day: resource.location.calendar.runs_of_slots(day, resource.slot_length) for day in days}
    blocked = (
        resource.blocked(slot.starts_at, slot.ends_at) for of_day in runs.values() for run in of_day for slot in run
    )
    left = places_left(blocked, taken_of(resource, taken), resource.capacity)

    def of_run(day: date, run: Sequence[Slot]) -> list[SlotLeft]:
        each = [max(0, next(left)) for _ in run]
        for position, slot in enumerate(run):
            if not resource.in_time(slot.starts_at, now=now) or (last_day is not None and day > last_day):
                each[position] = 0
        _drop_short_runs(each, resource.rules.min_slots)
        return [SlotLeft(slot, places) for slot, places in zip(run, each, strict=True)]

    return {day: [slot for run in of_day for slot in of_run(day, run)] for day, of_day in runs.items()}


def _drop_short_runs(left: list[int], fewest: int) -> None:
    """What is free between others and is shorter than a booking may be, is nobody's."""
    start = 0
    for position in range(len(left) + 1):
        if position == len(left) or left[position] == 0:
            if position - start < fewest:
                left[start:position] = [0] * (position - start)
            start = position + 1


def periods_left(
    resource: Resource,
    opened: Mapping[date, Sequence[Period]],
    taken: Mapping[UUID, Sequence[Taken]],
    *,
    now: datetime,
) -> dict[date, list[tuple[Period, int]]]:
    """The free times of each local day, each with how many places are left; days in order."""
    busy = levels(taken_of(resource, taken), resource.capacity, resource.rules.before, resource.rules.after)
    shortest = resource.rules.min_slots * resource.slot_length
    found: dict[date, list[tuple[Period, int]]] = {}
    passed = 0
    for day, periods in opened.items():
        found[day] = []
        for period in resource.bookable(day, periods, now=now):
            while passed < len(busy) and busy[passed][0][1] <= period[0]:
                passed += 1
            free = free_periods(period, busy[passed:] if passed else busy, resource.capacity)
            found[day] += _long_enough(free, shortest) if resource.rules.min_slots > 1 else free
    return found


def _long_enough(free: Sequence[tuple[Period, int]], shortest: timedelta) -> list[tuple[Period, int]]:
    """Without those that lie in a stretch which is shorter than a booking may be."""
    kept: list[tuple[Period, int]] = []
    stretch: list[tuple[Period, int]] = []
    for each in [*free, None]:
        if stretch and (each is None or each[0][0] > stretch[-1][0][1]):
            if stretch[-1][0][1] - stretch[0][0][0] >= shortest:
                kept += stretch
            stretch = []
        if each is not None:
            stretch.append(each)
    return kept
