"""The feed in the app and in the console."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.http import InTransaction, Reading
from pydantic import BaseModel, Field

from ..order_copies import store as order_copies
from ..texts.renderer import Renderer
from . import store, use_cases
from .domain import MOST_UNREAD, addressees_of

OWN = [requires("notifications:own")]


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
        return FeedPage(
            items=items,
            next=items[-1].id if len(items) == limit else None,
            unread=await store.unread(reading, addressees, through=through),
        )

    @router.post("/feed/read", dependencies=OWN)
    async def mark_read(body: ReadIn, transaction: InTransaction, caller: CurrentCaller) -> UnreadOut:
        """Mark entries as read, all up to one of them. Can be repeated."""
        return UnreadOut(unread=await use_cases.mark_read(transaction, caller, through=body.through))

    return router
