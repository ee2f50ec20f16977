"""`./foyer dead-letters`: messages a service could not handle, with the reason; look, send again, or drop.

./foyer dead-letters                          how many each service has
./foyer dead-letters orders                   a line each
./foyer dead-letters orders show ID           the whole message
./foyer dead-letters orders redrive [ID …]    handle again (without ids: all)
./foyer dead-letters orders drop ID …         forget for good
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence

from foyer_chassis.broker import Broker, Publisher
from foyer_chassis.messages import REASON_HEADER, Incoming, redriven_message

from foyer_tools.events import add_address, address
from foyer_tools.places import SERVICES
from foyer_tools.steps import console, say

MOST = 10_000


def main(argv: Sequence[str]) -> int:
    """1 when an id that was named is not there."""
    parser = argparse.ArgumentParser(
        prog="foyer dead-letters", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("service", nargs="?", choices=SERVICES)
    parser.add_argument("action", nargs="?", default="list", choices=("list", "show", "redrive", "drop"))
    parser.add_argument("ids", nargs="*", metavar="ID")
    add_address(parser)
    options = parser.parse_args(argv)
    if options.action in ("show", "drop") and not options.ids:
        parser.error(f"{options.action} needs the id of a message")
    with address(options.amqp_url) as url:
        if options.service is None:
            for service in SERVICES:
                say(f"{service:<15} {asyncio.run(_offer(Broker(url, service), 'count', set()))[0]}")
            return 0
        found, missing = asyncio.run(_offer(Broker(url, options.service), options.action, set(options.ids)))
    for id_ in missing:
        say(f"[red]{id_} is not among the parked messages of {options.service}[/]")
    if options.action in ("redrive", "drop"):
        say(f"{found - len(missing) if options.ids else found} messages: {options.action}")
    return 1 if missing else 0


async def _offer(broker: Broker, action: str, ids: set[str]) -> tuple[int, set[str]]:
    """How many messages the action was for, and which ids were not found."""
    missing = set(ids)

    async def handle(message: Incoming, publisher: Publisher) -> bool:
        missing.discard(message.message_id)
        if ids and message.message_id not in ids:
            return False
        if action == "redrive":
            (error,) = await publisher.publish([redriven_message(broker.queues, _typed(message))])
            return error is None
        if action == "list":
            reason = message.headers.get(REASON_HEADER, "delivered too often")
            line = f"{message.message_id}  {_typed(message).routing_key:<42} attempt {message.attempt}  {reason}"
            console.print(line, markup=False, soft_wrap=True)
        elif action == "show":
            console.print(f"{dict(message.headers)}\n{message.body.decode(errors='replace')}", markup=False)
        return action == "drop"

    offered = await broker.take_parked(handle, most=MOST)
    return (len(ids) if ids else offered), missing


def _typed(message: Incoming) -> Incoming:
    """The message under its event type, also when the broker itself parked it under the queue's name."""
    if not message.routing_key.startswith("foyer."):
        return message
    try:
        type_ = str(json.loads(message.body)["type"])
    except (ValueError, KeyError, TypeError):
        return message
    return Incoming(
        body=message.body,
        routing_key=type_,
        message_id=message.message_id,
        attempt=message.attempt,
        redelivered=message.redelivered,
        delivery_tag=message.delivery_tag,
        headers=message.headers,
    )
