"""What the processes of a service tell each other through the broker: quick, bounded, and lost without harm."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import aio_pika
import pytest
from aiormq.exceptions import ChannelLockedResource, ChannelNotFoundEntity
from foyer_chassis import broker as broker_module
from foyer_chassis import fanout as fanout_module
from foyer_chassis.broker import Broker, Fanout
from foyer_chassis.db import Database
from foyer_chassis.fanout import FanoutListener, FanoutPublisher
from foyer_chassis.telemetry import NOTICES_DROPPED
from foyer_chassis.testing import Servers, Wire

from .test_messaging import until


class Ear(FanoutListener):
    """A process that listens, and what it heard."""

    def __init__(self, url: str, service: str) -> None:
        super().__init__(Broker(url, service), lambda *notice: self.heard.append(notice), self._count)
        self.heard: list[tuple[str, str]] = []
        self.connected = 0

    def _count(self) -> None:
        self.connected += 1

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Ear"]:
        task = asyncio.create_task(self.run())
        try:
            await self.until_connected(1)
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def until_connected(self, times: int) -> None:
        async def connected() -> bool:
            return self.connected >= times

        await until(connected)

    async def until_heard(self, *notices: tuple[str, str]) -> None:
        async def heard() -> bool:
            return self.heard[-len(notices) :] == list(notices)

        await until(heard)


@pytest.fixture
def service() -> str:
    return f"test{uuid4().hex[:8]}"


@pytest.fixture
async def wire(servers: Servers, service: str) -> AsyncIterator[Wire]:
    yield Wire(servers.amqp_url)
    async with Broker(servers.amqp_url, service)._connected("clean") as connection:
        channel = await connection.channel()
        await channel.exchange_delete(f"foyer.{service}.live")


@pytest.fixture
async def url(wire: Wire) -> AsyncIterator[str]:
    async with wire.laid() as url:
        yield url


@pytest.fixture
async def publisher(url: str, service: str) -> AsyncIterator[FanoutPublisher]:
    made = FanoutPublisher(Broker(url, service))
    yield made
    await made.close()


async def test_everybody_who_listens_hears_it_after_the_commit(
    url: str, service: str, publisher: FanoutPublisher, database: Database
) -> None:
    database.tell_by("things", publisher.notify)

    async def rolled_back() -> None:
        async with database.transaction() as transaction:
            transaction.notify("things", "rolled back")
            raise RuntimeError

    async with Ear(url, service).listening() as one, Ear(url, service).listening() as two:
        with pytest.raises(RuntimeError):
            await rolled_back()
        for number in range(3):
            async with database.transaction() as transaction:
                transaction.notify("things", str(number))
                transaction.notify("things", str(number))
        for ear in (one, two):
            await ear.until_heard(("things", "0"), ("things", "1"), ("things", "2"))
            assert len(ear.heard) == 3


async def test_with_the_broker_away_nobody_waits_and_little_is_kept(
    wire: Wire, url: str, service: str, publisher: FanoutPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout_module, "RECONNECT_SECONDS", 0.1)
    async with Ear(url, service).listening() as ear:
        publisher.notify("things", "before")
        await ear.until_heard(("things", "before"))
        wire.cut()
        dropped = NOTICES_DROPPED._value.get()
        started = time.perf_counter()
        for number in range(5_000):
            publisher.notify("things", str(number))
            assert len(publisher._waiting) <= fanout_module.MOST_WAITING
        assert time.perf_counter() - started < 1

        async def all_dropped() -> bool:
            # The first may have been on its way.
            return bool(NOTICES_DROPPED._value.get() - dropped >= 4_900 and not publisher._waiting)

        await until(all_dropped)
        wire.mend()
        await ear.until_connected(2)
        publisher.notify("things", "after")
        await ear.until_heard(("things", "before"), ("things", "after"))


async def test_who_is_slow_misses_the_oldest(
    wire: Wire, url: str, service: str, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_module, "MOST_TOLD", 100)
    many, large = 1_500, "x" * 20_000
    async with Ear(url, service).listening() as slow, Broker(servers.amqp_url, service).fanout("teller") as quick:
        wire.hold()
        for number in range(many):
            await quick.tell(str(number), large.encode())
        await quick.tell("last", b"")
        wire.mend()
        await slow.until_heard(("last", ""))
        kinds = [kind for kind, _ in slow.heard]
        assert 100 <= len(kinds) < many
        assert kinds[-100:] == [*map(str, range(many - 99, many)), "last"]
        assert slow.connected == 1


async def test_a_process_that_is_gone_leaves_no_queue(
    wire: Wire, url: str, service: str, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    declare = aio_pika.Channel.declare_queue

    async def known(channel: aio_pika.Channel, name: str, **settings: object) -> object:
        if not settings.get("passive"):
            names.append(name)
        return await declare(channel, name, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(aio_pika.Channel, "declare_queue", known)

    async def is_gone(name: str) -> bool:
        async with Broker(servers.amqp_url, service)._connected("look") as connection:
            channel = await connection.channel()
            with pytest.raises(aio_pika.exceptions.ChannelClosed) as refused:
                await channel.declare_queue(name, passive=True)
        # While it is there nobody else may look at it either.
        assert isinstance(refused.value, ChannelLockedResource | ChannelNotFoundEntity)
        return isinstance(refused.value, ChannelNotFoundEntity)

    async with Ear(url, service).listening() as ear:
        (first,) = names
        assert first.startswith(f"foyer.{service}.live.")
        assert not await is_gone(first)
        wire.cut()
        await until(lambda: is_gone(first))
        wire.mend()
        await ear.until_connected(2)
        assert names[1] != first
    await until(lambda: is_gone(names[1]))


async def test_who_lost_only_the_queue_listens_again(
    url: str, service: str, publisher: FanoutPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Fanout] = []
    check = Fanout.check

    async def checked(fanout: Fanout) -> None:
        if fanout._queue is not None and fanout not in made:
            made.append(fanout)
            # The connection goes on, and nothing comes by it any more.
            await fanout._channel.queue_delete(fanout._queue)
        await check(fanout)

    monkeypatch.setattr(Fanout, "check", checked)
    monkeypatch.setattr(fanout_module, "RECONNECT_SECONDS", 0.1)
    async with Ear(url, service).listening() as ear:
        await ear.until_connected(2)
        monkeypatch.setattr(Fanout, "check", check)
        publisher.notify("things", "heard")
        await ear.until_heard(("things", "heard"))
