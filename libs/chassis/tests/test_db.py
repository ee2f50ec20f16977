"""The pool of connections, on a real PostgreSQL."""

import asyncio
import time

import asyncpg
import pytest
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


async def test_what_many_ask_alike_is_read_once_for_all_of_them(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def shared(what: str, *, since: float) -> str | None:
        async def find() -> str | None:
            asked.append(what)
            await asyncio.sleep(0)
            if what == "broken":
                raise ValueError(what)
            return None if what == "nothing" else f"{what} {len(asked)}"

        return await database.shared(what, find, since=since)

    came = time.monotonic()
    found = await asyncio.gather(*(shared(what, since=came) for what in ("one", "two", "one", "one")))
    assert sorted(asked) == ["one", "two"]
    assert found[0] == found[2] == found[3] != found[1]
    # Who comes later looks again, and who came before is content with that.
    assert await shared("one", since=time.monotonic()) == await shared("one", since=came) == "one 3"
    for _ in range(2):  # what is raised is kept for nobody, nor is that there is nothing
        with pytest.raises(ValueError, match="broken"):
            await shared("broken", since=came)
        assert await shared("nothing", since=came) is None
    assert asked[3:] == ["broken", "nothing"] * 2
    monkeypatch.setattr("foyer_chassis.db.SHARED_SECONDS", 0.0)
    await shared("last", since=came)
    assert list(database._found) == ["last"]
