"""`relay`: what waits in the outbox goes to the broker, beside a bare script that only publishes."""

from __future__ import annotations

import time

from foyer_contracts.orders import OrderPlaced
from foyer_contracts.samples import SAMPLES

from . import messages, seed
from .bench import Bench
from .figures import Figure, in_turn

EVENT = SAMPLES[OrderPlaced.type]
ROWS = 50_000
SECONDS = 120.0


async def relay_once(bench: Bench, rows: int, *, until_left: int = 0) -> float:
    """Put rows into the outbox of orders, whose relay runs; events per second from their commit until they are
    published, or only so many are left."""
    async with bench.database("orders") as connection:
        await seed.outbox(connection, EVENT.to_json(), EVENT.type, rows)
        started = time.perf_counter()

        async def published() -> bool:
            # The rows that are left, without a walk over them all: they go in the order of their positions.
            first, last = await connection.fetchrow("SELECT min(position), max(position) FROM outbox")
            return first is None or last - first < until_left

        await bench.until(published, f"{rows} events are published", seconds=SECONDS, every_seconds=0.01)
        return (rows - until_left) / (time.perf_counter() - started)


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
            return await relay_once(bench, rows)

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
