"""What the API shows, to whom."""

import asyncio
import json
import re
from uuid import UUID, uuid4

import pytest
from fastapi.routing import APIRoute
from foyer_chassis.http import access_of
from foyer_contracts.ids import new_id
from payments.providing import webhooks
from payments.routes import routers
from payments.settings import Settings

from .conftest import Shop


async def number_of(shop: Shop, order_id: UUID) -> int:
    (row,) = await shop.rows("SELECT number FROM invoices WHERE order_id = :o", o=order_id)
    return int(row["number"])


@pytest.mark.feature("A12")
async def test_an_invoice_with_its_link_and_later_its_payment_and_refund(shop: Shop) -> None:
    order_id = await shop.with_link()
    anna = shop.it.client("anna")
    number = await number_of(shop, order_id)
    first = await anna.get(f"/v1/invoices/{number}")
    invoice = first.json()
    assert (invoice["status"], invoice["total"], invoice["order_number"]) == (
        "issued",
        {"amount": 40000, "currency": "RUB"},
        1006313,
    )
    assert invoice["link"] == (await shop.provider.of_order(order_id))[0]["payment"]["confirmation"]["confirmation_url"]
    assert invoice["payments"][0]["status"] == "pending"
    same = await anna.get(f"/v1/invoices/{number}", headers={"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")

    await shop.provider.act("pay", await shop.provider_id(order_id))
    await shop.later(seconds=10)
    await shop.it.turn("check")
    await shop.it.handle(shop.cancelled(order_id, refund=40000))
    await shop.it.turn("refund")
    second = await anna.get(f"/v1/invoices/{number}", headers={"If-None-Match": first.headers["ETag"]})
    assert second.status_code == 200
    invoice = second.json()
    assert (invoice["status"], invoice["link"], invoice["paid"]["amount"]) == ("paid", None, 40000)
    (payment,), (refund,) = invoice["payments"], invoice["refunds"]
    assert (payment["status"], payment["method"], payment["link"]) == ("succeeded", "bank_card", None)
    assert payment["number"] == await shop.provider_id(order_id)
    assert (refund["status"], refund["amount"]["amount"]) == ("succeeded", 40000)
    assert (await anna.get(f"/v1/payments/{payment['id']}")).json() == payment
    assert (await anna.get(f"/v1/orders/{order_id}/account")).json() == {
        "order_id": str(order_id),
        "order_number": 1006313,
        "paid": {"amount": 40000, "currency": "RUB"},
        "refunded": {"amount": 40000, "currency": "RUB"},
        "pending": {"amount": 0, "currency": "RUB"},
        "refundable": {"amount": 0, "currency": "RUB"},
    }


async def test_a_cancelled_payment_that_is_watched_shows_as_cancelled(shop: Shop) -> None:
    order_id = await shop.with_link()
    await shop.it.handle(shop.cancelled(order_id))
    invoice = (await shop.it.client("anna").get(f"/v1/invoices/{await number_of(shop, order_id)}")).json()
    (payment,) = invoice["payments"]
    assert (payment["status"], payment["watched"], payment["link"], invoice["link"]) == ("cancelled", True, None, None)


async def test_what_belongs_to_others_is_not_there(shop: Shop) -> None:
    order_id = await shop.paid()
    await shop.it.handle(shop.cancelled(order_id, refund=100))
    number = await number_of(shop, order_id)
    (payment,) = await shop.rows("SELECT id FROM payments")
    paths = [f"/v1/invoices/{number}", f"/v1/payments/{payment['id']}", f"/v1/orders/{order_id}/account"]
    boris, anna, rita = shop.it.client("boris"), shop.it.client("anna"), shop.it.client("rita", "rent_manager")
    for path in paths:
        assert (await boris.get(path)).status_code == 404
        assert (await anna.get(path)).status_code == 200
        assert (await rita.get(path)).status_code == 200
    for path in (
        f"/v1/invoices?order_id={order_id}",
        "/v1/invoices",
        f"/v1/refunds?order_id={order_id}",
        "/v1/refunds",
    ):
        assert (await boris.get(path)).json()["items"] == []
        assert len((await anna.get(path)).json()["items"]) == 1
        assert len((await rita.get(path)).json()["items"]) == 1
    for path in ("/v1/invoices/1", f"/v1/invoices/{2**70}", f"/v1/payments/{uuid4()}", f"/v1/orders/{uuid4()}/account"):
        assert (await rita.get(path)).status_code == 404


async def test_why_a_refund_failed_is_for_staff(shop: Shop) -> None:
    order_id = await shop.paid()
    await shop.provider.switch(refund_failure="canceled")
    await shop.it.handle(shop.cancelled(order_id, refund=100))
    await shop.it.turn("refund")
    failures = [
        (await client.get("/v1/refunds")).json()["items"][0]["failure"]
        for client in (shop.it.client("anna"), shop.it.client("fedor", "finance"))
    ]
    assert failures == [None, "insufficient_funds"]


@pytest.mark.parametrize("path", ["/v1/invoices", "/v1/invoices/2001", "/v1/refunds", f"/v1/payments/{UUID(int=1)}"])
async def test_without_a_token_or_a_role(shop: Shop, path: str) -> None:
    assert (await shop.it.client().get(path)).status_code == 401
    assert (await shop.it.client("anna", "no_such_role").get(path)).status_code == 403


async def test_only_finance_retries_refunds(shop: Shop) -> None:
    path, key = f"/v1/refunds/{uuid4()}/retry", {"Idempotency-Key": "x"}
    for role in ("customer", "rent_manager", "shop_manager"):
        assert (await shop.it.client("somebody", role).post(path, headers=key)).status_code == 403
    finance = shop.it.client("fedor", "finance")
    assert (await finance.post(path, headers=key)).status_code == 404
    assert (await finance.post(path)).status_code == 400


async def test_every_route_says_who_may_call_it(shop: Shop) -> None:
    settings = shop.it.settings
    assert isinstance(settings, Settings)
    hooks = [(provider, provider.webhook(settings.own(name))) for name, provider in settings.providers.items()]
    declared = {
        f"{method} {route.path}": access_of(route)
        for router in (*routers, webhooks.router(hooks))
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    readers = ("payments:read", "payments:read_own")
    assert {key: "public" if value and value[0] == "public" else value for key, value in declared.items()} == {
        "GET /v1/invoices": readers,
        "GET /v1/invoices/{number}": readers,
        "GET /v1/payments/{payment_id}": readers,
        "GET /v1/refunds": readers,
        "POST /v1/refunds/{refund_id}/retry": ("payments:refund",),
        "POST /v1/refunds/{refund_id}/settle-otherwise": ("payments:refund",),
        "POST /v1/refunds/{refund_id}/hand-out": ("payments:take", "payments:refund"),
        "GET /v1/orders/{order_id}/account": readers,
        "POST /v1/orders/{order_id}/invoices": ("orders:edit",),
        "POST /v1/invoices/{number}/activate": ("orders:edit",),
        "POST /v1/invoices/{number}/mark-paid": ("orders:edit",),
        "POST /v1/invoices/{number}/take": ("payments:take",),
        "POST /v1/invoices/{number}/cancel": ("orders:edit",),
        "GET /v1/accounts": ("payments:accounts",),
        "GET /v1/accounts/{customer_id}": readers,
        "GET /v1/accounts/{customer_id}/entries": readers,
        "PUT /v1/accounts/{customer_id}/credit-limit": ("payments:accounts",),
        "GET /v1/top-ups": readers,
        "POST /v1/top-ups": ("payments:pay_own", "payments:take", "payments:accounts"),
        "POST /v1/top-ups/{number}/mark-paid": ("payments:take", "payments:accounts"),
        "POST /v1/top-ups/{number}/cancel": ("payments:take", "payments:accounts"),
        "GET /v1/settlements": ("payments:settlements",),
        "GET /v1/receipts": ("payments:settlements",),
        "POST /v1/receipts/{receipt_id}/retry": ("payments:settlements",),
        "GET /v1/disputes": ("payments:settlements",),
        "GET /v1/settlements/totals": ("payments:settlements",),
        "GET /v1/settlements/export": ("payments:settlements",),
        "GET /v1/invoices/{number}/checkout": readers,
        "POST /v1/invoices/{number}/pay": ("payments:pay_own",),
        "GET /v1/cards": ("payments:pay_own",),
        "DELETE /v1/cards/{card_id}": ("payments:pay_own",),
        "POST /v1/webhooks/stripe": "public",
        "GET /v1/invoices/{number}/pdf": readers,
        "GET /v1/orders/{order_id}/act/pdf": readers,
        "GET /v1/outcomes/{payment_id}": "public",
        "GET /v1/payments": readers,
        "POST /v1/orders/{order_id}/refunds": ("payments:refund",),
        "POST /v1/orders/{order_id}/refund-requests": ("payments:pay_own",),
        "GET /v1/refund-requests": readers,
        "POST /v1/refund-requests/{request_id}/reject": ("payments:refund",),
        "POST /v1/refund-requests/{request_id}/process": ("payments:refund",),
        "GET /v1/legal-entities": ("payments:read",),
        "POST /v1/legal-entities": ("payments:price_lists",),
        "GET /v1/legal-entities/{entity_id}": ("payments:read",),
        "PUT /v1/legal-entities/{entity_id}": ("payments:price_lists",),
        "GET /v1/legal-entities/{entity_id}/look": ("payments:read",),
        "PUT /v1/legal-entities/{entity_id}/look": ("payments:price_lists",),
        "GET /v1/page": "public",
        "GET /v1/legal-entities/{entity_id}/positions": ("payments:read",),
        "POST /v1/legal-entities/{entity_id}/positions": ("payments:price_lists",),
        "PUT /v1/price-list-positions/{position_id}": ("payments:price_lists",),
        "POST /v1/webhooks/yookassa": "public",
    }


#: What is no command of a person: a provider's notifications are hints and change nothing twice by themselves.
WITHOUT_KEY = {"/v1/webhooks/yookassa", "/v1/webhooks/stripe"}


@pytest.mark.feature("X3")
@pytest.mark.feature("C8")
async def test_every_post_wants_a_key_under_which_it_is_done_once(shop: Shop) -> None:
    """All POSTs there are, so that a new one cannot forget it."""
    paths = {path for path, methods in shop.it.app.openapi()["paths"].items() if "post" in methods}
    assert paths > WITHOUT_KEY
    anybody = shop.it.client("boss", "administrator", "customer", "finance")
    for path in sorted(paths - WITHOUT_KEY):
        filled = re.sub(r"\{number\}", "2001", re.sub(r"\{\w+_id\}", str(new_id()), path))
        answer = await anybody.post(filled, json={})
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (400, "idempotency-key-missing"), path


async def test_pages_and_filters(shop: Shop) -> None:
    orders = [new_id() for _ in range(5)]
    await shop.it.handle(*(shop.priced(order_id, number=n) for n, order_id in enumerate(orders)))
    staff = shop.it.client("rita", "rent_manager")
    seen, after = [], None
    for _ in range(3):
        page = (await staff.get("/v1/invoices", params={"limit": 2} | ({"after": after} if after else {}))).json()
        seen += [item["order_number"] for item in page["items"]]
        after = page["next"]
    assert (seen, after) == ([0, 1, 2, 3, 4], None)
    (item,) = (await staff.get("/v1/invoices", params={"order_number": 3})).json()["items"]
    assert item["order_id"] == str(orders[3])
    (item,) = (await staff.get("/v1/invoices", params={"order_id": str(orders[2])})).json()["items"]
    assert item["order_number"] == 2
    for bad in ({"limit": 0}, {"limit": 101}, {"order_id": "x"}, {"after": "x"}, {"order_number": -1}):
        assert (await staff.get("/v1/invoices", params=bad)).status_code == 422
    assert (await staff.get("/v1/refunds", params={"state": "nonsense"})).status_code == 422


async def test_waiting_for_the_link_and_for_the_payment(shop: Shop) -> None:
    order_id = new_id()
    await shop.it.handle(shop.priced(order_id))
    number = await number_of(shop, order_id)
    anna = shop.it.client("anna")
    early = await anna.get(f"/v1/invoices/{number}")
    assert (early.status_code, early.json()["link"]) == (200, None)
    waiting = asyncio.create_task(anna.get(f"/v1/invoices/{number}", headers={"Prefer": "wait=5"}))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await shop.it.turn("create")
    linked = await asyncio.wait_for(waiting, 1)
    assert linked.json()["link"]
    assert linked.headers["Preference-Applied"] == "wait=5"

    paying = asyncio.create_task(
        anna.get(
            f"/v1/invoices/{number}",
            headers={"Prefer": "respond-async, wait=5", "If-None-Match": linked.headers["ETag"]},
        )
    )
    await asyncio.sleep(0.1)
    await shop.provider.act("pay", await shop.provider_id(order_id))
    await shop.later(seconds=10)
    await shop.it.turn("check")
    assert (await asyncio.wait_for(paying, 1)).json()["status"] == "paid"
    unchanged = await anna.get(
        f"/v1/invoices/{number}",
        headers={"Prefer": "wait=1", "If-None-Match": (await anna.get(f"/v1/invoices/{number}")).headers["ETag"]},
    )
    assert unchanged.status_code == 304


async def test_problems_speak_the_callers_language(shop: Shop) -> None:
    titles = [
        (await shop.it.client("anna", locale=locale).get("/v1/invoices/1")).json()["title"] for locale in ("ru", "en")
    ]
    assert titles == ["Не найдено", "Not found"]


async def test_the_committed_api_description_is_true(shop: Shop) -> None:
    committed = json.loads((shop.it.service.folder / "openapi.json").read_text())
    assert committed == shop.it.app.openapi()
