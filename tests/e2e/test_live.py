"""What is shown live, through the gateway and by two processes of each API: everybody sees the same, and after a kill
nothing is missing and nothing comes twice."""

import asyncio
import contextlib
import functools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx2
import pytest
from foyer_chassis.broker import Broker
from foyer_chassis.messages import Outgoing
from foyer_contracts.envelope import PUBLIC_EXCHANGE, Event
from foyer_contracts.samples import SAMPLES
from foyer_sandbox.testing import free_port
from foyer_tools import processes
from foyer_tools.management import Management
from foyer_tools.places import ROOT
from foyer_tools.supervise import System
from foyer_tools.world import World
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

NEWS = "booking.class.cancelled.v1"
SECONDS = 15.0


@asynccontextmanager
async def another(system: System, name: str) -> AsyncIterator[str]:
    """A second process of an API, on the same database and broker; its address."""
    port = free_port()
    spec = next(spec for spec in system.layout.services if spec.name == name)
    process, _ = processes.spawn(
        system.state,
        f"{system.profile.name}.{name}-2",
        spec.argv,
        group=system.profile.name,
        env={**spec.env, "FOYER_HTTP_PORT": str(port)},
        log=spec.log.with_name(f"{name}-2.log"),
        cwd=ROOT,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx2.AsyncClient(trust_env=False) as http, asyncio.timeout(30):
            while True:
                with contextlib.suppress(httpx2.HTTPError):
                    if (await http.get(f"{url}/health/ready")).status_code == 200:
                        break
                await asyncio.sleep(0.1)
        yield url
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)


# The feed


class Feed:
    """Server-sent events of a feed."""

    def __init__(self, answer: httpx2.Response) -> None:
        self._lines = answer.aiter_lines()
        self.last_id = ""

    async def next(self, wanted: str) -> dict[str, Any]:
        """The data of the next event of this name."""
        found: dict[str, str] = {}
        async with asyncio.timeout(SECONDS):
            while True:
                line = await anext(self._lines)
                if line:
                    name, _, value = line.partition(": ")
                    found[name] = value
                elif found:
                    self.last_id = found.get("id", self.last_id)
                    if found.get("event") == wanted:
                        data: dict[str, Any] = json.loads(found["data"])
                        return data
                    found = {}


@asynccontextmanager
async def follow(people: World, who: str, url: str, *, after: str | None = None) -> AsyncIterator[Feed]:
    headers = {"Authorization": f"Bearer {await people.token(who)}", "Accept": "text/event-stream"}
    if after is not None:
        headers["Last-Event-ID"] = after
    async with people.http.stream("GET", f"{url}/v1/feed/live", headers=headers) as answer:
        assert answer.status_code == 200
        feed = Feed(answer)
        await feed.next("unread")
        yield feed


async def publish(system: System, who: str, count: int) -> list[str]:
    """So many news for a person, through the broker; their titles."""
    samples = [
        SAMPLES[NEWS].data.model_copy(
            update={"class_booking_id": uuid4(), "visitor_id": UUID(who), "title": f"Йога {uuid4().hex[:6]}"}
        )
        for _ in range(count)
    ]
    events = [Event.make(data, subject=uuid4(), sequence=1, time=datetime.now(UTC)) for data in samples]
    async with Broker(system.amqp_admin_url, "test").publisher() as publisher:
        outgoing = [Outgoing(PUBLIC_EXCHANGE, NEWS, each.to_json(), message_id=str(each.id)) for each in events]
        assert await publisher.publish(outgoing) == [None] * count
    return [data.title for data in samples]


@pytest.mark.feature("X7")
async def test_feed_goes_on_after_a_kill(people: World, system: System) -> None:
    who = "visitor40"
    await people.ok(who, "PUT", "notifications/v1/me")
    person, gateway = people.names[who], f"{system.gateway_url}/api/notifications"
    async with another(system, "notifications-api") as beside, follow(people, who, beside) as second:
        async with follow(people, who, gateway) as first:
            titles = await publish(system, person, 2)
            seen = [await first.next("entry") for _ in titles]
            for entry, title in zip(seen, titles, strict=True):
                assert title in entry["body"]
                assert await second.next("entry") == entry
        last = first.last_id
        await asyncio.to_thread(system.kill9, "notifications-api")
        meanwhile = await publish(system, person, 3)
        missed = [await second.next("entry") for _ in meanwhile]
        await asyncio.to_thread(system.start, "notifications-api")
        headers = {"Authorization": f"Bearer {await people.token(who)}", "Last-Event-ID": last}
        async with people.http.stream("GET", f"{gateway}/v1/feed/live", headers=headers) as answer:
            again = Feed(answer)
            assert [await again.next("entry") for _ in meanwhile] == missed
            (after,) = await publish(system, person, 1)
            entry = await again.next("entry")
            assert after in entry["body"]
            assert await second.next("entry") == entry
    assert [title in entry["body"] for title, entry in zip(meanwhile, missed, strict=True)] == [True] * 3


# Conversations


