"""Working on an order: the verbs of its machine, assignee, deadlines, content, own statuses, internal comments."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.http import InTransaction, Reading, etag, version_of
from foyer_chassis.idempotency import Answer, OncePerKey
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ..ordering.domain.machine import Verb
from ..ordering.routes.cards import NOTED, IfMatch, OrderNumber, OrderOut, card, methods_of
from ..ordering.routes.placing import PayerIn
from . import store, use_cases

router = APIRouter(prefix="/v1", tags=["processing"])

_EDIT = requires("orders:edit")
_STAFF = requires("orders:read_all", "orders:read_assigned")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class VerbIn(_Strict):
    comment: str | None = Field(default=None, max_length=2000, description="the client and the history see it")


class AssigneeIn(_Strict):
    assignee_id: UUID | None = Field(description="one of those responsible for the offering; null: nobody")


class DeadlinesIn(_Strict):
    respond_by: AwareDatetime | None
    complete_by: AwareDatetime | None


class LabelIn(VerbIn):
    label: Annotated[str, Field(max_length=40)] | None = Field(
        description="a status of the directory inside the order's group; null: the built-in one"
    )


class OrderChange(_Strict):
    """What is given is changed; what is not given stays. To move a booking to another time, reschedule it (booking)."""

    comment: str | None = Field(default=None, max_length=2000)
    answers: dict[str, Any] | None = Field(default=None, max_length=200, description="all answers to the form")
    premises_id: UUID | None = None
    address: str | None = Field(default=None, max_length=500)
    payer_kind: Literal["individual", "company"] | None = None
    payer: PayerIn | None = None
    extras_as_lines: bool | None = Field(default=None, description="A18")

    def changes(self) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in self.model_fields_set}
        for name in ("answers", "payer_kind", "extras_as_lines"):
            if given.get(name, ...) is None:
                del given[name]
        if self.payer is not None:
            given["payer"] = self.payer.values()
        return given


class CommentIn(_Strict):
    text: str = Field(min_length=1, max_length=5000)


class CommentOut(BaseModel):
    id: UUID
    at: datetime
    author_id: UUID
    author_name: str
    text: str


class Comments(BaseModel):
    items: list[CommentOut]
    next: UUID | None


#: Verb → who may at all, and what it does. The machine of the order's kind decides whether it can be used now.
_VERBS: dict[Verb, tuple[str, str]] = {
    Verb.TAKE: ("orders:edit", "Take the order up; the applicant is told (A5), and its phone is shown (B8)."),
    Verb.FINISH: ("orders:edit", "Hand the work in for the applicant's confirmation (A7)."),
    Verb.COMPLETE: ("orders:edit", "Complete an order that needs no confirmation: paid, with its file (B9, B15)."),
    Verb.CONFIRM: ("orders:act_own", "The applicant confirms the work; the order is done by itself (A8)."),
    Verb.RETURN: ("orders:act_own", "The applicant returns the work; say why in `comment` (A9)."),
    Verb.COLLECT: ("orders:edit", "Start collecting goods (A28)."),
    Verb.PACK: ("orders:edit", "Every line is decided: the goods are ready to be handed over (A28)."),
    Verb.HAND_OVER: ("orders:edit", "The customer has the goods; the order is done (A28)."),
    Verb.RELEASE: ("orders:edit", "Let an order that waits for funds go to work all the same (C3)."),
}


def _route(verb: Verb) -> Callable[..., Awaitable[Response]]:
    async def use_verb(
        number: OrderNumber, body: VerbIn, caller: CurrentCaller, once: OncePerKey, if_match: IfMatch = None
    ) -> Response:
        version = None if if_match is None else version_of(if_match)

        async def command(transaction: Transaction) -> Answer:
            order = await use_cases.act(transaction, caller, number, verb, note=body.comment, if_version=version)
            return Answer(await card(transaction, order, caller), 200, {"ETag": etag(order.version)})

        return await once.run(command)

    return use_verb


for _verb, (_permission, _description) in _VERBS.items():
    router.add_api_route(
        f"/orders/{{number}}/{methods_of(_verb)}",
        _route(_verb),
        methods=["POST"],
        response_model=OrderOut,
        dependencies=[requires(_permission), NOTED],
        name=f"{_verb.value}_order",
        description=_description,
    )


@router.post("/orders/{number}/remove", response_model=OrderOut, dependencies=[requires("orders:configure"), NOTED])
async def remove_order(
    number: OrderNumber, body: VerbIn, caller: CurrentCaller, once: OncePerKey, if_match: IfMatch = None
) -> Response:
    """Take off an order that was made by mistake and for which nothing was paid; it is in no list any more."""
    version = None if if_match is None else version_of(if_match)

    async def command(transaction: Transaction) -> Answer:
        order = await use_cases.remove(transaction, caller, number, note=body.comment, if_version=version)
        return Answer(await card(transaction, order, caller), 200, {"ETag": etag(order.version)})

    return await once.run(command)


@router.put("/orders/{number}/assignee", dependencies=[_EDIT, NOTED])
async def put_assignee(
    number: OrderNumber,
    body: AssigneeIn,
    transaction: InTransaction,
    caller: CurrentCaller,
    response: Response,
    if_match: IfMatch = None,
) -> OrderOut:
    """Set or change the assignee (A4); the new one is told (B13)."""
    version = version_of(if_match)
    order = await use_cases.assign(transaction, caller, number, body.assignee_id, if_version=version)
    response.headers["ETag"] = etag(order.version)
    return await card(transaction, order, caller)


@router.put("/orders/{number}/deadlines", dependencies=[_EDIT, NOTED])
async def put_deadlines(
    number: OrderNumber,
    body: DeadlinesIn,
    transaction: InTransaction,
    caller: CurrentCaller,
    response: Response,
    if_match: IfMatch = None,
) -> OrderOut:
    """Until when the order must be answered and completed (A6)."""
    order = await use_cases.change_deadlines(
        transaction,
        caller,
        number,
        respond_by=body.respond_by,
        complete_by=body.complete_by,
        if_version=version_of(if_match),
    )
    response.headers["ETag"] = etag(order.version)
    return await card(transaction, order, caller)


@router.patch("/orders/{number}", dependencies=[_EDIT, NOTED])
async def patch_order(
    number: OrderNumber,
    body: OrderChange,
    transaction: InTransaction,
    caller: CurrentCaller,
    response: Response,
    if_match: IfMatch = None,
) -> OrderOut:
    """Change what the order says: comment, answers, premises, payer, extras on invoices (A13, A14, A18)."""
    version = version_of(if_match)
    order = await use_cases.edit(transaction, caller, number, body.changes(), if_version=version)
    response.headers["ETag"] = etag(order.version)
    return await card(transaction, order, caller)


@router.put("/orders/{number}/label", dependencies=[_EDIT, NOTED])
async def put_label(
    number: OrderNumber,
    body: LabelIn,
    transaction: InTransaction,
    caller: CurrentCaller,
    response: Response,
    if_match: IfMatch = None,
) -> OrderOut:
    """Give the order one of the business's own statuses inside its group (C1)."""
    version = version_of(if_match)
    order = await use_cases.relabel(transaction, caller, number, body.label, note=body.comment, if_version=version)
    response.headers["ETag"] = etag(order.version)
    return await card(transaction, order, caller)


@router.get("/orders/{number}/comments", dependencies=[_STAFF])
async def list_comments(
    number: OrderNumber,
    reading: Reading,
    caller: CurrentCaller,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
    after: UUID | None = None,
) -> Comments:
    """What staff said to each other, the oldest first (B10)."""
    order = await use_cases.staff_order(reading, caller, number)
    rows = await store.comments(reading, order.id, after=after, limit=limit)
    items = [CommentOut.model_validate(dict(row)) for row in rows]
    return Comments(items=items, next=items[-1].id if len(items) == limit else None)


@router.post("/orders/{number}/comments", status_code=201, response_model=CommentOut, dependencies=[_EDIT, NOTED])
async def add_comment(number: OrderNumber, body: CommentIn, caller: CurrentCaller, once: OncePerKey) -> Response:
    """Say something to other staff. The client never sees it (B10)."""

    async def command(transaction: Transaction) -> Answer:
        comment = await use_cases.add_comment(transaction, caller, number, body.text)
        return Answer(CommentOut.model_validate(comment), 201)

    return await once.run(command)
