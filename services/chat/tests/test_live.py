"""Conversations live over real sockets, with two instances of the service on one database and one broker.

The net under lost notices is out of reach here (`net`): what arrives came through the broker, but where a test says
otherwise.
"""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
import uvicorn
from chat.routes import hub, live
from chat.service import SERVICE
from fastapi import FastAPI
from foyer_chassis.testing import Databases, Identity, Running, Servers, Wire, running
from foyer_contracts.samples import APPLICANT, MANAGER, NOW, ORDER, TECHNICIAN
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from .conftest import PAID, PLACED, applicant, conversation_id, manager, sample, write

ASSIGNED = "orders.order.assigned.v1"
SECRET = "держим цену"


class Instance:
    """One process of the service, in this one."""

    def __init__(self, app: FastAPI) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.app = app
        config = uvicorn.Config(
            app, host="127.0.0.1", port=self.port, log_config=None, lifespan="on", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._server.serve())
        while not self._server.started:
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        self._server.should_exit = True
        assert self._task is not None
        await self._task


@pytest.fixture
def net(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many seconds a lost notice costs."""
    monkeypatch.setattr(hub, "LOOK_AGAIN_SECONDS", getattr(request, "param", 600))


@pytest.fixture
def wire(servers: Servers) -> Wire:
    return Wire(servers.amqp_url)


@pytest.fixture
async def chat(databases: Databases, identity: Identity, net: None, wire: Wire) -> AsyncIterator[Running]:
    async with wire.laid() as amqp_url, running(SERVICE, databases, identity, amqp_url=amqp_url) as it:
        it.at(NOW)
        yield it


@pytest.fixture
async def instances(chat: Running) -> AsyncIterator[list[Instance]]:
    made = []
    for _ in range(2):
        app = SERVICE.build_app(chat.settings)
        app.state.verifier = chat.identity.verifier()
        app.state.database.now = chat.database.now
        made.append(Instance(app))
    await asyncio.gather(*(instance.start() for instance in made))
    yield made
    await asyncio.gather(*(instance.stop() for instance in made))


class Client:
    """An app that looks at conversations."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.frames: list[dict[str, Any]] = []

    async def say(self, type_: str, **frame: Any) -> None:
        await self.connection.send(json.dumps({"type": type_, **frame}))

    async def next(self, type_: str, seconds: float = 5) -> dict[str, Any]:
        """The next frame of that type; all frames are kept."""
        async with asyncio.timeout(seconds):
            while True:
                frame: dict[str, Any] = json.loads(await self.connection.recv())
                self.frames.append(frame)
                if frame["type"] == type_:
                    return frame

    async def quiet(self, seconds: float = 0.3) -> list[dict[str, Any]]:
        """What else comes in this time."""
        found = []
        try:
            async with asyncio.timeout(seconds):
                while True:
                    found.append(json.loads(await self.connection.recv()))
        except TimeoutError:
            self.frames += found
            return found


@asynccontextmanager
async def app_of(chat: Running, instance: Instance, username: str, *roles: str, **claims: Any) -> AsyncIterator[Client]:
    token = chat.identity.token(username, *roles, **claims)
    headers = {"Authorization": f"Bearer {token}"}
    async with connect(f"ws://127.0.0.1:{instance.port}/v1/live", additional_headers=headers, proxy=None) as connection:
        yield Client(connection)


def anna(chat: Running, instance: Instance, **claims: Any) -> Any:
    return app_of(chat, instance, "anna", "customer", sub=str(APPLICANT), **claims)


def rita(chat: Running, instance: Instance, **claims: Any) -> Any:
    return app_of(chat, instance, "rita", "rent_manager", sub=str(MANAGER), **claims)


async def eventually(check: Callable[[], Awaitable[bool]], seconds: float = 5) -> None:
    until = time.monotonic() + seconds
    while not await check():
        assert time.monotonic() < until
        await asyncio.sleep(0.02)


async def test_message_reaches_the_other_instance(chat: Running, instances: list[Instance]) -> None:
    await chat.handle(sample(PLACED))
    id_ = await conversation_id(applicant(chat))
    async with anna(chat, instances[0]) as her, rita(chat, instances[1], locale="en") as staff:
        for client in (her, staff):
            await client.say("subscribe", conversation_id=id_)
        assert (await her.next("subscribed"))["threads"] == ["public"]
        assert (await staff.next("subscribed"))["threads"] == ["public", "internal"]
        started = time.monotonic()
        await write(applicant(chat), id_, "Добрый день")
        assert (await staff.next("message"))["message"]["text"] == "Добрый день"
        assert time.monotonic() - started < 1
        assert (await her.next("message"))["message"]["position"] == 1
        await chat.handle(sample(PAID))
        assert (await her.next("message"))["message"]["text"] == "Поступила оплата через платёжный шлюз"
        assert (await staff.next("message"))["message"]["template"] == "payment_received"
        assert (await staff.quiet()) == []


@pytest.mark.feature("A24")
async def test_no_byte_of_the_internal_thread(chat: Running, instances: list[Instance]) -> None:
    await chat.handle(sample(PLACED))
    id_ = await conversation_id(applicant(chat))
    await write(manager(chat), id_, SECRET, "internal")
    async with anna(chat, instances[0]) as her, rita(chat, instances[1]) as staff:
        await her.say("subscribe", conversation_id=id_, after=0, version=0)
        await staff.say("subscribe", conversation_id=id_, after=0)
        assert (await staff.next("message"))["message"]["text"] == SECRET
        inside = (await write(manager(chat), id_, SECRET, "internal")).json()
        await staff.say("typing", conversation_id=id_, thread="internal")
        await staff.say("read", conversation_id=id_, thread="internal", through=2)
        await her.say("typing", conversation_id=id_, thread="internal")
        await her.say("read", conversation_id=id_, thread="internal", through=2)
        changed = await manager(chat).patch(
            f"/v1/conversations/{id_}/messages/{inside['id']}", json={"text": SECRET + "!"}
        )
        assert changed.status_code == 200
        await staff.next("changed")
        await write(manager(chat), id_, "Здравствуйте")
        assert (await her.next("message"))["message"]["text"] == "Здравствуйте"
        await her.quiet()
        seen = json.dumps(her.frames, ensure_ascii=False)
        assert SECRET not in seen
        assert inside["id"] not in seen
        assert "internal" not in seen
        assert sorted(frame["type"] for frame in her.frames) == ["error", "error", "message", "subscribed"]
        assert {frame["problem"]["status"] for frame in her.frames if frame["type"] == "error"} == {404}


@pytest.mark.parametrize("missed", [0, 3, 250])
async def test_resume_without_gap_or_double(chat: Running, instances: list[Instance], missed: int) -> None:
    await chat.handle(sample(PLACED))
    id_ = await conversation_id(applicant(chat))
    for number in range(3):
        await write(applicant(chat), id_, str(number))
    async with anna(chat, instances[0]) as her:
        await her.say("subscribe", conversation_id=id_, after=1)
        await her.next("message")
        assert (await her.next("message"))["message"]["position"] == 3
    for number in range(missed):
        await chat.handle(sample(PAID, sequence=number + 100, amount=sample(PAID).data.amount))
    async with anna(chat, instances[1]) as her:
        writing = asyncio.create_task(write(manager(chat), id_, "уже тут"))
        await her.say("subscribe", conversation_id=id_, after=3)
        await writing
        positions = [(await her.next("message"))["message"]["position"] for _ in range(missed + 1)]
        assert positions == list(range(4, 4 + missed + 1))
        assert [frame["type"] for frame in await her.quiet()] == []


async def test_everything_arrives_in_order_while_many_write(chat: Running, instances: list[Instance]) -> None:
    await chat.handle(sample(PLACED))
    id_ = await conversation_id(applicant(chat))
    async with anna(chat, instances[0]) as her, rita(chat, instances[1]) as staff:
        for client in (her, staff):
            await client.say("subscribe", conversation_id=id_)
            await client.next("subscribed")
        answers = await asyncio.gather(*(write(who(chat), id_, "…") for _ in range(20) for who in (applicant, manager)))
        assert {answer.status_code for answer in answers} == {201}
        for client in (her, staff):
            positions = [(await client.next("message"))["message"]["position"] for _ in range(40)]
            assert positions == list(range(1, 41))


async def test_typing_and_read_marks(chat: Running, instances: list[Instance]) -> None:
    await chat.handle(sample(PLACED))
    id_ = await conversation_id(applicant(chat))
    async with anna(chat, instances[0]) as her, rita(chat, instances[1]) as staff:
        for client in (her, staff):
            await client.say("subscribe", conversation_id=id_)
            await client.next("subscribed")
        for _ in range(3):
            await staff.say("typing", conversation_id=id_)
        typing = await her.next("typing")
        assert (typing["side"], typing["name"], typing["thread"]) == ("staff", "Rita", "public")
        await write(applicant(chat), id_, "раз")
        await staff.next("message")
        await staff.say("read", conversation_id=id_, through=1)
        read = await her.next("read")
        assert (read["side"], read["through"]) == ("staff", 1)
        assert [frame["type"] for frame in her.frames].count("typing") == 1, "one in two seconds"
        assert "typing" not in [frame["type"] for frame in staff.frames], "nobody is told that they type themselves"
    (event,) = await chat.published("chat.conversation.read.v1")
    assert (event.data.reader_kind, event.data.seen) == ("staff", 1)


async def test_edits_are_shown_also_after_an_absence(chat: Running, instances: list[Instance]) -> None:
    await chat.handle(sample(PLACED))
    id_ = await conversation_id(applicant(chat))
    first, second = [(await write(applicant(chat), id_, text)).json()["id"] for text in ("раз", "два")]
    path = f"/v1/conversations/{id_}/messages"
    async with rita(chat, instances[0]) as staff:
        await staff.say("subscribe", conversation_id=id_, after=0)
        version = (await staff.next("subscribed"))["version"]
        await staff.next("message")
        await staff.next("message")
        await applicant(chat).patch(f"{path}/{first}", json={"text": "раз!"})
        assert (await staff.next("changed"))["message"]["text"] == "раз!"
    await applicant(chat).delete(f"{path}/{second}")
    async with rita(chat, instances[1]) as staff:
        await staff.say("subscribe", conversation_id=id_, after=2, version=version)
        shown = [(await staff.next("changed"))["message"] for _ in range(2)]
        assert [item["text"] for item in shown] == ["раз!", "Сообщение удалено автором"]
        assert await staff.quiet() == []


async def test_who_loses_access_sees_no_more(chat: Running, instances: list[Instance]) -> None:
    order: dict[str, Any] = {"order_id": ORDER, "responsible_ids": [MANAGER]}
    await chat.handle(sample(PLACED, sequence=1, kind="request", assignee_id=TECHNICIAN))
    id_ = await conversation_id(applicant(chat))
    async with app_of(chat, instances[0], "tech", "contractor", sub=str(TECHNICIAN)) as tech:
        await tech.say("subscribe", conversation_id=id_)
        await tech.next("subscribed")
        await chat.handle(sample(ASSIGNED, sequence=2, assignee_id=None, **order))
        assert (await tech.next("gone"))["conversation_id"] == id_
        await write(applicant(chat), id_, "ау")
        assert await tech.quiet() == []


@pytest.mark.parametrize("token", [None, "nonsense", "expired", "no role"])
async def test_nobody_without_a_right(chat: Running, instances: list[Instance], token: str | None) -> None:
    tokens = {
        "expired": chat.identity.token("anna", exp=1_000_000),
        "no role": chat.identity.token("anna", "no_such_role"),
    }
    query = f"?access_token={tokens.get(token, token)}" if token else ""
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"ws://127.0.0.1:{instances[0].port}/v1/live{query}", proxy=None)
    assert refused.value.response.status_code == (403 if token == "no role" else 401)
    assert json.loads(refused.value.response.body)["status"] == refused.value.response.status_code


