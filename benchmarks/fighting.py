"""`fight`: sixty-four want one slot at the same moment, beside asyncpg's bare inserts; how all fights are measured."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any
from uuid import uuid4

import asyncpg
from foyer_tools.places import log_folder

from . import messages, seed
from .bench import CORE, CUSTOMERS, Bench
from .figures import MILLISECONDS, BenchError, Figure, p50_ms, p99_ms
from .load import Answer, Client, all_of, request
from .placing import PATH

RIVALS = len(CUSTOMERS)
ROUND_SECONDS = 30.0
WAIT = "wait=20"
MEDIAN_MS, LONGEST_MS = 60.0, 300.0
DEADLOCK = "deadlock detected"
TABLE = """
    CREATE TABLE bench_fight (
        id uuid PRIMARY KEY, resource_id uuid NOT NULL, during tstzrange NOT NULL,
        EXCLUDE USING gist (resource_id WITH =, during WITH &&)
    )
"""
INSERT = "INSERT INTO bench_fight VALUES ($1, $2, tstzrange($3, $4)) ON CONFLICT DO NOTHING RETURNING 1"


@dataclass(frozen=True, slots=True)
class Fight:
    """Attributes:
    url: of the API that is asked.
    requests: of one round, one a client.
    won: whether an answer is the winner's, False for a loser's; BenchError for any other.
    """

    name: str
    what: str
    url: str
    rounds: int
    requests: Callable[[int], Sequence[bytes]]
    won: Callable[[Answer], bool]


#: A race of bare inserts, with who won: seconds until all are answered.
BareRound = Callable[[], Awaitable[float]]


async def measure(bench: Bench) -> list[Figure]:
    """`fight`: each asks booking to keep the slot. `fight/order`: each orders it; a loser's answer is the cancelled
    order, the winner's has its payment link, so that booking, payments and the provider are in the race too."""
    await bench.only()
    await seed.empty(bench)
    await bench.only("identity", "provider", "booking-api", "orders-api", *workers())
    tokens = await bench.tokens(CUSTOMERS)
    slots = list(itertools.islice(seed.free_slots(), 2 * (bench.scale.few(100, 3) + 1)))

    def keeping(number: int) -> list[bytes]:
        body = slots[2 * number].asked_for()
        return [request("POST", "/v1/offers", token, body, Idempotency_Key=uuid4().hex) for token in tokens]

    def ordering(number: int) -> list[bytes]:
        body = slots[2 * number + 1].order_body()
        return [request("POST", PATH, token, body, Idempotency_Key=uuid4().hex, Prefer=WAIT) for token in tokens]

    urls, rounds = bench.system.api_urls, bench.scale.few(100, 3)
    async with bare_slots(bench) as bare:
        figures = [
            await measure_fight(
                bench, Fight("fight", "one slot to be kept", urls["booking"], rounds, keeping, answered("a slot")), bare
            ),
            await measure_fight(
                bench, Fight("fight/order", "one slot by orders", urls["orders"], rounds, ordering, ordered), bare
            ),
        ]
    if left := await messages.parked(bench):
        raise BenchError(f"messages were parked: {left}")
    return figures


def workers() -> list[str]:
    return [f"{service}-worker" for service in CORE]


def answered(what: str) -> Callable[[Answer], bool]:
    """For an API that says at once who has it."""

    def won(answer: Answer) -> bool:
        if answer.status not in (201, 409):
            raise BenchError(f"{what}: {answer.status} {answer.body[:300]!r}")
        return answer.status == 201

    return won


def ordered(answer: Answer) -> bool:
    """For orders that were waited for."""
    order = json.loads(answer.body)
    if answer.status == 201 and order["status"] == "new" and order["money"]["payment_url"]:
        return True
    if answer.status == 201 and order["cancel_reason"] == "places_taken":
        return False
    raise BenchError(f"an order: {answer.status} {answer.body[:300]!r}")


