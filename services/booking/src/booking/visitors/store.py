import re
from collections.abc import Collection
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction

from .domain import BarcodeTakenError, Visitor
from .tables import visitors

_COLUMNS = [visitors.c[name] for name in ("id", "name", "phone", "barcode", "customer_id", "version")]
_BY_ID = sa.select(*_COLUMNS).where(visitors.c.id == sa.bindparam("visitor"))
_BY_ID_LOCKED = _BY_ID.with_for_update()
_PAGE = (
    sa.select(*_COLUMNS)
    .where(sa.bindparam("after", type_=sa.Uuid).is_(None) | (visitors.c.id > sa.bindparam("after")))
    .order_by(visitors.c.id)
    .limit(sa.bindparam("limit"))
)
_CUSTOMERS = sa.select(visitors.c.id, visitors.c.customer_id).where(
    visitors.c.id.in_(sa.bindparam("visitors", expanding=True)), visitors.c.customer_id.is_not(None)
)
MOST_WORDS = 5
_PHONE = re.compile(r"[0-9+(). -]+")
_LIKE = re.compile(r"([%_\\])")
_ESCAPED = r"\\\1"
# One row a caller and minute; those of an hour ago go with the next search.
_COUNT_SEARCH = sa.text("""
    WITH forgotten AS (DELETE FROM visitor_searches WHERE minute < :minute - interval '1 hour')
    INSERT INTO visitor_searches (caller_id, minute, searches) VALUES (:caller, :minute, 1)
    ON CONFLICT (caller_id, minute) DO UPDATE SET searches = visitor_searches.searches + 1
    WHERE visitor_searches.searches < :most
    RETURNING searches
""").bindparams(sa.bindparam("minute", type_=sa.DateTime(timezone=True)))


def _visitor(row: sa.RowMapping) -> Visitor:
    return Visitor(**row)


async def visitor_by_id(transaction: Transaction, visitor_id: UUID, *, lock: bool = False) -> Visitor | None:
    row = await transaction.one_or_none(_BY_ID_LOCKED if lock else _BY_ID, {"visitor": visitor_id})
    return None if row is None else _visitor(row)


async def customers_of(transaction: Transaction, visitor_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Who these visitors are when they sign in, of those that do."""
    rows = await transaction.all(_CUSTOMERS, {"visitors": list(visitor_ids)}) if visitor_ids else []
    return {row["id"]: row["customer_id"] for row in rows}


async def find(transaction: Transaction, *, query: str | None, after: UUID | None, limit: int) -> list[Visitor]:
    """Visitors in whose name, phone or barcode every word of the query occurs."""
    statement = _PAGE
    for word in (query or "").lower().split()[:MOST_WORDS]:
        written = [word]
        digits = "".join(filter(str.isdigit, word))
        if digits and _PHONE.fullmatch(word):
            # A phone is kept as its digits, however it is written.
            written.append(digits)
        # ILIKE, because barcodes may have capital letters; the index of trigrams serves it.
        patterns = [f"%{_LIKE.sub(_ESCAPED, one)}%" for one in written]
        statement = statement.where(sa.or_(*(visitors.c.search.ilike(one) for one in patterns)))
    return [_visitor(row) for row in await transaction.all(statement, {"after": after, "limit": limit})]


async def count_search(transaction: Transaction, caller_id: UUID, *, most: int) -> bool:
    """Whether this is still one of the `most` searches that the caller has in this minute."""
    parameters = {"caller": caller_id, "minute": transaction.now.replace(second=0, microsecond=0), "most": most}
    return (await transaction.execute(_COUNT_SEARCH, parameters)).scalar_one_or_none() is not None


async def save(transaction: Transaction, visitor: Visitor) -> None:
    """Raises BarcodeTakenError."""
    values = {column.name: getattr(visitor, column.name) for column in _COLUMNS}
    id_ = values.pop("id")
    try:
        if visitor.version == 1:
            await transaction.execute(sa.insert(visitors).values(id=id_, **values))
        else:
            await transaction.execute(sa.update(visitors).where(visitors.c.id == id_).values(**values))
    except sa.exc.IntegrityError:
        raise BarcodeTakenError(field="barcode") from None