async def test_token_in_the_query_and_its_end(chat: Running, instances: list[Instance]) -> None:
    token = chat.identity.token("anna", exp=int(time.time()) + 2)
    async with connect(f"ws://127.0.0.1:{instances[0].port}/v1/live?access_token={token}", proxy=None) as connection:
        with pytest.raises(ConnectionClosed) as closed:
            async with asyncio.timeout(5):
                await connection.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


@pytest.mark.parametrize(
    ("frame", "status"),
    [
        ("{", 422),
        ("[]", 422),
        ('{"type": "shout"}', 422),
        ('{"type": "subscribe", "conversation_id": "x"}', 422),
        ('{"type": "subscribe", "conversation_id": "%s"}', 404),
        ('{"type": "typing", "conversation_id": "%s"}', 404),
        ('{"type": "read", "conversation_id": "%s", "through": 1}', 404),
    ],
)
async def test_frames_that_are_wrong(chat: Running, instances: list[Instance], frame: str, status: int) -> None:
    async with anna(chat, instances[0]) as her:
        await her.connection.send(frame.replace("%s", str(uuid4())))
        problem = (await her.next("error"))["problem"]
        assert problem["status"] == status
        assert problem["type"].startswith("https://")
        await her.say("unsubscribe", conversation_id=str(uuid4()))
        assert await her.quiet(0.1) == [], "and the socket lives"


