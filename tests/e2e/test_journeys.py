"""The journeys through the gateway, each to its expected state in every service, with no complaint in any log."""

import asyncio

import httpx2
import pytest
from foyer_tools.journeys import JOURNEYS, SHORT_HOLD_SECONDS, check_paid
from foyer_tools.supervise import System
from foyer_tools.world import World, expect

from .logs import Marks

_FEATURES = {
    "1": ("A11", "A12", "A23"),
    "2": ("A26",),
    "4b": ("A11",),
    "5": ("A25", "A26", "A27"),
    "6": ("A20", "A21", "A22"),
    "7": ("A13", "A14", "A15"),
    "weekly": ("X5",),
    "waiting": ("X5",),
    "kept": ("A11",),
    "kept-places": ("A16", "A17"),
    "8": ("A4", "A5", "A7", "A8", "A9", "B8", "B15", "B16", "B17", "B29"),
    "9": ("C3", "C4", "C6", "C7"),
    "10": ("D1", "D3", "D5", "D6", "D7"),
    "11": ("B27",),
    "coworking": ("A16", "A19", "A23"),
    "hotel": ("A17", "A18", "A19", "A23"),
    "goods": ("A28",),
    "stripe": ("D4", "D8"),
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, id=title, marks=[pytest.mark.feature(line) for line in _FEATURES.get(name, ())])
        for name, (title, _) in JOURNEYS.items()
    ],
)
async def test_journey(people: World, system: System, name: str) -> None:
    marks = Marks(system)
    _, journey = JOURNEYS[name]
    await journey(people)
    assert marks.complaints("warning", "error", "critical") == []


@pytest.mark.parametrize(
    "switches", [{"webhook_duplicates": 10}, {"drop_webhooks": True}, {"webhook_before_answer": True}]
)
async def test_webhooks_repeated_lost_and_early_have_one_effect(
    people: World, system: System, switches: dict[str, object]
) -> None:
    provider = f"{system.sandbox_urls['provider']}/sandbox/switches"
    await people.outside("PUT", provider, json=switches)
    try:
        slot = people.slot(await people.room("Смоленка"))
        order = await people.place("anna", slot)
        await people.pay(order)
        order = await people.until_order("anna", order["number"], "confirmed", seconds=60)
        await check_paid(people, order, slot)
    finally:
        await people.outside("DELETE", provider)


async def test_a_payment_that_overtakes_the_answer_to_its_creation(people: World, system: System) -> None:
    provider = f"{system.sandbox_urls['provider']}/sandbox/switches"
    await people.outside("PUT", provider, json={"pay_on_create": "pay", "webhook_before_answer": True})
    try:
        slot = people.slot(await people.room("Волковка"))
        order = await people.place("anna", slot)
        order = await people.until_order("anna", order["number"], "confirmed")
        await check_paid(people, order, slot)
    finally:
        await people.outside("DELETE", provider)


async def test_a_lost_answer_makes_one_payment(people: World, system: System) -> None:
    provider = system.sandbox_urls["provider"]
    before = (await people.outside("GET", f"{provider}/sandbox/payments")).json()["count"]
    await people.outside("PUT", f"{provider}/sandbox/switches", json={"lose_answer_next": 2})
    slot = people.slot(await people.room("Ждановка"))
    order = await people.place("anna", slot, wait=30)
    await people.pay(order)
    order = await people.until_order("anna", order["number"], "confirmed")
    await check_paid(people, order, slot)
    assert (await people.outside("GET", f"{provider}/sandbox/payments")).json()["count"] == before + 1


async def test_a_refund_that_fails_at_first_goes_through(people: World, system: System) -> None:
    provider = f"{system.sandbox_urls['provider']}/sandbox/switches"
    slot = people.slot(await people.room("Таракановка"))
    order = await people.place("anna", slot)
    await people.pay(order)
    await people.until_order("anna", order["number"], "confirmed")
    failing = [{"path_prefix": "/v3/refunds", "status": 500, "count": 2}]
    await people.outside("PATCH", provider, json={"fail_next": failing})
    await people.ok("anna", "POST", f"orders/v1/orders/{order['number']}/cancel", json={})
    await people.until_order("anna", order["number"], "cancelled_refunded", seconds=60)


