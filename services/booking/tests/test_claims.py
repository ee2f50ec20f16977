"""What is taken of places and what is left of them: the arithmetic, against counting minute by minute."""

from datetime import date, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from booking.availability.domain import free_periods, runs_of
from booking.claiming.domain import Book, Need, Taken, pick
from booking.resources.domain import Calendar, Location, OpeningHours, Resource, Rules
from foyer_chassis.testing import utc
from foyer_contracts.money import Money
from hypothesis import given, settings
from hypothesis import strategies as st

from .conftest import TOMORROW

DAY = date(2026, 12, 2)
SLOT = timedelta(minutes=10)
HOUR = timedelta(hours=1)


TEN_SLOTS = Calendar(ZoneInfo("UTC"), tuple(OpeningHours(day, 540, 640) for day in range(7)), frozenset())


def resource_of(
    capacity: int = 1, rules: Rules = Rules(), calendar: Calendar = TEN_SLOTS, slot_length: timedelta = SLOT
) -> Resource:
    return Resource(
        id=uuid4(),
        location=Location(id=uuid4(), name="Фойе", calendar=calendar, version=1),
        name="Нева",
        slot_length=slot_length,
        price=Money(amount=1, currency="RUB"),
        hold_ttl=None,
        active=True,
        version=1,
        capacity=capacity,
        rules=rules,
    )


@settings(max_examples=150, deadline=None)
@given(
    capacity=st.integers(1, 3),
    before=st.sampled_from([0, 10, 15]),
    after=st.sampled_from([0, 10, 25]),
    fewest=st.integers(1, 3),
    wishes=st.lists(st.tuples(st.integers(-2, 9), st.integers(1, 4), st.integers(1, 2)), max_size=8),
)
def test_what_is_listed_is_what_can_be_had(
    capacity: int, before: int, after: int, fewest: int, wishes: list[tuple[int, int, int]]
) -> None:
    """Bookings are made as they come; afterwards every booking of the day can be had exactly if all its slots are
    listed as left, and lies in a listed free time exactly then."""
    rules = Rules(min_slots=fewest, before=timedelta(minutes=before), after=timedelta(minutes=after))
    resource = resource_of(capacity, rules)
    book, taken = Book({}), list[Taken]()
    for first, count, quantity in wishes:
        starts_at = TOMORROW + first * SLOT
        needs = [Need(resource.id, capacity, min(quantity, capacity))]
        picked = book.take(needs, resource.blocked(starts_at, starts_at + count * SLOT))
        taken += picked[resource.id] if picked else []
    for place, starts_at, ends_at in taken:
        others = [each for each in taken if each != (place, starts_at, ends_at) and each[0] == place]
        assert all(each[2] <= starts_at or each[1] >= ends_at for each in others)
    taken.sort(key=lambda each: each[1])
    now = TOMORROW - timedelta(days=1)
    opened = {DAY: [(TOMORROW, TOMORROW + 10 * SLOT)]}
    (run,) = runs_of(resource, opened, {resource.id: taken}, now=now)[DAY]
    assert len(run.left) == 10
    periods = free_periods(run, resource)
    assert all((begin - TOMORROW) % SLOT == timedelta(0) for (begin, _), _ in periods)
    for first in range(10):
        for last in range(first + fewest, 11):
            starts_at, ends_at = TOMORROW + first * SLOT, TOMORROW + last * SLOT
            for quantity in range(1, capacity + 1):
                can = pick(capacity, quantity, resource.blocked(starts_at, ends_at), taken) is not None
                assert can == all(places >= quantity for places in run.left[first:last])
                covered = sum(
                    (
                        min(end, ends_at) - max(begin, starts_at)
                        for (begin, end), left in periods
                        if left >= quantity and begin < ends_at and end > starts_at
                    ),
                    timedelta(0),
                )
                assert can == (covered == ends_at - starts_at)


def test_equal_places_one_after_the_other_make_up_a_time() -> None:
    """Two places, each taken for half of the time: one booking can have the other halves."""
    at = utc(2026, 12, 2, 9)
    taken = [(1, at, at + HOUR), (2, at + HOUR, at + 2 * HOUR)]
    assert pick(2, 1, (at, at + 2 * HOUR), taken) == [(2, at, at + HOUR), (1, at + HOUR, at + 2 * HOUR)]
    assert pick(2, 2, (at, at + 2 * HOUR), taken) is None
    assert pick(3, 1, (at, at + 2 * HOUR), taken) == [(3, at, at + 2 * HOUR)]
