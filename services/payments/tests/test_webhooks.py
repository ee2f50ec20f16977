"""Who may send a notification, and how little is believed of it."""

import asyncio
import contextlib
import os
import sys
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from foyer_contracts.ids import new_id
from foyer_sandbox.testing import free_port
from payments.providers.yookassa import NETWORKS

from .conftest import Provider, Shop, eventually, opened

URL = "/v1/webhooks/yookassa"
THEIRS = "185.71.76.5"
STRANGER = "203.0.113.9"


def body(their_id: str, event: str = "payment.succeeded", **metadata: str) -> dict[str, Any]:
    return {"type": "notification", "event": event, "object": {"id": their_id, "metadata": metadata}}


@asynccontextmanager
async def calling(shop: Shop, peer: str) -> Any:
    transport = httpx2.ASGITransport(shop.it.app, raise_app_exceptions=False, client=(peer, 1234))
    async with httpx2.AsyncClient(transport=transport, base_url="http://service") as client:
        yield client


@pytest.fixture
async def production(databases: Any, identity: Any, provider: Provider) -> Any:
    """With the provider's published addresses and a gateway in front."""
    async with opened(
        databases,
        identity,
        provider,
        yookassa_webhook_networks=",".join(NETWORKS),
        trusted_proxies="10.0.0.0/8, ::1/128",
    ) as shop:
        yield shop


@pytest.mark.parametrize(
    ("peer", "headers", "status"),
    [
        (THEIRS, {}, 200),
        ("2a02:5180::17", {}, 200),
        ("::ffff:185.71.76.5", {}, 200),
        (STRANGER, {}, 403),
        ("testclient", {}, 403),
        # Only a trusted proxy may speak for another address.
        (STRANGER, {"X-Forwarded-For": THEIRS}, 403),
        (STRANGER, {"X-Envoy-External-Address": THEIRS}, 403),
        ("10.1.2.3", {"X-Envoy-External-Address": THEIRS}, 200),
        ("10.1.2.3", {"X-Envoy-External-Address": STRANGER, "X-Forwarded-For": THEIRS}, 403),
        ("10.1.2.3", {"X-Forwarded-For": THEIRS}, 200),
        # What the sender itself wrote into the header comes first, what the proxy added comes last.
        ("10.1.2.3", {"X-Forwarded-For": f"{THEIRS}, {STRANGER}"}, 403),
        ("10.1.2.3", {"X-Forwarded-For": f"{STRANGER}, {THEIRS}"}, 200),
        ("10.1.2.3", {"X-Forwarded-For": "nonsense"}, 403),
        # The gateway's own header goes before those that others may have written.
        ("10.1.2.3", {"X-Foyer-Client-Address": STRANGER, "X-Envoy-External-Address": THEIRS}, 403),
        ("10.1.2.3", {"X-Foyer-Client-Address": THEIRS, "X-Forwarded-For": STRANGER}, 200),
        (STRANGER, {"X-Foyer-Client-Address": THEIRS}, 403),
        ("10.1.2.3", {}, 403),
    ],
)
async def test_only_the_provider_may_call(production: Shop, peer: str, headers: dict[str, Any], status: int) -> None:
    async with calling(production, peer) as client:
        answer = await client.post(URL, json=body("unknown"), headers=headers)
    assert answer.status_code == status


async def test_a_forged_notification_does_not_even_make_us_look(production: Shop) -> None:
    order_id = await production.with_link()
    their_id = await production.provider_id(order_id)
    before = await production.rows("SELECT * FROM payments")
    async with calling(production, STRANGER) as client:
        answer = await client.post(URL, json=body(their_id))
    assert (answer.status_code, answer.json()["type"]) == (403, "https://foyer.dev/problems/webhook-sender")
    assert await production.rows("SELECT * FROM payments") == before


async def test_a_lie_from_the_right_address_changes_nothing_but_when_we_look(production: Shop) -> None:
    order_id = await production.with_link()
    their_id = await production.provider_id(order_id)
    async with calling(production, THEIRS) as client:
        for event in ("payment.succeeded", "payment.canceled", "refund.succeeded"):
            assert (await client.post(URL, json=body(their_id, event))).status_code == 200
    await production.it.turn("check")
    assert await production.events(order_id) == ["invoice.issued", "payment.link_created"]


@pytest.mark.parametrize("event", ["payment.succeeded", "refund.succeeded", "payout.succeeded", "deal.closed"])
async def test_what_we_know_nothing_of_is_taken_and_forgotten(production: Shop, event: str) -> None:
    await production.with_link()
    before = await production.rows("SELECT * FROM payments")
    async with calling(production, THEIRS) as client:
        answer = await client.post(
            URL, json=body("2f0f1b9e-000f-5000-8000-18db351245c7", event, payment_id=str(new_id()))
        )
    assert (answer.status_code, answer.content) == (200, b"")
    assert await production.rows("SELECT * FROM payments") == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"event": "payment.succeeded"}',
        b'{"event": "payment.succeeded", "object": {"id": 7}}',
        b'{"event": "payment.succeeded", "object": {"id": "' + b"x" * 65 + b'"}}',
        b'{"event": "payment.succeeded", "object": {"id": "x", "filler": "' + b"x" * 70_000 + b'"}}',
        b"\xff\xfe",
    ],
    ids=["empty", "broken", "array", "no object", "number", "long id", "too long", "no text"],
)
async def test_what_is_no_notification(production: Shop, content: bytes) -> None:
    async with calling(production, THEIRS) as client:
        answer = await client.post(URL, content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


@pytest.mark.parametrize("metadata", [{"payment_id": "nonsense"}, {"payment_id": ["x"]}, {}, None])
async def test_foreign_metadata_is_no_error(production: Shop, metadata: Any) -> None:
    async with calling(production, THEIRS) as client:
        answer = await client.post(URL, json=body("unknown") | {"object": {"id": "unknown", "metadata": metadata}})
    assert answer.status_code == 200


async def test_the_real_process_believes_no_header_of_a_peer_that_is_not_trusted(production: Shop) -> None:
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("FOYER_")},
        "FOYER_DATABASE_URL": production.it.settings.database_url,
        "FOYER_AMQP_URL": "amqp://unused.invalid/",
        "FOYER_OIDC_ISSUER": "https://identity.test",
        "FOYER_OIDC_JWKS_URL": "http://127.0.0.1:9/unused",
        "FOYER_HTTP_PORT": str(port),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "payments", "api", env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:

            async def answers() -> bool:
                with contextlib.suppress(httpx2.TransportError):
                    return (await client.get("/health/live")).status_code == 200
                return False

            await eventually(answers, seconds=20)
            forged = await client.post(URL, json=body("unknown"), headers={"X-Forwarded-For": THEIRS})
        assert forged.status_code == 403
    finally:
        process.terminate()
        await process.wait()
