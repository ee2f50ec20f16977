"""The schema that the migrations make is the one the tables describe; what was there before is right under it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from alembic import command
from foyer_chassis.process import alembic_config
from foyer_chassis.testing import Databases, Servers, with_database
from payments.service import SERVICE

#: For columns that must have a value, by type.
FILLER = {"text": "'x'", "bigint": "0", "integer": "0", "timestamp with time zone": "now()", "jsonb": "'{}'"}


async def test_the_migrations_make_the_tables(databases: Databases) -> None:
    url = await databases.clone(SERVICE)
    await asyncio.to_thread(command.check, alembic_config(SERVICE.folder, url))
    await databases.drop(url)


@pytest.fixture
async def before_chargebacks(servers: Servers) -> AsyncIterator[tuple[str, asyncpg.Connection]]:
    """A database as the release before chargebacks were settled left it."""
    name = f"foyer_test_chargebacks_{uuid4().hex[:8]}"
    url = with_database(servers.postgres_url, name)
    admin = await asyncpg.connect(servers.postgres_url)
    await admin.execute(f'CREATE DATABASE "{name}"')
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE EXTENSION btree_gist")
        await connection.execute("CREATE EXTENSION pg_trgm")
        await asyncio.to_thread(command.upgrade, alembic_config(SERVICE.folder, url), "0016")
        yield url, connection
    finally:
        await connection.close()
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await admin.close()


async def add(connection: asyncpg.Connection, table: str, **values: Any) -> None:
    """A row with these values, and anything in the columns that must have some; what it refers to need not be there."""
    columns = await connection.fetch(
        "SELECT column_name AS name, data_type AS type FROM information_schema.columns"
        " WHERE table_name = $1 AND is_nullable = 'NO' AND column_default IS NULL",
        table,
    )
    given = {name: f"${number}" for number, name in enumerate(values, start=1)}
    filled = {row["name"]: "gen_random_uuid()" if row["type"] == "uuid" else FILLER.get(row["type"]) for row in columns}
    row = {**filled, **given}
    await connection.execute("SET session_replication_role = replica")
    await connection.execute(
        f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(str(value) for value in row.values())})",
        *values.values(),
    )


@pytest.mark.feature("B7")
async def test_what_was_lost_before_is_settled_then(before_chargebacks: tuple[str, asyncpg.Connection]) -> None:
    url, connection = before_chargebacks
    lost, won, calm = uuid4(), uuid4(), uuid4()
    for id_ in (lost, won, calm):
        await add(connection, "order_accounts", order_id=id_, currency="RUB", paid=40000, version=3, settled_version=3)
        money: dict[str, Any] = {"amount": 40000, "received": 40000, "currency": "RUB"}
        await add(
            *(connection, "payments"), id=id_, order_id=id_, provider="stripe", status="succeeded", part=1, **money,
            provider_payment_id=str(id_), source="provider:stripe", choice="{}", paid_at=None,
        )  # fmt: skip
    for id_, status in ((lost, "lost"), (won, "won")):
        money = {"amount": 30000, "currency": "RUB"}
        await add(
            connection,
            "disputes",
            number=str(id_),
            payment_id=id_,
            order_id=id_,
            status=status,
            withdrawn=status == "lost",
            **money,
        )
    await asyncio.to_thread(command.upgrade, alembic_config(SERVICE.folder, url), "head")
    rows = await connection.fetch("SELECT id, charged_back FROM payments")
    assert {row["id"]: row["charged_back"] for row in rows} == {lost: 30000, won: 0, calm: 0}
    due = await connection.fetch("SELECT order_id FROM order_accounts WHERE settled_version < version")
    assert [row["order_id"] for row in due] == [lost]
