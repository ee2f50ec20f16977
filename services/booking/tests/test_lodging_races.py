"""Workplaces and rooms when many want them at once: fights for the last one, and random lives from many connections."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
import sqlalchemy as sa
from booking.lodging.domain import TAKING
from booking.lodging.tables import claims, lodgings, offers
from foyer_chassis.testing import Running
from foyer_contracts.envelope import Event
from foyer_contracts.orders import OrderPlaced

from .conftest import NOW, cancelled, paid
from .races import at_once, deadlocks
from .test_coworking import HELD, UNAVAILABLE, Space, add_space, issued, post
from .test_coworking import wants as wants_ticket
from .test_hotel import ARRIVAL, Hotel, add_hotel
from .test_hotel import wants as wants_stay

RIVALS = 64
#: How what is kept comes to its end: all of these, or chance has not tried what it is to.
ENDS = {"taken", "declined", "expired"}
LOOPS = ("expire-lodgings", "start-lodgings", "give-up-lodgings", "end-lodgings")


async def fight(booking: Running, orders: list[Event[OrderPlaced]], *, together: bool) -> float:
    """Milliseconds until all are answered: in one batch as the consumer takes them, or each by itself at once."""
    await asyncio.gather(*(booking.published() for _ in range(8)))
    started = time.perf_counter()
    if together:
        await booking.handle(*orders)
    else:
        await asyncio.gather(*(booking.handle(order) for order in orders))
    return (time.perf_counter() - started) * 1000


@pytest.mark.feature("A16")
@pytest.mark.feature("A17")
@pytest.mark.parametrize("together", [True, False], ids=["one batch", "each by itself"])
@pytest.mark.parametrize("what", ["workplace", "any place", "last room"])
async def test_sixty_four_want_the_last_one(booking: Running, what: str, together: bool) -> None:
    if what == "last room":
        hotel = await add_hotel(booking, rooms=2)
        await booking.handle(wants_stay(hotel, ARRIVAL - timedelta(days=1), 5))
        orders = [wants_stay(hotel, nights=2) for _ in range(RIVALS)]
    else:
        space = await add_space(booking, places=2)
        await booking.handle(wants_ticket(space, place=space.places[0]))
        place = space.places[1] if what == "workplace" else None
        orders = [wants_ticket(space, place=place) for _ in range(RIVALS)]
    took = await fight(booking, orders, together=together)
    assert len(await booking.published(HELD)) == 2
    told = await booking.published(UNAVAILABLE)
    assert [event.data.reason for event in told] == ["places_taken"] * (RIVALS - 1)
    assert await deadlocks(booking) == 0
    print(f"sixty-four for the {what}, {'in one batch' if together else 'each by itself'}: {took:.0f} ms")


@pytest.mark.feature("A16")
async def test_all_move_to_the_one_free_place(booking: Running) -> None:
    space = await add_space(booking, places=9)
    paths = [(await issued(booking, space, place=place))[0] for place in space.places[:-1]]
    desk = booking.client("dora", "front_desk")
    answers = await at_once([post(desk, f"{path}/move", {"place_id": str(space.places[-1])}) for path in paths])
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    # And round in a ring, each to the place of the next: nobody can, and nobody waits for ever.
    ring = [post(desk, f"{path}/move", {"place_id": str(space.places[n])}) for n, path in enumerate(paths)]
    assert {answer.status_code for answer in await at_once(ring)} <= {200, 409}
    assert await deadlocks(booking) == 0
    await check(booking)


async def check(booking: Running) -> None:
    """What must hold whatever happened in whatever order."""
    async with booking.database.read() as reading:
        mine, other = claims.alias(), claims.alias()
        overlapping = sa.select(mine.c.unit_id).where(
            mine.c.active,
            other.c.active,
            mine.c.unit_id == other.c.unit_id,
            mine.c.id < other.c.id,
            mine.c.during.op("&&")(other.c.during),
        )
        assert await reading.all(overlapping) == []
        held = (
            sa.select(sa.func.count())
            .where(claims.c.lodging_id == lodgings.c.id, claims.c.active)
            .correlate(lodgings)
            .scalar_subquery()
        )
        until = (
            sa.select(sa.func.min(sa.func.upper(claims.c.during)))
            .where(claims.c.lodging_id == lodgings.c.id, claims.c.active)
            .correlate(lodgings)
            .scalar_subquery()
        )
        since = (
            sa.select(sa.func.min(sa.func.lower(claims.c.during)))
            .where(claims.c.lodging_id == lodgings.c.id, claims.c.active)
            .correlate(lodgings)
            .scalar_subquery()
        )
        taken_by = (
            sa.select(sa.func.count())
            .where(claims.c.offer_id == offers.c.id, claims.c.active)
            .correlate(offers)
            .scalar_subquery()
        )
        kept = await reading.all(sa.select(offers.c.status, offers.c.rooms, taken_by.label("held")))
        rows = await reading.all(
            sa.select(
                lodgings.c.starts_at,
                since.label("since"),
                lodgings.c.number,
                lodgings.c.status,
                lodgings.c.rooms,
                lodgings.c.ends_at,
                held.label("held"),
                until.label("until"),
            )
        )
    for offer in kept:
        assert offer["held"] == (offer["rooms"] if offer["status"] == "open" else 0), dict(offer)
    for row in rows:
        if row["status"] in TAKING:
            # As many units as it has, to its very end; nothing is held without an owner.
            assert (row["held"], row["until"]) == (row["rooms"], row["ends_at"]), dict(row)
            assert row["since"] >= row["starts_at"], dict(row)
        else:
            assert row["held"] == 0, dict(row)


class Life:
    """People, the desk and the clock, who do whatever comes to their mind."""

    def __init__(self, booking: Running, space: Space, hotel: Hotel, chance: random.Random) -> None:
        self.booking, self.space, self.hotel, self.chance = booking, space, hotel, chance
        self.orders: list[Event[OrderPlaced]] = []
        self.kept: list[tuple[str, str]] = []  # for whom, offer
        self.desk = booking.client("alex", "administrator")
        self.now = NOW
        self.refused = 0

    def order(self) -> Event[OrderPlaced]:
        made = self.wish()
        self.orders.append(made)
        return made

    def wish(self, **more: Any) -> Event[OrderPlaced]:
        chance = self.chance
        if chance.random() < 0.5:
            starts_at = self.now.replace(minute=0) + timedelta(hours=chance.randint(1, 6))
            place = chance.choice([None, *self.space.places])
            return wants_ticket(self.space, starts_at, quantity=chance.randint(1, 3), place=place, **more)
        arrival = self.now.date() + timedelta(days=chance.randint(0, 2))
        rooms = chance.choice([1, 1, 2])
        return wants_stay(self.hotel, arrival, chance.randint(1, 3), rooms=rooms, **more)

    async def keep(self) -> None:
        """Something is kept for somebody, and mostly ordered: in time, too late, twice, or by somebody else."""
        who = f"person{self.chance.randrange(6)}"
        order = self.wish(applicant_id=self.booking.identity.id_of(who))
        what = "ticket" if order.data.ticket is not None else "stay"
        asked = getattr(order.data, what)
        body = asked.model_dump(mode="json", exclude={"visitor", "offer_id"}, exclude_none=True)
        kind = {"kind": "workplace" if what == "ticket" else "room"}
        answer = await post(self.booking.client(who), "/v1/offers", {**kind, **body})
        assert answer.status_code < 500, answer.text
        self.refused += answer.status_code >= 400
        if answer.status_code != 201:
            return
        self.kept.append((who, answer.json()["id"]))
        if self.chance.random() < 0.4:
            return
        request = asked.model_copy(update={"offer_id": UUID(answer.json()["id"])})
        if self.chance.random() < 0.1:
            order = wants_ticket(self.space) if what == "ticket" else wants_stay(self.hotel)
        placed_at = self.now + timedelta(minutes=self.chance.choice([0, 0, 0, 20]))
        naming = order.model_copy(update={"data": order.data.model_copy(update={what: request}), "time": placed_at})
        self.orders.append(naming)
        await asyncio.gather(*(self.booking.handle(naming) for _ in range(self.chance.choice([1, 2]))))

    async def decline(self) -> None:
        if self.kept:
            who, offer_id = self.kept.pop(self.chance.randrange(len(self.kept)))
            assert (await self.booking.client(who).delete(f"/v1/offers/{offer_id}")).status_code == 204

    async def paths(self) -> list[str]:
        async with self.booking.database.read() as reading:
            rows = await reading.all(sa.select(lodgings.c.id, lodgings.c.kind).order_by(lodgings.c.number))
        return [f"/v1/{'tickets' if row['kind'] == 'ticket' else 'stays'}/{row['id']}" for row in rows]

    def act(self, paths: list[str]) -> Callable[[], Awaitable[object]]:
        """Something to do; it may be refused, never fail."""
        chance, booking = self.chance, self.booking
        whim = chance.random()
        if whim < 0.25 or not self.orders:
            made = self.order()
            return lambda: booking.handle(made)
        if whim < 0.33:
            return self.keep
        if whim < 0.37:
            return self.decline
        order_id = chance.choice(self.orders[-30:]).data.order_id
        if whim < 0.5:
            recent = chance.choice(self.orders[-8:]).data.order_id
            return lambda: booking.handle(paid(recent))
        if whim < 0.6:
            sequence = chance.randint(5, 500)
            return lambda: booking.handle(cancelled(order_id, "customer_request", sequence=sequence))
        if whim < 0.7 or not paths:
            loop = chance.choice(LOOPS)
            return lambda: booking.turn(loop)
        path = chance.choice(paths[-20:])
        verb, body = self.verb(path)
        return lambda: self.ask(f"{path}/{verb}", body)

    def verb(self, path: str) -> tuple[str, dict[str, Any]]:
        chance = self.chance
        verbs: list[tuple[str, dict[str, Any]]]
        if path.startswith("/v1/tickets"):
            verbs = [
                ("check-in", {}),
                ("check-out", {}),
                ("extend", {"quantity": 1}),
                ("move", {"place_id": str(chance.choice(self.space.places))}),
                ("end", {}),
                ("no-show", {}),
            ]
            return chance.choice(verbs)
        arrival = self.now.date() + timedelta(days=chance.randint(0, 2))
        departure = arrival + timedelta(days=chance.randint(1, 3))
        verbs = [
            ("check-in", {}),
            ("check-out", {}),
            ("dates", {"arrival": arrival.isoformat(), "departure": departure.isoformat()}),
            ("move", {"room_id": str(chance.choice(self.hotel.rooms))}),
            ("no-show", {}),
        ]
        return chance.choice(verbs)

    async def ask(self, path: str, body: dict[str, Any]) -> None:
        answer: httpx2.Response = await post(self.desk, path, body)
        assert answer.status_code < 500, answer.text
        self.refused += answer.status_code >= 400


@pytest.mark.feature("A26")
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_whatever_happens_nothing_overlaps_and_all_that_is_freed_can_be_had(booking: Running, seed: int) -> None:
    space = await add_space(booking, places=4, no_show_minutes=30, hold_ttl_seconds=1_800)
    hotel = await add_hotel(booking, rooms=3, overbooking=1, no_show_minutes=240, hold_ttl_seconds=1_800)
    life = Life(booking, space, hotel, random.Random(seed))
    for _ in range(14):
        paths = await life.paths()
        await asyncio.gather(*(act() for act in [life.act(paths) for _ in range(20)]))
        await check(booking)
        life.now += timedelta(minutes=life.chance.choice([0, 5, 20, 45, 90]))
        booking.at(life.now)
    statuses = await _statuses(booking)
    assert len(statuses) >= 3, statuses
    life.now += timedelta(minutes=20)
    booking.at(life.now)
    await asyncio.gather(*(booking.turn("expire-lodgings") for _ in range(3)))
    ended = await _statuses(booking, offers)
    assert ended
    assert ended <= ENDS
    await check(booking)
    # Everybody gives everything back; what there is can be had again, all of it and not one more.
    for order in life.orders:
        await booking.handle(cancelled(order.data.order_id, "customer_request", sequence=10_000))
    await check(booking)
    before = len(await booking.published(HELD))
    starts_at = life.now.replace(hour=10, minute=0) + timedelta(days=2)
    await asyncio.gather(*(booking.handle(wants_ticket(space, starts_at, quantity=6)) for _ in range(6)))
    tonight = life.now.date() + timedelta(days=1)
    await asyncio.gather(*(booking.handle(wants_stay(hotel, tonight, 5)) for _ in range(6)))
    assert len(await booking.published(HELD)) == before + 4 + 3 + 1
    assert await deadlocks(booking) == 0


async def _statuses(booking: Running, table: sa.Table = lodgings) -> set[str]:
    async with booking.database.read() as reading:
        return set((await reading.execute(sa.select(table.c.status).distinct())).scalars())
