"""What people and programs may send that is no good: every field of every route in turn gets what it should not have; the
answer is a clear refusal, never a failure of ours."""

from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from foyer_chassis.testing import Running
from foyer_contracts.orders import StayRequest, TicketRequest

from .conftest import TOMORROW
from .races import key
from .test_coworking import Space, add_space, issued, made
from .test_coworking import wants as wants_ticket
from .test_hotel import add_hotel
from .test_hotel import sold as sold_stay
from .test_hotel import wants as wants_stay
from .test_memberships import ALEX, Club

TAGS = {"coworking", "hotel", "memberships", "classes", "visitors", "calendars", "offers"}
NASTY: dict[str, list[Any]] = {
    "string": ["a\x00b", "x" * 5_000, 1],
    "integer": [2**63, -1, 1.5],
    "boolean": ["x"],
    "date-time": ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026-12-02T09:00:00"],
    "date": ["9999-12-31", "0001-01-01"],
    "uuid": ["x", None],
    "array": [[], [None]],
    "object": [{}, None],
}


def resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/")[-1]]
    for variant in schema.get("anyOf", ()):
        if variant.get("type") != "null":
            return resolved(variant, document)
    return schema


def variants(schema: dict[str, Any], document: dict[str, Any]) -> list[dict[str, Any]]:
    schema = resolved(schema, document)
    return [resolved(each, document) for each in schema.get("oneOf", [schema])]


def nasty(schema: dict[str, Any]) -> list[Any]:
    return NASTY.get(str(schema.get("format")), NASTY.get(str(schema.get("type")), ["x"]))


def ordinary(name: str, schema: dict[str, Any], document: dict[str, Any], known: dict[str, str]) -> Any:
    """Something that passes."""
    schema = resolved(schema, document)
    if name in known:
        return known[name]
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("format") == "date-time":
        return (TOMORROW + timedelta(hours=3 if name in ("to", "ends_at", "starts_to", "until") else 2)).isoformat()
    if schema.get("format") == "date":
        return "2026-12-20" if name in ("departure", "last") else "2026-12-15"
    if schema.get("format") == "uuid":
        return str(uuid4())
    match schema.get("type"):
        case "object":
            wanted = schema.get("required", [])
            return {one: ordinary(one, schema["properties"][one], document, known) for one in wanted}
        case "array":
            return [ordinary(name, schema["items"], document, known)]
        case "integer":
            return max(schema.get("minimum", 1), 1)
        case "boolean":
            return True
    return {"currency": "RUB", "code": "AAAA-BBBB-CCCC", "title": f"Имя {uuid4()}"}.get(name, "Имя")


