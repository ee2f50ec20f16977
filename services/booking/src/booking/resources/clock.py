"""Public holidays of the years ahead, worked out when a year has turned."""

from foyer_chassis.clock import Loop
from foyer_chassis.db import Database, Transaction

from . import use_cases

BATCH = 10
EVERY_SECONDS = 3600.0


def loops(database: Database) -> list[Loop]:
    async def step() -> bool:
        transaction: Transaction
        async with database.transaction() as transaction:
            return await use_cases.extend_holidays(transaction, most=BATCH) == BATCH

    return [Loop("extend-holidays", step, EVERY_SECONDS)]
