"""The schema that the migrations make is the one the tables describe."""

import asyncio

from alembic import command
from booking.service import SERVICE
from foyer_chassis.process import alembic_config
from foyer_chassis.testing import Databases


async def test_the_migrations_make_the_tables(databases: Databases) -> None:
    url = await databases.clone(SERVICE)
    await asyncio.to_thread(command.check, alembic_config(SERVICE.folder, url))
    await databases.drop(url)
