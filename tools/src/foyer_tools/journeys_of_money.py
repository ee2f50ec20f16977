"""Journeys about where money goes: a seller that is paid at a provider of its own."""

from __future__ import annotations

from typing import Any

from foyer_tools.journeys_of_staff import rub
from foyer_tools.world import World, expect

LOOK = {
    "background_colour": "#0a2540",
    "text_colour": "#ffffff",
    "button_colour": "#ffcc00",
    "button_text_colour": "#000000",
    "heading": {"ru": "Оплата абонемента", "en": "Your membership"},
}


async def paid_through_stripe(world: World) -> list[dict[str, Any]]:
    """A seller is paid at Stripe, on a page that it furnished; the refund goes back there, to the kopeck."""
    seller = await world.ok(
        "alex",
        "POST",
        "payments/v1/legal-entities",
        json={"name": "ООО «За рубежом»", "payment_provider": "stripe", "surcharge_percent": "1.5"},
    )
    await world.ok(
        "alex",
        "PUT",
        f"payments/v1/legal-entities/{seller['id']}/look",
        json=LOOK,
        headers={"If-Match": '"0"'},
    )
    shop = await world.ok(
        "alex",
        "POST",
        "orders/v1/offerings",
        json={
            "title": "Запчасти на заказ",
            "kind": "goods",
            "terms": "prepaid",
            "responsible_ids": [await world.id_of("maria")],
            "legal_entity_id": seller["id"],
        },
    )
    item = await world.ok(
        "alex",
        "POST",
        f"orders/v1/offerings/{shop['id']}/items",
        json={"sku": "S-1", "title": "Сальник", "price": rub(33333)},
    )
    body = {"offering_id": shop["id"], "items": [{"item_id": item["id"], "quantity": 1}]}
    order = dict(await world.ok("anna", "POST", "orders/v1/orders", json=body, headers={"Prefer": "wait=20"}))
    await world.pay(order)

    async def paid() -> bool:
        return bool((await world.order("anna", order["number"]))["money"]["status"] == "paid")

    await world.until(paid, f"order {order['number']} is paid")
    invoice = await world.invoice(order)
    (payment,) = invoice["payments"]
    expect((payment["provider"], payment["received"]), ("stripe", rub(33333)), "the payment")
    # 1.5 % of 333.33 are 4.99995, half up 5.00.
    expect(payment["surcharge"], rub(500), "the commission that the payer paid on top")
    page = await world.outside(
        "GET", f"{world.system.gateway_url}/api/payments/v1/page", params={"payment_id": payment["id"], "lang": "ru"}
    )
    expect([part in page.text for part in ("#0a2540", "Оплата абонемента", "Оплачено")], [True] * 3, "the page")
    expect(await _sums(world, order), {"paid": 33833, "refunded": 0}, "what Stripe has of the order")
    await world.ok("maria", "POST", f"orders/v1/orders/{order['number']}/cancel", json={"comment": "Нет на складе"})
    ended = await world.until_order("anna", order["number"], "cancelled_refunded")
    expect(ended["money"]["refunded"], rub(33333), "what went back for the order")
    expect(await _sums(world, order), {"paid": 33833, "refunded": 33833}, "what Stripe gave back")
    return [ended]


async def _sums(world: World, order: dict[str, Any]) -> dict[str, int]:
    """What Stripe took for an order and gave back, in kopecks."""
    found = (await world.outside("GET", world.system.sandbox_urls["stripe"] + "/sandbox/sessions")).json()
    (mine,) = [item for item in found["intents"] if item["intent"]["metadata"].get("order_id") == order["id"]]
    return dict(mine["sums"])
