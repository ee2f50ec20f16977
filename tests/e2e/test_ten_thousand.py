"""Thousands of notifications while everything on their way is killed or away: each arrives, and once where the protocol
allows it.

Two workers are killed with -9 at random moments, the mail server, the push gateway and the broker are each away for a
while. What may come twice is what a killed worker had in hand, with the same Message-ID or tag; that is counted, and
so is the time from the mail server's acceptance to our commit, in which a kill makes a copy.
"""

import asyncio
import contextlib
import random
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from foyer_chassis.broker import Broker, Publisher
from foyer_chassis.messages import Incoming, Outgoing
from foyer_contracts.catalogue import envelope_of
from foyer_contracts.envelope import PUBLIC_EXCHANGE, Event
from foyer_contracts.notifications import DeliverySent
from foyer_contracts.samples import SAMPLES
from foyer_sandbox.testing import free_port
from foyer_tools import processes
from foyer_tools.places import ROOT
from foyer_tools.supervise import System
from foyer_tools.world import World

#: Urgent, so that no two of them become one message.
TYPE, TEMPLATE = "booking.class.cancelled.v1", "class_cancelled"
VISITORS = [f"visitor{number:02}" for number in range(1, 26)]
WORKER = "notifications-worker"
#: Deliveries that one worker has in hand at most (`FOYER_SEND_CONCURRENCY`).
IN_HAND = 16
AT_ONCE = 25


@dataclass
class Trouble:
    """What was done to the system."""

    kills: int = 0
    outages: list[str] = field(default_factory=list)


@dataclass
class Workers:
    """The system's own worker, and a second one beside it."""

    system: System
    second: subprocess.Popen[bytes] | None = None

    def start_second(self) -> None:
        spec = next(spec for spec in self.system.layout.services if spec.name == WORKER)
        self.second, _ = processes.spawn(
            self.system.state,
            f"{self.system.profile.name}.{WORKER}-2",
            spec.argv,
            group=self.system.profile.name,
            env={**spec.env, "FOYER_WORKER_PORT": str(free_port())},
            log=spec.log.with_name(f"{WORKER}-2.log"),
            cwd=ROOT,
        )

    def kill_one(self, chance: random.Random) -> None:
        """`kill -9`, and started again a moment later."""
        if chance.random() < 0.5:
            self.system.kill9(WORKER)
            self.system.start(WORKER, wait=False)
        else:
            self.end_second()
            self.start_second()

    def end_second(self) -> None:
        if self.second is not None:
            self.second.kill()
            self.second.wait()


@pytest.fixture
async def workers(system: System) -> AsyncIterator[Workers]:
    made = Workers(system)
    made.start_second()
    yield made
    made.end_second()
    system.start(WORKER)


def news_for(person_id: str) -> Event[Any]:
    data = SAMPLES[TYPE].data.model_copy(update={"class_booking_id": uuid4(), "visitor_id": UUID(person_id)})
    return Event.make(data, subject=data.class_booking_id, sequence=1, time=datetime.now(UTC))


async def feed(system: System, events: Sequence[Event[Any]], *, seconds: float) -> None:
    """Publish them spread over that time, as a relay does: again until the broker has confirmed."""
    left = list(events)
    pause = seconds * AT_ONCE / len(events)
    while left:
        try:
            async with Broker(system.amqp_admin_url, "test").publisher() as publisher:
                while left:
                    left = await _publish(publisher, left)
                    await asyncio.sleep(pause)
        except Exception:
            await asyncio.sleep(0.3)


async def _publish(publisher: Publisher, left: list[Event[Any]]) -> list[Event[Any]]:
    now = left[:AT_ONCE]
    outgoing = [Outgoing(PUBLIC_EXCHANGE, TYPE, event.to_json(), message_id=str(event.id)) for event in now]
    results = await publisher.publish(outgoing, timeout_seconds=5)
    refused = [event for event, result in zip(now, results, strict=True) if result is not None]
    if refused and not publisher.is_open:
        raise ConnectionError
    return refused + left[AT_ONCE:]


