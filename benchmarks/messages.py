"""The broker as benches use it: filling queues, emptying them, publishing as fast as a bare script can."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar
from uuid import UUID

import aio_pika
from foyer_chassis.broker import Broker
from foyer_contracts.envelope import CONTENT_TYPE, LOG_STREAM, PUBLIC_EXCHANGE, Event
from foyer_contracts.ids import new_id

from .bench import Bench
from .figures import BenchError

T = TypeVar("T")
WINDOW = 100
FILL_WINDOW = 500
PUBLISH_SECONDS = 30
QUIET_SECONDS = 1.0


async def purge(bench: Bench, *services: str) -> None:
    """Empty the queues of these services, of all if none is named. Their workers should not run."""
    async with await aio_pika.connect(bench.system.amqp_admin_url) as connection:
        channel = await connection.channel()
        for service in services or bench.system.profile.services:
            for name in (f"foyer.{service}", f"foyer.{service}.parked"):
                queue = await channel.get_queue(name)
                await queue.purge()


async def parked(bench: Bench) -> dict[str, int]:
    """How many messages each service could not handle; those without any are left out."""
    async with await aio_pika.connect(bench.system.amqp_admin_url) as connection:
        channel = await connection.channel()
        found = {}
        for service in bench.system.profile.services:
            queue = await channel.declare_queue(f"foyer.{service}.parked", passive=True)
            if queue.declaration_result.message_count:
                found[service] = queue.declaration_result.message_count
        return found


async def logged(bench: Bench) -> int:
    """How many events the log holds: the offset of the next one, as long as nothing in it is too old."""
    async with await aio_pika.connect(bench.system.amqp_admin_url) as connection:
        channel = await connection.channel()
        log = await channel.declare_queue(LOG_STREAM, passive=True)
        return log.declaration_result.message_count or 0


async def log_since(bench: Bench, offset: int) -> list[dict[str, Any]]:
    """The events of the log from an offset on, until none has come for a second."""
    events: list[dict[str, Any]] = []
    async with Broker(bench.system.amqp_admin_url, "bench").tail(offset=offset) as messages:
        while True:
            try:
                async with asyncio.timeout(QUIET_SECONDS):
                    events.append(json.loads((await anext(messages)).body))
            except TimeoutError:
                return events


async def fill(bench: Bench, service: str, events: Sequence[Event[Any]]) -> None:
    """Put events straight into a service's queue, as a re-driven message comes, past all other subscribers."""
    async with await aio_pika.connect(bench.system.amqp_admin_url) as connection:
        channel = await connection.channel(publisher_confirms=True)
        for window in windows(events, FILL_WINDOW):
            await asyncio.gather(
                *(
                    channel.default_exchange.publish(
                        _message(event.to_json(), event.id, {"x-foyer-type": event.type}),
                        f"foyer.{service}",
                        timeout=PUBLISH_SECONDS,
                    )
                    for event in window
                )
            )


async def publish_bare(url: str, routing_key: str, body: bytes, count: int) -> float:
    """What a bare script reaches: aio-pika, confirms awaited in windows of 100. Messages per second.

    Raises:
        BenchError: the broker did not confirm one.
    """
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel(publisher_confirms=True)
        exchange = await channel.get_exchange(PUBLIC_EXCHANGE, ensure=False)
        messages = [_message(body, new_id(), {}) for _ in range(count)]
        started = time.perf_counter()
        for window in windows(messages, WINDOW):
            results = await asyncio.gather(
                *(exchange.publish(message, routing_key, mandatory=False) for message in window)
            )
            if None in results:
                raise BenchError("the broker did not confirm a message")
        return count / (time.perf_counter() - started)


def _message(body: bytes, message_id: UUID, headers: dict[str, aio_pika.abc.FieldValue]) -> aio_pika.Message:
    return aio_pika.Message(
        body,
        message_id=str(message_id),
        content_type=CONTENT_TYPE,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        headers=headers,
    )


def windows(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
