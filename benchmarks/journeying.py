"""`journey`: whole bookings at a steady rate through every service, and `memory`: what the processes use afterwards."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import psutil
from foyer_contracts import orders
from foyer_tools.places import SERVICES

from . import messages, seed
from .bench import CUSTOMERS, Bench
from .figures import MILLISECONDS, BenchError, Figure, p50_ms, p99_ms, percentile
from .hopping import Pace, bare_hop_ms
from .load import Client, check, request

PLACE = "/api/orders/v1/orders"
WAIT = "wait=20"
#: placed → booking, held → orders, priced → payments, link → orders; paid → booking, confirmed → orders.
HOPS = 6
HOP_PACE = Pace(100, 2.0, 0.0)
GOAL_MS = 250.0
SETTLE_SECONDS = 60.0
MEBIBYTE = 2**20
MOST_MEBIBYTES = 900.0
ALL_PROCESSES = 2 * len(SERVICES)


@dataclass(frozen=True, slots=True)
class Travelled:
    """A journey as its customer saw it: `own_seconds` is the time between seeing the link and paying."""

    order_id: UUID
    own_seconds: float


class Pool:
    """Keep-alive connections to one address; as many as are needed at once."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._free: list[Client] = []

    async def ask(self, text: bytes) -> Any:
        try:
            client = await self._client()
            answer = await client.ask(text)
        except BenchError:
            # It was closed for having been idle, as servers do, at the very moment of its use; all requests here
            # may be repeated.
            client = await Client.open(self._url)
            answer = await client.ask(text)
        self._free.append(client)
        check(answer, 201 if text.startswith(f"POST {PLACE} ".encode()) else 200)
        return json.loads(answer.body)

    async def _client(self) -> Client:
        while self._free:
            if (client := self._free.pop()).is_open:
                return client
        return await Client.open(self._url)

    def close(self) -> None:
        for client in self._free:
            client.close()


async def _travel(gateway: Pool, provider: Pool, token: str, slot: seed.Slot) -> Travelled:
    """Order through the gateway, wait for the payment link, pay at once."""
    text = request("POST", PLACE, token, slot.order_body(), Idempotency_Key=uuid4().hex, Prefer=WAIT)
    order = await gateway.ask(text)
    seen = time.perf_counter()
    url = order["money"]["payment_url"]
    if not url:
        raise BenchError(f"an order is {order['status']} and has no payment link: {order['cancel_reason']}")
    pay = request("POST", f"/sandbox/payments/{url.rpartition('/')[2]}/pay", token, b"{}")
    own_seconds = time.perf_counter() - seen
    await provider.ask(pay)
    return Travelled(UUID(order["id"]), own_seconds)


async def _travel_all(
    bench: Bench, tokens: list[str], slots: Iterator[seed.Slot], per_second: float, seconds: float
) -> list[Travelled]:
    """Journeys that begin at even distances, however long each takes."""
    gateway, provider = Pool(bench.system.gateway_url), Pool(bench.system.sandbox_urls["provider"])
    loop, tasks = asyncio.get_running_loop(), []
    started = loop.time()
    try:
        for number in range(round(per_second * seconds)):
            await asyncio.sleep(max(0.0, started + number / per_second - loop.time()))
            token = tokens[number % len(tokens)]
            tasks.append(asyncio.create_task(_travel(gateway, provider, token, next(slots))))
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        gateway.close()
        provider.close()


