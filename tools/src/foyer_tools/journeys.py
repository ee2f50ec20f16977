"""The journeys: what people do, and in which state every service must be in the end.

Each raises WorldError when something came out otherwise. The demo plays them, the end-to-end tests too, with crashes
in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from foyer_tools.journeys_of_money import paid_through_stripe
from foyer_tools.journeys_of_places import coworking_ticket, hotel_stay, kept_places
from foyer_tools.journeys_of_slots import kept_slot, waiting_list, weekly_booking
from foyer_tools.journeys_of_staff import (
    account_orders,
    dialog_draft_order,
    goods_order,
    membership,
    paid_in_parts,
    postpaid_request,
    rescheduled_booking,
)
from foyer_tools.world import Slot, World, expect

SHORT_HOLD_SECONDS = 2
FULL_PRICE = {"amount": 40000, "currency": "RUB"}
NOTHING = {"amount": 0, "currency": "RUB"}


async def paid_booking(world: World) -> list[dict[str, Any]]:
    """Journey 1: a customer books a room and pays; everybody who should hears of it."""
    slot = world.slot(await world.room("Нева"))
    order = await world.place("anna", slot)
    await world.pay(order)
    order = await world.until_order("anna", order["number"], "confirmed")
    await check_paid(world, order, slot)
    return [order]


async def nobody_pays(world: World) -> list[dict[str, Any]]:
    """Journey 2: the hold expires, the order and its invoice are cancelled, the slot can be booked again."""
    slot = world.slot(await world.room("Фонтанка", hold_seconds=SHORT_HOLD_SECONDS))
    order = await world.place("anna", slot)
    order = await world.until_order("anna", order["number"], "cancelled")
    await check_unpaid_and_cancelled(world, order, "hold_expired")
    expect(await world.slot_is_free(slot), True, "the slot is free again")
    return [order]


async def late_payment_place_free(world: World) -> list[dict[str, Any]]:
    """Journey 3, first half: the money comes after the hold expired; the places are free and taken again."""
    slot = world.slot(await world.room("Мойка", hold_seconds=SHORT_HOLD_SECONDS))
    placed = await world.place("anna", slot)
    await world.until_order("anna", placed["number"], "cancelled")
    await world.pay(placed)
    order = await world.until_order("anna", placed["number"], "confirmed")
    await check_paid(world, order, slot, invoice_status="cancelled")
    return [order]


async def late_payment_place_taken(world: World) -> list[dict[str, Any]]:
    """Journey 3, second half: somebody else has the places by then; the money goes back."""
    slot = world.slot(await world.room("Карповка", hold_seconds=SHORT_HOLD_SECONDS))
    placed = await world.place("anna", slot)
    await world.until_order("anna", placed["number"], "cancelled")
    winner = await world.place("boris", slot)
    await world.pay(winner)
    winner = await world.until_order("boris", winner["number"], "confirmed")
    await world.pay(placed)
    order = await world.until_order("anna", placed["number"], "cancelled_refunded")
    await check_refunded(world, order)
    await check_paid(world, winner, slot)
    return [order, winner]


async def cancel_after_paying(world: World) -> list[dict[str, Any]]:
    """Journey 5: the customer cancels a paid order; the places are free at once, the money goes back."""
    slot = world.slot(await world.room("Охта"))
    order = await world.place("anna", slot)
    await world.pay(order)
    await world.until_order("anna", order["number"], "confirmed")
    cancel = f"orders/v1/orders/{order['number']}/cancel"
    await world.ok("anna", "POST", cancel, json={"comment": "Планы изменились"})
    order = await world.until_order("anna", order["number"], "cancelled_refunded")
    await check_refunded(world, order)
    expect(await world.slot_is_free(slot), True, "the slot is free again")
    return [order]


async def two_want_one_slot(world: World) -> list[dict[str, Any]]:
    """Journey 4 with two."""
    return await fight(world, ["anna", "boris"])


async def sixty_four_want_one_slot(world: World) -> list[dict[str, Any]]:
    """Journey 4 with sixty-four."""
    return await fight(world, [f"visitor{number:02}" for number in range(1, 65)])


async def fight(world: World, people: list[str]) -> list[dict[str, Any]]:
    """All order the same slot at once: one holds it and pays, the others are told, nobody else is asked to pay."""
    slot = world.slot(await world.room(f"Зал на {len(people)}"))
    await asyncio.gather(*(world.token(who) for who in people))
    orders = await asyncio.gather(*(world.place(who, slot) for who in people))
    held = [(who, order) for who, order in zip(people, orders, strict=True) if order["status"] == "new"]
    told = [(who, order) for who, order in zip(people, orders, strict=True) if order["status"] == "cancelled"]
    expect((len(held), len(told)), (1, len(people) - 1), "one held, the others told")
    expect({order["cancel_reason"] for _, order in told}, {"places_taken"}, "the reason")
    ((winner, order),) = held
    await world.pay(order)
    order = await world.until_order(winner, order["number"], "confirmed")
    await check_paid(world, order, slot)
    for _, other in told:
        page = await world.ok("fedor", "GET", "payments/v1/invoices", params={"order_id": other["id"]})
        world.acts.pop()
        expect(page["items"], [], f"invoices of the losing order {other['number']}")
    return [order, *(other for _, other in told)]


# ---- the state every service must be in


def _whose(world: World, order: dict[str, Any]) -> str:
    return next(name for name, known in world.names.items() if known == order["applicant_id"])


async def check_paid(world: World, order: dict[str, Any], slot: Slot, *, invoice_status: str = "paid") -> None:
    """Paid once, reserved, and everybody was told."""
    number = order["number"]
    money = order["money"]

    async def all_paid() -> bool:
        # The payment confirms the order; that its invoice is paid by that is told right after.
        nonlocal money
        money = (await world.order(_whose(world, order), number))["money"]
        world.acts.pop()
        return bool(money["status"] == "paid")

    await world.until(all_paid, f"the money of order {number} is there")
    expect(money["paid"], FULL_PRICE, f"paid for order {number}")
    expect((await world.reservation(order))["status"], "confirmed", f"reservation of order {number}")
    expect(await world.slot_is_free(slot), False, "the slot is free")
    invoice = await world.invoice(order)
    expect(invoice["paid"], FULL_PRICE, f"paid on the invoice of order {number}")
    if invoice_status == "paid":
        expect(invoice["status"], "paid", f"invoice of order {number}")
    expect(invoice["refunds"], [], f"refunds of order {number}")
    provider = await world.provider_payment(order)
    expect(
        (provider["payment"]["status"], provider["refunds"]),
        ("succeeded", []),
        f"payment of order {number} at the provider",
    )
    await _told(world, order, "confirmed")


async def check_unpaid_and_cancelled(world: World, order: dict[str, Any], reason: str) -> None:
    number = order["number"]
    expect((order["cancel_reason"], order["money"]["paid"]), (reason, NOTHING), f"order {number}")
    expect(order["money"]["payment_url"], None, f"payment link of order {number}")

    async def invoice_cancelled() -> bool:
        invoice = await world.invoice(order)
        return invoice["status"] == "cancelled" and {p["status"] for p in invoice["payments"]} == {"cancelled"}

    await world.until(invoice_cancelled, f"the invoice and payment of order {number} are cancelled")
    expect((await world.reservation(order))["status"], "expired", f"reservation of order {number}")
    await _told(world, order, "cancelled")


async def check_refunded(world: World, order: dict[str, Any]) -> None:
    number = order["number"]
    money = order["money"]
    expect((money["status"], money["refunded"]), ("refunded", FULL_PRICE), f"money of order {number}")
    invoice = await world.invoice(order)
    expect([r["status"] for r in invoice["refunds"]], ["succeeded"], f"refunds of order {number}")
    provider = await world.provider_payment(order)
    refunds = [(refund["status"], refund["amount"]["value"]) for refund in provider["refunds"]]
    expect(refunds, [("succeeded", "400.00")], f"refunds of order {number} at the provider")
    await _told(world, order, "refunded")


async def _told(world: World, order: dict[str, Any], what: str) -> None:
    """The mail arrived, once, and the chat shows what happened."""
    services = world.system.profile.services
    number = str(order["number"])
    if "notifications" in services:
        who = _whose(world, order)

        async def mailed() -> bool:
            return bool(await world.deliveries(who, order, MAILS[what]))

        await world.until(mailed, f"{who} gets the mail about order {number} being {what}")
        sent = await world.deliveries(who, order, MAILS[what])
        expect(len(sent), 1, f"mails to {who} about order {number} being {what}")
        if who == "anna":

            async def pushed() -> bool:
                return bool(await world.pushes(order, MAILS[what]))

            await world.until(pushed, f"anna's telephone shows that order {number} is {what}")
            expect(len(await world.pushes(order, MAILS[what])), 1, f"pushes about order {number} being {what}")
    if "chat" in services and what == "confirmed":

        async def written() -> bool:
            who = _whose(world, order)
            texts = [str(message["text"]) for message in await world.chat(who, order)]
            return sum("платёжный шлюз" in text or "payment gateway" in text for text in texts) == 1

        await world.until(written, f"the chat of order {number} tells of the payment, once")


#: What a mail's subject or text says, by language-independent template of notifications.
MAILS = {"confirmed": "order_confirmed", "cancelled": "order_cancelled", "refunded": "refund_succeeded"}

Journey = Callable[[World], Awaitable[list[dict[str, Any]]]]

#: In the order in which the demo plays them.
JOURNEYS: dict[str, tuple[str, Journey]] = {
    "1": ("A paid booking", paid_booking),
    "2": ("Nobody pays", nobody_pays),
    "3a": ("The money comes late, the place is free", late_payment_place_free),
    "3b": ("The money comes late, the place is taken", late_payment_place_taken),
    "4a": ("Two want one slot", two_want_one_slot),
    "4b": ("Sixty-four want one slot", sixty_four_want_one_slot),
    "5": ("Cancelled after paying", cancel_after_paying),
    "6": ("Paid in parts, at the desk and online", paid_in_parts),
    "7": ("A booking is moved", rescheduled_booking),
    "weekly": ("A booking every week, one time of it given up", weekly_booking),
    "waiting": ("Somebody waits for a time that is taken", waiting_list),
    "kept": ("A time is kept while the order is filled in", kept_slot),
    "kept-places": ("The last workplace and the last room are kept while the order is filled in", kept_places),
    "8": ("A postpaid request", postpaid_request),
    "9": ("Orders on account", account_orders),
    "10": ("A membership bought by a guest", membership),
    "11": ("From a dialog to an order", dialog_draft_order),
    "coworking": ("A place in a coworking, its ticket at the desk", coworking_ticket),
    "hotel": ("A night in a hotel with five extras", hotel_stay),
    "goods": ("Goods, one line of them missing", goods_order),
    "stripe": ("A seller that is paid at Stripe", paid_through_stripe),
}
