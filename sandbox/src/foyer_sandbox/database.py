"""The sqlite file of a process: everything it must still know after `kill -9`.

Calls are synchronous and take well under a millisecond, so they run on the event loop itself: between two awaits a
process does one thing at a time, which makes every transaction here serial without a lock.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BUSY_TIMEOUT_SECONDS = 5.0


class Database:
    """One connection to one file; `transaction()` nests by joining the outer one."""

    def __init__(self, folder: Path, name: str, schema: str) -> None:
        """Open or create `folder/name.sqlite` and apply `schema` (statements that may be repeated)."""
        folder.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(
            folder / f"{name}.sqlite", isolation_level=None, timeout=BUSY_TIMEOUT_SECONDS
        )
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        # What the operating system has survives the death of the process; only a power cut could lose it, and
        # an fsync on the event loop would show up as latency in every measurement made through the sandbox.
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.executescript(schema)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside happens or none of it."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Run one statement; in autocommit outside `transaction()`."""
        return self._connection.execute(sql, values)

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """The first row of a query, if any."""
        found: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
        return found

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
