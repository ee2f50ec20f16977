"""Dialogs before an order. Their messages are read and written as those of any conversation."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.http import Reading
from foyer_chassis.idempotency import Answer, OncePerKey
from pydantic import BaseModel, Field

from ..domain.conversations import Conversation, Person, side_of
from ..store import dialogs as store
from ..use_cases import dialogs as use_cases
from .conversations import Text, person_of

router = APIRouter(prefix="/v1", tags=["dialogs"])
WHO = [requires("chat:own", "chat:clients")]


class DialogIn(BaseModel):
    offering_id: UUID
    text: Text


class DialogOut(BaseModel):
    """A dialog about an offering; its messages are those of the conversation with the same id."""

    id: UUID
    offering_id: UUID
    offering_title: str
    customer_id: UUID
    customer_name: str | None
    order_id: UUID | None = Field(description="the order that it became the conversation of")
    draft_id: UUID | None = Field(description="the draft order that is made of it")
    unread: int = Field(description="messages of the other side that the caller's side has not read")
    last_position: int
    created_at: datetime


class DialogPage(BaseModel):
    items: list[DialogOut]
    next: UUID | None = Field(description="pass it as `after` for the next page; null on the last one")


class DraftOut(BaseModel):
    draft_id: UUID = Field(description="of the draft that the orders service makes of the dialog in a moment")


@router.post("/dialogs", dependencies=[requires("chat:own")], status_code=201, response_model=DialogOut)
async def open_dialog(body: DialogIn, once: OncePerKey, caller: CurrentCaller) -> Response:
    """Ask about an offering before ordering it, where it allows that. One open dialog per offering: 409 with its
    `dialog_id`."""

    async def command(transaction: Transaction) -> Answer:
        person = person_of(caller)
        opened = await use_cases.open_dialog(transaction, person, offering_id=body.offering_id, text=body.text)
        return Answer(_dialog_out(opened, person, None), 201, {"Location": f"/v1/dialogs/{opened.id}"})

    return await once.run(command)


@router.get("/dialogs", dependencies=WHO)
async def dialogs(
    reading: Reading,
    caller: CurrentCaller,
    offering_id: UUID | None = None,
    unread: bool = False,
    after: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> DialogPage:
    """The caller's own open dialogs, and with `chat:clients` those about offerings of their kinds; newest first."""
    person = person_of(caller)
    found = await store.page(reading, person, offering_id=offering_id, unread=unread, after=after, limit=limit)
    drafts = await store.live_drafts(reading, [item.id for item in found])
    items = [_dialog_out(item, person, drafts.get(item.id)) for item in found]
    return DialogPage(items=items, next=items[-1].id if len(items) == limit else None)


@router.get("/dialogs/{dialog_id}", dependencies=WHO)
async def dialog(dialog_id: UUID, reading: Reading, caller: CurrentCaller) -> DialogOut:
    """One dialog. One that became an order is seen by those who may read that order's conversation."""
    person = person_of(caller)
    found = await use_cases.dialog(reading, dialog_id, person)
    return _dialog_out(found, person, (await store.live_drafts(reading, [dialog_id])).get(dialog_id))


@router.post(
    "/dialogs/{dialog_id}/convert", dependencies=[requires("chat:clients")], status_code=201, response_model=DraftOut
)
async def convert(dialog_id: UUID, once: OncePerKey, caller: CurrentCaller) -> Response:
    """Turn a dialog into a draft order (B27). One live draft per dialog: 409 with its `draft_id`."""

    async def command(transaction: Transaction) -> Answer:
        return Answer(DraftOut(draft_id=await use_cases.convert(transaction, dialog_id, person_of(caller))), 201)

    return await once.run(command)


def _dialog_out(dialog: Conversation, person: Person, draft_id: UUID | None) -> DialogOut:
    assert dialog.offering_id is not None
    return DialogOut(
        id=dialog.id,
        offering_id=dialog.offering_id,
        offering_title=dialog.offering_title or "",
        customer_id=dialog.applicant_id,
        customer_name=dialog.applicant_name,
        order_id=dialog.order_id,
        draft_id=draft_id,
        unread=dialog.unread(side_of(dialog, person)),
        last_position=dialog.last_position,
        created_at=dialog.created_at,
    )