@asynccontextmanager
async def trouble(workers: Workers, people: World, *, seconds: float, away_seconds: float) -> AsyncIterator[Trouble]:
    """Kills at random moments while the block runs; at a quarter, half and three quarters of the time an outage."""
    system, chance, done = workers.system, random.Random(20261127), Trouble()
    switches = f"{system.sandbox_urls['mailbox']}/sandbox/switches"

    async def kill() -> None:
        while True:
            await asyncio.sleep(chance.uniform(1.5, 5))
            await asyncio.to_thread(workers.kill_one, chance)
            done.kills += 1

    async def outages() -> None:
        await asyncio.sleep(seconds / 4)
        await people.outside("PUT", switches, json={"down": True})
        await asyncio.sleep(away_seconds)
        await people.outside("DELETE", switches)
        done.outages.append("mail server")
        await asyncio.sleep(seconds / 4 - away_seconds)
        await asyncio.to_thread(system.kill9, "push")
        await asyncio.sleep(away_seconds)
        await asyncio.to_thread(system.start, "push")
        done.outages.append("push gateway")
        await asyncio.sleep(seconds / 4 - away_seconds)
        await asyncio.to_thread(system.restart_rabbitmq, immediate=True, down_seconds=away_seconds)
        done.outages.append("broker")

    killing, going = asyncio.create_task(kill()), asyncio.create_task(outages())
    try:
        yield done
        await going
    finally:
        for task in (killing, going):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def all_deliveries(people: World, ids: set[str]) -> list[dict[str, Any]]:
    """The deliveries of these events, as the API shows them."""
    found: list[dict[str, Any]] = []
    parameters: dict[str, Any] = {"limit": 200}
    while True:
        page = await people.ok("alex", "GET", "notifications/v1/deliveries", params=parameters)
        found += [item for item in page["items"] if item["event_id"] in ids]
        if page["next"] is None:
            people.acts.clear()
            return found
        parameters["after"] = page["next"]


async def feed_length(people: World, who: str, since: datetime) -> int:
    count: int = 0
    parameters: dict[str, Any] = {"limit": 100}
    while True:
        page = await people.ok(who, "GET", "notifications/v1/feed", params=parameters)
        new = [item for item in page["items"] if datetime.fromisoformat(item["created_at"]) >= since]
        count += len([item for item in new if item["template"] == TEMPLATE])
        if page["next"] is None or len(new) < len(page["items"]):
            return count
        parameters["after"] = page["next"]


@pytest.fixture
async def audit(system: System) -> Broker:
    """Another system that subscribes to what became of each."""
    broker = Broker(system.amqp_admin_url, "audit")
    await broker.declare(public=[DeliverySent.type])
    return broker


async def hear(audit: Broker, told: dict[str, set[str]]) -> None:
    """What has come to its queue: delivery → ids of the events that say that it was sent."""
    async with audit.subscription(prefetch=500) as subscription:
        with contextlib.suppress(TimeoutError):
            while True:
                async with asyncio.timeout(2):
                    batch = await subscription.batch(500)
                for message in batch:
                    event = envelope_of(DeliverySent).model_validate_json(message.body)
                    told.setdefault(str(event.data.delivery_id), set()).add(str(event.id))
                await subscription.acknowledge_through(batch[-1])


async def parked_of(system: System, ids: set[str]) -> list[str]:
    reasons: list[str] = []

    async def look(message: Incoming, _: Publisher) -> bool:
        if message.message_id in ids:
            reasons.append(str(message.headers.get("x-foyer-reason")))
        return False

    await Broker(system.amqp_admin_url, "notifications").take_parked(look, most=1000)
    return reasons


