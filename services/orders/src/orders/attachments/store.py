"""The only queries on files of orders."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction

from .domain import File, FileState
from .tables import order_files

_f = order_files.c
_INSERT = sa.insert(order_files)
_OF_ORDER = (
    sa.select(order_files)
    .where(_f.order_id == sa.bindparam("order"), _f.state == FileState.STORED.value)
    .order_by(_f.id)
    .limit(sa.bindparam("limit"))
)
_STORED = sa.select(order_files).where(
    _f.order_id == sa.bindparam("order"), _f.id == sa.bindparam("file"), _f.state == FileState.STORED.value
)
_STORED_LOCKED = _STORED.with_for_update()
_UPLOADING_LOCKED = (
    sa.select(order_files).where(_f.id == sa.bindparam("file"), _f.state == FileState.UPLOADING.value).with_for_update()
)
_SAME = sa.select(order_files).where(
    _f.order_id == sa.bindparam("order"),
    _f.sha256 == sa.bindparam("digest"),
    _f.name == sa.bindparam("name"),
    _f.state == FileState.STORED.value,
)
_COUNT = (
    sa.select(sa.func.count())
    .select_from(order_files)
    .where(
        _f.order_id == sa.bindparam("order"),
        sa.or_(
            _f.state == FileState.STORED.value,
            sa.and_(_f.state == FileState.UPLOADING.value, _f.lease_until > sa.bindparam("now")),
        ),
    )
)
_COMPLETE = (
    sa.update(order_files)
    .where(_f.id == sa.bindparam("file"))
    .values(
        state=FileState.STORED.value,
        lease_until=None,
        size_bytes=sa.bindparam("new_size"),
        sha256=sa.bindparam("new_digest"),
    )
)
_LEAVE = (
    sa.update(order_files)
    .where(_f.id == sa.bindparam("file"))
    .values(state=FileState.LEAVING.value, lease_until=sa.bindparam("until"))
)
_GIVE_UP = _LEAVE.where(_f.state == FileState.UPLOADING.value)
_WHOLE = sa.select(_f.id).where(_f.id == sa.bindparam("file"), _f.state == FileState.STORED.value)
_LEAVE_OF_APPLICANT = sa.text(
    "UPDATE order_files f SET state = 'leaving', lease_until = :now FROM orders o "
    "WHERE o.id = f.order_id AND o.applicant_id = :applicant AND f.state <> 'leaving'"
)
_due = (
    sa.select(_f.id)
    .where(_f.state != FileState.STORED.value, _f.lease_until <= sa.bindparam("now"))
    .order_by(_f.lease_until)
    .limit(sa.bindparam("most"))
    .with_for_update(skip_locked=True)
)
_CLAIM = (
    sa.update(order_files)
    .where(_f.id.in_(_due.scalar_subquery()))
    .values(state=FileState.LEAVING.value, lease_until=sa.bindparam("until"))
    .returning(*_f)
)
_DELETE = sa.delete(order_files).where(
    _f.id.in_(sa.bindparam("files", expanding=True)), _f.state == FileState.LEAVING.value
)


def _file(row: sa.RowMapping | None) -> File | None:
    return None if row is None else File(**{**row, "state": FileState(row["state"])})


async def add(transaction: Transaction, file: File) -> None:
    values: dict[str, Any] = {name: getattr(file, name) for name in File.__dataclass_fields__}
    await transaction.execute(_INSERT, {**values, "state": file.state.value})


async def files_of(transaction: Transaction, order_id: UUID, *, limit: int) -> list[File]:
    rows = await transaction.all(_OF_ORDER, {"order": order_id, "limit": limit})
    return [file for row in rows if (file := _file(row)) is not None]


async def stored(transaction: Transaction, order_id: UUID, file_id: UUID, *, lock: bool = False) -> File | None:
    statement = _STORED_LOCKED if lock else _STORED
    return _file(await transaction.one_or_none(statement, {"order": order_id, "file": file_id}))


async def uploading_locked(transaction: Transaction, file_id: UUID) -> File | None:
    return _file(await transaction.one_or_none(_UPLOADING_LOCKED, {"file": file_id}))


async def same(transaction: Transaction, order_id: UUID, *, name: str, digest: bytes) -> File | None:
    """A file of the order that has this name and content already."""
    return _file(await transaction.one_or_none(_SAME, {"order": order_id, "name": name, "digest": digest}))


async def count(transaction: Transaction, order_id: UUID) -> int:
    """Files of the order, with those on their way. Nobody adds one meanwhile who has not locked the order."""
    result = await transaction.execute(_COUNT, {"order": order_id, "now": transaction.now})
    return int(result.scalar_one())


async def complete(transaction: Transaction, file_id: UUID, *, size_bytes: int, digest: bytes) -> None:
    await transaction.execute(_COMPLETE, {"file": file_id, "new_size": size_bytes, "new_digest": digest})


async def leave(transaction: Transaction, file_id: UUID, *, until: datetime) -> None:
    """Nobody sees it any more; its content is deleted by whoever holds it until then, else by the clock."""
    await transaction.execute(_LEAVE, {"file": file_id, "until": until})


async def give_up(transaction: Transaction, file_id: UUID, *, until: datetime) -> bool:
    """Nobody will see an upload; its content is the caller's to delete until then. False: it is whole, and stays."""
    await transaction.execute(_GIVE_UP, {"file": file_id, "until": until})
    return await transaction.one_or_none(_WHOLE, {"file": file_id}) is None


async def leave_of_applicant(transaction: Transaction, applicant_id: UUID) -> None:
    """Nobody sees the files of that customer's orders any more, those on their way included."""
    await transaction.execute(_LEAVE_OF_APPLICANT, {"applicant": applicant_id, "now": transaction.now})


async def claim_leaving(transaction: Transaction, *, until: datetime, most: int) -> list[File]:
    """Take files whose upload never ended, and those that were removed, to delete their content."""
    rows = await transaction.all(_CLAIM, {"now": transaction.now, "until": until, "most": most})
    return [file for row in rows if (file := _file(row)) is not None]


async def forget(transaction: Transaction, file_ids: Collection[UUID]) -> None:
    """Their content is deleted."""
    if file_ids:
        await transaction.execute(_DELETE, {"files": list(file_ids)})
