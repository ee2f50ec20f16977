"""The consumer: broker → handlers, each effect exactly once.

A batch is what is buffered, never waited for. One transaction opens; the inbox tells which events are new; their
handlers run in order; state, inbox and outbox commit together; only then is the batch acknowledged. When a batch
fails it is rolled back and replayed one by one, so that only the culprit goes to the retry queue.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
import structlog
from foyer_contracts.catalogue import envelope_of
from foyer_contracts.envelope import Event, EventData
from pydantic import ValidationError
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from . import log, telemetry
from .broker import OUTAGES, Broker, Subscription
from .db import Database, Transaction, cause, is_outage
from .messages import Incoming, parked_message, retry_message
from .tables import inbox

D = TypeVar("D", bound=EventData)
Handler = Callable[[Transaction, Event[D]], Awaitable[None]]

_NEW_IN_INBOX = sa.text(
    f"INSERT INTO {inbox.name} (event_id) SELECT unnest(:ids) ON CONFLICT DO NOTHING RETURNING event_id"
).bindparams(sa.bindparam("ids", type_=ARRAY(PG_UUID(as_uuid=True))))
_FORGET = sa.delete(inbox).where(inbox.c.handled_at < sa.bindparam("before"))

_logger = log.get(__name__)


@dataclass(frozen=True)
class Subscribe:
    """`Subscribe(OrderPlaced, hold_places)`: one line of a service's list of subscriptions."""

    data: type[EventData]
    handler: Callable[[Transaction, Any], Awaitable[None]]


@dataclass(frozen=True)
class SubscribeMany:
    """As `Subscribe`, with a handler that takes all events of its type that stand together in a batch: one statement
    for many. It wraps what it publishes for each of them in `handling(event)`."""

    data: type[EventData]
    handler: Callable[[Transaction, Sequence[Event[Any]]], Awaitable[None]]


#: Called with all new events of a batch before their handlers, to lock and read in one query what they will need.
Prepare = Callable[[Transaction, Sequence[Event[Any]]], Awaitable[None]]


@contextmanager
def handling(event: Event[Any]) -> Iterator[None]:
    """What is logged, traced and published in this block comes of that event."""
    token = cause.set(str(event.id))
    structlog.contextvars.bind_contextvars(event_id=str(event.id), event_type=event.type)
    try:
        with telemetry.span(f"handle {event.type}", traceparent=event.traceparent, kind=telemetry.SpanKind.CONSUMER):
            yield
    finally:
        structlog.contextvars.unbind_contextvars("event_id", "event_type")
        cause.reset(token)


class UnreadableError(Exception):
    """The message is no event that this service knows how to read; trying again will not help."""


class Dispatcher:
    """Which handlers an event goes to, and the transaction around them."""

    def __init__(
        self,
        database: Database,
        subscriptions: Iterable[Subscribe | SubscribeMany],
        *,
        prepare: Prepare | None = None,
    ) -> None:
        self.database = database
        self._prepare = prepare
        self._handlers: dict[str, list[Subscribe | SubscribeMany]] = defaultdict(list)
        self._models: dict[str, type[Event[Any]]] = {}
        for subscription in subscriptions:
            self._handlers[subscription.data.type].append(subscription)
            self._models[subscription.data.type] = envelope_of(subscription.data)

    @property
    def public_types(self) -> list[str]:
        return [name for name, (first, *_) in self._handlers.items() if not first.data.private]

    @property
    def private_types(self) -> list[str]:
        return [name for name, (first, *_) in self._handlers.items() if first.data.private]

    def read(self, message: Incoming) -> Event[Any] | None:
        """The event in a message; None for a type nobody here subscribes to (a binding that was left behind).

        Raises:
            UnreadableError: not JSON, not an envelope, or data that breaks its schema.
        """
        model = self._models.get(message.routing_key)
        if model is None:
            return None
        try:
            event = model.model_validate_json(message.body)
        except ValidationError as error:
            fields = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
            raise UnreadableError(fields[:500]) from None
        if event.type != message.routing_key:
            raise UnreadableError(f"type {event.type} under routing key {message.routing_key}")
        return event

    async def dispatch(self, events: Sequence[Event[Any]]) -> int:
        """Run the handlers of those events that are new, in one transaction. Returns how many were new."""
        async with self.database.transaction() as transaction:
            result = await transaction.execute(_NEW_IN_INBOX, {"ids": [event.id for event in events]})
            ids: set[UUID] = set(result.scalars())
            # An id that stands twice in one batch is new once.
            new = list({event.id: event for event in events if event.id in ids}.values())
            if new and self._prepare is not None:
                await self._prepare(transaction, new)
            for type_, together in groupby(new, key=lambda event: event.type):
                await self._handle(transaction, type_, list(together))
            return len(new)

    async def _handle(self, transaction: Transaction, type_: str, events: list[Event[Any]]) -> None:
        for subscription in self._handlers[type_]:
            if isinstance(subscription, SubscribeMany):
                await subscription.handler(transaction, events)
            else:
                for event in events:
                    with handling(event):
                        await subscription.handler(transaction, event)
        for event in events:
            telemetry.EVENT_AGE_SECONDS.labels(type_).observe(
                max(0.0, (transaction.now - event.time) / timedelta(seconds=1))
            )


