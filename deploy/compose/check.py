"""Play journeys against the running containers, through the published ports, as people would.

    .venv/bin/python deploy/compose/check.py            journey 1
    .venv/bin/python deploy/compose/check.py 1 2 3a     these (names: ./foyer demo --help)

Ports are those of .env or of the environment. 0 only if each ended in its expected state in every service.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from foyer_tools.journeys import JOURNEYS
from foyer_tools.layout import Profile
from foyer_tools.world import World, WorldError, expect, world

if TYPE_CHECKING:
    from foyer_tools.supervise import System

ENV_FILE = Path(__file__).parents[2] / ".env"
PORTS = {"gateway": 8080, "identity": 8090, "provider": 8091, "push": 8092, "mailbox": 8093, "stripe": 8094}
WEBHOOK = "/api/payments/v1/webhooks/yookassa"


@dataclass
class Containers:
    """What the people of foyer_tools.world need to know of a running system."""

    gateway_url: str
    sandbox_urls: dict[str, str]
    profile: Profile = field(default_factory=Profile)


def addresses(env_file: Path = ENV_FILE) -> Containers:
    """Where the containers are published: FOYER_<NAME>_PORT of the environment, of `env_file`, or the default."""
    lines = env_file.read_text(encoding="utf-8").splitlines() if env_file.exists() else []
    values = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#")) | dict(os.environ)
    urls = {name: f"http://127.0.0.1:{values.get(f'FOYER_{name.upper()}_PORT', port)}" for name, port in PORTS.items()}
    return Containers(urls.pop("gateway"), urls)


async def refusals(people: World) -> None:
    """What must not be let in: no token, routes that are not public, a webhook that the provider did not send."""
    gateway = people.system.gateway_url
    path = f"{gateway}/api/orders/v1/orders"
    expect((await people.http.get(path)).status_code, 401, "a request without a token")
    expect((await people.call("anna", "GET", "orders/metrics")).status_code, 404, "metrics through the gateway")
    forged = {"type": "notification", "event": "payment.succeeded", "object": {"id": "x"}}
    claims = {"X-Foyer-Client-Address": "127.0.0.1", "X-Forwarded-For": "127.0.0.1"}
    answer = await people.http.post(gateway + WEBHOOK, json=forged, headers=claims)
    expect(answer.status_code, 403, "a webhook from a stranger")


async def webhooks_arrived(people: World) -> None:
    """Nothing the provider sent was refused: no detour by polling made the journey come out right."""
    url = people.system.sandbox_urls["provider"] + "/sandbox/webhooks"

    async def all_taken() -> bool:
        found = (await people.outside("GET", url)).json()
        return bool(found) and all(item["state"] == "delivered" for item in found)

    await people.until(all_taken, "every webhook was taken with 200")


async def main(names: list[str]) -> int:
    """Play them in turn."""
    failed = 0
    async with world(cast("System", addresses())) as people:
        await refusals(people)
        print("refused as it should be: no token, metrics, a webhook from a stranger")
        for name in names:
            title, journey = JOURNEYS[name]
            started = time.perf_counter()
            try:
                orders = await journey(people)
                await webhooks_arrived(people)
            except WorldError as problem:
                failed += 1
                print(f"journey {name}: {title}: {problem}")
                continue
            print(f"journey {name}: {title}: as expected in every service, {time.perf_counter() - started:.1f} s")
            for order in orders[:2]:
                print(f"  order {order['number']}: {order['title']}")
    return 1 if failed else 0


if __name__ == "__main__":
    chosen = sys.argv[1:] or ["1"]
    if unknown := [name for name in chosen if name not in JOURNEYS]:
        sys.exit(f"no such journey: {', '.join(unknown)}; there are {', '.join(JOURNEYS)}")
    sys.exit(asyncio.run(main(chosen)))
