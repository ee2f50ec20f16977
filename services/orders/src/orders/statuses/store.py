from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from foyer_chassis.db import Database, Transaction
from sqlalchemy.dialects.postgresql import insert

from ..catalogue.domain import Text
from .domain import Directory, StatusEntry
from .tables import statuses

#: How long another process may go on showing what a status was called before.
FRESH_SECONDS = 5.0

_ALL = sa.select(statuses)
_LOCKED = _ALL.where(statuses.c.code == sa.bindparam("code")).with_for_update()
_INSERT = insert(statuses).on_conflict_do_nothing().returning(statuses.c.code)

#: What was read last, per database, and when.
_read: WeakKeyDictionary[sa.Pool, tuple[float, Directory]] = WeakKeyDictionary()


def _entry(row: sa.RowMapping) -> StatusEntry:
    return StatusEntry(
        code=row["code"],
        stands_for=row["stands_for"],
        group=row["group"],
        kinds=frozenset(row["kinds"]),
        name=Text(row["name_ru"], row["name_en"]),
        colour=row["colour"],
        position=row["position"],
        active=row["active"],
        version=row["version"],
    )


async def directory(source: Transaction | Database) -> Directory:
    """The directory as it was at most five seconds ago; a query only when it is older."""
    engine = source.engine.sync_engine if isinstance(source, Database) else source.connection.sync_engine
    known = _read.get(engine.pool)
    if known is not None and monotonic() - known[0] < FRESH_SECONDS:
        return known[1]
    asked_at = monotonic()
    if isinstance(source, Database):
        async with source.read() as transaction:
            fresh = await read_directory(transaction)
    else:
        fresh = await read_directory(source)
    _read[engine.pool] = asked_at, fresh
    return fresh


async def read_directory(transaction: Transaction) -> Directory:
    """The directory as it is now."""
    return Directory(_entry(row) for row in await transaction.all(_ALL))


def forget_after_commit(transaction: Transaction) -> None:
    """This process shows a change at once."""
    pool = transaction.connection.sync_engine.pool
    transaction.after_commit(lambda: _read.pop(pool, None) and None)


async def locked(transaction: Transaction, code: str) -> StatusEntry | None:
    row = await transaction.one_or_none(_LOCKED, {"code": code})
    return None if row is None else _entry(row)


async def add(transaction: Transaction, entry: StatusEntry) -> bool:
    """False when the code is taken."""
    added = await transaction.execute(_INSERT, {"code": entry.code, **_values(entry)})
    return added.scalar_one_or_none() is not None


async def save(transaction: Transaction, entry: StatusEntry) -> None:
    await transaction.execute(sa.update(statuses).where(statuses.c.code == entry.code).values(**_values(entry)))


def _values(entry: StatusEntry) -> dict[str, Any]:
    return {
        "stands_for": entry.stands_for,
        "group": entry.group,
        "kinds": sorted(entry.kinds),
        "name_ru": entry.name.ru,
        "name_en": entry.name.en,
        "colour": entry.colour,
        "position": entry.position,
        "active": entry.active,
        "version": entry.version,
    }
