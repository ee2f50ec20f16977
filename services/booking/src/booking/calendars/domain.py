"""Calendars that other programs read (X5): feeds behind a secret address, and what is free or busy without names.

A feed has the bookings from a month ago up to half a year ahead. What was given up stays in it as cancelled, with a
higher sequence, so that a calendar that had it takes it away (RFC 5545, 3.8.7.4).
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from foyer_chassis.errors import ConflictError, InvalidError

BEHIND = timedelta(days=31)
AHEAD = timedelta(days=183)
#: Entries of one feed; the earliest of the window are kept.
MOST_ENTRIES = 2_000
#: Feeds of one person.
MOST_FEEDS = 20
#: Busy times of one thing that are told.
MOST_BUSY = 5_000

Period = tuple[datetime, datetime]


class Subject(StrEnum):
    """Whose bookings a feed has: the owner's own, or those of a thing that staff look after."""

    MINE = "mine"
    RESOURCE = "resource"
    SPACE = "space"
    ROOM_TYPE = "room_type"


class TooManyCalendarsError(ConflictError):
    """Revoke a calendar that is not used any more first."""

    title_en = "Too many calendars"
    title_ru = "Слишком много календарей"


class CalendarSubjectError(InvalidError):
    """A calendar of one's own bookings is of no thing; every other is of exactly one."""

    title_en = "Whose calendar?"
    title_ru = "Чей календарь?"


@dataclass(frozen=True, slots=True)
class Feed:
    """Attributes:
    thing_id: the resource, space or room type; None: the owner's own bookings.
    title: as calendar programs show it.
    token_hash: of the secret in its address; the secret itself is nowhere kept.
    """

    id: UUID
    owner_id: UUID
    subject: Subject
    thing_id: UUID | None
    title: str
    token_hash: bytes
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """A booking as a calendar shows it.

    Attributes:
        uid: the same for as long as the booking exists.
        version: grows with every change of it.
        held: not paid yet. `given_up`: released, expired, or nobody came.
        order_number: of the order it is for; None where there is none.
    """

    uid: UUID
    version: int
    starts_at: datetime
    ends_at: datetime
    title: str
    place: str
    held: bool
    given_up: bool
    order_number: int | None = None
    number: int | None = None
    visitor: str | None = None


@dataclass(frozen=True, slots=True)
class Thing:
    """What a calendar is of. `units`: how many can be had at a time; with none, it is always busy."""

    id: UUID
    subject: Subject
    name: str
    location_id: UUID
    location_name: str
    units: int


def new_secret() -> str:
    """256 random bits for an address."""
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def opens(feed: Feed, secret: str) -> bool:
    """Whether the secret is this feed's, in the same time for a wrong one."""
    return hmac.compare_digest(feed.token_hash, hash_of(secret))


def fingerprint(title: str, entries: Sequence[object]) -> str:
    """Changes when what is told does, and only then; for the entity tag."""
    return hashlib.sha256(repr((title, entries)).encode()).hexdigest()[:32]


def busy_periods(taken: Iterable[Period], units: int) -> list[Period]:
    """When all of so many equal units are taken; in order of time, what touches is one period."""
    changes: dict[datetime, int] = {}
    for starts_at, ends_at in taken:
        changes[starts_at] = changes.get(starts_at, 0) + 1
        changes[ends_at] = changes.get(ends_at, 0) - 1
    busy: list[Period] = []
    count, since = 0, None
    for at in sorted(changes):
        count += changes[at]
        if count >= units and since is None:
            since = at
        elif count < units and since is not None:
            busy.append((since, at))
            since = None
    return busy
