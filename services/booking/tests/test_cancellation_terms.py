"""What cancelling costs stays with the booking as it was when it was ordered, and says until when (X4)."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from booking.reserving.domain import CancellationStep, Notice, free_until, notices
from foyer_chassis.testing import Running, utc
from foyer_contracts.envelope import Event
from foyer_contracts.orders import CancellationStep as Told
from foyer_contracts.orders import OrderPlaced
from hypothesis import given
from hypothesis import strategies as st

from . import test_coworking as coworking
from . import test_hotel as hotel
from .conftest import TOMORROW, add_resource, paid, placed
from .test_moving_series import move as move_times
from .test_recurring import DAY, WEEK, give_up, weekly
from .test_rescheduling import move

HOUR = timedelta(hours=1)
BERLIN = ZoneInfo("Europe/Berlin")
STEPS = [{"hours_before": 48, "fee_percent": 20}, {"hours_before": 24, "fee_percent": 50}]
ANNA, RITA = ("anna", "customer"), ("rita", "rent_manager")


def told(order: Event[OrderPlaced], steps: list[dict[str, int]] | None = STEPS) -> Event[OrderPlaced]:
    """The order as orders tells it, with the steps of its offering."""
    made = None if steps is None else [Told(**step) for step in steps]
    return order.model_copy(update={"data": order.data.model_copy(update={"cancellation": made})})


async def shown(booking: Running, path: str, who: tuple[str, ...] = ANNA) -> Any:
    answer = await booking.client(*who).get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def until(found: list[dict[str, Any]]) -> list[tuple[datetime, int]]:
    return [(datetime.fromisoformat(item["until"]), item["fee_percent"]) for item in found]


def of(starts_at: datetime) -> list[tuple[datetime, int]]:
    """Of `STEPS`, worked out by hand."""
    return [(starts_at - 2 * DAY, 0), (starts_at - DAY, 20), (starts_at, 50)]


@pytest.mark.feature("X4")
@pytest.mark.parametrize(
    ("steps", "expected", "free"),
    [
        ([], [(0, 0)], 0),
        ([(24, 50)], [(24, 0), (0, 50)], 24),
        ([(48, 20), (24, 50)], [(48, 0), (24, 20), (0, 50)], 48),
        ([(24, 50), (48, 20)], [(48, 0), (24, 20), (0, 50)], 48),
        # From when on nothing changes is not told.
        ([(48, 0), (24, 50)], [(24, 0), (0, 50)], 24),
        ([(48, 50), (24, 50)], [(48, 0), (0, 50)], 48),
        # After the beginning nothing is given up.
        ([(0, 100)], [(0, 0)], 0),
        ([(24, 50), (0, 100)], [(24, 0), (0, 50)], 24),
    ],
)
def test_until_when_it_costs_what(
    steps: list[tuple[int, int]], expected: list[tuple[int, int]], free: int | None
) -> None:
    found = notices([CancellationStep(*step) for step in steps], TOMORROW)
    assert found == [Notice(TOMORROW - hours * HOUR, percent) for hours, percent in expected]
    assert free_until(found) == (None if free is None else TOMORROW - free * HOUR)


@pytest.mark.feature("X4")
@given(
    steps=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 100)), max_size=10),
    minutes=st.integers(0, 201 * 60),
)
def test_they_agree_with_the_rule_by_which_orders_decides(steps: list[tuple[int, int]], minutes: int) -> None:
    """The rule as orders has it: the largest fee of the steps whose hours are more than the notice."""
    found = notices([CancellationStep(*step) for step in steps], TOMORROW)
    at = TOMORROW - timedelta(minutes=minutes)
    by_rule = max((fee for hours, fee in steps if timedelta(minutes=minutes) < hours * HOUR), default=0)
    assert next(item.fee_percent for item in found if at <= item.until) == by_rule
    assert found[-1].until == TOMORROW
    assert all(a.until < b.until and a.fee_percent < b.fee_percent for a, b in pairwise(found))


@pytest.mark.feature("X2")
@pytest.mark.feature("X4")
def test_hours_are_elapsed_ones_over_a_change_of_clocks() -> None:
    """10:00 in Berlin on the day the clocks go forward: 24 hours before it is 9:00 the day before."""
    starts_at = datetime(2027, 3, 28, 10, tzinfo=BERLIN)
    (free, _) = notices([CancellationStep(24, 50)], starts_at.astimezone(ZoneInfo("UTC")))
    assert free.until.astimezone(BERLIN) == datetime(2027, 3, 27, 9, tzinfo=BERLIN)


@pytest.mark.feature("X4")
async def test_slots_keep_the_steps_as_they_were(booking: Running) -> None:
    resource = await add_resource(booking)
    anna = booking.identity.id_of("anna")
    order = told(placed(resource, applicant_id=anna))
    await booking.handle_twice(order)
    path = f"/v1/orders/{order.data.order_id}/reservation"
    there = await shown(booking, path)
    assert there["cancellation"]["steps"] == STEPS
    assert until(there["cancellation"]["notices"]) == of(TOMORROW)
    assert datetime.fromisoformat(there["cancellation"]["free_until"]) == TOMORROW - 2 * DAY
    # The offering became dearer to cancel; an order of today's does not change this one, nor does it told anew.
    dearer = told(placed(resource, TOMORROW + DAY, applicant_id=anna), [{"hours_before": 72, "fee_percent": 100}])
    await booking.handle(dearer, told(order, [{"hours_before": 72, "fee_percent": 100}]))
    assert (await shown(booking, path))["cancellation"] == there["cancellation"]
    # Paid after the hold had expired, the places are taken again: by the same terms.
    booking.at(booking.database.now() + timedelta(minutes=20))
    await booking.turn("expire-holds")
    await booking.handle(paid(order.data.order_id))
    again = await shown(booking, path)
    assert (again["status"], again["cancellation"]) == ("confirmed", there["cancellation"])
    # Who sees the booking sees them, in lists too, and nobody else.
    day = {"starts_from": TOMORROW.isoformat(), "starts_to": (TOMORROW + 2 * DAY).isoformat()}
    page = await booking.client(*RITA).get(f"/v1/resources/{resource}/reservations", params=day)
    assert [item["cancellation"]["steps"][0]["fee_percent"] for item in page.json()["items"]] == [20, 100, 20]
    assert (await booking.client("boris", "customer").get(path)).status_code == 404


@pytest.mark.feature("A15")
@pytest.mark.feature("X4")
async def test_a_booking_that_moves_has_other_instants_and_the_same_steps(booking: Running) -> None:
    order = told(placed(await add_resource(booking)))
    await booking.handle(order, paid(order.data.order_id))
    answer = await move(booking, order, TOMORROW + 3 * DAY)
    assert answer.status_code == 200, answer.text
    kept = answer.json()["cancellation"]
    assert (kept["steps"], until(kept["notices"])) == (STEPS, of(TOMORROW + 3 * DAY))
    assert (await shown(booking, f"/v1/orders/{order.data.order_id}/reservation", RITA))["cancellation"] == kept


@pytest.mark.feature("X4")
@pytest.mark.feature("X5")
async def test_each_time_of_a_series_has_its_own_notice(booking: Running) -> None:
    resource = await add_resource(booking)
    order = told(weekly(resource, 3, applicant_id=booking.identity.id_of("anna")))
    await booking.handle(order, paid(order.data.order_id))
    moved = await move_times(booking, order, 1, TOMORROW + WEEK + DAY, "one")
    assert moved.status_code == 200, moved.text
    there = await shown(booking, f"/v1/orders/{order.data.order_id}/reservation")
    begins = [TOMORROW, TOMORROW + WEEK + DAY, TOMORROW + 2 * WEEK]
    assert [until(item["notices"]) for item in there["occurrences"]] == [of(start) for start in begins]
    assert until(there["cancellation"]["notices"]) == of(TOMORROW)
    given_up = await give_up(booking, order, TOMORROW)
    assert given_up.status_code == 200, given_up.text
    assert until(given_up.json()["cancellation"]["notices"]) == of(TOMORROW + WEEK + DAY), "of the first that is left"


@pytest.mark.feature("A16")
@pytest.mark.feature("X4")
async def test_a_ticket_has_them(booking: Running) -> None:
    space = await coworking.add_space(booking)
    starts_at = TOMORROW + 5 * DAY
    order = told(coworking.wants(space, starts_at, applicant_id=booking.identity.id_of("anna")))
    await booking.handle_twice(order)
    await booking.handle(paid(order.data.order_id))
    ticket = await shown(booking, f"/v1/orders/{order.data.order_id}/ticket")
    assert (ticket["cancellation"]["steps"], until(ticket["cancellation"]["notices"])) == (STEPS, of(starts_at))
    moved = await coworking.post(
        booking.client(*RITA), f"/v1/tickets/{ticket['id']}/move", {"place_id": str(space.places[2])}
    )
    assert (moved.status_code, moved.json()["cancellation"]) == (200, ticket["cancellation"])
    span = {"from": TOMORROW.isoformat(), "to": (TOMORROW + 9 * DAY).isoformat()}
    span |= {"starts_from": span["from"], "starts_to": span["to"]}
    page = await booking.client(*RITA).get(f"/v1/spaces/{space.id}/tickets", params=span)
    assert [item["cancellation"] for item in page.json()["items"]] == [ticket["cancellation"]]
    assert (await booking.client("boris", "customer").get(f"/v1/tickets/{ticket['id']}")).status_code == 404


@pytest.mark.feature("A17")
@pytest.mark.feature("X4")
async def test_a_stay_has_them_and_other_dates_have_other_instants(booking: Running) -> None:
    here = await hotel.add_hotel(booking, zone="Europe/Berlin")
    order = told(hotel.wants(here, applicant_id=booking.identity.id_of("anna")))
    await booking.handle_twice(order)
    await booking.handle(paid(order.data.order_id))
    stay = await shown(booking, f"/v1/orders/{order.data.order_id}/stay")
    assert until(stay["cancellation"]["notices"]) == of(datetime.fromisoformat(stay["starts_at"]))
    later = {"arrival": "2026-12-20", "departure": "2026-12-21"}
    moved = await coworking.post(booking.client(*RITA), f"/v1/stays/{stay['id']}/dates", later)
    assert moved.status_code == 200, moved.text
    kept = moved.json()["cancellation"]
    assert (kept["steps"], until(kept["notices"])) == (STEPS, of(datetime.fromisoformat(stay["starts_at"]) + 10 * DAY))


@pytest.mark.feature("X4")
@pytest.mark.parametrize("steps", [None, []])
async def test_an_order_that_was_told_without_them_and_one_that_is_free(
    booking: Running, steps: list[dict[str, int]] | None
) -> None:
    order = told(placed(await add_resource(booking)), steps)
    if steps is None:
        # As a publisher from before the field writes it.
        data = order.data.model_dump(mode="json", exclude={"cancellation"})
        order = order.model_copy(update={"data": OrderPlaced.model_validate(data)})
    await booking.handle(order)
    there = await shown(booking, f"/v1/orders/{order.data.order_id}/reservation", RITA)
    free = {"steps": [], "notices": [{"until": there["starts_at"], "fee_percent": 0}], "free_until": there["starts_at"]}
    assert there["cancellation"] == (None if steps is None else free)


@pytest.mark.feature("X4")
async def test_a_payment_that_overtook_its_order_is_no_matter(booking: Running) -> None:
    """The copy of an order is there before the order is told of: by its payment."""
    order = told(placed(await add_resource(booking), starts_at := utc(2026, 12, 6, 9)))
    await booking.handle(paid(order.data.order_id), order)
    there = await shown(booking, f"/v1/orders/{order.data.order_id}/reservation", RITA)
    assert (there["status"], until(there["cancellation"]["notices"])) == ("confirmed", of(starts_at))
