"""Drafts of orders (B27)."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.http import InTransaction, Reading, etag, version_of
from foyer_chassis.idempotency import Answer, OncePerKey
from pydantic import BaseModel, ConfigDict, Field

from ..customers import store as customers
from ..ordering.domain.order import Actor
from ..ordering.routes.cards import OrderOut, card
from ..ordering.routes.placing import OrderContent, placing_of
from ..ordering.use_cases.people import note_caller
from . import store, use_cases
from .domain import Draft

router = APIRouter(prefix="/v1", tags=["drafts"])

_EITHER = requires("orders:place", "orders:place_for")
IfMatch = Annotated[str | None, Header()]


class DraftIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    offering_id: UUID
    applicant_id: UUID | None = Field(default=None, description="for staff: whose order it will be")
    content: OrderContent = OrderContent()


class DraftOut(BaseModel):
    id: UUID
    applicant_id: UUID
    offering_id: UUID
    offering_title: str
    kind: str
    conversation_id: UUID | None = Field(description="the dialog it came of; it stays attached to the order")
    content: OrderContent
    status: Literal["open", "ordered", "discarded"]
    order_number: int | None
    created_by: UUID
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(cls, draft: Draft) -> Self:
        return cls(
            id=draft.id,
            applicant_id=draft.applicant_id,
            offering_id=draft.offering_id,
            offering_title=draft.offering_title,
            kind=draft.kind,
            conversation_id=draft.conversation_id,
            content=OrderContent.model_validate(draft.content),
            status=draft.status.value,
            order_number=draft.order_number,
            created_by=draft.created_by,
            created_at=draft.created_at,
            updated_at=draft.updated_at,
            version=draft.version,
        )


class DraftPage(BaseModel):
    items: list[DraftOut]
    next: UUID | None


def _as_json(content: OrderContent) -> dict[str, object]:
    return content.model_dump(mode="json", exclude_defaults=True)


@router.post("/drafts", status_code=201, response_model=DraftOut, dependencies=[_EITHER])
async def create_draft(body: DraftIn, request: Request, caller: CurrentCaller, once: OncePerKey) -> Response:
    """Begin an order: a customer their own, staff for a customer. It may lack anything until it is submitted."""
    own = body.applicant_id in (None, caller.id)
    caller.require("orders:place" if own else "orders:place_for")

    async def command(transaction: Transaction) -> Answer:
        draft = await use_cases.create_draft(
            transaction,
            Actor("customer" if own else "staff", caller.id),
            applicant_id=body.applicant_id or caller.id,
            offering_id=body.offering_id,
            conversation_id=None,
            content=_as_json(body.content),
            may=None if own else caller,
        )
        assert draft is not None
        headers = {"Location": f"/v1/drafts/{draft.id}", "ETag": etag(draft.version)}
        return Answer(DraftOut.of(draft), 201, headers)

    await note_caller(request.app.state.database, caller, request.app.state.known_people)
    return await once.run(command)


@router.get("/drafts", dependencies=[_EITHER])
async def list_drafts(
    reading: Reading,
    caller: CurrentCaller,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    after: UUID | None = None,
) -> DraftPage:
    """Open drafts, the newest first: staff those of their kinds, customers their own."""
    as_staff = caller.may("orders:place_for")
    found = await store.page(
        reading,
        applicant_id=None if as_staff else caller.id,
        kinds=caller.kinds("orders:place_for"),
        after=after,
        limit=limit,
    )
    items = [DraftOut.of(draft) for draft in found]
    return DraftPage(items=items, next=items[-1].id if len(items) == limit else None)


@router.get("/drafts/{draft_id}", dependencies=[_EITHER])
async def get_draft(draft_id: UUID, reading: Reading, caller: CurrentCaller, response: Response) -> DraftOut:
    draft = await use_cases.visible_draft(reading, caller, draft_id)
    response.headers["ETag"] = etag(draft.version)
    return DraftOut.of(draft)


@router.put("/drafts/{draft_id}", dependencies=[_EITHER])
async def put_draft(
    draft_id: UUID,
    body: OrderContent,
    transaction: InTransaction,
    caller: CurrentCaller,
    response: Response,
    if_match: IfMatch = None,
) -> DraftOut:
    """Fill it in; the customer and the operator both may."""
    draft = await use_cases.change_draft(transaction, caller, draft_id, _as_json(body), if_version=version_of(if_match))
    response.headers["ETag"] = etag(draft.version)
    return DraftOut.of(draft)


@router.post("/drafts/{draft_id}/submit", status_code=201, response_model=OrderOut, dependencies=[_EITHER])
async def submit_draft(
    draft_id: UUID, request: Request, caller: CurrentCaller, once: OncePerKey, if_match: IfMatch = None
) -> Response:
    """The draft becomes an order, completed by the customer or by the operator; its dialog stays attached."""
    version = None if if_match is None else version_of(if_match)

    async def command(transaction: Transaction) -> Answer:
        draft = await use_cases.visible_draft(transaction, caller, draft_id, lock=True)
        own = use_cases.is_applicant(caller, draft)
        content = OrderContent.model_validate(draft.content)
        actor = Actor("customer" if own else "staff", caller.id)
        name = caller.name if own else await customers.name_of(await transaction.direct(), draft.applicant_id)
        placing = placing_of(content, draft.offering_id, draft.applicant_id, actor)
        placing = replace(placing, applicant_name=name, conversation_id=draft.conversation_id, draft_id=draft.id)
        order = await use_cases.submit_draft(
            transaction, caller, draft_id, placing, request.app.state.numbers, if_version=version
        )
        headers = {"Location": f"/v1/orders/{order.number}", "ETag": etag(order.version)}
        return Answer(await card(transaction, order, caller), 201, headers)

    await note_caller(request.app.state.database, caller, request.app.state.known_people)
    return await once.run(command)


@router.delete("/drafts/{draft_id}", status_code=204, dependencies=[_EITHER])
async def discard_draft(draft_id: UUID, transaction: InTransaction, caller: CurrentCaller) -> None:
    """Give the draft up; a dialog it came of can make a new one."""
    await use_cases.discard_draft(transaction, caller, draft_id)
