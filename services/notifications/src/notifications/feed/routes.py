"""The feed in the app and in the console."""

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from datetime import datetime
from time import monotonic, time
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from foyer_chassis.auth import Caller, CurrentCaller, requires
from foyer_chassis.changes import Changes
from foyer_chassis.db import Database, Transaction
from foyer_chassis.http import InTransaction, Reading
from pydantic import BaseModel, Field

from ..order_copies import store as order_copies
from ..texts.renderer import Renderer
from . import store, use_cases
from .domain import MOST_UNREAD, Entry, Streams, addressees_of

OWN = [requires("notifications:own")]
STREAM_SECONDS, STREAM_BATCH = 300.0, 100
#: A notice of a change can be lost.
LOOK_AGAIN_SECONDS = 10.0
LastEventId = Annotated[
    int | None, Header(ge=0, lt=2**63, description="`id` of the last event received: the next ones follow")
]


class FeedEntryOut(BaseModel):
    """One entry; `title` and `body` are plain text in the caller's language."""

    id: UUID
    template: str = Field(description="stable name of the text, for icons and links")
    title: str
    body: str
    order_id: UUID | None
    created_at: datetime
    read: bool


class FeedPage(BaseModel):
    items: list[FeedEntryOut]
    next: UUID | None = Field(description="pass it as `after` for the next page; null on the last one")
    unread: int = Field(description=f"in the whole feed; {MOST_UNREAD} stands for that many or more")


class ReadIn(BaseModel):
    through: UUID = Field(description="this entry and all older ones are read")


class UnreadOut(BaseModel):
    unread: int


def router(renderer: Renderer) -> APIRouter:
    """The feed's routes, with their texts from `renderer`."""
    router = APIRouter(prefix="/v1", tags=["feed"])

    async def shown(
        reading: Transaction, caller: Caller, entries: Sequence[Entry], through: UUID
    ) -> list[FeedEntryOut]:
        orders = await order_copies.copies(reading, list({e.order_id for e in entries if e.order_id is not None}))
        items = []
        for entry in entries:
            copy = orders.get(entry.order_id) if entry.order_id is not None else None
            message = renderer.render(entry.template, {**(copy.facts if copy else {}), **entry.facts}, caller.locale)
            items.append(
                FeedEntryOut(
                    id=entry.id,
                    template=entry.template,
                    title=message.title,
                    body=message.short,
                    order_id=entry.order_id,
                    created_at=entry.created_at,
                    read=entry.id <= through,
                )
            )
        return items

    @router.get("/feed", dependencies=OWN)
    async def feed(
        reading: Reading,
        caller: CurrentCaller,
        limit: Annotated[int, Query(ge=1, le=100)] = 50,
        after: UUID | None = None,
    ) -> FeedPage:
        """The caller's entries and those of their roles, newest first."""
        addressees = addressees_of(caller.id, caller.roles)
        entries = await store.page(reading, addressees, before=after, limit=limit)
        through = await store.read_through(reading, caller.id)
        items = await shown(reading, caller, entries, through)
        return FeedPage(
            items=items,
            next=items[-1].id if len(items) == limit else None,
            unread=await store.unread(reading, addressees, through=through),
        )

    @router.get("/feed/live", response_class=EventSourceResponse, dependencies=[*OWN, Depends(_place, scope="request")])
    async def live(request: Request, caller: CurrentCaller, last_event_id: LastEventId = None) -> AsyncIterable[Any]:
        """New entries as they come (`entry`), and how many are unread whenever that changes (`unread`), as server-sent
        events. After five minutes, or when the token ends, connect again: with `Last-Event-ID`, which browsers send by
        themselves, it goes on where it was, with no entry missing and none twice. Without, from now on."""
        changes: Changes = request.app.state.feed_changes
        database: Database = request.app.state.database
        addressees = addressees_of(caller.id, caller.roles)
        until = monotonic() + min(STREAM_SECONDS, caller.expires_at - time())
        position, told = last_event_id, None
        with changes.of(*addressees) as change:
            while (left := until - monotonic()) > 0 and not await request.is_disconnected():
                async with database.read() as reading:
                    if position is None:
                        position = await store.last_position(reading, addressees)
                    entries = await store.after(reading, addressees, position=position, limit=STREAM_BATCH)
                    through = await store.read_through(reading, caller.id)
                    items = await shown(reading, caller, entries, through)
                    unread = await store.unread(reading, addressees, through=through)
                for entry, item in zip(entries, items, strict=True):
                    position = entry.position
                    yield ServerSentEvent(raw_data=item.model_dump_json(), event="entry", id=str(position))
                if len(entries) == STREAM_BATCH:
                    continue
                if unread != told:
                    told = unread
                    yield ServerSentEvent(data={"unread": unread}, event="unread", id=str(position))
                await change.wait(left, look_again_seconds=LOOK_AGAIN_SECONDS)

    @router.post("/feed/read", dependencies=OWN)
    async def mark_read(body: ReadIn, transaction: InTransaction, caller: CurrentCaller) -> UnreadOut:
        """Mark entries as read, all up to one of them. Can be repeated."""
        return UnreadOut(unread=await use_cases.mark_read(transaction, caller, through=body.through))

    return router


async def _place(request: Request, caller: CurrentCaller) -> AsyncIterator[None]:
    """A place for the stream until its end. As a dependency, because a refusal inside it would come after its 200."""
    streams: Streams = request.app.state.feed_streams
    with streams.one_of(caller.id):
        yield
