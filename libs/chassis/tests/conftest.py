from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import sqlalchemy as sa
from foyer_chassis.db import Database
from foyer_chassis.tables import metadata
from foyer_chassis.testing import Servers, _execute, with_database


@pytest.fixture
async def database(servers: Servers) -> AsyncIterator[Database]:
    """A database with nothing but the chassis's tables and one of a test's own."""
    name = f"foyer_test_chassis_{uuid4().hex[:8]}"
    await _execute(servers.postgres_url, f'CREATE DATABASE "{name}"')
    database = Database(with_database(servers.postgres_url, name))
    async with database.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
        await connection.execute(sa.text("CREATE TABLE effects (id bigserial PRIMARY KEY, what text NOT NULL)"))
    yield database
    await database.close()
    await _execute(servers.postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)')
