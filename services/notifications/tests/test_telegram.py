"""The Telegram bot: a chat linked by a token that works once, messages into it, and the ways out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
import sqlalchemy as sa
from foyer_chassis.testing import Databases, Identity, Running, running
from foyer_contracts.samples import APPLICANT, NOW
from notifications.service import SERVICE
from notifications.telegram.store import chat_of
from notifications.telegram.tables import telegram_links
from pydantic import ValidationError

from .conftest import BOT_SECRET, BOT_TOKEN, Outside, channel_settings, contact, sample, states
from .test_live_feed import served
from .test_webhooks import Receiver, receiver

__all__ = ["receiver"]
STATUS, CANCELLED = "orders.order.status_changed.v1", "orders.order.cancelled.v1"
TOPPED_UP = "payments.account.topped_up.v1"
CHAT, OTHER_CHAT = 700_000_001, 700_000_002
pytestmark = pytest.mark.feature("X7")


def anna(it: Running) -> httpx2.AsyncClient:
    return it.client("anna", sub=str(APPLICANT))


async def token(client: httpx2.AsyncClient) -> str:
    answer = await client.post("/v1/me/telegram")
    assert answer.status_code == 200, answer.text
    url: str = answer.json()["url"]
    assert url.startswith("https://t.me/foyer_test_bot?start=")
    return url.partition("start=")[2]


async def say(
    it: Running, text: str, *, chat: int = CHAT, secret: str = BOT_SECRET, language: str = "ru", kind: str = "private"
) -> Any:
    """What Telegram posts when somebody writes to the bot."""
    update = {
        "update_id": 1,
        "message": {
            "message_id": 1,
            "from": {"id": chat, "language_code": language},
            "chat": {"id": chat, "type": kind},
            "text": text,
        },
    }
    return await it.client().post(
        "/v1/telegram/webhook", json=update, headers={"X-Telegram-Bot-Api-Secret-Token": secret}
    )


async def link(it: Running, client: httpx2.AsyncClient | None = None, *, chat: int = CHAT) -> None:
    answer = await say(it, f"/start {await token(client or anna(it))}", chat=chat)
    assert answer.json()["method"] == "sendMessage"
    assert answer.json()["text"].startswith("Готово")


async def chats(it: Running, *people: UUID) -> list[int | None]:
    async with it.database.read() as reading:
        return [await chat_of(reading, person) for person in people]


async def told(it: Running) -> list[tuple[str, str, str | None]]:
    return [(template, state, reason) for channel, template, state, reason in await states(it) if channel == "telegram"]


async def confirmed(it: Running) -> None:
    await it.handle(contact(), sample("booking.places.held.v1"), sample("orders.order.priced.v1"))
    await it.handle_twice(sample(STATUS))
    await it.turn("dispatch")


async def pass_time(it: Running, seconds: float) -> None:
    it.at(it.database.now() + timedelta(seconds=seconds))
    await it.turn("dispatch")


@asynccontextmanager
async def reachable(it: Running, outside: Outside) -> AsyncIterator[None]:
    """The service on a port, set as the bot's webhook."""
    async with served(it) as url:
        hook = {"url": f"{url}/v1/telegram/webhook", "secret_token": BOT_SECRET}
        answer = await outside.http.post(f"{outside.push.url}/bot{BOT_TOKEN}/setWebhook", json=hook)
        assert answer.json()["ok"]
        yield


async def test_from_the_link_to_the_message_and_out_again(notifications: Running, outside: Outside) -> None:
    """Over the real protocol in both directions."""
    async with reachable(notifications, outside):

        async def write(text: str) -> None:
            answer = await outside.http.post(
                f"{outside.push.url}/sandbox/telegram/say", json={"chat_id": CHAT, "text": text}
            )
            assert answer.json()["status"] == 200

        await write(f"/start {await token(anna(notifications))}")
        assert (await anna(notifications).get("/v1/me/telegram")).json() == {"linked": True}
        await confirmed(notifications)
        await pass_time(notifications, 3600)
        message, welcome = await outside.shown("telegram/messages")
        assert welcome["text"].startswith("Готово")
        assert message["chat_id"] == CHAT
        assert message["text"].startswith("Заказ № 1006313 подтверждён\n\n")
        assert message["entities"] == [{"type": "bold", "offset": 0, "length": 27}]
        assert await told(notifications) == [("order_confirmed", "sent", None)]
        await write("/stop")
        assert (await anna(notifications).get("/v1/me/telegram")).json() == {"linked": False}
        await notifications.handle(sample(CANCELLED))
        await notifications.turn("dispatch")
        assert len(await told(notifications)) == 1, "nothing is queued for who has no chat"
        assert (await outside.shown("telegram/messages"))[0]["text"].startswith("Сообщения сюда больше не приходят")


