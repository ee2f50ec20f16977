"""What the hotel hears of orders."""

from collections.abc import Sequence
from datetime import timedelta

from foyer_chassis.consumer import SubscribeMany
from foyer_chassis.db import Transaction
from foyer_contracts.envelope import Event
from foyer_contracts.orders import OrderPlaced

from . import use_cases


def subscriptions(*, default_hold_ttl_seconds: int) -> list[SubscribeMany]:
    default_ttl = timedelta(seconds=default_hold_ttl_seconds)

    async def on_placed(transaction: Transaction, placed: Sequence[Event[OrderPlaced]]) -> None:
        await use_cases.hold_stays(transaction, placed, default_ttl=default_ttl)

    return [SubscribeMany(OrderPlaced, on_placed)]
