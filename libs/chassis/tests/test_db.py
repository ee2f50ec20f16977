"""The pool of connections, on a real PostgreSQL."""

import asyncio

import asyncpg
import sqlalchemy as sa
from foyer_chassis.db import Database


async def test_connections_that_the_server_closed_are_replaced_unseen(database: Database) -> None:
    """After a restart of PostgreSQL the first who asks has an answer, not an outage."""

    async def one() -> int:
        async with database.read() as reading:
            await reading.execute(sa.text("SELECT pg_sleep(0.05)"))
            return int((await reading.execute(sa.text("SELECT 1"))).scalar_one())

    assert await asyncio.gather(*(one() for _ in range(4))) == [1, 1, 1, 1]
    async with database.direct() as direct:
        assert await direct.row("SELECT 1")
    admin = await asyncpg.connect(database.url)
    closed = await admin.fetch(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await admin.close()
    assert len(closed) >= 5
    assert await asyncio.gather(*(one() for _ in range(4))) == [1, 1, 1, 1]
    async with database.transaction() as transaction:
        await transaction.execute(sa.text("INSERT INTO effects (what) VALUES ('after')"))
    async with database.direct() as direct:
        assert await direct.row("SELECT what FROM effects")