async def test_link_works_once_and_the_newest_only_and_for_a_while(notifications: Running) -> None:
    first, second = [await token(anna(notifications)) for _ in range(2)]
    assert (await say(notifications, f"/start {first}")).json()["text"].startswith("Эта ссылка больше не действует")
    for _ in range(2):
        assert (await say(notifications, f"/start {second}")).json()["text"].startswith("Готово"), "also told again"
    other = await say(notifications, f"/start {second}", chat=OTHER_CHAT)
    assert other.json()["text"].startswith("Эта ссылка больше не действует")
    assert await chats(notifications, APPLICANT) == [CHAT]
    late = await token(anna(notifications))
    notifications.at(NOW + timedelta(minutes=15))
    answer = await say(notifications, f"/start {late}", chat=OTHER_CHAT, language="de")
    assert answer.json()["text"].startswith("This link does not work any more")
    assert await chats(notifications, APPLICANT) == [CHAT]


async def test_token_is_not_kept(notifications: Running) -> None:
    made = await token(anna(notifications))
    async with notifications.database.read() as reading:
        (row,) = await reading.all(sa.select(telegram_links))
    assert made not in str(dict(row))


async def test_a_chat_is_of_one_person_and_a_person_has_one_chat(notifications: Running) -> None:
    boris = notifications.client("boris")
    await link(notifications)
    await link(notifications, chat=OTHER_CHAT)
    assert await chats(notifications, APPLICANT) == [OTHER_CHAT]
    await say(notifications, f"/start {await token(boris)}", chat=OTHER_CHAT)
    assert await chats(notifications, APPLICANT, notifications.identity.id_of("boris")) == [None, OTHER_CHAT]
    assert (await anna(notifications).delete("/v1/me/telegram")).status_code == 204
    assert (await boris.get("/v1/me/telegram")).json() == {"linked": True}, "not hers to unlink"


