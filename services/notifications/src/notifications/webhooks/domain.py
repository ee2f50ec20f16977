"""Events for systems that cannot speak AMQP (X8): signed as Standard Webhooks say, tried again for days.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from foyer_chassis.errors import ConflictError, InvalidError

from ..recipients.domain import is_web_address

SECRET_PREFIX = "whsec_"  # noqa: S105
SECRET_BYTES = 24

MOST_ENDPOINTS = 50
#: Pause before each further attempt: more than three days in all.
PAUSES: Sequence[timedelta] = tuple(
    timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
#: An endpoint that has taken nothing for so long is switched off, and its owner is told.
SWITCH_OFF_AFTER = timedelta(days=5)
GONE = 410


class BadWebhookAddressError(InvalidError):
    """The address must be an https URL with a public host name, without a user name."""

    title_en = "This address cannot take webhooks"
    title_ru = "На этот адрес нельзя отправлять вебхуки"


class UnknownEventTypeError(InvalidError):
    """There is no such public event in the catalogue."""

    title_en = "There is no such event"
    title_ru = "Такого события нет"


class TooManyWebhooksError(ConflictError):
    """There are as many webhooks as there may be."""

    title_en = "Too many webhooks"
    title_ru = "Слишком много вебхуков"


class StillUnderWayError(ConflictError):
    """Only a message that failed or was sent can be sent again; this one is on its way."""

    title_en = "The message is on its way"
    title_ru = "Сообщение уже отправляется"


class State(StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where events go.

    Attributes:
        types: event types that it gets.
        owner_id: who is told when it is switched off.
        failing_since: of the first attempt in a row that failed; None while it takes what comes.
        disabled_reason: `owner`, `gone` (it answered 410), `failing`; None while it is on.
    """

    id: UUID
    url: str
    types: tuple[str, ...]
    description: str
    owner_id: UUID
    failing_since: datetime | None
    disabled_reason: str | None
    created_at: datetime
    version: int
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class WebhookMessage:
    """One event for one endpoint. `body` is what is signed and sent, byte for byte the same at every attempt. `people`:
    whom it is about."""

    id: UUID
    endpoint_id: UUID
    event_id: UUID
    type: str
    body: bytes
    state: State
    attempts: int
    created_at: datetime
    due_at: datetime
    finished_at: datetime | None
    version: int
    traceparent: str | None = None
    people: tuple[UUID, ...] = ()

    @property
    def caused_by(self) -> str | None:
        return str(self.event_id)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt: a status, or an error where there was none; `retry_after` as it asked."""

    status: int | None
    error: str | None
    milliseconds: int
    retry_after: timedelta | None = None

    @property
    def taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Sender(Protocol):
    """What carries messages to endpoints; never to a private address."""

    async def send(self, url: str, body: bytes, headers: dict[str, str]) -> Answer: ...


#: What events call persons.
_PERSONS = (
    *("applicant_id", "customer_id", "buyer_id", "visitor_id", "person_id"),
    *("recipient_id", "author_id", "reader_id"),
)


def people_in(data: object) -> tuple[UUID, ...]:
    """The persons whom an event's data is about."""
    found = (getattr(data, name, None) for name in _PERSONS)
    return tuple(dict.fromkeys(each for each in found if isinstance(each, UUID)))


def new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def headers(message: WebhookMessage, secret: str, now: datetime) -> dict[str, str]:
    """`webhook-id` is the event's id, the same at every attempt, so that the receiver can drop a repeat."""
    id_, timestamp = str(message.event_id), str(int(now.timestamp()))
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = hmac.new(key, f"{id_}.{timestamp}.".encode() + message.body, hashlib.sha256).digest()
    return {
        "content-type": "application/cloudevents+json",
        "webhook-id": id_,
        "webhook-timestamp": timestamp,
        "webhook-signature": "v1," + base64.b64encode(signed).decode(),
    }


def checked_url(url: str, *, allow_http: bool) -> str:
    """Raises BadWebhookAddressError. Where a host name leads is asked before every call."""
    if not is_web_address(url, allow_http=allow_http):
        raise BadWebhookAddressError(field="url")
    return url


def pause(attempts: int, answer: Answer) -> timedelta | None:
    """Before the next attempt, at least as long as the endpoint asked for; None: no more attempts."""
    if attempts > len(PAUSES):
        return None
    own = PAUSES[attempts - 1]
    return max(own, min(answer.retry_after, PAUSES[-1])) if answer.retry_after is not None else own


def disabled_by(endpoint: Endpoint, answer: Answer, now: datetime) -> str | None:
    """Why the endpoint is switched off now, if it is."""
    if answer.status == GONE:
        return "gone"
    if endpoint.failing_since is not None and now - endpoint.failing_since >= SWITCH_OFF_AFTER:
        return "failing"
    return None
