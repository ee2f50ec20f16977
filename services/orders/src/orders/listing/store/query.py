"""Pages, counts and exports of orders: one statement each, answered as JSON by PostgreSQL itself.

Every filter has an index that ends in the order's id, which ascends with time; pages go by it. For a text search see
`search`.
"""

import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from foyer_chassis.db import Direct, Transaction
from foyer_contracts.ids import first_id_of

from ..domain import CLOSED, Filters, Scope, Sorting
from . import conditions
from .conditions import Arguments
from .looking import Ends, first_of
from .search import Look, Search
from .vocabulary import known

#: Counts are exact up to here.
MOST_COUNTED = 1_000
#: Orders that are looked at to be counted.
MOST_GROUPED = 2_000

_MONEY = "CASE WHEN {0} IS NOT NULL THEN json_build_object('amount', {0}, 'currency', o.currency) END AS {1}"
#: The columns of the list (B3).
_ROW = ", ".join(
    [
        "o.id, o.number, o.kind, o.status, o.label, o.offering_id, o.offering_title, o.applicant_id, o.applicant_name",
        "o.address, o.premises_id, o.location_id, o.assignee_id, o.created_at, o.updated_at, o.starts_at",
        _MONEY.format("o.total_amount", "price"),
        _MONEY.format("o.invoiced_amount", "total"),
        "o.invoiced_amount > 0 AND o.open_invoices = 0 AS all_paid, o.money_status, o.refund_state",
        "CASE WHEN o.refund_state IS NOT NULL THEN"
        " json_build_object('amount', o.refund_amount, 'currency', o.currency) END AS refund",
        "o.cancel_reason, o.respond_by, o.complete_by, o.version",
    ]
)
_STAFF_ROW = f"{_MONEY.format('o.costs_amount', 'costs')}, o.rating, o.unread_by_staff AS unread_messages"
_OWN_ROW = "o.rating, o.unread_by_applicant AS unread"
_WITHOUT_MONEY = "o.terms = 'free' OR (o.status IN ('cancelled', 'removed') AND o.refund_amount = 0)"
_PAGE = (
    "SELECT coalesce(json_agg(r), '[]')::text AS items, count(*) AS count, (array_agg(r.id))[count(*)] AS last"
    " FROM ({select}) AS r"
)
#: The digits of a phone without the country's code, which people write as +7 or as 8.
PHONE_TAIL = 10
MOST_PEOPLE = 200

_PEOPLE = f"SELECT id FROM people WHERE phone_digits <> '' AND right(phone_digits, {PHONE_TAIL}) = $1 LIMIT $2"  # noqa: S608
_ORDERS = "SELECT o.status, o.label FROM orders o WHERE {where} ORDER BY o.id DESC LIMIT {window}"
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


#: A page as JSON, how many rows it has, and the id of its last order.
Page = tuple[str, int, UUID | None]
_NOTHING: Page = "[]", 0, None


@dataclass(frozen=True, slots=True)
class Count:
    """`more`: there are more than `count`, or may be."""

    count: int
    more: bool


