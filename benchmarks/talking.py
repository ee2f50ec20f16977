"""`sockets`: many conversations open on one process, and a message to each of them."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx2
import psutil
from foyer_contracts.ids import new_id
from websockets.asyncio.client import ClientConnection, connect

from .bench import Bench
from .figures import BenchError, Figure, p50_ms, p99_ms
from .load import Client, check, request
from .machine import Meter

SOCKETS, PER_ROOM = 1_000, 2
WRITERS = 16
PER_SECOND = 100
GOAL_MS, MOST_KIBIBYTES = 200.0, 60.0
STAFF = "rita"
OPENED_AT_ONCE = 20
FRAME_SECONDS = 30.0
SETTLE_SECONDS = 2.0
KIBIBYTE = 1024
_OPEN = """
    INSERT INTO conversations (id, order_id, applicant_id, number, last_position, created_at, version, kind)
    VALUES ($1, $2, $3, $4, 0, now(), 1, 'slot_booking')
"""


@dataclass
class Room:
    """A conversation, its applicant's token, when each of its messages came to each socket, and whether to all."""

    id: UUID
    token: str
    came: dict[str, list[float]] = field(default_factory=dict)
    whole: dict[str, asyncio.Event] = field(default_factory=dict)


Writers = asyncio.Queue[Client]


async def measure(bench: Bench) -> list[Figure]:
    """The applicant and a manager look at each of the conversations; messages are written by HTTP, at an even pace.

    A time is from when the message was due to its frame at a socket, so that each message has two.
    """
    sockets = bench.scale.few(SOCKETS, 40)
    await bench.only("identity", "chat-api")
    rooms = await _rooms(bench, sockets // PER_ROOM)
    process = psutil.Process(bench.pid("chat-api"))
    meter, times = bench.meter(), list[float]()
    url = bench.system.api_urls["chat"]
    async with _writers(url) as writers:
        # What the first socket and the first message load stays.
        async with _watching(bench, rooms[:1]):
            await _write(writers, rooms[0], time.perf_counter())
        await asyncio.sleep(SETTLE_SECONDS)
        before = _own(process)
        async with _watching(bench, rooms):
            await asyncio.sleep(SETTLE_SECONDS)
            each = (_own(process) - before) / sockets / KIBIBYTE
            for _ in range(bench.scale.rounds):
                times += await _round(writers, rooms, meter)
            talked = (_own(process) - before) / sockets / KIBIBYTE
    p99 = p99_ms(times)
    return [
        Figure(
            name="sockets",
            what=f"message → frame at each of {sockets:,} sockets in {len(rooms)} conversations, {PER_SECOND}/s, p99",
            unit="ms",
            limit=None,
            ours=p99,
            goal=f"p99 ≤ {GOAL_MS:.0f} ms",
            ok=p99 <= GOAL_MS,
            p50_ms=p50_ms(times),
            p99_ms=p99,
            beside=str(meter),
            note=f"{len(times):,} frames",
        ),
        Figure(
            name="sockets/memory",
            what=f"the process, for each of {sockets:,} sockets that look at a conversation",
            unit="KiB",
            limit=None,
            ours=max(each, talked, 0.01),
            goal=f"≤ {MOST_KIBIBYTES:.0f} KiB",
            ok=max(each, talked) <= MOST_KIBIBYTES,
            note=f"{each:.1f} once open, {talked:.1f} after {len(times):,} frames",
        ),
    ]


def _own(process: psutil.Process) -> int:
    """The process's own pages, in bytes."""
    return int(process.memory_full_info().uss)


async def _rooms(bench: Bench, count: int) -> list[Room]:
    """Conversations with an applicant each: nobody is to reach the limit on messages of one person."""
    people = [uuid4() for _ in range(count)]
    async with httpx2.AsyncClient(trust_env=False) as http:
        tokens = []
        for person in people:
            body = {"username": "anna", "claims": {"sub": str(person)}}
            answer = await http.post(f"{bench.system.sandbox_urls['identity']}/sandbox/tokens", json=body)
            answer.raise_for_status()
            tokens.append(answer.json()["access_token"])
    rooms = [Room(new_id(), token) for token in tokens]
    async with bench.database("chat") as database:
        await database.execute("TRUNCATE conversations CASCADE")
        rows = [
            (room.id, uuid4(), person, 1_000_000 + number)
            for number, (room, person) in enumerate(zip(rooms, people, strict=True))
        ]
        await database.executemany(_OPEN, rows)
        await database.execute("ANALYZE")
    return rooms


@asynccontextmanager
async def _writers(url: str) -> AsyncIterator[Writers]:
    """Connections that messages are written by."""
    clients = [await Client.open(url) for _ in range(WRITERS)]
    writers = Writers()
    for client in clients:
        writers.put_nowait(client)
    try:
        yield writers
    finally:
        for client in clients:
            client.close()


@asynccontextmanager
async def _watching(bench: Bench, rooms: list[Room]) -> AsyncIterator[None]:
    """The applicant and a manager look at each of them while the block runs."""
    url = f"{bench.system.api_urls['chat'].replace('http', 'ws', 1)}/v1/live"
    staff = await bench.token(STAFF)
    slots = asyncio.Semaphore(OPENED_AT_ONCE)
    opened: list[ClientConnection] = []
    readers: list[asyncio.Task[None]] = []

    async def look(room: Room, token: str) -> None:
        async with slots:
            connection = await connect(
                url, additional_headers={"Authorization": f"Bearer {token}"}, proxy=None, compression=None,
                ping_interval=None, open_timeout=FRAME_SECONDS,
            )  # fmt: skip
            opened.append(connection)
            await connection.send(json.dumps({"type": "subscribe", "conversation_id": str(room.id)}))
            frame = json.loads(await connection.recv())
            if frame["type"] != "subscribed":
                raise BenchError(f"a socket was answered {frame}")
        readers.append(asyncio.create_task(_read(connection, room)))

    try:
        async with asyncio.timeout(FRAME_SECONDS * 4):
            await asyncio.gather(*(look(room, token) for room in rooms for token in (room.token, staff)))
        gc.freeze()  # this process's collector is not what is measured
        yield
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*(connection.close() for connection in opened), return_exceptions=True)
        await asyncio.gather(*readers, return_exceptions=True)


