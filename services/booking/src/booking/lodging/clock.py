"""What happens to tickets and stays by the clock, as to slots: bounded batches, everything that became due, also while
nothing ran, by several workers at once."""

from collections.abc import Awaitable, Callable

from foyer_chassis.clock import Loop
from foyer_chassis.db import Database, Transaction

from . import use_cases

BATCH = 100


def loops(database: Database, *, every_seconds: float) -> list[Loop]:
    def loop(name: str, use_case: Callable[..., Awaitable[int]]) -> Loop:
        async def step() -> bool:
            transaction: Transaction
            async with database.transaction() as transaction:
                return await use_case(transaction, most=BATCH) == BATCH

        return Loop(name, step, every_seconds)

    return [
        loop("expire-lodgings", use_cases.expire_due),
        loop("start-lodgings", use_cases.start_due),
        loop("give-up-lodgings", use_cases.no_show_due_now),
        loop("end-lodgings", use_cases.end_due),
    ]
