"""The feed, devices, contact and deliveries, with every wrong caller."""

import asyncio
import re
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from alembic import command
from foyer_chassis.process import alembic_config
from foyer_chassis.testing import Databases, Running
from foyer_contracts.samples import APPLICANT, MANAGER, ORDER
from notifications.recipients.domain import MOST_DEVICES, is_mailbox
from notifications.recipients.store import devices_of
from notifications.service import SERVICE

from .conftest import Outside, contact, sample

STATUS = "orders.order.status_changed.v1"
# The same in every process that shares the tests: they are in the tests' names.
ANY_ID, OTHER_ID = (UUID(int=0x7000_8000_0000_0000_0000 + n) for n in (1, 2))
CALLS = [
    ("GET", "/v1/me"),
    ("PUT", "/v1/me"),
    ("PUT", "/v1/devices/some-device:token"),
    ("DELETE", "/v1/devices/some-device:token"),
    ("GET", "/v1/me/telegram"),
    ("POST", "/v1/me/telegram"),
    ("DELETE", "/v1/me/telegram"),
    ("GET", "/v1/web-push"),
    ("PUT", "/v1/web-push"),
    ("POST", "/v1/web-push/unsubscribe"),
    ("GET", "/v1/feed"),
    ("GET", "/v1/feed/live"),
    ("POST", "/v1/feed/read"),
    ("GET", "/v1/deliveries"),
    ("POST", f"/v1/deliveries/{ANY_ID}/send-again"),
    ("POST", "/v1/webhooks"),
    ("GET", "/v1/webhooks"),
    ("GET", f"/v1/webhooks/{ANY_ID}"),
    ("PATCH", f"/v1/webhooks/{ANY_ID}"),
    ("DELETE", f"/v1/webhooks/{ANY_ID}"),
    ("GET", f"/v1/webhooks/{ANY_ID}/messages"),
    ("POST", f"/v1/webhooks/{ANY_ID}/messages/{OTHER_ID}/send-again"),
    ("GET", "/v1/preferences"),
    ("PUT", "/v1/preferences"),
    ("GET", "/v1/roles/finance/preferences"),
    ("PUT", "/v1/roles/finance/preferences"),
    ("GET", "/v1/rules"),
    ("GET", "/v1/roles/finance/rules"),
    ("PUT", "/v1/roles/finance/rules"),
]


def anna(it: Running, **claims: Any) -> httpx2.AsyncClient:
    return it.client("anna", "customer", sub=str(APPLICANT), **claims)


async def feed(client: httpx2.AsyncClient, **query: Any) -> dict[str, Any]:
    answer = await client.get("/v1/feed", params=query)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_nobody_without_a_right(notifications: Running, method: str, path: str) -> None:
    for client, status in (
        (notifications.client(), 401),
        (notifications.client("anna", exp=1_000_000), 401),
        (notifications.client("anna", aud="elsewhere"), 401),
        (notifications.client("anna", "no_such_role"), 403),
    ):
        answer = await client.request(method, path, json={"through": str(uuid4())} if method == "POST" else None)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"


def test_calls_above_are_all_routes() -> None:
    def shape(path: str) -> str:
        return re.sub(r"\{[a-z_]+\}|some-device:token|[0-9a-f-]{36}|finance", "*", path)

    paths = SERVICE.build_app(_settings()).openapi()["paths"]
    routes = {(method.upper(), shape(path)) for path, of_path in paths.items() for method in of_path}
    # The bot's webhook has a secret of its own instead of a token; see test_telegram.
    assert {(method, shape(path)) for method, path in CALLS} | {("POST", "/v1/telegram/webhook")} == routes


def _settings() -> Any:
    nowhere = "postgresql://nobody@127.0.0.1:9/none"
    return SERVICE.settings(database_url=nowhere, amqp_url="amqp://x/", oidc_issuer="x", oidc_jwks_url="http://x/")


