"""Journeys of slots beyond the plain booking: one that recurs, a time that is waited for (X5), one that is kept.

They are told as those of `journeys`: each raises WorldError when something came out otherwise.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

from foyer_tools.world import Slot, World, expect

WEEK = timedelta(days=7)
LATER = timedelta(hours=3)
OF_ONE = 40000  # two hours: four slots of 100 ₽


def _week(slot: Slot, number: int) -> dict[str, str]:
    """The slot so many weeks later."""
    times = (datetime.fromisoformat(at) + number * WEEK for at in (slot.starts_at, slot.ends_at))
    return dict(zip(("starts_at", "ends_at"), (time.isoformat() for time in times), strict=True))


async def _order(world: World, who: str, slot: Slot, **more: Any) -> dict[str, Any]:
    body = {"offering_id": world.offering_id, "slots": {**slot.__dict__, **more}}
    return dict(await world.ok(who, "POST", "orders/v1/orders", json=body, headers={"Prefer": "wait=20"}))


async def weekly_booking(world: World) -> list[dict[str, Any]]:
    """Four weeks at once: tried first, held all or nothing, paid as one; one time is given up, its money comes back and
    somebody else has it; what overlaps the others is refused whole. What is left moves to another time of day, all or
    nothing, and everybody is told."""
    slot = world.slot(await world.room("Вуокса"), days=3)
    weekly = {**slot.__dict__, "recurrence": "FREQ=WEEKLY;COUNT=4"}
    tried = await world.ok("anna", "POST", "booking/v1/recurrences/preview", json=weekly)
    expect((tried["bookable"], tried["total"]["amount"]), (True, 4 * OF_ONE), "the dry run")
    order = await _order(world, "anna", slot, recurrence="FREQ=WEEKLY;COUNT=4")
    expect((order["total"]["amount"], order["places"]["occurrences"]), (4 * OF_ONE, "4"), "what is held")
    await world.pay(order)
    await world.until_order("anna", order["number"], "confirmed")
    refused = await _order(world, "carol", slot, **_week(slot, 3), recurrence="FREQ=WEEKLY;COUNT=3")
    expect((refused["status"], refused["cancel_reason"]), ("cancelled", "places_taken"), "what overlaps one time")
    path = f"booking/v1/orders/{order['id']}/reservation/occurrences/cancel"
    body = {"starts_at": _week(slot, 1)["starts_at"], "scope": "one"}
    await world.ok("anna", "POST", path, json=body)

    async def given_back() -> bool:
        found = await world.order("anna", order["number"])
        told = (found["total"]["amount"], found["places"]["occurrences"], found["money"]["refunded"]["amount"])
        return bool(told == (3 * OF_ONE, "3", OF_ONE))

    await world.until(given_back, f"one of four times of order {order['number']} is paid back")
    other = await _order(world, "carol", slot, **_week(slot, 1))
    await world.pay(other)
    await world.until_order("carol", other["number"], "confirmed")
    await _move_rest(world, order, slot)
    return [await world.order("anna", order["number"]), await world.order("carol", other["number"])]


async def _move_rest(world: World, order: dict[str, Any], slot: Slot) -> None:
    """What is left of a weekly booking is three hours later from now on; its second time is carol's now, and goes
    nowhere."""
    later = {at: (datetime.fromisoformat(getattr(slot, at)) + LATER).isoformat() for at in ("starts_at", "ends_at")}
    path = f"booking/v1/orders/{order['id']}/reservation/occurrences/reschedule"
    move = {"number": 0, "scope": "all", **later}
    tried = await world.ok("rita", "POST", f"{path}/preview", json=move)
    expect(
        (tried["movable"], [item["number"] for item in tried["items"]]), (True, [0, 2, 3]), "the dry run of the move"
    )
    onto_carol = {"number": 0, "scope": "one", **_week(slot, 1)}
    expect(
        (await world.call("rita", "POST", path, json=onto_carol)).status_code, 409, "a move onto a time that is taken"
    )
    await world.ok("rita", "POST", path, json=move)
    expect(await world.slot_is_free(slot), True, "the old time")

    new = [datetime.fromisoformat(item["starts_at"]) for item in tried["items"]]

    async def shown() -> bool:
        times = (await world.order("anna", order["number"]))["places"]["times"]
        return [datetime.fromisoformat(each["starts_at"]) for each in times] == new

    await world.until(shown, f"order {order['number']} shows the new times")

    async def told() -> bool:
        said = any(item["template"] == "reservation_rescheduled" for item in await world.chat("anna", order))
        return said and bool(await world.deliveries("anna", order, "booking_moved"))

    await world.until(told, "anna is told of the new times")


async def waiting_list(world: World) -> list[dict[str, Any]]:
    """A time is taken; somebody waits for it. It becomes free: it is kept for them, nobody else gets it, and they are
    told; they take it."""
    slot = world.slot(await world.room("Смолянка"), days=3)
    first = await _order(world, "anna", slot)
    await world.pay(first)
    await world.until_order("anna", first["number"], "confirmed")
    entry = await world.ok("boris", "POST", "booking/v1/waiting-list", json=slot.__dict__)
    expect((entry["status"], entry["position"]), ("waiting", 1), "the place in the list")
    await world.ok("anna", "POST", f"orders/v1/orders/{first['number']}/cancel", json={})
    offered: dict[str, Any] = {}

    async def offer() -> bool:
        page = await world.ok("boris", "GET", "booking/v1/waiting-list")
        offered.update(next(item for item in page["items"] if item["id"] == entry["id"]))
        return bool(offered["status"] == "offered")

    await world.until(offer, "the time that became free is offered to who waits")
    faster = await _order(world, "carol", slot)
    expect((faster["status"], faster["cancel_reason"]), ("cancelled", "places_taken"), "who does not wait")
    stolen = await _order(world, "carol", slot, offer_id=offered["offer"]["id"])
    expect((stolen["status"], stolen["cancel_reason"]), ("cancelled", "offer_expired"), "another's offer")
    taken = await _order(world, "boris", slot, offer_id=offered["offer"]["id"])
    await world.pay(taken)
    await world.until_order("boris", taken["number"], "confirmed")
    await world.until_order("anna", first["number"], "cancelled_refunded")
    return [await world.order("anna", first["number"]), await world.order("boris", taken["number"])]


async def kept_slot(world: World) -> list[dict[str, Any]]:
    """Many want one time at the same moment: one of them has it kept, the others are told at once. The one fills in the
    order, which takes it; another time is kept and given up, and is free."""
    slot = world.slot(await world.room("Карповка"), days=3)
    people = ("anna", "boris", "carol")
    answers = await asyncio.gather(
        *(world.call(who, "POST", "booking/v1/offers", json=slot.__dict__) for who in people)
    )
    kept = {who: answer.json() for who, answer in zip(people, answers, strict=True) if answer.status_code == 201}
    expect(sorted(answer.status_code for answer in answers), [201, 409, 409], "who has it kept")
    ((who, offer),) = kept.items()
    other = next(name for name in people if name != who)
    refused = await _order(world, other, slot)
    expect((refused["status"], refused["cancel_reason"]), ("cancelled", "places_taken"), "who ordered what is kept")
    order = await _order(world, who, slot, offer_id=offer["id"])
    await world.pay(order)
    await world.until_order(who, order["number"], "confirmed")
    later = world.slot(slot.resource_id, days=4)
    given_up = await world.ok(other, "POST", "booking/v1/offers", json=later.__dict__)
    expect(await world.slot_is_free(later), False, "a time that is kept")
    expect((await world.call(other, "DELETE", f"booking/v1/offers/{given_up['id']}")).status_code, 204, "giving it up")
    expect(await world.slot_is_free(later), True, "a time that was given up")
    return [await world.order(who, order["number"])]
