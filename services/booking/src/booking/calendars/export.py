"""Bookings written as iCalendar (RFC 5545). Instants are in UTC, so that no program has to know our zones."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from icalendar import Calendar, Event, FreeBusy, vPeriod

from .domain import Entry, Feed, Period, Thing, fingerprint

CONTENT_TYPE = "text/calendar; charset=utf-8"
#: How often programs ask again by themselves (RFC 7986, 5.7).
REFRESH = timedelta(minutes=15)
#: Entries written before others have their turn.
SLICE = 25


async def feed_bytes(feed: Feed, entries: Sequence[Entry], now: datetime) -> bytes:
    """A feed. It is written in slices between other requests."""
    parts = []
    for position, entry in enumerate(entries):
        if position % SLICE == SLICE - 1:
            await asyncio.sleep(0)
        parts.append(_event(entry, now).to_ical())
    return _wrapped(_calendar(feed.title), parts)


def _event(entry: Entry, now: datetime) -> Event:
    event = Event()
    event.add("uid", f"{entry.uid}@foyer")
    event.add("dtstamp", now)
    event.add("dtstart", entry.starts_at.astimezone(UTC))
    event.add("dtend", entry.ends_at.astimezone(UTC))
    event.add("sequence", entry.version - 1)
    event.add("status", "CANCELLED" if entry.given_up else "TENTATIVE" if entry.held else "CONFIRMED")
    event.add("transp", "TRANSPARENT" if entry.given_up else "OPAQUE")
    event.add("summary", entry.title)
    if entry.place:
        event.add("location", entry.place)
    told = (
        f"Заказ {entry.order_number}" if entry.order_number is not None else None,
        f"№ {entry.number}" if entry.number is not None else None,
        entry.visitor,
    )
    if any(told):
        event.add("description", "\n".join(line for line in told if line))
    return event


def busy_bytes(thing: Thing, busy: Sequence[Period], window: Period) -> bytes:
    """When a thing cannot be had (RFC 5545, 3.6.4): nothing else is told of it than its name."""
    component = FreeBusy()
    component.add("uid", f"{thing.id}@foyer")
    component.add("dtstamp", window[0])
    component.add("dtstart", window[0].astimezone(UTC))
    component.add("dtend", window[1].astimezone(UTC))
    for begin, end in busy:
        component.add("freebusy", vPeriod((begin.astimezone(UTC), end.astimezone(UTC))))
    return _wrapped(_calendar(_name(thing)), [component.to_ical()])


async def busy_events_bytes(thing: Thing, busy: Sequence[Period], now: datetime) -> bytes:
    """The same as events without names, for programs that subscribe to events only."""
    parts = []
    for position, (begin, end) in enumerate(busy):
        if position % SLICE == SLICE - 1:
            await asyncio.sleep(0)
        event = Event()
        event.add("uid", f"{thing.id}-{begin:%Y%m%dT%H%M%SZ}@foyer")
        event.add("dtstamp", now)
        event.add("dtstart", begin.astimezone(UTC))
        event.add("dtend", end.astimezone(UTC))
        event.add("summary", "Занято")
        parts.append(event.to_ical())
    return _wrapped(_calendar(_name(thing)), parts)


def tag(title: str, content: Sequence[object]) -> str:
    """A weak entity tag: the bytes differ by when they were written, what they tell does not."""
    return f'W/"{fingerprint(title, content)}"'


def _name(thing: Thing) -> str:
    return f"{thing.name}, {thing.location_name}"


def _calendar(title: str) -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", "-//Foyer//Booking//RU")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("name", title)
    calendar.add("x-wr-calname", title)
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    return calendar


def _wrapped(calendar: Calendar, parts: Sequence[bytes]) -> bytes:
    head, end, _ = calendar.to_ical().rpartition(b"END:VCALENDAR")
    return b"".join((head, *parts, end, b"\r\n"))
