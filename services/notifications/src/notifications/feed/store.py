from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from sqlalchemy.dialects.postgresql import insert

from .domain import MOST_UNREAD, Entry, to_person
from .tables import feed_entries, feed_readers

_ADD = insert(feed_entries).on_conflict_do_nothing(constraint="feed_entries_once")
_OURS = feed_entries.c.addressee.in_(sa.bindparam("addressees", expanding=True))
_NEWEST = sa.select(feed_entries).where(_OURS).order_by(feed_entries.c.id.desc()).limit(sa.bindparam("limit"))
_BEFORE = _NEWEST.where(feed_entries.c.id < sa.bindparam("before"))
_READ_THROUGH = sa.select(feed_readers.c.read_through).where(feed_readers.c.person_id == sa.bindparam("person"))
_UNREAD = sa.select(sa.func.count()).select_from(
    sa.select(feed_entries.c.id).where(_OURS, feed_entries.c.id > sa.bindparam("through")).limit(MOST_UNREAD).subquery()
)
_EXISTS = sa.select(feed_entries.c.id).where(_OURS, feed_entries.c.id == sa.bindparam("entry"))
_reader = insert(feed_readers)
_READ = _reader.on_conflict_do_update(
    index_elements=["person_id"],
    set_={"read_through": _reader.excluded.read_through},
    where=feed_readers.c.read_through < _reader.excluded.read_through,
)
_NOTHING_READ = UUID(int=0)
_LAST_POSITION = sa.select(sa.func.max(feed_entries.c.position).label("position")).where(_OURS)
_AFTER = (
    sa.select(feed_entries)
    .where(_OURS, feed_entries.c.position > sa.bindparam("after", type_=sa.BigInteger))
    .order_by(feed_entries.c.position)
    .limit(sa.bindparam("limit"))
)
_WRITERS_IN_TURN = sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext("feed_entries")))
# By ids, which ascend with time: whatever there is, only so many rows at the old end are looked at.
_OLDEST = (
    sa.select(feed_entries.c.id, feed_entries.c.created_at)
    .order_by(feed_entries.c.id)
    .limit(sa.bindparam("most"))
    .cte("oldest")
)
_GONE = (
    sa.delete(feed_entries)
    .where(
        feed_entries.c.id.in_(
            sa.select(_OLDEST.c.id).where(
                _OLDEST.c.created_at < sa.bindparam("before", type_=sa.DateTime(timezone=True))
            )
        )
    )
    .returning(feed_entries.c.id)
    .cte("gone")
)
_FORGET = sa.select(sa.func.count().label("gone")).select_from(_GONE)
#: Where processes listen for new entries, and for what was read, by addressee.
CHANGED_CHANNEL = "foyer_feed"


@dataclass
class _Pending:
    """The entries that a transaction writes at its end."""

    entries: list[Entry] = field(default_factory=list)


async def add(transaction: Transaction, entries: Sequence[Entry]) -> None:
    """Add entries at the end of the transaction, each once per event and addressee.

    Whoever writes entries takes turns until the commit: so positions ascend as entries become visible, and a reader
    who goes on after the last one that it saw misses none. At the end, because then no other lock is waited for.
    """
    if not entries:
        return
    pending = transaction.kept(_Pending)
    if not pending.entries:
        transaction.before_commit(lambda: _write(transaction, pending))
    pending.entries += entries
    for addressee in {entry.addressee for entry in entries}:
        transaction.notify(CHANGED_CHANNEL, addressee)


async def _write(transaction: Transaction, pending: _Pending) -> None:
    rows = [asdict(entry) for entry in pending.entries]
    pending.entries.clear()
    for row in rows:
        del row["position"]
    await transaction.execute(_WRITERS_IN_TURN)
    await transaction.execute(_ADD, rows)


async def page(transaction: Transaction, addressees: list[str], *, before: UUID | None, limit: int) -> list[Entry]:
    """Newest first."""
    parameters = {"addressees": addressees, "limit": limit}
    rows = await (
        transaction.all(_NEWEST, parameters)
        if before is None
        else transaction.all(_BEFORE, {**parameters, "before": before})
    )
    return [Entry(**row) for row in rows]


async def last_position(transaction: Transaction, addressees: list[str]) -> int:
    """The position of the newest entry; 0 without any."""
    row = await transaction.one_or_none(_LAST_POSITION, {"addressees": addressees})
    assert row is not None
    return int(row["position"] or 0)


async def after(transaction: Transaction, addressees: list[str], *, position: int, limit: int) -> list[Entry]:
    """What came after a position, in the order in which it came."""
    rows = await transaction.all(_AFTER, {"addressees": addressees, "after": position, "limit": limit})
    return [Entry(**row) for row in rows]


async def read_through(transaction: Transaction, person_id: UUID) -> UUID:
    row = await transaction.one_or_none(_READ_THROUGH, {"person": person_id})
    return _NOTHING_READ if row is None else row["read_through"]


async def unread(transaction: Transaction, addressees: list[str], *, through: UUID) -> int:
    row = await transaction.one_or_none(_UNREAD, {"addressees": addressees, "through": through})
    assert row is not None
    return int(row["count_1"])


async def forget(transaction: Transaction, *, before: datetime, most: int) -> int:
    """Remove what is older than an instant, of the oldest `most` entries. How many went."""
    row = await transaction.one_or_none(_FORGET, {"before": before, "most": most})
    assert row is not None
    return int(row["gone"])


async def exists(transaction: Transaction, addressees: list[str], entry_id: UUID) -> bool:
    return await transaction.one_or_none(_EXISTS, {"addressees": addressees, "entry": entry_id}) is not None


async def mark_read(transaction: Transaction, person_id: UUID, *, through: UUID) -> None:
    """Everything up to this entry is read; going back is not possible."""
    await transaction.execute(_READ, {"person_id": person_id, "read_through": through})
    transaction.notify(CHANGED_CHANNEL, to_person(person_id))