@pytest.mark.parametrize(("text", "times", "code"), [("x" * 5000, 1, 1009), ("{}", 60, 1008)])
async def test_who_floods_is_shown_out(
    chat: Running, instances: list[Instance], text: str, times: int, code: int
) -> None:
    async with anna(chat, instances[0]) as her:

        async def flood() -> None:
            for _ in range(times):
                await her.connection.send(text)
            while True:
                await her.connection.recv()

        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(flood(), 5)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code


async def test_more_sockets_than_allowed(chat: Running, instances: list[Instance]) -> None:
    instances[0].app.state.settings = chat.settings.model_copy(update={"most_sockets": 1})
    async with anna(chat, instances[0]) as first:
        await first.quiet(0.05)
        async with anna(chat, instances[0]) as second:
            with pytest.raises(ConnectionClosed) as closed:
                await second.connection.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1013
        assert (await first.quiet(0.05)) == []

    async def room() -> bool:
        return bool(instances[0].app.state.hub.sockets == 0)

    await eventually(room)
    assert instances[0].app.state.hub._rooms == {}


@pytest.mark.parametrize("net", [0.3], indirect=True)
async def test_without_the_broker_it_only_takes_longer(chat: Running, instances: list[Instance], wire: Wire) -> None:
    await chat.handle(sample(PLACED))
    id_ = await conversation_id(applicant(chat))
    async with anna(chat, instances[0]) as her, rita(chat, instances[1]) as staff:
        for client in (her, staff):
            await client.say("subscribe", conversation_id=id_)
            await client.next("subscribed")
        wire.cut()
        sent = (await write(applicant(chat), id_, "слышно?")).json()
        await chat.handle(sample(PAID))
        for client in (her, staff):
            assert [(await client.next("message"))["message"]["position"] for _ in range(2)] == [1, 2]
        await applicant(chat).patch(f"/v1/conversations/{id_}/messages/{sent['id']}", json={"text": "ау"})
        await staff.say("read", conversation_id=id_, through=2)
        assert (await her.next("changed"))["message"]["text"] == "ау"
        assert (await her.next("read"))["through"] == 2
        await staff.say("typing", conversation_id=id_)
        assert [frame["type"] for frame in await her.quiet()] == [], "and nothing comes twice; typing is lost"
        wire.mend()

        async def typing_comes() -> bool:
            await staff.say("typing", conversation_id=id_)
            return "typing" in [frame["type"] for frame in await her.quiet(0.1)]

        await eventually(typing_comes, seconds=10)
        await write(applicant(chat), id_, "вернулись")
        for client in (her, staff):
            assert (await client.next("message"))["message"]["position"] == 3
            assert [frame["type"] for frame in await client.quiet()] == []
        kinds = [frame["type"] for frame in her.frames]
        assert [kinds.count(kind) for kind in ("message", "changed", "read")] == [3, 1, 1]


