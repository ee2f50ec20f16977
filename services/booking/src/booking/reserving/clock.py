"""What happens to reservations by the clock. Each step takes a bounded batch and finds all that became due, also while
nothing ran; several workers share the work by skipping each other's rows."""

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
        loop("expire-holds", use_cases.expire_due),
        loop("start-reservations", use_cases.start_due),
        loop("end-reservations", use_cases.end_due),
    ]
