from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from foyer_contracts.ids import new_id
from sqlalchemy.dialects.postgresql import insert

from .domain import Answer, Endpoint, State, WebhookMessage
from .tables import webhook_attempts, webhook_endpoints, webhook_messages

_COLUMNS = tuple(column for column in webhook_messages.c if column.name not in ("leased_until", "erased"))
_NOW = sa.bindparam("now", type_=sa.DateTime(timezone=True))
_ADD_ENDPOINT = sa.insert(webhook_endpoints)
_COUNT = sa.select(sa.func.count().label("many")).select_from(webhook_endpoints)
_ENDPOINTS = sa.select(webhook_endpoints).order_by(webhook_endpoints.c.id)
_ENDPOINT = sa.select(webhook_endpoints).where(webhook_endpoints.c.id == sa.bindparam("endpoint"))
_LOCK_ALL = sa.text("SELECT pg_advisory_xact_lock(hashtext('webhook_endpoints'))")
_UPDATE = (
    sa.update(webhook_endpoints)
    .where(webhook_endpoints.c.id == sa.bindparam("endpoint"))
    .values(
        failing_since=sa.bindparam("failing"),
        disabled_reason=sa.bindparam("disabled"),
        version=webhook_endpoints.c.version + 1,
    )
    .returning(webhook_endpoints)
)
_REMOVE = sa.delete(webhook_endpoints).where(webhook_endpoints.c.id == sa.bindparam("endpoint"))
_WANTING = sa.select(webhook_endpoints.c.id).where(
    webhook_endpoints.c.disabled_reason.is_(None), sa.bindparam("type") == sa.any_(webhook_endpoints.c.types)
)
_ADD = insert(webhook_messages).on_conflict_do_nothing(constraint="webhook_messages_once")
_DUE = (
    sa.select(webhook_messages.c.id)
    .join(webhook_endpoints, webhook_endpoints.c.id == webhook_messages.c.endpoint_id)
    .where(
        webhook_messages.c.state == State.QUEUED.value,
        webhook_messages.c.due_at <= _NOW,
        sa.or_(webhook_messages.c.leased_until.is_(None), webhook_messages.c.leased_until <= _NOW),
        webhook_endpoints.c.disabled_reason.is_(None),
    )
    .order_by(webhook_messages.c.due_at)
    .limit(sa.bindparam("most"))
    .with_for_update(skip_locked=True, of=webhook_messages)
)
_CLAIM = (
    sa.update(webhook_messages)
    .where(webhook_messages.c.id.in_(_DUE.scalar_subquery()))
    .values(
        leased_until=sa.bindparam("until", type_=sa.DateTime(timezone=True)), version=webhook_messages.c.version + 1
    )
    .returning(*_COLUMNS)
)
_SAVE = (
    sa.update(webhook_messages)
    .where(webhook_messages.c.id == sa.bindparam("message"), webhook_messages.c.version == sa.bindparam("of_version"))
    .values(
        state=sa.bindparam("new_state"),
        attempts=sa.bindparam("new_attempts"),
        due_at=sa.bindparam("due"),
        finished_at=sa.bindparam("finished"),
        leased_until=None,
        version=webhook_messages.c.version + 1,
    )
    .returning(webhook_messages.c.id)
)
_LOG = sa.insert(webhook_attempts)
_MESSAGES = (
    sa.select(*_COLUMNS)
    .where(webhook_messages.c.endpoint_id == sa.bindparam("endpoint"))
    .order_by(webhook_messages.c.id.desc())
    .limit(sa.bindparam("limit"))
)
_MESSAGES_BEFORE = _MESSAGES.where(webhook_messages.c.id < sa.bindparam("before"))
_ATTEMPTS = (
    sa.select(webhook_attempts)
    .where(webhook_attempts.c.message_id.in_(sa.bindparam("messages", expanding=True)))
    .order_by(webhook_attempts.c.id)
)
_AGAIN = (
    sa.update(webhook_messages)
    .where(
        webhook_messages.c.id == sa.bindparam("message"),
        webhook_messages.c.endpoint_id == sa.bindparam("endpoint"),
        webhook_messages.c.state != State.QUEUED.value,
    )
    .values(state=State.QUEUED.value, attempts=0, due_at=_NOW, finished_at=None, version=webhook_messages.c.version + 1)
    .returning(*_COLUMNS)
)
_MESSAGE = sa.select(*_COLUMNS).where(
    webhook_messages.c.id == sa.bindparam("message"), webhook_messages.c.endpoint_id == sa.bindparam("endpoint")
)

