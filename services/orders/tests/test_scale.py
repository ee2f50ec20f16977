"""Lists, cards, counts, clocks and search at 200,000 orders: what PostgreSQL does for each of them, by its own plans.

No plan may go through all orders. How many pages a query touches is bounded too, since walking an index to its end is as
bad as walking the table.
"""

import asyncio
import io
import json
import time
import tracemalloc
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from unittest.mock import patch
from uuid import UUID

import asyncpg
import openpyxl
import pytest
import sqlalchemy as sa
from alembic import command
from foyer_chassis.db import Direct
from foyer_chassis.process import alembic_config
from foyer_chassis.testing import Databases, Identity, Running, running
from orders.listing.export import give_way, write_xlsx
from orders.ordering import store
from orders.service import SERVICE

from .conftest import NOW
from .many import REGULAR, fill, id_of

COUNT = 200_000
BIG = frozenset({"orders", "order_search", "order_history", "people", "order_files"})
#: 8 KiB pages that a query may touch: 2,000 are 16 MiB, a fifteenth of the orders. A page of the list needs about 200.
MOST_PAGES = 2_000
#: A look of a search finds up to so many orders that only some of have all that is asked for.
MOST_FOUND_PAGES = 20_000
#: 2,000 orders are looked at to be counted, each on a page of its own and found by three more at worst, among others
#: of kinds that are not asked for.
MOST_COUNTED_PAGES = 16_000


@dataclass
class Statement:
    sql: str
    parameters: Any


@dataclass
class Watched:
    """The queries that a service sends while it is watched."""

    database: Any
    found: list[Statement] = field(default_factory=list)
    verbs: tuple[str, ...] = ()

    def _note(self, sql: str, parameters: Any) -> None:
        if sql.lstrip().upper().startswith(self.verbs):
            self.found.append(Statement(sql, parameters))

    @contextmanager
    def watching(self, *verbs: str) -> Iterator[None]:
        self.verbs = verbs or ("SELECT", "WITH")

        def through_sqlalchemy(_connection: Any, _cursor: Any, sql: str, parameters: Any, *_: Any) -> None:
            self._note(sql, parameters)

        def noted(method: Any) -> Any:
            async def call(direct: Direct, sql: str, *arguments: Any, **how: Any) -> Any:
                self._note(sql, arguments)
                return await method(direct, sql, *arguments, **how)

            return call

        engine = self.database.engine.sync_engine
        sa.event.listen(engine, "before_cursor_execute", through_sqlalchemy)
        try:
            with (
                patch.object(Direct, "row", noted(Direct.row)),
                patch.object(Direct, "rows", noted(Direct.rows)),
            ):
                yield
        finally:
            sa.event.remove(engine, "before_cursor_execute", through_sqlalchemy)


@dataclass
class Plan:
    """What PostgreSQL did: the tables it went through whole, and the pages it touched."""

    scanned: set[str]
    pages: int
    text: str

    @classmethod
    def of(cls, explained: Any) -> "Plan":
        plan = (json.loads(explained) if isinstance(explained, str) else explained)[0]["Plan"]
        scanned = {
            node["Relation Name"] for node in _nodes(plan) if node["Node Type"] in ("Seq Scan", "Parallel Seq Scan")
        }
        return cls(
            scanned, plan.get("Shared Hit Blocks", 0) + plan.get("Shared Read Blocks", 0), json.dumps(plan, indent=1)
        )


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


@pytest.fixture(scope="module")
async def service(databases: Databases, identity: Identity) -> AsyncIterator[Running]:
    async with running(SERVICE, databases, identity) as it:
        it.at(NOW)
        connection = await asyncpg.connect(it.settings.database_url, command_timeout=300)
        try:
            await fill(connection, COUNT, until=NOW)
        finally:
            await connection.close()
        yield it


async def plans(service: Running, call: Callable[[], Awaitable[Any]]) -> list[Plan]:
    watched = Watched(service.database)
    with watched.watching():
        await call()
    assert watched.found
    return await explained(service, watched.found)


