"""Journeys in which staff do the work: requests, dialogs, goods, payments in parts, accounts.

They are told as those of `journeys`: each raises WorldError when something came out otherwise.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from foyer_tools.world import World, WorldError, expect

CODE = re.compile(r"\b[A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4}\b")
NUMBER = re.compile(r"\b88\d{4}\b")

REPAIR = {
    "fields": [
        {
            "code": "what",
            "type": "choice",
            "label": {"ru": "Что сломалось", "en": "What broke"},
            "required": True,
            "choices": [
                {"code": "tap", "label": {"ru": "Кран", "en": "Tap"}},
                {"code": "pipe", "label": {"ru": "Труба", "en": "Pipe"}},
            ],
        },
        {"code": "phone", "type": "phone", "label": {"ru": "Телефон на месте", "en": "Phone on the spot"}},
    ]
}


def rub(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "RUB"}


async def _act(world: World, who: str, order: dict[str, Any], verb: str, **body: Any) -> dict[str, Any]:
    return dict(await world.ok(who, "POST", f"orders/v1/orders/{order['number']}/{verb}", json=body))


async def _request(world: World, **more: Any) -> dict[str, Any]:
    """The offering of a repair, with its owner's price list."""
    entity = await world.ok("alex", "POST", "payments/v1/legal-entities", json={"name": "ООО «Мастер»"})
    position = {"title": "Замена крана", "unit_price": rub(150000)}
    path = f"payments/v1/legal-entities/{entity['id']}/positions"
    made = await world.ok("alex", "POST", path, json=position)
    responsible = [await world.id_of("sergey"), await world.id_of("petr")]
    offering = await world.ok(
        "alex",
        "POST",
        "orders/v1/offerings",
        json={
            "title": "Вызов сантехника",
            "title_en": "Plumber",
            "kind": "request",
            "terms": "postpaid",
            "form": REPAIR,
            "responsible_ids": responsible,
            "legal_entity_id": entity["id"],
            "respond_within_minutes": 60,
            **more,
        },
    )
    return {**offering, "position_id": made["id"]}


async def _until_done(world: World, order: dict[str, Any], *statuses: str, who: str = "anna") -> dict[str, Any]:
    return await world.until_order(who, order["number"], *statuses)


async def postpaid_request(world: World) -> list[dict[str, Any]]:
    """Journey 8: a repair, invoiced from the price list, paid by card, confirmed by the applicant, rated."""
    offering = await _request(world)
    body = {
        "offering_id": offering["id"],
        "answers": {"what": "tap", "phone": "+79001112233"},
        "address": "Литейный, 5",
    }
    order = dict(await world.ok("anna", "POST", "orders/v1/orders", json=body))
    hidden = await world.order("sergey", order["number"])
    expect(hidden["applicant"]["phone"], None, "the client's phone before the order is taken up")
    version = {"If-Match": f'"{hidden["version"]}"'}
    assignee = {"assignee_id": await world.id_of("petr")}
    path = f"orders/v1/orders/{order['number']}/assignee"
    await world.ok("sergey", "PUT", path, json=assignee, headers=version)
    taken = await _act(world, "petr", order, "take", comment="Выезжаю")
    expect((taken["status"], bool(taken["applicant"]["phone"])), ("in_progress", True), "the order taken up")
    await _invoice_and_pay(world, order, offering["position_id"])
    await _act(world, "petr", order, "finish")
    await _act(world, "anna", order, "return", comment="Ещё капает")
    await _act(world, "petr", order, "finish")
    done = await _act(world, "anna", order, "confirm")
    expect((done["status"], done["money"]["paid"]), ("done", rub(150000)), "the confirmed order")
    rating = {"rating": 5, "text": "Быстро и чисто"}
    rated = await world.ok("anna", "PUT", f"orders/v1/orders/{order['number']}/rating", json=rating)
    expect(rated["rating"]["rating"], 5, "the rating")

    async def settled() -> bool:
        # 2.8 % of 1,500.00 are what the provider keeps; this seller pays no commission.
        return bool((await world.order("sergey", order["number"]))["money"]["costs"] == rub(4200))

    await world.until(settled, f"the costs of order {order['number']} are known")
    await _provider_has(world, order, ["1500.00"], [])
    return [await world.order("anna", order["number"])]