@pytest.mark.feature("X7")
@pytest.mark.parametrize(
    ("notifications", "seconds", "away_seconds"),
    [
        pytest.param(500, 20.0, 2.5, id="500"),
        pytest.param(10_000, 160.0, 15.0, id="10000", marks=pytest.mark.slow),
    ],
)
async def test_each_arrives_whatever_is_killed_or_away(
    people: World,
    system: System,
    workers: Workers,
    audit: Broker,
    notifications: int,
    seconds: float,
    away_seconds: float,
) -> None:
    for who in VISITORS:
        await people.ok(who, "PUT", "notifications/v1/me")
        assert (await people.call(who, "PUT", f"notifications/v1/devices/phone-of-{who}")).status_code == 204
    since = datetime.now(UTC)
    events = [news_for(people.names[VISITORS[number % len(VISITORS)]]) for number in range(notifications // 2)]
    ids = {str(event.id) for event in events}

    started = time.monotonic()
    async with trouble(workers, people, seconds=seconds, away_seconds=away_seconds) as done:
        await feed(system, events, seconds=seconds)
    system.start(WORKER, wait=False)

    async def all_told() -> bool:
        parameters = {"state": "queued", "limit": 200}
        page = await people.ok("alex", "GET", "notifications/v1/deliveries", params=parameters)
        if any(item["event_id"] in ids for item in page["items"]):
            await asyncio.sleep(0.5)
            return False
        return len(await all_deliveries(people, ids)) == notifications

    await people.until(all_told, "every notification is over", seconds=120 + seconds)
    took = time.monotonic() - started

    deliveries = await all_deliveries(people, ids)
    assert Counter(item["state"] for item in deliveries) == {"sent": notifications}
    assert len({(item["event_id"], item["channel"]) for item in deliveries}) == notifications
    for who in VISITORS:
        assert await feed_length(people, who, since) == notifications // 2 // len(VISITORS)
    assert await parked_of(system, ids) == []
    told: dict[str, set[str]] = {}

    async def all_published() -> bool:
        await hear(audit, told)
        return told.keys() >= {item["id"] for item in deliveries}

    await people.until(all_published, "the outcome of each is told", seconds=60)
    assert {len(told[item["id"]]) for item in deliveries} == {1}

    mailed = await mails_of(people, {item["id"] for item in deliveries if item["channel"] == "email"})
    pushed = await pushes_of(people, {item["id"] for item in deliveries if item["channel"] == "push"})
    names = {people.names[who]: who for who in VISITORS}
    for item in deliveries:
        who = names[item["recipient_id"]]
        found = mailed if item["channel"] == "email" else pushed
        assert {address for address, _ in found[item["id"]]} == {
            f"{who}@example.test" if item["channel"] == "email" else f"phone-of-{who}"
        }
    copies = {name: sum(len(of) - 1 for of in found.values()) for name, found in (("mail", mailed), ("push", pushed))}
    assert done.kills >= seconds // 6
    assert len(done.outages) == 3
    assert sum(copies.values()) <= (done.kills + len(done.outages)) * IN_HAND
    for name, found in (("mail", mailed), ("push", pushed)):
        window = sorted(
            datetime.fromisoformat(item["finished_at"]).timestamp() - max(at for _, at in found[item["id"]])
            for item in deliveries
            if item["id"] in found
        )
        print(f"{name}: taken → our commit begins: {_milliseconds(window)}; {copies[name]} copies")
    print(f"{notifications} notifications in {took:.0f} s, {done.kills} kills, away: {', '.join(done.outages)}")


def _milliseconds(ascending: list[float]) -> str:
    shares = {"p50": 0.5, "p99": 0.99, "max": 1}
    return ", ".join(f"{n} {ascending[int((len(ascending) - 1) * q)] * 1000:.1f} ms" for n, q in shares.items())


async def mails_of(people: World, ids: set[str]) -> dict[str, list[tuple[str, float]]]:
    """Delivery → whom a mail went to, and when the server took it, for each copy."""
    url = f"{people.system.sandbox_urls['mailbox']}/sandbox/messages"
    found: dict[str, list[tuple[str, float]]] = {}
    for mail in (await people.outside("GET", url, params={"limit": 1_000_000})).json():
        delivery = mail["message_id"].strip("<>").partition("@")[0]
        if delivery in ids:
            found.setdefault(delivery, []).append((mail["to"][0], mail["received_at"]))
    return found


async def pushes_of(people: World, ids: set[str]) -> dict[str, list[tuple[str, float]]]:
    """The same of telephones; what shows a copy as one is its tag."""
    url = f"{people.system.sandbox_urls['push']}/sandbox/messages"
    found: dict[str, list[tuple[str, float]]] = {}
    for push in (await people.outside("GET", url, params={"limit": 1_000_000})).json():
        delivery = push["message"]["android"]["notification"]["tag"]
        if delivery in ids:
            found.setdefault(delivery, []).append((push["message"]["token"], push["accepted_at"]))
    return found
