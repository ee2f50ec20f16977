"""`list`: pages of a long list of orders, beside pgbench with the same query."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from foyer_chassis.roles import ALL_KINDS, kinds_of
from orders.listing import store
from orders.listing.domain import Filters, Scope
from orders.ordering.domain.machine import GROUPS
from orders.ordering.domain.titles import MONEY_TITLES

from . import seed
from .bench import Bench
from .figures import BenchError, Figure, in_turn, p50_ms, p99_ms
from .load import Load, request, saturate
from .pgbench import pgbench

CLIENTS = 8
PAGE = 50
LONGEST_P99_MS = 40.0
SHARE = 0.1
STAFF = "rita"
ROLE = "rent_manager"


@dataclass(frozen=True)
class Page:
    """A page of the list: its address, and what it filters by."""

    name: str
    what: str
    query: str
    filters: Filters

    @property
    def path(self) -> str:
        return f"/v1/orders?limit={PAGE}{self.query}"


FIRST = Page("list", f"first page of {PAGE}", "", Filters())
FILTERED = Page(
    "list/filtered", f"first page of {PAGE} in one status", "&status=confirmed", Filters(statuses=("confirmed",))
)


class _Recorder:
    """Stands for the transaction that a query is run in, and notes the statement."""

    def __init__(self) -> None:
        self.sql = ""
        self.arguments: tuple[object, ...] = ()

    async def direct(self) -> _Recorder:
        return self

    async def row(self, sql: str, *arguments: object, planned_anew: bool = False) -> dict[str, Any]:
        self.sql, self.arguments = sql, arguments
        return {"items": "[]", "count": 0, "last": None}


async def script(page: Page) -> str:
    """The statement that the service runs for the page, with its arguments written out."""
    roles = frozenset({ROLE})
    query = store.Query(
        Scope(all_of=kinds_of(roles, "orders:read_all")),
        page.filters,
        now=datetime.now(UTC),
        built_in={status.value for status in GROUPS},
        every_kind=ALL_KINDS,
        titles={
            "status_titles": {status.value: status.value.capitalize() for status in GROUPS},
            "status_groups": {status.value: group.value for status, group in GROUPS.items()},
            "money_titles": MONEY_TITLES["ru"],
        },
    )
    recorder = _Recorder()
    await store.page(query, cast(Any, recorder), after=None, sorting="newest", limit=PAGE)
    sql = recorder.sql
    for number in range(len(recorder.arguments), 0, -1):
        sql = sql.replace(f"${number}::", f"{_literal(recorder.arguments[number - 1])}::")
    return sql + ";"


def _literal(value: object) -> str:
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str | UUID):
        return "'" + str(value).replace("'", "''") + "'"
    raise BenchError(f"no literal for {value!r}")


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
    statement = await script(page)

    async def limit() -> float:
        url = bench.database_url("orders")
        return (await pgbench(url, statement, clients=CLIENTS, seconds=bench.scale.seconds)).per_second

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
