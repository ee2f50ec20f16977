"""Push messages to browsers: subscribed, encrypted, signed, taken by a real push service, and what goes wrong."""

import base64
import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from foyer_chassis.testing import Databases, Identity, Running, running
from foyer_contracts.samples import APPLICANT, NOW, ORDER
from foyer_sandbox.push.browsers import decrypted
from notifications.channels.webpush import Vapid, encrypted
from notifications.service import SERVICE

from .conftest import VAPID_KEY, Outside, channel_settings, contact, sample, states

STATUS = "orders.order.status_changed.v1"
DEVICE = "device-of-anna:APA91bH"
pytestmark = pytest.mark.feature("X7")


async def subscribe(it: Running, outside: Outside) -> dict[str, Any]:
    """Anna's browser asks for the key, subscribes, and tells us."""
    anna = it.client("anna", sub=str(APPLICANT))
    key = (await anna.get("/v1/web-push")).json()["application_server_key"]
    subscription = await outside.subscription(key)
    for _ in range(2):
        assert (await anna.put("/v1/web-push", json=subscription)).status_code == 204
    return subscription


async def confirmed(it: Running) -> None:
    await it.handle(contact(), sample("booking.places.held.v1"), sample("orders.order.priced.v1"))
    await it.handle_twice(sample(STATUS))
    await it.turn("dispatch")


async def pass_time(it: Running, seconds: float) -> None:
    it.at(it.database.now() + timedelta(seconds=seconds))
    await it.turn("dispatch")


async def pushed(it: Running) -> tuple[str, str | None]:
    ((_, _, state, reason),) = [item for item in await states(it) if item[0] == "push"]
    return state, reason