async def _invoice_and_pay(world: World, order: dict[str, Any], position_id: str) -> None:
    """Staff issue an invoice and show it; the customer pays it by card."""
    positions = {"positions": [{"position_id": position_id, "quantity": 1}]}

    async def issued() -> bool:
        # Payments hears of a new order a moment later than its applicant.
        path = f"payments/v1/orders/{order['id']}/invoices"
        return (await world.call("petr", "POST", path, json=positions)).status_code == 201

    await world.until(issued, f"an invoice of order {order['number']} is issued")
    invoice = await world.invoice(order)
    await world.ok("petr", "POST", f"payments/v1/invoices/{invoice['number']}/activate", json={})

    async def payable() -> bool:
        return bool((await world.order("anna", order["number"]))["money"]["payment_url"])

    await world.until(payable, f"order {order['number']} has a payment link")
    await world.pay(await world.order("anna", order["number"]))

    async def paid() -> bool:
        return bool((await world.order("anna", order["number"]))["money"]["all_paid"])

    await world.until(paid, f"the invoice of order {order['number']} is paid")


async def dialog_draft_order(world: World) -> list[dict[str, Any]]:
    """Journey 11: a customer asks first; the operator makes a draft of the dialog, the customer completes it."""
    offering = await _request(world, dialog_before_order=True)
    question = {"offering_id": offering["id"], "text": "Чините старые краны?"}
    dialog: dict[str, Any] = {}

    async def asked() -> bool:
        # Chat hears of a new offering a moment later.
        answer = await world.call("anna", "POST", "chat/v1/dialogs", json=question)
        dialog.update(answer.json())
        return answer.status_code == 201

    await world.until(asked, "the customer asks about the offering")
    messages = f"chat/v1/conversations/{dialog['id']}/messages"
    await world.ok("sergey", "POST", messages, json={"text": "Чиним. Оформить заявку?"})
    draft_id = (await world.ok("sergey", "POST", f"chat/v1/dialogs/{dialog['id']}/convert", json={}))["draft_id"]

    async def drafted() -> bool:
        return (await world.call("anna", "GET", f"orders/v1/drafts/{draft_id}")).status_code == 200

    await world.until(drafted, "the draft is there")
    content = {"answers": {"what": "tap"}, "address": "Литейный, 5"}
    await world.ok("anna", "PUT", f"orders/v1/drafts/{draft_id}", json=content, headers={"If-Match": '"1"'})
    order = dict(await world.ok("anna", "POST", f"orders/v1/drafts/{draft_id}/submit", json={}))
    expect((order["status"], order["conversation_id"]), ("new", dialog["id"]), "the order of the dialog")

    async def attached() -> bool:
        return [str(item["text"]) for item in await world.chat("anna", order)][:2] == [
            "Чините старые краны?",
            "Чиним. Оформить заявку?",
        ]

    await world.until(attached, f"the dialog is the conversation of order {order['number']}")
    return [order]


async def _parts_shop(world: World, **more: Any) -> dict[str, Any]:
    offering = await world.ok(
        "alex",
        "POST",
        "orders/v1/offerings",
        json={
            "title": "Запчасти",
            "kind": "goods",
            "terms": "prepaid",
            "responsible_ids": [await world.id_of("maria")],
            **more,
        },
    )
    items = {}
    for sku, title, amount in (("F-1", "Масляный фильтр", 50000), ("B-1", "Ремень ГРМ", 70000)):
        body = {"sku": sku, "title": title, "price": rub(amount)}
        made = await world.ok("alex", "POST", f"orders/v1/offerings/{offering['id']}/items", json=body)
        items[sku] = made["id"]
    return {**offering, "items": items}


