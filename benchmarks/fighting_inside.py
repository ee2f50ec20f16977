"""`fight-class` and `fight-lodging`: sixty-four want the last place of a class, the last workplace, the last room at
the same moment, beside asyncpg's bare inserts."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from foyer_tools.places import log_folder

from . import messages, seed
from .bench import CORE, CUSTOMERS, Bench
from .figures import MILLISECONDS, BenchError, Figure, p50_ms, p99_ms
from .load import Answer, Client, all_of, request

RIVALS = len(CUSTOMERS)
ROUND_SECONDS = 30.0
MEDIAN_MS, LONGEST_MS = 60.0, 300.0
DESK = "dana"
GROUP, TYPE = UUID(int=9_100_000), UUID(int=9_100_001)
SPACE, TARIFF, ROOM_TYPE, RATE = (UUID(int=9_100_002 + n) for n in range(4))
COWORKING, HOTEL = UUID(int=9_100_010), UUID(int=9_100_011)
TABLE = "CREATE TABLE bench_seats (id uuid PRIMARY KEY, thing uuid NOT NULL, seat int NOT NULL, UNIQUE (thing, seat))"
INSERT = "INSERT INTO bench_seats VALUES ($1, $2, 1) ON CONFLICT DO NOTHING RETURNING 1"


@dataclass(frozen=True, slots=True)
class Fight:
    """Attributes:
    url: of the API that is asked. `requests`: of one round, one a client.
    won: whether an answer is the winner's, False for a loser's; BenchError for any other.
    """

    name: str
    what: str
    url: str
    rounds: int
    requests: Callable[[int], Sequence[bytes]]
    won: Callable[[Answer], bool]


async def measure_class(bench: Bench) -> list[Figure]:
    """At the desk, over HTTP to booking: each for a visitor of their own, with a membership."""
    rounds = bench.scale.few(100, 3)
    await bench.only()
    await seed.empty(bench)
    classes = [uuid4() for _ in range(rounds + 1)]
    async with bench.database("booking") as connection:
        visitors = await _members(connection, classes)
    await bench.only("identity", "booking-api")
    token = await bench.token(DESK)

    def requests(number: int) -> list[bytes]:
        path = f"/v1/classes/{classes[number]}/places"
        bodies = (json.dumps({"visitor_id": str(visitor)}).encode() for visitor in visitors)
        return [request("POST", path, token, body, Idempotency_Key=uuid4().hex) for body in bodies]

    def won(answer: Answer) -> bool:
        if answer.status not in (201, 409):
            raise BenchError(f"a place in a class: {answer.status} {answer.body[:300]!r}")
        return answer.status == 201

    url = bench.system.api_urls["booking"]
    return [await _measure(bench, Fight("fight-class", "the last place of a class", url, rounds, requests, won))]


async def measure_lodging(bench: Bench) -> list[Figure]:
    """Over HTTP to orders, as `fight`: the winner's answer has its payment link."""
    rounds = bench.scale.few(30, 2)
    await bench.only()
    await seed.empty(bench)
    async with bench.database("booking") as connection:
        await _furnish(connection)
    async with bench.database("orders") as connection:
        for offering, kind in ((COWORKING, "coworking"), (HOTEL, "hotel")):
            await connection.execute(
                "INSERT INTO offerings (id, title, kind, prepaid, customer_may_cancel, responsible_ids, resource_ids,"
                " active, version) VALUES ($1, $2, $2, true, true, $3, '{}', true, 1)",
                offering,
                kind,
                [seed.MANAGER],
            )
    await bench.only("identity", "provider", "orders-api", *(f"{service}-worker" for service in CORE))
    tokens = await bench.tokens(CUSTOMERS)
    first = (datetime.now(UTC) + timedelta(days=2)).replace(hour=0, minute=0, second=0, microsecond=0)

    def ordered(bodies: Iterator[dict[str, Any]]) -> list[bytes]:
        path = "/v1/orders"
        return [
            request("POST", path, token, json.dumps(body).encode(), Idempotency_Key=uuid4().hex, Prefer="wait=20")
            for token, body in zip(tokens, bodies, strict=True)
        ]

    def seats(number: int) -> list[bytes]:
        starts_at = (first + timedelta(hours=number)).isoformat()
        ticket = {"space_id": str(SPACE), "tariff_id": str(TARIFF), "starts_at": starts_at, "quantity": 1}
        visitor = {"name": "Посетитель"}
        return ordered({"offering_id": str(COWORKING), "ticket": {**ticket, "visitor": visitor}} for _ in tokens)

    def rooms(number: int) -> list[bytes]:
        night = first.date() + timedelta(days=number)
        stay = {
            "room_type_id": str(ROOM_TYPE), "tariff_id": str(RATE), "visitor": {"name": "Гость"}, "adults": 1,
            "arrival": night.isoformat(), "departure": (night + timedelta(days=1)).isoformat(),
        }  # fmt: skip
        return ordered({"offering_id": str(HOTEL), "stay": stay} for _ in tokens)

    def won(answer: Answer) -> bool:
        order = json.loads(answer.body)
        if answer.status == 201 and order["status"] == "new" and order["money"]["payment_url"]:
            return True
        if answer.status == 201 and order["cancel_reason"] == "places_taken":
            return False
        raise BenchError(f"an order: {answer.status} {answer.body[:300]!r}")

    url = bench.system.api_urls["orders"]
    figures = [
        await _measure(bench, Fight("fight-lodging", "the last workplace", url, rounds, seats, won)),
        await _measure(bench, Fight("fight-lodging/room", "the last room", url, rounds, rooms, won)),
    ]
    if left := await messages.parked(bench):
        raise BenchError(f"messages were parked: {left}")
    return figures


