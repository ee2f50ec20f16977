"""The people of the demo and of the end-to-end tests: they have real tokens and act through the gateway only.

What stands outside (the payment page, the mailbox, the push gateway) is the sandbox's, looked at as a person would.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2

from foyer_tools.supervise import System

PASSWORD = "foyer"  # noqa: S105 - the demo people's, known to everybody
WAIT_SECONDS = 30.0
DEVICE = "demo-device-of-anna"
STAFF = ("rita", "sergey", "petr", "fedor", "maria", "dana", "alex")


class WorldError(Exception):
    """Something did not come out as it should; the text says what was expected and what was there."""


@dataclass(frozen=True)
class Act:
    """What a person did: one request."""

    at: datetime
    who: str
    what: str
    status: int
    milliseconds: float
    request_id: str


@dataclass
class Slot:
    resource_id: str
    starts_at: str
    ends_at: str


@dataclass
class World:
    """A running system and those who use it."""

    system: System
    http: httpx2.AsyncClient
    acts: list[Act] = field(default_factory=list)
    offering_id: str = ""
    location_id: str = ""
    #: A mail whose sender is killed between SMTP's acceptance and its own commit comes twice, with one Message-ID.
    mails_may_repeat: bool = False
    names: dict[str, str] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)

    async def token(self, who: str) -> str:
        """An access token, by the password grant of the demo client; kept for the run."""
        if who not in self._tokens:
            answer = await self.http.post(
                self.system.sandbox_urls["identity"] + "/token",
                data={
                    "grant_type": "password",
                    "client_id": "foyer-demo",
                    "username": who,
                    "password": PASSWORD,
                    "scope": "openid profile email phone",
                },
            )
            answer.raise_for_status()
            self._tokens[who] = answer.json()["access_token"]
            self.names[who] = await self.id_of(who)
        return self._tokens[who]

    async def call(self, who: str, method: str, path: str, **more: Any) -> httpx2.Response:
        """A request through the gateway as that person; every POST gets an Idempotency-Key unless it has one."""
        headers = {"Authorization": f"Bearer {await self.token(who)}", **more.pop("headers", {})}
        if method == "POST":
            headers.setdefault("Idempotency-Key", uuid4().hex)
        at, started = datetime.now(UTC), time.perf_counter()
        answer = await self.http.request(method, f"{self.system.gateway_url}/api/{path}", headers=headers, **more)
        milliseconds = (time.perf_counter() - started) * 1000
        request_id = answer.headers.get("x-request-id", "")
        self.acts.append(Act(at, who, f"{method} /api/{path}", answer.status_code, milliseconds, request_id))
        return answer

    async def ok(self, who: str, method: str, path: str, **more: Any) -> Any:
        """The same; WorldError unless it succeeded. The answer's JSON."""
        answer = await self.call(who, method, path, **more)
        if not answer.is_success:
            raise WorldError(f"{who}: {method} {path} answered {answer.status_code}: {answer.text[:500]}")
        return answer.json()

    async def as_guest(self, method: str, path: str, **more: Any) -> Any:
        """A request through the gateway by somebody without an account; the answer's JSON."""
        headers = {"Idempotency-Key": uuid4().hex, **more.pop("headers", {})}
        at, started = datetime.now(UTC), time.perf_counter()
        answer = await self.http.request(method, f"{self.system.gateway_url}/api/{path}", headers=headers, **more)
        milliseconds = (time.perf_counter() - started) * 1000
        request_id = answer.headers.get("x-request-id", "")
        self.acts.append(Act(at, "guest", f"{method} /api/{path}", answer.status_code, milliseconds, request_id))
        if not answer.is_success:
            raise WorldError(f"guest: {method} {path} answered {answer.status_code}: {answer.text[:500]}")
        return answer.json()

    async def outside(self, method: str, url: str, **more: Any) -> httpx2.Response:
        """Something a person does outside of Foyer, e.g. on the payment page."""
        answer = await self.http.request(method, url, **more)
        if answer.status_code >= 400:
            raise WorldError(f"{method} {url} answered {answer.status_code}: {answer.text[:300]}")
        return answer

    # ---- what there is to book

    async def furnish(self) -> None:
        """A location and an offering, made by the administrator, unless they are there."""
        locations = await self.ok("alex", "GET", "booking/v1/locations")
        if locations["items"]:
            self.location_id = locations["items"][0]["id"]
        else:
            hours = [{"weekday": day, "opens": 0, "closes": 1440} for day in range(7)]
            body = {"name": "Фойе на Литейном", "time_zone": "Europe/Moscow", "opening_hours": hours}
            self.location_id = (await self.ok("alex", "POST", "booking/v1/locations", json=body))["id"]
        if "notifications" in self.system.profile.services:
            await self.call("anna", "PUT", f"notifications/v1/devices/{DEVICE}")
        offerings = await self.ok("alex", "GET", "orders/v1/offerings", params={"kind": "slot_booking"})
        if offerings["items"]:
            self.offering_id = offerings["items"][0]["id"]
        else:
            body = {"title": "Переговорная", "kind": "slot_booking", "responsible_ids": [await self.id_of("rita")]}
            self.offering_id = (await self.ok("alex", "POST", "orders/v1/offerings", json=body))["id"]

    async def id_of(self, who: str) -> str:
        answer = await self.http.get(
            self.system.sandbox_urls["identity"] + "/userinfo",
            headers={"Authorization": f"Bearer {await self.token(who)}"},
        )
        return str(answer.json()["sub"])

    async def room(self, name: str, *, hold_seconds: int | None = None) -> str:
        """A new meeting room; returns when orders has heard of it."""
        body = {
            "location_id": self.location_id,
            "name": name,
            "slot_minutes": 30,
            "price": {"amount": 10000, "currency": "RUB"},
            "hold_ttl_seconds": hold_seconds,
        }
        room = str((await self.ok("alex", "POST", "booking/v1/resources", json=body))["id"])
        slot = self.slot(room)
        # An order at a wrong price is refused for its price only once the room is known.
        wrong = {**self.order_body(slot), "expected_total": {"amount": 1, "currency": "RUB"}}

        async def known() -> bool:
            answer = await self.call("anna", "POST", "orders/v1/orders", json=wrong)
            return str(answer.json().get("type", "")).endswith("/price-mismatch")

        await self.until(known, f"orders hears of {name}")
        self.acts.clear()
        return room

    def slot(self, room: str, *, days: int = 2, hour: int = 12) -> Slot:
        """Two hours in that room: four slots."""
        day = (datetime.now(UTC) + timedelta(days=days)).replace(hour=hour, minute=0, second=0, microsecond=0)
        return Slot(room, day.isoformat(), (day + timedelta(hours=2)).isoformat())

    def order_body(self, slot: Slot) -> dict[str, Any]:
        return {"offering_id": self.offering_id, "slots": slot.__dict__}

    # ---- what people do

    async def place(self, who: str, slot: Slot, *, wait: int = 20, key: str | None = None) -> dict[str, Any]:
        headers = {"Prefer": f"wait={wait}"} | ({"Idempotency-Key": key} if key else {})
        return dict(await self.ok(who, "POST", "orders/v1/orders", json=self.order_body(slot), headers=headers))

    async def pay(self, order: dict[str, Any]) -> None:
        """Open the payment page and pay there with the test card."""
        url = order["money"]["payment_url"]
        if not url:
            raise WorldError(f"order {order['number']} has no payment link")
        started, at = time.perf_counter(), datetime.now(UTC)
        await self.outside("GET", url)
        answer = await self.http.post(url, data={"action": "pay"}, follow_redirects=False)
        if answer.status_code not in (302, 303):
            raise WorldError(f"the payment page answered {answer.status_code}: {answer.text[:300]}")
        milliseconds = (time.perf_counter() - started) * 1000
        self.acts.append(Act(at, "payer", "pays on the provider's page", answer.status_code, milliseconds, ""))

    async def order(self, who: str, number: int) -> dict[str, Any]:
        return dict(await self.ok(who, "GET", f"orders/v1/orders/{number}"))

    async def until_order(self, who: str, number: int, *statuses: str, seconds: float = WAIT_SECONDS) -> dict[str, Any]:
        """The order once it has one of these statuses."""
        found: dict[str, Any] = {}

        async def there() -> bool:
            nonlocal found
            answer = await self.call(who, "GET", f"orders/v1/orders/{number}")
            self.acts.pop()
            found = answer.json() if answer.is_success else {}
            return found.get("status") in statuses

        await self.until(there, f"order {number} becomes {' or '.join(statuses)}", seconds, lambda: found)
        return found

    async def invoice(self, order: dict[str, Any]) -> dict[str, Any]:
        page = await self.ok("fedor", "GET", "payments/v1/invoices", params={"order_id": order["id"]})
        self.acts.pop()
        if len(page["items"]) != 1:
            raise WorldError(f"order {order['number']} has {len(page['items'])} invoices, not one")
        return dict(page["items"][0])

    async def provider_payment(self, order: dict[str, Any]) -> dict[str, Any]:
        """The payment as the provider has it."""
        (payment,) = (await self.invoice(order))["payments"]
        url = f"{self.system.sandbox_urls['provider']}/sandbox/payments/{payment['number']}"
        return dict((await self.outside("GET", url)).json())

    async def reservation(self, order: dict[str, Any]) -> dict[str, Any]:
        found = await self.ok("rita", "GET", f"booking/v1/orders/{order['id']}/reservation")
        self.acts.pop()
        return dict(found)

    async def slot_is_free(self, slot: Slot) -> bool:
        day = datetime.fromisoformat(slot.starts_at)
        found = await self.ok(
            "rita",
            "GET",
            f"booking/v1/resources/{slot.resource_id}/availability",
            params={"from": (day.date() - timedelta(days=1)).isoformat(), "days": 3},
        )
        self.acts.pop()
        begin, end = day, datetime.fromisoformat(slot.ends_at)
        mine = [
            item["free"]
            for each in found["days"]
            for item in each["slots"]
            if begin <= datetime.fromisoformat(item["starts_at"]) < end
        ]
        if len(mine) != 4:
            raise WorldError(f"the room has {len(mine)} slots in those two hours, not 4")
        return all(mine)

    async def mails(self, who: str, message_id_part: str) -> list[dict[str, Any]]:
        url = self.system.sandbox_urls["mailbox"] + "/sandbox/messages"
        found = (await self.outside("GET", url, params={"to": f"{who}@example.test"})).json()
        mails = [mail for mail in found if message_id_part in mail["message_id"]]
        return list({mail["message_id"]: mail for mail in mails}.values()) if self.mails_may_repeat else mails

    async def mail_text(self, mail: dict[str, Any]) -> dict[str, Any]:
        """A mail with what stands in it."""
        url = f"{self.system.sandbox_urls['mailbox']}/sandbox/messages/{mail['id']}"
        return dict((await self.outside("GET", url)).json())

    async def deliveries(self, who: str, order: dict[str, Any], template: str) -> list[dict[str, Any]]:
        """Mails about an order that lie in that person's mailbox, by the template they were made from."""
        found = await self.ok("alex", "GET", "notifications/v1/deliveries", params={"order_id": order["id"]})
        self.acts.pop()
        ids = {
            item["id"]
            for item in found["items"]
            if item["template"] == template and item["channel"] == "email" and item["recipient_id"] == self.names[who]
        }
        return [mail for id_ in ids for mail in await self.mails(who, id_)]

    async def pushes(self, order: dict[str, Any], template: str) -> list[dict[str, Any]]:
        """What was pushed to Anna's telephone about an order."""
        url = self.system.sandbox_urls["push"] + "/sandbox/messages"
        found = (await self.outside("GET", url, params={"token": DEVICE})).json()
        wanted = (f"'{order['id']}'", f"'{template}'")
        return [message for message in found if all(part in str(message) for part in wanted)]

    async def chat(self, who: str, order: dict[str, Any]) -> list[dict[str, Any]]:
        """Messages of the order's public thread, as that person reads them."""
        conversation = await self.ok(who, "GET", f"chat/v1/orders/{order['id']}/conversation")
        path = f"chat/v1/conversations/{conversation['id']}/messages"
        found = await self.ok(who, "GET", path, params={"thread": "public"})
        del self.acts[-2:]
        return list(found["items"])

    # ---- waiting and checking

    async def until(
        self,
        condition: Callable[[], Awaitable[bool]],
        what: str,
        seconds: float = WAIT_SECONDS,
        seen: Callable[[], object] = lambda: "",
    ) -> None:
        """WorldError when it does not come true in time."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if await condition():
                    return
            except (httpx2.HTTPError, WorldError, KeyError) as problem:
                # Services are killed under us in some tests; what counts is the end.
                last: object = problem
            else:
                last = seen()
            if time.monotonic() > deadline:
                raise WorldError(f"within {seconds:.0f} s it did not happen that {what}; last seen: {last}")
            await asyncio.sleep(0.05)


def expect(found: object, wanted: object, what: str) -> None:
    """Raises WorldError when they differ."""
    if found != wanted:
        raise WorldError(f"{what}: expected {wanted!r}, found {found!r}")


@asynccontextmanager
async def world(system: System) -> AsyncIterator[World]:
    """The people of a running system, with a furnished location."""
    limits = httpx2.Limits(max_connections=200, max_keepalive_connections=100)
    async with httpx2.AsyncClient(timeout=60, limits=limits) as http:
        made = World(system, http)
        await made.furnish()
        yield made
