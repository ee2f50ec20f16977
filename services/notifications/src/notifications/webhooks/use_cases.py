"""Endpoints come and go; events are queued for them, and what came of each attempt is taken in."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError
from foyer_contracts.envelope import Event
from foyer_contracts.ids import new_id

from ..telling.domain.rules import Happened
from ..telling.use_cases import deliveries as telling
from . import store
from .domain import (
    MOST_ENDPOINTS,
    Answer,
    Endpoint,
    State,
    StillUnderWayError,
    TooManyWebhooksError,
    UnknownEventTypeError,
    WebhookMessage,
    checked_url,
    disabled_by,
    new_secret,
    pause,
    people_in,
)

#: What the table of rules calls it.
SWITCHED_OFF = "webhook.disabled"


async def subscribe(
    transaction: Transaction,
    owner_id: UUID,
    *,
    url: str,
    types: Sequence[str],
    known_types: Iterable[str],
    description: str,
    allow_http: bool,
) -> Endpoint:
    """A system wants events.

    Raises:
        BadWebhookAddressError, UnknownEventTypeError, TooManyWebhooksError
    """
    checked_url(url, allow_http=allow_http)
    if unknown := sorted(set(types) - set(known_types)):
        raise UnknownEventTypeError(field="types", unknown=unknown)
    await store.lock_all(transaction)
    if await store.how_many(transaction) >= MOST_ENDPOINTS:
        raise TooManyWebhooksError(allowed=MOST_ENDPOINTS)
    endpoint = Endpoint(
        id=new_id(),
        url=url,
        types=tuple(dict.fromkeys(types)),
        description=description,
        owner_id=owner_id,
        failing_since=None,
        disabled_reason=None,
        created_at=transaction.now,
        version=1,
        secret=new_secret(),
    )
    await store.add_endpoint(transaction, endpoint)
    return endpoint


async def endpoint(transaction: Transaction, endpoint_id: UUID) -> Endpoint:
    """Raises NotFoundError."""
    found = await store.endpoint(transaction, endpoint_id)
    if found is None:
        raise NotFoundError
    return found


async def switch(transaction: Transaction, endpoint_id: UUID, *, on: bool) -> Endpoint:
    """On again (what waited goes out), or off by the owner. Raises NotFoundError."""
    changed = await store.update(transaction, endpoint_id, failing_since=None, disabled_reason=None if on else "owner")
    if changed is None:
        raise NotFoundError
    return changed


async def queue(transaction: Transaction, events: Sequence[Event[Any]]) -> bool:
    """Events of one type for everybody who wants them. Whether anybody does."""
    wanting = await store.wanting(transaction, events[0].type)
    if wanting:
        await store.add(
            transaction,
            [
                WebhookMessage(
                    id=new_id(),
                    endpoint_id=endpoint_id,
                    event_id=event.id,
                    type=event.type,
                    body=event.to_json(),
                    state=State.QUEUED,
                    attempts=0,
                    created_at=transaction.now,
                    due_at=transaction.now,
                    finished_at=None,
                    version=1,
                    traceparent=event.traceparent,
                    people=people_in(event.data),
                )
                for event in events
                for endpoint_id in wanting
            ],
        )
    return bool(wanting)


async def record(transaction: Transaction, message: WebhookMessage, answer: Answer) -> bool:
    """Take in what the endpoint said. Whether somebody is to be told that it was switched off."""
    attempts = message.attempts + 1
    wait = None if answer.taken else pause(attempts, answer)
    state = State.SENT if answer.taken else State.FAILED if wait is None else State.QUEUED
    kept = await store.save(
        transaction,
        message,
        state=state,
        attempts=attempts,
        due_at=message.due_at if wait is None else transaction.now + wait,
        finished_at=None if state is State.QUEUED else transaction.now,
    )
    if not kept:
        return False
    await store.log(transaction, message.id, answer)
    if state is not State.QUEUED:
        await store.forget_if_erased(transaction, message.id)
    known = await store.endpoint(transaction, message.endpoint_id, lock=True)
    if known is None or known.disabled_reason is not None:
        return False
    if answer.taken:
        if known.failing_since is not None:
            await store.update(transaction, known.id, failing_since=None, disabled_reason=None)
        return False
    failing_since = known.failing_since or transaction.now
    disabled = disabled_by(known, answer, transaction.now)
    await store.update(transaction, known.id, failing_since=failing_since, disabled_reason=disabled)
    return disabled is not None and await _tell_owner(transaction, known, disabled)


async def _tell_owner(transaction: Transaction, endpoint: Endpoint, reason: str) -> bool:
    return await telling.tell(
        transaction,
        Happened(
            event_id=new_id(),
            event=SWITCHED_OFF,
            case=None,
            order_id=None,
            order_sequence=None,
            applicant_id=endpoint.owner_id,
            facts={"webhook": endpoint.url, "reason": reason},
        ),
    )


async def send_again(transaction: Transaction, endpoint_id: UUID, message_id: UUID) -> WebhookMessage:
    """Raises NotFoundError, StillUnderWayError."""
    again = await store.queue_again(transaction, endpoint_id, message_id)
    if again is not None:
        return again
    if await store.message(transaction, endpoint_id, message_id) is None:
        raise NotFoundError
    raise StillUnderWayError


async def forget_person(transaction: Transaction, person_id: UUID) -> None:
    """A person is erased: what was sent about them goes at once, what is on its way when it has arrived."""
    await store.forget_person(transaction, person_id)
