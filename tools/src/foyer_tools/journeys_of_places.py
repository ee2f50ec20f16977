"""Journeys of those who come for longer than a slot: a coworking ticket and a hotel stay, processed at the desk.

They are told as those of `journeys`: each raises WorldError when something came out otherwise.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

from foyer_tools.world import World, expect

WHOLE_DAY = [{"weekday": day, "opens": 0, "closes": 1440} for day in range(7)]
GATEWAY_PAYMENT = "Поступила оплата через платёжный шлюз"
NOON = 12


def rub(amount: int) -> dict[str, Any]:
    return {"amount": amount * 100, "currency": "RUB"}


async def _make(world: World, path: str, body: dict[str, Any]) -> str:
    return str((await world.ok("alex", "POST", path, json=body))["id"])


async def _location(world: World, name: str) -> str:
    """A location where it is about noon now, so that today is neither over nor still to begin."""
    ahead = NOON - datetime.now(UTC).hour
    zone = "UTC" if ahead == 0 else f"Etc/GMT{-ahead:+d}"
    return await _make(world, "booking/v1/locations", {"name": name, "time_zone": zone, "opening_hours": WHOLE_DAY})


def _noon(*, days: int) -> datetime:
    """About noon there, so many days from now."""
    return (datetime.now(UTC) + timedelta(days=days)).replace(minute=0, second=0, microsecond=0)


async def _offering(world: World, title: str, kind: str) -> str:
    body = {"title": title, "kind": kind, "terms": "prepaid", "responsible_ids": [await world.id_of("rita")]}
    return await _make(world, "orders/v1/offerings", body)


async def _place(world: World, content: dict[str, Any], who: str = "anna") -> dict[str, Any]:
    return dict(await world.ok(who, "POST", "orders/v1/orders", json=content, headers={"Prefer": "wait=20"}))


async def _paid(world: World, order: dict[str, Any], *statuses: str) -> dict[str, Any]:
    """The order once it is paid at the provider, confirmed, and the chat says so; as its manager sees the card."""
    await world.pay(order)
    await world.until_order("anna", order["number"], *(statuses or ("confirmed",)))

    async def written() -> bool:
        texts = [str(message["text"]) for message in await world.chat("anna", order)]
        return sum(GATEWAY_PAYMENT in text for text in texts) == 1

    await world.until(written, f"the chat of order {order['number']} tells of the payment, once (A23)")

    async def shown() -> bool:
        return bool((await world.order("rita", order["number"]))["money"]["payments"])

    await world.until(shown, f"order {order['number']} shows its payment")
    card = await world.order("rita", order["number"])
    (payment,) = card["money"]["payments"]
    told = (payment["number"], payment["amount"], payment["method"], payment["state"], bool(payment["at"]))
    expect(told, (1, card["total"], "bank_card", "succeeded", True), "the payment on the card (A19)")
    expect((card["money"]["status"], card["money"]["paid"]), ("paid", card["total"]), "the money on the card")
    expect((card["assignee_id"], card["applicant"]["id"]), (None, card["applicant_id"]), "executor and applicant (A19)")
    expect(card["applicant"]["name"] != "", True, "the applicant has a name on the card")
    return card


def _lines(order: dict[str, Any]) -> list[tuple[str, int, int, int]]:
    """Title, quantity, price and sum of each line, in roubles, as the card shows them."""
    return [
        (line["title"], line["quantity"], line["unit_price"]["amount"] // 100, line["total"]["amount"] // 100)
        for line in order["lines"]
    ]


async def coworking_ticket(world: World) -> list[dict[str, Any]]:
    """A place in a coworking for four hours at 100 ₽, as in the help of Olvery: 400 ₽; its ticket is worked on at the
    desk. Then a day's ticket, from check-in to its early end."""
    location = await _location(world, "Коворкинг")
    space = await _make(
        world, "booking/v1/spaces", {"location_id": location, "name": "Коворкинг на 2 этаже", "no_show_minutes": 60}
    )
    places = [
        await _make(world, f"booking/v1/spaces/{space}/places", {"label": f"2-{n}", "position": n}) for n in (1, 2)
    ]
    tariffs = f"booking/v1/spaces/{space}/tariffs"
    by_hour = await _make(world, tariffs, {"name": "Стандарт", "unit": "hour", "price": rub(100), "fixed": True})
    by_day = await _make(world, tariffs, {"name": "День", "unit": "day", "price": rub(700)})
    offering = await _offering(world, "Коворкинг на 2 этаже", "coworking")
    day = _noon(days=2)
    ticket = {"space_id": space, "visitor": {"name": "Алексей Трошков"}}
    content = {
        "offering_id": offering,
        "ticket": {**ticket, "tariff_id": by_hour, "starts_at": day.isoformat(), "quantity": 4, "place_id": places[0]},
    }
    order = await _place(world, content)
    expect(_lines(order), [("Коворкинг на 2 этаже, тариф «Стандарт»", 4, 100, 400)], "the lines of the order")
    expect(order["total"], rub(400), "the total of the order")
    card = await _paid(world, order)
    issued = await world.ok("rita", "GET", f"booking/v1/orders/{order['id']}/ticket")
    told = (issued["visitor_name"], issued["tariff"], issued["place"], issued["total"], issued["status"])
    expect(told, ("Алексей Трошков", "Стандарт", "2-1", rub(400), "confirmed"), "the ticket of the order (A16)")
    expect(card["places"]["number"], str(issued["number"]), "the ticket's number on the card")
    await _in_the_calendar(world, order)
    await _work_on_ticket(world, order, issued, places[1])
    return [
        await world.order("anna", order["number"]),
        await _day_ticket(world, offering, {**ticket, "tariff_id": by_day}),
    ]


