from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from chat.service import SERVICE
from foyer_chassis.testing import Databases, Identity, Running, running
from foyer_contracts.envelope import Event
from foyer_contracts.samples import (
    APPLICANT,
    MANAGER,
    NOW,
    ORDER,
    REQUEST,
    REQUEST_OFFERING,
    SAMPLES,
    TECHNICIAN,
)

PLACED = "orders.order.placed.v1"
PAID = "payments.payment.succeeded.v1"
STATUS = "orders.order.status_changed.v1"
CANCELLED = "orders.order.cancelled.v1"


@pytest.fixture
async def chat(databases: Databases, identity: Identity) -> AsyncIterator[Running]:
    async with running(SERVICE, databases, identity) as it:
        it.at(NOW)
        yield it


def sample(type_: str, *, sequence: int | None = None, **data: Any) -> Event[Any]:
    """A sample; with other data it is another event."""
    event = SAMPLES[type_]
    if sequence is None and not data:
        return event
    return Event.make(
        event.data.model_copy(update=data),
        subject=UUID(event.subject),
        sequence=event.sequence if sequence is None else sequence,
        time=event.time,
    )


def applicant(chat: Running, **claims: Any) -> httpx2.AsyncClient:
    """The applicant of the samples."""
    return chat.client("anna", "customer", sub=str(APPLICANT), **claims)


def manager(chat: Running, **claims: Any) -> httpx2.AsyncClient:
    """The member of staff who is responsible in the samples."""
    return chat.client("rita", "rent_manager", sub=str(MANAGER), **claims)


async def conversation_id(client: httpx2.AsyncClient, order_id: UUID = ORDER) -> str:
    answer = await client.get(f"/v1/orders/{order_id}/conversation")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def write(
    client: httpx2.AsyncClient, id_: str, text: str, thread: str = "public", **headers: str
) -> httpx2.Response:
    return await client.post(
        f"/v1/conversations/{id_}/messages",
        json={"thread": thread, "text": text},
        headers={"Idempotency-Key": uuid4().hex, **headers},
    )


async def read(client: httpx2.AsyncClient, id_: str, thread: str = "public", **query: Any) -> list[dict[str, Any]]:
    answer = await client.get(f"/v1/conversations/{id_}/messages", params={"thread": thread, **query})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def without_count(event: Event[Any]) -> Event[Any]:
    """The sample of a posted message is from before messages were counted; the count is optional in the contract."""
    return event.model_copy(update={"data": event.data.model_copy(update={"count": None})})


REQUEST_PLACED = {
    "order_id": REQUEST,
    "number": 1006314,
    "kind": "premises_request",
    "offering_id": REQUEST_OFFERING,
    "offering_title": "Вызов сантехника",
    "slots": None,
    "terms": "postpaid",
    "prepaid": False,
    "responsible_ids": [MANAGER, TECHNICIAN],
}


def request_placed(*, sequence: int = 1, **data: Any) -> Event[Any]:
    """The request of the samples, placed."""
    event = SAMPLES[PLACED]
    return Event.make(
        event.data.model_copy(update={**REQUEST_PLACED, **data}), subject=REQUEST, sequence=sequence, time=NOW
    )