@pytest.mark.feature("A1")
async def test_responsible_manager_reads_of_a_new_order(notifications: Running) -> None:
    await notifications.handle(sample("orders.order.placed.v1"), sample("booking.places.held.v1"))
    rita = notifications.client("rita", "rent_manager", sub=str(MANAGER))
    (entry,) = (await feed(rita))["items"]
    assert entry["title"] == "Новый заказ № 1006313"
    assert "Когда: 2 декабря 2026\u00a0г., 13:00–15:00 (UTC+3)" in entry["body"]
    assert entry["order_id"] == str(ORDER)
    other = notifications.client("oleg", "rent_manager")
    assert (await feed(other))["items"] == [], "this offering is not theirs"


async def test_feed_is_in_the_readers_language(notifications: Running) -> None:
    await notifications.handle(sample(STATUS))
    assert (await feed(anna(notifications)))["items"][0]["title"] == "Заказ № 1006313 подтверждён"
    assert (await feed(anna(notifications, locale="en")))["items"][0]["title"] == "Order 1006313 is confirmed"


async def test_failed_refund_is_in_the_feed_of_finance(notifications: Running) -> None:
    await notifications.handle(sample("payments.refund.failed.v1"))
    fedor, dana = notifications.client("fedor", "finance"), notifications.client("dana", "front_desk")
    (entry,) = (await feed(fedor))["items"]
    assert entry["title"] == "Возврат не прошёл"
    assert "После 8 попыток" in entry["body"]
    assert (await feed(dana))["items"] == (await feed(anna(notifications)))["items"] == []
    read = await fedor.post("/v1/feed/read", json={"through": entry["id"]})
    assert read.json() == {"unread": 0}
    colleague = notifications.client("zoe", "finance")
    assert (await feed(colleague))["unread"] == 1, "each has read for themselves"
    stranger = await dana.post("/v1/feed/read", json={"through": entry["id"]})
    assert stranger.status_code == 404


async def test_pages_and_reading(notifications: Running) -> None:
    for sequence in range(10, 15):
        await notifications.handle(sample(STATUS, sequence=sequence))
    client = anna(notifications)
    first = await feed(client, limit=2)
    second = await feed(client, limit=2, after=first["next"])
    third = await feed(client, limit=2, after=second["next"])
    ids = [item["id"] for page in (first, second, third) for item in page["items"]]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == 5
    assert third["next"] is None
    assert first["unread"] == 5
    middle = ids[2]
    assert (await client.post("/v1/feed/read", json={"through": middle})).json() == {"unread": 2}
    assert (await client.post("/v1/feed/read", json={"through": ids[4]})).json() == {"unread": 2}, "never back"
    assert [item["read"] for item in (await feed(client))["items"]] == [False, False, True, True, True]
    assert (await client.post("/v1/feed/read", json={"through": str(uuid4())})).status_code == 404
    assert (await client.get("/v1/feed", params={"limit": 101})).status_code == 422


async def test_contact_is_only_the_callers_own(notifications: Running) -> None:
    client = anna(notifications)
    assert (await client.get("/v1/me")).status_code == 404
    await notifications.handle(contact())
    me = (await client.get("/v1/me")).json()
    assert me == {
        "person_id": str(APPLICANT),
        "name": "Анна Иванова",
        "locale": "ru",
        "email": "anna@example.test",
        "phone": "+79000000001",
    }
    assert (await notifications.client("alex", "administrator").get("/v1/me")).status_code == 404


async def test_staff_introduce_themselves_and_are_mailed(notifications: Running, outside: Outside) -> None:
    rita = notifications.client("rita", "rent_manager", sub=str(MANAGER), locale="en")
    assert (await rita.put("/v1/me")).json()["email"] == "rita@example.test"
    assert (await rita.get("/v1/me")).json()["locale"] == "en"
    await notifications.handle(sample("booking.places.held.v1"), sample("orders.order.placed.v1"))
    await notifications.turn("dispatch")
    (mail,) = await outside.mails("rita@example.test")
    assert mail["subject"] == "New order 1006313"


