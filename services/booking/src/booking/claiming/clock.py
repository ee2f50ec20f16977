"""Places whose time is over are dropped; what has a buffer after it is not when it ends."""

from foyer_chassis.clock import Loop
from foyer_chassis.db import Database, Transaction

from . import store

EVERY_SECONDS = 3600.0


def loops(database: Database) -> list[Loop]:
    async def step() -> bool:
        transaction: Transaction
        async with database.transaction() as transaction:
            await store.forget(transaction)
        return False

    return [Loop("forget-claims", step, EVERY_SECONDS)]