async def _in_the_calendar(world: World, order: dict[str, Any]) -> None:
    """A calendar program, which cannot sign in, reads the customer's bookings from a secret address (X5)."""
    made = await world.ok("anna", "POST", "booking/v1/calendars", json={"subject": "mine"})
    read = await world.outside("GET", made["url"])
    expect(read.headers["content-type"], "text/calendar; charset=utf-8", "the type of the calendar")
    expect(f"Заказ {order['number']}" in read.text, True, "the calendar has the order")
    answer = await world.call("anna", "DELETE", f"booking/v1/calendars/{made['id']}")
    expect(answer.status_code, 204, "revoking the calendar")
    expect((await world.http.get(made["url"])).status_code, 404, "the revoked address")


async def _work_on_ticket(world: World, order: dict[str, Any], ticket: dict[str, Any], other_place: str) -> None:
    """From the order one opens the ticket and moves, blocks, and extends it; the hour more is paid too."""
    path = f"booking/v1/tickets/{ticket['id']}"
    found = await world.ok("dana", "GET", "booking/v1/tickets", params={"code": ticket["code"]})
    expect(found["id"], ticket["id"], "the ticket that its QR code finds")
    moved = await world.ok("rita", "POST", f"{path}/move", json={"place_id": other_place})
    expect(moved["place"], "2-2", "the place that the ticket was moved to")
    blocked = await world.ok("rita", "POST", f"{path}/block", json={})
    expect(blocked["blocked"], True, "the blocked ticket")
    await world.ok("rita", "POST", f"{path}/unblock", json={})
    early = await world.call("rita", "POST", f"{path}/check-in", json={})
    expect(early.status_code, 409, "checking in two days early")
    longer = await world.ok("rita", "POST", f"{path}/extend", json={"quantity": 1})
    expect(longer["total"], rub(500), "the total with an hour more")
    first_link = order["money"]["payment_url"]
    remainder: dict[str, Any] = {}

    async def payable() -> bool:
        remainder.update(await world.order("anna", order["number"]))
        return remainder["total"] == rub(500) and remainder["money"]["payment_url"] not in (None, first_link)

    await world.until(payable, f"the hour more of order {order['number']} can be paid")
    await world.pay(remainder)

    async def paid() -> bool:
        return bool((await world.order("anna", order["number"]))["money"]["paid"] == rub(500))

    await world.until(paid, f"the hour more of order {order['number']} is paid")


