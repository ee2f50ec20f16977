"""The processes of the bench `hop`: `python -m benchmarks.hop_parts ROLE KIND DATABASE_URL AMQP_URL`.

KIND is `chassis` or `bare`. A commit process is told `run RATE SECONDS` and answers when each event was committed; a
consume process is told `dump COUNT` and answers when each was handled; a relay process does what it is for. Instants
are nanoseconds of the monotonic clock, which all processes of a machine share. Answers are lines of JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar
from uuid import UUID

import aio_pika
import asyncpg
import uvloop
from foyer_chassis.broker import Broker
from foyer_chassis.consumer import Consumer, Dispatcher, Subscribe
from foyer_chassis.db import Database, Transaction
from foyer_chassis.relay import Relay
from foyer_contracts.envelope import PUBLIC_EXCHANGE, Event, EventData
from foyer_contracts.ids import new_id

SUBJECT = UUID(int=7)
POLL_SECONDS = 0.1
BATCH = 500
PREFETCH = 200
DUMP_SECONDS = 30.0
CHANNEL = "foyer_outbox"

BARE_TYPE = "bench.tick.bare.v1"  # of its own, so that each queue gets only what is meant for it

Times = dict[int, int]
Commit = Callable[[int], Awaitable[None]]


class Ticked(EventData):
    """Something happened; padded to the size of a real event."""

    type: ClassVar[str] = "bench.tick.happened.v1"

    number: int
    filling: str = "x" * 400


def event_type(kind: str) -> str:
    """The routing key of a kind's events."""
    return Ticked.type if kind == "chassis" else BARE_TYPE


def service(kind: str) -> str:
    """The name of the consuming service, from which its queue has its name."""
    return f"bench{kind}"


# ---- on the chassis


async def chassis_commit(url: str) -> Commit:
    database = Database(url)

    async def commit(number: int) -> None:
        async with database.transaction() as transaction:
            transaction.publish(Ticked(number=number), subject=SUBJECT, sequence=number)

    return commit


async def chassis_relay(url: str, amqp_url: str) -> None:
    await Relay(url, Broker(amqp_url, service("chassis"))).run()


async def chassis_consume(url: str, amqp_url: str, handled: Times) -> None:
    async def on_ticked(_: Transaction, event: Event[Ticked]) -> None:
        handled[event.data.number] = time.monotonic_ns()

    broker = Broker(amqp_url, service("chassis"))
    await Consumer(broker, Dispatcher(Database(url), [Subscribe(Ticked, on_ticked)])).run()


# ---- bare: the least that does the same


async def bare_commit(url: str) -> Commit:
    pool = await asyncpg.create_pool(url, min_size=8, max_size=8)
    teller = await asyncpg.connect(url)
    telling: list[asyncio.Task[Any]] = []

    async def tell() -> None:
        await teller.execute(f"NOTIFY {CHANNEL}")

    async def commit(number: int) -> None:
        body = Event.make(Ticked(number=number), subject=SUBJECT, sequence=number, time=_now()).to_json()
        await pool.execute(
            "INSERT INTO outbox (event_id, exchange, type, body) VALUES ($1, $2, $3, $4)",
            new_id(),
            PUBLIC_EXCHANGE,
            BARE_TYPE,
            body,
        )
        if not telling or telling[-1].done():
            telling[:] = [asyncio.create_task(tell())]

    return commit


async def bare_relay(url: str, amqp_url: str) -> None:
    connection = await asyncpg.connect(url, server_settings={"synchronous_commit": "off"})
    woken = asyncio.Event()
    await connection.add_listener(CHANNEL, lambda *_: woken.set())
    broker = await aio_pika.connect(amqp_url)
    exchange = await (await broker.channel()).get_exchange(PUBLIC_EXCHANGE, ensure=False)
    while True:
        woken.clear()
        rows = await connection.fetch("SELECT position, event_id, body FROM outbox ORDER BY position LIMIT $1", BATCH)
        if rows:
            await asyncio.gather(
                *(
                    exchange.publish(
                        aio_pika.Message(row["body"], message_id=str(row["event_id"]), delivery_mode=2), BARE_TYPE
                    )
                    for row in rows
                )
            )
            await connection.execute("DELETE FROM outbox WHERE position = ANY($1)", [row["position"] for row in rows])
            continue
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await woken.wait()


async def bare_consume(url: str, amqp_url: str, handled: Times) -> None:
    connection = await asyncpg.connect(url)
    broker = await aio_pika.connect(amqp_url)
    channel = await broker.channel(publisher_confirms=False)
    await channel.set_qos(prefetch_count=PREFETCH)
    queue = await channel.get_queue(f"foyer.{service('bare')}")
    async with queue.iterator() as messages:
        async for message in messages:
            await connection.execute(
                "INSERT INTO inbox (event_id) VALUES ($1) ON CONFLICT DO NOTHING", UUID(message.message_id)
            )
            handled[json.loads(message.body)["data"]["number"]] = time.monotonic_ns()
            await message.ack()


# ---- what they are told


async def _commits(commit: Commit) -> None:
    next_number = 0
    async for words in _told():
        rate, seconds = float(words[1]), float(words[2])
        committed: Times = {}

        async def one(number: int, committed: Times = committed) -> None:
            await commit(number)
            committed[number] = time.monotonic_ns()

        loop, tasks = asyncio.get_running_loop(), []
        started = loop.time()
        for turn in range(round(rate * seconds)):
            await asyncio.sleep(max(0.0, started + turn / rate - loop.time()))
            tasks.append(asyncio.create_task(one(next_number)))
            next_number += 1
        await asyncio.gather(*tasks)
        _say(committed)


async def _dumps(handled: Times) -> None:
    async for words in _told():
        count = int(words[1])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DUMP_SECONDS):
                while len(handled) < count:
                    await asyncio.sleep(0.01)
        _say(dict(handled))
        handled.clear()


async def _told() -> Any:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    _say("ready")
    while line := await reader.readline():
        yield line.decode().split()


def _say(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)


async def _play(role: str, kind: str, url: str, amqp_url: str) -> None:
    if role == "commit":
        await _commits(await (chassis_commit if kind == "chassis" else bare_commit)(url))
    elif role == "relay":
        relay = chassis_relay if kind == "chassis" else bare_relay
        await _beside(relay(url, amqp_url), _dumps({}))
    else:
        handled: Times = {}
        consume = chassis_consume if kind == "chassis" else bare_consume
        await _beside(consume(url, amqp_url, handled), _dumps(handled))


async def _beside(work: Any, talk: Any) -> None:
    """Work for as long as somebody talks with us."""
    task = asyncio.create_task(work)
    done, _ = await asyncio.wait([task, asyncio.create_task(talk)], return_when=asyncio.FIRST_COMPLETED)
    if task in done:
        task.result()
    task.cancel()


if __name__ == "__main__":
    uvloop.run(_play(*sys.argv[1:5]))
