"""The pool of connections, on a real PostgreSQL."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest
import sqlalchemy as sa
from foyer_chassis.db import Database, Transaction


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


async def test_what_many_ask_alike_is_read_once_for_all_of_them(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def finding(what: str) -> Callable[[Transaction], Awaitable[str]]:
        async def find(reading: Transaction) -> str:
            asked.append(what)
            await reading.execute(sa.text("SELECT 1"))
            if what == "broken":
                raise ValueError(what)
            return f"{what} {len(asked)}"

        return find

    found = await asyncio.gather(*(database.shared(what, finding(what)) for what in ("one", "two", "one", "one")))
    assert sorted(asked) == ["one", "two"]
    assert found[0] == found[2] == found[3] != found[1]
    for _ in range(2):  # what is raised is kept for nobody
        with pytest.raises(ValueError, match="broken"):
            await database.shared("broken", finding("broken"))
    assert asked[2:] == ["broken", "broken"]
    monkeypatch.setattr("foyer_chassis.db.SHARED_SECONDS", 0.0)
    for _ in range(2):  # and nothing for longer than a moment
        await database.shared("soon old", finding("soon old"))
    assert asked[4:] == ["soon old", "soon old"]
