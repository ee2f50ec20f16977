"""`hop`: from a commit in one service to the handler in the next, beside the least that does the same."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

import asyncpg
from foyer_chassis.broker import Broker
from foyer_chassis.tables import metadata
from foyer_tools.places import ROOT
from foyer_tools.postgres import with_database
from sqlalchemy.ext.asyncio import create_async_engine

from . import hop_parts
from .bench import PROFILE, Bench
from .figures import MILLISECONDS, BenchError, Figure, p50_ms, p99_ms, percentile

ANSWER_SECONDS = 60.0
STOP_SECONDS = 10.0


@dataclass(frozen=True)
class Pace:
    """A rate of events, for how long a round, and the p99 to stay under."""

    per_second: int
    seconds: float
    goal_ms: float


PACES = (Pace(300, 3.0, 10.0), Pace(10, 6.0, 10.0), Pace(600, 3.0, 15.0))


class Part:
    """One of the processes, talked with in lines."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    @asynccontextmanager
    async def running(cls, *arguments: str) -> AsyncIterator[Part]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "benchmarks.hop_parts", *arguments),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**24,
        )
        part = cls(process)
        try:
            await part.answer()
            yield part
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    async def answer(self) -> Any:
        """The next line it says; BenchError if it ends or says nothing."""
        assert self._process.stdout is not None
        async with asyncio.timeout(ANSWER_SECONDS):
            line = await self._process.stdout.readline()
        if not line:
            raise BenchError("a process of the bench ended")
        return json.loads(line)

    async def tell(self, *words: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write((" ".join(map(str, words)) + "\n").encode())
        await self._process.stdin.drain()


@dataclass(frozen=True)
class Chain:
    """commit → relay → consume, each a process of its own, on databases of their own."""

    commit: Part
    relay: Part
    consume: Part

    async def hops(self, pace: Pace) -> list[float]:
        """Seconds from commit to handler of each event of a round."""
        await self.commit.tell("run", pace.per_second, pace.seconds)
        committed: dict[str, int] = await self.commit.answer()
        await self.consume.tell("dump", len(committed))
        handled: dict[str, int] = await self.consume.answer()
        if committed.keys() != handled.keys():
            raise BenchError(f"of {len(committed)} events {len(committed.keys() & handled.keys())} were handled")
        return [(handled[number] - at) / 1e9 for number, at in committed.items()]


@asynccontextmanager
async def chain(bench: Bench, kind: str) -> AsyncIterator[Chain]:
    """`kind` is `chassis` or `bare`."""
    here, there = [await _database(bench, f"foyer_{PROFILE}_{kind}_{side}") for side in ("here", "there")]
    amqp_url = bench.system.amqp_admin_url
    await Broker(amqp_url, hop_parts.service(kind)).declare(public=[hop_parts.event_type(kind)])
    async with AsyncExitStack() as stack:
        parts = [
            await stack.enter_async_context(Part.running(role, kind, url, amqp_url))
            for role, url in (("relay", here), ("consume", there), ("commit", here))
        ]
        made = Chain(relay=parts[0], consume=parts[1], commit=parts[2])
        await made.hops(Pace(50, 1.0, 0.0))
        yield made


async def _database(bench: Bench, name: str) -> str:
    """A fresh database with the chassis's tables; its address."""
    admin = await asyncpg.connect(bench.system.postgres_admin_url)
    try:
        await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await admin.execute(f'CREATE DATABASE "{name}"')
    finally:
        await admin.close()
    url = with_database(bench.system.postgres_admin_url, name)
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1))
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    await engine.dispose()
    return url


async def measure(bench: Bench) -> list[Figure]:
    """All of it is the chassis's own code: Database, Relay, Broker, Consumer, Dispatcher; only the event is ours."""
    await bench.only()
    figures = []
    async with chain(bench, "bare") as bare, chain(bench, "chassis") as ours:
        labels = {ours.commit.pid: "commit", ours.relay.pid: "relay", ours.consume.pid: "consume"}
        for pace in PACES:
            used = pace if not bench.scale.quick else Pace(pace.per_second, 1.0, pace.goal_ms)
            meter, everything = bench.meter(labels), list[float]()
            p99: dict[str, list[float]] = {"bare": [], "ours": []}
            for _ in range(bench.scale.rounds):
                p99["bare"].append(p99_ms(await bare.hops(used)))
                with meter.running():
                    hops = await ours.hops(used)
                p99["ours"].append(p99_ms(hops))
                everything += hops
            middle = median(p99["ours"])
            figures.append(
                Figure(
                    name="hop" if pace is PACES[0] else f"hop/{pace.per_second}",
                    what=f"commit → handler at {pace.per_second}/s, p99",
                    unit="ms",
                    limit=median(p99["bare"]),
                    ours=middle,
                    goal=f"p99 ≤ {pace.goal_ms:.0f} ms",
                    ok=middle <= pace.goal_ms,
                    p50_ms=p50_ms(everything),
                    p99_ms=p99_ms(everything),
                    beside=str(meter),
                    note=f"p99 of single rounds {', '.join(f'{value:.1f}' for value in p99['ours'])} ms",
                )
            )
    return figures


async def bare_hop_ms(bench: Bench, pace: Pace) -> float:
    """The median of a bare hop, for sums of hops."""
    async with chain(bench, "bare") as bare:
        return percentile(await bare.hops(pace), 50) * MILLISECONDS
