"""Waiting for a change instead of asking again and again: `Prefer: wait=5` (RFC 7240) and event streams.

Whoever changes a thing calls `Transaction.notify(channel, id)`; after the commit everybody who waits for that id is
woken. A notice can be lost (it is a hint), so waiting also looks again by itself.
"""

import asyncio
import contextlib
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from .notices import Listener

LOOK_AGAIN_SECONDS = 1.0
_WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,4})")


class Change:
    """One waiter's view of one thing."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        self._event.set()

    async def wait(self, seconds: float, *, look_again_seconds: float = LOOK_AGAIN_SECONDS) -> None:
        """Until the thing changed, or it is time to look again."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, look_again_seconds)):
                await self._event.wait()
        self._event.clear()


class Changes:
    """The waiters of one process on one channel."""

    def __init__(self, database_url: str, channel: str) -> None:
        self._waiting: dict[str, set[Change]] = defaultdict(set)
        self._listener = Listener(database_url, channel, self._on_notice)

    def _on_notice(self, payload: str) -> None:
        for change in self._waiting.get(payload, ()):
            change.set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._listener.run(), name="changes")
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    @contextmanager
    def of(self, *ids: object) -> Iterator[Change]:
        """Begin to wait for a change of any of these, before reading the state, so that no change falls between."""
        keys, change = [str(id_) for id_ in ids], Change()
        for key in keys:
            self._waiting[key].add(change)
        try:
            yield change
        finally:
            for key in keys:
                self._waiting[key].discard(change)
                if not self._waiting[key]:
                    del self._waiting[key]


def wait_seconds(prefer: str | None, *, longest: int) -> int:
    """How long a `Prefer: wait=N` header asks to wait; 0 without one, never more than `longest`."""
    found = _WAIT.search(prefer or "")
    return min(int(found[1]), longest) if found else 0