class Socket:
    """An app that looks at one conversation."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def subscribe(self, conversation_id: str, *, after: int | None = None) -> None:
        frame = {"type": "subscribe", "conversation_id": conversation_id}
        await self._connection.send(json.dumps(frame if after is None else {**frame, "after": after}))
        await self.next("subscribed")

    async def type(self, conversation_id: str) -> None:
        await self._connection.send(json.dumps({"type": "typing", "conversation_id": conversation_id}))

    async def rest(self) -> list[str]:
        """Which frames wait to be read."""
        found = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                while True:
                    found.append(str(json.loads(await self._connection.recv())["type"]))
        return found

    async def next(self, wanted: str) -> dict[str, Any]:
        async with asyncio.timeout(SECONDS):
            while True:
                frame: dict[str, Any] = json.loads(await self._connection.recv())
                if frame["type"] == wanted:
                    return frame

    async def text(self) -> str:
        message: dict[str, Any] = (await self.next("message"))["message"]
        self.position = int(message["position"])
        return str(message["text"])


@asynccontextmanager
async def look(people: World, who: str, url: str) -> AsyncIterator[Socket]:
    headers = {"Authorization": f"Bearer {await people.token(who)}"}
    address = f"{url.replace('http', 'ws', 1)}/v1/live"
    async with connect(address, additional_headers=headers, proxy=None) as connection:
        yield Socket(connection)


async def say(people: World, id_: str, who: str, url: str, text: str) -> None:
    headers = {"Authorization": f"Bearer {await people.token(who)}", "Idempotency-Key": uuid4().hex}
    answer = await people.http.post(
        f"{url}/v1/conversations/{id_}/messages", json={"text": text, "thread": "public"}, headers=headers
    )
    assert answer.status_code == 201, answer.text


async def live_queues(system: System) -> set[str]:
    """Queues of the processes that show conversations, one each."""
    api = Management(system.servers.addresses.management_url or "")
    queues = await asyncio.to_thread(api.call, "GET", f"/queues/{system.vhost}")
    return {queue["name"] for queue in queues if queue["name"].startswith("foyer.chat.live.")}


@pytest.mark.feature("A24")
async def test_conversation_is_live_on_both_and_resumes_after_a_kill(people: World, system: System) -> None:
    order = await people.place("anna", people.slot(await people.room("Мойка")))
    id_ = (await people.ok("anna", "GET", f"chat/v1/orders/{order['id']}/conversation"))["id"]
    gateway = f"{system.gateway_url}/api/chat"
    write = functools.partial(say, people, id_)
    async with another(system, "chat-api") as beside, look(people, "rita", beside) as rita:
        await rita.subscribe(id_)
        async with look(people, "anna", gateway) as anna:
            await anna.subscribe(id_)
            await write("anna", gateway, "Здравствуйте")
            await write("rita", beside, "Добрый день")
            for each in (anna, rita):
                assert [await each.text(), await each.text()] == ["Здравствуйте", "Добрый день"]
            before = await live_queues(system)
            assert len(before) == 2
            await asyncio.to_thread(system.kill9, "chat-api")
            with pytest.raises(ConnectionClosed):
                await anna.text()

            async def one_is_gone() -> bool:
                left = await live_queues(system)
                return len(left) == 1 and left < before

            await people.until(one_is_gone, "the killed process leaves no queue behind", SECONDS)
        for text in ("раз", "два", "три"):
            await write("rita", beside, text)
        await asyncio.to_thread(system.start, "chat-api")
        async with look(people, "anna", gateway) as again:
            await again.subscribe(id_, after=anna.position)
            await write("rita", beside, "четыре")
            assert [await again.text() for _ in range(4)] == ["раз", "два", "три", "четыре"]
            assert [await rita.text() for _ in range(4)] == ["раз", "два", "три", "четыре"]


async def test_conversation_goes_on_without_the_broker(people: World, system: System) -> None:
    """A broker that is killed makes what is said slower, nothing else; what nobody keeps comes again with it."""
    order = await people.place("anna", people.slot(await people.room("Без брокера")))
    id_ = (await people.ok("anna", "GET", f"chat/v1/orders/{order['id']}/conversation"))["id"]
    gateway = f"{system.gateway_url}/api/chat"
    write = functools.partial(say, people, id_)

    async def is_there() -> bool:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(address.hostname, address.port)
            writer.close()
            return True
        return False

    async def is_away() -> bool:
        return not await is_there()

    address = urlsplit(system.amqp_admin_url)
    async with (
        another(system, "chat-api") as beside,
        look(people, "rita", beside) as rita,
        look(people, "anna", gateway) as anna,
    ):
        for each in (anna, rita):
            await each.subscribe(id_)
        restart = functools.partial(system.restart_rabbitmq, immediate=True, down_seconds=3)
        restarting = asyncio.create_task(asyncio.to_thread(restart))
        await people.until(is_away, "the broker is killed", SECONDS)
        for who, url, text in (("anna", gateway, "раз"), ("rita", beside, "два")):
            await write(who, url, text)
        for each in (anna, rita):
            assert [await each.text() for _ in range(2)] == ["раз", "два"]
        assert await is_away()
        await restarting

        async def typing_is_seen() -> bool:
            await rita.type(id_)
            return "typing" in await anna.rest()

        await people.until(typing_is_seen, "the fan-out works again", SECONDS)
        await write("rita", beside, "три")
        for each in (anna, rita):
            assert await each.text() == "три"
            assert await each.rest() == []
        assert len(await live_queues(system)) == 2
    await asyncio.to_thread(system.wait_until_ready)
