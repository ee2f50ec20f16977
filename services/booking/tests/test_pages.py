"""Lists are keyset pages: every row once, in one order, whoever is added meanwhile."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

from booking.service import SERVICE
from foyer_chassis.testing import Running

from .conftest import NOW, TOMORROW
from .races import key
from .test_coworking import add_space
from .test_hotel import add_hotel
from .test_memberships import ALEX, DANA, Club

#: Bounded by what is asked for: so many days of so many resources.
BOUNDED = {"/v1/availability", "/v1/offers"}


async def walked(booking: Running, path: str, who: tuple[str, ...] = ALEX, **params: Any) -> list[str]:
    """All ids, page by page of two; a page that is not the last is full."""
    seen: list[str] = []
    after = None
    while True:
        answer = await booking.client(*who).get(
            path, params={**params, "limit": 2, **({"after": after} if after else {})}
        )
        assert answer.status_code == 200, answer.text
        page = answer.json()
        seen += [item.get("id") or item["room_type_id"] for item in page["items"]]
        if page["next"] is None:
            return seen
        assert len(page["items"]) == 2
        after = page["next"]


async def whole(booking: Running, path: str, who: tuple[str, ...] = ALEX, **params: Any) -> list[str]:
    """As a caller gets it who asks for no page."""
    page = (await booking.client(*who).get(path, params=params)).json()
    assert page["next"] is None
    return [item.get("id") or item["room_type_id"] for item in page["items"]]


async def test_every_list_is_read_whole_page_by_page(booking: Running) -> None:
    club = await Club(booking).open()
    space, hotel = await add_space(booking), await add_hotel(booking)
    admin = booking.client(*ALEX)

    async def add(path: str, body: dict[str, Any]) -> None:
        for n in range(5):
            # Titles that sort otherwise than they were made, and some alike.
            named = {
                name: value.format((n * 3) % 5) if isinstance(value, str) else value for name, value in body.items()
            }
            answer = await admin.post(path, json=named, headers=key())
            assert answer.status_code == 201, answer.text

    rub = {"amount": 100, "currency": "RUB"}
    await add("/v1/groups", {"title": "Группа {}"})
    await add("/v1/membership-types", {"title": "Абонемент", "group_ids": [club.yoga]})
    await add(f"/v1/spaces/{space.id}/places", {"label": "X-{}", "position": 7})
    await add(f"/v1/spaces/{space.id}/tariffs", {"name": "Тариф {}", "unit": "day", "price": rub})
    await add(f"/v1/room-types/{hotel.type_id}/rooms", {"label": "X-{}"})
    await add(f"/v1/room-types/{hotel.type_id}/rates", {"name": "Тариф {}", "price": rub})
    await add(f"/v1/locations/{hotel.location_id}/extras", {"name": "Ужин {}", "price": rub})
    await add("/v1/room-types", {"name": "Номер {}", "location_id": str(hotel.location_id)})
    lesson = await club.scheduled()
    for n in range(5):
        await club.attached(await club.visitor(f"Посетитель {n}"), class_ids=[lesson])
    free = {"from": TOMORROW.isoformat(), "to": (TOMORROW + timedelta(hours=1)).isoformat()}
    night = {"location_id": str(hotel.location_id), "from": NOW.date().isoformat(), "days": 1}
    lists: list[tuple[str, tuple[str, ...], dict[str, Any], int]] = [
        ("/v1/groups", ALEX, {}, 7),
        ("/v1/membership-types", ALEX, {}, 6),
        (f"/v1/spaces/{space.id}/places", ALEX, {}, 5),
        (f"/v1/spaces/{space.id}/places/free", ALEX, free, 5),
        (f"/v1/spaces/{space.id}/tariffs", ALEX, {}, 5),
        (f"/v1/room-types/{hotel.type_id}/rooms", ALEX, {}, 5),
        (f"/v1/room-types/{hotel.type_id}/rates", ALEX, {}, 5),
        (f"/v1/locations/{hotel.location_id}/extras", ALEX, {}, 5),
        ("/v1/room-types/availability", ALEX, night, 6),
        (f"/v1/classes/{lesson}/places", DANA, {}, 5),
    ]
    for path, who, params, least in lists:
        expected = await whole(booking, path, who, **params)
        assert len(expected) == len(set(expected)) >= least, path
        assert await walked(booking, path, who, **params) == expected, path
        beyond = await booking.client(*who).get(path, params={**params, "after": str(uuid4())})
        assert (beyond.status_code, beyond.json()["items"][1:]) == (200, beyond.json()["items"][1:]), path


def test_every_list_takes_a_page() -> None:
    """By the published description; what is bounded otherwise is named here."""
    document = json.loads((SERVICE.folder / "openapi.json").read_text())
    lists, wrong = set(), []
    for path, methods in document["paths"].items():
        answer = (
            methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {}).get("application/json", {})
        )
        name = answer.get("schema", {}).get("$ref", "").rpartition("/")[2]
        properties = document["components"]["schemas"].get(name, {}).get("properties", {})
        # One thing may have items too: the lines of a ticket.
        if properties.get("items", {}).get("type") != "array" or "id" in properties:
            continue
        lists.add(path)
        takes = {parameter["name"] for parameter in methods["get"].get("parameters", ())}
        if path not in BOUNDED and not ({"limit", "after"} <= takes and "next" in properties):
            wrong.append(path)
    assert wrong == []
    assert lists > BOUNDED
