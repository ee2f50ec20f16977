"""Guests buy memberships that are sold online (D1, D3), without an account."""

import asyncio
import hashlib
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from foyer_contracts.money import Money
from orders.ordering.tables import orders as orders_table

from .conftest import NOW, Desk, Heard

PRICE = Money(amount=300_000, currency="RUB")
MEMBERSHIP: dict[str, Any] = {
    "title": "Абонемент «Утро»",
    "title_en": "Morning pass",
    "membership_type_id": str(uuid4()),
    "terms": "prepaid",
    "permanent": True,
    "price": PRICE.model_dump(),
    "short_text": "8 занятий",
    "short_text_en": "8 visits",
    "online_sale": {"text": "Купить"},
}
EMAIL = "guest@example.test"


class Shop:
    def __init__(self, desk: Desk) -> None:
        self.desk, self.orders = desk, desk.orders

    async def membership(self, **more: Any) -> dict[str, Any]:
        return await self.desk.offering("membership", **{**MEMBERSHIP, **more})

    async def buy(self, offering: dict[str, Any], *, key: str | None = None, **more: Any) -> Any:
        headers = {"Idempotency-Key": key or uuid4().hex, **more.pop("headers", {})}
        body = {"offering_id": offering["id"], "email": EMAIL, **more}
        return await self.orders.client().post("/v1/storefront/orders", json=body, headers=headers)

    async def bought(self, offering: dict[str, Any], **more: Any) -> dict[str, Any]:
        answer = await self.buy(offering, **more)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def look(self, order: dict[str, Any], **headers: str) -> Any:
        token = {"X-Order-Token": order["token"]}
        return await self.orders.client().get(f"/v1/storefront/orders/{order['number']}", headers={**token, **headers})

    async def rows(self, table: str) -> list[dict[str, Any]]:
        async with self.orders.database.read() as reading:
            return [dict(row) for row in await reading.all(sa.text(f"SELECT * FROM {table}"))]

    async def heard(self, order: dict[str, Any]) -> Heard:
        async with self.orders.database.read() as reading:
            row = await reading.one_or_none(sa.select(orders_table).where(orders_table.c.number == order["number"]))
        assert row is not None
        return Heard({"id": str(row["id"]), "applicant_id": str(row["applicant_id"])})


@pytest.fixture
def shop(desk: Desk) -> Shop:
    return Shop(desk)


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


@pytest.mark.feature("D3")
async def test_a_guest_buys_with_an_email_alone(shop: Shop) -> None:
    answer = await shop.buy(await shop.membership(), locale="ru")
    assert answer.status_code == 201
    order = answer.json()
    assert answer.headers["location"] == f"/v1/storefront/orders/{order['number']}"
    assert answer.headers["cache-control"] == "private, no-store"
    assert (order["status"], order["price"], order["payment_url"]) == ("new", PRICE.model_dump(), None)
    assert (order["offering_title"], order["short_text"]) == ("Абонемент «Утро»", "8 занятий")
    assert len(order["token"]) == 43
    placed, priced = await shop.orders.published("orders.order.placed.v1") + await shop.orders.published(
        "orders.order.priced.v1"
    )
    assert placed.data.membership.membership_type_id == UUID(MEMBERSHIP["membership_type_id"])
    assert (placed.data.actor.kind, placed.data.actor.id) == ("customer", placed.data.applicant_id)
    assert priced.data.total == PRICE
    (person,) = await shop.rows("people")
    assert (person["id"], person["email"], person["source"]) == (placed.data.applicant_id, EMAIL, "guest")
    (contact,) = await shop.orders.published("orders.contact.changed.v1")
    assert (contact.data.email, contact.data.locale) == (EMAIL, "ru")
    # The email is for the private exchange alone.
    for event in await shop.orders.published():
        if not event.data.private:
            assert EMAIL not in event.model_dump_json()


