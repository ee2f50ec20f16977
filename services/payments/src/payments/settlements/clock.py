"""The loop that settles orders whose money moved, and top-ups."""

from collections.abc import Mapping
from decimal import Decimal

from foyer_chassis.clock import Loop
from foyer_chassis.db import Database

from . import use_cases
from .domain import SETTLE

#: Orders, and top-ups, settled in one transaction.
BATCH = 50


def loop(database: Database, *, percents: Mapping[str, Decimal], every_seconds: float) -> Loop:
    async def step() -> bool:
        async with database.transaction() as transaction:
            orders = await use_cases.settle(transaction, percents=percents, most=BATCH)
            top_ups = await use_cases.settle_top_ups(transaction, percents=percents, most=BATCH)
            disputed = await use_cases.settle_disputed_top_ups(transaction, most=BATCH)
            return orders + top_ups + disputed > 0

    return Loop(SETTLE, step, every_seconds=every_seconds)
