"""`./foyer bench`: start a system of its own, measure the limits and the system in turn, print the table."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence

import uvloop
from foyer_tools.steps import say, step
from foyer_tools.supervise import running

from . import (
    availability,
    chaining,
    exporting,
    fights_for_classes,
    fights_for_lodgings,
    fights_for_slots,
    growing,
    handling,
    hopping,
    journeying,
    listing,
    lodging,
    placing,
    relaying,
    searching,
    seed,
    talking,
)
from .bench import FULL, QUICK, Bench, profile
from .figures import BenchError, Figure
from .table import show

Measure = Callable[[Bench], Awaitable[list[Figure]]]

#: In the order of the table of goals; `memory` looks at what `journey` leaves.
BENCHES: dict[str, Measure] = {
    "place": placing.measure,
    "place-gateway": placing.measure_gateway,
    "list": listing.measure,
    "search": searching.measure,
    "relay": relaying.measure,
    "handle": handling.measure,
    "hop": hopping.measure,
    "chain": chaining.measure,
    "journey": journeying.measure,
    "fight": fights_for_slots.measure,
    "fight-class": fights_for_classes.measure,
    "fight-seat": fights_for_lodgings.measure_seat,
    "fight-room": fights_for_lodgings.measure_room,
    "availability": availability.measure,
    "places": lodging.measure,
    "export": exporting.measure,
    "sockets": talking.measure,
    "memory": journeying.measure_memory,
    "growth": growing.measure,
}
WHOLE = {"journey", "sockets", "memory"}  # these need every service
MOST_SECONDS = 1800.0  # of one bench, however slow the machine


def main(argv: Sequence[str]) -> int:
    """0 when everything asked for could be measured, whether or not it meets its goal: a bench is no test."""
    parser = argparse.ArgumentParser(prog="foyer bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(BENCHES)} (default: all)")
    parser.add_argument("--json", action="store_true", help="for machines: a list of objects on standard output")
    parser.add_argument("--quick", action="store_true", help="few short rounds: shows that it runs, nothing else")
    options = parser.parse_args(argv)
    if unknown := [name for name in options.names if name not in BENCHES]:
        parser.error(f"no such bench: {', '.join(unknown)}")
    chosen = [name for name in BENCHES if name in options.names or not options.names]
    figures: list[Figure] = []
    failed: list[str] = []
    started = time.monotonic()
    with running(profile(everything=bool(WHOLE & set(chosen)))) as system:
        bench = Bench(system, QUICK if options.quick else FULL)
        for name in chosen:
            try:
                with step(name):
                    figures += uvloop.run(_bounded(BENCHES[name], bench))
            except BenchError as problem:
                failed.append(name)
                say(f"[red]{name}: {problem}[/]")
            except Exception:
                # A mistake of a bench's own; the figures of the others are still worth having.
                failed.append(name)
                traceback.print_exc()
        with step("emptying the databases"):
            # Gigabytes that nobody would miss before the next run drops them.
            uvloop.run(_leave_empty(bench))
    if options.json:
        json.dump(
            [figure.as_json() | ({"ok": None, "quick": True} if options.quick else {}) for figure in figures],
            sys.stdout,
            indent=2,
            ensure_ascii=False,
        )
        sys.stdout.write("\n")
    elif figures:
        show(figures, quick=options.quick)
    say(
        f"{len(figures)} figures in {time.monotonic() - started:.0f} s"
        + (f"; failed: {', '.join(failed)}" if failed else "")
    )
    return 1 if failed else 0


async def _leave_empty(bench: Bench) -> None:
    await bench.only()
    await seed.empty(bench)


async def _bounded(measure: Measure, bench: Bench) -> list[Figure]:
    try:
        async with asyncio.timeout(MOST_SECONDS):
            return await measure(bench)
    except TimeoutError:
        raise BenchError(f"not done after {MOST_SECONDS:.0f} s") from None
