"""Pages, counts and exports of orders: one statement each, answered as JSON by PostgreSQL itself.

Every filter has an index that ends in the order's id, which ascends with time; pages go by it. A text search looks at
the newest orders first and, where those do not fill the page, at the index of trigrams: words that many orders have are
found at once near the top, words that few have by the index.
"""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from foyer_contracts.ids import first_id_of
from sqlalchemy.sql import ColumnElement

from ..customers.tables import people
from ..ordering.tables import order_search, orders
from .domain import Filters, Scope, Sorting, Words
from .tables import saved_views

#: Orders that a text search walks before it asks the index of trigrams.
WINDOW = 3_000
#: Counts are exact up to here.
MOST_COUNTED = 1_000
MOST_VIEWS = 200

_o = orders.c


def _amount(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return sa.case(
        (column.is_not(None), sa.func.json_build_object("amount", column, "currency", _o.currency)), else_=sa.null()
    )


#: The columns of the list (B3).
_ROW = (
    _o.id,
    _o.number,
    _o.kind,
    _o.status,
    _o.label,
    _o.offering_id,
    _o.offering_title,
    _o.applicant_id,
    _o.applicant_name,
    _o.address,
    _o.premises_id,
    _o.location_id,
    _o.assignee_id,
    _o.created_at,
    _o.updated_at,
    _o.starts_at,
    _amount(_o.total_amount).label("price"),
    _amount(_o.invoiced_amount).label("total"),
    sa.and_(_o.invoiced_amount > 0, _o.open_invoices == 0).label("all_paid"),
    _o.money_status,
    _o.refund_state,
    sa.case((_o.refund_state.is_not(None), _amount(_o.refund_amount)), else_=sa.null()).label("refund"),
    _o.cancel_reason,
    _o.respond_by,
    _o.complete_by,
    _o.version,
)
_STAFF_ROW = (_amount(_o.costs_amount).label("costs"), _o.rating, _o.unread_by_staff.label("unread_messages"))
_OWN_ROW = (_o.rating, _o.unread_by_applicant.label("unread"))


def _titles() -> Sequence[ColumnElement[Any]]:
    """The status in words, from the directory that the statement is given."""
    statuses = sa.bindparam("status_titles", type_=sa.JSON)
    money = sa.bindparam("money_titles", type_=sa.JSON)
    code = sa.func.coalesce(_o.label, _o.status)
    status = statuses.op("->>")(code)
    groups = sa.bindparam("status_groups", type_=sa.JSON)
    without_money = sa.or_(
        _o.terms == "free",
        sa.and_(_o.status.in_(("cancelled", "removed")), _o.refund_amount == 0),
    )
    combined = sa.func.concat_ws(
        ". ",
        sa.func.coalesce(status, code),
        sa.case((without_money, sa.null()), else_=money.op("->>")(_o.money_status)),
    )
    return (
        groups.op("->>")(_o.status).label("status_group"),
        sa.func.coalesce(status, code).label("status_title"),
        combined.label("title"),
    )


def scope_of(scope: Scope) -> list[ColumnElement[bool]]:
    reach: list[ColumnElement[bool]] = []
    if scope.all_of:
        reach.append(_o.kind.in_(sorted(scope.all_of)))
    if scope.assigned_of:
        reach.append(sa.and_(_o.kind.in_(sorted(scope.assigned_of)), _o.assignee_id == scope.assignee))
    if scope.own is not None:
        return [_o.applicant_id == scope.own]
    conditions: list[ColumnElement[bool]] = [sa.or_(*reach) if reach else sa.false()]
    if scope.locations:
        conditions.append(_o.location_id.in_(scope.locations))
    return conditions


def _conditions(scope: Scope, filters: Filters, now: Any, *, every_kind: frozenset[str]) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if scope.own is None and scope.all_of == every_kind:
        # No condition on the kind where it would exclude nothing.
        if scope.locations:
            conditions.append(_o.location_id.in_(scope.locations))
    else:
        conditions += scope_of(scope)
    conditions.append(_o.status != "removed")
    for column, values in (
        (_o.kind, filters.kinds),
        (_o.offering_id, filters.offering_ids),
        (_o.location_id, filters.location_ids),
        (_o.refund_state, filters.refund_states),
        (_o.rating, filters.ratings),
    ):
        if values:
            conditions.append(column.in_(values) if len(values) > 1 else column == values[0])
    for column, value in ((_o.applicant_id, filters.applicant_id), (_o.premises_id, filters.premises_id)):
        if value is not None:
            conditions.append(column == value)
    if filters.assignee_ids or filters.unassigned:
        conditions.append(_assigned(filters))
    if filters.paid is not None:
        all_paid = sa.and_(_o.invoiced_amount > 0, _o.open_invoices == 0)
        conditions.append(all_paid if filters.paid else _o.open_invoices > 0)
    if filters.overdue:
        conditions.append(_overdue(now))
    return conditions + _created(filters)


def _assigned(filters: Filters) -> ColumnElement[bool]:
    whose: list[ColumnElement[bool]] = []
    if filters.assignee_ids:
        whose.append(_o.assignee_id.in_(filters.assignee_ids))
    if filters.unassigned:
        whose.append(_o.assignee_id.is_(None))
    return sa.or_(*whose)


def _created(filters: Filters) -> list[ColumnElement[bool]]:
    """Ids carry their instant, so that dates need no index of their own."""
    conditions: list[ColumnElement[bool]] = []
    if filters.created_from is not None:
        conditions.append(_o.id >= first_id_of(filters.created_from))
    if filters.created_before is not None:
        conditions.append(_o.id < first_id_of(filters.created_before))
    return conditions


def _overdue(now: Any) -> ColumnElement[bool]:
    return sa.and_(
        _o.status.not_in(("done", "cancelled", "cancelled_refunding", "cancelled_refunded", "removed")),
        sa.or_(_o.complete_by <= now, sa.and_(_o.taken_up_at.is_(None), _o.respond_by <= now)),
    )


def status_condition(codes: Sequence[str], built_in: Sequence[str]) -> ColumnElement[bool] | None:
    """Orders in one of these statuses of the directory: `built_in` codes, or the business's own, which are labels."""
    plain = [code for code in codes if code in built_in]
    labels = [code for code in codes if code not in built_in]
    parts: list[ColumnElement[bool]] = []
    if plain:
        parts.append(_o.status.in_(plain) if len(plain) > 1 else _o.status == plain[0])
    if labels:
        parts.append(_o.label.in_(labels))
    return sa.or_(*parts) if parts else None


def _like(text: ColumnElement[str], words: Words) -> list[ColumnElement[bool]]:
    return [text.contains(word, autoescape=True) for word in words.words]


def _by_phone(digits: str) -> ColumnElement[bool]:
    """B8: a phone finds an order only once the business has taken it up."""
    found = sa.select(people.c.id).where(people.c.phone_digits.like(f"%{digits[-PHONE_TAIL:]}"))
    return sa.and_(_o.applicant_id.in_(found), _o.taken_up_at.is_not(None))


#: The digits of a phone without the country's code, which people write as +7 or as 8.
PHONE_TAIL = 10


class Query:
    """A list to be read: who asks, what for, in which order."""

    def __init__(
        self,
        scope: Scope,
        filters: Filters,
        *,
        now: Any,
        built_in: Sequence[str],
        every_kind: frozenset[str],
        titles: dict[str, Any],
    ) -> None:
        self._scope, self._filters = scope, filters
        self._conditions = _conditions(scope, filters, now, every_kind=every_kind)
        self._status = status_condition(filters.statuses, built_in)
        if filters.groups:
            in_groups = [code for code, group in titles["status_groups"].items() if group in filters.groups]
            self._conditions.append(_o.status.in_(in_groups))
        if filters.words is not None and filters.words.phone_digits is not None:
            self._conditions.append(_by_phone(filters.words.phone_digits))
        self._built_in = built_in
        self._titles = titles

    @property
    def _text(self) -> list[ColumnElement[bool]]:
        return [] if self._filters.words is None else _like(order_search.c.text, self._filters.words)

    def _columns(self) -> list[ColumnElement[Any]]:
        own = self._scope.own is not None
        return [*_ROW, *(_OWN_ROW if own else _STAFF_ROW), *_titles()]

    def _select(self, after: UUID | None, sorting: Sorting, limit: int, *, window: bool = False) -> sa.Select[Any]:
        conditions = [*self._conditions]
        if self._status is not None:
            conditions.append(self._status)
        ascending = sorting == "oldest"
        beyond = None if after is None else (_o.id > after if ascending else _o.id < after)
        if beyond is not None:
            conditions.append(beyond)
        if self._text:
            conditions.append(_o.id.in_(self._found(after, ascending, window=window)))
        query = sa.select(*self._columns()).where(*conditions)
        return query.order_by(_o.id if ascending else _o.id.desc()).limit(limit)

    def _found(self, after: UUID | None, ascending: bool, *, window: bool) -> sa.Select[Any]:
        search = order_search.c
        if not window:
            return sa.select(search.order_id).where(*self._text)
        nearest = sa.select(search.order_id, search.text)
        if after is not None:
            nearest = nearest.where(search.order_id > after if ascending else search.order_id < after)
        order = search.order_id if ascending else search.order_id.desc()
        some = nearest.order_by(order).limit(WINDOW).subquery()
        assert self._filters.words is not None
        return sa.select(some.c.order_id).where(*_like(some.c.text, self._filters.words))

    async def page(
        self, transaction: Transaction, *, after: UUID | None, sorting: Sorting, limit: int
    ) -> tuple[str, int, UUID | None]:
        """A page as JSON, how many rows it has, and the id of its last order."""
        if self._text:
            json_, count, last = await self._one_page(transaction, self._select(after, sorting, limit, window=True))
            if count == limit:
                return json_, count, last
        return await self._one_page(transaction, self._select(after, sorting, limit))

    async def unread_page(
        self, transaction: Transaction, *, limit: int, after: UUID | None
    ) -> tuple[str, int, UUID | None]:
        """B28: the applicant's unread orders, the newest first."""
        return await self._one_page(transaction, self._select(after, "newest", limit).where(_o.unread_by_applicant))

    async def read_page(
        self, transaction: Transaction, *, limit: int, after: UUID | None
    ) -> tuple[str, int, UUID | None]:
        return await self._one_page(
            transaction, self._select(after, "newest", limit).where(sa.not_(_o.unread_by_applicant))
        )

    async def _one_page(self, transaction: Transaction, query: sa.Select[Any]) -> tuple[str, int, UUID | None]:
        rows = query.subquery("r")
        statement = sa.select(
            sa.cast(sa.func.coalesce(sa.func.json_agg(sa.text("r")), sa.text("'[]'")), sa.Text).label("items"),
            sa.func.count().label("count"),
            sa.func.array_agg(rows.c.id).label("ids"),
        ).select_from(rows)
        row = await transaction.one_or_none(statement, self._titles)
        assert row is not None
        return row["items"], row["count"], row["ids"][-1] if row["count"] else None

    async def counts(self, transaction: Transaction, codes: Sequence[str]) -> dict[str, int]:
        """How many orders each status has, up to one more than `MOST_COUNTED`; the status filter does not count."""
        conditions = [*self._conditions]
        if self._text:
            conditions.append(_o.id.in_(sa.select(order_search.c.order_id).where(*self._text)))
        parts = []
        for code in codes:
            condition = status_condition([code], self._built_in)
            assert condition is not None
            some = sa.select(sa.literal(1)).where(*conditions, condition).limit(MOST_COUNTED + 1).subquery()
            parts.append(sa.select(sa.literal(code).label("code"), sa.func.count().label("count")).select_from(some))
        rows = await transaction.all(sa.union_all(*parts))
        return {row["code"]: row["count"] for row in rows}

    async def rows(self, transaction: Transaction, *, batch: int, most: int) -> AsyncIterator[list[dict[str, Any]]]:
        """Everything the filters show, the newest first, a batch at a time, by keys: no cursor stays open."""
        after: UUID | None = None
        left = most
        while left > 0:
            items, count, after = await self._one_page(transaction, self._select(after, "newest", min(batch, left)))
            if count:
                yield json.loads(items)
            left -= count
            if count < batch:
                return


_VIEWS = (
    sa.select(saved_views)
    .where(sa.or_(saved_views.c.owner_id == sa.bindparam("owner"), saved_views.c.shared))
    .order_by(saved_views.c.name, saved_views.c.id)
    .limit(MOST_VIEWS)
)
_VIEW_LOCKED = sa.select(saved_views).where(saved_views.c.id == sa.bindparam("view")).with_for_update()


async def views_of(transaction: Transaction, owner_id: UUID) -> Sequence[sa.RowMapping]:
    return await transaction.all(_VIEWS, {"owner": owner_id})


async def view_locked(transaction: Transaction, view_id: UUID) -> sa.RowMapping | None:
    return await transaction.one_or_none(_VIEW_LOCKED, {"view": view_id})


async def save_view(transaction: Transaction, values: dict[str, Any]) -> None:
    """Raises sa.exc.IntegrityError: the owner has a view of that name."""
    if values["version"] == 1:
        await transaction.execute(sa.insert(saved_views), values)
    else:
        rest = {name: value for name, value in values.items() if name != "id"}
        await transaction.execute(sa.update(saved_views).where(saved_views.c.id == values["id"]).values(**rest))


async def count_views(transaction: Transaction, owner_id: UUID) -> int:
    result = await transaction.execute(
        sa.select(sa.func.count()).select_from(saved_views).where(saved_views.c.owner_id == owner_id)
    )
    return int(result.scalar_one())


async def delete_view(transaction: Transaction, view_id: UUID) -> None:
    await transaction.execute(sa.delete(saved_views).where(saved_views.c.id == view_id))
