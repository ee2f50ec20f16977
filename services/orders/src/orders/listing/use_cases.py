"""Reading lists of orders, and keeping views of them."""

from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.auth import Caller
from foyer_chassis.db import Transaction
from foyer_chassis.errors import ConflictError, ForbiddenError, NotFoundError, StaleError
from foyer_chassis.roles import ALL_KINDS
from foyer_contracts.ids import new_id

from ..ordering.domain.machine import GROUPS
from ..ordering.domain.titles import MONEY_TITLES
from ..statuses import store as statuses
from ..statuses.domain import Directory, UnknownStatusError
from . import store
from .domain import Filters, Scope, Sorting, UnknownCursorError, uuids

MOST_OWN_VIEWS = 50


class ViewExistsError(ConflictError):
    """You have a view of that name already."""

    title_en = "There is such a view"
    title_ru = "Такой вид уже есть"


class TooManyViewsError(ConflictError):
    """A person keeps at most 50 views."""

    title_en = "Too many views"
    title_ru = "Слишком много сохранённых видов"


def scope_for(caller: Caller, *, own: bool) -> Scope:
    """What the caller may see: their own orders, or as staff those of their kinds and locations (B1, B2)."""
    if own:
        return Scope(own=caller.id)
    locations = uuids(caller.locations)
    if caller.locations and not locations:
        return Scope()
    return Scope(
        all_of=caller.kinds("orders:read_all"),
        assigned_of=caller.kinds("orders:read_assigned"),
        assignee=caller.id,
        locations=locations,
    )


def _query(directory: Directory, scope: Scope, filters: Filters, locale: str, now: Any) -> store.Query:
    """Raises UnknownStatusError."""
    for code in filters.statuses:
        if directory.entry(code) is None:
            raise UnknownStatusError(field="status", allowed=[entry.code for entry in directory.entries])
    titles = {
        "status_titles": {entry.code: entry.name.of(locale) for entry in directory.entries},
        "status_groups": {status.value: group.value for status, group in GROUPS.items()},
        "money_titles": MONEY_TITLES[locale],
    }
    return store.Query(
        scope,
        filters,
        now=now,
        built_in={status.value for status in GROUPS},
        every_kind=ALL_KINDS,
        titles=titles,
    )


async def list_orders(
    reading: Transaction,
    scope: Scope,
    filters: Filters,
    *,
    locale: str,
    after: str | None,
    sorting: Sorting,
    limit: int,
) -> tuple[str, str | None]:
    """A page as JSON, and what to give as `after` for the next one.

    Raises:
        UnknownCursorError, UnknownStatusError.
    """
    if scope.sees_nothing:
        return "[]", None
    query = _query(await statuses.directory(reading), scope, filters, locale, reading.now)
    if sorting == "unread":
        return await _unread_first(reading, query, after=after, limit=limit)
    items, count, last = await store.page(query, reading, after=_id(after), sorting=sorting, limit=limit)
    return items, str(last) if count == limit else None


async def _unread_first(
    reading: Transaction, query: store.Query, *, after: str | None, limit: int
) -> tuple[str, str | None]:
    """B28: what is unread, then what is read, each the newest first; the cursor says in which part it is."""
    part, _, key = (after or "unread.").partition(".")
    if part not in ("unread", "read"):
        raise UnknownCursorError(field="after")
    pages = []
    if part == "unread":
        items, count, last = await store.unread_page(query, reading, limit=limit, after=_id(key or None))
        if count == limit:
            return items, f"unread.{last}"
        pages, limit, key = [items], limit - count, ""
    items, count, last = await store.read_page(query, reading, limit=limit, after=_id(key or None))
    pages.append(items)
    inner = ", ".join(text for page in pages if (text := page.strip()[1:-1].strip()))
    return f"[{inner}]", f"read.{last}" if count == limit else None


def _id(text: str | None) -> UUID | None:
    if text is None:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise UnknownCursorError(field="after") from None


async def count_orders(
    reading: Transaction, scope: Scope, filters: Filters, *, locale: str
) -> list[tuple[str, str, store.Count]]:
    """Code, title and number of orders of each status, for tabs."""
    directory = await statuses.directory(reading)
    if scope.sees_nothing:
        return []
    wanted = [entry for entry in directory.entries if entry.group != "removed"]
    query = _query(directory, scope, filters, locale, reading.now)
    counts = await store.counts(query, reading, [entry.code for entry in wanted])
    return [(entry.code, entry.name.of(locale), counts[entry.code]) for entry in wanted]


async def export_rows(
    reading: Transaction, scope: Scope, filters: Filters, *, locale: str, batch: int, most: int
) -> AsyncIterator[list[dict[str, Any]]]:
    """Exactly what the filters show (B5), a batch at a time."""
    if scope.sees_nothing:
        return
    query = _query(await statuses.directory(reading), scope, filters, locale, reading.now)
    async for rows in store.rows(query, reading, batch=batch, most=most):
        yield rows


async def forget_words(transaction: Transaction, *, after: str, most: int) -> str | None:
    """Of the next words by which orders are found, forget those that no order has any more, which may be names.

    Returns:
        the last word that was looked at; None: there are no more.
    """
    return await store.forget_nobodys(transaction, after, most=most)


async def save_view(
    transaction: Transaction, caller: Caller, *, name: str, filters: Mapping[str, Any], shared: bool
) -> dict[str, Any]:
    """Raises ViewExistsError, TooManyViewsError, ForbiddenError: sharing a view with all is for administrators."""
    if shared:
        caller.require("orders:configure")
    if await store.count_views(transaction, caller.id) >= MOST_OWN_VIEWS:
        raise TooManyViewsError(most=MOST_OWN_VIEWS)
    values = {
        "id": new_id(),
        "owner_id": caller.id,
        "name": name,
        "filters": dict(filters),
        "shared": shared,
        "version": 1,
    }
    return await _store_view(transaction, values)


async def change_view(
    transaction: Transaction,
    caller: Caller,
    view_id: UUID,
    *,
    name: str,
    filters: Mapping[str, Any],
    shared: bool,
    if_version: int,
) -> dict[str, Any]:
    """Raises NotFoundError, ForbiddenError, StaleError, ViewExistsError."""
    view = await _own_view(transaction, caller, view_id)
    if view["version"] != if_version:
        raise StaleError(version=view["version"])
    if shared != view["shared"]:
        caller.require("orders:configure")
    values = {**view, "name": name, "filters": dict(filters), "shared": shared, "version": view["version"] + 1}
    return await _store_view(transaction, values)


async def delete_view(transaction: Transaction, caller: Caller, view_id: UUID) -> None:
    """Raises NotFoundError, ForbiddenError."""
    await _own_view(transaction, caller, view_id)
    await store.delete_view(transaction, view_id)


async def _own_view(transaction: Transaction, caller: Caller, view_id: UUID) -> sa.RowMapping:
    view = await store.view_locked(transaction, view_id)
    if view is None or not (view["owner_id"] == caller.id or view["shared"]):
        raise NotFoundError
    if view["owner_id"] != caller.id and not caller.may("orders:configure"):
        raise ForbiddenError("It is somebody else's view.")
    return view


async def _store_view(transaction: Transaction, values: dict[str, Any]) -> dict[str, Any]:
    try:
        await store.save_view(transaction, values)
    except sa.exc.IntegrityError:
        raise ViewExistsError(field="name") from None
    return values
