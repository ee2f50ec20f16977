"""Staff attach files to an order, read and remove them (B9).

The row of a file is there before its content and goes after it, and no transaction is open while content travels:
`begin` → the storage takes the content → `complete`. Whoever dies in between leaves a row that nobody sees and whose
lease runs out; then the clock deletes both.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator
from uuid import UUID

from foyer_chassis import log
from foyer_chassis.auth import Caller
from foyer_chassis.db import Database, Transaction
from foyer_chassis.errors import ForbiddenError, NotFoundError, Problem
from foyer_chassis.files.intake import take_in
from foyer_chassis.files.leaving import give_up
from foyer_chassis.files.rules import (
    FileRules,
    TooManyFilesError,
    UploadInterruptedError,
    check_allowed,
    clean_name,
)
from foyer_chassis.files.scanning import Clamd
from foyer_chassis.files.storage import Storage
from foyer_contracts.ids import new_id

from ..ordering import use_cases as ordering
from ..ordering.domain import processing
from ..ordering.domain.order import Order
from ..ordering.use_cases.access import may_edit, sees_as_staff
from . import store
from .domain import File, FileState

_logger = log.get(__name__)


async def attach(
    database: Database,
    storage: Storage,
    caller: Caller,
    number: int,
    chunks: AsyncIterator[bytes],
    *,
    name: str,
    media_type: str,
    rules: FileRules,
    scanner: Clamd | None = None,
) -> tuple[File, bool]:
    """Take a file in, piece by piece.

    Returns:
        The file, and whether it is new: the same content under the same name is the same file.

    Raises:
        NotFoundError, ForbiddenError, FileTypeNotAllowedError, TooManyFilesError, and what `take_in` raises.
    """
    async with database.transaction() as transaction:
        file = await begin(transaction, caller, number, name=name, media_type=media_type, rules=rules)
    try:
        content = await take_in(storage, scanner, file.key, chunks, media_type=media_type, rules=rules)
        async with database.transaction() as transaction:
            done = await complete(
                transaction, caller, number, file.id, size_bytes=content.size_bytes, digest=content.digest
            )
    except BaseException:
        # As far as it can be done now; if this dies too, the clock does it.
        with contextlib.suppress(Exception):
            await asyncio.shield(give_up(database, storage, store, file, lease=rules.lease))
        raise
    if done.id == file.id:
        return done, True
    await give_up(database, storage, store, file, lease=rules.lease)
    return done, False


async def begin(
    transaction: Transaction, caller: Caller, number: int, *, name: str, media_type: str, rules: FileRules
) -> File:
    """Make room for a file.

    Raises:
        NotFoundError, ForbiddenError, FileTypeNotAllowedError, TooManyFilesError.
    """
    order = await _editable(transaction, caller, number)
    check_allowed(media_type, rules)
    if await store.count(transaction, order.id) >= rules.most_files:
        raise TooManyFilesError(most=rules.most_files)
    file = File(
        id=new_id(transaction.now),
        order_id=order.id,
        name=clean_name(name, media_type),
        media_type=media_type,
        size_bytes=None,
        sha256=None,
        state=FileState.UPLOADING,
        author_id=caller.id,
        author_name=caller.name,
        created_at=transaction.now,
        lease_until=transaction.now + rules.lease,
    )
    await store.add(transaction, file)
    return file


async def complete(
    transaction: Transaction, caller: Caller, number: int, file_id: UUID, *, size_bytes: int, digest: bytes
) -> File:
    """The content is there: the file is one of the order's from now on.

    Returns:
        The file; or the one that has this name and content already, and then this one is left to be given up.

    Raises:
        NotFoundError, ForbiddenError: the caller may not any more.
        UploadInterruptedError: it took longer than its lease, and the clock has taken it.
    """
    order = await _editable(transaction, caller, number)
    file = await store.uploading_locked(transaction, file_id)
    if file is None:
        raise UploadInterruptedError
    known = await store.same(transaction, order.id, name=file.name, digest=digest)
    if known is not None:
        return known
    await store.complete(transaction, file_id, size_bytes=size_bytes, digest=digest)
    await ordering.keep(transaction, order, processing.file_attached(order, transaction.now))
    done = await store.stored(transaction, order.id, file_id)
    assert done is not None
    return done


async def _editable(transaction: Transaction, caller: Caller, number: int) -> Order:
    # The lock on the order lets one after the other count its files.
    order = await ordering.visible_order(transaction, caller, number, lock=True)
    if not may_edit(caller, order):
        raise ForbiddenError(needs="orders:edit")
    return order


async def files_of(reading: Transaction, caller: Caller, number: int, *, rules: FileRules) -> list[File]:
    """Raises NotFoundError, ForbiddenError: the applicant never sees them."""
    order = await _for_staff(reading, caller, number)
    # Every file there is, also where the limit was higher once.
    return await store.files_of(reading, order.id, limit=max(order.files, rules.most_files))


async def file_of(reading: Transaction, caller: Caller, number: int, file_id: UUID) -> File:
    """Raises NotFoundError, ForbiddenError."""
    order = await _for_staff(reading, caller, number)
    file = await store.stored(reading, order.id, file_id)
    if file is None:
        raise NotFoundError
    return file


async def _for_staff(reading: Transaction, caller: Caller, number: int) -> Order:
    order = await ordering.visible_order(reading, caller, number)
    if not sees_as_staff(caller, order):
        raise ForbiddenError("Files are for staff.")
    return order


async def remove(transaction: Transaction, caller: Caller, number: int, file_id: UUID) -> File:
    """Nobody sees the file any more; the clock deletes its content.

    Raises:
        NotFoundError, ForbiddenError, FileNeededError: the work was handed in with this file.
    """
    order = await _editable(transaction, caller, number)
    file = await store.stored(transaction, order.id, file_id, lock=True)
    if file is None:
        raise NotFoundError
    change = processing.file_removed(order)
    await store.leave(transaction, file_id, until=transaction.now)
    await ordering.keep(transaction, order, change)
    return file


async def pieces(storage: Storage, file: File) -> AsyncIterable[bytes]:
    """The content of a file.

    Raises:
        StorageUnavailableError: before its first piece; a file that is lost is told to whoever watches.
    """
    try:
        return await storage.read(file.key)
    except Problem:
        _logger.error("file_unreadable", file_id=str(file.id), order_id=str(file.order_id))
        raise
