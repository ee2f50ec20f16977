"""Everything at once, from many connections, in orders that chance makes: no place is two's, nothing is kept for nobody,
what is free can be booked, and who waits for what is free is asked (X5)."""

import asyncio
import random
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from foyer_chassis.testing import Running
from foyer_contracts.envelope import Event

from .conftest import NOW, TOMORROW, add_resource, cancelled, paid, placed
from .test_places import block, deadlocks

WORKERS, STEPS, ROUNDS = 8, 6, 6
#: Chance goes on until everything has happened that it is to try, but not for ever.
MOST_ROUNDS = 30
HAPPENS = {
    "booking.hold.expired.v1",
    "booking.reservation.confirmed.v1",
    "booking.reservation.rescheduled.v1",
    "booking.occurrences.cancelled.v1",
    "booking.offer.made.v1",
    "booking.offer.expired.v1",
    "booking.offer.taken.v1",
}
HOUR, MINUTE, WEEK = timedelta(hours=1), timedelta(minutes=1), timedelta(days=7)

#: Claims that overlap on a place; claims of nobody; live owners with more or less than they need.
OVERLAPS = """
    SELECT count(*) FROM slot_claims a JOIN slot_claims b
    ON a.resource_id = b.resource_id AND a.place = b.place AND a.blocked && b.blocked AND a.ctid < b.ctid
"""
OWNERS = """
    SELECT id, 'reservation' AS owner, resource_id, quantity, ARRAY[lower(during), upper(during)]::timestamptz[] AS times
    FROM reservations WHERE status IN ('held', 'confirmed', 'active') AND occurrences IS NULL
    UNION ALL
    SELECT id, 'reservation', coalesce(o.resource_id, reservations.resource_id), quantity, ARRAY[o.starts_at, o.ends_at]
    FROM reservations, jsonb_to_recordset(occurrences)
        AS o (resource_id uuid, starts_at timestamptz, ends_at timestamptz, cancelled bool)
    WHERE status IN ('held', 'confirmed', 'active') AND NOT o.cancelled
    UNION ALL SELECT id, 'offer', resource_id, quantity, ARRAY[starts_at, ends_at] FROM waiting_offers
        WHERE status = 'open'
    UNION ALL SELECT id, 'block', resource_id, NULL, ARRAY[starts_at, ends_at] FROM resource_blocks
"""
CLAIMS = "SELECT owner, owner_id, resource_id, sum(upper(blocked) - lower(blocked)) AS taken FROM slot_claims GROUP BY 1, 2, 3"


