"""Forgets words that no order has any more: of people who were erased or renamed."""

from foyer_chassis.clock import Loop
from foyer_chassis.db import Database

from . import use_cases

AT_ONCE = 500


def forgetting(database: Database, *, every_seconds: float) -> Loop:
    """Some words in each step, all of them again and again."""
    last: str | None = None

    async def step() -> bool:
        nonlocal last
        async with database.transaction() as transaction:
            last = await use_cases.forget_words(transaction, after=last or "", most=AT_ONCE)
        return False

    return Loop("search_words", step, every_seconds=every_seconds)