_ABOUT = webhook_messages.c.people.contains(sa.bindparam("of_people", type_=webhook_messages.c.people.type))
_FORGET_SENT_ABOUT = sa.delete(webhook_messages).where(_ABOUT, webhook_messages.c.state != State.QUEUED.value)
_ERASE_LATER = (
    sa.update(webhook_messages).where(_ABOUT, webhook_messages.c.state == State.QUEUED.value).values(erased=True)
)
_FORGET_ERASED = sa.delete(webhook_messages).where(
    webhook_messages.c.id == sa.bindparam("of_id"),
    webhook_messages.c.erased,
    webhook_messages.c.state != State.QUEUED.value,
)
# By ids, which ascend with time: whatever there is, only so many rows at the old end are looked at. What waits for an
# endpoint that is off waits no longer than what was sent is kept.
_OLDEST = (
    sa.select(
        webhook_messages.c.id,
        sa.func.coalesce(webhook_messages.c.finished_at, webhook_messages.c.created_at).label("at"),
    )
    .join(webhook_endpoints, webhook_endpoints.c.id == webhook_messages.c.endpoint_id)
    .where(
        sa.or_(webhook_messages.c.state != State.QUEUED.value, webhook_endpoints.c.disabled_reason.is_not(None)),
    )
    .order_by(webhook_messages.c.id)
    .limit(sa.bindparam("most"))
    .with_for_update(of=webhook_messages, skip_locked=True)
    .cte("oldest")
)
_FORGET_OLD = (
    sa.delete(webhook_messages)
    .where(
        webhook_messages.c.id.in_(
            sa.select(_OLDEST.c.id).where(_OLDEST.c.at < sa.bindparam("before", type_=sa.DateTime(timezone=True)))
        )
    )
    .returning(webhook_messages.c.id)
)


def _endpoint(row: sa.RowMapping) -> Endpoint:
    return Endpoint(**{**row, "types": tuple(row["types"])})


def _message(row: sa.RowMapping) -> WebhookMessage:
    return WebhookMessage(
        **{**row, "state": State(row["state"]), "body": bytes(row["body"]), "people": tuple(row["people"])}
    )


async def lock_all(transaction: Transaction) -> None:
    """Endpoints are added one after another, so that their number can be limited."""
    await transaction.execute(_LOCK_ALL)


async def how_many(transaction: Transaction) -> int:
    row = await transaction.one_or_none(_COUNT)
    assert row is not None
    return int(row["many"])


async def add_endpoint(transaction: Transaction, endpoint: Endpoint) -> None:
    await transaction.execute(
        _ADD_ENDPOINT,
        {
            "id": endpoint.id,
            "url": endpoint.url,
            "types": list(endpoint.types),
            "secret": endpoint.secret,
            "description": endpoint.description,
            "owner_id": endpoint.owner_id,
            "failing_since": None,
            "disabled_reason": None,
            "created_at": endpoint.created_at,
            "version": endpoint.version,
        },
    )


async def endpoints(transaction: Transaction) -> list[Endpoint]:
    return [_endpoint(row) for row in await transaction.all(_ENDPOINTS)]


async def endpoint(transaction: Transaction, endpoint_id: UUID, *, lock: bool = False) -> Endpoint | None:
    statement = _ENDPOINT.with_for_update() if lock else _ENDPOINT
    row = await transaction.one_or_none(statement, {"endpoint": endpoint_id})
    return None if row is None else _endpoint(row)


async def update(
    transaction: Transaction, endpoint_id: UUID, *, failing_since: datetime | None, disabled_reason: str | None
) -> Endpoint | None:
    row = await transaction.one_or_none(
        _UPDATE, {"endpoint": endpoint_id, "failing": failing_since, "disabled": disabled_reason}
    )
    return None if row is None else _endpoint(row)