async def explained(service: Running, statements: Sequence[Statement], *, analyse: bool = True) -> list[Plan]:
    options = "ANALYZE, BUFFERS, FORMAT JSON" if analyse else "FORMAT JSON"
    found = []
    async with service.database.read() as reading:
        direct = await reading.direct()
        for statement in statements:
            row = await direct.row(f"EXPLAIN ({options}) {statement.sql}", *statement.parameters)
            assert row is not None
            found.append(Plan.of(row[0]))
    return found


async def check(service: Running, call: Callable[[], Awaitable[Any]], *, most_pages: int = MOST_PAGES) -> None:
    for plan in await plans(service, call):
        assert not plan.scanned & BIG, plan.text
        assert plan.pages <= most_pages, plan.text


def get(
    service: Running, path: str, *caller: str, sub: str | None = None, **params: Any
) -> Callable[[], Awaitable[Any]]:
    username, role, *locations = caller or ("alex", "administrator")
    claims = {} if sub is None else {"sub": str(UUID(sub))}

    async def call() -> None:
        client = service.client(username, role, locations=locations, **claims)
        answer = await client.get(path, params=params)
        assert answer.status_code == 200, answer.text

    return call


FILTERS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "status, nearly all": {"status": "done"},
    "status, few": {"status": "cancelled_refunding"},
    "status, some": {"status": "awaiting_confirmation"},
    "status, none": {"status": "collecting", "kind": "request"},
    "several statuses": {"status": ["new", "in_progress", "awaiting_payment"]},
    "group": {"group": "in_work"},
    "groups of rare ones": {"group": ["ready", "review"]},
    "kind, many": {"kind": "request"},
    "kind, few": {"kind": "membership"},
    "kind and status": {"kind": "goods", "status": "ready"},
    "kind and status, opposed": {"kind": "membership", "status": "confirmed"},
    "offering, busy": {"offering_id": id_of("offering", 1)},
    "offering, quiet": {"offering_id": id_of("offering", 60)},
    "offering, unknown": {"offering_id": id_of("offering", 999)},
    "offerings": {"offering_id": [id_of("offering", 30), id_of("offering", 60)]},
    "offering and status": {"offering_id": id_of("offering", 60), "status": "new"},
    "assignee, busy": {"assignee_id": id_of("staff", 1)},
    "assignee, quiet": {"assignee_id": id_of("staff", 40)},
    "assignee, idle": {"assignee_id": id_of("staff", 999)},
    "assignee and status": {"assignee_id": id_of("staff", 40), "status": "in_progress"},
    "unassigned": {"unassigned": True},
    "unassigned or mine": {"unassigned": True, "assignee_id": id_of("staff", 40)},
    "unassigned and new": {"unassigned": True, "status": "new"},
    "location": {"location_id": id_of("location", 5)},
    "location, unknown": {"location_id": id_of("location", 999)},
    "location and status": {"location_id": id_of("location", 5), "status": "new"},
    "applicant": {"applicant_id": id_of("customer", 40_000)},
    "applicant, regular": {"applicant_id": id_of("customer", REGULAR)},
    "applicant and rating": {"applicant_id": id_of("customer", REGULAR), "rating": 1},
    "premises": {"premises_id": id_of("location", 1_777)},
    "premises, unknown": {"premises_id": id_of("location", 9_999_999)},
    "created lately": {"created_from": "2026-11-30T00:00:00Z"},
    "created long ago": {"created_before": "2024-12-10T00:00:00Z"},
    "created in a month": {"created_from": "2025-06-01T00:00:00Z", "created_before": "2025-07-01T00:00:00Z"},
    "created in a month, rare": {
        "created_from": "2025-06-01T00:00:00Z",
        "created_before": "2025-07-01T00:00:00Z",
        "status": "new",
    },
    "paid": {"paid": True},
    "unpaid": {"paid": False},
    "unpaid of a kind": {"paid": False, "kind": "membership"},
    "refund asked for": {"refund_state": "requested"},
    "refund done": {"refund_state": "done"},
    "refunds": {"refund_state": ["requested", "processing", "failed"]},
    "rated worst": {"rating": 1},
    "rated best": {"rating": 5},
    "rated badly": {"rating": [1, 2]},
    "overdue": {"overdue": True},
    "overdue of a kind": {"overdue": True, "kind": "request"},
    "overdue of a quiet assignee": {"overdue": True, "assignee_id": id_of("staff", 40)},
}
WORDS = {
    "common": "сантехника",
    "nearly all": "услуга",
    "two common": "уборка помещения",
    "street": "садовая",
    "rare": "редчайшая",
    "none": "несуществующее",
    "rare and common": "редчайшая сантехника",
    "number": "2123456",
    "part of a number": "12345",
    "address": "лесная, дом 17",
    "common and short": "кв 5 сантехника",
    "phone": "+7 900 000-77-77",
}
CALLERS = {
    "administrator": ("alex", "administrator"),
    "manager of requests": ("sergey", "service_manager"),
    "shop": ("maria", "shop_manager"),
    "desk": ("dana", "front_desk"),
    "of one location": ("sergey", "service_manager", id_of("location", 3)),
    "of two locations": ("rita", "rent_manager", id_of("location", 3), id_of("location", 4)),
    "contractor without orders": ("petr", "contractor"),
}