def test_encryption_is_that_of_rfc_8291() -> None:
    """Its appendix A, byte for byte."""

    def raw(text: str) -> bytes:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    own = ec.derive_private_key(int.from_bytes(raw("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")), ec.SECP256R1())
    made = encrypted(
        b"When I grow up, I want to be a watermelon",
        p256dh="BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        auth="BTBZMqHH6r4Tts7J_aSIgg",
        key=own,
        salt=raw("DGv6ra1nlYgDCS1FRnbzlw"),
    )
    assert made == raw(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A"
        "_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    browser = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
    assert decrypted(made, browser, "BTBZMqHH6r4Tts7J_aSIgg") == b"When I grow up, I want to be a watermelon"


async def test_browser_and_telephone_get_it_once_each(notifications: Running, outside: Outside) -> None:
    subscription = await subscribe(notifications, outside)
    anna = notifications.client("anna", sub=str(APPLICANT))
    assert (await anna.put(f"/v1/devices/{DEVICE}")).status_code == 204
    await confirmed(notifications)
    await pass_time(notifications, 3600)
    (message,) = await outside.shown("browsers/messages")
    assert subscription["endpoint"].endswith(message["browser"])
    assert (message["ttl"], message["urgency"], len(message["topic"])) == (86_400, "high", 22)
    shown = json.loads(message["text"])
    assert shown["title"] == "Заказ № 1006313 подтверждён"
    assert "13:00–15:00 (UTC+3)" in shown["body"]
    assert shown["data"] == {"template": "order_confirmed", "order_id": str(ORDER)}
    assert len(await outside.pushes()) == 1
    assert await pushed(notifications) == ("sent", None)
    assert len([e for e in await notifications.published() if getattr(e.data, "channel", "") == "push"]) == 1


@pytest.mark.parametrize("gone", [True, False])
async def test_browser_that_is_no_longer_subscribed_is_removed(
    notifications: Running, outside: Outside, gone: bool
) -> None:
    subscription = await subscribe(notifications, outside)
    id_ = subscription["endpoint"].rpartition("/")[2]
    if gone:
        await outside.http.delete(f"{outside.push.url}/sandbox/browsers/{id_}")
    else:
        await outside.switch(outside.push, fail_next=[{"path_prefix": "/web-push/", "status": 404}])
    await confirmed(notifications)
    assert await pushed(notifications) == ("failed", f"webpush {410 if gone else 404}")
    await notifications.handle(sample("orders.order.cancelled.v1"))
    await notifications.turn("dispatch")
    assert ("push", "order_cancelled_refunding", "skipped", "no_device") in await states(notifications)


async def test_busy_push_service_is_tried_again_when_it_asked(notifications: Running, outside: Outside) -> None:
    await subscribe(notifications, outside)
    busy = [{"path_prefix": "/web-push/", "status": status, "retry_after_seconds": 7} for status in (429, 503)]
    await outside.switch(outside.push, fail_next=busy)
    await confirmed(notifications)
    assert await pushed(notifications) == ("queued", "webpush 429")
    await pass_time(notifications, 6)
    assert await pushed(notifications) == ("queued", "webpush 429")
    await pass_time(notifications, 1)
    assert await pushed(notifications) == ("queued", "webpush 503")
    await pass_time(notifications, 7)
    assert await pushed(notifications) == ("sent", None)
    assert len(await outside.shown("browsers/messages")) == 1


async def test_preferences_hold_for_browsers_too(notifications: Running, outside: Outside) -> None:
    await subscribe(notifications, outside)
    anna = notifications.client("anna", sub=str(APPLICANT))
    wish = {"items": [{"template": "account_topped_up", "channel": "push", "enabled": False}]}
    assert (await anna.put("/v1/preferences", json=wish)).status_code == 200
    await notifications.handle(contact(), sample("payments.account.topped_up.v1"))
    await notifications.turn("dispatch")
    assert await pushed(notifications) == ("skipped", "muted")
    assert await outside.shown("browsers/messages") == []


async def test_private_addresses_are_never_called(databases: Databases, identity: Identity, outside: Outside) -> None:
    settings = channel_settings(outside, web_push_to_private_networks=False)
    async with running(SERVICE, databases, identity, **settings) as it:
        it.at(NOW)
        anna = it.client("anna", sub=str(APPLICANT))
        subscription = await outside.subscription(Vapid.of(VAPID_KEY, "mailto:x@y.z").public_key)
        refused = await anna.put("/v1/web-push", json=subscription)
        assert (refused.status_code, refused.json()["field"]) == (422, "endpoint")
        port = urlsplit(outside.push.url).port
        private = {**subscription, "endpoint": f"https://localhost:{port}/web-push/x"}
        assert (await anna.put("/v1/web-push", json=private)).status_code == 204
        await confirmed(it)
        assert await pushed(it) == ("failed", "webpush: private_address")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"endpoint": "https://user:secret@push.example.test/x"}, "endpoint"),
        ({"endpoint": "ftp://push.example.test/x"}, "endpoint"),
        ({"endpoint": "https:///x"}, "endpoint"),
        ({"keys": {"p256dh": "BAAA", "auth": "BTBZMqHH6r4Tts7J_aSIgg"}}, "keys.p256dh"),
        ({"keys": {"p256dh": "B" + "A" * 86, "auth": "short"}}, "keys.auth"),
        ({"keys": {"p256dh": "!", "auth": "BTBZMqHH6r4Tts7J_aSIgg"}}, "keys.p256dh"),
    ],
)
async def test_what_is_no_subscription(
    notifications: Running, outside: Outside, changed: dict[str, Any], field: str
) -> None:
    subscription = {**await outside.subscription("x"), **changed}
    refused = await notifications.client("anna").put("/v1/web-push", json=subscription)
    assert (refused.status_code, refused.json()["field"]) == (422, field)
    assert refused.json()["type"].endswith("/bad-push-subscription")


async def test_key_that_is_no_point_of_the_curve_removes_the_browser(notifications: Running, outside: Outside) -> None:
    subscription = await outside.subscription("x")
    subscription["keys"]["p256dh"] = base64.urlsafe_b64encode(b"\x04" + b"\x01" * 64).decode().rstrip("=")
    anna = notifications.client("anna", sub=str(APPLICANT))
    assert (await anna.put("/v1/web-push", json=subscription)).status_code == 204
    await confirmed(notifications)
    assert await pushed(notifications) == ("failed", "webpush: not a key")


async def test_browser_changes_hands_and_leaves(notifications: Running, outside: Outside) -> None:
    subscription = await subscribe(notifications, outside)
    boris = notifications.client("boris")
    endpoint = {"endpoint": subscription["endpoint"]}
    assert (await boris.post("/v1/web-push/unsubscribe", json=endpoint)).status_code == 204
    await confirmed(notifications)
    assert await pushed(notifications) == ("sent", None), "it was not his to remove"
    assert (await boris.put("/v1/web-push", json=subscription)).status_code == 204
    await notifications.handle(sample("orders.order.cancelled.v1"))
    await notifications.turn("dispatch")
    assert len(await outside.shown("browsers/messages")) == 1, "it is his now"


async def test_without_a_key_no_push_to_browsers(databases: Databases, identity: Identity, outside: Outside) -> None:
    async with running(SERVICE, databases, identity, **channel_settings(outside, vapid_private_key="")) as it:
        assert (await it.client("anna").get("/v1/web-push")).status_code == 404
