"""Push messages by Apple's service over HTTP/2, beside those by FCM."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from foyer_chassis.testing import Databases, Identity, Running, running
from foyer_contracts.samples import APPLICANT, NOW, ORDER
from notifications.channels.apns import ApnsPush
from notifications.recipients.domain import Device, DeviceKind
from notifications.service import SERVICE
from notifications.telling.domain.deliveries import Delivery, NotNowError, State
from notifications.telling.domain.rules import Channel
from notifications.telling.store import deliveries as store
from notifications.texts.renderer import Renderer
from notifications.texts.samples import ALL_FACTS
from pydantic import ValidationError

from .conftest import APNS_PORT, Outside, channel_settings, contact, sample, states

STATUS = "orders.order.status_changed.v1"
IPHONE, OTHER = "a1" * 32, "device-of-anna:APA91bH"
pytestmark = pytest.mark.feature("X7")


@pytest.fixture
async def it(databases: Databases, identity: Identity, outside: Outside) -> AsyncIterator[Running]:
    """Anna has an iPhone."""
    async with running(SERVICE, databases, identity, **apns_settings(outside)) as it:
        it.at(NOW)
        anna = it.client("anna", sub=str(APPLICANT))
        assert (await anna.put(f"/v1/devices/{IPHONE}", params={"kind": "ios"})).status_code == 204
        yield it


def apns_settings(outside: Outside) -> dict[str, object]:
    return channel_settings(
        outside,
        apns_url=f"http://127.0.0.1:{APNS_PORT}",
        apns_key_file=Path(outside.push.folder) / "apns-key.p8",
        apns_key_id="SANDBOXKEY",
        apns_team_id="SANDBOXTEA",
        apns_topic="dev.foyer.app",
    )


def a_delivery() -> Delivery:
    return Delivery(
        id=UUID(int=2), event_id=UUID(int=3), recipient_id=APPLICANT, channel=Channel.PUSH, template="order_confirmed",
        facts={}, order_id=None, order_sequence=None, state=State.QUEUED, reason=None, attempts=0, created_at=NOW,
        due_at=NOW, finished_at=None, version=1,
    )  # fmt: skip


async def confirmed(it: Running) -> None:
    await it.handle(contact(), sample("booking.places.held.v1"), sample("orders.order.priced.v1"))
    await it.handle_twice(sample(STATUS))
    await it.turn("dispatch")


async def pushed(it: Running) -> tuple[str, str | None]:
    ((_, _, state, reason),) = [item for item in await states(it) if item[0] == "push"]
    return state, reason


async def test_each_device_gets_it_once_by_its_own_way(it: Running, outside: Outside) -> None:
    anna = it.client("anna", sub=str(APPLICANT))
    assert (await anna.put(f"/v1/devices/{OTHER}")).status_code == 204
    await confirmed(it)
    it.at(NOW + timedelta(hours=1))
    await it.turn("dispatch")
    found = {push["token"]: push for push in await outside.pushes()}
    assert (len(await outside.pushes()), set(found)) == (2, {IPHONE, OTHER})
    told = found[IPHONE]["apns"]
    assert told["payload"]["aps"]["alert"]["title"] == "Заказ № 1006313 подтверждён"
    assert told["payload"]["aps"]["thread-id"] == told["payload"]["order_id"] == str(ORDER)
    headers = told["headers"]
    assert (headers["apns-topic"], headers["apns-push-type"], headers["apns-priority"]) == (
        "dev.foyer.app",
        "alert",
        "10",
    )
    assert headers["apns-collapse-id"] == found[OTHER]["android"]["collapse_key"]
    assert await pushed(it) == ("sent", None)


async def test_a_copy_has_the_same_ids(it: Running, outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between Apple's answer and our commit."""

    async def killed(*_: object) -> bool:
        raise RuntimeError("kill -9")

    with monkeypatch.context() as patch:
        patch.setattr(store, "save", killed)
        await confirmed(it)
    it.at(NOW + timedelta(minutes=1))
    await it.turn("dispatch")
    first, second = (push["apns"]["headers"] for push in await outside.pushes())
    for name in ("apns-id", "apns-collapse-id"):
        assert first[name] == second[name]
    assert await pushed(it) == ("sent", None)


async def test_another_message_has_other_ids(it: Running, outside: Outside) -> None:
    await confirmed(it)
    await it.handle(sample("payments.refund.succeeded.v1"))
    await it.turn("dispatch")
    ids = [push["apns"]["headers"]["apns-id"] for push in await outside.pushes()]
    assert len(set(ids)) == 2
    assert all(str(UUID(id_)) == id_ for id_ in ids)


async def test_device_that_is_gone_is_removed(it: Running, outside: Outside) -> None:
    it.at(datetime.now(UTC) - timedelta(days=1))
    anna = it.client("anna", sub=str(APPLICANT))
    assert (await anna.put(f"/v1/devices/{IPHONE}", params={"kind": "ios"})).status_code == 204
    await outside.switch(outside.push, unregistered=[IPHONE])
    await confirmed(it)
    assert await pushed(it) == ("failed", "apns 410 Unregistered")
    await it.handle(sample("orders.order.cancelled.v1"))
    await it.turn("dispatch")
    assert ("push", "order_cancelled_refunding", "skipped", "no_device") in await states(it)


