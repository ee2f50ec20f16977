"""The loop that sends webhooks: claims, calls without a transaction, records."""

from collections.abc import Callable
from datetime import timedelta

from foyer_chassis.claims import Pump
from foyer_chassis.db import Database, Transaction

from . import store, use_cases
from .domain import Sender, WebhookMessage, headers


def sending(
    database: Database,
    sender: Sender,
    wake_dispatch: Callable[[], None],
    *,
    slots: int,
    lease_seconds: float,
    every_seconds: float,
) -> Pump[WebhookMessage]:
    """At most `slots` calls at once; a slow endpoint holds up nothing but its own slot."""

    async def work(message: WebhookMessage) -> None:
        async with database.read() as reading:
            endpoint = await store.endpoint(reading, message.endpoint_id)
            now = reading.now
        if endpoint is None:
            return
        answer = await sender.send(endpoint.url, message.body, headers(message, endpoint.secret, now))

        async def record(transaction: Transaction) -> None:
            if await use_cases.record(transaction, message, answer):
                transaction.after_commit(wake_dispatch)

        await pump.record(record)

    pump: Pump[WebhookMessage] = Pump(
        "webhooks",
        database,
        store.claim,
        work,
        slots=slots,
        lease=timedelta(seconds=lease_seconds),
        every_seconds=every_seconds,
    )
    return pump
