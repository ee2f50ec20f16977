"""A journey as a timeline: who did what, which event caused what, with milliseconds."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foyer_chassis.broker import Broker
from rich.markup import escape

from foyer_tools.world import Act

MOST_LINES = 60
_COLOURS = {
    "orders": "cyan",
    "booking": "magenta",
    "payments": "green",
    "notifications": "yellow",
    "chat": "blue",
}


@dataclass(frozen=True)
class Seen:
    """An event as it went through the broker."""

    id: str
    type: str
    time: datetime
    cause: str
    data: dict[str, Any]


class Log:
    """The events since it was opened, from the log that the broker keeps of all of them."""

    def __init__(self) -> None:
        self.events: list[Seen] = []

    def about(self, order_ids: set[str]) -> list[Seen]:
        """Events of these orders, and those they caused."""
        found: dict[str, Seen] = {}
        for event in self.events:
            if event.data.get("order_id") in order_ids or event.cause in found:
                found[event.id] = event
        return list(found.values())

    def take(self, body: bytes) -> None:
        event = json.loads(body)
        self.events.append(
            Seen(
                event["id"],
                event["type"],
                datetime.fromisoformat(event["time"]),
                event.get("causationid") or event["data"].get("caused_by", ""),
                event["data"],
            )
        )


@asynccontextmanager
async def event_log(amqp_url: str) -> AsyncIterator[Log]:
    """Collect what is published from now on."""
    log = Log()
    reading = asyncio.Event()

    async def read() -> None:
        async with Broker(amqp_url, "timeline").tail() as messages:
            reading.set()
            async for message in messages:
                log.take(message.body)

    task = asyncio.create_task(read())
    await reading.wait()
    try:
        yield log
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def render(acts: Sequence[Act], events: Sequence[Seen]) -> list[str]:
    """One line per act and event in order of time, events indented below what caused them."""
    depth: dict[str, int] = {}
    causes: dict[str, str] = {f"request:{act.request_id}": act.who for act in acts if act.request_id}
    entries: list[tuple[datetime, str]] = []
    for act in acts:
        text = f"[bold]{act.who}[/] {escape(act.what)} → {act.status} ({act.milliseconds:.0f} ms)"
        entries.append((act.at, text))
    for event in sorted(events, key=lambda item: item.time):
        depth[event.id] = depth.get(event.cause, 0) + 1
        service = event.type.partition(".")[0]
        why = _why(event, causes)
        indent = "  " * min(depth[event.id], 8)
        entries.append((event.time, f"{indent}[{_COLOURS[service]}]{event.type}[/]{escape(_detail(event))}{why}"))
        causes[event.id] = event.type
    if not entries:
        return []
    entries.sort(key=lambda entry: entry[0])
    begin = entries[0][0]
    lines = [f"{(at - begin).total_seconds() * 1000:8.0f} ms  {text}" for at, text in entries]
    if len(lines) > MOST_LINES:
        left_out = len(lines) - MOST_LINES
        lines[MOST_LINES // 2 : -MOST_LINES // 2] = [f"{'…':>8}     ({left_out} more lines)"]
    return lines


def _why(event: Seen, causes: dict[str, str]) -> str:
    cause = causes.get(event.cause)
    if cause is None:
        return "  [dim]← the clock, or the world outside[/]"
    return f"  [dim]← {cause}[/]"


def _detail(event: Seen) -> str:
    data = event.data
    match event.type:
        case "orders.order.status_changed.v1":
            reason = f", {data['reason']}" if data.get("reason") else ""
            return f"  {data['from_status']} → {data['to_status']}{reason}"
        case "orders.order.cancelled.v1":
            return f"  {data['reason']}, refund {_money(data['refund'])}"
        case "booking.places.unavailable.v1":
            return f"  {data['reason']}{', late' if data.get('late') else ''}"
        case "orders.order.priced.v1" | "booking.places.held.v1" | "payments.invoice.issued.v1":
            return f"  {_money(data['total'])}"
        case "payments.payment.succeeded.v1" | "payments.refund.succeeded.v1" | "payments.refund.started.v1":
            return f"  {_money(data['amount'])}"
        case "notifications.delivery.sent.v1":
            return f"  {data['channel']}: {data['template']}"
        case _:
            return ""


def _money(money: dict[str, Any]) -> str:
    return f"{money['amount'] / 100:.2f} {money['currency']}"