async def goods_order(world: World) -> list[dict[str, Any]]:
    """Goods are paid, collected line by line, a missing one is refunded, the rest handed over."""
    shop = await _parts_shop(world)
    items = [{"item_id": shop["items"]["F-1"], "quantity": 2}, {"item_id": shop["items"]["B-1"], "quantity": 1}]
    body = {"offering_id": shop["id"], "items": items, "expected_total": rub(170000)}
    order = dict(await world.ok("anna", "POST", "orders/v1/orders", json=body, headers={"Prefer": "wait=20"}))
    await world.pay(order)

    async def paid() -> bool:
        return bool((await world.order("anna", order["number"]))["money"]["status"] == "paid")

    await world.until(paid, f"order {order['number']} is paid")
    await _act(world, "maria", order, "collect")
    collected, missing = (line["id"] for line in order["lines"])
    await _act(world, "maria", order, f"lines/{collected}", state="collected")
    short = await _act(world, "maria", order, f"lines/{missing}", state="missing")
    expect((short["total"], short["money"]["refund_due"]), (rub(100000), rub(70000)), "the order without that line")
    await _act(world, "maria", order, "pack")

    async def refunded() -> bool:
        return bool((await world.order("anna", order["number"]))["money"]["status"] == "partly_refunded")

    await world.until(refunded, f"the missing line of order {order['number']} is refunded")
    done = await _act(world, "maria", order, "hand-over")
    expect((done["status"], done["money"]["refunded"]), ("done", rub(70000)), "the order handed over")
    return [done]


async def account_orders(world: World) -> list[dict[str, Any]]:
    """Journey 9: orders on account wait for funds; a top-up releases the last three, and no older one."""
    settings = await world.ok("alex", "GET", "orders/v1/settings/releasing")
    version = {"If-Match": f'"{settings.pop("version")}"'}
    wanted = {**settings, "wait_without_funds": True, "release_last_orders": "any"}
    await world.ok("alex", "PUT", "orders/v1/settings/releasing", json=wanted, headers=version)
    shop = await _parts_shop(world, title="Запчасти в счёт баланса", terms="account")
    customer = await world.ok("sergey", "POST", "orders/v1/customers", json={"name": "Автосервис «Болт»"})
    orders = []
    for _ in range(4):
        body = {
            "offering_id": shop["id"],
            "applicant_id": customer["id"],
            "items": [{"item_id": shop["items"]["F-1"], "quantity": 1}],
        }
        order = dict(await world.ok("maria", "POST", "orders/v1/orders", json=body))
        orders.append(await _until_done(world, order, "awaiting_payment", who="maria"))
    top_up = {"customer_id": customer["id"], "amount": rub(200000), "method": "transfer"}
    await world.ok("fedor", "POST", "payments/v1/top-ups", json=top_up)
    released = [await _until_done(world, order, "collecting", who="maria") for order in orders[1:]]
    oldest = await world.order("maria", orders[0]["number"])
    expect(oldest["status"], "awaiting_payment", "the oldest of four")

    async def charged() -> bool:
        account = await world.ok("fedor", "GET", f"payments/v1/accounts/{customer['id']}")
        return bool(account["balance"] == rub(50000))

    await world.until(charged, "three of the orders are charged to the account")
    return [await world.order("maria", order["number"]) for order in (*released, oldest)]


async def rescheduled_booking(world: World) -> list[dict[str, Any]]:
    """Journey 7: a paid booking is moved; the new time is taken, the old one free, and everybody is told."""
    slot = world.slot(await world.room("Пряжка"))
    order = await world.place("anna", slot)
    await world.pay(order)
    await world.until_order("anna", order["number"], "confirmed")
    later = world.slot(slot.resource_id, hour=16)
    path = f"booking/v1/orders/{order['id']}/reservation/reschedule"
    times = {"starts_at": later.starts_at, "ends_at": later.ends_at}
    short = {"starts_at": later.starts_at, "ends_at": later.starts_at.replace("T16:", "T17:")}
    expect((await world.call("rita", "POST", path, json=short)).status_code, 422, "fewer slots than were paid")
    await world.ok("rita", "POST", path, json=times)
    expect((await world.slot_is_free(slot), await world.slot_is_free(later)), (True, False), "the old and the new time")

    async def shown() -> bool:
        return bool((await world.order("anna", order["number"]))["slots"]["starts_at"].startswith(later.starts_at[:16]))

    await world.until(shown, f"order {order['number']} shows the new time")

    async def written() -> bool:
        return any(item["template"] == "reservation_rescheduled" for item in await world.chat("anna", order))

    await world.until(written, f"the chat of order {order['number']} tells of the new time")

    async def mailed() -> bool:
        return bool(await world.deliveries("anna", order, "booking_moved"))

    await world.until(mailed, "anna gets the mail about the new time")
    return [await world.order("anna", order["number"])]