async def remove(transaction: Transaction, endpoint_id: UUID) -> None:
    await transaction.execute(_REMOVE, {"endpoint": endpoint_id})


async def wanting(transaction: Transaction, type_: str) -> list[UUID]:
    """The endpoints that are on and want events of this type."""
    return [row["id"] for row in await transaction.all(_WANTING, {"type": type_})]


async def add(transaction: Transaction, messages: Sequence[WebhookMessage]) -> None:
    """Queue messages, each once per event and endpoint."""
    await transaction.execute(
        _ADD,
        [
            {
                "id": message.id,
                "endpoint_id": message.endpoint_id,
                "event_id": message.event_id,
                "type": message.type,
                "body": message.body,
                "state": message.state.value,
                "attempts": message.attempts,
                "created_at": message.created_at,
                "due_at": message.due_at,
                "finished_at": None,
                "traceparent": message.traceparent,
                "version": message.version,
                "people": list(message.people),
            }
            for message in messages
        ],
    )


async def claim(transaction: Transaction, *, until: datetime, most: int) -> list[WebhookMessage]:
    """Claim what is due for endpoints that are on, oldest first, for this worker alone until `until`."""
    rows = await transaction.all(_CLAIM, {"now": transaction.now, "until": until, "most": most})
    return [_message(row) for row in rows]


async def save(
    transaction: Transaction,
    message: WebhookMessage,
    *,
    state: State,
    attempts: int,
    due_at: datetime,
    finished_at: datetime | None,
) -> bool:
    """Store what came of a claimed message; False when the claim was lost meanwhile."""
    row = await transaction.one_or_none(
        _SAVE,
        {
            "message": message.id,
            "of_version": message.version,
            "new_state": state.value,
            "new_attempts": attempts,
            "due": due_at,
            "finished": finished_at,
        },
    )
    return row is not None


async def forget_if_erased(transaction: Transaction, message_id: UUID) -> None:
    """It is over, and somebody whom it is about was erased meanwhile."""
    await transaction.execute(_FORGET_ERASED, {"of_id": message_id})


async def forget_person(transaction: Transaction, person_id: UUID) -> None:
    await transaction.execute(_FORGET_SENT_ABOUT, {"of_people": [person_id]})
    await transaction.execute(_ERASE_LATER, {"of_people": [person_id]})


async def forget(transaction: Transaction, *, before: datetime, most: int) -> int:
    """Remove what was over before an instant, or has waited since for an endpoint that is off, of the oldest `most`.
    How many went."""
    return len(await transaction.all(_FORGET_OLD, {"before": before, "most": most}))


async def log(transaction: Transaction, message_id: UUID, answer: Answer) -> None:
    await transaction.execute(
        _LOG,
        {
            "id": new_id(),
            "message_id": message_id,
            "at": transaction.now,
            "status": answer.status,
            "error": answer.error,
            "milliseconds": answer.milliseconds,
        },
    )


async def messages(
    transaction: Transaction, endpoint_id: UUID, *, before: UUID | None, limit: int
) -> list[WebhookMessage]:
    """Newest first."""
    parameters = {"endpoint": endpoint_id, "limit": limit}
    rows = await (
        transaction.all(_MESSAGES, parameters)
        if before is None
        else transaction.all(_MESSAGES_BEFORE, {**parameters, "before": before})
    )
    return [_message(row) for row in rows]


async def attempts(transaction: Transaction, message_ids: Sequence[UUID]) -> Sequence[sa.RowMapping]:
    return await transaction.all(_ATTEMPTS, {"messages": list(message_ids)})


async def queue_again(transaction: Transaction, endpoint_id: UUID, message_id: UUID) -> WebhookMessage | None:
    """A message that is over is queued as if new; None when it is not over, or there is none."""
    row = await transaction.one_or_none(
        _AGAIN, {"endpoint": endpoint_id, "message": message_id, "now": transaction.now}
    )
    return None if row is None else _message(row)


async def message(transaction: Transaction, endpoint_id: UUID, message_id: UUID) -> WebhookMessage | None:
    row = await transaction.one_or_none(_MESSAGE, {"endpoint": endpoint_id, "message": message_id})
    return None if row is None else _message(row)
