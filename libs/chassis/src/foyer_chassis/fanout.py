"""Notices between the processes of one service, by a fan-out exchange of the broker (decision 0017).

A notice is a hint: it may be lost, it may be late, and with the broker away it is dropped. Whoever is told of a thing
reads it from the database, and looks by itself every few seconds too.
"""

import asyncio
import contextlib
import contextvars
import time
from collections import OrderedDict
from collections.abc import Callable

from . import log
from .broker import OUTAGES, Broker, Fanout
from .telemetry import NOTICES_DROPPED

#: Seconds between two looks at whether the connection lives, and before another is made.
CHECK_SECONDS = RECONNECT_SECONDS = 1.0
#: Notices that wait for the broker; of more the oldest is dropped.
MOST_WAITING = 1_000

_logger = log.get(__name__)


class _Connected:
    """A connection that is made again when it is lost, with a line in the log for each outage, not for each attempt."""

    def __init__(self, broker: Broker, purpose: str) -> None:
        self._broker = broker
        self._purpose = purpose

    async def run(self) -> None:
        """Until cancelled."""
        lost_at: float | None = None
        while True:
            try:
                async with self._broker.fanout(self._purpose) as fanout:
                    if lost_at is not None:
                        _logger.info(f"{self._purpose}_back", after_seconds=round(time.monotonic() - lost_at, 1))
                        lost_at = None
                    await self._use(fanout)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                if not isinstance(error, OUTAGES):
                    _logger.exception(f"{self._purpose}_failed")
                elif lost_at is None:
                    _logger.warning(f"{self._purpose}_lost", error=f"{type(error).__name__}: {error}")
                lost_at = lost_at or time.monotonic()
                self._lost()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _use(self, fanout: Fanout) -> None:
        raise NotImplementedError

    def _lost(self) -> None:
        pass


class FanoutPublisher(_Connected):
    """Tells all processes of the service. Nobody waits for it: what cannot be told at once waits here, bounded, and is
    dropped when the broker cannot be reached. It connects when it has something to tell."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(broker, "fanout_publisher")
        # In order, and each once: who is told of a thing twice looks at it once.
        self._waiting: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def notify(self, channel: str, payload: str) -> None:
        """Tell it soon. Neither waits nor raises."""
        self._waiting[channel, payload] = None
        if len(self._waiting) > MOST_WAITING:
            self._waiting.popitem(last=False)
            NOTICES_DROPPED.inc()
        self._woken.set()
        if self._task is None:
            # Not in the context of whoever happens to be the first to tell something.
            self._task = asyncio.create_task(self.run(), name="fan-out publisher", context=contextvars.Context())

    async def _use(self, fanout: Fanout) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CHECK_SECONDS):
                    await self._woken.wait()
            self._woken.clear()
            await fanout.check()
            while self._waiting:
                # Taken out before: if it comes again meanwhile, that stands for a later change.
                (channel, payload), _ = self._waiting.popitem(last=False)
                await fanout.tell(channel, payload.encode())

    def _lost(self) -> None:
        # Who listened was cut off too, or finds by itself what changed before we are back.
        NOTICES_DROPPED.inc(len(self._waiting))
        self._waiting.clear()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task


class FanoutListener(_Connected):
    """Hears what all processes of the service tell.

    Args:
        on_notice: takes channel and payload; must not raise.
        on_connected: called whenever it has begun to hear, since what was told before is lost.
    """

    def __init__(self, broker: Broker, on_notice: Callable[[str, str], None], on_connected: Callable[[], None]) -> None:
        super().__init__(broker, "fanout_listener")
        self._on_notice = on_notice
        self._on_connected = on_connected

    async def _use(self, fanout: Fanout) -> None:
        await fanout.listen(lambda channel, body: self._on_notice(channel, body.decode(errors="replace")))
        self._on_connected()
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            await fanout.check()
