"""`relay`: what waits in the outbox goes to the broker, beside a bare script that only publishes."""

from __future__ import annotations

import time
from statistics import median
from typing import Any

from foyer_contracts.orders import OrderPlaced
from foyer_contracts.samples import SAMPLES

from . import messages, seed
from .bench import Bench
from .figures import Figure, in_turn
from .machine import Meter

EVENT = SAMPLES[OrderPlaced.type]
ROWS = 50_000
SECONDS = 120.0


async def relay_once(bench: Bench, rows: int) -> float:
    """Put rows into the outbox of orders, whose relay runs; seconds from their commit until all are published."""
    async with bench.database("orders") as connection:
        await seed.outbox(connection, EVENT.to_json(), EVENT.type, rows)
        return await _until_left(bench, connection, 0)


async def relay_windows(bench: Bench, rows: int, window: int, rounds: int, meter: Meter) -> float:
    """The median time, in seconds, for a window of events: in one go from a backlog of `rows` where that holds as many
    windows, else each from a backlog of its own."""
    if rows < rounds * window:
        with meter.running():
            return median([await relay_once(bench, window) for _ in range(rounds)])
    async with bench.database("orders") as connection:
        await seed.outbox(connection, EVENT.to_json(), EVENT.type, rows)
        with meter.running():
            return median([await _until_left(bench, connection, rows - n * window) for n in range(1, rounds + 1)])


async def _until_left(bench: Bench, connection: Any, left: int) -> float:
    """Seconds until only so many events wait."""
    started = time.perf_counter()

    async def published() -> bool:
        # By their positions rather than counted: a walk over a million rows would be a load of its own.
        first, last = await connection.fetchrow("SELECT min(position), max(position) FROM outbox")
        return (0 if first is None else last - first + 1) <= left

    await bench.until(published, "the events are published", seconds=SECONDS, every_seconds=0.01)
    return time.perf_counter() - started


async def measure(bench: Bench) -> list[Figure]:
    """Both publish the same event to the same exchange, bound to the same queues; nobody consumes meanwhile."""
    rows = bench.scale.few(ROWS, 2_000)
    await bench.only()
    await seed.empty(bench)
    await bench.only("identity", "orders-worker")
    await relay_once(bench, rows // 10)
    meter = bench.meter()

    async def limit() -> float:
        await messages.purge(bench)
        url = bench.system.amqp_urls["orders"]
        return await messages.publish_bare(url, EVENT.type, EVENT.to_json(), rows)

    async def ours() -> float:
        await messages.purge(bench)
        with meter.running():
            return rows / await relay_once(bench, rows)

    bare, relayed = await in_turn(bench.scale.rounds, limit, ours)
    return [
        Figure(
            name="relay",
            what=f"{rows:,} outbox rows to the broker with confirms",
            unit="/s",
            limit=bare,
            ours=relayed,
            goal="≥ 80 %",
            ok=relayed >= 0.8 * bare,
            beside=str(meter),
            note="the cores include putting the rows in",
        )
    ]