@pytest.mark.feature("B4")
@pytest.mark.parametrize("filters", FILTERS.values(), ids=FILTERS)
async def test_a_page_with_any_filter(service: Running, filters: dict[str, Any]) -> None:
    await check(service, get(service, "/v1/orders", **filters))


@pytest.mark.feature("B4")
@pytest.mark.parametrize(
    ("few", "those"),
    [
        ({"unassigned": True}, "UPDATE orders SET assignee_id = applicant_id WHERE number <> ALL($1)"),
        ({"paid": True}, "UPDATE orders SET open_invoices = 1 WHERE number <> ALL($1)"),
        ({"paid": False}, "UPDATE orders SET open_invoices = (number = ANY($1))::int"),
    ],
    ids=["unassigned", "paid", "unpaid"],
)
async def test_the_few_old_orders_that_a_filter_leaves_are_not_looked_for_among_all(
    databases: Databases, identity: Identity, few: dict[str, Any], those: str
) -> None:
    async with running(SERVICE, databases, identity) as service:
        service.at(NOW)
        numbers = [2_000_005, 2_000_010]
        connection = await asyncpg.connect(service.settings.database_url, command_timeout=300)
        await fill(connection, 5_000, until=NOW)
        await connection.execute(those, numbers)
        await connection.execute(
            "UPDATE orders SET assignee_id = NULL, invoiced_amount = 1 WHERE number = ANY($1)", numbers
        )
        await connection.execute("VACUUM (FULL, ANALYZE) orders")
        await connection.close()
        answer = await service.client("alex", "administrator").get("/v1/orders", params=few)
        assert [item["number"] for item in answer.json()["items"]] == numbers[::-1]
        await check(service, get(service, "/v1/orders", **few), most_pages=20)


@pytest.mark.feature("B1")
@pytest.mark.parametrize(
    "name", ["nothing", "status, few", "status, some", "unassigned", "overdue", "unpaid", "rated worst"]
)
@pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS)
async def test_a_page_of_whoever_asks(service: Running, caller: tuple[str, ...], name: str) -> None:
    await check(service, get(service, "/v1/orders", *caller, **FILTERS[name]))


async def test_a_kind_that_is_not_the_callers_is_not_looked_for(service: Running) -> None:
    call = get(service, "/v1/orders", *CALLERS["of two locations"], kind="request")
    await call()  # What is asked once and kept: the directory of statuses.
    watched = Watched(service.database)
    with watched.watching():
        await call()
    assert watched.found == []


