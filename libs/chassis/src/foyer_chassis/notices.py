"""Notices between the processes of one service, by PostgreSQL's NOTIFY. A notice is a hint: it may be lost."""

import asyncio
import contextlib
from collections.abc import Callable

import asyncpg

from . import log

_logger = log.get(__name__)


class Notifier:
    """Sends NOTIFY after commits, on a connection of its own, many notices in one statement.

    Inside the hot transaction NOTIFY takes a lock that halves the rate of commits; after it, it costs nothing there.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._pending: set[tuple[str, str]] = set()
        self._task: asyncio.Task[None] | None = None
        self._connection: asyncpg.Connection | None = None

    def notify(self, channel: str, payload: str) -> None:
        self._pending.add((channel, payload))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._send(), name="notifier")

    async def _send(self) -> None:
        # Trailing edge: what comes while a statement is under way is sent by the next turn of this loop.
        while self._pending:
            batch, self._pending = self._pending, set()
            try:
                if self._connection is None or self._connection.is_closed():
                    self._connection = await asyncpg.connect(self._url, timeout=5, command_timeout=5)
                await self._connection.execute(
                    "SELECT pg_notify(c, p) FROM unnest($1::text[], $2::text[]) AS n(c, p)",
                    [channel for channel, _ in batch],
                    [payload for _, payload in batch],
                )
            except Exception as error:
                # A notice is a hint; whoever waits for it also polls.
                _logger.debug("notify_failed", error=str(error))
                self._connection = None
                return

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._connection and not self._connection.is_closed():
            with contextlib.suppress(Exception):
                await self._connection.close(timeout=1)


class Listener:
    """LISTEN that comes back by itself, and passes on the payload of each notice.

    A LISTEN can die silently, so the connection is asked for a sign of life every few seconds.
    """

    CHECK_SECONDS = 5.0

    def __init__(self, url: str, channel: str, on_notice: Callable[[str], None]) -> None:
        self._url = url
        self._channel = channel
        self._on_notice = on_notice

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            connection: asyncpg.Connection | None = None
            try:
                connection = await asyncpg.connect(self._url, timeout=5, command_timeout=5)
                await connection.add_listener(self._channel, lambda *notice: self._on_notice(notice[-1]))
                while True:
                    await asyncio.sleep(self.CHECK_SECONDS)
                    await connection.execute("SELECT 1")
            except asyncio.CancelledError:
                raise
            except Exception as error:
                _logger.debug("listen_lost", error=str(error))
                await asyncio.sleep(1)
            finally:
                if connection is not None:
                    with contextlib.suppress(Exception):
                        await connection.close(timeout=1)
