"""`search`: what staff ask the list for all day, in a business of a million orders: words, filters, and its tabs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from services.orders.tests.many import FIRST_NUMBER, LOCATIONS, OFFERINGS, STAFF, fill, id_of

from . import seed
from .bench import Bench
from .figures import Figure, in_turn, p50_ms, p99_ms
from .load import Load, request, saturate

CLIENTS = 8
PAGE = 50
LONGEST_P99_MS = 40.0
MANAGER = "sergey"
ROUNDS = 20

#: Other numbers every time. Numbers and names are what most look for; some words every tenth order has, some one in a
#: thousand, some none.
SEARCHES = (
    "q={number}",
    "q={number}",
    "q={number}",
    "q={part}",
    "q=иванов анна",
    "q=соколов глеб",
    "q=редчайшая",
    "q=садовая, дом {house}",
    "q=мира дом {house} кв {flat}",
    "q=уборка помещения",
    "q=несуществующее",
)
FILTERED = (
    "q=смирнова&status=in_progress",
    "q=ким жанна&status=new",
    "q=сантехника&status=new",
    "q=уборка помещения&assignee_id={staff}",
    "q=лесная, дом {house}&status=done",
)
#: Any one filter.
FILTERS = (
    "kind=request",
    "status=done",
    "location_id={location}",
    "assignee_id={staff}",
    "offering_id={offering}",
    "unassigned=true",
    "paid=true",
    "paid=false",
    "overdue=true",
    "rating=1",
    "refund_state=done",
    "created_from=2026-01-01T00:00:00Z",
)


async def measure(bench: Bench) -> list[Figure]:
    await bench.only()
    await seed.empty(bench)
    async with bench.database("orders") as connection:
        await fill(connection, bench.scale.rows, until=datetime.now(UTC))
    await bench.only("identity", "orders-api")
    token = await bench.token(MANAGER)
    pages, tabs = f"/v1/orders?limit={PAGE}&", "/v1/orders/counts?"
    plain = request("GET", pages, token)
    url = bench.system.api_urls["orders"]

    async def load(texts: list[bytes]) -> Load:
        turn = itertools.cycle(texts)
        return await saturate([url], CLIENTS, lambda _: next(turn), seconds=bench.scale.seconds, expect=200)

    async def asking(name: str, what: str, path: str, kinds: Sequence[str]) -> Figure:
        asked = [
            request("GET", f"{path}{quote(query, safe='=&')}", token) for query in queries(kinds, bench.scale.rows)
        ]
        await load(asked)
        meter, latencies = bench.meter(), list[float]()

        async def limit() -> float:
            return (await load([plain])).per_second

        async def ours() -> float:
            with meter.running():
                done = await load(asked)
            latencies.extend(done.latencies)
            return done.per_second

        bare, asked_for = await in_turn(bench.scale.rounds, limit, ours)
        return Figure(
            name=name,
            what=f"{what} among {bench.scale.rows:,} orders, {CLIENTS} clients, beside the first page",
            unit="/s",
            limit=bare,
            ours=asked_for,
            goal="p99 ≤ 40 ms",
            ok=p99_ms(latencies) <= LONGEST_P99_MS,
            p50_ms=p50_ms(latencies),
            p99_ms=p99_ms(latencies),
            beside=str(meter),
        )

    return [
        await asking("search", "pages found by words", pages, SEARCHES),
        await asking("search/filtered", "pages found by words and a filter", pages, FILTERED),
        await asking("search/filters", "pages found by any one filter", pages, FILTERS),
        await asking(
            "search/counts", "tabs, alone and beside any one filter or words", tabs, ("", *FILTERS, *SEARCHES)
        ),
    ]


def queries(kinds: Sequence[str], orders: int) -> Iterator[str]:
    """Each kind again and again, about orders, people and houses that there are."""
    for turn in range(ROUNDS):
        for query in kinds:
            # A prime's multiples: all over the place, and the same in each run.
            number = FIRST_NUMBER + turn * 7_919_333 % orders
            yield query.format(
                number=number,
                part=str(number)[2:],
                house=turn * 37 % 200,
                flat=turn * 11 % 97,
                staff=id_of("staff", 1 + turn % STAFF),
                location=id_of("location", 1 + turn % LOCATIONS),
                offering=id_of("offering", 1 + turn % OFFERINGS),
            )
