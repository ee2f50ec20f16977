"""Calendar feeds are made and revoked; things are opened for the public."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError
from foyer_contracts.envelope import Event
from foyer_contracts.ids import new_id
from foyer_contracts.orders import OrderPlaced

from . import store
from .domain import AHEAD, BEHIND, MOST_FEEDS, Entry, Feed, Period, Subject, Thing, TooManyCalendarsError, busy_periods

from .domain import hash_of, new_secret, opens  # isort: skip

OWN_TITLE = "Foyer"


async def note_orders(transaction: Transaction, placed: Sequence[Event[OrderPlaced]]) -> None:
    """Keep the numbers of orders that have places."""
    known = [event.data for event in placed if event.data.slots or event.data.ticket or event.data.stay]
    if known:
        await store.note_orders(transaction, {item.order_id: (item.number, item.applicant_id) for item in known})


async def create_feed(
    transaction: Transaction, owner_id: UUID, subject: Subject, thing: Thing | None, title: str | None
) -> tuple[Feed, str]:
    """A feed, and the secret of its address, which is known in this moment only. Raises TooManyCalendarsError."""
    if await store.count_of_owner_locked(transaction, owner_id) >= MOST_FEEDS:
        raise TooManyCalendarsError(most=MOST_FEEDS)
    secret = new_secret()
    feed = Feed(
        id=new_id(),
        owner_id=owner_id,
        subject=subject,
        thing_id=None if thing is None else thing.id,
        title=title or (OWN_TITLE if thing is None else f"{thing.name}, {thing.location_name}"),
        token_hash=hash_of(secret),
        created_at=transaction.now,
    )
    await store.add_feed(transaction, feed)
    return feed, secret


async def thing_for_staff(
    transaction: Transaction, subject: Subject, thing_id: UUID, *, locations: frozenset[str]
) -> Thing:
    """Raises NotFoundError: there is none, or not at the locations that the caller is limited to."""
    thing = await store.thing_by_id(transaction, thing_id)
    if thing is None or thing.subject is not subject or (locations and str(thing.location_id) not in locations):
        raise NotFoundError
    return thing


async def revoke(transaction: Transaction, feed_id: UUID, *, owner_id: UUID | None) -> None:
    """The address leads nowhere from now on. `owner_id`: only a feed of theirs. Raises NotFoundError."""
    if not await store.delete_feed(transaction, feed_id, owner_id=owner_id):
        raise NotFoundError


async def read_feed(transaction: Transaction, feed_id: UUID, secret: str) -> tuple[Feed, list[Entry]]:
    """What an address leads to. Raises NotFoundError: it is revoked, or its secret is wrong."""
    feed = await store.feed_by_id(transaction, feed_id)
    if feed is None or not opens(feed, secret):
        raise NotFoundError
    window = (transaction.now - BEHIND, transaction.now + AHEAD)
    if feed.thing_id is None:
        return feed, await store.entries_of_person(transaction, feed.owner_id, window)
    return feed, await store.entries_of_thing(transaction, feed.subject, feed.thing_id, window)


async def set_open(transaction: Transaction, thing: Thing, *, is_open: bool) -> None:
    await store.set_open(transaction, thing.id, is_open=is_open)


async def read_busy(transaction: Transaction, thing_id: UUID, until: datetime) -> tuple[Thing, list[Period]]:
    """When a thing cannot be had from now on, without a word on who has it.

    Raises NotFoundError: there is no such thing, or staff have not opened it.
    """
    thing = await store.thing_by_id(transaction, thing_id)
    if thing is None or not await store.is_open(transaction, thing_id):
        raise NotFoundError
    window = (transaction.now, until)
    if thing.units == 0:
        return thing, [window]
    taken = await store.taken(transaction, thing, window)
    inside = [(max(begin, window[0]), min(end, until)) for begin, end in busy_periods(taken, thing.units)]
    return thing, [(begin, end) for begin, end in inside if begin < end]