class Consumer:
    """Takes batches from the service's queue until cancelled."""

    RECONNECT_SECONDS = 0.5
    OUTAGE_PAUSE_SECONDS = 0.5

    def __init__(self, broker: Broker, dispatcher: Dispatcher, *, prefetch: int = 200, batch: int = 50) -> None:
        self._broker = broker
        self._dispatcher = dispatcher
        self._prefetch = prefetch
        self._batch = batch
        self.is_connected = False

    async def run(self) -> None:
        while True:
            try:
                async with self._broker.subscription(prefetch=self._prefetch) as subscription:
                    self.is_connected = True
                    while True:
                        await self._handle(await subscription.batch(self._batch), subscription)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                level = _logger.warning if isinstance(error, OUTAGES) else _logger.exception
                level("consumer_interrupted", error=f"{type(error).__name__}: {error}")
            finally:
                self.is_connected = False
            await asyncio.sleep(self.RECONNECT_SECONDS)

    async def _handle(self, messages: list[Incoming], subscription: Subscription) -> None:
        started = time.perf_counter()
        events: list[tuple[Incoming, Event[Any]]] = []
        for message in messages:
            try:
                event = self._dispatcher.read(message)
            except UnreadableError as error:
                _logger.error("message_unreadable", event_type=message.routing_key, reason=str(error))
                await self._move(subscription, parked_message(self._broker.queues, message, f"unreadable: {error}"))
                telemetry.HANDLED.labels(message.routing_key, "parked").inc()
            else:
                if event is not None:
                    events.append((message, event))
        if events and not await self._together([event for _, event in events]):
            for message, event in events:
                await self._alone(message, event, subscription)
        await subscription.acknowledge_through(messages[-1])
        for _, event in events:
            telemetry.HANDLED.labels(event.type, "handled").inc()
        telemetry.HANDLING_SECONDS.observe(time.perf_counter() - started)

    async def _together(self, events: list[Event[Any]]) -> bool:
        while True:
            try:
                await self._dispatcher.dispatch(events)
            except Exception as error:
                if is_outage(error):
                    await self._wait_for_database(error)
                    continue
                if len(events) > 1:
                    _logger.warning("batch_failed", size=len(events), error=f"{type(error).__name__}: {error}")
                return False
            return True

    async def _alone(self, message: Incoming, event: Event[Any], subscription: Subscription) -> None:
        while True:
            try:
                await self._dispatcher.dispatch([event])
            except Exception as error:
                if is_outage(error):
                    await self._wait_for_database(error)
                    continue
                reason = f"{type(error).__name__}: {error}"[:500]
                again = retry_message(self._broker.queues, message, reason)
                parked = again.routing_key == self._broker.queues.parked
                _logger.log(
                    40 if parked else 30,
                    "event_parked" if parked else "event_to_be_retried",
                    event_type=event.type,
                    event_id=str(event.id),
                    attempt=message.attempt,
                    exc_info=error,
                )
                await self._move(subscription, again)
                telemetry.HANDLED.labels(event.type, "parked" if parked else "retried").inc()
            return

    async def _wait_for_database(self, error: Exception) -> None:
        # Not the message's fault: it keeps its attempts, and nothing overtakes it.
        _logger.warning("database_unreachable", error=f"{type(error).__name__}: {error}")
        await asyncio.sleep(self.OUTAGE_PAUSE_SECONDS)

    @staticmethod
    async def _move(subscription: Subscription, message: Any) -> None:
        (error,) = await subscription.publisher.publish([message])
        if error is not None:
            raise ConnectionError(f"could not move a message to {message.routing_key}: {error}") from error


async def forget_handled(transaction: Transaction, *, days: int) -> None:
    """Drop inbox rows older than any repeat can be: the log of events keeps less than that."""
    await transaction.execute(_FORGET, {"before": transaction.now - timedelta(days=days)})