async def _day_ticket(world: World, offering: str, ticket: dict[str, Any]) -> dict[str, Any]:
    """It begins in a moment: the visitor comes, goes, comes again; it ends early, and the order is done."""
    starts_at = datetime.now(UTC) + timedelta(seconds=3)
    content = {"offering_id": offering, "ticket": {**ticket, "starts_at": starts_at.isoformat(), "quantity": 1}}
    order = await _place(world, content)
    expect(order["total"], rub(700), "the total of a day")
    await _paid(world, order, "confirmed", "active")
    await world.until_order("anna", order["number"], "active")
    issued = await world.ok("dana", "GET", f"booking/v1/orders/{order['id']}/ticket")
    path = f"booking/v1/tickets/{issued['id']}"
    for verb in ("check-in", "check-in", "check-out", "check-in"):
        inside = await world.ok("dana", "POST", f"{path}/{verb}", json={})
    expect((bool(inside["checked_in_at"]), inside["checked_out_at"]), (True, None), "the visitor is inside")
    ended = await world.ok("rita", "POST", f"{path}/end", json={})
    expect(ended["status"], "ended", "the ticket that was ended")
    return await world.until_order("anna", order["number"], "done")


async def hotel_stay(world: World) -> list[dict[str, Any]]:
    """A night with five extras, as in the help of Olvery: 1,000 + 5 × 500 = 3,500 ₽, each on a line of its own; the
    stay is processed at the reception to its end."""
    location = await _location(world, "Отель")
    rooms = await _make(world, "booking/v1/room-types", {"location_id": location, "name": "Отель «УЮТ»"})
    for label in ("101", "102"):
        await _make(world, f"booking/v1/room-types/{rooms}/rooms", {"label": label, "position": int(label)})
    await _make(world, f"booking/v1/room-types/{rooms}/rates", {"name": "Стандарт", "price": rub(1000)})
    extras = []
    for name, timed, at in (
        ("Обед", "no", None),
        ("Такси от аэропорта", "no", None),
        ("Ранний заезд", "early_check_in", "08:00"),
        ("Поздний выезд", "late_check_out", "19:00"),
        ("Ужин", "no", None),
    ):
        body = {"name": name, "price": rub(500), "timed": timed}
        extra = await _make(world, f"booking/v1/locations/{location}/extras", body)
        extras.append({"extra_id": extra, "quantity": 1} | ({"at": at} if at else {}))
    offering = await _offering(world, "Отель «УЮТ»", "hotel")
    # At noon it is the same day there as in Greenwich.
    today = _noon(days=0).date()
    stay = {
        "room_type_id": rooms,
        "arrival": today.isoformat(),
        "departure": (today + timedelta(days=1)).isoformat(),
        "adults": 2,
        "visitor": {"name": "Мария Семёнова"},
        "extras": extras,
    }
    order = await _place(world, {"offering_id": offering, "stay": stay, "extras_as_lines": True})
    expect(
        _lines(order),
        [
            ("Отель «УЮТ», тариф «Стандарт»", 1, 1000, 1000),
            ("Обед", 1, 500, 500),
            ("Такси от аэропорта", 1, 500, 500),
            ("Ранний заезд, 08:00", 1, 500, 500),
            ("Поздний выезд, 19:00", 1, 500, 500),
            ("Ужин", 1, 500, 500),
        ],
        "the lines of the order",
    )
    expect(order["total"], rub(3500), "the total of the order")
    invoice = await world.invoice(order)
    expect((invoice["total"], len(invoice["lines"])), (rub(3500), 6), "the invoice with extras as lines (A18)")
    await _paid(world, order, "confirmed", "active")
    await world.until_order("anna", order["number"], "active")
    found = await world.ok("rita", "GET", f"booking/v1/orders/{order['id']}/stay")
    told = (found["visitor_name"], found["adults"], found["children"], found["quantity"], found["place"])
    expect(told, ("Мария Семёнова", 2, 0, 1, "101"), "the stay of the order (A17)")
    await _process_stay(world, order, found)
    return [await world.until_order("anna", order["number"], "done")]


