"""What happens by time or bit by bit: loops that a worker runs beside its relay and consumer."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from . import log
from .db import is_outage

_logger = log.get(__name__)


def due(
    key: sa.Column[Any], at: sa.ColumnElement[Any], *where: sa.ColumnElement[bool], key_share: bool = False
) -> sa.CTE:
    """Rows for a loop to claim: those whose time `at` has come, the longest due first, and that no other worker is at.

    Parameters: `due`, the present instant; `most`, how many at most. `key_share`: who only refers to one does not wait.
    """
    return (
        sa.select(key)
        .where(*where, at <= sa.bindparam("due", type_=sa.DateTime(timezone=True)))
        .order_by(at)
        .limit(sa.bindparam("most"))
        .with_for_update(skip_locked=True, key_share=key_share)
        .cte("due")
    )


@dataclass
class Loop:
    """Calls `step` again and again: at once while it returns True (there is more), else when woken or after a pause.

    `step` must be safe in several copies at once (row locks, SKIP LOCKED) and must find everything that became due
    while no worker ran.
    """

    name: str
    step: Callable[[], Awaitable[bool]]
    every_seconds: float
    error_pause_seconds: float = 1.0
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """There is something to do: do not wait for the pause to end."""
        self._woken.set()

    async def run(self) -> None:
        while True:
            self._woken.clear()
            try:
                more = await self.step()
            except asyncio.CancelledError:
                raise
            except Exception as error:
                if is_outage(error):
                    _logger.warning("loop_waits_for_database", loop=self.name, error=str(error))
                else:
                    _logger.exception("loop_failed", loop=self.name)
                await asyncio.sleep(self.error_pause_seconds)
                continue
            if not more:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.every_seconds):
                        await self._woken.wait()