async def test_devices_come_go_and_change_hands(notifications: Running) -> None:
    token = "shared-tablet:APA91b"
    first, second = anna(notifications), notifications.client("boris")

    async def owners() -> list[UUID]:
        people = [APPLICANT, notifications.identity.id_of("boris")]
        async with notifications.database.read() as reading:
            return [person for person in people if await devices_of(reading, person)]

    for _ in range(2):
        assert (await first.put(f"/v1/devices/{token}")).status_code == 204
    assert await owners() == [APPLICANT]
    assert (await second.put(f"/v1/devices/{token}")).status_code == 204
    assert await owners() == [notifications.identity.id_of("boris")], "whoever signed in last"
    assert (await first.delete(f"/v1/devices/{token}")).status_code == 204
    assert await owners() == [notifications.identity.id_of("boris")], "not theirs to remove"
    assert (await second.delete(f"/v1/devices/{token}")).status_code == 204
    assert await owners() == []
    for bad in ("short", "with space in it", "слово-по-русски", "x" * 4097):
        assert (await first.put(f"/v1/devices/{bad}")).status_code == 422


async def test_devices_are_bounded(notifications: Running) -> None:
    client = anna(notifications)
    for number in range(MOST_DEVICES + 3):
        await client.put(f"/v1/devices/device-number:{number:04}")
    async with notifications.database.read() as reading:
        tokens = [device.token for device in await devices_of(reading, APPLICANT)]
    assert len(tokens) == MOST_DEVICES
    assert "device-number:0022" in tokens
    assert "device-number:0002" not in tokens


async def test_deliveries_are_seen_by_whom_they_concern(notifications: Running) -> None:
    other_order = uuid4()
    await notifications.handle(sample(STATUS), sample(STATUS, sequence=9, order_id=other_order, applicant_id=uuid4()))
    own = (await anna(notifications).get("/v1/deliveries")).json()["items"]
    assert {item["recipient_id"] for item in own} == {str(APPLICANT)}
    assert {(item["channel"], item["state"], item["critical"]) for item in own} == {
        ("email", "queued", True),
        ("push", "queued", True),
    }
    stolen = (await anna(notifications).get("/v1/deliveries", params={"order_id": str(other_order)})).json()
    assert stolen["items"] == []
    alex = notifications.client("alex", "administrator")
    everything = (await alex.get("/v1/deliveries")).json()["items"]
    assert len(everything) == 4
    of_order = (await alex.get("/v1/deliveries", params={"order_id": str(other_order)})).json()["items"]
    assert {item["order_id"] for item in of_order} == {str(other_order)}
    await notifications.turn("dispatch")
    skipped = (await alex.get("/v1/deliveries", params={"state": "skipped"})).json()["items"]
    assert {item["reason"] for item in skipped} == {"no_device"}
    paged = (await alex.get("/v1/deliveries", params={"limit": 3})).json()
    rest = (await alex.get("/v1/deliveries", params={"limit": 3, "after": paged["next"]})).json()
    assert (len(paged["items"]), len(rest["items"]), rest["next"]) == (3, 1, None)
    assert (await alex.get("/v1/deliveries", params={"state": "lost"})).status_code == 422
    assert "@" not in (await alex.get("/v1/deliveries")).text


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("anna@example.test", True),
        ("a.b+c@x-y.example", True),
        ("a@b", True),
        ("a@b@c", False),
        ("a b@c.d", False),
        ("<a@b.c>", False),
        ("a@b..c", False),
        ("a@-b.c", False),
        ("a@b.c\n", False),
        ("", False),
        ("x" * 65 + "@b.c", False),
        ("a@" + "b" * 260, False),
        ("a@" + "b." * 120 + "!", False),
    ],
)
def test_mailboxes(text: str, good: bool) -> None:
    assert is_mailbox(text) is good


async def test_migrations_make_what_the_tables_say(databases: Databases) -> None:
    url = await databases.clone(SERVICE)
    await asyncio.to_thread(command.check, alembic_config(SERVICE.folder, url))
    await databases.drop(url)
