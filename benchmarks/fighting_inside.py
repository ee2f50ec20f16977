"""`fight-class` and `fight-lodging`: sixty-four want the last place of a class, the last workplace, the last room at
the same moment, beside asyncpg's bare inserts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from . import messages, seed
from .bench import CUSTOMERS, Bench
from .fighting import RIVALS, WAIT, BareRound, Fight, answered, bare_inserts, measure_fight, ordered, workers
from .figures import BenchError, Figure
from .load import request
from .placing import PATH

DESK = "dana"
GROUP, TYPE = UUID(int=9_100_000), UUID(int=9_100_001)
SPACE, TARIFF, ROOM_TYPE, RATE = (UUID(int=9_100_002 + n) for n in range(4))
COWORKING, HOTEL = UUID(int=9_100_010), UUID(int=9_100_011)
TABLE = "CREATE TABLE bench_seats (id uuid PRIMARY KEY, thing uuid NOT NULL, seat int NOT NULL, UNIQUE (thing, seat))"
INSERT = "INSERT INTO bench_seats VALUES ($1, $2, 1) ON CONFLICT DO NOTHING RETURNING 1"


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

    url = bench.system.api_urls["booking"]
    fight = Fight("fight-class", "the last place of a class", url, rounds, requests, answered("a place in a class"))
    async with _bare_seats(bench) as bare:
        return [await measure_fight(bench, fight, bare)]


async def measure_lodging(bench: Bench) -> list[Figure]:
    """By orders, as `fight/order`: the winner's answer has its payment link."""
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
    await bench.only("identity", "provider", "orders-api", *workers())
    tokens = await bench.tokens(CUSTOMERS)
    first = (datetime.now(UTC) + timedelta(days=2)).replace(hour=0, minute=0, second=0, microsecond=0)

    def orders(bodies: Iterator[dict[str, Any]]) -> list[bytes]:
        return [
            request("POST", PATH, token, json.dumps(body).encode(), Idempotency_Key=uuid4().hex, Prefer=WAIT)
            for token, body in zip(tokens, bodies, strict=True)
        ]

    def seats(number: int) -> list[bytes]:
        starts_at = (first + timedelta(hours=number)).isoformat()
        ticket = {"space_id": str(SPACE), "tariff_id": str(TARIFF), "starts_at": starts_at, "quantity": 1}
        visitor = {"name": "Посетитель"}
        return orders({"offering_id": str(COWORKING), "ticket": {**ticket, "visitor": visitor}} for _ in tokens)

    def rooms(number: int) -> list[bytes]:
        night = first.date() + timedelta(days=number)
        stay = {
            "room_type_id": str(ROOM_TYPE), "tariff_id": str(RATE), "visitor": {"name": "Гость"}, "adults": 1,
            "arrival": night.isoformat(), "departure": (night + timedelta(days=1)).isoformat(),
        }  # fmt: skip
        return orders({"offering_id": str(HOTEL), "stay": stay} for _ in tokens)

    url = bench.system.api_urls["orders"]
    async with _bare_seats(bench) as bare:
        figures = [
            await measure_fight(bench, fight, bare)
            for fight in (
                Fight("fight-lodging", "the last workplace", url, rounds, seats, ordered),
                Fight("fight-lodging/room", "the last room", url, rounds, rooms, ordered),
            )
        ]
    if left := await messages.parked(bench):
        raise BenchError(f"messages were parked: {left}")
    return figures


@asynccontextmanager
async def _bare_seats(bench: Bench) -> AsyncIterator[BareRound]:
    async with bare_inserts(bench, TABLE, INSERT, lambda: (uuid4(),)) as fight:
        yield fight


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
