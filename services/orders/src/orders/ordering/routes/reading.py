"""Reading an order: its card, its history, what can be done with it, and its changes as they happen."""

from collections.abc import AsyncIterable
from datetime import datetime
from time import monotonic
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.changes import Changes, wait_seconds
from foyer_chassis.db import Database
from foyer_chassis.http import InTransaction, Reading, etag
from pydantic import BaseModel, Field

from ...statuses import store as statuses
from .. import store, use_cases
from ..domain import processing
from ..domain.machine import Verb
from ..domain.order import Order
from ..use_cases.access import sees_as_staff
from .cards import OrderNumber, OrderOut, card, methods_of, parties_of
from .placing import Prefer, card_when_settled, visible

router = APIRouter(prefix="/v1", tags=["orders"])

READERS = requires("orders:read_own", "orders:read_all", "orders:read_assigned")
_STREAM_SECONDS = 300.0


class HistoryEntry(BaseModel):
    at: datetime
    what: Literal["status", "assigned", "deadlines", "edited", "overdue"]
    from_status: str | None
    to_status: str
    label: str | None
    title: str = Field(description="the status it went to, in the caller's language")
    details: dict[str, Any] | None
    reason: str | None
    comment: str | None
    actor_kind: Literal["customer", "staff", "system"]
    actor_id: UUID | None
    actor_name: str | None = Field(description="for staff")


class History(BaseModel):
    items: list[HistoryEntry] = Field(description="the last 500 lines, the oldest of them first")


class ActionOut(BaseModel):
    verb: str
    title: str
    method: Literal["POST"] = "POST"
    href: str
    needs_comment: bool
    blocked_by: str | None = Field(description="the type of the problem that stands in its way now, if one does")
    blocked_because: str | None


class Actions(BaseModel):
    items: list[ActionOut]
    version: int = Field(description="send it as `If-Match` with the verb")


_VERB_TITLES: dict[Verb, tuple[str, str]] = {
    Verb.TAKE: ("Взять в работу", "Take to work"),
    Verb.FINISH: ("Отдать на подтверждение", "Hand in for confirmation"),
    Verb.COMPLETE: ("Выполнить", "Complete"),
    Verb.CONFIRM: ("Подтвердить", "Confirm"),
    Verb.RETURN: ("Вернуть в работу", "Return to work"),
    Verb.COLLECT: ("Начать сборку", "Start collecting"),
    Verb.PACK: ("Готов к выдаче", "Ready for hand-over"),
    Verb.HAND_OVER: ("Выдать", "Hand over"),
    Verb.RELEASE: ("Пустить в работу", "Release"),
    Verb.CANCEL: ("Отменить", "Cancel"),
    Verb.REMOVE: ("Удалить", "Remove"),
}


@router.get("/orders/{number}", dependencies=[READERS])
async def get_order(
    number: OrderNumber, request: Request, caller: CurrentCaller, response: Response, prefer: Prefer = None
) -> OrderOut:
    """The order's card. With `Prefer: wait=N`: when it can be paid, is cancelled, or goes its way."""
    seconds = wait_seconds(prefer, longest=request.app.state.settings.longest_wait_seconds)
    found = await card_when_settled(request, caller, number, seconds)
    response.headers["ETag"] = etag(found.version)
    return found


@router.get("/orders/{number}/history", dependencies=[READERS])
async def get_history(number: OrderNumber, reading: Reading, caller: CurrentCaller) -> History:
    """Every change of status with time, comment and who made it (B10). Changes of assignee and the like for staff."""
    order = await use_cases.visible_order(reading, caller, number)
    as_staff = sees_as_staff(caller, order)
    directory = await statuses.directory(reading)
    rows = [row for row in await store.history(reading, order.id) if as_staff or row["what"] in ("status", "edited")]
    names = await store.names_of(reading, {row["actor_id"] for row in rows}) if as_staff else {}
    return History(
        items=[
            HistoryEntry(
                at=row["at"],
                what=row["what"],
                from_status=row["from_status"],
                to_status=row["to_status"],
                label=row["label"],
                title=directory.title(row["label"] or row["to_status"], caller.locale),
                details=row["details"],
                reason=row["reason"],
                comment=row["note"],
                actor_kind=row["actor_kind"],
                actor_id=row["actor_id"],
                actor_name=names.get(row["actor_id"]),
            )
            for row in rows
        ]
    )


@router.get("/orders/{number}/actions", dependencies=[READERS])
async def get_actions(number: OrderNumber, reading: Reading, caller: CurrentCaller) -> Actions:
    """The verbs that are open to the caller for this order now, from the machine of its kind: apps draw their buttons
    from it. One that something stands in the way of says what."""
    order = await use_cases.visible_order(reading, caller, number)
    return Actions(
        items=[
            ActionOut(
                verb=verb.value,
                title=_VERB_TITLES[verb][caller.locale == "en"],
                href=f"/v1/orders/{order.number}/{methods_of(verb)}",
                needs_comment=verb is Verb.CANCEL and order.applicant_id != caller.id,
                blocked_by=None if obstacle is None else obstacle.uri(),
                blocked_because=None if obstacle is None else obstacle.detail,
            )
            for verb, obstacle in processing.open_verbs(order, parties_of(caller, order))
        ],
        version=order.version,
    )


@router.post("/orders/{number}/read", status_code=204, dependencies=[requires("orders:act_own")])
async def mark_read(number: OrderNumber, transaction: InTransaction, caller: CurrentCaller) -> None:
    """The applicant has opened the order as it is now (B28)."""
    await use_cases.mark_read(transaction, caller, number)


async def _visible(number: OrderNumber, request: Request, caller: CurrentCaller) -> Order:
    return await visible(request, caller, number)


@router.get("/orders/{number}/events", response_class=EventSourceResponse, dependencies=[READERS])
async def stream_order(
    # As a dependency, because a refusal inside the stream would come after its status 200.
    order: Annotated[Order, Depends(_visible)],
    request: Request,
    caller: CurrentCaller,
) -> AsyncIterable[Any]:
    """The order's card, now and whenever it changes (server-sent events, for five minutes; then connect again)."""
    changes: Changes = request.app.state.changes
    database: Database = request.app.state.database
    sent = 0
    until = monotonic() + _STREAM_SECONDS
    with changes.of(order.id) as change:
        while (left := until - monotonic()) > 0 and not await request.is_disconnected():
            async with database.read() as reading:
                current = await use_cases.visible_order(reading, caller, order.number)
                shown = await card(reading, current, caller) if current.version != sent else None
            if shown is not None:
                sent = shown.version
                yield ServerSentEvent(raw_data=shown.model_dump_json(), event="order", id=str(shown.version))
            await change.wait(left)
