"""What happens to tickets and stays by the clock, as to slots: bounded batches, everything that became due, also while
nothing ran, by several workers at once."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from foyer_chassis.clock import Loop
from foyer_chassis.db import Database, Transaction

from . import store, use_cases

BATCH = 100
#: What was kept and came to its end is dropped after so long.
FORGET_AFTER = timedelta(days=1)
FORGET_EVERY_SECONDS = 3600.0


def loops(database: Database, *, every_seconds: float) -> list[Loop]:
    def loop(name: str, use_case: Callable[..., Awaitable[int]]) -> Loop:
        async def step() -> bool:
            transaction: Transaction
            async with database.transaction() as transaction:
                return await use_case(transaction, most=BATCH) == BATCH

        return Loop(name, step, every_seconds)

    async def forget() -> bool:
        transaction: Transaction
        async with database.transaction() as transaction:
            await store.forget_offers(transaction, before=transaction.now - FORGET_AFTER)
        return False

    return [
        Loop("forget-offers", forget, FORGET_EVERY_SECONDS),
        loop("expire-lodgings", use_cases.expire_due),
        loop("start-lodgings", use_cases.start_due),
        loop("give-up-lodgings", use_cases.no_show_due_now),
        loop("end-lodgings", use_cases.end_due),
    ]
