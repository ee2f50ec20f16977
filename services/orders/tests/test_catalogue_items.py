"""Goods: the items of a shop's offering (A28's catalogue)."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from foyer_chassis.testing import Running
from foyer_contracts.money import Money
from orders.catalogue import store


def item(sku: str = "OIL-1", **more: Any) -> dict[str, Any]:
    return {"sku": sku, "title": "Масло", "price": {"amount": 1000, "currency": "RUB"}, **more}


@pytest.fixture
async def shop(orders: Running) -> str:
    answer = await orders.client("alex", "administrator").post(
        "/v1/offerings", json={"title": "Магазин", "kind": "goods"}, headers={"Idempotency-Key": "shop"}
    )
    return f"/v1/offerings/{answer.json()['id']}"


async def post(orders: Running, path: str, body: Any, *roles: str) -> Any:
    return await orders.client("alex", *(roles or ("administrator",))).post(
        path, json=body, headers={"Idempotency-Key": uuid4().hex}
    )


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


@pytest.mark.feature("A28")
async def test_an_item_is_added_changed_and_taken_off_sale(orders: Running, shop: str) -> None:
    added = await post(orders, f"{shop}/items", item(title_en="Oil"))
    assert added.status_code == 201, added.text
    path, admin, anna = added.headers["location"], orders.client("alex", "administrator"), orders.client("anna")
    assert (await anna.get(path)).json() == added.json()
    body = item(price={"amount": 1200, "currency": "RUB"}, active=False)
    assert (await admin.put(path, json=body)).status_code == 428
    changed = await admin.put(path, json=body, headers={"If-Match": '"1"'})
    assert (changed.json()["price"]["amount"], changed.json()["version"], changed.headers["etag"]) == (1200, 2, '"2"')
    assert (await admin.put(path, json=body, headers={"If-Match": '"1"'})).status_code == 412
    assert (await anna.get(path)).status_code == 404
    assert (await anna.get(f"{shop}/items")).json()["items"] == []
    assert (await admin.get(path)).json()["active"] is False


@pytest.mark.feature("A28")
async def test_a_sku_is_unique_within_its_offering(orders: Running, shop: str) -> None:
    await post(orders, f"{shop}/items", item("A"))
    second = (await post(orders, f"{shop}/items", item("B"))).json()
    assert problem(await post(orders, f"{shop}/items", item("A"))) == (409, "sku-taken")
    admin = orders.client("alex", "administrator")
    renamed = await admin.put(f"{shop}/items/{second['id']}", json=item("A"), headers={"If-Match": '"1"'})
    assert problem(renamed) == (409, "sku-taken")
    other = await post(orders, "/v1/offerings", {"title": "Другой", "kind": "goods"})
    assert (await post(orders, f"/v1/offerings/{other.json()['id']}/items", item("A"))).status_code == 201


async def test_two_add_one_sku_at_once(orders: Running, shop: str) -> None:
    answers = await asyncio.gather(*(post(orders, f"{shop}/items", item("A")) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 5]


@pytest.mark.feature("A28")
async def test_goods_have_one_currency(orders: Running, shop: str) -> None:
    euro = {"amount": 5, "currency": "EUR"}
    first = (await post(orders, f"{shop}/items", item("A"))).json()
    assert problem(await post(orders, f"{shop}/items", item("B", price=euro))) == (422, "one-currency")
    # The only item may change it.
    changed = await orders.client("alex", "administrator").put(
        f"{shop}/items/{first['id']}", json=item("A", price=euro), headers={"If-Match": '"1"'}
    )
    assert changed.status_code == 200
    mixed = {"items": [item("C", price=euro), item("D")]}
    assert problem(await post(orders, f"{shop}/items/import", mixed)) == (422, "one-currency")
    assert len((await orders.client("anna").get(f"{shop}/items")).json()["items"]) == 1


@pytest.mark.feature("A28")
async def test_import_adds_changes_and_leaves(orders: Running, shop: str) -> None:
    body = {"items": [item(f"S{number}") for number in range(300)]}
    assert (await post(orders, f"{shop}/items/import", body)).json() == {"added": 300, "changed": 0, "unchanged": 0}
    again = {"items": [item("S0"), item("S1", title="Другое"), item("S2", title_en="Oil"), item("NEW")]}
    assert (await post(orders, f"{shop}/items/import", again)).json() == {"added": 1, "changed": 2, "unchanged": 1}
    items = {one["sku"]: one for one in (await orders.client("anna").get(f"{shop}/items?limit=200")).json()["items"]}
    assert (items["S0"]["version"], items["S1"]["version"], items["S1"]["title"]) == (1, 2, "Другое")
    repeated = {"items": [item("A"), item("A")]}
    assert problem(await post(orders, f"{shop}/items/import", repeated)) == (422, "repeated-sku")
    found = (await orders.client("anna").get(f"{shop}/items", params={"q": "другое"})).json()["items"]
    assert [one["sku"] for one in found] == ["S1"]


async def test_an_import_is_not_repeated(orders: Running, shop: str) -> None:
    admin, headers = orders.client("alex", "administrator"), {"Idempotency-Key": "import"}
    first = await admin.post(f"{shop}/items/import", json={"items": [item()]}, headers=headers)
    again = await admin.post(f"{shop}/items/import", json={"items": [item()]}, headers=headers)
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")


async def test_pages_of_goods(orders: Running, shop: str) -> None:
    await post(orders, f"{shop}/items/import", {"items": [item(f"S{number}") for number in range(25)]})
    client, after, seen = orders.client("anna"), None, []
    while True:
        page = (await client.get(f"{shop}/items", params={"limit": 10, **({"after": after} if after else {})})).json()
        seen += [one["sku"] for one in page["items"]]
        if (after := page["next"]) is None:
            break
    assert sorted(seen) == sorted(f"S{number}" for number in range(25))
    words = (await client.get(f"{shop}/items", params={"q": "s7"})).json()["items"]
    assert [one["sku"] for one in words] == ["S7"]
    assert (await client.get(f"{shop}/items", params={"q": "!?"})).json()["items"] == []


ITEMS_THAT_CANNOT_BE: list[dict[str, Any]] = [
    {"sku": ""},
    {"sku": "x" * 65},
    {"sku": "a\x00"},
    {"title": ""},
    {"price": {"amount": -1, "currency": "RUB"}},
    {"price": {"amount": 1, "currency": "rub"}},
    {"price": None},
    {"unknown": 1},
]


async def test_items_that_cannot_be(orders: Running, shop: str) -> None:
    for broken in ITEMS_THAT_CANNOT_BE:
        assert problem(await post(orders, f"{shop}/items", {**item(), **broken})) == (422, "invalid")


async def test_who_changes_goods_and_where(orders: Running, shop: str) -> None:
    for role in ("customer", "shop_manager", "finance"):
        assert (await post(orders, f"{shop}/items", item(), role)).status_code == 403
        assert (await post(orders, f"{shop}/items/import", {"items": [item()]}, role)).status_code == 403
    service = await post(orders, "/v1/offerings", {"title": "Ремонт", "kind": "request"})
    assert problem(await post(orders, f"/v1/offerings/{service.json()['id']}/items", item())) == (422, "not-goods")
    assert (await post(orders, f"/v1/offerings/{uuid4()}/items", item())).status_code == 404
    assert (await post(orders, f"{shop}/items/import", {"items": []})).status_code == 422
    added = (await post(orders, f"{shop}/items", item())).json()
    elsewhere = f"/v1/offerings/{service.json()['id']}/items/{added['id']}"
    assert (await orders.client("anna").get(elsewhere)).status_code == 404


async def test_what_placing_reads(orders: Running, shop: str) -> None:
    added = [(await post(orders, f"{shop}/items", item(sku))).json() for sku in ("A", "B")]
    offering, ids = UUID(shop.rpartition("/")[2]), [UUID(one["id"]) for one in added]
    async with orders.database.read() as transaction:
        read = await store.goods_items(transaction, offering, [*ids, uuid4()])
        assert await store.goods_items(transaction, uuid4(), ids) == {}
        assert await store.goods_items(transaction, offering, []) == {}
    async with orders.database.direct() as direct:
        assert await store.goods_items(direct, offering, [*ids, uuid4()]) == read
    assert sorted(read) == sorted(ids)
    assert (read[ids[0]].sku, read[ids[0]].price) == ("A", Money(amount=1000, currency="RUB"))