class Hotspot:
    """A few resources and hours that everybody wants, and what was done to them."""

    def __init__(self, booking: Running, chance: random.Random) -> None:
        self.booking, self.chance = booking, chance
        self.resources: dict[UUID, dict[str, Any]] = {}
        self.orders: list[Event[Any]] = []
        self.blocks: list[str] = []
        self.now = NOW
        self.statuses: list[int] = []

    async def prepare(self) -> None:
        short: dict[str, Any] = {"hold_ttl_seconds": 180, "offer_minutes": 2}
        room = await add_resource(self.booking, **short)
        for more in (
            {},
            {"capacity": 3},
            {"buffer_before_minutes": 10, "buffer_after_minutes": 30},
        ):
            await add_resource(self.booking, beside=room, **{**short, **more})
        admin = self.booking.client("alex", "administrator")
        items = (await admin.get("/v1/resources")).json()["items"]
        several = next(item["id"] for item in items if item["capacity"] == 3)
        await add_resource(self.booking, beside=room, part_ids=[str(room), several], **short)
        items = (await admin.get("/v1/resources")).json()["items"]
        self.resources = {UUID(item["id"]): item for item in items}

    def time(self) -> tuple[datetime, int]:
        return TOMORROW + self.chance.randrange(6) * HOUR / 2, self.chance.choice((30, 60, 90))

    def person(self) -> str:
        return f"person{self.chance.randrange(5)}"

    async def step(self) -> None:
        act = self.chance.choices(
            (self.place, self.pay, self.cancel, self.move, self.move_times, self.give_up, self.block, self.unblock,
             self.join, self.leave, self.take_offer, self.tick),
            (20, 14, 10, 12, 12, 6, 3, 5, 16, 2, 10, 6),
        )[0]  # fmt: skip
        await act()

    async def place(self) -> None:
        batch = []
        for _ in range(self.chance.choice((1, 1, 3))):
            resource = self.chance.choice(list(self.resources))
            starts_at, minutes = self.time()
            more: dict[str, Any] = {}
            if self.chance.random() < 0.25:
                more["recurrence"] = "FREQ=WEEKLY;COUNT=3"
            more["quantity"] = self.chance.randint(1, self.resources[resource]["capacity"])
            applicant = self.booking.identity.id_of(self.person())
            batch.append(placed(resource, starts_at, minutes=minutes, applicant_id=applicant, **more))
        self.orders += batch
        await self.booking.handle(*batch)

    async def some(self, where: str = "true") -> Any:
        """A live reservation by chance, if there is any."""
        live = "SELECT * FROM reservations WHERE status IN ('held', 'confirmed') AND " + where + " ORDER BY id"
        found = await self.rows(live)
        return self.chance.choice(found) if found else None

    async def pay(self) -> None:
        if self.orders:
            late, due = self.chance.choice(self.orders[-20:]), await self.some("status = 'held'")
            ids = {late.data.order_id} if due is None or self.chance.random() < 0.3 else {due["order_id"]}
            await self.booking.handle(*(paid(id_) for id_ in ids))

    async def cancel(self) -> None:
        if reservation := await self.some():
            await self.booking.handle(cancelled(reservation["order_id"], "customer_request"))

    async def move(self) -> None:
        if reservation := await self.some("occurrences IS NULL"):
            length = reservation["during"].upper - reservation["during"].lower
            starts_at = self.time()[0]
            body = {"starts_at": starts_at.isoformat(), "ends_at": (starts_at + length).isoformat()}
            if self.chance.random() < 0.4:
                body["resource_id"] = str(self.chance.choice(list(self.resources)))
            await self.call("POST", f"/v1/orders/{reservation['order_id']}/reservation/reschedule", body)

    async def move_times(self) -> None:
        if reservation := await self.some("occurrences IS NOT NULL"):
            meant = self.chance.choice(reservation["occurrences"])
            was, until = (datetime.fromisoformat(meant[name]) for name in ("starts_at", "ends_at"))
            starts_at = self.time()[0] + self.chance.choice((0, 0, meant["number"])) * WEEK
            body = {"number": meant["number"], "scope": self.chance.choice(("one", "following", "all"))}
            body |= {"starts_at": starts_at.isoformat(), "ends_at": (starts_at + (until - was)).isoformat()}
            if self.chance.random() < 0.4:
                body["resource_id"] = str(self.chance.choice(list(self.resources)))
            await self.call("POST", f"/v1/orders/{reservation['order_id']}/reservation/occurrences/reschedule", body)

    async def give_up(self) -> None:
        if reservation := await self.some("occurrences IS NOT NULL"):
            starts_at = self.chance.choice(reservation["occurrences"])["starts_at"]
            body = {"starts_at": starts_at, "scope": self.chance.choice(("one", "one", "following"))}
            await self.call("POST", f"/v1/orders/{reservation['order_id']}/reservation/occurrences/cancel", body)

    async def block(self) -> None:
        answer = await block(self.booking, self.chance.choice(list(self.resources)), self.time()[0], 0.5)
        self.statuses.append(answer.status_code)
        if answer.status_code == 201:
            self.blocks.append(answer.json()["id"])

    async def unblock(self) -> None:
        if self.blocks:
            await self.call("DELETE", f"/v1/blocks/{self.blocks.pop()}")

    async def join(self) -> None:
        resource, (starts_at, minutes) = self.chance.choice(list(self.resources)), self.time()
        body = {
            "resource_id": str(resource),
            "starts_at": starts_at.isoformat(),
            "ends_at": (starts_at + minutes * MINUTE).isoformat(),
            "quantity": self.chance.randint(1, self.resources[resource]["capacity"]),
        }
        await self.call("POST", "/v1/waiting-list", body, self.person(), "customer")

    async def leave(self) -> None:
        who = self.person()
        items = (await self.booking.client(who).get("/v1/waiting-list")).json()["items"]
        if items:
            await self.call("DELETE", f"/v1/waiting-list/{self.chance.choice(items)['id']}", None, who, "customer")

    async def take_offer(self) -> None:
        if made := await self.rows("SELECT * FROM waiting_offers ORDER BY status = 'open' DESC, id DESC LIMIT 3"):
            offer = self.chance.choice(made)
            order = placed(
                offer["resource_id"],
                offer["starts_at"],
                minutes=(offer["ends_at"] - offer["starts_at"]) // MINUTE,
                applicant_id=offer["applicant_id"],
                offer_id=offer["id"],
                quantity=offer["quantity"],
            )
            self.orders.append(order)
            await self.booking.handle(order)

    async def tick(self) -> None:
        self.now += self.chance.choice((1, 2)) * MINUTE
        self.booking.at(self.now)
        await self.booking.turn("expire-holds")

    async def call(
        self, method: str, path: str, body: Any = None, who: str = "rita", role: str = "rent_manager"
    ) -> None:
        client = self.booking.client(who, role)
        answer = await client.request(method, path, json=body, headers={"Idempotency-Key": uuid4().hex})
        self.statuses.append(answer.status_code)

    async def rows(self, sql: str) -> list[Any]:
        async with self.booking.database.read() as reading:
            return list(await reading.all(sa.text(sql)))

    def needed(self, owner: Any) -> dict[UUID, timedelta]:
        """How much time of which resources an owner takes at one time."""
        resource = self.resources[owner["resource_id"]]
        before, after = (resource[f"buffer_{name}_minutes"] * MINUTE for name in ("before", "after"))
        length = owner["times"][1] - owner["times"][0]
        if owner["owner"] != "block":
            length += before + after
        if resource["part_ids"]:
            return {UUID(part): length * self.resources[UUID(part)]["capacity"] for part in resource["part_ids"]}
        quantity = resource["capacity"] if owner["owner"] == "block" else owner["quantity"]
        return {owner["resource_id"]: length * quantity}

    async def check(self) -> None:
        assert [tuple(row.values()) for row in await self.rows(OVERLAPS)] == [(0,)]
        taken: dict[tuple[str, UUID], dict[UUID, timedelta]] = {}
        for row in await self.rows(CLAIMS):
            taken.setdefault((row["owner"], row["owner_id"]), {})[row["resource_id"]] = row["taken"]
        needed: dict[tuple[str, UUID], dict[UUID, timedelta]] = {}
        for owner in await self.rows(OWNERS):
            of_owner = needed.setdefault((owner["owner"], owner["id"]), {})
            for resource, length in self.needed(owner).items():
                of_owner[resource] = of_owner.get(resource, timedelta(0)) + length
        assert taken == needed

    async def nobody_waits_for_what_is_free(self, resource: UUID) -> dict[datetime, int]:
        """How many places of each slot around the hotspot are left."""
        answer = await self.booking.client("anna").get(
            f"/v1/resources/{resource}/availability", params={"from": TOMORROW.date().isoformat()}
        )
        slots = [slot for slot in answer.json()["days"][0]["slots"] if "08:00" <= slot["starts_at"][11:16] < "14:30"]
        left = {datetime.fromisoformat(slot["starts_at"]): slot["left"] for slot in slots}
        for entry in await self.rows("SELECT * FROM waiting_entries WHERE status = 'waiting'"):
            if entry["resource_id"] == resource:
                least = min(places for at, places in left.items() if entry["starts_at"] <= at < entry["ends_at"])
                assert least < entry["quantity"], f"somebody waits for what is free: {entry}"
        return left