async def _read(connection: ClientConnection, room: Room) -> None:
    async for frame in connection:
        came = time.perf_counter()
        said: dict[str, Any] = json.loads(frame)
        if said["type"] == "message":
            times = room.came[said["message"]["text"]]
            times.append(came)
            if len(times) == PER_ROOM:
                room.whole[said["message"]["text"]].set()


async def _round(writers: Writers, rooms: list[Room], meter: Meter) -> list[float]:
    """A message to each, at even distances however long each takes; the time to each socket, from when it was due."""
    with meter.running():
        begun = time.perf_counter()
        due = [begun + number / PER_SECOND for number in range(len(rooms))]
        async with asyncio.timeout(FRAME_SECONDS + len(rooms) / PER_SECOND):
            found = await asyncio.gather(*(_write(writers, room, at) for room, at in zip(rooms, due, strict=True)))
    return [time_ for times in found for time_ in times]


async def _write(writers: Writers, room: Room, due: float) -> list[float]:
    """A message, waited for at both sockets."""
    await asyncio.sleep(max(0.0, due - time.perf_counter()))
    text = uuid4().hex
    room.came[text], room.whole[text] = [], asyncio.Event()
    body = json.dumps({"thread": "public", "text": text}).encode()
    path = f"/v1/conversations/{room.id}/messages"
    writer = await writers.get()
    check(await writer.ask(request("POST", path, room.token, body, Idempotency_Key=uuid4().hex)), 201)
    writers.put_nowait(writer)
    async with asyncio.timeout(FRAME_SECONDS):
        await room.whole[text].wait()
    del room.whole[text]
    return [came - due for came in room.came.pop(text)]