async def paid_in_parts(world: World) -> list[dict[str, Any]]:
    """Journey 6: a part at the desk, the remainder online; the refund goes back by the way each part came."""
    offering = await world.ok(
        "alex",
        "POST",
        "orders/v1/offerings",
        json={
            "title": "Переговорная с предоплатой",
            "kind": "slot_booking",
            "terms": "part_payment",
            "responsible_ids": [await world.id_of("rita")],
        },
    )
    slot = world.slot(await world.room("Смольнинка"))
    body = {"offering_id": offering["id"], "slots": slot.__dict__}
    order = dict(await world.ok("anna", "POST", "orders/v1/orders", json=body, headers={"Prefer": "wait=20"}))
    invoice = await world.invoice(order)
    taken = {"method": "cash", "amount": rub(15000)}
    path = f"payments/v1/invoices/{invoice['number']}/take"
    await world.ok("rita", "POST", path, json=taken)
    small = await world.call("rita", "POST", path, json={"method": "cash", "amount": rub(24000)})
    expect(small.status_code, 422, "a payment that would leave ten roubles")

    of_all = order["money"]["payment_url"]
    remainder: dict[str, Any] = {}

    async def payable() -> bool:
        remainder.update(await world.order("anna", order["number"]))
        money = remainder["money"]
        # The link to the whole amount stays on the card until the provider has withdrawn it.
        return money["paid"] == rub(15000) and money["payment_url"] not in (None, of_all)

    await world.until(payable, f"the remainder of order {order['number']} can be paid online")
    await world.pay(remainder)
    await world.until_order("anna", order["number"], "confirmed")
    await _act(world, "rita", order, "cancel", comment="Ремонт в зале")

    at_desk: list[dict[str, Any]] = []

    async def to_hand_out() -> bool:
        page = await world.ok("fedor", "GET", "payments/v1/refunds", params={"order_id": order["id"]})
        at_desk[:] = [item for item in page["items"] if item["status"] == "at_desk"]
        return [item["amount"] for item in at_desk] == [rub(15000)]

    await world.until(to_hand_out, "the cash waits at the desk")
    await world.ok("fedor", "POST", f"payments/v1/refunds/{at_desk[0]['id']}/hand-out", json={})
    ended = await world.until_order("anna", order["number"], "cancelled_refunded")
    expect((ended["money"]["paid"], ended["money"]["refunded"]), (rub(40000), rub(40000)), "the order's money")
    await _provider_has(world, order, ["250.00"], ["250.00"])
    return [ended]


