"""`fight`: sixty-four customers want one slot at the same moment, beside asyncpg's bare inserts."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any
from uuid import uuid4

import asyncpg
from foyer_tools.places import log_folder

from . import messages, seed
from .bench import CORE, CUSTOMERS, Bench
from .figures import MILLISECONDS, BenchError, Figure, p50_ms, p99_ms
from .load import Answer, Client, all_of, check, request
from .placing import PATH

ROUND_SECONDS = 30.0
WAIT = "wait=20"
MEDIAN_MS = 60.0
LONGEST_MS = 300.0
DEADLOCK = "deadlock detected"
TABLE = """
    CREATE TABLE bench_fight (
        id uuid PRIMARY KEY, resource_id uuid NOT NULL, during tstzrange NOT NULL,
        EXCLUDE USING gist (resource_id WITH =, during WITH &&)
    )
"""
INSERT = "INSERT INTO bench_fight VALUES ($1, $2, tstzrange($3, $4)) ON CONFLICT DO NOTHING RETURNING 1"


async def measure(bench: Bench) -> list[Figure]:
    """Over HTTP to orders; a loser's answer is the cancelled order, the winner's has its payment link, so booking,
    payments and the provider are in the race too. Times are until the last of the 64 has its answer."""
    rounds = bench.scale.few(100, 3)
    await bench.only()
    await seed.empty(bench)
    await bench.only("identity", "provider", "orders-api", *_workers())
    tokens = await bench.tokens(CUSTOMERS)
    deadlocks = _deadlocks()
    slots = seed.free_slots()
    clients = [await Client.open(bench.system.api_urls["orders"]) for _ in tokens]
    meter, singles, ours = bench.meter(), list[float](), list[float]()
    try:
        await _fight(clients, tokens, next(slots), [])  # the warm-up: everybody's first order
        async with _Bare(bench, len(tokens)) as bare:
            bare_seconds = []
            # The bare inserts all come first in a round, so that their burst is over before ours begins.
            for _ in range(rounds):
                bare_seconds.append(await bare.fight())
                with meter.running():
                    ours.append(await _fight(clients, tokens, next(slots), singles))
    finally:
        for client in clients:
            client.close()
    if left := await messages.parked(bench):
        raise BenchError(f"messages were parked: {left}")
    happened = _deadlocks() - deadlocks
    middle, longest = median(ours) * MILLISECONDS, max(ours) * MILLISECONDS
    return [
        Figure(
            name="fight",
            what=f"{len(tokens)} clients, one slot, {rounds} rounds: median until all are answered",
            unit="ms",
            limit=median(bare_seconds) * MILLISECONDS,
            ours=middle,
            goal="one winner each, median ≤ 60 ms, longest ≤ 300 ms, no deadlock",
            ok=middle <= MEDIAN_MS and longest <= LONGEST_MS and not happened,
            p50_ms=p50_ms(singles),
            p99_ms=p99_ms(singles),
            beside=str(meter),
            note=f"longest round {longest:.0f} ms; deadlocks {happened}; one winner in each round; p50, p99 of answers",
        )
    ]


def _workers() -> list[str]:
    return [f"{service}-worker" for service in CORE]


async def _fight(clients: list[Client], tokens: list[str], slot: seed.Slot, singles: list[float]) -> float:
    body = slot.order_body()
    requests = [request("POST", PATH, token, body, Idempotency_Key=uuid4().hex, Prefer=WAIT) for token in tokens]
    answers: list[Answer] = []
    started = time.perf_counter()

    async def one(client: Client, text: bytes) -> None:
        answers.append(await client.ask(text))
        singles.append(time.perf_counter() - started)

    await all_of([one(client, text) for client, text in zip(clients, requests, strict=True)], ROUND_SECONDS)
    seconds = time.perf_counter() - started
    for answer in answers:
        check(answer, 201)
    orders = [json.loads(answer.body) for answer in answers]
    winners = [order for order in orders if order["status"] == "new" and order["money"]["payment_url"]]
    losers = [order for order in orders if order["cancel_reason"] == "places_taken"]
    if (len(winners), len(losers)) != (1, len(tokens) - 1):
        raise BenchError(f"of {len(tokens)} {len(winners)} won and {len(losers)} lost")
    return seconds


class _Bare:
    """The same race by as many connections of asyncpg on a table with the same constraint."""

    def __init__(self, bench: Bench, many: int) -> None:
        self._bench = bench
        self._many = many
        self._connections: list[Any] = []
        self._hours: Iterator[int] = itertools.count()

    async def __aenter__(self) -> _Bare:
        async with self._bench.database("booking") as connection:
            await connection.execute("DROP TABLE IF EXISTS bench_fight")
            await connection.execute(TABLE)
            await connection.execute("GRANT ALL ON bench_fight TO PUBLIC")
        url = self._bench.database_url("booking")
        self._connections = [await asyncpg.connect(url) for _ in range(self._many)]
        await self.fight()
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self._connections:
            await connection.close()

    async def fight(self) -> float:
        """Seconds until all are answered."""
        starts_at = datetime(2030, 1, 1, tzinfo=UTC) + timedelta(hours=next(self._hours))
        values = (seed.room_id(0), starts_at, starts_at + timedelta(hours=1))
        started = time.perf_counter()
        won = await asyncio.gather(*(each.fetchval(INSERT, uuid4(), *values) for each in self._connections))
        seconds = time.perf_counter() - started
        if sum(1 for each in won if each) != 1:
            raise BenchError("the bare inserts had not one winner")
        return seconds


def _deadlocks() -> int:
    """How many the server's log tells of; a given server's log is not ours to read."""
    log = log_folder() / "postgres.log"
    return log.read_text(errors="replace").count(DEADLOCK) if log.exists() else 0
