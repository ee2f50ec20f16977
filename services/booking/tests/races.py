"""For tests in which many act at once."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2
from foyer_chassis.testing import Running


async def at_once(calls: Iterable[Any]) -> list[httpx2.Response]:
    """Make these calls at once; none may fail on the server's side, a deadlock least of all."""
    answers: Sequence[httpx2.Response] = await asyncio.gather(*calls)
    assert {answer.status_code for answer in answers if answer.status_code >= 500} == set(), [
        answer.text for answer in answers if answer.status_code >= 500
    ]
    return list(answers)


async def deadlocks(booking: Running) -> int:
    """How many PostgreSQL has found in this database. Connections report them when they close, at the latest."""
    await booking.database.engine.dispose()
    connection = await asyncpg.connect(booking.database.url)
    try:
        await asyncio.sleep(0.1)
        return int(
            await connection.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        )
    finally:
        await connection.close()


def key() -> dict[str, str]:
    return {"Idempotency-Key": uuid4().hex}
