"""The database of a service: a pool, one commit point, and what happens right after the commit."""

import asyncio
import contextlib
import contextvars
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

import asyncpg
import sqlalchemy as sa
from foyer_contracts.envelope import Event, EventData
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from . import telemetry
from .notices import Notifier
from .tables import outbox

#: Who of one process wants one thing at once: while one waits for an answer of PostgreSQL, another is served.
AT_ONCE = 3
#: Nobody asks for what was found longer ago; see `Database.shared`.
SHARED_SECONDS = 1.0
OUTBOX_CHANNEL = "foyer_outbox"
K = TypeVar("K")
#: Takes a notice: its channel and payload.
Tell = Callable[[str, str], None]

#: Id of the event or request being handled: the cause of the events that come of it.
cause: contextvars.ContextVar[str | None] = contextvars.ContextVar("foyer_cause", default=None)

_INSERT_OUTBOX = sa.text(
    f"INSERT INTO {outbox.name} (event_id, exchange, type, body) "  # noqa: S608
    "SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:exchanges AS text[]), CAST(:types AS text[]), "
    "CAST(:bodies AS bytea[]))"
)


_SERVER_SETTINGS = {
    "application_name": "foyer",
    "idle_in_transaction_session_timeout": "30000",
    "lock_timeout": "10000",
    "jit": "off",
    # Starting workers takes longer than most of our answers; with many clients there is nobody idle to help.
    "max_parallel_workers_per_gather": "0",
    # What PostgreSQL writes as JSON itself has instants in UTC.
    "timezone": "UTC",
}


async def _keep_as_it_is(_: object) -> None:
    return None


class UnitOfWork:
    """What is done and published through it happens together or not at all.

    Attributes:
        now: the instant of this unit of work, UTC; rules take time from here and never read a clock.
    """

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._events: list[Event[Any]] = []
        self._notices: list[tuple[str, str]] = []
        self._after_commit: list[Callable[[], None]] = []

    def publish(self, data: EventData, *, subject: UUID, sequence: int) -> None:
        """Publish an event if, and only if, this unit of work commits.

        Args:
            subject: id of the aggregate that changed.
            sequence: version of the aggregate after the change.
        """
        self._events.append(
            Event.make(
                data,
                subject=subject,
                sequence=sequence,
                time=self.now,
                causation_id=cause.get(),
                traceparent=telemetry.current_traceparent(),
            )
        )

    def take_outbox(self) -> dict[str, list[Any]]:
        """The published events as columns, for a store that writes them in its own statement; they are then its."""
        events, self._events = self._events, []
        if events:
            self._notices.append((OUTBOX_CHANNEL, ""))
        return {
            "ids": [event.id for event in events],
            "exchanges": [event.exchange for event in events],
            "types": [event.type for event in events],
            "bodies": [event.to_json() for event in events],
        }

    def notify(self, channel: str, payload: str) -> None:
        """Tell the processes that listen on `channel`, right after the commit. A hint: it may be lost.

        It goes by NOTIFY, or the way that the process has set for this channel (`Database.tell_by`).
        """
        self._notices.append((channel, payload))

    def after_commit(self, callback: Callable[[], None]) -> None:
        self._after_commit.append(callback)


