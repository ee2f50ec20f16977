"""`availability`: what is free, among a million reservations, beside pgbench with the same SQL."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

from . import seed
from .bench import Bench
from .figures import MILLISECONDS, Figure, in_turn, p99_ms
from .load import Load, request, saturate
from .pgbench import pgbench

CUSTOMER = "anna"
RESOURCES = 50
DAYS = 31
VARIANTS = 20  # of the page of many resources, so that it is not always the same one
SKIPPED_DAYS = 3  # the reservations begin before, however few there are

#: The two statements of the service: resources/store.py, _RESOURCES_BY_ID; claiming/store.py, _TAKEN.
RESOURCE_SQL = """
SELECT r.*, l.name, l.time_zone, l.opening_hours, l.closed_days, l.special_days, l.holidays, l.version,
    (SELECT jsonb_agg(jsonb_build_array(part.id, part.capacity)) FROM resources part
     JOIN resource_parts ON part_id = part.id WHERE whole_id = r.id) AS parts
FROM resources r JOIN locations l ON l.id = r.location_id WHERE r.id IN ({ids});
"""
TAKEN_SQL = """
SELECT resource_id, place, lower(blocked) AS starts_at, upper(blocked) AS ends_at FROM slot_claims
WHERE resource_id IN ({ids}) AND blocked && tstzrange('{begin}', '{end}')
ORDER BY resource_id, starts_at;
"""


@dataclass(frozen=True)
class Question:
    """What a customer asks: requests in turn, scripts of which pgbench picks one at random."""

    name: str
    what: str
    goal_ms: float
    requests: list[bytes]
    scripts: list[str]

    def next_request(self) -> Callable[[int], bytes]:
        """The requests one after the other, again and again."""
        turn = itertools.cycle(self.requests)
        return lambda _: next(turn)


async def questions(bench: Bench) -> tuple[Question, Question]:
    """One day of a resource; a month of fifty."""
    token = await bench.token(CUSTOMER)
    day = (datetime.now(UTC) + timedelta(days=SKIPPED_DAYS)).replace(hour=0, minute=0, second=0, microsecond=0)
    date = day.date().isoformat()
    rooms = [seed.room_id(number) for number in range(seed.ROOMS)]
    one = Question(
        "availability",
        "one resource, one day",
        3.0,
        [request("GET", f"/v1/resources/{room}/availability?from={date}", token) for room in rooms],
        [_script([str(room)], day, 1) for room in rooms[:: seed.ROOMS // VARIANTS]],
    )
    groups = [[str(room) for room in rooms[start : start + RESOURCES]] for start in range(0, seed.ROOMS, RESOURCES)]
    paths = [
        f"/v1/availability?from={date}&days={DAYS}&" + "&".join(f"resource_id={room}" for room in group)
        for group in groups
    ]
    many = Question(
        "availability/50x31",
        f"{RESOURCES} resources, {DAYS} days",
        60.0,
        [request("GET", path, token) for path in paths],
        [_script(group, day, DAYS + 2) for group in groups[:VARIANTS]],
    )
    return one, many


def _script(rooms: list[str], day: datetime, days: int) -> str:
    ids = ", ".join(f"'{room}'" for room in rooms)
    end = day + timedelta(days=days)
    return RESOURCE_SQL.format(ids=ids) + TAKEN_SQL.format(ids=ids, begin=day.isoformat(), end=end.isoformat())


async def prepare(bench: Bench, rows: int) -> None:
    """That many reservations, and the API of booking alone."""
    await bench.only()
    await seed.empty(bench)
    await seed.reservations(bench, rows)
    await bench.only("identity", "booking-api")


async def load(bench: Bench, question: Question) -> Load:
    """One client that asks again and again: what is measured is how long an answer takes, not how many there are."""
    url = bench.system.api_urls["booking"]
    return await saturate([url], 1, question.next_request(), seconds=bench.scale.seconds, expect=200)


async def measure(bench: Bench) -> list[Figure]:
    await prepare(bench, bench.scale.rows)
    at = f"at {bench.scale.rows:,} reservations"
    return [await answered(bench, question, at) for question in await questions(bench)]


async def answered(bench: Bench, question: Question, at: str, *, goal_of_database: bool = False) -> Figure:
    """How long answers take beside pgbench with the same SQL. The goal is for the answers, or for the SQL."""
    await load(bench, question)
    meter, latencies = bench.meter(), list[float]()

    async def limit() -> float:
        url = bench.database_url("booking")
        return (await pgbench(url, question.scripts, clients=1, seconds=bench.scale.seconds)).average_ms

    async def ours() -> float:
        with meter.running():
            done = await load(bench, question)
        latencies.extend(done.latencies)
        return median(done.latencies) * MILLISECONDS

    bare, middle = await in_turn(bench.scale.rounds, limit, ours)
    return Figure(
        name=question.name,
        what=f"{question.what} {at}, 1 client",
        unit="ms",
        limit=bare,
        ours=middle,
        goal=f"{'database ' if goal_of_database else ''}≤ {question.goal_ms:.0f} ms",
        ok=(bare if goal_of_database else middle) <= question.goal_ms,
        p50_ms=middle,
        p99_ms=p99_ms(latencies),
        beside=str(meter),
    )
