"""Work that is claimed row by row: done outside of any transaction, by one worker at a time, after a crash again.

A claim is a lease: the row is marked as taken until some instant and committed; the outside world is asked without a
transaction; what came of it is recorded in a second one. A worker killed in between leaves a lease that runs out.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from . import log, telemetry
from .clock import Loop
from .db import Database, Transaction, cause, is_outage

OUTAGE_PAUSE_SECONDS = 0.25

_logger = log.get(__name__)


class Job(Protocol):
    """A claimed row; the trace and the cause of what began it go on with what comes of it."""

    @property
    def caused_by(self) -> str | None: ...
    @property
    def traceparent(self) -> str | None: ...


J = TypeVar("J", bound=Job)


class Claim(Protocol[J]):
    """Lease at most `most` due rows until an instant, skipping those that another worker has."""

    async def __call__(self, transaction: Transaction, *, until: datetime, most: int) -> list[J]: ...


@dataclass
class Pump(Generic[J]):
    """Works on claimed rows, at most `slots` at once; a slow one holds up nothing but its own slot."""

    name: str
    database: Database
    claim: Claim[J]
    work: Callable[[J], Awaitable[None]]
    slots: int
    lease: timedelta
    every_seconds: float

    def __post_init__(self) -> None:
        self.loop = Loop(self.name, self.step, every_seconds=self.every_seconds)
        self._woken = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        self._woken.set()
        self.loop.wake()

    async def step(self) -> bool:
        """Claim into the free slots, then wait until there is something to claim or to end; False at rest."""
        self._woken.clear()
        try:
            if free := self.slots - len(self._running):
                async with self.database.transaction() as transaction:
                    claimed = await self.claim(transaction, until=transaction.now + self.lease, most=free)
                for job in claimed:
                    task = asyncio.create_task(self._one(job), name=self.name)
                    self._running.add(task)
                    task.add_done_callback(self._done)
            if not self._running:
                return False
            async with asyncio.timeout(self.every_seconds):
                await self._woken.wait()
        except TimeoutError:
            pass
        except BaseException:
            for task in self._running:
                task.cancel()
            raise
        return True

    def _done(self, task: asyncio.Task[None]) -> None:
        was_full = len(self._running) == self.slots
        self._running.discard(task)
        if was_full or not self._running:
            self._woken.set()

    async def record(self, record: Callable[[Transaction], Awaitable[None]]) -> None:
        """Take in what the outside said; while PostgreSQL is away, again until the lease runs out."""
        until = asyncio.get_running_loop().time() + self.lease / timedelta(seconds=1)
        while True:
            try:
                async with self.database.transaction() as transaction:
                    await record(transaction)
                return
            except Exception as error:
                if not is_outage(error) or asyncio.get_running_loop().time() > until:
                    raise
            await asyncio.sleep(OUTAGE_PAUSE_SECONDS)

    async def _one(self, job: J) -> None:
        cause.set(job.caused_by)
        try:
            with telemetry.span(self.name, traceparent=job.traceparent, kind=telemetry.SpanKind.CLIENT):
                await self.work(job)
        except Exception as error:
            # The claim runs out and the row comes up again.
            if is_outage(error):
                _logger.warning("claim_left_to_expire", loop=self.name, error=f"{type(error).__name__}: {error}")
            else:
                _logger.exception("claim_failed", loop=self.name)
