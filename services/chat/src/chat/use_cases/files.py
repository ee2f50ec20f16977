"""Files are taken in, sent, read, given up. A row is there before its content and goes after it; no transaction is open
while content travels. Whoever dies in between leaves a row that nobody sees and whose lease runs out."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from uuid import UUID

from foyer_chassis.db import Database, Transaction
from foyer_chassis.errors import ForbiddenError, NotFoundError
from foyer_chassis.files.intake import take_in
from foyer_chassis.files.leaving import give_up
from foyer_chassis.files.pictures import Pictures
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

from ..domain.conversations import Person, Thread, readable_threads, writable_threads
from ..domain.files import LOOSE_FOR, MOST_LOOSE, File, FileState
from ..store import conversations
from ..store import files as store
from .conversations import readable


async def upload(
    database: Database,
    storage: Storage,
    pictures: Pictures,
    person: Person,
    conversation_id: UUID,
    chunks: AsyncIterator[bytes],
    *,
    thread: Thread,
    name: str,
    media_type: str,
    rules: FileRules,
    scanner: Clamd | None,
) -> File:
    """Take a file in, for its author to send it with a message within a day.

    Raises:
        NotFoundError, ForbiddenError, FileTypeNotAllowedError, TooManyFilesError, and what `take_in` raises.
    """
    async with database.transaction() as transaction:
        file = await _begin(
            transaction, person, conversation_id, thread=thread, name=name, media_type=media_type, rules=rules
        )
    try:
        content = await take_in(storage, scanner, file.key, chunks, media_type=media_type, rules=rules)
        picture = await pictures.make(storage, file.key, file.picture_key, media_type=media_type)
        async with database.transaction() as transaction:
            await _writable(transaction, person, conversation_id, thread)
            done = await store.complete(
                transaction,
                file.id,
                size_bytes=content.size_bytes,
                digest=content.digest,
                picture=picture,
                until=transaction.now + LOOSE_FOR,
            )
        if done is None:
            raise UploadInterruptedError
    except BaseException:
        # As far as it can be done now; if this dies too, the clock does it.
        with contextlib.suppress(Exception):
            await asyncio.shield(give_up(database, storage, store, file, lease=rules.lease))
        raise
    return done


async def _begin(
    transaction: Transaction,
    person: Person,
    conversation_id: UUID,
    *,
    thread: Thread,
    name: str,
    media_type: str,
    rules: FileRules,
) -> File:
    await _writable(transaction, person, conversation_id, thread)
    check_allowed(media_type, rules)
    if await store.loose_of(transaction, person.id) >= MOST_LOOSE:
        raise TooManyFilesError("Send or remove the files that you have uploaded first.", most=MOST_LOOSE)
    file = File(
        id=new_id(transaction.now),
        conversation_id=conversation_id,
        thread=thread,
        message_id=None,
        author_id=person.id,
        name=clean_name(name, media_type),
        media_type=media_type,
        size_bytes=None,
        sha256=None,
        picture=False,
        state=FileState.UPLOADING,
        created_at=transaction.now,
        lease_until=transaction.now + rules.lease,
    )
    await store.add(transaction, file)
    return file


async def _writable(transaction: Transaction, person: Person, conversation_id: UUID, thread: Thread) -> None:
    """Raises NotFoundError, ForbiddenError."""
    conversation = await readable(transaction, conversation_id, person, thread=thread)
    if thread not in writable_threads(conversation, person):
        raise ForbiddenError(needs=["orders:edit"])


async def seen(reading: Transaction, conversation_id: UUID, file_id: UUID, person: Person) -> File:
    """A file that was sent in a thread that this person reads, or that they are about to send.

    Raises:
        NotFoundError
    """
    conversation = await conversations.by_id(reading, conversation_id)
    file = await store.seen(reading, conversation_id, file_id)
    if conversation is None or file is None or file.thread not in readable_threads(conversation, person):
        raise NotFoundError
    if file.state is FileState.LOOSE and file.author_id != person.id:
        raise NotFoundError
    return file


async def remove(transaction: Transaction, conversation_id: UUID, file_id: UUID, person: Person) -> None:
    """The author does not send it after all; what was sent goes with its message.

    Raises:
        NotFoundError
    """
    if not await store.leave_loose(transaction, conversation_id, file_id, person.id):
        raise NotFoundError