async def measure(bench: Bench) -> list[Figure]:
    """Every service of the checkout runs, API and worker, with the gateway and the whole sandbox.

    The time of a journey is taken from the order's history, the same instants as its events carry: from placed to
    confirmed. The order is confirmed when its reservation is and its money is there.
    """
    per_second, seconds = (2.0, 5.0) if bench.scale.quick else (20.0, 60.0)
    await bench.only()
    hop_ms = await bare_hop_ms(bench, HOP_PACE)
    await seed.empty(bench)
    await bench.only(*bench.system.names)
    tokens = await bench.tokens(CUSTOMERS)
    slots = seed.free_slots()
    warm_up = await _travel_all(bench, tokens, slots, per_second, min(5.0, seconds))
    await _settled(bench, [each.order_id for each in warm_up])
    meter, offset = bench.meter(), await messages.logged(bench)
    with meter.running():
        travelled = await _travel_all(bench, tokens, slots, per_second, seconds)
    times = await _settled(bench, [each.order_id for each in travelled])
    bench.memory = _memory(bench)
    if left := await messages.parked(bench):
        raise BenchError(f"messages were parked: {left}")
    durations = [times[each.order_id] - each.own_seconds for each in travelled]
    p99 = p99_ms(durations)
    stages = _stages(await messages.log_since(bench, offset), {str(each.order_id) for each in travelled})
    return [
        Figure(
            name="journey",
            what=f"placed → confirmed, {per_second:.0f}/s for {seconds:.0f} s, p99",
            unit="ms",
            limit=HOPS * hop_ms,
            ours=p99,
            goal="p99 ≤ 250 ms, all complete",
            ok=p99 <= GOAL_MS,
            p50_ms=p50_ms(durations),
            p99_ms=p99,
            beside=str(meter),
            note=f"all {len(travelled)} complete; longest {max(durations) * MILLISECONDS:.0f} ms;"
            f" the limit is {HOPS} bare hops at their median, without the provider's own time;"
            f" events after placed, median: {stages}",
        )
    ]


def _stages(log: list[dict[str, Any]], ids: set[str]) -> str:
    """How long after `placed` each kind of event about an order came, at the median: where the time goes."""
    about = [event for event in log if str(event["data"].get("order_id")) in ids]
    placed = {e["data"]["order_id"]: _instant(e) for e in about if e["type"] == orders.OrderPlaced.type}
    after: defaultdict[str, list[float]] = defaultdict(list)
    for event in about:
        if (begun := placed.get(event["data"]["order_id"])) is not None:
            after[event["type"].removesuffix(".v1")].append(_instant(event) - begun)
    medians = sorted((percentile(times, 50), name) for name, times in after.items())
    return ", ".join(f"{name} {seconds * MILLISECONDS:.0f} ms" for seconds, name in medians)


def _instant(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["time"]).timestamp()


async def _settled(bench: Bench, ids: list[UUID]) -> dict[UUID, float]:
    """Seconds from placed to confirmed of each order, when all are; BenchError if one does not get there."""
    async with bench.database("orders") as ordering, bench.database("booking") as booking:

        async def confirmed() -> bool:
            here = "SELECT count(*) FROM orders WHERE status = 'confirmed' AND id = ANY($1)"
            there = "SELECT count(*) FROM reservations WHERE status = 'confirmed' AND order_id = ANY($1)"
            return bool(
                await ordering.fetchval(here, ids) == len(ids) and await booking.fetchval(there, ids) == len(ids)
            )

        await bench.until(confirmed, f"{len(ids)} journeys are complete", seconds=SETTLE_SECONDS, every_seconds=0.2)
        rows = await ordering.fetch(
            """
            SELECT placed.order_id, extract(epoch FROM confirmed.at - placed.at)::float8 AS seconds
            FROM order_history placed JOIN order_history confirmed USING (order_id)
            WHERE placed.version = 1 AND confirmed.to_status = 'confirmed' AND order_id = ANY($1)
            """,
            ids,
        )
    return {row["order_id"]: row["seconds"] for row in rows}


def _memory(bench: Bench) -> dict[str, float]:
    """MiB of each service process: its own pages, and its share of those it has in common with others (PSS)."""
    names = [f"{service}-{role}" for service in bench.system.profile.services for role in ("api", "worker")]
    found = {}
    for name in names:
        used = psutil.Process(bench.pid(name)).memory_full_info()
        found[name] = (getattr(used, "pss", 0) or used.rss) / MEBIBYTE
    return found


async def measure_memory(bench: Bench) -> list[Figure]:
    """After `journey`, which is run for this if it was not asked for."""
    if not bench.memory:
        await measure(bench)
    together = sum(bench.memory.values())
    count = len(bench.memory)
    most = MOST_MEBIBYTES * count / ALL_PROCESSES
    return [
        Figure(
            name="memory",
            what=f"{count} processes of {count // 2} services after journey",
            unit="MiB",
            limit=None,
            ours=together,
            goal=f"≤ 900 MiB for ten{'' if count == ALL_PROCESSES else f', so ≤ {most:.0f} for {count}'}",
            ok=together <= most,
            note=", ".join(f"{name} {used:.0f}" for name, used in bench.memory.items()),
        )
    ]