@pytest.mark.feature("D3")
async def test_the_guest_follows_the_order_to_its_payment(shop: Shop) -> None:
    order = await shop.bought(await shop.membership())
    heard = await shop.heard(order)
    await shop.orders.handle(heard.invoice(total=PRICE), heard.link())
    seen = (await shop.look(order)).json()
    assert seen["payment_url"] == "https://pay.example.test/1"
    assert seen["title"] == "Новый. Оплачивается"
    assert "token" not in seen
    await shop.orders.handle(heard.paid(PRICE), heard.invoice("paid", total=PRICE))
    paid = (await shop.look(order)).json()
    assert (paid["status_group"], paid["money_status"], paid["payment_url"]) == ("accepted", "paid", None)
    english = (await shop.look(order, **{"Accept-Language": "en"})).json()
    assert (english["offering_title"], english["short_text"]) == ("Morning pass", "8 visits")


@pytest.mark.feature("D3")
async def test_waiting_for_the_link_and_for_the_payment(shop: Shop) -> None:
    order = await shop.bought(await shop.membership())
    heard = await shop.heard(order)
    waiting = asyncio.create_task(shop.look(order, Prefer="wait=20"))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    await shop.orders.handle(heard.link())
    linked = await asyncio.wait_for(waiting, 5)
    assert (linked.json()["payment_url"], linked.headers["preference-applied"]) == (
        "https://pay.example.test/1",
        "wait=20",
    )
    # The same state again is no news: the page waits for the payment.
    paying = asyncio.create_task(shop.look(order, **{"Prefer": "wait=20", "If-None-Match": linked.headers["etag"]}))
    await asyncio.sleep(0.2)
    assert not paying.done()
    await shop.orders.handle(heard.paid(PRICE))
    assert (await asyncio.wait_for(paying, 5)).json()["money_status"] == "paid"
    now = (await shop.look(order)).headers["etag"]
    unchanged = await shop.look(order, **{"Prefer": "wait=1", "If-None-Match": now})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


@pytest.mark.feature("D3")
async def test_the_link_may_come_with_the_first_answer(shop: Shop) -> None:
    offering = await shop.membership()
    buying = asyncio.create_task(shop.buy(offering, headers={"Prefer": "wait=20"}))
    while not await shop.rows("storefront_orders"):
        await asyncio.sleep(0.02)
    (row,) = await shop.rows("storefront_orders")
    await shop.orders.handle((await shop.heard({"number": row["number"]})).link())
    answer = await asyncio.wait_for(buying, 5)
    assert answer.status_code == 201
    assert answer.json()["payment_url"] == "https://pay.example.test/1"
    assert answer.json()["token"]


@pytest.mark.feature("D3")
async def test_a_repeat_is_the_same_purchase(shop: Shop) -> None:
    offering, key = await shop.membership(), uuid4().hex
    first = await shop.buy(offering, key=key)
    again = await shop.buy(offering, key=key)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert again.json() == first.json()
    at_once = await asyncio.gather(*(shop.buy(offering, key="0123456789abcdef") for _ in range(4)))
    assert len({answer.text for answer in at_once}) == 1
    assert len(await shop.rows("orders")) == len(await shop.rows("people")) == 2
    other = await shop.buy(offering, key=key, email="other@example.test")
    assert problem(other) == (422, "idempotency-key-reused")


@pytest.mark.feature("D3")
async def test_neither_token_nor_key_is_kept(shop: Shop) -> None:
    key = uuid4().hex
    order = await shop.bought(await shop.membership(), key=key)
    kept = ""
    for table in ("storefront_orders", "idempotency_keys", "outbox", "orders", "order_history", "people"):
        for row in await shop.rows(table):
            for name, value in row.items():
                kept += f"{name}={value.decode(errors='replace') if isinstance(value, bytes) else value}\n"
    assert order["token"] not in kept
    assert key not in kept
    (row,) = await shop.rows("storefront_orders")
    assert row["token_digest"] == hashlib.sha256(order["token"].encode()).digest()


