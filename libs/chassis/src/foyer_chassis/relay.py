"""The relay: outbox → broker, at least once, in the order of commits.

One relay is active per service, by a session advisory lock; others stand by. Each sweep reads from the lowest
position, publishes all, checks every result and deletes. No transaction is open while publishing. A cursor "greater
than the last one" would lose events whose transaction took its position early and committed late.
"""

import asyncio
import contextlib
import time
from uuid import UUID

import asyncpg

from . import log
from .broker import OUTAGES, Broker, Publisher
from .db import OUTBOX_CHANNEL
from .messages import Outgoing
from .telemetry import OUTBOX_WAITING, PUBLISHED

_LOCK = 0x666F796572  # "foyer"
_READ = """
    SELECT position, event_id, exchange, type, body FROM outbox
    WHERE parked_reason IS NULL ORDER BY position LIMIT $1
"""
_DELETE = "DELETE FROM outbox WHERE position = ANY($1::bigint[])"
_PARK = "UPDATE outbox SET parked_reason = $2 WHERE position = $1"

_logger = log.get(__name__)


class Relay:
    """Publishes what is in the outbox of one service's database."""

    STANDBY_SECONDS = 1.0
    RECONNECT_SECONDS = 0.5
    #: How long a broker that was away is given until its log of events takes what it confirms: from when the log is
    #: there, and until then. Past that, events go on without the log.
    SETTLE_SECONDS = 3.0
    LOG_SECONDS = 60.0

    def __init__(self, database_url: str, broker: Broker, *, batch: int = 500, poll_seconds: float = 0.1) -> None:
        self._database_url = database_url
        self._broker = broker
        self._batch = batch
        self._poll_seconds = poll_seconds
        self._woken = asyncio.Event()
        self._broker_was_away = False
        self.is_active = False
        self.is_connected = False

    async def run(self) -> None:
        """Until cancelled; comes back by itself after outages of either side."""
        while True:
            try:
                await self._lead()
            except asyncio.CancelledError:
                raise
            except Exception as error:
                level = _logger.warning if isinstance(error, (*OUTAGES, asyncpg.PostgresError)) else _logger.exception
                level("relay_interrupted", error=f"{type(error).__name__}: {error}")
                self._broker_was_away |= self.is_connected and not self.is_active
            finally:
                self.is_active = self.is_connected = False
            await asyncio.sleep(self.RECONNECT_SECONDS)

    async def _lead(self) -> None:
        connection = await asyncpg.connect(
            self._database_url,
            timeout=5,
            command_timeout=30,
            # Repeats are the inbox's business; waiting for the disk here would only slow the sweep.
            server_settings={"synchronous_commit": "off", "application_name": "foyer relay"},
        )
        try:
            self.is_connected = True
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):  # noqa: ASYNC110
                await asyncio.sleep(self.STANDBY_SECONDS)
            await connection.add_listener(OUTBOX_CHANNEL, lambda *_: self._woken.set())
            async with self._broker.publisher() as publisher:
                await self._wait_for_log()
                self.is_active = True
                while True:
                    self._woken.clear()
                    swept = await self._sweep(connection, publisher)
                    if swept < self._batch:
                        with contextlib.suppress(TimeoutError):
                            async with asyncio.timeout(self._poll_seconds):
                                await self._woken.wait()
        finally:
            with contextlib.suppress(Exception):
                await connection.close(timeout=2)

    async def _wait_for_log(self) -> None:
        """Until events that the broker confirms are in its log too, for those who replay it. See docs/design.md."""
        until = time.monotonic() + self.LOG_SECONDS
        while not await self._broker.has_log():
            self._broker_was_away = True
            if time.monotonic() > until:
                _logger.error("log_of_events_missing")
                break
            await asyncio.sleep(self.RECONNECT_SECONDS)
        if self._broker_was_away:
            await asyncio.sleep(self.SETTLE_SECONDS)
        self._broker_was_away = False

    async def _sweep(self, connection: asyncpg.Connection, publisher: Publisher) -> int:
        rows = await connection.fetch(_READ, self._batch)
        OUTBOX_WAITING.set(len(rows))
        if not rows:
            if not publisher.is_open:
                raise ConnectionError("the publishing channel is closed")
            return 0
        results = await publisher.publish([_outgoing(row) for row in rows])
        done = [row["position"] for row, error in zip(rows, results, strict=True) if error is None]
        if done:
            await connection.execute(_DELETE, done)
        for row, error in zip(rows, results, strict=True):
            if error is None:
                PUBLISHED.labels(row["type"]).inc()
        failed = [(row, error) for row, error in zip(rows, results, strict=True) if error is not None]
        if failed:
            await self._settle(connection, failed)
        return len(rows)

    async def _settle(self, connection: asyncpg.Connection, failed: list[tuple[asyncpg.Record, BaseException]]) -> None:
        """Find the row the broker refuses, if there is one, so that it cannot hold up those behind it.

        A refusal closes the channel and takes its neighbours along, so each is tried alone, the first refused ends it.
        """
        for row, _ in failed:
            async with self._broker.publisher("relay, singly") as publisher:
                (error,) = await publisher.publish([_outgoing(row)])
            if error is None:
                await connection.execute(_DELETE, [row["position"]])
                continue
            if isinstance(error, OUTAGES) and not _is_refusal(error):
                raise error
            _logger.error("event_refused_by_broker", type=row["type"], event_id=str(row["event_id"]), error=str(error))
            await connection.execute(_PARK, row["position"], f"{type(error).__name__}: {error}"[:500])
        raise ConnectionError("the broker refused an event, or the connection was lost while publishing")


def _is_refusal(error: BaseException) -> bool:
    return type(error).__name__ in ("ChannelAccessRefused", "ChannelNotFoundEntity", "ChannelPreconditionFailed")


def _outgoing(row: asyncpg.Record) -> Outgoing:
    event_id: UUID = row["event_id"]
    return Outgoing(
        exchange=row["exchange"], routing_key=row["type"], body=bytes(row["body"]), message_id=str(event_id)
    )
