"""Keyset pages: a page begins behind a row, so that it costs the same however far behind the first it is."""

from typing import Any

import sqlalchemy as sa


def paged(statement: sa.Select[Any], *order: sa.Column[Any]) -> sa.Select[Any]:
    """The statement as a page: in this order, at most `limit` rows, those behind the row whose id is `after` (None:
    from the first).

    Args:
        order: columns of one table, the last of which is its id.
    """
    last = order[-1].table.alias()
    row = sa.select(*(last.c[column.name] for column in order)).where(last.c[order[-1].name] == sa.bindparam("after"))
    behind = sa.tuple_(*order) > row.scalar_subquery() if len(order) > 1 else order[0] > sa.bindparam("after")
    return (
        statement.where(sa.bindparam("after", type_=order[-1].type).is_(None) | behind)
        .order_by(*order)
        .limit(sa.bindparam("limit"))
    )
