"""What a service's `migrations/env.py` needs: one line, `run(metadata)`."""

import asyncio

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.ext.asyncio import create_async_engine

from . import tables

LOCK_TIMEOUT = "5s"


def run(metadata: sa.MetaData) -> None:
    """Run the migrations online, a transaction each. A lock that is not had within 5 s fails the migration instead of
    stopping everybody who queues behind it."""
    url: str = context.config.attributes["database_url"]
    asyncio.run(_run(url.replace("postgresql://", "postgresql+asyncpg://", 1), metadata))


async def _run(url: str, metadata: sa.MetaData) -> None:
    engine = create_async_engine(
        url, poolclass=sa.NullPool, connect_args={"server_settings": {"lock_timeout": LOCK_TIMEOUT}}
    )
    async with engine.connect() as connection:
        await connection.run_sync(_migrate, metadata)
    await engine.dispose()


def _migrate(connection: sa.Connection, metadata: sa.MetaData) -> None:
    context.configure(
        connection=connection, target_metadata=metadata, transaction_per_migration=True, compare_type=True
    )
    with context.begin_transaction():
        context.run_migrations()


def create_chassis_tables() -> None:
    """For a service's first migration: outbox, inbox and idempotency keys as `tables` describes them."""
    tables.metadata.create_all(op.get_bind(), checkfirst=False)