async def membership(world: World) -> list[dict[str, Any]]:
    """Journey 10: a guest buys a membership; the code comes by mail; the desk activates and attaches it and books a
    class; the refund takes it back, in one operation."""
    group = await world.ok("alex", "POST", "booking/v1/groups", json={"title": f"Йога {uuid4().hex[:6]}"})
    type_body = {"title": "Йога, 8 занятий", "visits": 8, "valid_days": 60, "group_ids": [group["id"]]}
    kind = await world.ok("alex", "POST", "booking/v1/membership-types", json=type_body)
    offering = await world.ok(
        "alex",
        "POST",
        "orders/v1/offerings",
        json={
            "title": "Йога, 8 занятий",
            "kind": "membership",
            "terms": "prepaid",
            "price": rub(400000),
            "membership_type_id": kind["id"],
            "permanent": True,
            "online_sale": {"enabled": True, "text": "Купить абонемент"},
            "responsible_ids": [await world.id_of("dana")],
        },
    )
    email = f"guest-{uuid4().hex[:8]}"
    bought = await world.as_guest(
        "POST", "orders/v1/storefront/orders", json={"offering_id": offering["id"], "email": f"{email}@example.test"}
    )
    page = f"orders/v1/storefront/orders/{bought['number']}"
    headers = {"X-Order-Token": bought["token"], "Prefer": "wait=20"}
    payable = await world.as_guest("GET", page, headers=headers)
    await world.pay({"number": bought["number"], "money": payable})
    order = await world.until_order("dana", bought["number"], "confirmed")
    code, number = await _mailed_code(world, email)
    activated = await world.ok("dana", "POST", "booking/v1/passes/activate", json={"code": code})
    expect((activated["number"], activated["status"]), (number, "activated"), "the pass that the code activates")
    again = await world.call("dana", "POST", "booking/v1/passes/activate", json={"code": code})
    expect(again.status_code, 422, "the code used again")
    visitor = await world.ok("dana", "POST", "booking/v1/visitors", json={"name": "Ольга Гостева"})
    starts_at = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0)
    class_body = {
        "group_id": group["id"],
        "title": "Хатха-йога",
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + timedelta(hours=1)).isoformat(),
        "capacity": 1,
    }
    lesson = await world.ok("alex", "POST", "booking/v1/classes", json=class_body)
    attach = {"visitor_id": visitor["id"], "class_ids": [lesson["id"]]}
    attached = await world.ok("dana", "POST", f"booking/v1/passes/{activated['id']}/attach", json=attach)
    expect((attached["membership"]["visits_left"], len(attached["places"])), (7, 1), "the pass with a class booked")
    await world.until_order("dana", bought["number"], "active")
    refund = {"reason": "Переезд"}
    await world.ok("dana", "POST", f"payments/v1/orders/{order['id']}/refunds", json=refund)

    async def withdrawn() -> bool:
        found = await world.ok("dana", "GET", f"booking/v1/passes/{activated['id']}")
        return bool(found["status"] == "withdrawn")

    await world.until(withdrawn, "the refunded membership is withdrawn")
    schedule = await world.ok(
        "dana", "GET", "booking/v1/classes", params={"starts_from": starts_at.isoformat(), "group_id": group["id"]}
    )
    expect([item["left"] for item in schedule["items"]], [1], "free places of the class")
    ended = await world.order("dana", bought["number"])
    expect((ended["money"]["paid"], ended["money"]["refunded"]), (rub(400000), rub(400000)), "the order's money")
    await _provider_has(world, order, ["4000.00"], ["4000.00"])
    return [ended]


async def _provider_has(world: World, order: dict[str, Any], paid: list[str], refunded: list[str]) -> None:
    """What the payment provider took and gave back for the order, to the kopeck."""
    url = world.system.sandbox_urls["provider"] + "/sandbox/payments"
    found = (await world.outside("GET", url)).json()["payments"]
    mine = [item for item in found if item["payment"]["metadata"].get("order_id") == order["id"]]
    taken = [item["payment"]["amount"]["value"] for item in mine if item["payment"]["status"] == "succeeded"]
    back = [part["amount"]["value"] for item in mine for part in item["refunds"] if part["status"] == "succeeded"]
    expect((taken, back), (paid, refunded), f"what the provider has of order {order['number']}")


async def _mailed_code(world: World, who: str) -> tuple[str, int]:
    """The activation code and the number of the membership, as the mail says them (D3)."""
    found: list[str] = []

    async def mailed() -> bool:
        texts = [str(await world.mail_text(mail)) for mail in await world.mails(who, "")]
        found[:] = [text for text in texts if CODE.search(text)]
        return bool(found)

    await world.until(mailed, f"{who} gets the code by mail")
    code, number = CODE.search(found[0]), NUMBER.search(found[0])
    if code is None or number is None:
        raise WorldError(f"no code or number in the mail: {found[0][:500]}")
    return code[0], int(number[0])
