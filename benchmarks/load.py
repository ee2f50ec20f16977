"""A lean HTTP/1.1 client: raw sockets with keep-alive, requests made of bytes, so that it is not what is measured."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

from .figures import BenchError

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length:"
ANSWER_SECONDS = 60.0
MOST_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


class Client(asyncio.Protocol):
    """One connection; one request at a time."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._body_at = -1
        self._length = 0
        self._waiting: asyncio.Future[Answer] | None = None
        self._transport: asyncio.WriteTransport | None = None

    @classmethod
    async def open(cls, url: str) -> Client:
        parts = urlsplit(url)
        loop = asyncio.get_running_loop()
        _, client = await loop.create_connection(cls, parts.hostname or "", parts.port or 80)
        return client

    async def ask(self, request: bytes) -> Answer:
        """Send a request and wait for its answer; BenchError when the connection is cut or no answer comes."""
        if self._transport is None:
            raise BenchError("the server closed the connection")
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    @property
    def is_open(self) -> bool:
        """False once the server has closed the connection."""
        return self._transport is not None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(BenchError(f"the server closed the connection: {exc}"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._body_at < 0:
            end = self._buffer.find(_END_OF_HEAD)
            if end < 0:
                return
            head = bytes(self._buffer[:end]).lower()
            at = head.find(_LENGTH)
            if at < 0:
                self._fail(f"an answer without a length: {head[:200]!r}")
                return
            self._length = int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0])
            self._body_at = end + len(_END_OF_HEAD)
        if len(self._buffer) < self._body_at + self._length:
            return
        status = int(self._buffer[9:12])
        body = bytes(self._buffer[self._body_at : self._body_at + self._length])
        del self._buffer[: self._body_at + self._length]
        self._body_at = -1
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(Answer(status, body))

    def _fail(self, reason: str) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(BenchError(reason))


def request(method: str, path: str, token: str, body: bytes = b"", **headers: str) -> bytes:
    """The bytes of a request. Header names are written with `_` for `-`."""
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", f"Authorization: Bearer {token}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + _END_OF_HEAD + body


@dataclass
class Load:
    """What a load did."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds


async def saturate(
    urls: Sequence[str], clients: int, make: Callable[[int], bytes], *, seconds: float, expect: int
) -> Load:
    """Each client sends its next request as soon as the last is answered; `make(client)` gives the bytes.

    Clients take the addresses in turn. What is under way when the time is up is waited for and counts.

    Raises:
        BenchError: an answer had another status than `expect`.
    """
    connections = [await Client.open(urls[n % len(urls)]) for n in range(clients)]
    load = Load()
    started = time.perf_counter()
    until = started + seconds

    async def one(number: int, client: Client) -> None:
        before = time.perf_counter()
        while before < until:
            answer = await client.ask(make(number))
            after = time.perf_counter()
            check(answer, expect)
            load.latencies.append(after - before)
            before = after

    try:
        await all_of([one(number, client) for number, client in enumerate(connections)], seconds + ANSWER_SECONDS)
    finally:
        for client in connections:
            client.close()
    load.seconds = time.perf_counter() - started
    return load


async def steady(
    url: str, make: Callable[[int], bytes], *, per_second: float, until: Callable[[], bool], expect: int
) -> Load:
    """Requests at even distances, however long each takes, until it is time to stop.

    A latency counts from the instant at which the request was due: one that had to wait for its turn is late too. At
    most so many are under way, so that a moment in which this process did nothing is not followed by a flood.

    Raises:
        BenchError: an answer had another status than `expect`.
    """
    free: list[Client] = []
    every: list[Client] = []
    slots = asyncio.Semaphore(MOST_AT_ONCE)
    load = Load()
    tasks: set[asyncio.Task[None]] = set()
    started = time.perf_counter()

    async def one(number: int, due: float) -> None:
        async with slots:
            if free:
                client = free.pop()
            else:
                client = await Client.open(url)
                every.append(client)
            answer = await client.ask(make(number))
            load.latencies.append(time.perf_counter() - due)
            check(answer, expect)
            free.append(client)

    try:
        number = 0
        while not until():
            due = started + number / per_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            task = asyncio.create_task(one(number, due))
            tasks.add(task)
            number += 1
            for done in [task for task in tasks if task.done()]:
                tasks.remove(done)
                done.result()
        async with asyncio.timeout(ANSWER_SECONDS):
            await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        for client in every:
            client.close()
    load.seconds = time.perf_counter() - started
    return load


def check(answer: Answer, expect: int) -> None:
    """Raises BenchError unless the answer has the expected status."""
    if answer.status != expect:
        raise BenchError(f"answered {answer.status} instead of {expect}: {answer.body[:500].decode(errors='replace')}")


async def all_of(works: Sequence[Awaitable[None]], seconds: float) -> None:
    """Run all; the first failure, or the end of the time, ends the others. BenchError for the latter."""
    try:
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(_coroutine(work))
    except TimeoutError:
        raise BenchError(f"no end after {seconds:.0f} s") from None
    except ExceptionGroup as several:
        raise several.exceptions[0] from None


async def _coroutine(work: Awaitable[None]) -> None:
    await work