@pytest.mark.feature("D3")
async def test_a_wrong_token_opens_nothing(shop: Shop) -> None:
    offering = await shop.membership()
    mine, other = await shop.bought(offering), await shop.bought(offering, email="other@example.test")
    client = shop.orders.client()
    path = f"/v1/storefront/orders/{mine['number']}"
    assert (await client.get(path, params={"token": mine["token"]})).status_code == 200
    for params in ({}, {"token": other["token"]}, {"token": mine["token"][:-1]}, {"token": "я"}):
        answer = await client.get(path, params=params)
        assert problem(answer) == (404, "not-found")
        assert answer.json()["detail"] == "There is nothing here that you may see."
    nobody = await client.get(f"/v1/storefront/orders/{mine['number'] + 40}", params={"token": mine["token"]})
    assert problem(nobody) == (404, "not-found")
    # An order that no guest placed is not to be had either.
    theirs = await shop.desk.place(await shop.desk.offering(terms="free"))
    assert (await shop.look({**theirs, "token": mine["token"]})).status_code == 404
    # And the token is no token of a person.
    for header in (mine["token"], "x"):
        answer = await client.get(f"/v1/orders/{mine['number']}", headers={"Authorization": f"Bearer {header}"})
        assert answer.status_code == 401


@pytest.mark.feature("D1")
@pytest.mark.parametrize(
    "offering",
    [
        {"online_sale": None},
        {"online_sale": {"text": "Купить", "enabled": False}},
        {"active": False},
        {"kind": "request", "terms": "free"},
        None,
    ],
    ids=["never offered online", "switched off", "not sold any more", "no membership", "unknown"],
)
async def test_only_what_is_sold_online_can_be_bought(shop: Shop, offering: dict[str, Any] | None) -> None:
    match offering:
        case None:
            made = {"id": str(uuid4())}
        case {"kind": "request"}:
            made = await shop.desk.offering(**offering)
        case {"active": False}:
            made = await shop.membership()
            client = shop.desk.client("alex", "administrator")
            current = await client.get(f"/v1/offerings/{made['id']}")
            body = {**MEMBERSHIP, **offering, "responsible_ids": made["responsible_ids"]}
            changed = await client.put(
                f"/v1/offerings/{made['id']}", json=body, headers={"If-Match": current.headers["etag"]}
            )
            assert changed.status_code == 200, changed.text
        case _:
            made = await shop.membership(**offering)
    answer = await shop.buy(made)
    assert problem(answer) == (422, "not-sold-online")
    assert answer.json()["field"] == "offering_id"
    assert (await shop.rows("people"), await shop.rows("storefront_orders")) == ([], [])


@pytest.mark.feature("D3")
async def test_only_so_many_orders_for_one_email_in_an_hour(shop: Shop) -> None:
    offering = await shop.membership()
    spelt = [EMAIL, "GUEST@example.test", "Guest@Example.Test", EMAIL, EMAIL, EMAIL, EMAIL]
    answers = await asyncio.gather(*(shop.buy(offering, email=email) for email in spelt))
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [429] * 2
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert problem(refused) == (429, "too-many-guest-orders")
    assert refused.headers["retry-after"] == "3600"
    assert len(await shop.rows("people")) == 5
    assert (await shop.buy(offering, email="other@example.test")).status_code == 201
    shop.orders.at(NOW + timedelta(minutes=59))
    late = await shop.buy(offering)
    assert (late.status_code, late.headers["retry-after"]) == (429, "60")
    shop.orders.at(NOW + timedelta(minutes=60))
    assert (await shop.buy(offering)).status_code == 201


@pytest.mark.feature("D3")
async def test_a_refused_repeat_of_a_purchase_is_still_answered(shop: Shop) -> None:
    offering = await shop.membership()
    keys = [uuid4().hex for _ in range(5)]
    first = [await shop.bought(offering, key=key) for key in keys]
    assert (await shop.buy(offering)).status_code == 429
    assert (await shop.buy(offering, key=keys[0])).json() == first[0]


