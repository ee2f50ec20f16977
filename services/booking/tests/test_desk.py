"""What the desk does with tickets and what the clock does with tickets and stays, once each and in the right order."""

import asyncio
import re
from datetime import timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from booking.lodging.tables import claims, lodgings
from foyer_chassis.testing import Running, utc

from .conftest import TOMORROW, paid
from .test_coworking import CHANGED, add_space, issued, post, ticket_of, wants
from .test_hotel import add_hotel
from .test_hotel import sold as sold_stay
from .test_hotel import wants as wants_stay

LOOPS = ("expire-lodgings", "start-lodgings", "give-up-lodgings", "end-lodgings")
DESK = ("dora", "front_desk")
HOUR = timedelta(hours=1)


async def told_of(booking: Running, order_id: object) -> list[str]:
    """What was published of an order, in order, by the last words of its type."""
    return [
        event.type.removeprefix("booking.").removesuffix(".v1")
        for event in await booking.published()
        if event.data.model_dump().get("order_id") == order_id
    ]


async def active_claims(booking: Running) -> int:
    async with booking.database.read() as reading:
        found = await reading.execute(sa.select(sa.func.count()).select_from(claims).where(claims.c.active))
        return int(found.scalar_one())


@pytest.mark.feature("A16")
async def test_the_same_scan_sent_again_changes_nothing(booking: Running) -> None:
    space = await add_space(booking)
    path, _ = await issued(booking, space)
    other, _ = await issued(booking, space)
    desk = booking.client(*DESK)
    booking.at(TOMORROW + HOUR)
    scan = {"scan_id": str(uuid4()), "at": (TOMORROW + timedelta(minutes=5)).isoformat()}
    answers = await asyncio.gather(*(post(desk, f"{path}/check-in", scan) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["checked_in_at"] for answer in answers} == {"2026-12-02T09:05:00Z"}
    out = {"scan_id": str(uuid4()), "at": (TOMORROW + timedelta(minutes=20)).isoformat()}
    assert (await post(desk, f"{path}/check-out", out)).status_code == 200
    # The device sends all it has once more, in whatever order.
    for verb, body in (("check-out", out), ("check-in", scan)):
        assert (await post(desk, f"{path}/{verb}", body)).json()["checked_out_at"] == "2026-12-02T09:20:00Z"
    assert [event.data.change for event in await booking.published(CHANGED)] == ["checked_in", "checked_out"]
    for address, body in ((f"{other}/check-in", scan), (f"{path}/check-out", scan)):
        reused = await post(desk, address, body)
        assert (reused.status_code, reused.json()["type"].rsplit("/")[-1]) == (409, "scan-reused")


@pytest.mark.feature("A16")
async def test_a_scan_made_offline_in_the_tickets_time_counts_when_it_is_over(booking: Running) -> None:
    space = await add_space(booking)
    path, order = await issued(booking, space)
    nobody_came, _ = await issued(booking, space)
    desk = booking.client(*DESK)
    booking.at(TOMORROW + 6 * HOUR)
    for loop in LOOPS:
        await booking.turn(loop)
    assert (await ticket_of(booking, order))["status"] == "ended"
    late = await post(desk, f"{path}/check-in", {"at": (TOMORROW + HOUR).isoformat()})
    assert (late.status_code, late.json()["checked_in_at"]) == (200, "2026-12-02T10:00:00Z")
    after_its_end = await post(desk, f"{nobody_came}/check-in")
    assert (after_its_end.status_code, after_its_end.json()["type"].rsplit("/")[-1]) == (409, "not-possible-now")


@pytest.mark.feature("A16")
async def test_a_ticket_whose_time_is_over_moves_nowhere_before_the_clock_too(booking: Running) -> None:
    space = await add_space(booking)
    path, _ = await issued(booking, space)
    booking.at(TOMORROW + 6 * HOUR)
    answer = await post(booking.client(*DESK), f"{path}/move", {"place_id": str(space.places[1])})
    assert (answer.status_code, answer.json()["type"].rsplit("/")[-1]) == (409, "not-possible-now")


@pytest.mark.feature("A16")
async def test_the_qr_code_of_a_ticket(booking: Running) -> None:
    space = await add_space(booking)
    path, order = await issued(booking, space, applicant_id=booking.identity.id_of("anna"))
    unpaid = wants(space, TOMORROW + timedelta(days=1), applicant_id=booking.identity.id_of("anna"))
    await booking.handle(unpaid)
    answer = await booking.client("anna").get(f"{path}/qr.svg")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert re.match(r"<svg[^>]*>.*</svg>\s*$", answer.text, re.DOTALL)
    assert (await booking.client(*DESK).get(f"{path}/qr.svg")).content == answer.content
    # Another code, another picture.
    other, _ = await issued(booking, space)
    assert (await booking.client(*DESK).get(f"{other}/qr.svg")).content != answer.content
    assert (await booking.client("boris").get(f"{path}/qr.svg")).status_code == 404
    held = (await ticket_of(booking, unpaid))["id"]
    assert (await booking.client("anna").get(f"/v1/tickets/{held}/qr.svg")).status_code == 409
    for who, role in (("sergey", "service_manager"), ("maria", "shop_manager")):
        # They see other kinds of orders (A2).
        assert (await booking.client(who, role).get(path)).status_code == 404
        assert (await booking.client(who, role).get(f"/v1/orders/{order.data.order_id}/ticket")).status_code == 404


@pytest.mark.feature("A16")
async def test_a_verb_before_the_clock_says_first_that_the_time_began(booking: Running) -> None:
    space = await add_space(booking)
    path, order = await issued(booking, space)
    booking.at(TOMORROW + HOUR)
    ended = await post(booking.client(*DESK), f"{path}/end")
    assert (ended.status_code, ended.json()["status"]) == (200, "ended")
    told = await told_of(booking, order.data.order_id)
    assert told[-4:] == ["reservation.started", "reservation.ended", "reservation.rescheduled", "ticket.changed"]
    await booking.turn("start-lodgings")
    assert await told_of(booking, order.data.order_id) == told


async def test_an_unpaid_order_holds_nothing_beyond_its_time(booking: Running) -> None:
    space = await add_space(booking, hold_ttl_seconds=30 * 86_400)
    order = wants(space)
    await booking.handle(order)
    booking.at(TOMORROW + 4 * HOUR)
    await booking.turn("expire-lodgings")
    assert (await ticket_of(booking, order))["status"] == "expired"
    assert await active_claims(booking) == 0


@pytest.mark.feature("A17")
async def test_late_money_for_tonight_takes_the_room_that_is_still_free(booking: Running) -> None:
    hotel = await add_hotel(booking, rooms=1, hold_ttl_seconds=60)
    evening = utc(2026, 12, 10, 20)
    booking.at(evening)
    order = wants_stay(hotel)
    await booking.handle(order)
    booking.at(evening + timedelta(minutes=5))
    await booking.turn("expire-lodgings")
    await booking.handle_twice(paid(order.data.order_id))
    (confirmed,) = await booking.published("booking.reservation.confirmed.v1")
    assert (confirmed.data.late, confirmed.data.places.starts_at) == (True, evening + timedelta(minutes=5))
    assert await active_claims(booking) == 1


@pytest.mark.feature("X2")
async def test_after_a_long_downtime_everything_happens_once_and_in_its_order(booking: Running) -> None:
    """Holds that expired, tickets that ran, visitors who did not come, stays that ended: a month is caught up by two
    clocks at once, whichever loop turns first."""
    space = await add_space(booking, places=40, no_show_minutes=30, tariff={"zone": "общая"})
    hotel = await add_hotel(booking, rooms=30, no_show_minutes=60)
    desk = booking.client(*DESK)
    ran, missed, unpaid = [], [], []
    for _ in range(6):
        path, order = await issued(booking, space)
        ran.append((path, order))
        missed.append((await issued(booking, space))[1])
        unpaid.append(wants(space))
    stays = [(await sold_stay(booking, hotel))[1] for _ in range(6)]
    await booking.handle(*unpaid)
    booking.at(TOMORROW + timedelta(minutes=1))
    await booking.turn("start-lodgings")
    for path, _ in ran:
        assert (await post(desk, f"{path}/check-in")).status_code == 200
    before = len(await booking.published())
    # Nothing ran for a month.
    booking.at(TOMORROW + timedelta(days=31))
    turns = [loop for loop in reversed(LOOPS) for _ in range(2)]
    for _ in range(3):
        await asyncio.gather(*(booking.turn(loop) for loop in turns))
    for order in (item for _, item in ran):
        assert (await told_of(booking, order.data.order_id))[-1:] == ["reservation.ended"]
    for order in (*missed, *stays):
        told = await told_of(booking, order.data.order_id)
        assert [item for item in told if item.startswith("reservation.")] == [
            "reservation.confirmed",
            "reservation.started",
            "reservation.no_show",
            "reservation.ended",
        ]
    for order in unpaid:
        assert (await told_of(booking, order.data.order_id)) == ["places.held", "hold.expired"]
    assert await active_claims(booking) == 0
    after = len(await booking.published())
    assert after > before
    await asyncio.gather(*(booking.turn(loop) for loop in turns))
    assert len(await booking.published()) == after
    async with booking.database.read() as reading:
        rows = await reading.all(sa.select(lodgings.c.status, sa.func.count().label("n")).group_by(lodgings.c.status))
    assert {row["status"]: row["n"] for row in rows} == {"ended": 6, "no_show": 12, "expired": 6}


@pytest.mark.feature("A16")
async def test_a_blocked_ticket_is_no_no_show_by_itself(booking: Running) -> None:
    space = await add_space(booking, no_show_minutes=30)
    path, order = await issued(booking, space)
    desk = booking.client(*DESK)
    assert (await post(desk, f"{path}/block")).status_code == 200
    booking.at(TOMORROW + HOUR)
    for loop in LOOPS:
        await booking.turn(loop)
    assert (await ticket_of(booking, order))["status"] == "active"
    assert await active_claims(booking) == 1
    booking.at(TOMORROW + 4 * HOUR)
    for loop in LOOPS:
        await booking.turn(loop)
    assert (await ticket_of(booking, order))["status"] == "ended"


@pytest.mark.feature("A16")
async def test_a_ticket_shorter_than_the_wait_for_its_visitor_just_ends(booking: Running) -> None:
    space = await add_space(booking, no_show_minutes=120)
    order = wants(space, quantity=1)
    await booking.handle(order, paid(order.data.order_id))
    booking.at(TOMORROW + timedelta(days=2))
    for _ in range(2):
        await asyncio.gather(*(booking.turn(loop) for loop in LOOPS))
    assert (await told_of(booking, order.data.order_id))[-2:] == ["reservation.started", "reservation.ended"]