async def test_the_gateway_lets_nobody_in_without_a_token_and_nobody_at_others_things(
    people: World, system: System
) -> None:
    order = await people.place("anna", people.slot(await people.room("Пряжка")))
    for path in (f"orders/v1/orders/{order['number']}", f"booking/v1/orders/{order['id']}/reservation"):
        assert (await people.call("anna", "GET", path)).status_code == 200
        assert (await people.call("boris", "GET", path)).status_code == 404
        for token in ("", "Bearer x.y.z", "Bearer " + (await people.token("anna"))[:-4] + "AAAA"):
            answer = await people.http.get(f"{system.gateway_url}/api/{path}", headers={"Authorization": token})
            assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert (await people.call("boris", "GET", "payments/v1/invoices", params={"order_id": order["id"]})).json()[
        "items"
    ] == []
    internal = [f"{system.gateway_url}/api/orders/metrics", f"{system.gateway_url}/api/orders/health/ready"]
    for url in internal:
        answer = await people.http.get(url, headers={"Authorization": f"Bearer {await people.token('anna')}"})
        assert answer.status_code == 404


async def test_a_webhook_from_a_stranger_is_refused(people: World, system: System) -> None:
    body = {"type": "notification", "event": "payment.succeeded", "object": {"id": "x"}}
    url = f"{system.gateway_url}/api/payments/v1/webhooks/yookassa"
    transport = httpx2.AsyncHTTPTransport(local_address="127.0.0.99")
    async with httpx2.AsyncClient(transport=transport) as stranger:
        forged = await stranger.post(url, json=body, headers={"X-Forwarded-For": "127.0.0.1"})
        assert forged.status_code == 403
        claimed = await stranger.post(url, json=body, headers={"X-Foyer-Client-Address": "127.0.0.1"})
        assert claimed.status_code == 403


async def test_an_order_streams_its_changes(people: World, system: System) -> None:
    slot = people.slot(await people.room("Екатерингофка", hold_seconds=SHORT_HOLD_SECONDS))
    order = await people.place("anna", slot)
    headers = {"Authorization": f"Bearer {await people.token('anna')}", "Accept": "text/event-stream"}
    url = f"{system.gateway_url}/api/orders/v1/orders/{order['number']}/events"
    seen = []
    async with asyncio.timeout(20), people.http.stream("GET", url, headers=headers) as stream:
        assert stream.status_code == 200
        async for line in stream.aiter_lines():
            if line.startswith("data:"):
                seen.append(line)
                if '"cancelled"' in line:
                    break
    expect(len(seen) >= 2, True, "the stream shows the order before and after")


async def test_one_trace_from_the_request_to_the_last_event(people: World, system: System) -> None:
    import json

    from foyer_chassis.broker import Broker

    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    seen: dict[str, str] = {}
    async with Broker(system.amqp_admin_url, "test").tail() as messages:
        slot = people.slot(await people.room("Монастырка"))
        headers = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01", "Prefer": "wait=10"}
        order = await people.ok("anna", "POST", "orders/v1/orders", json=people.order_body(slot), headers=headers)
        async with asyncio.timeout(20):
            async for message in messages:
                event = json.loads(message.body)
                if event["data"].get("order_id") == order["id"]:
                    seen[event["type"]] = event["traceparent"]
                if "payments.payment.link_created.v1" in seen:
                    break
    assert {"orders.order.placed.v1", "booking.places.held.v1", "payments.invoice.issued.v1"} <= set(seen)
    assert {traceparent.split("-")[1] for traceparent in seen.values()} == {trace_id}
