"""How fights are measured: sixty-four want one thing at the same moment, beside asyncpg's bare inserts."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any
from uuid import uuid4

import asyncpg
from foyer_tools.places import log_folder

from .bench import CORE, CUSTOMERS, Bench
from .figures import MILLISECONDS, BenchError, Figure, p50_ms, p99_ms
from .load import Answer, Client, all_of, request

RIVALS = len(CUSTOMERS)
ROUND_SECONDS = 30.0
WAIT = "wait=20"
MEDIAN_MS, LONGEST_MS = 60.0, 300.0
DEADLOCK = "deadlock detected"
SEATS = "CREATE TABLE bench_seats (id uuid PRIMARY KEY, thing uuid NOT NULL, seat int NOT NULL, UNIQUE (thing, seat))"
INSERT_SEAT = "INSERT INTO bench_seats VALUES ($1, $2, 1) ON CONFLICT DO NOTHING RETURNING 1"
#: Where one asks booking to keep something.
OFFERS = "/v1/offers"


@dataclass(frozen=True, slots=True)
class Fight:
    """Attributes:
    url: of the API that is asked.
    requests: of one round, one a client.
    won: whether an answer is the winner's, False for a loser's; BenchError for any other.
    forget: before the next round, so that nobody has won before: so much at most is kept for one.
    """

    name: str
    what: str
    url: str
    rounds: int
    requests: Callable[[int], Sequence[bytes]]
    won: Callable[[Answer], bool]
    forget: Callable[[], Awaitable[None]] | None = None


#: A race of bare inserts, with who won: seconds until all are answered.
BareRound = Callable[[], Awaitable[float]]


def asking(path: str, tokens: Sequence[str], bodies: Sequence[bytes], **headers: str) -> list[bytes]:
    """A request of each client."""
    return [
        request("POST", path, token, body, Idempotency_Key=uuid4().hex, **headers)
        for token, body in zip(tokens, bodies, strict=True)
    ]


def forgetting(bench: Bench, table: str) -> Callable[[], Awaitable[None]]:
    """What was kept is somebody else's from now on."""

    async def forget() -> None:
        async with bench.database("booking") as connection:
            await connection.execute(f"UPDATE {table} SET applicant_id = gen_random_uuid()")

    return forget


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
            if fight.forget is not None:
                await fight.forget()
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
async def bare_seats(bench: Bench) -> AsyncIterator[BareRound]:
    async with bare_inserts(bench, SEATS, INSERT_SEAT, lambda: (uuid4(),)) as fight:
        yield fight


def _deadlocks() -> int:
    """How many the server's log tells of; a given server's log is not ours to read."""
    log = log_folder() / "postgres.log"
    return log.read_text(errors="replace").count(DEADLOCK) if log.exists() else 0