async def test_device_registered_after_it_was_gone_stays(it: Running, outside: Outside) -> None:
    it.at(datetime.now(UTC))
    anna = it.client("anna", sub=str(APPLICANT))
    assert (await anna.put(f"/v1/devices/{IPHONE}", params={"kind": "ios"})).status_code == 204
    await outside.switch(outside.push, unregistered=[IPHONE], unregistered_seconds_ago=3600)
    await confirmed(it)
    assert await pushed(it) == ("failed", "apns 410 Unregistered")
    await outside.switch(outside.push)
    await it.handle(sample("payments.refund.succeeded.v1"))
    await it.turn("dispatch")
    assert ("push", "refund_succeeded", "sent", None) in await states(it)


@pytest.mark.parametrize("status", [403, 429, 500, 503])
async def test_what_passes_is_tried_again_when_it_asked(it: Running, outside: Outside, status: int) -> None:
    fault = {"path_prefix": "/3/device/", "status": status, "retry_after_seconds": 9}
    await outside.switch(outside.push, fail_next=[fault])
    await confirmed(it)
    state, reason = await pushed(it)
    assert (state, str(reason)[:8]) == ("queued", f"apns {status}")
    for seconds, state in ((8, "queued"), (9, "sent")):
        it.at(NOW + timedelta(seconds=seconds))
        await it.turn("dispatch")
        assert (await pushed(it))[0] == state


@pytest.mark.parametrize("status", [400, 413])
async def test_what_is_refused_for_good(it: Running, outside: Outside, status: int) -> None:
    await outside.switch(outside.push, fail_next=[{"path_prefix": "/3/device/", "status": status}])
    await confirmed(it)
    state, reason = await pushed(it)
    assert (state, str(reason)[:8]) == ("failed", f"apns {status}")


async def test_service_that_is_away_is_tried_again(databases: Databases, identity: Identity, outside: Outside) -> None:
    settings = {**apns_settings(outside), "apns_url": "http://127.0.0.1:9"}
    async with running(SERVICE, databases, identity, **settings) as it:
        it.at(NOW)
        await it.client("anna", sub=str(APPLICANT)).put(f"/v1/devices/{IPHONE}", params={"kind": "ios"})
        await confirmed(it)
        assert await pushed(it) == ("queued", "apns: ConnectError")


@pytest.mark.parametrize("token", ["a1" * 31, "g1" * 32, OTHER])
async def test_what_is_no_token_of_apple_is_refused(it: Running, token: str) -> None:
    answer = await it.client("anna").put(f"/v1/devices/{token}", params={"kind": "ios"})
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (422, "bad-device-token")


async def test_off_unless_it_is_set_up(notifications: Running, outside: Outside) -> None:
    anna = notifications.client("anna", sub=str(APPLICANT))
    await anna.put(f"/v1/devices/{IPHONE}", params={"kind": "ios"})
    await confirmed(notifications)
    assert await pushed(notifications) == ("skipped", "push_not_configured")


def test_half_set_up_does_not_start(outside: Outside, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="apns_team_id"):
        SERVICE.settings(
            database_url="postgresql://x", amqp_url="amqp://x", oidc_issuer="x", oidc_jwks_url="x",
            apns_key_file=tmp_path / "key.p8", apns_key_id="K",
        )  # fmt: skip


# The provider token


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def push(outside: Outside, clock: Clock) -> AsyncIterator[ApnsPush]:
    made = ApnsPush(
        url=f"http://127.0.0.1:{APNS_PORT}",
        key_file=Path(outside.push.folder) / "apns-key.p8",
        key_id="SANDBOXKEY",
        team_id="SANDBOXTEA",
        topic="dev.foyer.app",
        timeout_seconds=5,
        connections=2,
        clock=clock,
    )
    yield made
    await made.close()


def signatures(push: ApnsPush, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Grows with each token that is made."""
    made: list[float] = []
    sign = push._sign

    def counted() -> str:
        made.append(push._clock())
        return sign()

    monkeypatch.setattr(push, "_sign", counted)
    return made


async def test_one_token_for_all_until_it_is_old(push: ApnsPush, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    made = signatures(push, monkeypatch)
    tokens = set(await asyncio.gather(*(push._access() for _ in range(20))))
    assert (len(tokens), len(made)) == (1, 1)
    clock.now += 50 * 60
    await push._access()
    assert len(made) == 1
    clock.now += 1
    await push._access()
    assert len(made) == 2, "Apple takes a token for an hour"


@pytest.mark.parametrize(("minutes", "tokens"), [(5, 1), (21, 2)])
async def test_token_that_is_refused_is_made_anew_but_not_too_often(
    push: ApnsPush, clock: Clock, monkeypatch: pytest.MonkeyPatch, minutes: int, tokens: int
) -> None:
    push._team_id = "ANOTHERTEA"
    made = signatures(push, monkeypatch)
    for _ in range(3):
        with pytest.raises(NotNowError, match="apns 403 InvalidProviderToken"):
            await push.send(
                Renderer().render("order_confirmed", ALL_FACTS, "ru"),
                device=Device(UUID(int=1), IPHONE, DeviceKind.IOS),
                delivery=a_delivery(),
                critical=True,
            )
        clock.now += minutes * 60
    assert len(made) == tokens


async def test_long_text_is_cut_to_what_apple_takes(push: ApnsPush, outside: Outside) -> None:
    message = replace(Renderer().render("order_confirmed", ALL_FACTS, "ru"), body="я" * 5000)
    device = Device(UUID(int=1), IPHONE, DeviceKind.IOS)
    facts = {"conversation_id": "c" * 1500, "draft_id": "d" * 500}
    await push.send(message, device=device, delivery=replace(a_delivery(), facts=facts), critical=False)
    (taken,) = await outside.pushes()
    assert taken["apns"]["payload"]["aps"]["alert"]["body"].startswith("яяя")
    assert taken["apns"]["headers"]["apns-priority"] == "5"