async def test_one_token_raced_for_by_many(notifications: Running) -> None:
    made = await token(anna(notifications))
    answers = await asyncio.gather(*(say(notifications, f"/start {made}", chat=CHAT + n) for n in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert sum(answer.json()["text"].startswith("Готово") for answer in answers) == 1


async def test_one_chat_raced_for_by_many(notifications: Running) -> None:
    tokens = [await token(notifications.client(f"person{n}")) for n in range(8)]
    answers = await asyncio.gather(*(say(notifications, f"/start {made}") for made in tokens))
    assert {answer.status_code for answer in answers} == {200}
    people = [notifications.identity.id_of(f"person{n}") for n in range(8)]
    assert sorted(await chats(notifications, *people), key=str) == [CHAT, *[None] * 7]


@pytest.mark.parametrize("secret", ["", "guess", "ключ"])
async def test_who_is_not_telegram_is_refused(notifications: Running, secret: str) -> None:
    headers = {b"X-Telegram-Bot-Api-Secret-Token": secret.encode()} if secret else {}
    body = {"update_id": 1, "message": {"chat": {"id": CHAT, "type": "private"}, "text": "/stop"}}
    answer = await notifications.client().post("/v1/telegram/webhook", json=body, headers=headers)
    assert answer.status_code == 401


async def test_without_a_secret_everybody_is_refused(
    databases: Databases, identity: Identity, outside: Outside
) -> None:
    settings = channel_settings(outside, telegram_webhook_secret="", telegram_bot_name="", telegram_bot_token="")
    async with running(SERVICE, databases, identity, **settings) as it:
        assert (await say(it, "/stop", secret="")).status_code == 401
        assert (await anna(it).post("/v1/me/telegram")).status_code == 404


@pytest.mark.parametrize(
    "message",
    [
        {"text": "hello"},
        {"text": "/start"},
        {"text": "/start " + "x" * 65},
        {"kind": "group", "text": "/stop"},
        {"text": ""},
    ],
)
async def test_other_messages_change_nothing(notifications: Running, message: dict[str, Any]) -> None:
    await link(notifications)
    answer = await say(notifications, message.pop("text"), **message)
    assert answer.status_code == 200
    assert "kind" in message or "/stop" in answer.json()["text"]
    assert await chats(notifications, APPLICANT) == [CHAT]


async def test_updates_of_other_kinds_and_junk(notifications: Running) -> None:
    headers = {"X-Telegram-Bot-Api-Secret-Token": BOT_SECRET}
    for body, status in (({"update_id": 1, "poll": {}}, 200), ({"message": {"chat": 1}}, 422), ([], 422)):
        answer = await notifications.client().post("/v1/telegram/webhook", json=body, headers=headers)
        assert answer.status_code == status


async def test_person_who_blocked_the_bot_is_unlinked(notifications: Running, outside: Outside) -> None:
    await link(notifications)
    await outside.switch(outside.push, telegram_blocked=[CHAT])
    await confirmed(notifications)
    assert await told(notifications) == [("order_confirmed", "failed", "telegram 403")]
    assert await chats(notifications, APPLICANT) == [None]


async def test_too_many_messages_wait_as_long_as_telegram_asks(notifications: Running, outside: Outside) -> None:
    await link(notifications)
    busy = {"path_prefix": "/bot/sendMessage", "status": 429, "retry_after_seconds": 33}
    await outside.switch(outside.push, fail_next=[busy])
    await confirmed(notifications)
    assert await told(notifications) == [("order_confirmed", "queued", "telegram 429")]
    await pass_time(notifications, 32)
    assert await outside.shown("telegram/messages") == []
    await pass_time(notifications, 1)
    assert await told(notifications) == [("order_confirmed", "sent", None)]


async def test_preferences_quiet_hours_and_bursts_hold(
    databases: Databases, identity: Identity, outside: Outside
) -> None:
    async with running(SERVICE, databases, identity, **channel_settings(outside, burst_seconds=60)) as it:
        it.at(NOW)
        await link(it)
        await it.handle(contact())
        quiet = {"starts": "00:00", "ends": "23:59", "time_zone": "UTC"}
        assert (await anna(it).put("/v1/preferences", json={"items": [], "quiet_hours": quiet})).status_code == 200
        await it.handle(sample(TOPPED_UP))
        await it.turn("dispatch")
        assert await told(it) == [("account_topped_up", "queued", None)]
        assert (await anna(it).put("/v1/preferences", json={"items": []})).status_code == 200
        await it.turn("dispatch")
        await it.handle(*(sample(TOPPED_UP, sequence=50 + n, topup_id=uuid4()) for n in range(3)))
        await it.turn("dispatch")
        assert len(await outside.shown("telegram/messages")) == 1, "the others wait"
        await pass_time(it, 61)
        assert len(await outside.shown("telegram/messages")) == 2, "and go out in one"
        wish = {"items": [{"template": "account_topped_up", "channel": "telegram", "enabled": False}]}
        assert (await anna(it).put("/v1/preferences", json=wish)).status_code == 200
        await it.handle(sample(TOPPED_UP, sequence=90))
        await it.turn("dispatch")
        assert (await told(it))[-1] == ("account_topped_up", "skipped", "muted")


async def test_erased_person_has_no_chat(notifications: Running) -> None:
    await link(notifications)
    open_link = await token(anna(notifications))
    changed = sample("orders.customer.changed.v1", sequence=99, erased=True)
    await notifications.handle(changed)
    assert await chats(notifications, APPLICANT) == [None]
    assert (await say(notifications, f"/start {open_link}")).json()["text"].startswith("Эта ссылка")


# The webhook


async def test_worker_tells_telegram_where_to_call(
    databases: Databases, identity: Identity, outside: Outside, receiver: Receiver
) -> None:
    """Again until Telegram has said yes, then no more."""
    url = f"http://127.0.0.1:{receiver.server.server_address[1]}/v1/telegram/webhook"
    fault = {"path_prefix": "/bot/setWebhook", "status": 503}

    async def somebody_writes() -> int:
        body = {"chat_id": CHAT, "text": "/start"}
        await outside.http.post(f"{outside.push.url}/sandbox/telegram/say", json=body)
        return len(receiver.calls)

    async with running(SERVICE, databases, identity, **channel_settings(outside, telegram_webhook_url=url)) as it:
        elsewhere = {"url": "", "secret_token": "x"}
        await outside.http.post(f"{outside.push.url}/bot{BOT_TOKEN}/setWebhook", json=elsewhere)
        await outside.switch(outside.push, fail_next=[fault])
        await it.turn("telegram_webhook")
        assert await somebody_writes() == 0
        await it.turn("telegram_webhook")
        assert await somebody_writes() == 1
        headers, _ = receiver.calls[0]
        assert headers["x-telegram-bot-api-secret-token"] == BOT_SECRET
        await outside.switch(outside.push, fail_next=[fault])
        await it.turn("telegram_webhook")
        left = (await outside.http.get(f"{outside.push.url}/sandbox/switches")).json()["fail_next"]
        assert len(left) == 1, "nobody called"


async def test_nobody_is_told_where_no_address_is_set(notifications: Running) -> None:
    assert "telegram_webhook" not in notifications.loops


@pytest.mark.parametrize(
    "more",
    [
        {"telegram_webhook_url": "https://foyer.test/v1/telegram/webhook", "telegram_webhook_secret": ""},
        {"telegram_webhook_url": "https://foyer.test/v1/telegram/webhook", "telegram_bot_token": ""},
        {"telegram_webhook_url": "https://foyer.test/elsewhere"},
        {"telegram_webhook_secret": "with spaces"},
        {"telegram_webhook_secret": "x" * 257},
    ],
)
def test_settings_that_telegram_would_refuse(outside: Outside, more: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        SERVICE.settings(
            database_url="postgresql://x",
            amqp_url="amqp://x",
            oidc_issuer="x",
            oidc_jwks_url="x",
            **channel_settings(outside, **more),
        )
