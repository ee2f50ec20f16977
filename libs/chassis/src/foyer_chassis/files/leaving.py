"""Files go: uploads that did not end, what was removed.

The row goes after the content, and no transaction is open while content is deleted; whoever dies in between leaves a
row whose lease runs out, and the clock goes on.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from .. import log
from ..db import Database, Transaction
from .rules import StorageUnavailableError
from .storage import Storage

MOST_SWEPT = 20

_logger = log.get(__name__)


class Leaving(Protocol):
    """A file, and all keys under which there is something of it."""

    @property
    def id(self) -> UUID: ...
    @property
    def keys(self) -> Sequence[str]: ...


class Rows(Protocol):
    """A service's store of files (its module)."""

    async def give_up(self, transaction: Transaction, file_id: UUID, *, until: datetime) -> bool:
        """Nobody will see an upload, and it is the caller's to delete until then. False: it is whole, and stays."""

    async def claim_leaving(self, transaction: Transaction, *, until: datetime, most: int) -> Sequence[Leaving]:
        """Take files that are to go, and nobody deletes, until then."""

    async def forget(self, transaction: Transaction, file_ids: Collection[UUID]) -> None:
        """Their content is deleted: those of them that were to go are no more."""


async def give_up(database: Database, storage: Storage, rows: Rows, file: Leaving, *, lease: timedelta) -> None:
    """An upload failed, or was not needed. What became whole all the same stays: its answer was lost, not the file."""
    async with database.transaction() as transaction:
        if not await rows.give_up(transaction, file.id, until=transaction.now + lease):
            return
    await _delete(storage, file)
    async with database.transaction() as transaction:
        await rows.forget(transaction, [file.id])


async def sweep(database: Database, storage: Storage, rows: Rows, *, lease: timedelta) -> bool:
    """Delete what is to go. Whether there may be more."""
    async with database.transaction() as transaction:
        claimed = await rows.claim_leaving(transaction, until=transaction.now + lease, most=MOST_SWEPT)
    gone: list[UUID] = []
    for file in claimed:
        try:
            await _delete(storage, file)
        except StorageUnavailableError:
            # Its lease runs out, and it is tried again.
            _logger.warning("file_not_deleted", file_id=str(file.id))
        else:
            gone.append(file.id)
    async with database.transaction() as transaction:
        await rows.forget(transaction, gone)
    return len(gone) == MOST_SWEPT


async def _delete(storage: Storage, file: Leaving) -> None:
    for key in file.keys:
        await storage.delete(key)
