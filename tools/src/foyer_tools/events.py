"""`./foyer events`: follow the events, or read the past ones from the broker's log."""

from __future__ import annotations

import argparse
import asyncio
import fnmatch
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from foyer_chassis.broker import Broker

from foyer_tools.servers import started
from foyer_tools.steps import console


def main(argv: Sequence[str]) -> int:
    """Until interrupted, or until `--most` events were shown."""
    parser = argparse.ArgumentParser(prog="foyer events", description=__doc__)
    parser.add_argument("pattern", nargs="?", default="*", help="types to show, e.g. 'payments.*' (default: all)")
    parser.add_argument("--from", dest="offset", default="next", help="next (default), first, or an offset")
    parser.add_argument("--most", type=int, default=0, help="stop after so many (default: never)")
    parser.add_argument("--json", action="store_true", help="whole events, one a line")
    add_address(parser)
    options = parser.parse_args(argv)
    with address(options.amqp_url) as url:
        asyncio.run(_follow(url, options))
    return 0


def add_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--amqp-url", help="broker and virtual host (default: this checkout's own)")


@contextmanager
def address(given: str | None) -> Iterator[str]:
    """The broker's address: the given one, or that of the checkout's system."""
    if given:
        yield given
        return
    with started() as servers:
        yield servers.provide("main").amqp_admin_url


async def _follow(url: str, options: argparse.Namespace) -> None:
    shown = 0
    offset = int(options.offset) if options.offset.isdecimal() else options.offset
    async with Broker(url, "events").tail(offset=offset) as messages:
        async for message in messages:
            event = json.loads(message.body)
            if not fnmatch.fnmatchcase(event["type"], options.pattern):
                continue
            if options.json:
                console.file.write(json.dumps(event, ensure_ascii=False) + "\n")
            else:
                data = json.dumps(event["data"], ensure_ascii=False)
                line = f"{event['time']}  {event['type']:<42} {event['subject']} #{event['sequence']}  {data}"
                console.print(line, markup=False, soft_wrap=True)
            shown += 1
            if shown == options.most:
                return