@pytest.mark.feature("X5")
@pytest.mark.feature("A15")
@pytest.mark.parametrize("seed", range(2))
async def test_whatever_happens_every_place_is_ones_and_of_somebody(booking: Running, seed: int) -> None:
    hotspot = Hotspot(booking, random.Random(seed))
    await hotspot.prepare()
    before = await deadlocks(booking)

    async def worker() -> None:
        for _ in range(STEPS):
            await hotspot.step()

    async def everything_happened() -> bool:
        moved = await booking.published("booking.reservation.rescheduled.v1")
        seen = {event.type for event in await booking.published()}
        return seen >= HAPPENS and any(event.data.moved for event in moved)

    for number in range(MOST_ROUNDS):
        await asyncio.gather(*(worker() for _ in range(WORKERS)))
        await hotspot.check()
        for resource in hotspot.resources:
            await hotspot.nobody_waits_for_what_is_free(resource)
        if number >= ROUNDS - 1 and await everything_happened():
            break
    assert await everything_happened()
    assert max(hotspot.statuses) < 500
    assert {200, 201, 204, 409} <= set(hotspot.statuses)
    await bookable(hotspot)
    await hotspot.check()
    # All holds and offers come to their end, and all of what is not paid is free.
    for _ in range(30):
        hotspot.now += 3 * MINUTE
        booking.at(hotspot.now)
        await booking.turn("expire-holds")
    await hotspot.check()
    assert not await hotspot.rows("SELECT 1 FROM waiting_offers WHERE status = 'open'")
    await booking.handle(*(cancelled(order.data.order_id, "customer_request", sequence=9) for order in hotspot.orders))
    for id_ in hotspot.blocks:
        await hotspot.call("DELETE", f"/v1/blocks/{id_}")
    hotspot.now += 5 * HOUR
    booking.at(hotspot.now)
    for _ in range(10):
        await booking.turn("expire-holds")
        hotspot.now += 3 * MINUTE
        booking.at(hotspot.now)
    assert await hotspot.rows("SELECT 1 FROM slot_claims") == []
    assert await deadlocks(booking) == before


async def bookable(hotspot: Hotspot) -> None:
    """What is listed as free can be booked, and what is not cannot."""
    booking = hotspot.booking
    for resource in hotspot.resources:
        left = await hotspot.nobody_waits_for_what_is_free(resource)
        for at, places in hotspot.chance.sample(sorted(left.items()), k=6):
            one = placed(resource, at, minutes=30, quantity=max(1, places))
            await booking.handle(one)
            path = f"/v1/orders/{one.data.order_id}/reservation"
            status = (await booking.client("rita", "rent_manager").get(path)).status_code
            assert status == (200 if places else 404), (resource, at, places)
            await booking.handle(cancelled(one.data.order_id, "customer_request"))
