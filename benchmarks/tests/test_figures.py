"""The statistics, the table's rows, the client's parsing: everything that needs no servers."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from benchmarks.figures import BenchError, Figure, in_turn, p50_ms, p99_ms, percentile
from benchmarks.listing import FILTERED, FIRST, script
from benchmarks.load import Client, request, saturate, steady
from benchmarks.machine import GENERATOR, Meter
from benchmarks.seed import ROOMS, free_slots
from benchmarks.table import quantity, ratio


def figure(limit: float | None, ours: float) -> Figure:
    return Figure(name="place", what="POST", unit="/s", limit=limit, ours=ours, goal="≥ 15 %", ok=True)


def test_percentile_is_the_nearest_rank() -> None:
    values = [15.0, 20.0, 35.0, 40.0, 50.0]
    assert [percentile(values, p) for p in (5, 30, 40, 50, 100)] == [15.0, 20.0, 20.0, 35.0, 50.0]
    assert percentile([7.0], 99) == 7.0
    hundred = [float(n) for n in range(1, 101)]
    assert percentile(list(reversed(hundred)), 99) == 99.0
    assert (p50_ms(hundred), p99_ms(hundred)) == (50_000.0, 99_000.0)


@pytest.mark.parametrize(("values", "percent"), [([], 50.0), ([1.0], 0.0), ([1.0], 100.5)])
def test_percentile_refuses_what_has_none(values: list[float], percent: float) -> None:
    with pytest.raises(ValueError, match="no "):
        percentile(values, percent)


async def test_rounds_are_taken_in_turn_and_the_median_counts() -> None:
    order: list[str] = []

    def measure(name: str, results: list[float]) -> object:
        async def one() -> float:
            order.append(name)
            return results.pop(0)

        return one

    found = await in_turn(3, measure("limit", [1.0, 100.0, 2.0]), measure("ours", [5.0, 4.0, 60.0]))  # type: ignore[arg-type]
    assert found == [2.0, 5.0]
    assert order == ["limit", "ours"] * 3


def test_row_for_machines() -> None:
    row = figure(8123.456, 1234.56).as_json()
    assert set(row) >= {"name", "limit", "ours", "ratio", "goal", "ok", "p50_ms", "p99_ms"}
    assert (row["limit"], row["ours"], row["ratio"]) == (8123.0, 1235.0, 0.152)
    assert json.loads(json.dumps(row)) == row
    assert figure(None, 3.0).as_json()["ratio"] is None


def test_quantities_have_as_many_digits_as_they_are_worth() -> None:
    assert [quantity(value, "ms") for value in (None, 0.1234, 12.34, 1234.5)] == ["", "0.12 ms", "12.3 ms", "1,234 ms"]
    assert [ratio(value) for value in (None, 0.152, 1.3, 2.5)] == ["", "15%", "130%", "2.5 ×"]


def test_no_two_slots_overlap() -> None:
    slots = free_slots()
    taken = [next(slots) for _ in range(3 * ROOMS)]
    assert len({(slot.resource_id, slot.starts_at) for slot in taken}) == len(taken)
    assert {slot.ends_at - slot.starts_at for slot in taken} == {taken[0].ends_at - taken[0].starts_at}
    assert json.loads(taken[0].order_body())["slots"]["resource_id"] == str(taken[0].resource_id)


def test_processor_time_is_counted_by_label() -> None:
    child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        meter = Meter(lambda: {child.pid: "child"})
        with meter.running():
            until = sum(os.times()[:2]) + 0.3
            while sum(os.times()[:2]) < until:
                pass
    finally:
        child.kill()
        child.wait()
    cores = meter.cores()
    assert cores[GENERATOR] > 0.2
    assert cores["child"] > 0.2
    assert "child" in str(meter)
    assert "load average" in str(meter)


@asynccontextmanager
async def server(*answers: bytes) -> AsyncIterator[str]:
    """Gives these answers in turn, in two pieces each, and then cuts the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readuntil(b"\r\n\r\n")
            for piece in (answer[:30], answer[30:]):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.01)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


def answer(status: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\nX: y\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def test_client_reads_answers_one_after_the_other() -> None:
    async with server(answer("201 Created", b'{"a":1}' * 9), answer("404 Not Found", b"")) as url:
        client = await Client.open(url)
        text = request("POST", "/x", "token", b"{}", Idempotency_Key="k")
        assert text.startswith(b"POST /x HTTP/1.1\r\n")
        assert b"\r\nIdempotency-Key: k\r\n" in text
        first, second = await client.ask(text), await client.ask(text)
        assert (first.status, first.body) == (201, b'{"a":1}' * 9)
        assert (second.status, second.body) == (404, b"")
        await asyncio.sleep(0.05)
        with pytest.raises(BenchError, match="closed"):
            await client.ask(text)


async def test_a_wrong_answer_ends_a_load() -> None:
    async with server(answer("503 Service Unavailable", b"busy")) as url:
        text = request("GET", "/x", "token")
        with pytest.raises(BenchError, match="503 instead of 201: busy"):
            await saturate([url], 1, lambda _: text, seconds=1, expect=201)


async def test_an_answer_without_a_length_is_refused() -> None:
    async with server(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") as url:
        client = await Client.open(url)
        with pytest.raises(BenchError, match="without a length"):
            await client.ask(request("GET", "/x", "token"))
        client.close()


async def test_a_steady_load_keeps_its_pace_and_counts_what_waits() -> None:
    async with server(*[answer("200 OK", b"{}")] * 400) as url:
        text = request("GET", "/x", "token")
        until = time.perf_counter() + 0.5
        load = await steady(url, lambda _: text, per_second=40, until=lambda: time.perf_counter() > until, expect=200)
    assert 18 <= len(load.latencies) <= 22
    # The server gives each answer in two pieces, ten milliseconds apart.
    assert min(load.latencies) >= 0.01


async def test_a_wrong_answer_ends_a_steady_load() -> None:
    async with server(answer("503 Service Unavailable", b"busy")) as url:
        text = request("GET", "/x", "token")
        with pytest.raises(BenchError, match="503 instead of 200: busy"):
            await steady(url, lambda _: text, per_second=50, until=lambda: False, expect=200)


async def test_the_limit_of_list_is_the_statement_of_the_service() -> None:
    first, filtered = await script(FIRST), await script(FILTERED)
    assert first.startswith("SELECT coalesce(json_agg(r), '[]')::text AS items")
    assert "o.status = 'confirmed'" in filtered
    assert "o.status = 'confirmed'" not in first
    for text in (first, filtered):
        assert "$" not in text
        assert "ORDER BY o.id DESC LIMIT 50::int" in text
