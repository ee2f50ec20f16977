"""Demo data for `./foyer up`: two locations with meeting rooms and the offering to book them. Adds what is missing."""

from __future__ import annotations

import asyncio

from foyer_tools.supervise import System
from foyer_tools.world import World, world

ROOMS = {
    ("Фойе на Литейном", "Europe/Moscow"): [("Нева", 10000), ("Фонтанка", 15000)],
    ("Foyer Mitte", "Europe/Berlin"): [("Spree", 12000)],
}
EIGHT_TO_TEN = [{"weekday": day, "opens": 480, "closes": 1320} for day in range(7)]


def seed(system: System) -> None:
    """Idempotent: a second call finds everything there."""
    asyncio.run(_seed(system))


async def _seed(system: System) -> None:
    async with world(system) as people:
        known = {item["name"]: item["id"] for item in (await _all(people, "locations"))}
        rooms = {(item["location_id"], item["name"]) for item in await _all(people, "resources")}
        for (name, zone), inside in ROOMS.items():
            if name not in known:
                body = {"name": name, "time_zone": zone, "opening_hours": EIGHT_TO_TEN}
                known[name] = (await people.ok("alex", "POST", "booking/v1/locations", json=body))["id"]
            for room, price in inside:
                if (known[name], room) not in rooms:
                    await people.ok(
                        "alex",
                        "POST",
                        "booking/v1/resources",
                        json={
                            "location_id": known[name],
                            "name": room,
                            "slot_minutes": 30,
                            "price": {"amount": price, "currency": "RUB"},
                        },
                    )


async def _all(people: World, plural: str) -> list[dict[str, str]]:
    items: list[dict[str, str]] = []
    after = None
    while True:
        page = await people.ok(
            "alex", "GET", f"booking/v1/{plural}", params={"limit": 100} | ({"after": after} if after else {})
        )
        items += page["items"]
        after = page["next"]
        if after is None:
            return items
