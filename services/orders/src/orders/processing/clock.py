"""The clock of orders: closes what nobody answered for (A10) and tells of deadlines that passed, once each."""

from foyer_chassis.clock import Loop
from foyer_chassis.db import Database

from . import use_cases


def deadlines(database: Database, *, every_seconds: float) -> Loop:
    """Finds everything that became due, also while no worker ran; several copies share the work by row locks."""

    async def step() -> bool:
        async with database.transaction() as transaction:
            return await use_cases.strike(transaction)

    return Loop("order_deadlines", step, every_seconds=every_seconds)
