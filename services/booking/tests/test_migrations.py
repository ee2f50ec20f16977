"""The schema that the migrations make is the one the tables describe; what was taken before there were claims stays so."""

import asyncio
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
from alembic import command
from booking.service import SERVICE
from foyer_chassis.process import alembic_config
from foyer_chassis.testing import Databases, Servers, with_database


async def test_the_migrations_make_the_tables(databases: Databases) -> None:
    url = await databases.clone(SERVICE)
    await asyncio.to_thread(command.check, alembic_config(SERVICE.folder, url))
    await databases.drop(url)


async def test_what_is_taken_becomes_claims(servers: Servers) -> None:
    name = f"foyer_test_claims_{uuid4().hex[:8]}"
    url = with_database(servers.postgres_url, name)
    admin = await asyncpg.connect(servers.postgres_url)
    await admin.execute(f'CREATE DATABASE "{name}"')
    try:
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE EXTENSION btree_gist")
        await connection.execute("CREATE EXTENSION pg_trgm")
        await asyncio.to_thread(command.upgrade, alembic_config(SERVICE.folder, url), "0006")
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
        statuses = ["held", "confirmed", "active", "ended", "expired", "released"]
        ids: dict[str, UUID] = {status: uuid4() for status in statuses}
        for hour, (status, id_) in enumerate(ids.items()):
            await connection.execute(
                "INSERT INTO reservations (id, order_id, resource_id, during, slots, price_amount, price_currency,"
                " status, version, created_at) VALUES ($1, $1, $2, tstzrange(now() + make_interval(hours => $3),"
                " now() + make_interval(hours => $3 + 1)), 2, 1, 'RUB', $4, 1, now())",
                id_,
                resource,
                hour,
                status,
            )
        await asyncio.to_thread(command.upgrade, alembic_config(SERVICE.folder, url), "head")
        rows = await connection.fetch(
            "SELECT owner_id, owner, place, blocked = during AS same, quantity FROM slot_claims"
            " JOIN reservations ON reservations.id = owner_id"
        )
        assert {row["owner_id"] for row in rows} == {ids[status] for status in statuses[:3]}
        assert {tuple(row.values())[1:] for row in rows} == {("reservation", 1, True, 1)}
        await connection.close()
    finally:
        await admin.execute(f'DROP DATABASE "{urlsplit(url).path.lstrip("/")}" WITH (FORCE)')
        await admin.close()
