"""`chain`: HTTP → relay → consumer at saturation, one process each, beside pgbench writing the same orders."""

from __future__ import annotations

import time
from statistics import median

from . import messages, seed
from .bench import Bench
from .figures import MILLISECONDS, BenchError, Figure, p50_ms, p99_ms
from .placing import CLIENTS, Placing

SHARE = 0.15
#: As much as may be under way in an idle chain: the poll of the relay and a batch of the consumer.
UNDER_WAY_SECONDS = 0.2


async def measure(bench: Bench) -> list[Figure]:
    """Orders are placed, relayed, and their places held by booking; what booking answers stays in its outbox.

    The rate counts orders from the first request until booking has handled the last. Without a backlog that is the
    rate of the requests.
    """
    await bench.only()
    await seed.empty(bench)
    async with bench.relay_held("booking"), bench.database("booking") as booking:
        await bench.only("identity", "orders-api", "orders-worker", "booking-worker")
        placing = await Placing.prepare(bench, bench.system.api_urls["orders"])
        handled = 0
        rates, limits, backlogs, drains = list[float](), list[float](), list[int](), list[float]()
        meter, latencies = bench.meter(), list[float]()

        async def settled() -> bool:
            nonlocal handled
            handled = await booking.fetchval("SELECT count(*) FROM order_copies")
            return bool(handled >= placing.placed)

        await bench.until(settled, "the first orders are handled")
        for _ in range(bench.scale.rounds):
            limits.append(await placing.limit_aside())
            before = placing.placed
            with meter.running():
                started = time.perf_counter()
                load = await placing.load([bench.system.api_urls["orders"]], seconds=bench.scale.seconds)
                stopped = time.perf_counter()
                await settled()
                backlogs.append(placing.placed - handled)
                await bench.until(settled, "all orders are handled", every_seconds=0.01)
                drains.append(time.perf_counter() - stopped)
            rates.append((placing.placed - before) / (time.perf_counter() - started))
            latencies += load.latencies
    if left := await messages.parked(bench):
        raise BenchError(f"messages were parked: {left}")
    rate, limit, drain = median(rates), median(limits), median(drains)
    return [
        Figure(
            name="chain",
            what=f"POST /orders → relay → booking holds, {CLIENTS} clients",
            unit="/s",
            limit=limit,
            ours=rate,
            goal="≥ 15 %, backlog zero when the load stops",
            ok=rate >= SHARE * limit and drain <= UNDER_WAY_SECONDS,
            p50_ms=p50_ms(latencies),
            p99_ms=p99_ms(latencies),
            beside=str(meter),
            note=f"when the load stopped {median(backlogs):.0f} were not handled yet; all were"
            f" {drain * MILLISECONDS:.0f} ms later; p50, p99 of the requests",
        )
    ]
