"""Administrators subscribe systems to events and see what became of each call."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.http import InTransaction, Reading
from foyer_chassis.idempotency import Answer, OncePerKey
from foyer_contracts.catalogue import EVENTS
from pydantic import BaseModel, Field, StringConstraints

from ..recipients.domain import LONGEST_URL
from . import store, use_cases
from .domain import Endpoint, WebhookMessage

CONFIGURE = [requires("notifications:configure")]
router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], dependencies=CONFIGURE)
#: Contact data leaves through no webhook.
PUBLIC_TYPES = tuple(event.type for event in EVENTS if not event.private)


class WebhookIn(BaseModel):
    url: str = Field(max_length=LONGEST_URL, description="https, a public host name")
    types: list[str] = Field(min_length=1, max_length=200, description="event types of the catalogue")
    description: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""


class WebhookOut(BaseModel):
    """An endpoint that gets events as CloudEvents in JSON, signed as Standard Webhooks say."""

    id: UUID
    url: str
    types: list[str]
    description: str
    owner_id: UUID
    enabled: bool
    disabled_reason: Literal["owner", "gone", "failing"] | None
    failing_since: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, endpoint: Endpoint) -> "WebhookOut":
        return cls.model_validate(_fields(endpoint))


class NewWebhookOut(WebhookOut):
    secret: str = Field(description="to check signatures with; shown only now")


class WebhookPage(BaseModel):
    items: list[WebhookOut]


class AttemptOut(BaseModel):
    at: datetime
    status: int | None
    error: str | None
    milliseconds: int


class MessageOut(BaseModel):
    id: UUID
    event_id: UUID
    type: str
    state: Literal["queued", "sent", "failed"]
    created_at: datetime
    due_at: datetime | None = Field(description="of the next attempt; null once it is over")
    attempts: list[AttemptOut]


class MessagePage(BaseModel):
    items: list[MessageOut]
    next: UUID | None = Field(description="pass it as `after` for the next page; null on the last one")


class SwitchIn(BaseModel):
    enabled: bool


@router.post("", status_code=201, response_model=NewWebhookOut)
async def subscribe(body: WebhookIn, once: OncePerKey, request: Request, caller: CurrentCaller) -> Response:
    """Subscribe an endpoint to events. The answer has its secret, this once."""

    async def command(transaction: Transaction) -> Answer:
        made = await use_cases.subscribe(
            transaction,
            caller.id,
            url=body.url,
            types=body.types,
            known_types=PUBLIC_TYPES,
            description=body.description,
            allow_http=request.app.state.settings.webhooks_to_private_networks,
        )
        return Answer(
            NewWebhookOut.model_validate({**_fields(made), "secret": made.secret}),
            201,
            {"Location": f"/v1/webhooks/{made.id}"},
        )

    return await once.run(command)


@router.get("")
async def webhooks(reading: Reading) -> WebhookPage:
    """All of them, oldest first."""
    return WebhookPage(items=[WebhookOut.of(endpoint) for endpoint in await store.endpoints(reading)])


@router.get("/{webhook_id}")
async def webhook(webhook_id: UUID, reading: Reading) -> WebhookOut:
    return WebhookOut.of(await use_cases.endpoint(reading, webhook_id))


@router.patch("/{webhook_id}")
async def switch(webhook_id: UUID, body: SwitchIn, transaction: InTransaction) -> WebhookOut:
    """Switch an endpoint off, or on again: what waited for it goes out then."""
    return WebhookOut.of(await use_cases.switch(transaction, webhook_id, on=body.enabled))


@router.delete("/{webhook_id}", status_code=204)
async def unsubscribe(webhook_id: UUID, transaction: InTransaction) -> Response:
    """Gone with its log, also when it was gone already."""
    await store.remove(transaction, webhook_id)
    return Response(status_code=204)


@router.get("/{webhook_id}/messages")
async def messages(
    webhook_id: UUID,
    reading: Reading,
    after: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> MessagePage:
    """What was sent to an endpoint, newest first, with every attempt."""
    await use_cases.endpoint(reading, webhook_id)
    found = await store.messages(reading, webhook_id, before=after, limit=limit)
    tried: dict[UUID, list[AttemptOut]] = {message.id: [] for message in found}
    for row in await store.attempts(reading, list(tried)) if tried else ():
        tried[row["message_id"]].append(AttemptOut.model_validate(dict(row)))
    return MessagePage(
        items=[_message_out(message, tried[message.id]) for message in found],
        next=found[-1].id if len(found) == limit else None,
    )


@router.post("/{webhook_id}/messages/{message_id}/send-again")
async def send_again(webhook_id: UUID, message_id: UUID, transaction: InTransaction) -> MessageOut:
    """Send a message that is over once more, with the same `webhook-id`."""
    return _message_out(await use_cases.send_again(transaction, webhook_id, message_id), [])


def _fields(endpoint: Endpoint) -> dict[str, object]:
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "types": list(endpoint.types),
        "description": endpoint.description,
        "owner_id": endpoint.owner_id,
        "enabled": endpoint.disabled_reason is None,
        "disabled_reason": endpoint.disabled_reason,
        "failing_since": endpoint.failing_since,
        "created_at": endpoint.created_at,
    }


def _message_out(message: WebhookMessage, attempts: list[AttemptOut]) -> MessageOut:
    return MessageOut.model_validate(
        {
            "id": message.id,
            "event_id": message.event_id,
            "type": message.type,
            "state": message.state.value,
            "created_at": message.created_at,
            "due_at": message.due_at if message.finished_at is None else None,
            "attempts": attempts,
        }
    )
