"""`./foyer demo`: play the journeys through the gateway and show each as a timeline."""

from __future__ import annotations

import argparse
import asyncio
import signal
import threading
import time
from collections.abc import Sequence

from foyer_tools.journeys import JOURNEYS
from foyer_tools.layout import Profile
from foyer_tools.steps import console, say, step
from foyer_tools.supervise import System, running
from foyer_tools.timeline import event_log, render
from foyer_tools.up import addresses
from foyer_tools.world import WorldError, world

LAST_EVENTS_SECONDS = 1.0


def main(argv: Sequence[str]) -> int:
    """0 only if each journey ended in its expected state in every service."""
    parser = argparse.ArgumentParser(prog="foyer demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the system running until Ctrl-C")
    parser.add_argument("journeys", nargs="*", metavar="JOURNEY", help=f"some of {', '.join(JOURNEYS)} (default: all)")
    options = parser.parse_args(argv)
    if unknown := [name for name in options.journeys if name not in JOURNEYS]:
        parser.error(f"no such journey: {', '.join(unknown)}")
    with running(Profile()) as system:
        failed = asyncio.run(_play(system, options.journeys or list(JOURNEYS)))
        say(addresses(system))
        if options.keep:
            _stay()
    if failed:
        say(f"[red]{len(failed)} of the journeys did not end as they should: {', '.join(failed)}[/]")
        return 1
    return 0


def _stay() -> None:
    say("It runs until Ctrl-C.")
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    try:
        ended.wait()
    except KeyboardInterrupt:
        return


async def _play(system: System, names: list[str]) -> list[str]:
    failed = []
    async with world(system) as people, event_log(system.amqp_admin_url) as log:
        for name in names:
            title, journey = JOURNEYS[name]
            people.acts.clear()
            started = time.perf_counter()
            try:
                with step(f"journey {name}: {title}"):
                    orders = await journey(people)
            except WorldError as problem:
                failed.append(name)
                say(f"[red]  {problem}[/]")
                continue
            seconds = time.perf_counter() - started
            await asyncio.sleep(LAST_EVENTS_SECONDS)
            console.rule(f"{name}. {title} ({seconds:.1f} s)", align="left")
            for line in render(people.acts, log.about({order["id"] for order in orders})):
                console.print(line, soft_wrap=True)
            for order in orders[:2]:
                say(f"  [green]✓[/] order {order['number']}: {order['title']}")
            if len(orders) > 2:
                say(f"  [green]✓[/] and {len(orders) - 2} more: {orders[-1]['title']}")
    return failed