def mutations(body: dict[str, Any], schema: dict[str, Any], document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The body with one thing wrong, at every place in turn."""
    for name, inner in schema.get("properties", {}).items():
        inner = resolved(inner, document)  # noqa: PLW2901
        for value in nasty(inner):
            yield {**body, name: value}
        if inner.get("type") == "object" and isinstance(body.get(name), dict):
            for changed in mutations(body[name], inner, document):
                yield {**body, name: changed}
        if inner.get("type") == "array" and isinstance(body.get(name), list):
            item = resolved(inner["items"], document)
            if item.get("type") == "object":
                for changed in mutations(body[name][0], item, document):
                    yield {**body, name: [changed]}
            else:
                for value in nasty(item):
                    yield {**body, name: [value]}
    yield {**body, "unknown": 1}


def workplace(space: Space) -> dict[str, Any]:
    """A workplace to be kept."""
    starts_at = (TOMORROW + timedelta(days=3)).isoformat()
    known = {"space_id": str(space.id), "tariff_id": str(space.tariff)}
    return {"kind": "workplace", **known, "starts_at": starts_at, "quantity": 1}


async def things(booking: Running, *, owner: UUID | None = None) -> dict[str, str]:
    """One of everything, by the names that paths have for it; ticket and stay are the owner's."""
    club = await Club(booking).open()
    space, hotel = await add_space(booking), await add_hotel(booking)
    visitor = await club.visitor()
    lesson = await club.scheduled()
    item, _ = await club.attached(visitor)
    place = await club.made(f"/v1/classes/{lesson}/places", {"visitor_id": visitor})
    ticket, order = await issued(booking, space, applicant_id=owner)
    stay, order_of_stay = await sold_stay(booking, hotel, applicant_id=owner)
    admin = booking.client(*ALEX)
    feed = await admin.post("/v1/calendars", json={"subject": "mine"})
    kept = await booking.client("anna", "customer").post("/v1/offers", json=workplace(space), headers=key())
    extra = await made(
        admin,
        f"/v1/locations/{hotel.location_id}/extras",
        {"name": "Ужин", "price": {"amount": 1, "currency": "RUB"}},
    )
    return {
        "space_id": str(space.id),
        "tariff_id": str(space.tariff),
        "place_id": str(space.places[1]),
        "ticket_id": ticket.rsplit("/")[-1],
        "order_id": str(order.data.order_id),
        "room_type_id": str(hotel.type_id),
        "location_id": str(hotel.location_id),
        "rate_id": str(hotel.rate),
        "room_id": str(hotel.rooms[1]),
        "extra_id": extra["id"],
        "stay_id": stay.rsplit("/")[-1],
        "type_id": club.type["id"],
        "group_id": club.yoga,
        "pass_id": item["id"],
        "class_id": lesson,
        "visitor_id": visitor,
        "calendar_id": feed.json()["id"],
        "offer_id": kept.json()["id"],
        "thing_id": str(space.id),
        "class_place": place["id"],
        "order_of_stay": str(order_of_stay.data.order_id),
    }


@pytest.mark.parametrize("tag", sorted(TAGS))
async def test_every_field_of_every_route(booking: Running, tag: str) -> None:
    known = await things(booking)
    document = booking.app.openapi()
    failed, asked = [], 0
    # Another one now and then: searches and guesses are limited for each.
    clients = [booking.client(f"admin{number}", "administrator") for number in range(60)]

    async def ask(method: str, path: str, **more: Any) -> None:
        nonlocal asked
        client = clients[asked % len(clients)]
        headers = {**key(), "If-Match": '"1"'}
        answer = await client.request(method, path, headers=headers, **more)
        asked += 1
        if answer.status_code >= 500:
            failed.append((method, path, more, answer.text))

    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if tag not in operation.get("tags", ()):
                continue
            ids = {**known, "place_id": known["class_place"]} if path.startswith("/v1/class-places") else known
            url = path
            for name, value in ids.items():
                url = url.replace("{" + name + "}", value)
            assert "{" not in url, url
            parameters = [item for item in operation.get("parameters", ()) if item["in"] == "query"]
            query = {
                item["name"]: ordinary(item["name"], item["schema"], document, known)
                for item in parameters
                if item.get("required")
            }
            for item in parameters:
                for value in nasty(resolved(item["schema"], document)):
                    text = "" if value is None else str(value).encode("utf-8", "replace").decode()
                    await ask(method, url, params={**query, item["name"]: text})
            if "requestBody" in operation:
                for schema in variants(operation["requestBody"]["content"]["application/json"]["schema"], document):
                    body = ordinary("", schema, document, known)
                    for changed in mutations(body, schema, document):
                        await ask(method, url, content=_json(changed), params=query)
    assert failed == []
    assert asked > 20


def _json(body: Any) -> bytes:
    import json

    return json.dumps(deepcopy(body)).encode()


@pytest.mark.parametrize("what", ["ticket", "stay"])
async def test_orders_that_ask_for_what_cannot_be_are_refused_not_failed(booking: Running, what: str) -> None:
    """What orders lets pass and booking has to refuse: the queue goes on."""
    space, hotel = await add_space(booking), await add_hotel(booking)
    changes: dict[str, list[dict[str, Any]]] = {
        "ticket": [
            {"quantity": 2**31},
            {"quantity": 366},
            {"starts_at": TOMORROW.replace(year=9999, month=12, day=31, hour=23)},
        ],
        "stay": [
            {"adults": 10**9},
            {"rooms": 10**6},
            {"arrival": TOMORROW.date().replace(year=9998), "departure": TOMORROW.date().replace(year=9999)},
            {"departure": TOMORROW.date().replace(year=9999, month=12, day=31)},
            {
                "arrival": TOMORROW.date().replace(year=9999, month=12, day=30),
                "departure": TOMORROW.date().replace(year=9999, month=12, day=31),
            },
        ],
    }
    for number, change in enumerate(changes[what], 1):
        order = wants_ticket(space) if what == "ticket" else wants_stay(hotel)
        asked: TicketRequest | StayRequest | None = getattr(order.data, what)
        assert asked is not None
        data = order.data.model_copy(update={what: asked.model_copy(update=change)})
        await booking.handle_twice(order.model_copy(update={"data": data}))
        told = [
            event
            for event in await booking.published()
            if event.type in ("booking.places.unavailable.v1", "booking.places.held.v1")
        ]
        assert len(told) == number, change
