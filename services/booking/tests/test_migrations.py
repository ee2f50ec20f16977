"""The schema that the migrations make is the one the tables describe; what was taken before there were claims stays so."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from alembic import command
from booking.service import SERVICE
from foyer_chassis.process import alembic_config
from foyer_chassis.testing import Databases, Servers, with_database


async def test_the_migrations_make_the_tables(databases: Databases) -> None:
    url = await databases.clone(SERVICE)
    await asyncio.to_thread(command.check, alembic_config(SERVICE.folder, url))
    await databases.drop(url)


TAKE = """
    INSERT INTO reservations (id, order_id, resource_id, during, slots, price_amount, price_currency, status, version,
        created_at)
    VALUES ($1, $1, $2, tstzrange(now() + make_interval(hours => $3), now() + make_interval(hours => $3 + 1)), 2, 1, 'RUB',
        $4, 1, now())
    ON CONFLICT DO NOTHING RETURNING id
"""


@pytest.fixture
async def before_claims(servers: Servers) -> AsyncIterator[tuple[str, asyncpg.Connection, UUID]]:
    """A database as the release before claims left it, with a resource."""
    name = f"foyer_test_claims_{uuid4().hex[:8]}"
    url = with_database(servers.postgres_url, name)
    admin = await asyncpg.connect(servers.postgres_url)
    await admin.execute(f'CREATE DATABASE "{name}"')
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE EXTENSION btree_gist")
        await connection.execute("CREATE EXTENSION pg_trgm")
        await asyncio.to_thread(command.upgrade, alembic_config(SERVICE.folder, url), "0005")
        location, resource = uuid4(), uuid4()
        await connection.execute(
            "INSERT INTO locations (id, name, time_zone, opening_hours, closed_days, version)"
            " VALUES ($1, 'Фойе', 'UTC', '[]', '{2027-01-01}', 1)",
            location,
        )
        await connection.execute(
            "INSERT INTO resources (id, location_id, name, slot_minutes, price_amount, price_currency, active, version)"
            " VALUES ($1, $2, 'Нева', 30, 1, 'RUB', true, 1)",
            resource,
            location,
        )
        yield url, connection, resource
    finally:
        await connection.close()
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await admin.close()


async def test_what_is_taken_becomes_claims(before_claims: tuple[str, asyncpg.Connection, UUID]) -> None:
    url, connection, resource = before_claims
    statuses = ["held", "confirmed", "active", "ended", "expired", "released"]
    ids = {status: uuid4() for status in statuses}
    for hour, (status, id_) in enumerate(ids.items()):
        await connection.execute(TAKE, id_, resource, hour, status)
    await asyncio.to_thread(command.upgrade, alembic_config(SERVICE.folder, url), "head")
    rows = await connection.fetch(
        "SELECT owner_id, owner, place, blocked = during AS same, quantity FROM slot_claims"
        " JOIN reservations ON reservations.id = owner_id"
    )
    assert {row["owner_id"] for row in rows} == {ids[status] for status in statuses[:3]}
    assert {tuple(row.values())[1:] for row in rows} == {("reservation", 1, True, 1)}


async def test_the_release_before_takes_frees_and_moves_under_the_new_schema(
    before_claims: tuple[str, asyncpg.Connection, UUID],
) -> None:
    """Its statements, while the new release is being rolled out: never two holders, and nothing stays taken."""
    url, connection, resource = before_claims
    await asyncio.to_thread(command.upgrade, alembic_config(SERVICE.folder, url), "head")
    first, second = uuid4(), uuid4()
    await connection.execute(
        "INSERT INTO slot_claims VALUES ('reservation', $1, 0, $2, 1,"
        " tstzrange(now() + interval '5 hours', now() + interval '6 hours'))",
        uuid4(),
        resource,
    )
    assert await connection.fetchval(TAKE, first, resource, 5, "held") is None
    assert await connection.fetchval(TAKE, first, resource, 1, "held") == first
    assert await connection.fetchval(TAKE, second, resource, 1, "held") is None
    move = "UPDATE reservations SET during = tstzrange(now() + $2, now() + $2 + interval '1 hour') WHERE id = $1"
    with pytest.raises(asyncpg.ExclusionViolationError):
        await connection.execute(move, first, timedelta(hours=5))
    await connection.execute(move, first, timedelta(hours=3))
    assert await connection.fetchval(TAKE, second, resource, 1, "held") == second
    await connection.execute("UPDATE reservations SET status = 'expired', version = 2")
    assert await connection.fetchval("SELECT count(*) FROM slot_claims") == 1