@pytest.mark.feature("D3")
@pytest.mark.parametrize(
    ("more", "status", "name"),
    [
        ({"email": "nobody"}, 422, "invalid"),
        ({"email": "a@b"}, 422, "invalid"),
        ({"email": "a@b.c\r\nBcc: d@e.f"}, 422, "invalid"),
        ({"email": None}, 422, "invalid"),
        ({"phone": "+79001234567"}, 422, "invalid"),
        ({"locale": "de"}, 422, "invalid"),
        ({"expected_total": {"amount": 1, "currency": "RUB"}}, 422, "price-mismatch"),
        ({"key": "short"}, 422, "key-too-short"),
        ({"answers": {"unheard_of": 1}}, 422, "answers-invalid"),
    ],
)
async def test_what_is_wrong_is_said(shop: Shop, more: dict[str, Any], status: int, name: str) -> None:
    answer = await shop.buy(await shop.membership(), **more)
    assert answer.status_code == status
    assert problem(answer)[1] == name
    assert await shop.rows("orders") == []


@pytest.mark.feature("D3")
async def test_a_key_is_needed(shop: Shop) -> None:
    offering = await shop.membership()
    body = {"offering_id": offering["id"], "email": EMAIL}
    answer = await shop.orders.client().post("/v1/storefront/orders", json=body)
    assert problem(answer) == (400, "idempotency-key-missing")
    broken = await shop.orders.client().post(
        "/v1/storefront/orders",
        content=b"{",
        headers={"Idempotency-Key": uuid4().hex, "Content-Type": "application/json"},
    )
    assert broken.status_code == 400


@pytest.mark.feature("D3")
async def test_names_and_languages(shop: Shop) -> None:
    offering = await shop.membership()
    await shop.bought(offering, name="  Иван Петров ")
    await shop.bought(offering, name="   ", headers={"Accept-Language": "en-GB"})
    await shop.bought(offering, locale="ru", headers={"Accept-Language": "en"})
    people = sorted((row["name"], row["locale"]) for row in await shop.rows("people"))
    assert people == [("Guest", "en"), ("Гость", "ru"), ("Иван Петров", "ru")]
    found = await shop.desk.client("dana", "front_desk").get("/v1/orders", params={"q": "Петров"})
    assert [item["applicant_name"] for item in found.json()["items"]] == ["Иван Петров"]


@pytest.mark.feature("D3")
async def test_staff_see_the_guest_and_the_guests_order_can_be_cancelled(shop: Shop) -> None:
    order = await shop.bought(await shop.membership())
    card = await shop.desk.card(order, "alex", "administrator")
    assert (card["applicant"]["email"], card["kind"]) == (EMAIL, "membership")
    cancelled = await shop.desk.act(order, "cancel", "alex", "administrator", comment="Ошибка")
    assert cancelled.status_code == 200
    seen = (await shop.look(order, Prefer="wait=20")).json()
    assert (seen["status"], seen["payment_url"]) == ("cancelled", None)


@pytest.mark.feature("D3")
async def test_a_purchase_that_fails_at_the_end_leaves_nobody(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from orders.storefront import store

    async def fails(*_: object) -> None:
        raise RuntimeError

    offering, key = await shop.membership(), uuid4().hex
    with monkeypatch.context() as patch:
        patch.setattr(store, "add", fails)
        assert (await shop.buy(offering, key=key)).status_code == 500
    for table in ("people", "orders", "storefront_orders"):
        assert await shop.rows(table) == []
    types = {event.type for event in await shop.orders.published()}
    assert not {name for name in types if name.startswith("orders.order")}
    assert (await shop.buy(offering, key=key)).status_code == 201


@pytest.mark.feature("D3")
async def test_late_money_of_a_guest_is_seen_by_the_guest(shop: Shop) -> None:
    order = await shop.bought(await shop.membership())
    heard = await shop.heard(order)
    assert (await shop.desk.act(order, "cancel", "alex", "administrator", comment="Ошибка")).status_code == 200
    await shop.orders.handle_twice(heard.paid(PRICE))
    seen = (await shop.look(order)).json()
    assert (seen["status"], seen["money_status"]) == ("cancelled_refunding", "refunding")
