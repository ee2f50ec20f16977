"""`export`: a hundred thousand orders to Excel while others order: what it takes of memory, and of their patience."""

from __future__ import annotations

import asyncio
import gc
import tempfile
import time
import zipfile
from collections.abc import Callable
from statistics import median
from typing import IO

import httpx2
import psutil

from . import seed
from .bench import Bench
from .figures import BenchError, Figure, p50_ms, p99_ms
from .listing import STAFF
from .load import Load, steady
from .placing import Placing

ROWS = 100_000
PATH = "/v1/orders/export?format=xlsx"
MEBIBYTE = 2**20
MOST_MEBIBYTES = 60.0
MOST_TIMES = 2.0
SAMPLE_SECONDS = 0.05
EXPORT_SECONDS = 300.0
HEAD_ROWS = 1


async def measure(bench: Bench) -> list[Figure]:
    """Both are served by one process. Half load is half of what it can do, at an even pace, however long each takes.

    Idle is what the process uses before the export, under the same load.
    """
    rows = bench.scale.few(ROWS, 2_000)
    await bench.only()
    await seed.empty(bench)
    await seed.orders(bench, rows)
    await bench.only("identity", "orders-api")
    url = bench.system.api_urls["orders"]
    placing = await Placing.prepare(bench, url)
    pace = (await placing.load([url], seconds=bench.scale.seconds)).per_second / 2
    process, token = psutil.Process(bench.pid("orders-api")), await bench.token(STAFF)
    # Once for the warm-up: what is loaded and allocated for the first one stays.
    await _export(url, token, rows)
    meter = bench.meter()
    alone, beside, grown, durations, sizes = list[float](), list[float](), list[float](), list[float](), list[int]()
    ratios = list[float]()

    async def half_load(done: Callable[[], bool]) -> Load:
        load = await steady(url, placing.make(), per_second=pace, until=done, expect=201)
        placing.placed += len(load.latencies)
        return load

    gc.collect()
    gc.freeze()  # this process's collector is not what is measured
    for _ in range(bench.scale.rounds):
        await half_load(_after(bench.scale.seconds))
        idle = process.memory_info().rss
        with meter.running():
            exporting = asyncio.create_task(_export(url, token, rows))
            watching = asyncio.create_task(_peak(process, exporting))
            during = await half_load(exporting.done)
            seconds, size = await exporting
        # For as long: orders alone are held up for a moment too, but not in every second.
        without = await half_load(_after(seconds))
        grown.append((await watching - idle) / MEBIBYTE)
        alone += without.latencies
        beside += during.latencies
        ratios.append(p99_ms(during.latencies) / p99_ms(without.latencies))
        durations.append(seconds)
        sizes.append(size)
    note = (
        f"half load is {pace:.0f} orders a second; an export takes {median(durations):.1f} s beside it and has"
        f" {median(sizes) / MEBIBYTE:.1f} MiB; the median of the rounds' ratios is {median(ratios):.2f}"
    )
    return [
        Figure(
            name="export",
            what=f"p99 of POST /orders at half load beside an export of {rows:,} orders, and without it",
            unit="ms",
            limit=p99_ms(alone),
            ours=p99_ms(beside),
            goal="≤ 2 ×",
            ok=median(ratios) <= MOST_TIMES,
            p50_ms=p50_ms(beside),
            p99_ms=p99_ms(beside),
            beside=str(meter),
            note=note,
        ),
        Figure(
            name="export/memory",
            what=f"the process above idle during an export of {rows:,} orders, the most of all rounds",
            unit="MiB",
            limit=None,
            # What a quick run grows by may be nothing.
            ours=max(*grown, 0.01),
            goal="≤ 60 MiB",
            ok=max(grown) <= MOST_MEBIBYTES,
            beside=str(meter),
        ),
    ]


def _after(seconds: float) -> Callable[[], bool]:
    until = time.perf_counter() + seconds
    return lambda: time.perf_counter() >= until


async def _peak(process: psutil.Process, exporting: asyncio.Task[tuple[float, int]]) -> int:
    """The most memory that the process has while the export lasts."""
    peak = 0
    while not exporting.done():
        peak = max(peak, process.memory_info().rss)
        await asyncio.sleep(SAMPLE_SECONDS)
    return peak


async def _export(url: str, token: str, rows: int) -> tuple[float, int]:
    """Seconds from asking to the last byte, and the size; BenchError unless every row is there."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as file:
        async with (
            httpx2.AsyncClient(timeout=EXPORT_SECONDS) as http,
            http.stream("GET", url + PATH, headers={"Authorization": f"Bearer {token}"}) as answer,
        ):
            if answer.status_code != 200:
                raise BenchError(f"the export answered {answer.status_code}")
            async for chunk in answer.aiter_bytes():
                file.write(chunk)
        seconds = time.perf_counter() - started
        size = file.tell()
        found = await asyncio.to_thread(_rows_of, file)
    if found < rows + HEAD_ROWS:
        raise BenchError(f"the export has {found} rows")
    return seconds, size


def _rows_of(file: IO[bytes]) -> int:
    """How many rows the first sheet has, by the number of the last."""
    with zipfile.ZipFile(file) as book, book.open("xl/worksheets/sheet1.xml") as sheet:
        end = b""
        while chunk := sheet.read(2**20):
            end = (end + chunk)[-(2**16) :]
    at = end.rfind(b'<row r="')
    return 0 if at < 0 else int(end[at + 8 :].split(b'"', 1)[0])
