"""The only queries on files."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction

from ..domain.conversations import Thread
from ..domain.files import File, FileState
from ..tables import files

_f = files.c
_LOCK_AUTHOR = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('files:' || :author, 0))")
_LOOSE = (
    sa.select(sa.func.count())
    .select_from(files)
    .where(
        _f.author_id == sa.bindparam("author"),
        _f.state.in_((FileState.UPLOADING.value, FileState.LOOSE.value)),
        _f.lease_until > sa.bindparam("now"),
    )
)
_INSERT = sa.insert(files)
_UPLOADING_LOCKED = (
    sa.select(files).where(_f.id == sa.bindparam("file"), _f.state == FileState.UPLOADING.value).with_for_update()
)
_COMPLETE = (
    sa.update(files)
    .where(_f.id == sa.bindparam("file"))
    .values(
        state=FileState.LOOSE.value,
        size_bytes=sa.bindparam("new_size"),
        sha256=sa.bindparam("new_digest"),
        picture=sa.bindparam("new_picture"),
        lease_until=sa.bindparam("until"),
    )
    .returning(files)
)
_SEND = (
    sa.update(files)
    .where(
        _f.id.in_(sa.bindparam("files", expanding=True)),
        _f.conversation_id == sa.bindparam("conversation"),
        _f.thread == sa.bindparam("thread_name"),
        _f.author_id == sa.bindparam("author"),
        _f.state == FileState.LOOSE.value,
    )
    .values(state=FileState.SENT.value, message_id=sa.bindparam("message"), lease_until=None)
    .returning(files)
)
_SEEN = sa.select(files).where(
    _f.conversation_id == sa.bindparam("conversation"),
    _f.id == sa.bindparam("file"),
    _f.state.in_((FileState.LOOSE.value, FileState.SENT.value)),
)
_leaving = {"state": FileState.LEAVING.value, "message_id": None}
_GIVE_UP = (
    sa.update(files)
    .where(_f.id == sa.bindparam("file"), _f.state == FileState.UPLOADING.value)
    .values(**_leaving, lease_until=sa.bindparam("until"))
)
_WHOLE = sa.select(_f.id).where(
    _f.id == sa.bindparam("file"), _f.state.in_((FileState.LOOSE.value, FileState.SENT.value))
)
_LEAVE_LOOSE = (
    sa.update(files)
    .where(
        _f.conversation_id == sa.bindparam("conversation"),
        _f.id == sa.bindparam("file"),
        _f.author_id == sa.bindparam("author"),
        _f.state == FileState.LOOSE.value,
    )
    .values(**_leaving, lease_until=sa.bindparam("until"))
    .returning(_f.id)
)
_LEAVE_OF_MESSAGE = (
    sa.update(files)
    .where(_f.message_id == sa.bindparam("message"))
    .values(**_leaving, lease_until=sa.bindparam("until"))
)
_LEAVE_OF_AUTHOR = (
    sa.update(files)
    .where(_f.author_id == sa.bindparam("author"), _f.state != FileState.LEAVING.value)
    .values(**_leaving, lease_until=sa.bindparam("until"))
)
_due = (
    sa.select(_f.id)
    .where(_f.lease_until <= sa.bindparam("now"))
    .order_by(_f.lease_until)
    .limit(sa.bindparam("most"))
    .with_for_update(skip_locked=True)
)
_CLAIM = (
    sa.update(files)
    .where(_f.id.in_(_due.scalar_subquery()))
    .values(**_leaving, lease_until=sa.bindparam("until"))
    .returning(files)
)
_FORGET = sa.delete(files).where(_f.id.in_(sa.bindparam("files", expanding=True)), _f.state == FileState.LEAVING.value)


def _file(row: sa.RowMapping) -> File:
    return File(**{**row, "thread": Thread(row["thread"]), "state": FileState(row["state"])})


async def loose_of(transaction: Transaction, author_id: UUID) -> int:
    """How many files of a person no message has yet. They take their turn: nobody adds one of theirs meanwhile."""
    await transaction.execute(_LOCK_AUTHOR, {"author": str(author_id)})
    result = await transaction.execute(_LOOSE, {"author": author_id, "now": transaction.now})
    return int(result.scalar_one())


async def add(transaction: Transaction, file: File) -> None:
    values: dict[str, Any] = {name: getattr(file, name) for name in File.__dataclass_fields__}
    await transaction.execute(_INSERT, {**values, "state": file.state.value, "thread": file.thread.value})


async def complete(
    transaction: Transaction, file_id: UUID, *, size_bytes: int, digest: bytes, picture: bool, until: datetime
) -> File | None:
    """Its content is there. None: it took too long, and the clock has taken it."""
    if await transaction.one_or_none(_UPLOADING_LOCKED, {"file": file_id}) is None:
        return None
    values = {"new_size": size_bytes, "new_digest": digest, "new_picture": picture, "until": until}
    row = await transaction.one_or_none(_COMPLETE, {"file": file_id, **values})
    assert row is not None
    return _file(row)


async def send(
    transaction: Transaction,
    file_ids: Sequence[UUID],
    *,
    conversation_id: UUID,
    thread: Thread,
    author_id: UUID,
    message_id: UUID,
) -> list[File]:
    """Those of the files that are their author's to send in that thread, in the order asked for; sent now."""
    rows = await transaction.all(
        _SEND,
        {
            "files": list(file_ids),
            "conversation": conversation_id,
            "thread_name": thread.value,
            "author": author_id,
            "message": message_id,
        },
    )
    return sorted((_file(row) for row in rows), key=lambda file: file_ids.index(file.id))


async def seen(transaction: Transaction, conversation_id: UUID, file_id: UUID) -> File | None:
    """A file that somebody may see: loose or sent."""
    row = await transaction.one_or_none(_SEEN, {"conversation": conversation_id, "file": file_id})
    return None if row is None else _file(row)


async def give_up(transaction: Transaction, file_id: UUID, *, until: datetime) -> bool:
    """Nobody will see an upload; its content is the caller's to delete until then. False: it is whole, and stays."""
    await transaction.execute(_GIVE_UP, {"file": file_id, "until": until})
    return await transaction.one_or_none(_WHOLE, {"file": file_id}) is None


async def leave_loose(transaction: Transaction, conversation_id: UUID, file_id: UUID, author_id: UUID) -> bool:
    """A file that was not sent is given up by its author. False: there is none such."""
    parameters = {"conversation": conversation_id, "file": file_id, "author": author_id, "until": transaction.now}
    return await transaction.one_or_none(_LEAVE_LOOSE, parameters) is not None


async def leave_of_message(transaction: Transaction, message_id: UUID) -> None:
    await transaction.execute(_LEAVE_OF_MESSAGE, {"message": message_id, "until": transaction.now})


async def leave_of_author(transaction: Transaction, author_id: UUID) -> None:
    await transaction.execute(_LEAVE_OF_AUTHOR, {"author": author_id, "until": transaction.now})


async def claim_leaving(transaction: Transaction, *, until: datetime, most: int) -> list[File]:
    """Take files that are to go, were never whole, or were never sent, to delete their content."""
    rows = await transaction.all(_CLAIM, {"now": transaction.now, "until": until, "most": most})
    return [_file(row) for row in rows]


async def forget(transaction: Transaction, file_ids: Collection[UUID]) -> None:
    """Their content is deleted."""
    if file_ids:
        await transaction.execute(_FORGET, {"files": list(file_ids)})
