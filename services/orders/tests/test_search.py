"""Search over the catalogue (B25)."""

from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import sqlalchemy as sa
from foyer_chassis.testing import Running
from orders.catalogue.store import search as search_store
from orders.catalogue.store import words

from .conftest import resource_changed

RUB = "RUB"


async def offer(orders: Running, title: str, kind: str = "request", **more: Any) -> str:
    answer = await orders.client("alex", "administrator").post(
        "/v1/offerings", json={"title": title, "kind": kind, **more}, headers={"Idempotency-Key": uuid4().hex}
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def goods(orders: Running, offering: str, *items: tuple[str, str, int], active: bool = True) -> None:
    body = [
        {"sku": sku, "title": title, "price": {"amount": price, "currency": RUB}, "active": active}
        for sku, title, price in items
    ]
    answer = await orders.client("alex", "administrator").post(
        f"/v1/offerings/{offering}/items/import", json={"items": body}, headers={"Idempotency-Key": uuid4().hex}
    )
    assert answer.status_code == 200, answer.text


async def search(
    orders: Running, q: str | None = None, *, roles: tuple[str, ...] = ("customer",), **more: Any
) -> list[Any]:
    params = {**({} if q is None else {"q": q}), **more}
    answer = await orders.client(
        "anna", *roles, **({"locale": params.pop("locale")} if "locale" in params else {})
    ).get("/v1/catalogue/search", params=params)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def titles(orders: Running, q: str | None = None, **more: Any) -> list[str]:
    return [item["title"] for item in await search(orders, q, **more)]


@pytest.fixture
async def catalogue(orders: Running) -> Running:
    form = {
        "fields": [
            {"code": "tap", "type": "text", "label": {"ru": "Марка смесителя", "en": "Brand of the mixer"}},
            {
                "code": "room",
                "type": "choice",
                "label": {"ru": "Помещение"},
                "choices": [{"code": "kitchen", "label": {"ru": "Кухня", "en": "Kitchen"}}],
            },
        ]
    }
    await offer(
        orders,
        "Вызов сантехника",
        title_en="Plumber",
        short_text="Починим любую течь",
        short_text_en="Any leak",
        form=form,
    )
    await offer(orders, "Ремонт кондиционеров", title_en="Air conditioners repaired")
    await offer(orders, "Уборка квартиры", short_text="Работает и сантехник, если нужно")
    shop = await offer(orders, "Магазин запчастей", kind="goods")
    await goods(orders, shop, ("OIL-5W30", "Масло моторное", 250_000), ("FLT.77", "Фильтр воздушный", 90_000))
    await offer(orders, "Ёлки и гирлянды", active=False)
    return orders


FOUND: dict[str, list[str]] = {
    "сантехник": ["Вызов сантехника", "Уборка квартиры"],  # the name comes before the text
    "САНТЕХНИКОВ": ["Вызов сантехника", "Уборка квартиры"],
    "вызовы сантехников": ["Вызов сантехника"],
    "сантех": ["Вызов сантехника", "Уборка квартиры"],  # not typed to its end
    "repairing conditioner": ["Ремонт кондиционеров"],
    "plumbers": ["Вызов сантехника"],
    "смесители": ["Вызов сантехника"],  # a label of the form
    "mixers": ["Вызов сантехника"],
    "кухни": ["Вызов сантехника"],  # a choice of the form
    "течи": ["Вызов сантехника"],
    "сантехнкиа": ["Вызов сантехника", "Уборка квартиры"],  # misspelt
    "кондицонеры": ["Ремонт кондиционеров"],
    "условия кондиционер": [],
    "масла": ["Магазин запчастей"],
    "oil 5w30": ["Магазин запчастей"],
    "oil5w30": ["Магазин запчастей"],
    "flt-77": ["Магазин запчастей"],
    "фильтор": ["Магазин запчастей"],
    "елки": [],  # not active
    "zzz": [],
    "и": [],  # a stop word
    "!!!": [],
    "\x00": [],
    "a & b | !c <-> (": [],
    "'; drop table offerings; --": [],
}


@pytest.mark.feature("B25")
async def test_what_is_found(catalogue: Running) -> None:
    assert {q: await titles(catalogue, q) for q in FOUND} == FOUND


@pytest.mark.feature("B25")
async def test_staff_find_what_cannot_be_ordered_if_they_ask_for_it(catalogue: Running) -> None:
    admin = ("administrator",)
    assert await titles(catalogue, "ёлки", roles=admin) == []
    assert await titles(catalogue, "елка", roles=admin, inactive_too=True) == ["Ёлки и гирлянды"]
    assert await titles(catalogue, "елка", inactive_too=True) == []


@pytest.mark.feature("B25")
async def test_a_changed_name_is_found_and_the_old_one_not(catalogue: Running) -> None:
    [item] = await search(catalogue, "plumber")
    admin = catalogue.client("alex", "administrator")
    body = {"title": "Слесарь"}
    changed = await admin.put(f"/v1/offerings/{item['id']}", json=body, headers={"If-Match": '"1"'})
    assert changed.status_code == 200
    assert await titles(catalogue, "слесари") == ["Слесарь"]
    assert await titles(catalogue, "plumber") == []


@pytest.mark.feature("B25")
async def test_the_least_price_is_shown(orders: Running) -> None:
    money = {"amount": 50_000, "currency": RUB}
    await offer(orders, "Товары", kind="goods")
    shop = await offer(orders, "Магазин", kind="goods")
    await goods(orders, shop, ("A", "Дорогое", 900), ("B", "Дешёвое", 700))
    await goods(orders, shop, ("C", "Снято с продажи", 1), active=False)
    await offer(orders, "Ремонт", price=money, price_is_from=True)
    await offer(orders, "Уборка", price=money)
    await offer(orders, "Переговорная", kind="slot_booking")
    await offer(orders, "Другая переговорная", kind="slot_booking", resource_ids=[str(uuid4())])
    await orders.handle(resource_changed())
    found = {
        item["title"]: (item["min_price"] and item["min_price"]["amount"], item["price_is_from"])
        for item in await search(orders)
    }
    assert found == {
        "Товары": (None, False),
        "Магазин": (700, True),
        "Ремонт": (50_000, True),
        "Уборка": (50_000, False),
        "Переговорная": (10_000, True),
        "Другая переговорная": (None, False),
    }


@pytest.mark.feature("B25")
async def test_filters(orders: Running) -> None:
    category = await orders.client("alex", "administrator").post(
        "/v1/categories", json={"name": {"ru": "Ремонт"}}, headers={"Idempotency-Key": "1"}
    )
    here, there, owner = (str(uuid4()) for _ in range(3))
    await offer(orders, "Ремонт окон", category_id=category.json()["id"], location_ids=[here])
    await offer(orders, "Ремонт дверей", kind="premises_request", location_ids=[there], legal_entity_id=owner)
    await offer(orders, "Ремонт везде")
    for q in ("ремонт", "римонт", None):
        assert set(await titles(orders, q, category_id=category.json()["id"])) == {"Ремонт окон"}
        assert set(await titles(orders, q, location_id=here)) == {"Ремонт окон", "Ремонт везде"}
        assert set(await titles(orders, q, kind="premises_request")) == {"Ремонт дверей"}
        assert set(await titles(orders, q, legal_entity_id=owner)) == {"Ремонт дверей"}
        assert await titles(orders, q, location_id=there, kind="request") == ["Ремонт везде"]


@pytest.mark.feature("B25")
async def test_in_the_callers_language(catalogue: Running) -> None:
    [item] = await search(catalogue, "смеситель", locale="en")
    assert (item["title"], item["short_text"]) == ("Plumber", "Any leak")
    [item] = await search(catalogue, "масло", locale="en")
    assert item["title"] == "Магазин запчастей"


@pytest.mark.feature("B25")
@pytest.mark.parametrize("q", ["ремонт", "римонт", None])
async def test_pages_are_whole_and_without_repeats(orders: Running, q: str | None) -> None:
    made = {await offer(orders, f"Ремонт {number % 3}") for number in range(11)}
    client, after, seen = orders.client("anna"), None, []
    while True:
        params: dict[str, str | int] = {"limit": 4, **({"q": q} if q else {}), **({"after": after} if after else {})}
        answer = await client.get("/v1/catalogue/search", params=params)
        assert answer.status_code == 200, answer.text
        seen += [item["id"] for item in answer.json()["items"]]
        after = answer.json()["next"]
        if after is None:
            break
    assert (len(seen), set(seen)) == (11, made)


@pytest.mark.parametrize("after", ["x", "stems~1~" + "-" * 36, f"title~0~{UUID(int=1)}", f"stems~1.0~{UUID(int=1)}\n"])
async def test_a_cursor_that_is_none(orders: Running, after: str) -> None:
    answer = await orders.client("anna").get("/v1/catalogue/search", params={"q": "ремонт", "after": after})
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (422, "bad-cursor")


async def test_who_may_search(orders: Running) -> None:
    assert (await orders.client().get("/v1/catalogue/search?q=x")).status_code == 401
    assert (await orders.client("anna").get("/v1/catalogue/search", params={"q": "x" * 201})).status_code == 422
    assert (await orders.client("anna").get("/v1/catalogue/search", params={"limit": 51})).status_code == 422


_MANY = """
    INSERT INTO offerings (id, title, kind, prepaid, customer_may_cancel, responsible_ids, resource_ids, active, version,
        terms, search_title, search_words)
    SELECT gen_random_uuid(), name, 'request', false, true, '{}', '{}', true, 1, 'postpaid', name, name || ' ' || md5(n::text)
    FROM (SELECT n, 'услуга номер ' || n || ' ' || md5((n * 7)::text) AS name FROM generate_series(1, 50000) AS n) AS made
"""
_MANY_ITEMS = """
    INSERT INTO goods_items (id, offering_id, sku, title, price_amount, price_currency, active, version, search_words)
    SELECT gen_random_uuid(), $1::uuid, 'sku' || n, 'деталь', n, 'RUB', true, 1, 'sku' || n || ' деталь ' || md5(n::text)
    FROM generate_series(1, 50000) AS n
"""


@pytest.mark.feature("B25")
async def test_a_large_catalogue_is_searched_through_its_indexes(orders: Running) -> None:
    shop = await offer(orders, "Магазин", kind="goods")
    # No service's connection: writing so many takes longer than any of its statements may.
    connection = await asyncpg.connect(orders.settings.database_url, command_timeout=300)
    try:
        await connection.execute(_MANY)
        await connection.execute(_MANY_ITEMS, UUID(shop))
        await connection.execute("ANALYZE")
    finally:
        await connection.close()
    assert [item["id"] for item in await search(orders, "sku777")] == [shop]
    started = monotonic()
    for q in ("услуга номер 4711", "услга 4711", "деталь", "детлаь", "sku777", None):
        assert await search(orders, q)
    # Half a second for each in the worst case, of which nearly all is for what is misspelt and everywhere; more beside
    # other tests. Without an index it would be minutes.
    assert monotonic() - started < 15
    parameters = {
        **dict.fromkeys(("category", "kind", "location", "owner", "after", "after_rank")),
        "inactive_too": False,
        "limit": 20,
        "query": words.query("c4ca4238a0b923820dcc509a6f75849b"),
        "words": ["c4ca4238a0b923820dcc509a6f75849x"],
        "longest": "c4ca4238a0b923820dcc509a6f75849x",
        "second": "c4ca4238a0b923820dcc509a6f75849x",
    }
    async with orders.database.transaction() as transaction:
        await transaction.execute(search_store._FORGIVE)
        for statement, index in (
            (search_store._BY_STEMS, "offerings_search"),
            (search_store._BY_STEMS, "goods_items_search"),
            (search_store._BY_LIKENESS, "offerings_words"),
            (search_store._BY_LIKENESS, "goods_items_words"),
            (search_store._BY_TITLE, "offerings_by_title"),
        ):
            explained = sa.text(f"EXPLAIN {statement.text}")
            names = explained.compile().params
            plan = "\n".join(
                (await transaction.execute(explained, {name: parameters[name] for name in names})).scalars()
            )
            assert index in plan, plan