@pytest.mark.feature("B4")
async def test_any_page_of_a_long_list(service: Running) -> None:
    """As quick far down as at the top."""
    client = service.client("alex", "administrator")
    lists: list[dict[str, Any]] = [{}, {"kind": "membership"}, {"q": "садовая"}]
    for params in lists:
        top = (await client.get("/v1/orders", params={**params, "limit": 200})).json()
        deep: dict[str, Any] = {**params, "after": _deep(top["next"]), "limit": 50}
        await check(service, get(service, "/v1/orders", **deep), most_pages=MOST_FOUND_PAGES)


def _deep(cursor: str) -> str:
    """An id of a year before; ids carry their instant."""
    return f"{int(cursor.replace('-', '')[:12], 16) - 365 * 86_400_000:012x}" + cursor.replace("-", "")[12:]


@pytest.mark.feature("B4")
@pytest.mark.parametrize("caller", ["administrator", "manager of requests", "of one location", "shop"])
@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
async def test_a_page_found_by_text(service: Running, words: str, caller: str) -> None:
    # Goods have no address: for the shop some of these common words are in vain.
    await check(service, get(service, "/v1/orders", *CALLERS[caller], q=words), most_pages=MOST_FOUND_PAGES)


OPPOSED: dict[str, dict[str, Any]] = {
    "kind": {"q": "садовая", "kind": "goods"},
    "kinds": {"q": "садовая", "kind": ["goods", "hotel"]},
    "offering": {"q": "сантехника", "offering_id": id_of("offering", 3)},
    "location": {"q": "садовая", "location_id": id_of("location", 999)},
    "quiet assignee": {"q": "услуга", "assignee_id": id_of("staff", 40)},
    "few in a status": {"q": "садовая", "status": "collecting"},
    "rated": {"q": "сантехника", "rating": 1},
}


@pytest.mark.feature("B4")
@pytest.mark.parametrize("path", ["/v1/orders", "/v1/orders/counts"])
@pytest.mark.parametrize("params", OPPOSED.values(), ids=OPPOSED)
async def test_common_words_that_few_or_none_of_the_filtered_have(
    service: Running, params: dict[str, Any], path: str
) -> None:
    most = MOST_FOUND_PAGES if path == "/v1/orders" else MOST_COUNTED_PAGES
    await check(service, get(service, path, **params), most_pages=most)


@pytest.mark.feature("B4")
@pytest.mark.parametrize("words", [word for word in WORDS.values() if not word.startswith("+")])
async def test_what_is_found_near_the_top_and_by_the_index_is_the_same(service: Running, words: str) -> None:
    """The newest orders that have every word, however the query went about it."""
    client = service.client("alex", "administrator")
    answer = (await client.get("/v1/orders", params={"q": words})).json()
    like = " AND ".join(f"text LIKE '%{' ' if len(word) < 3 else ''}{word}%'" for word in words.split())
    naive = await numbers(
        service, f"SELECT o.number FROM orders o JOIN order_search s ON s.order_id = o.id WHERE {like}"
    )
    assert [item["number"] for item in answer["items"]] == naive[:50]
    following = await client.get("/v1/orders", params={"q": words, "after": answer["next"]}) if answer["next"] else None
    assert [item["number"] for item in following.json()["items"]] == naive[50:100] if following else len(naive) < 50


FILTERED: dict[str, tuple[dict[str, Any], str]] = {
    "status": ({"status": "new"}, "o.status = 'new'"),
    "a status of old orders": ({"status": "done"}, "o.status = 'done'"),
    "refunds of old orders": ({"refund_state": "done"}, "o.refund_state = 'done'"),
    "rating": ({"rating": 1}, "o.rating = 1"),
    "unpaid": ({"paid": False}, "o.open_invoices > 0"),
    "unassigned": ({"unassigned": True}, "o.assignee_id IS NULL"),
    "assignee": ({"assignee_id": id_of("staff", 7)}, f"o.assignee_id = '{id_of('staff', 7)}'"),
    "offering": ({"offering_id": id_of("offering", 3)}, f"o.offering_id = '{id_of('offering', 3)}'"),
    "month": (
        {"created_from": "2025-06-01T00:00:00Z", "created_before": "2025-07-01T00:00:00Z"},
        "o.created_at >= '2025-06-01T00:00:00Z' AND o.created_at < '2025-07-01T00:00:00Z'",
    ),
    "kind": ({"kind": "request"}, "o.kind = 'request'"),
}


