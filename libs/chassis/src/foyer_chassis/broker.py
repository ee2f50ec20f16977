"""RabbitMQ: the only file that imports aio_pika.

Topology of a service `orders`:

- `foyer.orders`: quorum queue, bound to what the service subscribes to. Single active consumer: events are handled in
  the order they were published, a second worker stands by and takes over at once.
- `foyer.orders.retry` (direct exchange) → `foyer.orders.retry.<delay>`: one quorum queue per delay, whose messages
  expire back into `foyer.orders`. One queue per delay because a short TTL behind a long one would wait for it.
- `foyer.orders.parked`: messages that could not be handled, with the reason in their headers.
- `foyer.orders.live` (fan-out exchange) → `foyer.orders.live.<random>`: a queue for each process that is to hear what
  the others tell right now; it goes with its connection, and so does what is in it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import aio_pika
import aiormq
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange, AbstractIncomingMessage
from foyer_contracts.envelope import CONTENT_TYPE, LOG_STREAM, PRIVATE_EXCHANGE, PUBLIC_EXCHANGE
from yarl import URL

from . import log
from .messages import ATTEMPT_HEADER, TYPE_HEADER, Incoming, Outgoing, Queues

HEARTBEAT_SECONDS = 20
CONNECT_TIMEOUT_SECONDS = 10
#: A crash of the worker counts as a delivery too; this many of one message mean that the message is the cause.
DELIVERY_LIMIT = 50
LOG_RETENTION = "7D"
#: What waits for a process that is told: the oldest goes first, and nobody wants what is older than these seconds.
MOST_TOLD, MOST_TOLD_BYTES, TOLD_SECONDS = 10_000, 4 * 1024 * 1024, 5
TELL_TIMEOUT_SECONDS = 5

#: What is raised when the broker, or the way to it, is gone. Everything else is a mistake of ours.
OUTAGES: tuple[type[BaseException], ...] = (OSError, TimeoutError, *aio_pika.exceptions.CONNECTION_EXCEPTIONS)


_logger = log.get(__name__)


class Publisher:
    """A channel with publisher confirms."""

    def __init__(self, channel: AbstractChannel) -> None:
        self._channel = channel
        self._exchanges: dict[str, AbstractExchange] = {}

    async def publish(self, messages: Iterable[Outgoing], *, timeout_seconds: float = 30) -> list[BaseException | None]:
        """Publish all of them, then wait for every confirm. One result for each: None, or what went wrong with it."""
        results = await asyncio.gather(
            *(self._publish(message, timeout_seconds) for message in messages), return_exceptions=True
        )
        return [result if isinstance(result, BaseException) else None for result in results]

    async def _publish(self, message: Outgoing, timeout_seconds: float) -> None:
        exchange = self._exchanges.get(message.exchange)
        if exchange is None:
            exchange = await self._channel.get_exchange(message.exchange, ensure=False)
            self._exchanges[message.exchange] = exchange
        await exchange.publish(
            aio_pika.Message(
                message.body,
                message_id=message.message_id,
                content_type=CONTENT_TYPE,
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                headers=message.headers or {},
            ),
            message.routing_key,
            # An event nobody has bound is no mistake; a retry or parking queue that is not there is one.
            mandatory=message.exchange not in (PUBLIC_EXCHANGE, PRIVATE_EXCHANGE),
            timeout=timeout_seconds,
        )

    @property
    def is_open(self) -> bool:
        return not self._channel.is_closed


class Subscription:
    """Messages of one queue, as the broker sends them."""

    def __init__(self, channel: AbstractChannel, publisher: Publisher) -> None:
        self._channel = channel
        self._buffer: asyncio.Queue[Incoming] = asyncio.Queue()
        self._underlay: aiormq.abc.AbstractChannel | None = None
        self.publisher = publisher

    async def start(self, queue_name: str, prefetch: int) -> None:
        await self._channel.set_qos(prefetch_count=prefetch)
        self._underlay = await self._channel.get_underlay_channel()
        queue = await self._channel.get_queue(queue_name)
        await queue.consume(self._take)

    async def _take(self, message: AbstractIncomingMessage) -> None:
        if message.delivery_tag is None:
            return
        self._buffer.put_nowait(_incoming(message))

    async def batch(self, most: int) -> list[Incoming]:
        """What is there, at least one and at most `most`; waits for the first only.

        Raises:
            ConnectionError: the channel is closed, for whatever reason.
        """
        while self._buffer.empty():
            with contextlib.suppress(TimeoutError):
                # The time-out is the liveness check: a closed channel does not always tell its consumer.
                async with asyncio.timeout(1):
                    first = await self._buffer.get()
                    return [first, *self._drain(most - 1)]
            if self._channel.is_closed or not self.publisher.is_open:
                raise ConnectionError("the consumer's channel is closed")
        return self._drain(most)

    def _drain(self, most: int) -> list[Incoming]:
        return [self._buffer.get_nowait() for _ in range(min(most, self._buffer.qsize()))]

    async def acknowledge_through(self, message: Incoming) -> None:
        """Acknowledge this message and all before it."""
        if self._underlay is None or self._channel.is_closed:
            raise ConnectionError("the consumer's channel is closed")
        await self._underlay.basic_ack(message.delivery_tag, multiple=True)


class Fanout:
    """The exchange by which the processes of one service tell each other what is new. No confirms, nothing on disk:
    what is told is a hint."""

    def __init__(self, channel: AbstractChannel, exchange: AbstractExchange) -> None:
        self._channel = channel
        self._exchange = exchange
        self._queue: str | None = None

    async def tell(self, kind: str, body: bytes) -> None:
        """To all that listen now, this process too if it does.

        Raises:
            one of `OUTAGES`: it may or may not have gone.
        """
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.NOT_PERSISTENT)
        await self._exchange.publish(message, kind, mandatory=False, timeout=TELL_TIMEOUT_SECONDS)

    async def listen(self, take: Callable[[str, bytes], None]) -> None:
        """From here on `take` gets the kind and body of what is told. It must not wait or raise."""

        async def passed_on(message: AbstractIncomingMessage) -> None:
            take(message.routing_key or "", message.body)

        # Another name each time: the last one may still be held by a connection that the broker has not missed yet.
        queue = await self._channel.declare_queue(
            f"{self._exchange.name}.{uuid4().hex}",
            durable=False,
            exclusive=True,
            auto_delete=True,
            arguments={
                "x-queue-type": "classic",
                "x-max-length": MOST_TOLD,
                "x-max-length-bytes": MOST_TOLD_BYTES,
                "x-overflow": "drop-head",
                "x-message-ttl": TOLD_SECONDS * 1000,
            },
        )
        await queue.bind(self._exchange)
        await queue.consume(passed_on, no_ack=True)
        self._queue = queue.name

    async def check(self) -> None:
        """Ask for a sign of life.

        Raises:
            one of `OUTAGES`: the connection, the channel, or the queue that is listened to, is gone.
        """
        if self._channel.is_closed:
            raise ConnectionError("the channel is closed")
        if self._queue is not None:
            queue = await self._channel.declare_queue(self._queue, passive=True, timeout=TELL_TIMEOUT_SECONDS)
            if not queue.declaration_result.consumer_count:
                raise ConnectionError("the broker has no consumer of this process")


def _incoming(message: AbstractIncomingMessage) -> Incoming:
    attempt = message.headers.get(ATTEMPT_HEADER, 1)
    return Incoming(
        body=message.body,
        routing_key=str(message.headers.get(TYPE_HEADER) or message.routing_key or ""),
        message_id=message.message_id or "",
        attempt=attempt if isinstance(attempt, int) else 1,
        redelivered=bool(message.redelivered),
        delivery_tag=message.delivery_tag or 0,
        headers=dict(message.headers),
    )


class Broker:
    """The way to RabbitMQ. Connections are made where they are used and not repaired: whoever uses one loops."""

    def __init__(self, url: str, service: str, *, retry_delays_seconds: Sequence[float] = ()) -> None:
        self._url = URL(url).update_query(heartbeat=str(HEARTBEAT_SECONDS))
        self._service = service
        self.queues = Queues(service, tuple(retry_delays_seconds))

    @asynccontextmanager
    async def _connected(self, purpose: str) -> AsyncIterator[AbstractConnection]:
        connection = await aio_pika.connect(
            self._url,
            timeout=CONNECT_TIMEOUT_SECONDS,
            client_properties={"connection_name": f"{self._service} {purpose}"},
        )
        try:
            yield connection
        finally:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(5):
                    await connection.close()

    @asynccontextmanager
    async def publisher(self, purpose: str = "relay") -> AsyncIterator[Publisher]:
        async with self._connected(purpose) as connection:
            yield Publisher(await connection.channel(publisher_confirms=True, on_return_raises=True))

    @asynccontextmanager
    async def subscription(self, *, prefetch: int, queue: str | None = None) -> AsyncIterator[Subscription]:
        """The service's main queue (or another), with a publisher beside it for retries and parking."""
        async with self._connected("consumer") as connection:
            publisher = Publisher(await connection.channel(publisher_confirms=True, on_return_raises=True))
            subscription = Subscription(await connection.channel(publisher_confirms=False), publisher)
            await subscription.start(queue or self.queues.main, prefetch)
            yield subscription

    @asynccontextmanager
    async def fanout(self, purpose: str) -> AsyncIterator[Fanout]:
        """A connection for what the service's processes tell each other. The exchange is made where it is missing."""
        async with self._connected(purpose) as connection:
            channel = await connection.channel(publisher_confirms=False)
            name = self.queues.live_exchange
            yield Fanout(channel, await channel.declare_exchange(name, aio_pika.ExchangeType.FANOUT, durable=True))

    async def ping(self) -> None:
        async with self._connected("health"):
            pass

    async def has_log(self) -> bool:
        """Whether what is published goes to the log of events too. A broker that has just started has its queues before
        its streams, and confirms what only the queues were given."""
        async with self._connected("look") as connection:
            channel = await connection.channel(publisher_confirms=False)
            try:
                await channel.declare_queue(LOG_STREAM, passive=True, timeout=CONNECT_TIMEOUT_SECONDS)
            except aio_pika.exceptions.ChannelNotFoundEntity:
                return False
            except aio_pika.exceptions.ChannelClosed as error:
                # It is there, but nobody is told more of it; events do not wait for that.
                _logger.warning("log_of_events_not_shown", error=str(error))
        return True

    async def declare_shared(self) -> None:
        """The exchanges and the log that belong to no service. For the broker's set-up, not for services."""
        async with self._connected("set-up") as connection:
            channel = await connection.channel()
            for name in (PUBLIC_EXCHANGE, PRIVATE_EXCHANGE):
                await channel.declare_exchange(name, aio_pika.ExchangeType.TOPIC, durable=True)
            stream = await channel.declare_queue(
                LOG_STREAM, durable=True, arguments={"x-queue-type": "stream", "x-max-age": LOG_RETENTION}
            )
            await stream.bind(PUBLIC_EXCHANGE, "#")

    async def declare(self, *, public: Iterable[str], private: Iterable[str] = ()) -> None:
        """The service's own queues, bound to these event types. Safe to repeat; bindings no longer named stay, since
        another release may still need them: `unbind` is a step of its own."""
        queues = self.queues
        async with self._connected("set-up") as connection:
            channel = await connection.channel()
            retry = await channel.declare_exchange(queues.retry_exchange, aio_pika.ExchangeType.DIRECT, durable=True)
            parked = await channel.declare_queue(queues.parked, durable=True, arguments={"x-queue-type": "quorum"})
            await parked.bind(retry, queues.parked)
            main = await channel.declare_queue(
                queues.main,
                durable=True,
                arguments={
                    "x-queue-type": "quorum",
                    "x-single-active-consumer": True,
                    "x-delivery-limit": DELIVERY_LIMIT,
                    "x-dead-letter-exchange": queues.retry_exchange,
                    "x-dead-letter-routing-key": queues.parked,
                    "x-dead-letter-strategy": "at-least-once",
                    "x-overflow": "reject-publish",
                },
            )
            await main.bind(retry, queues.main)
            for delay in queues.retry_delays_seconds:
                waiting = await channel.declare_queue(
                    queues.retry(delay),
                    durable=True,
                    arguments={
                        "x-queue-type": "quorum",
                        "x-message-ttl": round(delay * 1000),
                        "x-dead-letter-exchange": queues.retry_exchange,
                        "x-dead-letter-routing-key": queues.main,
                        "x-dead-letter-strategy": "at-least-once",
                        "x-overflow": "reject-publish",
                    },
                )
                await waiting.bind(retry, queues.retry(delay))
            for exchange, types in ((PUBLIC_EXCHANGE, public), (PRIVATE_EXCHANGE, private)):
                for routing_key in types:
                    await main.bind(exchange, routing_key)

    @asynccontextmanager
    async def tail(self, *, offset: str | int = "next") -> AsyncIterator[AsyncIterator[Incoming]]:
        """Read the log of all events: from now (`next`), from the `first` kept, or from an offset."""
        async with self._connected("tail") as connection:
            channel = await connection.channel(publisher_confirms=False)
            await channel.set_qos(prefetch_count=500)
            buffer: asyncio.Queue[Incoming] = asyncio.Queue()

            async def take(message: AbstractIncomingMessage) -> None:
                buffer.put_nowait(_incoming(message))
                await message.ack()

            queue = await channel.get_queue(LOG_STREAM)
            await queue.consume(take, arguments={"x-stream-offset": offset})

            async def messages() -> AsyncIterator[Incoming]:
                while True:
                    yield await buffer.get()

            yield messages()

    async def take_parked(self, handle: Any, *, most: int) -> int:
        """Offer up to `most` parked messages, oldest first, to `handle(message, publisher) -> bool`.

        True removes the message from the parking queue, False leaves it there. Returns how many were offered.
        """
        async with self._connected("dead-letters") as connection:
            publisher = Publisher(await connection.channel(publisher_confirms=True, on_return_raises=True))
            channel = await connection.channel(publisher_confirms=False)
            queue = await channel.get_queue(self.queues.parked)
            kept = []
            offered = 0
            while offered < most:
                message = await queue.get(fail=False)
                if message is None:
                    break
                offered += 1
                if await handle(_incoming(message), publisher):
                    await message.ack()
                else:
                    kept.append(message)
            for message in kept:
                await message.nack(requeue=True)
            return offered