class Transaction(UnitOfWork):
    """A transaction of SQLAlchemy Core."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        super().__init__(now)
        self.connection = connection
        self._before_commit: list[Callable[[], Awaitable[None]]] = []
        self._kept: dict[type[Any], Any] = {}

    def kept(self, kind: type[K]) -> K:
        """A thing of this transaction's own, made at the first call; e.g. the rows that a batch has locked."""
        if kind not in self._kept:
            self._kept[kind] = kind()
        made: K = self._kept[kind]
        return made

    def before_commit(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write something at the end, so that a batch of events needs one statement instead of one each."""
        self._before_commit.append(write)

    async def execute(
        self, statement: sa.Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[Any]:
        return await self.connection.execute(statement, parameters)

    async def one_or_none(
        self, statement: sa.Executable, parameters: Mapping[str, Any] | None = None
    ) -> sa.RowMapping | None:
        result = await self.connection.execute(statement, parameters)
        return result.mappings().one_or_none()

    async def all(
        self, statement: sa.Executable, parameters: Mapping[str, Any] | None = None
    ) -> Sequence[sa.RowMapping]:
        result = await self.connection.execute(statement, parameters)
        return result.mappings().all()

    async def direct(self) -> "Direct":
        """This transaction as a `Direct`, for what was written for hot paths; it publishes into this transaction."""
        raw = await self.connection.get_raw_connection()
        unit = Direct(raw.driver_connection, self.now)
        unit._events, unit._notices = self._events, self._notices
        return unit

    async def flush(self) -> None:
        """Write what was left for the end, and the published events to the outbox."""
        while self._before_commit:
            await self._before_commit.pop(0)()
        if self._events:
            await self.connection.execute(_INSERT_OUTBOX, self.take_outbox())


class Direct(UnitOfWork):
    """A connection of asyncpg's own for the few hottest paths: queries, then one statement that writes everything.

    Each statement is a transaction of its own, so there must be only one that writes, and it must write the events
    too (`take_outbox`). Several times the rate of a transaction of several statements through SQLAlchemy.
    """

    def __init__(self, connection: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]", now: datetime) -> None:
        super().__init__(now)
        self._connection = connection

    async def row(self, sql: str, *arguments: Any, planned_anew: bool = False) -> asyncpg.Record | None:
        """The first row. Statements are prepared once per connection.

        Args:
            planned_anew: by a plan for these very arguments. After five times PostgreSQL may keep a plan for any; where
                the best one depends on the arguments, as with patterns, that one is bad for some of them.
        """
        if planned_anew:
            statement = await self._connection.prepare(sql, name="")
            return await statement.fetchrow(*arguments)
        return await self._connection.fetchrow(sql, *arguments)

    async def rows(self, sql: str, *arguments: Any, planned_anew: bool = False) -> list[asyncpg.Record]:
        """All rows; see `row`."""
        if planned_anew:
            statement = await self._connection.prepare(sql, name="")
            return list(await statement.fetch(*arguments))
        return list(await self._connection.fetch(sql, *arguments))


class Database:
    """A service's PostgreSQL.

    Raises:
        whatever asyncpg raises while PostgreSQL cannot be reached; `is_outage` recognises it.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 16,
        pool_timeout_seconds: float = 10,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.url = url
        self.now = clock or (lambda: datetime.now(UTC))
        self.engine = create_async_engine(
            url.replace("postgresql://", "postgresql+asyncpg://", 1),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=pool_timeout_seconds,
            # No pre-ping: it costs a fifth of the throughput. See `_refuse_dead`.
            pool_pre_ping=False,
            pool_use_lifo=True,
            connect_args={
                "timeout": 5,
                "command_timeout": 30,
                "server_settings": _SERVER_SETTINGS,
            },
        )
        sa.event.listen(self.engine.sync_engine, "checkout", _refuse_dead)
        self._read_engine = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._direct_pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._direct_lock = asyncio.Lock()
        self._direct_size = max(1, pool_size // 2)
        self.notifier = Notifier(url)
        self._ways: dict[str, Tell] = {}
        self._turns: WeakValueDictionary[Hashable, asyncio.Semaphore] = WeakValueDictionary()
        self._finding: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()
        self._found: dict[Hashable, tuple[float, Any]] = {}  # since when, what; in the order of the former

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """The one place where anything is committed. An exception rolls everything back."""
        async with self.engine.connect() as connection:
            transaction = Transaction(connection, self.now())
            try:
                yield transaction
                await transaction.flush()
                await connection.commit()
            except BaseException:
                await _rollback(connection)
                raise
        self._committed(transaction)

    def tell_by(self, channel: str, tell: Tell) -> None:
        """From here on notices on this channel go that way after commits, not by NOTIFY. It must not wait or raise."""
        self._ways[channel] = tell

    def _committed(self, unit: UnitOfWork) -> None:
        for channel, payload in unit._notices:
            self._ways.get(channel, self.notifier.notify)(channel, payload)
        for callback in unit._after_commit:
            callback()

    @asynccontextmanager
    async def turn(self, thing: Hashable) -> AsyncIterator[None]:
        """Those of this process who want one thing take turns here, a few at once, instead of each keeping a connection
        while it waits for PostgreSQL's lock, so that a thing that everybody wants does not take the connections of all
        others. It settles nothing: other processes know nothing of it, and the lock decides."""
        lock = self._turns.get(thing)
        if lock is None:
            lock = self._turns[thing] = asyncio.Semaphore(AT_ONCE)
        async with lock:
            yield

    async def shared(self, thing: Hashable, find: Callable[[], Awaitable[K | None]], *, since: float) -> K | None:
        """What `find` finds, once for all of this process who want to know one thing at the same moment. For hints:
        what is decided is decided by what its own transaction reads.

        Args:
            find: None is kept for nobody, nor is what it raises.
            since: by `time.monotonic`. What others began to look for then or later is good enough: when one came to
                ask, to know it as if one had looked oneself.
        """
        lock = self._finding.get(thing)
        if lock is None:
            lock = self._finding[thing] = asyncio.Lock()
        async with lock:
            known = self._found.get(thing)
            if known is not None and known[0] >= since:
                shared: K = known[1]
                return shared
            began = time.monotonic()
            found = await find()
            if found is not None:
                self._keep_found(thing, began, found)
            return found

    def _keep_found(self, thing: Hashable, began: float, found: object) -> None:
        self._found.pop(thing, None)
        while self._found and next(iter(self._found.values()))[0] < began - SHARED_SECONDS:
            del self._found[next(iter(self._found))]
        self._found[thing] = (began, found)

    @asynccontextmanager
    async def direct(self) -> AsyncIterator[Direct]:
        """See `Direct`. An exception in the block means that nothing was written."""
        pool = self._direct_pool or await self._make_direct_pool()
        async with pool.acquire(timeout=10) as connection:
            unit = Direct(connection, self.now())
            yield unit
            if unit._events:
                raise RuntimeError("events were published but not written")
        self._committed(unit)

    async def _make_direct_pool(self) -> "asyncpg.Pool[asyncpg.Record]":
        async with self._direct_lock:
            if self._direct_pool is None:
                self._direct_pool = await asyncpg.create_pool(
                    self.url,
                    min_size=1,
                    max_size=self._direct_size,
                    timeout=5,
                    command_timeout=30,
                    # Nothing is set on these connections, so nothing needs resetting: it would be a round trip each.
                    reset=_keep_as_it_is,
                    server_settings=_SERVER_SETTINGS,
                )
            return self._direct_pool

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """For queries only: each sees what is committed at its start. Publishing here is a mistake."""
        async with self._read_engine.connect() as connection:
            transaction = Transaction(connection, self.now())
            yield transaction
            if transaction._events:
                raise RuntimeError("an event was published in a read")

    async def ping(self) -> None:
        async with self._read_engine.connect() as connection:
            await connection.execute(sa.text("SELECT 1"))

    async def close(self) -> None:
        await self.notifier.close()
        if self._direct_pool is not None:
            self._direct_pool.terminate()
        await self.engine.dispose()


def _refuse_dead(connection: Any, _record: object, _proxy: object) -> None:
    """A connection that the server has closed is replaced, so that after its restart nobody meets the old ones."""
    # The socket tells, without a round trip.
    if connection.driver_connection.is_closed():
        raise sa.exc.DisconnectionError


async def _rollback(connection: AsyncConnection) -> None:
    # The connection may be the very thing that broke; the first error is the one to tell.
    with contextlib.suppress(Exception):
        await connection.rollback()


_OUTAGES = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.exceptions.ReadOnlySQLTransactionError,
    sa.exc.TimeoutError,
    TimeoutError,
)


def is_outage(error: BaseException | None) -> bool:
    """Whether this says that PostgreSQL cannot be reached or used now, rather than that a statement is wrong."""
    while error is not None:
        if isinstance(error, _OUTAGES):
            return True
        if isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated:
            return True
        error = error.__cause__ or getattr(error, "orig", None)
    return False
