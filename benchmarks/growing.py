"""`growth`: what the same costs at few rows and at a million."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from statistics import median

from . import availability, listing, messages, seed
from .bench import Bench
from .figures import MILLISECONDS, Figure
from .machine import Meter
from .placing import Placing
from .relaying import relay_windows

MOST = 1.3
WINDOW_ROWS = 10_000


async def measure(bench: Bench) -> list[Figure]:
    """Each cost is the median of five rounds, in milliseconds for one order, page, event or answer."""
    few, many = bench.scale.few_rows, bench.scale.rows
    figures = []
    for name, what, cost in (
        ("place", "POST /orders", _place),
        ("list", "first page of orders", _list),
        ("relay", "an event of the outbox", _relay),
        ("availability", "one resource, one day", _availability),
    ):
        figures.append(await _compare(bench, name, what, cost, few, many))
    worst = max(figures, key=lambda figure: figure.ours / (figure.limit or 1))
    summary = Figure(
        name="growth",
        what=f"cost at {many:,} rows beside {few:,}: the worst ({worst.name.partition('/')[2]})",
        unit="ms",
        limit=worst.limit,
        ours=worst.ours,
        goal="≤ 1.3 ×",
        ok=worst.ok,
        beside=worst.beside,
    )
    return [summary, *figures]


#: Of what: at how many rows; the meter runs while it is measured.
Cost = Callable[[Bench, int, Meter], Awaitable[float]]


async def _compare(bench: Bench, name: str, what: str, cost: Cost, few: int, many: int) -> Figure:
    meter = bench.meter()
    before = await cost(bench, few, bench.meter())
    after = await cost(bench, many, meter)
    return Figure(
        name=f"growth/{name}",
        what=f"{what} at {many:,} rows beside {few:,}",
        unit="ms",
        limit=before,
        ours=after,
        goal="≤ 1.3 ×",
        ok=after <= MOST * before,
        beside=str(meter),
    )


async def _place(bench: Bench, rows: int, meter: Meter) -> float:
    await listing.prepare(bench, rows)
    url = bench.system.api_urls["orders"]
    placing = await Placing.prepare(bench, url)
    with meter.running():
        loads = [await placing.load([url], seconds=bench.scale.seconds) for _ in range(bench.scale.rounds)]
    rates = [load.per_second for load in loads]
    return MILLISECONDS / median(rates)


async def _list(bench: Bench, rows: int, meter: Meter) -> float:
    await listing.prepare(bench, rows)
    await listing.load(bench, listing.FIRST)
    with meter.running():
        rates = [(await listing.load(bench, listing.FIRST)).per_second for _ in range(bench.scale.rounds)]
    return MILLISECONDS / median(rates)


async def _relay(bench: Bench, rows: int, meter: Meter) -> float:
    """At a million rows the first windows are measured, not all of them: the backlog stays as large as it was."""
    await bench.only()
    await seed.empty(bench)
    await bench.only("identity", "orders-worker")
    window = min(rows, WINDOW_ROWS)
    seconds = await relay_windows(bench, rows, window, bench.scale.rounds, meter)
    await bench.only()
    async with bench.database("orders") as connection:
        await connection.execute("TRUNCATE outbox")
    await messages.purge(bench)
    return seconds / window * MILLISECONDS


async def _availability(bench: Bench, rows: int, meter: Meter) -> float:
    await availability.prepare(bench, rows)
    question, _ = await availability.questions(bench)
    await availability.load(bench, question)
    with meter.running():
        loads = [await availability.load(bench, question) for _ in range(bench.scale.rounds)]
    return median(median(load.latencies) for load in loads) * MILLISECONDS
