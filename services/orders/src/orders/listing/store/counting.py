"""How many orders each status has, for tabs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from foyer_chassis.db import Direct, Transaction

from ..domain import CLOSED, Filters
from . import conditions
from .conditions import Arguments
from .looking import Ends
from .query import Query

#: Counts are exact up to here.
MOST_COUNTED = 1_000
#: Orders that are looked at to be counted: of those that are over, and of others.
MOST_OVER, MOST_GROUPED = 1_000, 2_000
#: So many open orders may be forgotten, and older by years than the others.
FORGOTTEN = 500

_OVER = conditions.one_of("o.status", CLOSED)
_ORDERS = "SELECT o.status, o.label FROM orders o WHERE {where} ORDER BY o.id DESC LIMIT {window}"
#: Where the time begins that nearly all open orders are of.
_OPEN_SINCE = f"SELECT id FROM orders o WHERE {conditions.OPEN} ORDER BY id OFFSET {FORGOTTEN} LIMIT 1"  # noqa: S608
#: Those of that time, of which a filter's index has few; and those before, of which the index of open orders has few.
_OPEN = (
    f"(SELECT o.status, o.label FROM orders o WHERE {{where}} AND ({conditions.OPEN}) IS TRUE AND o.id >= {{since}}"  # noqa: S608
    " ORDER BY o.id DESC LIMIT {window}) UNION ALL SELECT o.status, o.label FROM"
    f" (SELECT * FROM orders o WHERE {conditions.OPEN} AND o.id < {{since}} OFFSET 0) AS o WHERE {{where}}"
)
_FOUND = "SELECT o.status, o.label FROM {found} ORDER BY s.order_id DESC LIMIT {window}"
#: Each looked up by its key: there are few, beside all orders.
_NEWEST = (
    "SELECT found.status, found.label FROM (SELECT * FROM order_search ORDER BY order_id DESC"
    " LIMIT {window}) AS s CROSS JOIN LATERAL"
    " (SELECT o.status, o.label FROM orders o WHERE o.id = s.order_id AND {where} OFFSET 0) AS found"
)
_GROUPED = "SELECT status, label, count(*) AS count FROM ({select}) AS looked_at GROUP BY 1, 2"
_UP_TO = (
    "SELECT {position} AS position, count(*) AS count FROM (SELECT 1 FROM orders o WHERE {where} LIMIT {most}) AS few"
)


@dataclass(frozen=True, slots=True)
class Count:
    """`more`: there are more than `count`, or may be."""

    count: int
    more: bool


async def counts(query: Query, transaction: Transaction, codes: Sequence[str]) -> dict[str, Count]:
    """How many orders each status has; the status filter itself does not count."""
    if _is_told_by_index(query):
        return await _counts_by_index(query, transaction, codes)
    if query.words is not None:
        groups = [await _found(query, transaction)]
    elif query.is_narrow or query.filters.paid is False:
        # There are few.
        groups = [await _looked_at(query, transaction, most=MOST_GROUPED)]
    elif query.filters.overdue:
        groups = [await _open(query, transaction)]
    else:
        over = await _looked_at(query, transaction, _OVER, most=MOST_OVER, closed=True)
        groups = [await _open(query, transaction), over]
    return _counts(codes, query.built_in, groups)


def _is_told_by_index(query: Query) -> bool:
    """Only kinds, locations and statuses are asked for, of orders that are not limited to an assignee."""
    scope = query.scope
    limited = scope.own is not None or scope.assigned_of - scope.all_of
    filters = query.filters
    return not limited and filters == Filters(
        kinds=filters.kinds, location_ids=filters.location_ids, groups=filters.groups, statuses=filters.statuses
    )


async def _counts_by_index(query: Query, transaction: Transaction, codes: Sequence[str]) -> dict[str, Count]:
    """The index that has kind and location beside the status tells it, without a look at the orders."""
    argument = Arguments()
    where = query.conditions(argument, with_status=False)
    counted: dict[str, int] = {}
    if where is not None:
        parts = [
            _UP_TO.format(
                position=position,
                where=" AND ".join([*where, conditions.in_status([code], query.built_in)]),
                most=MOST_COUNTED + 1,
            )
            for position, code in enumerate(codes)
        ]
        rows = await (await transaction.direct()).rows(" UNION ALL ".join(parts), *argument.values)
        counted = {codes[row["position"]]: row["count"] for row in rows}
    return {code: _count(counted.get(code, 0)) for code in codes}


async def _looked_at(
    query: Query, transaction: Transaction, *also: str, most: int, closed: bool | None = None
) -> "Group":
    """The newest that are asked for and meet these conditions, too."""
    await query.look_up_phone(transaction)
    argument = Arguments()
    where = query.conditions(argument, with_status=False)
    if where is None:
        return Group((), whole=True, closed=closed)
    select = _ORDERS.format(where=" AND ".join([*where, *also]), window=argument(most, "int"))
    return _group(await _grouped(await transaction.direct(), select, argument), closed=closed, most=most)


async def _open(query: Query, transaction: Transaction) -> "Group":
    """What is open is counted whole: there is not much of it.

    PostgreSQL does not know that what is open is of late, and would look at all of it, or at all that a filter has of
    any time. So the time is told, and that index kept out of sight.
    """
    argument = Arguments()
    where = query.conditions(argument, with_status=False)
    if where is None:
        return Group((), whole=True, closed=False)
    direct = await transaction.direct()
    begin = await direct.row(_OPEN_SINCE)
    if begin is None:
        return await _looked_at(query, transaction, conditions.OPEN, most=MOST_GROUPED, closed=False)
    since, window = argument(begin["id"], "uuid"), argument(MOST_GROUPED, "int")
    select = _OPEN.format(where=" AND ".join(where), since=since, window=window)
    return _group(await _grouped(direct, select, argument), closed=False, most=MOST_GROUPED)


async def _found(query: Query, transaction: Transaction) -> "Group":
    """What a text search finds; of words that many texts have, in the newest texts."""
    direct = await transaction.direct()
    search = await query.search(direct, Ends(None, None), with_status=False)
    if search is None:
        return Group((), whole=True, closed=None)
    expected = await search.expected(direct)
    way = expected.way(expected.all)
    few = way.texts <= MOST_GROUPED
    if few:
        look = search.by_texts(way)
        argument = look.argument
        select = _FOUND.format(found=look.sql, window=argument(MOST_GROUPED, "int"))
    else:
        assert query.words is not None
        argument = Arguments()
        where = [*search.filters(argument), *conditions.like("s.text", query.words, argument)]
        select = _NEWEST.format(where=" AND ".join(where), window=argument(MOST_GROUPED, "int"))
    return _group(await _grouped(direct, select, argument), most=MOST_GROUPED, whole=few)


async def _grouped(direct: Direct, select: str, argument: Arguments) -> Sequence[Any]:
    return await direct.rows(_GROUPED.format(select=select), *argument.values)


@dataclass(frozen=True, slots=True)
class Group:
    """Status, label and number of orders that were looked at.

    Attributes:
        whole: those were all that there are.
        closed: of which built-in statuses: those that are over, or the others; None: of any.
    """

    rows: tuple[tuple[str, str | None, int], ...]
    whole: bool
    closed: bool | None

    def count(self, code: str, *, built_in: bool) -> int:
        return sum(count for status, label, count in self.rows if code == (status if built_in else label))

    def has(self, code: str, *, built_in: bool) -> bool:
        return self.closed is None or not built_in or self.closed == (code in CLOSED)


def _group(rows: Sequence[Any], *, most: int, closed: bool | None = None, whole: bool = True) -> Group:
    found = tuple((row["status"], row["label"], row["count"]) for row in rows)
    return Group(found, whole=whole and sum(count for *_, count in found) < most, closed=closed)


def _counts(codes: Sequence[str], all_built_in: Collection[str], groups: Sequence[Group]) -> dict[str, Count]:
    counts = {}
    for code in codes:
        built_in = code in all_built_in
        having = [group for group in groups if group.has(code, built_in=built_in)]
        found = sum(group.count(code, built_in=built_in) for group in having)
        counts[code] = _count(found, more=not all(group.whole for group in having))
    return counts


def _count(found: int, *, more: bool = False) -> Count:
    return Count(min(found, MOST_COUNTED), more or found > MOST_COUNTED)
