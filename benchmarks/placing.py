"""`place`, `place-gateway`: orders accepted over HTTP, beside pgbench writing the same rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from foyer_contracts.orders import OrderPlaced
from foyer_contracts.samples import SAMPLES
from orders.ordering.store.mapping import AT_PLACING

from . import seed
from .bench import CUSTOMERS, Bench
from .figures import BenchError, Figure, in_turn, p50_ms, p99_ms
from .load import Load, request, saturate
from .pgbench import pgbench

CLIENTS = 16
PATH = "/v1/orders"
TABLES = ("orders", "order_history", "order_search", "outbox", "idempotency_keys")

#: The statements of the service: what an order names (catalogue/store/offerings.py, _FOR_ORDER), then everything in one
#: (ordering/store, _INSERT_NEW within idempotency.OneStatement). `new` stands for what the service makes in Python; the
#: other columns are those of an order that the service placed.
SCRIPT = rf"""
\set room random({seed.FIRST_ROOM}, {seed.FIRST_ROOM + seed.ROOMS - 1})
SELECT o.id AS offering_id, o.version AS offering_version, r.id AS resource_id, r.time_zone, r.opening_hours::text,
    r.closed_days, r.slot_minutes, r.price_amount, r.price_currency, r.active AS resource_active, r.location_id,
    r.special_hours::text, r.rules::text