async def _process_stay(world: World, order: dict[str, Any], stay: dict[str, Any]) -> None:
    """Check in, another room, a night more which is paid, and check out."""
    path = f"booking/v1/stays/{stay['id']}"
    front_desk = await world.call("dana", "POST", f"{path}/check-in", json={})
    expect(front_desk.status_code in (403, 404), True, "the front desk of the club does not check hotel guests in")
    checked_in = await world.ok("rita", "POST", f"{path}/check-in", json={})
    expect(bool(checked_in["checked_in_at"]), True, "the guest is here")
    gone = await world.call("rita", "POST", f"{path}/no-show", json={})
    expect(gone.status_code, 409, "a no-show of a guest who is here")
    rooms = await world.ok("rita", "GET", f"booking/v1/room-types/{stay['room_type_id']}/rooms")
    other = next(room["id"] for room in rooms["items"] if room["label"] == "102")
    moved = await world.ok("rita", "POST", f"{path}/move", json={"room_id": other})
    expect(moved["place"], "102", "the room that the guest moved to")
    later = (date.fromisoformat(stay["departure"]) + timedelta(days=1)).isoformat()
    longer = await world.ok("rita", "POST", f"{path}/dates", json={"arrival": stay["arrival"], "departure": later})
    expect(longer["total"], rub(4500), "the total with a night more")
    first_link = order["money"]["payment_url"]
    remainder: dict[str, Any] = {}

    async def payable() -> bool:
        remainder.update(await world.order("anna", order["number"]))
        return remainder["total"] == rub(4500) and remainder["money"]["payment_url"] not in (None, first_link)

    await world.until(payable, f"the night more of order {order['number']} can be paid")
    await world.pay(remainder)

    async def paid() -> bool:
        return bool((await world.order("anna", order["number"]))["money"]["paid"] == rub(4500))

    await world.until(paid, f"the night more of order {order['number']} is paid")
    left = await world.ok("rita", "POST", f"{path}/check-out", json={})
    expect(left["status"], "ended", "the stay after the guest left")


async def kept_places(world: World) -> list[dict[str, Any]]:
    """Many want the last workplace, and the last room, at the same moment: one of them has it kept, the others are told
    at once. The one fills in the order, which takes it and is paid; who ordered what is kept is told so."""
    location = await _location(world, "Последнее место")
    space = await _make(world, "booking/v1/spaces", {"location_id": location, "name": "Тихий зал"})
    await _make(world, f"booking/v1/spaces/{space}/places", {"label": "7"})
    hour = {"name": "Час", "unit": "hour", "price": rub(100)}
    by_hour = await _make(world, f"booking/v1/spaces/{space}/tariffs", hour)
    rooms = await _make(world, "booking/v1/room-types", {"location_id": location, "name": "Мансарда"})
    await _make(world, f"booking/v1/room-types/{rooms}/rooms", {"label": "401"})
    await _make(world, f"booking/v1/room-types/{rooms}/rates", {"name": "Стандарт", "price": rub(1000)})
    day = _noon(days=2)
    ticket = {"space_id": space, "tariff_id": by_hour, "starts_at": day.isoformat(), "quantity": 4}
    nights = {"arrival": day.date().isoformat(), "departure": (day.date() + timedelta(days=2)).isoformat()}
    stay = {"room_type_id": rooms, **nights, "adults": 1}
    return [
        await _kept(world, await _offering(world, "Тихий зал", "coworking"), ("workplace", "ticket"), ticket),
        await _kept(world, await _offering(world, "Мансарда", "hotel"), ("room", "stay"), stay),
    ]


async def _kept(world: World, offering: str, called: tuple[str, str], wish: dict[str, Any]) -> dict[str, Any]:
    """`called`: what it is called by booking, and by orders."""
    kind, content = called
    people = ("anna", "boris", "carol")
    body = {"kind": kind, **wish}
    answers = await asyncio.gather(*(world.call(who, "POST", "booking/v1/offers", json=body) for who in people))
    expect(sorted(answer.status_code for answer in answers), [201, 409, 409], f"who has the {kind} kept")
    ((who, offer),) = (
        (who, answer.json()) for who, answer in zip(people, answers, strict=True) if answer.status_code == 201
    )
    other = next(name for name in people if name != who)
    wanted = {**wish, "visitor": {"name": "Пётр Гостев"}}
    refused = await _place(world, {"offering_id": offering, content: wanted}, other)
    expect((refused["status"], refused["cancel_reason"]), ("cancelled", "places_taken"), "who ordered what is kept")
    stolen = await _place(world, {"offering_id": offering, content: {**wanted, "offer_id": offer["id"]}}, other)
    expect((stolen["status"], stolen["cancel_reason"]), ("cancelled", "offer_expired"), "another's offer")
    order = await _place(world, {"offering_id": offering, content: {**wanted, "offer_id": offer["id"]}}, who)
    expect(order["places"]["place"], offer["place"], f"the {kind} that the order takes")
    await world.pay(order)
    await world.until_order(who, order["number"], "confirmed")
    return await world.order(who, order["number"])
