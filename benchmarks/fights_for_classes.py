"""`fight-class`: sixty-four want the last place of a class at the same moment."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from . import seed
from .bench import Bench
from .fights import RIVALS, Fight, answered, asking, bare_seats, measure_fight
from .figures import Figure

DESK = "dana"
GROUP, TYPE = UUID(int=9_100_000), UUID(int=9_100_001)


async def measure(bench: Bench) -> list[Figure]:
    """At the desk, over HTTP to booking: each for a visitor of their own, with a membership."""
    rounds = bench.scale.few(100, 3)
    await bench.only()
    await seed.empty(bench)
    classes = [uuid4() for _ in range(rounds + 1)]
    async with bench.database("booking") as connection:
        visitors = await _members(connection, classes)
    await bench.only("identity", "booking-api")
    tokens = [await bench.token(DESK)] * RIVALS
    bodies = [json.dumps({"visitor_id": str(visitor)}).encode() for visitor in visitors]

    def requests(number: int) -> list[bytes]:
        return asking(f"/v1/classes/{classes[number]}/places", tokens, bodies)

    url = bench.system.api_urls["booking"]
    fight = Fight("fight-class", "the last place of a class", url, rounds, requests, answered("a place in a class"))
    async with bare_seats(bench) as bare:
        return [await measure_fight(bench, fight, bare)]


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
