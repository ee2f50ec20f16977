"""Offers end when they are not taken; found also when they ended while nothing ran."""

from foyer_chassis.clock import Loop
from foyer_chassis.db import Database, Transaction

from . import use_cases

BATCH = 100


def loops(database: Database, *, every_seconds: float) -> list[Loop]:
    async def step() -> bool:
        transaction: Transaction
        async with database.transaction() as transaction:
            return await use_cases.expire_offers(transaction, most=BATCH) == BATCH

    return [Loop("expire-offers", step, every_seconds)]