@pytest.mark.feature("B4")
@pytest.mark.parametrize("words", ["услуга", "садовая", "кв 5 сантехника"])
@pytest.mark.parametrize("filters", FILTERED.values(), ids=FILTERED)
async def test_words_and_a_filter_find_what_has_both(
    service: Running, words: str, filters: tuple[dict[str, Any], str]
) -> None:
    params, condition = filters
    client = service.client("alex", "administrator")
    answer = (await client.get("/v1/orders", params={"q": words, **params})).json()
    like = " AND ".join(f"text LIKE '%{' ' if len(word) < 3 else ''}{word}%'" for word in words.split())
    naive = await numbers(
        service, f"SELECT o.number FROM orders o JOIN order_search s ON s.order_id = o.id WHERE {condition} AND {like}"
    )
    assert [item["number"] for item in answer["items"]] == naive[:50]


async def numbers(service: Running, sql: str) -> list[int]:
    async with service.database.read() as reading:
        return [row["number"] for row in await reading.all(sa.text(f"{sql} ORDER BY o.id DESC LIMIT 100"))]


@pytest.mark.feature("B8")
async def test_a_phone_is_looked_up_by_an_index(service: Running) -> None:
    answer = await service.client("alex", "administrator").get("/v1/orders", params={"q": WORDS["phone"]})
    naive = await numbers(
        service,
        "SELECT o.number FROM orders o JOIN people p ON p.id = o.applicant_id"
        " WHERE p.phone_digits = '79000007777' AND o.taken_up_at IS NOT NULL",
    )
    assert [item["number"] for item in answer.json()["items"]] == naive != []


@pytest.mark.feature("B4")
@pytest.mark.parametrize("filters", FILTERS.values(), ids=FILTERS)
async def test_counts_with_any_filter(service: Running, filters: dict[str, Any]) -> None:
    await check(service, get(service, "/v1/orders/counts", **filters), most_pages=MOST_COUNTED_PAGES)


@pytest.mark.feature("B4")
@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
async def test_counts_of_what_is_found(service: Running, words: str) -> None:
    await check(service, get(service, "/v1/orders/counts", q=words), most_pages=MOST_COUNTED_PAGES)


@pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS)
async def test_tabs_of_whoever_asks(service: Running, caller: tuple[str, ...]) -> None:
    await check(service, get(service, "/v1/orders/counts", *caller), most_pages=3 * MOST_PAGES)


@pytest.mark.parametrize(
    ("filters", "condition"),
    [
        ({}, "true"),
        ({"kind": "membership"}, "kind = 'membership'"),
        ({"kind": ["goods", "hotel"]}, "kind IN ('goods', 'hotel')"),
        ({"location_id": id_of("location", 5)}, f"location_id = '{id_of('location', 5)}'"),
        ({"offering_id": id_of("offering", 60)}, f"offering_id = '{id_of('offering', 60)}'"),
        ({"assignee_id": id_of("staff", 40)}, f"assignee_id = '{id_of('staff', 40)}'"),
        ({"unassigned": True}, "assignee_id IS NULL"),
        ({"paid": True}, "invoiced_amount > 0 AND open_invoices = 0"),
        ({"paid": False}, "open_invoices > 0"),
        ({"created_from": "2026-10-01T00:00:00Z"}, "created_at >= '2026-10-01T00:00:00Z'"),
        ({"applicant_id": id_of("customer", REGULAR)}, f"applicant_id = '{id_of('customer', REGULAR)}'"),
        ({"rating": 1}, "rating = 1"),
        ({"rating": 5}, "rating = 5"),
        ({"refund_state": "processing"}, "refund_state = 'processing'"),
        ({"q": "редчайшая"}, "applicant_name LIKE '%Редчайшая%'"),
        ({"q": "услуга"}, "lower(offering_title) LIKE '%услуга%'"),
    ],
)
async def test_counts_are_what_there_is_or_less_and_say_so(
    service: Running, filters: dict[str, Any], condition: str
) -> None:
    answer = await service.client("alex", "administrator").get("/v1/orders/counts", params=filters)
    async with service.database.read() as reading:
        rows = await reading.all(sa.text(f"SELECT status, count(*) AS count FROM orders WHERE {condition} GROUP BY 1"))
    there = {row["status"]: row["count"] for row in rows}
    for item in answer.json()["items"]:
        exactly = there.get(item["status"], 0)
        if item["more"]:
            assert item["count"] <= min(exactly, 1000), item
        else:
            assert item["count"] == exactly <= 1000, item
    # What is under way is counted to the last one; only what many words find is not, nor more than 2,000.
    if ("q" not in filters or filters["q"] == "редчайшая") and "created_from" not in filters:
        assert not any(item["more"] for item in answer.json()["items"] if item["status"] == "in_progress")


