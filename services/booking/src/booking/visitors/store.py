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
MOST_WORDS = 5


def _visitor(row: sa.RowMapping) -> Visitor:
    return Visitor(**row)


async def visitor_by_id(transaction: Transaction, visitor_id: UUID, *, lock: bool = False) -> Visitor | None:
    row = await transaction.one_or_none(_BY_ID_LOCKED if lock else _BY_ID, {"visitor": visitor_id})
    return None if row is None else _visitor(row)


async def find(transaction: Transaction, *, query: str | None, after: UUID | None, limit: int) -> list[Visitor]:
    """Visitors in whose name, phone or barcode every word of the query occurs."""
    statement = _PAGE
    for word in (query or "").lower().split()[:MOST_WORDS]:
        written = [word]
        digits = "".join(filter(str.isdigit, word))
        if digits and not any(letter.isalpha() for letter in word):
            # A phone is kept as its digits, however it is written.
            written.append(digits)
        statement = statement.where(sa.or_(*(visitors.c.search.contains(one, autoescape=True) for one in written)))
    return [_visitor(row) for row in await transaction.all(statement, {"after": after, "limit": limit})]


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