async def test_who_was_cut_off_from_the_broker_looks_at_once_when_it_is_back(
    chat: Running, instances: list[Instance], wire: Wire
) -> None:
    await chat.handle(sample(PLACED))
    id_ = await conversation_id(applicant(chat))
    async with rita(chat, instances[1]) as staff:
        await staff.say("subscribe", conversation_id=id_)
        await staff.next("subscribed")
        await write(applicant(chat), id_, "раз")
        await staff.next("message")
        wire.cut()
        assert (await write(applicant(chat), id_, "два")).status_code == 201
        assert (await chat.client().get("/health/ready")).json()["status"] == "ready"
        assert await staff.quiet() == []
        wire.mend()
        assert (await staff.next("message"))["message"]["text"] == "два"
        assert await staff.quiet() == []


async def test_slow_reader_is_dropped_and_resumes(
    chat: Running, instances: list[Instance], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SLOW_SECONDS", 0.5)
    dropped: list[str] = []
    monkeypatch.setattr(live._logger, "info", dropped.append)
    await chat.handle(sample(PLACED))
    id_ = await conversation_id(applicant(chat))
    text = "д" * 4000
    for number in range(29):
        await write(applicant(chat), id_, text)
        await write(manager(chat), id_, text)
        assert number < 29
    token = chat.identity.token("anna", sub=str(APPLICANT))
    reader, writer = await asyncio.open_connection("127.0.0.1", instances[0].port, limit=1024)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    writer.write(
        f"GET /v1/live?access_token={token} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")

    async def alive(count: int) -> bool:
        return bool(instances[0].app.state.hub.sockets == count)

    await eventually(lambda: alive(1))
    for after in range(0, 400):
        frame = json.dumps({"type": "subscribe", "conversation_id": id_, "after": 0, "version": after}).encode()
        writer.write(bytes([0x81, 0x80 | 126, len(frame) >> 8, len(frame) & 255, 0, 0, 0, 0]) + frame)
        await asyncio.sleep(0.06)
        if await alive(0):
            break
    await eventually(lambda: alive(0), seconds=10)
    assert dropped == ["slow_socket_dropped"]
    writer.close()
    async with anna(chat, instances[1]) as her:
        await her.say("subscribe", conversation_id=id_, after=0)
        assert [(await her.next("message"))["message"]["position"] for _ in range(58)] == list(range(1, 59))