async def _measure(bench: Bench, fight: Fight) -> Figure:
    clients = [await Client.open(fight.url) for _ in range(RIVALS)]
    deadlocks = _deadlocks()
    meter, singles, ours, bare = bench.meter(), list[float](), list[float](), list[float]()
    connections = await _bare_connections(bench)
    try:
        await _round(clients, fight, fight.rounds, [])  # the warm-up, on a thing of its own
        for number in range(fight.rounds):
            bare.append(await _bare_round(connections))
            with meter.running():
                ours.append(await _round(clients, fight, number, singles))
    finally:
        for client in clients:
            client.close()
        for connection in connections:
            await connection.close()
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
        raise BenchError(f"of {len(answers)} {winners} won {fight.what}")
    return seconds


async def _bare_connections(bench: Bench) -> list[Any]:
    async with bench.database("booking") as connection:
        await connection.execute("DROP TABLE IF EXISTS bench_seats")
        await connection.execute(TABLE)
        await connection.execute("GRANT ALL ON bench_seats TO PUBLIC")
    connections = [await asyncpg.connect(bench.database_url("booking")) for _ in range(RIVALS)]
    await _bare_round(connections)
    return connections


async def _bare_round(connections: Sequence[Any]) -> float:
    thing = uuid4()
    started = time.perf_counter()
    won = await asyncio.gather(*(each.fetchval(INSERT, uuid4(), thing) for each in connections))
    seconds = time.perf_counter() - started
    if sum(1 for each in won if each) != 1:
        raise BenchError("the bare inserts had not one winner")
    return seconds


def _deadlocks() -> int:
    log = log_folder() / "postgres.log"
    return log.read_text(errors="replace").count("deadlock detected") if log.exists() else 0


async def _members(connection: Any, classes: Sequence[UUID]) -> list[UUID]:
    """Classes with one place, and visitors with memberships of many visits."""
    visitors = [uuid4() for _ in range(RIVALS)]
    await connection.execute("INSERT INTO groups (id, title) VALUES ($1, 'Йога')", GROUP)
    await connection.execute(
        "INSERT INTO membership_types (id, title, permanent, visits, valid_days, group_ids, active, version)"
        " VALUES ($1, 'Йога', true, 1000, 60, $2, true, 1)",
        TYPE,
        [GROUP],
    )
    await connection.execute(
        "INSERT INTO visitors (id, name, version) SELECT id, 'Посетитель', 1 FROM unnest($1::uuid[]) AS id", visitors
    )
    await connection.execute(
        """
        INSERT INTO passes (id, number, type_id, title, buyer_id, code_key, code_hash, guesses, status, visits_left,
            group_ids, visitor_id, valid_from, version, created_at)
        SELECT gen_random_uuid(), n, $1, 'Йога', visitor, n::text, '', 0, 'attached', 1000, ARRAY[$2::uuid], visitor,
            now() - interval '1 day', 1, now()
        FROM unnest($3::uuid[]) WITH ORDINALITY AS each (visitor, n)
        """,
        TYPE,
        GROUP,
        visitors,
    )
    await connection.execute(
        """
        INSERT INTO classes (id, group_id, title, starts_at, ends_at, capacity, cancelled, version)
        SELECT id, $1, 'Хатха', now() + interval '1 day', now() + interval '25 hours', 1, false, 1
        FROM unnest($2::uuid[]) AS id
        """,
        GROUP,
        classes,
    )
    await connection.execute("ANALYZE classes, passes, visitors, class_bookings")
    return visitors


async def _furnish(connection: Any) -> None:
    """A space with one place and a type with one room."""
    for group, kind in ((SPACE, "ticket"), (ROOM_TYPE, "stay")):
        await connection.execute(
            "INSERT INTO lodging_groups (id, kind, location_id, name, active, version)"
            " VALUES ($1, $2, $3, $2, true, 1)",
            group,
            kind,
            seed.LOCATION,
        )
        await connection.execute(
            "INSERT INTO lodging_units (id, group_id, label, position, blocked, version)"
            " VALUES (gen_random_uuid(), $1, '1', 1, false, 1)",
            group,
        )
    await connection.execute(
        "INSERT INTO hotel_room_types (group_id, check_in, check_out, adults, guests) VALUES ($1, 840, 720, 2, 3)",
        ROOM_TYPE,
    )
    await connection.execute(
        "INSERT INTO coworking_tariffs (id, space_id, name, unit, price_amount, price_currency, fixed, most, active,"
        " version) VALUES ($1, $2, 'Час', 'hour', 10000, 'RUB', false, 31, true, 1)",
        TARIFF,
        SPACE,
    )
    await connection.execute(
        "INSERT INTO hotel_rates (id, type_id, name, price_amount, price_currency, least_nights, included_adults,"
        " extra_adult, child, seasons, active, version)"
        " VALUES ($1, $2, 'Ночь', 50000, 'RUB', 1, 2, 0, 0, '[]', true, 1)",
        RATE,
        ROOM_TYPE,
    )