class Query:
    """A list to be read: who asks, what for, in which order.

    Args:
        titles: `status_titles`, `status_groups`, `money_titles`: code → what stands in the list for it.
    """

    def __init__(
        self,
        scope: Scope,
        filters: Filters,
        *,
        now: datetime,
        built_in: Collection[str],
        every_kind: frozenset[str],
        titles: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._scope, self._filters, self._now = scope, filters, now
        self._built_in, self._every_kind, self._titles = built_in, every_kind, titles
        self._words = filters.words if filters.words is not None and filters.words.words else None
        #: Who has the phone that is searched for; None until it is looked up.
        self._people: Sequence[UUID] | None = None

    @property
    def _is_narrow(self) -> bool:
        """Few orders come into question, found by an index of their own: no need to look at the newest of all."""
        filters = self._filters
        return bool(self._scope.own or filters.applicant_id or filters.premises_id or self._phone)

    @property
    def _phone(self) -> str | None:
        return None if self._filters.words is None else self._filters.words.phone_digits

    def _conditions(self, argument: Arguments, *, with_status: bool) -> list[str] | None:
        """None: nothing can be found."""
        found = conditions.reach(self._scope, self._filters, self._every_kind, argument)
        if found is None:
            return None
        found.append("o.status <> 'removed'")
        if self._filters.groups:
            groups = self._titles["status_groups"]
            codes = [code for code, group in groups.items() if group in self._filters.groups]
            found.append(conditions.one_of("o.status", codes) if codes else "false")
        if with_status and self._filters.statuses:
            found.append(conditions.in_status(self._filters.statuses, self._built_in))
        if self._people is not None:
            if not self._people:
                return None
            # B8: a phone finds an order only once the business has taken it up.
            found += [conditions.in_ids("o.applicant_id", self._people, argument), "o.taken_up_at IS NOT NULL"]
        return found + conditions.filtered(self._filters, self._now, argument)

    async def _look_up_phone(self, transaction: Transaction) -> None:
        """Apart from the orders: a plan for both at once would be a guess at how many people share a phone."""
        if self._phone is not None and self._people is None:
            direct = await transaction.direct()
            rows = await direct.rows(_PEOPLE, self._phone[-PHONE_TAIL:], MOST_PEOPLE)
            self._people = [row["id"] for row in rows]

    def _columns(self, argument: Arguments) -> str:
        statuses, groups, money = (
            argument(json.dumps(self._titles[name], ensure_ascii=False), "text") + "::jsonb"
            for name in ("status_titles", "status_groups", "money_titles")
        )
        title = f"coalesce({statuses} ->> coalesce(o.label, o.status), o.label, o.status)"
        own = self._scope.own is not None
        return (
            f"{_ROW}, {_OWN_ROW if own else _STAFF_ROW}, {groups} ->> o.status AS status_group,"
            f" {title} AS status_title,"
            f" concat_ws('. ', {title}, CASE WHEN {_WITHOUT_MONEY} THEN NULL ELSE {money} ->> o.money_status END)"
            " AS title"
        )

    async def page(self, transaction: Transaction, *, after: UUID | None, sorting: Sorting, limit: int) -> Page:
        if self._words is None or self._is_narrow or sorting != "newest":
            return await self._page(transaction, after, sorting, limit)
        return await self._searched_page(transaction, self._ends(after), limit)

    async def unread_page(self, transaction: Transaction, *, limit: int, after: UUID | None) -> Page:
        """B28: the applicant's unread orders, the newest first."""
        return await self._page(transaction, after, "newest", limit, more=("o.unread_by_applicant",))

    async def read_page(self, transaction: Transaction, *, limit: int, after: UUID | None) -> Page:
        return await self._page(transaction, after, "newest", limit, more=("NOT o.unread_by_applicant",))

    async def _page(
        self,
        transaction: Transaction,
        after: UUID | None,
        sorting: Sorting,
        limit: int,
        *,
        more: Sequence[str] = (),
    ) -> Page:
        await self._look_up_phone(transaction)
        argument = Arguments()
        columns = self._columns(argument)
        where = self._conditions(argument, with_status=True)
        if where is None:
            return _NOTHING
        where += more
        direction = _direction(sorting)
        beyond = _beyond(after, sorting, argument)
        if beyond:
            where.append(f"o.id {beyond}")
        source = "orders o"
        if self._words is not None:
            source += " JOIN order_search s ON s.order_id = o.id"
            where += conditions.like("s.text", self._words, argument)
        select = (
            f"SELECT {columns} FROM {source} WHERE {' AND '.join(where)}"  # noqa: S608 (text of ours, see conditions)
            f" ORDER BY o.id{direction} LIMIT {argument(limit, 'int')}"
        )
        row = await (await transaction.direct()).row(_PAGE.format(select=select), *argument.values)
        assert row is not None
        return row["items"], row["count"], row["last"]

    async def _searched_page(self, transaction: Transaction, ends: Ends, limit: int) -> Page:
        """A page of a text search: one look after the other, until it is full."""
        direct = await transaction.direct()
        search = await self._search(direct, ends)
        page = _NOTHING
        if search is not None:
            async for look in search.looks(direct):
                page = await self._found(direct, look, limit)
                if page[1] == limit:
                    break
        return page

    async def _search(self, direct: Direct, ends: Ends, *, with_status: bool = True) -> Search | None:
        """None: nothing can be found."""
        assert self._words is not None
        if self._conditions(Arguments(), with_status=with_status) is None:
            return None
        words = await known(direct, self._words)
        if any(word.is_nowhere for word in words):
            return None
        return Search(
            [*conditions.having(words), *conditions.filed(self._scope, self._filters, self._every_kind)],
            filters=lambda argument: self._conditions(argument, with_status=with_status) or (),
            ends=ends,
            since=await self._since(direct, ends.far) if with_status else ends.far,
        )

    async def _since(self, direct: Direct, far: UUID | None) -> UUID | None:
        """After which id all is that can be found: orders that are under way are not long ago."""
        under_way = self._under_way()
        if not under_way:
            return far
        row = await direct.row(first_of(under_way))
        if row is None or row["first"] is None:
            return far
        before = UUID(int=row["first"].int - 1)
        return before if far is None else max(before, far)

    def _under_way(self) -> list[str]:
        """Conditions of which one holds for every order that is found, and which few old orders meet."""
        filters = self._filters
        if filters.overdue:
            return [conditions.OPEN]
        if filters.paid is False:
            return [conditions.UNPAID]
        if any(status in CLOSED or status not in self._built_in for status in filters.statuses):
            return []
        return [conditions.one_of("o.status", [status]) for status in filters.statuses]

    async def _found(self, direct: Direct, look: Look, limit: int) -> Page:
        select = (
            f"SELECT {self._columns(look.argument)} FROM {look.sql}"  # noqa: S608 (text of ours)
            f" ORDER BY {look.order} DESC LIMIT {look.argument(limit, 'int')}"
        )
        row = await direct.row(_PAGE.format(select=select), *look.argument.values, planned_anew=look.planned_anew)
        assert row is not None
        return row["items"], row["count"], row["last"]

    def _ends(self, after: UUID | None) -> Ends:
        """Between which ids there may be orders of this page and those that follow."""
        since, before = self._filters.created_from, self._filters.created_before
        near = [end for end in (after, None if before is None else first_id_of(before)) if end is not None]
        return Ends(min(near, default=None), None if since is None else UUID(int=first_id_of(since).int - 1))

    async def counts(self, transaction: Transaction, codes: Sequence[str]) -> dict[str, Count]:
        """How many orders each status has; the status filter itself does not count."""
        if self._is_told_by_index:
            return await self._counts_by_index(transaction, codes)
        if self._words is not None:
            return _counts(codes, self._built_in, [await self._searched_group(transaction)])
        if self._is_narrow:
            return _counts(codes, self._built_in, [await self._group(transaction, _ORDERS)])
        # What is open is counted whole: there is not much of it. Of what is done, the newest.
        groups = [await self._group(transaction, _ORDERS, closed=False)]
        if not self._filters.overdue:
            groups.append(await self._group(transaction, _ORDERS, closed=True))
        return _counts(codes, self._built_in, groups)

    @property
    def _is_told_by_index(self) -> bool:
        """Only kinds, locations and statuses are asked for, of orders that are not limited to an assignee."""
        scope = self._scope
        limited = scope.own is not None or scope.assigned_of - scope.all_of
        filters = self._filters
        return not limited and filters == Filters(
            kinds=filters.kinds, location_ids=filters.location_ids, groups=filters.groups, statuses=filters.statuses
        )

    async def _counts_by_index(self, transaction: Transaction, codes: Sequence[str]) -> dict[str, Count]:
        """The index that has kind and location beside the status tells it, without a look at the orders."""
        argument = Arguments()
        where = self._conditions(argument, with_status=False)
        counted: dict[str, int] = {}
        if where is not None:
            parts = [
                _UP_TO.format(
                    position=position,
                    where=" AND ".join([*where, conditions.in_status([code], self._built_in)]),
                    most=MOST_COUNTED + 1,
                )
                for position, code in enumerate(codes)
            ]
            rows = await (await transaction.direct()).rows(" UNION ALL ".join(parts), *argument.values)
            counted = {codes[row["position"]]: row["count"] for row in rows}
        return {code: _count(counted.get(code, 0)) for code in codes}

    async def _group(self, transaction: Transaction, source: str, *, closed: bool | None = None) -> "Group":
        """Orders of each status and label, of as many as are looked at."""
        await self._look_up_phone(transaction)
        argument = Arguments()
        where = self._conditions(argument, with_status=False)
        if where is None:
            return Group((), whole=True, closed=closed)
        if closed is not None:
            where.append(conditions.one_of("o.status", CLOSED) if closed else conditions.OPEN)
        select = source.format(where=" AND ".join(where), window=argument(MOST_GROUPED, "int"))
        direct = await transaction.direct()
        return _group(await direct.rows(_GROUPED.format(select=select), *argument.values), closed=closed)

    async def _searched_group(self, transaction: Transaction) -> "Group":
        """As `_group`, of what a text search finds; of words that many texts have, in the newest texts."""
        direct = await transaction.direct()
        search = await self._search(direct, Ends(None, None), with_status=False)
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
            assert self._words is not None
            argument = Arguments()
            where = [*search.filters(argument), *conditions.like("s.text", self._words, argument)]
            select = _NEWEST.format(where=" AND ".join(where), window=argument(MOST_GROUPED, "int"))
        rows = await direct.rows(_GROUPED.format(select=select), *argument.values)
        return _group(rows, closed=None, whole=few)

    async def rows(self, transaction: Transaction, *, batch: int, most: int) -> AsyncIterator[list[dict[str, Any]]]:
        """Everything the filters show, the newest first, a batch at a time, by keys: no cursor stays open."""
        after: UUID | None = None
        left = most
        while left > 0:
            items, count, after = await self._page(transaction, after, "newest", min(batch, left))
            if count:
                yield json.loads(items)
            left -= count
            if count < batch:
                return


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


def _group(rows: Sequence[Any], *, closed: bool | None, whole: bool = True) -> Group:
    found = tuple((row["status"], row["label"], row["count"]) for row in rows)
    return Group(found, whole=whole and sum(count for *_, count in found) < MOST_GROUPED, closed=closed)


def _direction(sorting: Sorting) -> str:
    return "" if sorting == "oldest" else " DESC"


def _beyond(after: UUID | None, sorting: Sorting, argument: Arguments) -> str | None:
    """What follows the last order of the page before."""
    return None if after is None else f"{'>' if sorting == 'oldest' else '<'} {argument(after, 'uuid')}"


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
