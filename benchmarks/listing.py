"""`list`: pages of a long list of orders, beside pgbench with the same query."""

from __future__ import annotations

from dataclasses import dataclass

from . import seed
from .bench import Bench
from .figures import Figure, in_turn, p50_ms, p99_ms
from .load import Load, request, saturate
from .pgbench import pgbench

CLIENTS = 8
PAGE = 50
LONGEST_P99_MS = 40.0
SHARE = 0.1
STAFF = "rita"


@dataclass(frozen=True)
class Page:
    """A page of the list: its address, and the statement of ordering/store.py, _PAGES, that it runs."""

    name: str
    what: str
    path: str
    script: str


FIRST = Page(
    "list",
    f"first page of {PAGE}",
    f"/v1/orders?limit={PAGE}",
    f"SELECT * FROM orders WHERE number < 4611686018427387904 ORDER BY number DESC LIMIT {PAGE};",
)
FILTERED = Page(
    "list/filtered",
    f"first page of {PAGE} in one status",
    f"/v1/orders?limit={PAGE}&status=confirmed",
    "SELECT * FROM orders WHERE number < 4611686018427387904 AND status = 'confirmed'"
    f" ORDER BY number DESC LIMIT {PAGE};",
)


async def prepare(bench: Bench, rows: int) -> None:
    """That many orders, and the API of orders alone."""
    await bench.only()
    await seed.empty(bench)
    await seed.orders(bench, rows)
    await bench.only("identity", "orders-api")


async def load(bench: Bench, page: Page) -> Load:
    """Eight clients that ask for the page again and again."""
    text = request("GET", page.path, await bench.token(STAFF))
    url = bench.system.api_urls["orders"]
    return await saturate([url], CLIENTS, lambda _: text, seconds=bench.scale.seconds, expect=200)


async def measure(bench: Bench) -> list[Figure]:
    await prepare(bench, bench.scale.rows)
    return [await _measure(bench, page) for page in (FIRST, FILTERED)]


async def _measure(bench: Bench, page: Page) -> Figure:
    await load(bench, page)
    meter, latencies = bench.meter(), list[float]()

    async def limit() -> float:
        url = bench.database_url("orders")
        return (await pgbench(url, page.script, clients=CLIENTS, seconds=bench.scale.seconds)).per_second

    async def ours() -> float:
        with meter.running():
            done = await load(bench, page)
        latencies.extend(done.latencies)
        return done.per_second

    bare, served = await in_turn(bench.scale.rounds, limit, ours)
    return Figure(
        name=page.name,
        what=f"{page.what} of {bench.scale.rows:,} orders, {CLIENTS} clients",
        unit="/s",
        limit=bare,
        ours=served,
        goal="≥ 10 %, p99 ≤ 40 ms",
        ok=served >= SHARE * bare and p99_ms(latencies) <= LONGEST_P99_MS,
        p50_ms=p50_ms(latencies),
        p99_ms=p99_ms(latencies),
        beside=str(meter),
    )