async def measure_fight(bench: Bench, fight: Fight, bare_round: BareRound) -> Figure:
    """Times are until the last has its answer."""
    clients = [await Client.open(fight.url) for _ in range(RIVALS)]
    deadlocks = _deadlocks()
    meter, singles, ours, bare = bench.meter(), list[float](), list[float](), list[float]()
    try:
        await _round(clients, fight, fight.rounds, [])  # the warm-up, on a thing of its own
        for number in range(fight.rounds):
            # The bare inserts all come first in a round, so that their burst is over before ours begins.
            bare.append(await bare_round())
            with meter.running():
                ours.append(await _round(clients, fight, number, singles))
    finally:
        for client in clients:
            client.close()
    happened = _deadlocks() - deadlocks
    middle, longest = median(ours) * MILLISECONDS, max(ours) * MILLISECONDS
    return Figure(
        name=fight.name,
        what=f"{RIVALS} clients, {fight.what}, {fight.rounds} rounds: median until all are answered",
        unit="ms",
        limit=median(bare) * MILLISECONDS,
        ours=middle,
        goal="one winner each, median ≤ 60 ms, longest ≤ 300 ms, no deadlock",
        ok=middle <= MEDIAN_MS and longest <= LONGEST_MS and not happened,
        p50_ms=p50_ms(singles),
        p99_ms=p99_ms(singles),
        beside=str(meter),
        note=f"longest round {longest:.0f} ms; deadlocks {happened}; one winner in each round; p50, p99 of answers",
    )


async def _round(clients: Sequence[Client], fight: Fight, number: int, singles: list[float]) -> float:
    """Seconds until all are answered."""
    answers: list[Answer] = []
    requests = fight.requests(number)
    started = time.perf_counter()

    async def one(client: Client, text: bytes) -> None:
        answers.append(await client.ask(text))
        singles.append(time.perf_counter() - started)

    await all_of([one(client, text) for client, text in zip(clients, requests, strict=True)], ROUND_SECONDS)
    seconds = time.perf_counter() - started
    if (winners := sum(map(fight.won, answers))) != 1:
        raise BenchError(f"of {len(answers)} {winners} won: {fight.what}")
    return seconds


@asynccontextmanager
async def bare_inserts(
    bench: Bench, table: str, insert: str, values: Callable[[], tuple[object, ...]]
) -> AsyncIterator[BareRound]:
    """The same race by as many connections of asyncpg on a table with the same constraint.

    Args:
        table, insert: the table's definition, and the statement with an id and `values`, which are one round's.
    """
    name = table.split()[2]
    async with bench.database("booking") as connection:
        await connection.execute(f"DROP TABLE IF EXISTS {name}")
        await connection.execute(table)
        await connection.execute(f"GRANT ALL ON {name} TO PUBLIC")
    connections: list[Any] = [await asyncpg.connect(bench.database_url("booking")) for _ in range(RIVALS)]

    async def fight() -> float:
        wanted = values()
        started = time.perf_counter()
        won = await asyncio.gather(*(each.fetchval(insert, uuid4(), *wanted) for each in connections))
        seconds = time.perf_counter() - started
        if sum(1 for each in won if each) != 1:
            raise BenchError("the bare inserts had not one winner")
        return seconds

    try:
        await fight()
        yield fight
    finally:
        for connection in connections:
            await connection.close()


@asynccontextmanager
async def bare_slots(bench: Bench) -> AsyncIterator[BareRound]:
    hours: Iterator[int] = itertools.count()

    def values() -> tuple[object, ...]:
        starts_at = datetime(2030, 1, 1, tzinfo=UTC) + timedelta(hours=next(hours))
        return seed.room_id(0), starts_at, starts_at + timedelta(hours=1)

    async with bare_inserts(bench, TABLE, INSERT, values) as fight:
        yield fight


def _deadlocks() -> int:
    """How many the server's log tells of; a given server's log is not ours to read."""
    log = log_folder() / "postgres.log"
    return log.read_text(errors="replace").count(DEADLOCK) if log.exists() else 0