FROM (VALUES (:offering::uuid, lpad(to_hex(:room::bigint), 32, '0')::uuid)) AS wanted (offering, resource)
LEFT JOIN offerings o ON o.id = wanted.offering
LEFT JOIN resource_copies r ON r.id = wanted.resource;
WITH new AS MATERIALIZED (
    SELECT {{new_id}} AS id, nextval('bench_numbers') AS number, now() AS now,
        lpad(to_hex(:client_id::bigint + 1), 32, '0')::uuid AS applicant,
        lpad(to_hex(:room::bigint), 32, '0')::uuid AS room
), key AS (
    INSERT INTO idempotency_keys (caller_id, route, key, request_hash, status, headers, body, created_at)
    SELECT applicant, 'POST {PATH}', replace(gen_random_uuid()::text, '-', ''), sha256('x'), 201,
        :headers::text::jsonb, :answer::bytea, now
    FROM new
    ON CONFLICT DO NOTHING RETURNING 1
), events AS (
    INSERT INTO outbox (event_id, exchange, type, body)
    SELECT id, 'foyer.events', 'orders.order.placed.v1', :event::bytea FROM key, new
), placed AS (
    INSERT INTO orders ({{columns}}) SELECT {{values}} FROM key, new
), history AS (
    INSERT INTO order_history (order_id, version, position, at, to_status, actor_kind, actor_id)
    SELECT id, 1, 0, now, 'new', 'customer', applicant FROM key, new
), search AS (
    INSERT INTO order_search (order_id, text, kind, location_id, offering_id)
    SELECT id, number::text || ' переговорная посетитель', 'slot_booking', NULL, :offering::uuid FROM key, new
)
SELECT 1 FROM key;
"""
#: Columns that differ from order to order, as `new` has them.
NEW = {
    "id": "new.id",
    "number": "new.number",
    "applicant_id": "new.applicant",
    "resource_id": "new.room",
    "created_at": "new.now",
    "updated_at": "new.now",
    "starts_at": "new.now",
    "ends_at": "new.now",
}


async def _columns(connection: Any) -> tuple[str, str]:
    """The columns that the service writes for a new order, and their values: those of the last one, or of `new`."""
    same = [name for name in AT_PLACING if name not in NEW]
    row = await connection.fetchrow(
        f"SELECT {', '.join(f'quote_nullable({name}::text) AS {name}' for name in same)}"
        " FROM orders ORDER BY number DESC LIMIT 1"
    )
    types = await connection.fetch(
        "SELECT attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute"
        " WHERE attrelid = 'orders'::regclass AND attname = ANY($1)",
        same,
    )
    casts = {column["attname"]: column["type"] for column in types}
    values = [NEW[name] if name in NEW else f"{row[name]}::{casts[name]}" for name in AT_PLACING]
    return ", ".join(AT_PLACING), ", ".join(values)


class Placing:
    """Orders of different customers for slots that are free."""

    def __init__(self, bench: Bench, tokens: list[str]) -> None:
        self._bench = bench
        self._tokens = tokens
        self._slots = seed.free_slots()
        self.placed = 0
        self._script = ""
        self._variables: dict[str, object] = {}

    @classmethod
    async def prepare(cls, bench: Bench, url: str) -> Placing:
        """Warm up, and learn from an order of the service what pgbench is to write."""
        made = cls(bench, await bench.tokens(CUSTOMERS[:CLIENTS]))
        await made.load([url], seconds=1.0)
        async with bench.database("orders") as connection:
            event = await connection.fetchval(
                "SELECT body FROM outbox WHERE type = 'orders.order.placed.v1' ORDER BY position DESC LIMIT 1"
            )
            kept = await connection.fetchrow("SELECT headers::text, body FROM idempotency_keys LIMIT 1")
            columns, values = await _columns(connection)
            version = int(await connection.fetchval("SELECT current_setting('server_version_num')"))
            await connection.execute("CREATE SEQUENCE IF NOT EXISTS bench_numbers START 1000000000 CACHE 50")
            await connection.execute("GRANT USAGE ON SEQUENCE bench_numbers TO PUBLIC")
        # Keys that grow, as the service's do; gen_random_uuid() scatters them, where there is nothing better.
        made._script = SCRIPT.format(
            new_id="uuidv7()" if version >= 180_000 else "gen_random_uuid()", columns=columns, values=values
        )
        made._variables = {
            "offering": seed.OFFERING,
            "headers": kept["headers"],
            "answer": "\\x" + kept["body"].hex(),
            # Where a relay runs the outbox is empty; then the sample is as good.
            "event": "\\x" + (event or SAMPLES[OrderPlaced.type].to_json()).hex(),
        }
        return made

    def make(self, prefix: str = "", **headers: str) -> Callable[[int], bytes]:
        """The next order of a client."""

        def next_request(client: int) -> bytes:
            token = self._tokens[client % len(self._tokens)]
            body = next(self._slots).order_body()
            return request("POST", prefix + PATH, token, body, Idempotency_Key=uuid4().hex, **headers)

        return next_request

    async def load(self, urls: list[str], *, seconds: float, prefix: str = "") -> Load:
        load = await saturate(urls, CLIENTS, self.make(prefix), seconds=seconds, expect=201)
        self.placed += len(load.latencies)
        return load

    async def limit(self) -> float:
        """Orders per second by pgbench."""
        rate = await pgbench(
            self._bench.database_url("orders"),
            self._script,
            clients=CLIENTS,
            seconds=self._bench.scale.seconds,
            variables=self._variables,
        )
        return rate.per_second

    async def limit_aside(self) -> float:
        """The same while a relay runs: what pgbench writes to the outbox is parked, so that nobody hears of it, and is
        gone before the next round, since the relay walks past it at every sweep."""
        script, self._script = (
            self._script,
            self._script.replace(
                "(event_id, exchange, type, body)", "(event_id, exchange, type, body, parked_reason)"
            ).replace(":event::bytea FROM", ":event::bytea, 'bench' FROM"),
        )
        try:
            return await self.limit()
        finally:
            self._script = script
            async with self._bench.database("orders") as connection:
                await connection.execute("DELETE FROM outbox WHERE parked_reason = 'bench'")
                await connection.execute("VACUUM outbox")

    async def check_same_rows(self, url: str) -> None:
        """BenchError unless the service and pgbench write equally many rows of each table for an order."""
        async with self._bench.database("orders") as connection:
            before = await _counts(connection)
            await self.load([url], seconds=0.2)
            between = await _counts(connection)
            await pgbench(
                self._bench.database_url("orders"), self._script, clients=1, seconds=1, variables=self._variables
            )
            after = await _counts(connection)
        service = _per_order(before, between)
        if service != (bare := _per_order(between, after)):
            raise BenchError(f"rows for an order, of {TABLES}: the service writes {service}, pgbench {bare}")


async def _counts(connection: Any) -> list[int]:
    return [await connection.fetchval(f"SELECT count(*) FROM {table}") for table in TABLES]


def _per_order(before: list[int], after: list[int]) -> list[float]:
    grown = [new - old for old, new in zip(before, after, strict=True)]
    return [rows / grown[0] for rows in grown]


async def measure(bench: Bench) -> list[Figure]:
    """With one API process and with two; relay and worker do not run, so events stay in the outbox."""
    await bench.only()
    await seed.empty(bench)
    await bench.only("identity", "orders-api")
    url, twin = bench.system.api_urls["orders"], await bench.twin("orders-api")
    placing = await Placing.prepare(bench, url)
    await placing.load([url, twin], seconds=0.5)
    await placing.check_same_rows(url)
    meters = {1: bench.meter(), 2: bench.meter()}
    latencies: dict[int, list[float]] = {1: [], 2: []}

    async def ours(processes: int) -> float:
        with meters[processes].running():
            load = await placing.load([url, twin][:processes], seconds=bench.scale.seconds)
        latencies[processes] += load.latencies
        return load.per_second

    limit, one, two = await in_turn(bench.scale.rounds, placing.limit, lambda: ours(1), lambda: ours(2))
    return [
        Figure(
            name=name,
            what=f"POST /orders, {CLIENTS} clients, {count} API process{'es' if count > 1 else ''}",
            unit="/s",
            limit=limit,
            ours=rate,
            goal=f"≥ {share:.0%}",
            ok=rate >= share * limit,
            p50_ms=p50_ms(latencies[count]),
            p99_ms=p99_ms(latencies[count]),
            beside=str(meters[count]),
        )
        for name, count, rate, share in (("place", 1, one, 0.15), ("place/2", 2, two, 0.25))
    ]


async def measure_gateway(bench: Bench) -> list[Figure]:
    """The same through Envoy; the limit is `place` with one process."""
    await bench.only()
    await seed.empty(bench)
    await bench.only("identity", "orders-api", "gateway")
    direct, gateway = bench.system.api_urls["orders"], bench.system.gateway_url
    placing = await Placing.prepare(bench, direct)
    await placing.load([gateway], seconds=0.5, prefix="/api/orders")
    meter, latencies = bench.meter(), []

    async def limit() -> float:
        return (await placing.load([direct], seconds=bench.scale.seconds)).per_second

    async def ours() -> float:
        with meter.running():
            load = await placing.load([gateway], seconds=bench.scale.seconds, prefix="/api/orders")
        latencies.extend(load.latencies)
        return load.per_second

    before, through = await in_turn(bench.scale.rounds, limit, ours)
    return [
        Figure(
            name="place-gateway",
            what=f"POST /orders through Envoy, {CLIENTS} clients",
            unit="/s",
            limit=before,
            ours=through,
            goal="≥ 80 %",
            ok=through >= 0.8 * before,
            p50_ms=p50_ms(latencies),
            p99_ms=p99_ms(latencies),
            beside=str(meter),
        )
    ]
