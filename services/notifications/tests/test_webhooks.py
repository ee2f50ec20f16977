"""Outgoing webhooks (X8), called over real HTTP: signatures, retries, switching off, and no private addresses."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from foyer_chassis.testing import Databases, Identity, Running, running
from foyer_contracts.catalogue import BY_TYPE
from foyer_contracts.samples import NOW, SAMPLES
from notifications.channels.calls import is_public
from notifications.channels.webhook import HttpSender
from notifications.service import SERVICE
from notifications.webhooks.domain import PAUSES

from .conftest import Outside, channel_settings, contact, sample

STATUS = "orders.order.status_changed.v1"


class Receiver:
    """A system that takes webhooks, on a real socket."""

    def __init__(self) -> None:
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.calls.append(({name.lower(): value for name, value in self.headers.items()}, body))
                status, headers = receiver.answers.pop(0) if receiver.answers else (204, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/in?from=foyer"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
async def hooks(databases: Databases, identity: Identity, outside: Outside) -> AsyncIterator[Running]:
    settings = channel_settings(outside, webhooks_to_private_networks=True)
    async with running(SERVICE, databases, identity, **settings) as it:
        it.at(NOW)
        yield it


def admin(it: Running) -> httpx2.AsyncClient:
    return it.client("alex", "administrator")


async def subscribe(it: Running, url: str, *types: str) -> httpx2.Response:
    return await admin(it).post(
        "/v1/webhooks", json={"url": url, "types": list(types or (STATUS,))}, headers={"Idempotency-Key": uuid4().hex}
    )


async def later(it: Running, pause: timedelta) -> None:
    it.at(it.database.now() + pause)
    await it.turn("webhooks")


async def log(it: Running, webhook_id: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await admin(it).get(f"/v1/webhooks/{webhook_id}/messages")).json()["items"]
    return items


@pytest.mark.feature("X8")
async def test_event_is_sent_once_and_signed(hooks: Running, receiver: Receiver) -> None:
    made = (await subscribe(hooks, receiver.url)).json()
    await hooks.handle_twice(sample(STATUS), sample("orders.order.placed.v1"))
    for _ in range(2):
        await hooks.turn("webhooks")
    ((headers, body),) = receiver.calls
    assert json.loads(body) == json.loads(SAMPLES[STATUS].to_json()), "a CloudEvent as it is on the wire"
    assert headers["webhook-id"] == str(sample(STATUS).id)
    assert headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(made["secret"].removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    (message,) = await log(hooks, made["id"])
    assert (message["state"], [item["status"] for item in message["attempts"]]) == ("sent", [204])
    again = (await admin(hooks).get(f"/v1/webhooks/{made['id']}")).text
    assert made["secret"] not in again


@pytest.mark.feature("X8")
async def test_failures_are_tried_again_with_growing_pauses(hooks: Running, receiver: Receiver) -> None:
    made = (await subscribe(hooks, receiver.url)).json()
    receiver.answers = [(500, {}), (302, {"location": receiver.url}), (503, {"retry-after": "1000"})]
    await hooks.handle(sample(STATUS))
    await hooks.turn("webhooks")
    for seconds, calls in ((4, 1), (1, 2), (299, 2), (1, 3), (1799, 3), (1, 4), (90_000, 4)):
        await later(hooks, timedelta(seconds=seconds))
        assert len(receiver.calls) == calls, "no redirect is followed"
    assert len({headers["webhook-id"] for headers, _ in receiver.calls}) == 1
    assert len({headers["webhook-signature"] for headers, _ in receiver.calls}) == 4, "each with its own time"
    (message,) = await log(hooks, made["id"])
    assert [item["status"] for item in message["attempts"]] == [500, 302, 503, 204]
    assert (await admin(hooks).get(f"/v1/webhooks/{made['id']}")).json()["failing_since"] is None


@pytest.mark.feature("X8")
async def test_endpoint_that_fails_for_days_is_switched_off_and_its_owner_told(
    hooks: Running, receiver: Receiver, outside: Outside
) -> None:
    made = (await subscribe(hooks, receiver.url)).json()
    await hooks.handle(contact(hooks.identity.id_of("alex"), email="alex@example.test"))
    receiver.answers = [(500, {})] * 50
    await hooks.handle(sample(STATUS))
    await hooks.turn("webhooks")
    for pause in PAUSES:
        await later(hooks, pause)
    (message,) = await log(hooks, made["id"])
    assert (message["state"], len(message["attempts"])) == ("failed", len(PAUSES) + 1)
    assert (await admin(hooks).get(f"/v1/webhooks/{made['id']}")).json()["enabled"]
    await later(hooks, timedelta(days=3))
    await hooks.handle(sample(STATUS, sequence=4))
    await hooks.turn("webhooks")
    endpoint = (await admin(hooks).get(f"/v1/webhooks/{made['id']}")).json()
    assert (endpoint["enabled"], endpoint["disabled_reason"]) == (False, "failing")
    await hooks.turn("dispatch")
    (mail,) = await outside.mails("alex@example.test")
    assert mail["subject"] == "Вебхук отключён"
    calls = len(receiver.calls)
    await hooks.handle(sample(STATUS, sequence=5))
    await later(hooks, timedelta(days=1))
    assert len(receiver.calls) == calls, "nothing is called while it is off"
    receiver.answers = []
    switched = await admin(hooks).patch(f"/v1/webhooks/{made['id']}", json={"enabled": True})
    assert switched.json()["enabled"]
    await hooks.turn("webhooks")
    assert len(receiver.calls) == calls + 1, "what waited goes out"


@pytest.mark.feature("X8")
async def test_gone_is_gone(hooks: Running, receiver: Receiver) -> None:
    made = (await subscribe(hooks, receiver.url)).json()
    receiver.answers = [(410, {})]
    await hooks.handle(sample(STATUS))
    await hooks.turn("webhooks")
    assert (await admin(hooks).get(f"/v1/webhooks/{made['id']}")).json()["disabled_reason"] == "gone"


@pytest.mark.feature("X8")
async def test_sending_again(hooks: Running, receiver: Receiver) -> None:
    made = (await subscribe(hooks, receiver.url)).json()
    await hooks.handle(sample(STATUS))
    (message,) = await log(hooks, made["id"])
    path = f"/v1/webhooks/{made['id']}/messages/{message['id']}/send-again"
    assert (await admin(hooks).post(path)).status_code == 409
    await hooks.turn("webhooks")
    assert (await admin(hooks).post(path)).json()["state"] == "queued"
    await hooks.turn("webhooks")
    assert [headers["webhook-id"] for headers, _ in receiver.calls] == [str(sample(STATUS).id)] * 2
    other = path.replace(message["id"], str(uuid4()))
    assert (await admin(hooks).post(other)).status_code == 404
    await admin(hooks).delete(f"/v1/webhooks/{made['id']}")
    assert (await admin(hooks).get(f"/v1/webhooks/{made['id']}")).status_code == 404


async def test_nobody_listens(hooks: Running, receiver: Receiver) -> None:
    receiver.server.shutdown()
    receiver.server.server_close()
    made = (await subscribe(hooks, receiver.url)).json()
    await hooks.handle(sample(STATUS))
    await hooks.turn("webhooks")
    (message,) = await log(hooks, made["id"])
    assert (message["state"], message["attempts"][0]["error"]) == ("queued", "ConnectError")


@pytest.mark.feature("X8")
@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/x", "https://localhost/x", "https://[::1]/x", "https://0.0.0.0/", "https://169.254.169.254/",
        "https://2130706433/", "https://0x7f.1/", "https://[::ffff:127.0.0.1]/", "https://[64:ff9b::7f00:1]/",
    ],
)  # fmt: skip
async def test_private_addresses_are_not_called(
    databases: Databases, identity: Identity, outside: Outside, url: str
) -> None:
    async with running(SERVICE, databases, identity, **channel_settings(outside)) as it:
        it.at(NOW)
        made = (await subscribe(it, url)).json()
        await it.handle(sample(STATUS))
        await it.turn("webhooks")
        (message,) = await log(it, made["id"])
        assert message["attempts"][0]["status"] is None
        assert message["attempts"][0]["error"] in ("private_address", "gaierror")


@pytest.mark.feature("X8")
async def test_name_that_leads_elsewhere_later_changes_nothing(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call goes to the very address that was checked, whatever the name would give a second time."""
    sender = HttpSender(timeout_seconds=2, connections=2, to_private_networks=True)
    asked: list[str] = []

    async def resolve(host: str, port: int) -> str:
        asked.append(host)
        return "127.0.0.1"

    monkeypatch.setattr(sender.calls, "_address_of", resolve)
    port = receiver.server.server_address[1]
    answer = await sender.send(f"http://erp.example.test:{port}/in", b"{}", {"content-type": "application/json"})
    await sender.close()
    assert answer.taken
    assert asked == ["erp.example.test"]
    assert receiver.calls[0][0]["host"] == f"erp.example.test:{port}"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True), ("2606:2800:220:1::1", True), ("64:ff9b::5db8:d822", True),
        ("10.0.0.1", False), ("172.16.0.1", False), ("192.168.1.1", False), ("127.0.0.1", False), ("0.0.0.0", False),
        ("169.254.169.254", False), ("100.64.0.1", False), ("224.0.0.1", False), ("255.255.255.255", False),
        ("::1", False), ("::", False), ("fe80::1%eth0", False), ("fc00::1", False), ("ff02::1", False),
        ("::ffff:10.0.0.1", False), ("2002:7f00:1::", False), ("64:ff9b::a00:1", False), ("nonsense", False),
    ],
)  # fmt: skip
def test_public_addresses(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.feature("X8")
@pytest.mark.parametrize(
    ("url", "types", "type_"),
    [
        ("http://example.test/", [STATUS], "bad-webhook-address"),
        ("https://user:pw@example.test/", [STATUS], "bad-webhook-address"),
        ("https:///x", [STATUS], "bad-webhook-address"),
        ("https://example.test:99999/", [STATUS], "bad-webhook-address"),
        ("https://example.test/\r\nX: y", [STATUS], "bad-webhook-address"),
        ("ftp://example.test/", [STATUS], "bad-webhook-address"),
        ("https://пример.test/", [STATUS], "bad-webhook-address"),
        ("https://example.test/", ["orders.contact.changed.v1"], "unknown-event-type"),
        ("https://example.test/", ["no.such.event.v1"], "unknown-event-type"),
        ("https://example.test/", [], "invalid"),
    ],
)
async def test_what_cannot_be_subscribed(notifications: Running, url: str, types: list[str], type_: str) -> None:
    answer = await admin(notifications).post(
        "/v1/webhooks", json={"url": url, "types": types}, headers={"Idempotency-Key": "k"}
    )
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (422, type_)


async def test_contact_data_leaves_through_no_webhook(hooks: Running, receiver: Receiver) -> None:
    public = [name for name, data in BY_TYPE.items() if not data.private]
    assert (await subscribe(hooks, receiver.url, *public)).status_code == 201
    await hooks.handle(*(SAMPLES[name] for name in public), SAMPLES["orders.contact.changed.v1"])
    await hooks.turn("webhooks")
    assert len(receiver.calls) == len(public)
    contact_data = SAMPLES["orders.contact.changed.v1"].data
    for _, body in receiver.calls:
        assert contact_data.phone not in body.decode()
        assert contact_data.email not in body.decode()
    assert isinstance(hooks.database.now(), datetime)
