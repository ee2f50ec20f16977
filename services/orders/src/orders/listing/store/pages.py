"""Pages and exports of orders: a statement for each page, answered as JSON by PostgreSQL itself."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from foyer_chassis.db import Direct, Transaction

from ..domain import Sorting
from . import conditions
from .conditions import Arguments
from .looking import Ends
from .query import Query
from .search import Look

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

#: A page as JSON, how many rows it has, and the id of its last order.
Page = tuple[str, int, UUID | None]
_NOTHING: Page = "[]", 0, None


async def page(query: Query, transaction: Transaction, *, after: UUID | None, sorting: Sorting, limit: int) -> Page:
    """What follows the order `after`."""
    if query.words is None or query.is_narrow or sorting != "newest":
        return await _page(query, transaction, after, sorting, limit)
    return await _searched_page(query, transaction, query.ends(after), limit)


async def unread_page(query: Query, transaction: Transaction, *, limit: int, after: UUID | None) -> Page:
    """B28: the applicant's unread orders, the newest first."""
    return await _page(query, transaction, after, "newest", limit, more=("o.unread_by_applicant",))


async def read_page(query: Query, transaction: Transaction, *, limit: int, after: UUID | None) -> Page:
    return await _page(query, transaction, after, "newest", limit, more=("NOT o.unread_by_applicant",))


async def _page(
    query: Query,
    transaction: Transaction,
    after: UUID | None,
    sorting: Sorting,
    limit: int,
    *,
    more: Sequence[str] = (),
) -> Page:
    await query.look_up_phone(transaction)
    argument = Arguments()
    columns = _columns(query, argument)
    where = query.conditions(argument, with_status=True)
    if where is None:
        return _NOTHING
    where += more
    direction = _direction(sorting)
    beyond = _beyond(after, sorting, argument)
    if beyond:
        where.append(f"o.id {beyond}")
    source = "orders o"
    if query.words is not None:
        source += " JOIN order_search s ON s.order_id = o.id"
        where += conditions.like("s.text", query.words, argument)
    select = (
        f"SELECT {columns} FROM {source} WHERE {' AND '.join(where)}"  # noqa: S608 (text of ours, see conditions)
        f" ORDER BY o.id{direction} LIMIT {argument(limit, 'int')}"
    )
    row = await (await transaction.direct()).row(_PAGE.format(select=select), *argument.values)
    assert row is not None
    return row["items"], row["count"], row["last"]


async def _searched_page(query: Query, transaction: Transaction, ends: Ends, limit: int) -> Page:
    """A page of a text search: one look after the other, until it is full."""
    direct = await transaction.direct()
    search = await query.search(direct, ends)
    page = _NOTHING
    if search is not None:
        async for look in search.looks(direct):
            page = await _found(query, direct, look, limit)
            if page[1] == limit:
                break
    return page


async def _found(query: Query, direct: Direct, look: Look, limit: int) -> Page:
    select = (
        f"SELECT {_columns(query, look.argument)} FROM {look.sql}"  # noqa: S608 (text of ours)
        f" ORDER BY {look.order} DESC LIMIT {look.argument(limit, 'int')}"
    )
    row = await direct.row(_PAGE.format(select=select), *look.argument.values, planned_anew=look.planned_anew)
    assert row is not None
    return row["items"], row["count"], row["last"]


async def rows(query: Query, transaction: Transaction, *, batch: int, most: int) -> AsyncIterator[list[dict[str, Any]]]:
    """Everything the filters show, the newest first, a batch at a time, by keys: no cursor stays open."""
    after: UUID | None = None
    left = most
    while left > 0:
        items, count, after = await _page(query, transaction, after, "newest", min(batch, left))
        if count:
            yield json.loads(items)
        left -= count
        if count < batch:
            return


def _columns(query: Query, argument: Arguments) -> str:
    statuses, groups, money = (
        argument(json.dumps(query.titles[name], ensure_ascii=False), "text") + "::jsonb"
        for name in ("status_titles", "status_groups", "money_titles")
    )
    title = f"coalesce({statuses} ->> coalesce(o.label, o.status), o.label, o.status)"
    own = query.scope.own is not None
    return (
        f"{_ROW}, {_OWN_ROW if own else _STAFF_ROW}, {groups} ->> o.status AS status_group,"
        f" {title} AS status_title,"
        f" concat_ws('. ', {title}, CASE WHEN {_WITHOUT_MONEY} THEN NULL ELSE {money} ->> o.money_status END)"
        " AS title"
    )


def _direction(sorting: Sorting) -> str:
    return "" if sorting == "oldest" else " DESC"


def _beyond(after: UUID | None, sorting: Sorting, argument: Arguments) -> str | None:
    """What follows the last order of the page before."""
    return None if after is None else f"{'>' if sorting == 'oldest' else '<'} {argument(after, 'uuid')}"
