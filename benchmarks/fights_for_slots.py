"""`fight`: sixty-four want one slot at the same moment."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from . import messages, seed
from .bench import CUSTOMERS, Bench
from .fights import (
    OFFERS,
    WAIT,
    BareRound,
    Fight,
    answered,
    asking,
    bare_inserts,
    forgetting,
    measure_fight,
    ordered,
    workers,
)
from .figures import BenchError, Figure
from .placing import PATH

TABLE = """
    CREATE TABLE bench_fight (
        id uuid PRIMARY KEY, resource_id uuid NOT NULL, during tstzrange NOT NULL,
        EXCLUDE USING gist (resource_id WITH =, during WITH &&)
    )
"""
INSERT = "INSERT INTO bench_fight VALUES ($1, $2, tstzrange($3, $4)) ON CONFLICT DO NOTHING RETURNING 1"


async def measure(bench: Bench) -> list[Figure]:
    """`fight`: each asks booking to keep the slot. `fight/order`: each orders it; a loser's answer is the cancelled
    order, the winner's has its payment link, so that booking, payments and the provider are in the race too."""
    await bench.only()
    await seed.empty(bench)
    await bench.only("identity", "provider", "booking-api", "orders-api", *workers())
    tokens = await bench.tokens(CUSTOMERS)
    slots = list(itertools.islice(seed.free_slots(), 2 * (bench.scale.few(100, 3) + 1)))

    def keeping(number: int) -> list[bytes]:
        return asking(OFFERS, tokens, [slots[2 * number].asked_for()] * len(tokens))

    def ordering(number: int) -> list[bytes]:
        return asking(PATH, tokens, [slots[2 * number + 1].order_body()] * len(tokens), Prefer=WAIT)

    urls, rounds = bench.system.api_urls, bench.scale.few(100, 3)
    async with _bare_slots(bench) as bare:
        figures = [
            await measure_fight(
                bench,
                Fight(
                    "fight",
                    "one slot to be kept",
                    urls["booking"],
                    rounds,
                    keeping,
                    answered("a slot"),
                    forgetting(bench, "waiting_offers"),
                ),
                bare,
            ),
            await measure_fight(
                bench, Fight("fight/order", "one slot by orders", urls["orders"], rounds, ordering, ordered), bare
            ),
        ]
    if left := await messages.parked(bench):
        raise BenchError(f"messages were parked: {left}")
    return figures


@asynccontextmanager
async def _bare_slots(bench: Bench) -> AsyncIterator[BareRound]:
    hours: Iterator[int] = itertools.count()

    def values() -> tuple[object, ...]:
        starts_at = datetime(2030, 1, 1, tzinfo=UTC) + timedelta(hours=next(hours))
        return seed.room_id(0), starts_at, starts_at + timedelta(hours=1)

    async with bare_inserts(bench, TABLE, INSERT, values) as fight:
        yield fight