@pytest.mark.feature("B28")
@pytest.mark.parametrize("n", [REGULAR, 49_000], ids=["regular", "seldom"])
@pytest.mark.parametrize("sort", ["unread", "newest", "oldest"])
@pytest.mark.parametrize(
    "more", [{}, {"q": "сантехника"}, {"status": "done"}, {"premises_id": id_of("location", 1_001)}]
)
async def test_my_orders(service: Running, n: int, sort: str, more: dict[str, str]) -> None:
    path, params = "/v1/orders/mine", {"sort": sort, **more}
    await check(service, get(service, path, f"customer{n}", "customer", sub=id_of("customer", n), **params))


async def test_cards_history_and_what_staff_look_up(service: Running) -> None:
    number = 2_000_000 + COUNT - 7
    for path in ("", "/history", "/actions", "/comments", "/files", "/cancellation"):
        await check(service, get(service, f"/v1/orders/{number}{path}"), most_pages=100)
    for words in ("Редчайшая", "customer777@", "79000012345"):
        await check(service, get(service, "/v1/customers", q=words), most_pages=3_000)


@pytest.mark.feature("A10")
async def test_clocks_and_those_who_wait(service: Running) -> None:
    customer = UUID(id_of("customer", REGULAR))

    async def looked_up() -> None:
        async with service.database.transaction() as transaction:
            assert len(await store.due_locked(transaction, limit=100)) == 100
        async with service.database.transaction() as transaction:
            await store.waiting_locked(transaction, customer, limit=3)
            await store.has_open_orders(transaction, customer)

    await check(service, looked_up)


async def test_changing_a_customers_name_finds_their_orders_by_an_index(service: Running) -> None:
    watched = Watched(service.database)
    with watched.watching("UPDATE"):
        async with service.database.transaction() as transaction:
            await store.rename_applicant(transaction, UUID(id_of("customer", 40_000)), "Новое Имя")
    assert len(watched.found) == 2
    for plan in await explained(service, watched.found, analyse=False):
        assert not plan.scanned & BIG, plan.text


@pytest.mark.feature("B5")
async def test_an_export_reads_as_a_list_does(service: Running) -> None:
    params = {"format": "csv", "created_from": "2026-11-01T00:00:00Z"}
    await check(service, get(service, "/v1/orders/export", **params), most_pages=2 * MOST_PAGES)


ROW: dict[str, Any] = {
    "number": 1_000_001,
    "title": "Новый <b>&amp;</b> ]]>",
    "offering_title": "=1+1",
    "applicant_name": " _x0041_ \x0b\ud800\ufffe ",
    "address": None,
    "created_at": "2026-11-23T10:30:00+00:00",
    "updated_at": "2026-02-28T23:59:59.999999+00:00",
    "total": {"amount": 12_345, "currency": "RUB"},
    "price": None,
    "all_paid": True,
    "costs": {"amount": 7, "currency": "RUB"},
    "refund": None,
    "refund_state": "processing",
    "rating": 5,
    "unread_messages": 0,
}


async def workbook(count: int, **more: Any) -> tuple[bytes, int]:
    """The file, and the largest piece it left in."""

    async def rows() -> AsyncIterator[list[dict[str, Any]]]:
        for start in range(0, count, 200):
            yield [{**ROW, "number": number} for number in range(start, min(count, start + 200))]

    pieces = [piece async for piece in write_xlsx(rows(), "ru", **more)]
    return b"".join(pieces), max(map(len, pieces))


@pytest.mark.feature("B5")
async def test_a_workbook_says_what_the_list_does() -> None:
    content, _ = await workbook(1)
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert book.active is not None
    head, row = book.active.iter_rows()
    assert [cell.value for cell in head][:4] == ["Номер", "Статус", "Услуга", "Клиент"]
    # Excel reads `_x005F_` as the underline that was written; the library of this test does not.
    assert [cell.value for cell in row] == [
        *(0, "Новый <b>&amp;</b> ]]>", "=1+1", " _x005F_x0041_  ", None),
        *(datetime(2026, 11, 23, 10, 30), datetime(2026, 3, 1), 123.45, "да", 0.07, None, "в обработке", 5, 0, "RUB"),
    ]
    assert "f" not in {cell.data_type for cell in row}
    assert row[5].number_format == "dd.mm.yyyy hh:mm"
    assert row[7].number_format == "#,##0.00"
    assert row[1].number_format == "General"
    assert book.active.freeze_panes == "A2"


@pytest.mark.feature("B5")
@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 25])
async def test_a_workbook_goes_on_in_a_further_sheet(count: int) -> None:
    content, _ = await workbook(count, rows_of_sheet=10)
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert len(book.sheetnames) == max(1, -(-count // 10))
    found = [row[0] for name in book.sheetnames for row in list(book[name].iter_rows(values_only=True))[1:]]
    assert found == list(range(count))
    for name in book.sheetnames:
        assert book[name]["A1"].value == "Номер"


@pytest.mark.feature("B5")
async def test_a_long_workbook_leaves_piece_by_piece_and_keeps_nothing() -> None:
    tracemalloc.start()
    try:
        content, largest = await workbook(20_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert largest < 256 * 1024
    # The pieces themselves are kept by this test; beside them it is a few hundred kilobytes.
    assert peak < 2 * len(content) + 2 * 1024 * 1024
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        assert book.testzip() is None
        assert book.getinfo("xl/worksheets/sheet1.xml").file_size > 10 * 1024 * 1024


@pytest.mark.feature("B5")
async def test_what_goes_wrong_at_once_is_told_by_a_status(service: Running) -> None:
    client = service.client("alex", "administrator")
    for params in ({"status": "unheard_of"}, {"q": "я"}):
        answer = await client.get("/v1/orders/export", params=params)
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.feature("B5")
async def test_an_export_gives_way_to_others() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    for _ in range(5):
        # Somebody's answer, which takes two milliseconds.
        loop.call_soon(time.sleep, 0.002)
        await give_way(0.001)
    # Each time two milliseconds of the other's, and twice what both took together.
    assert loop.time() - began >= 5 * 0.006


async def test_no_list_is_planned_for_somebody_else(service: Running) -> None:
    """Connections that lists come by plan for the values that are asked for, each time."""
    for offering in [1] * 8 + [60, 999]:
        await get(service, "/v1/orders", offering_id=id_of("offering", offering))()
    async with service.database.read() as reading:
        rows = await reading.all(
            sa.text(
                "SELECT sum(generic_plans) AS generic, sum(custom_plans) AS custom FROM pg_prepared_statements"
                " WHERE statement LIKE 'SELECT coalesce(json_agg%'"
            )
        )
        assert rows[0]["generic"] == 0
        assert rows[0]["custom"] >= 10


async def test_the_schema_is_what_the_tables_say(databases: Databases) -> None:
    url = await databases.clone(SERVICE)
    await asyncio.to_thread(command.check, alembic_config(SERVICE.folder, url))
    await databases.drop(url)
