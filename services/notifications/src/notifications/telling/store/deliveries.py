from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from foyer_chassis.db import Transaction
from sqlalchemy.dialects.postgresql import insert

from ..domain.deliveries import BURST, QUIET, Delivery, State
from ..domain.rules import RULES, Channel
from ..tables import deliveries

_COLUMNS = tuple(column for column in deliveries.c if column.name != "leased_until")
_NOW = sa.bindparam("now", type_=sa.DateTime(timezone=True))
_ADD = insert(deliveries).on_conflict_do_nothing(constraint="deliveries_once")
URGENT = [rule.template for rule in RULES if rule.critical]
_before = deliveries.alias("before")
# What is not urgent one at a time for each person and channel: what waits meanwhile goes out together with the next.
_IN_TURN = deliveries.c.template.in_(URGENT) | ~(
    sa.select(sa.literal(1))
    .where(
        _before.c.template.not_in(URGENT),
        _before.c.recipient_id == deliveries.c.recipient_id,
        _before.c.channel == deliveries.c.channel,
        _before.c.state == State.QUEUED.value,
        _before.c.due_at <= _NOW,
        _before.c.id < deliveries.c.id,
    )
    .exists()
)
_DUE = (
    sa.select(deliveries.c.id)
    .where(
        deliveries.c.state == State.QUEUED.value,
        deliveries.c.due_at <= _NOW,
        sa.or_(deliveries.c.leased_until.is_(None), deliveries.c.leased_until <= _NOW),
        _IN_TURN,
    )
    .order_by(deliveries.c.due_at)
    .limit(sa.bindparam("most"))
    .with_for_update(skip_locked=True)
)
_CLAIM = (
    sa.update(deliveries)
    .where(deliveries.c.id.in_(_DUE.scalar_subquery()))
    .values(
        leased_until=sa.bindparam("until", type_=sa.DateTime(timezone=True)),
        waiting_for=None,
        version=deliveries.c.version + 1,
    )
    .returning(*_COLUMNS)
)
_TOGETHER = (
    sa.select(deliveries.c.id)
    .where(
        deliveries.c.recipient_id == sa.bindparam("of_recipient"),
        deliveries.c.channel == sa.bindparam("of_channel"),
        deliveries.c.state == State.QUEUED.value,
        deliveries.c.id != sa.bindparam("but"),
        sa.or_(deliveries.c.due_at <= _NOW, deliveries.c.waiting_for == BURST),
        sa.or_(deliveries.c.leased_until.is_(None), deliveries.c.leased_until <= _NOW),
        deliveries.c.template.not_in(URGENT),
        # What a device has already must not come again in another message.
        sa.func.cardinality(deliveries.c.reached) == 0,
    )
    .order_by(deliveries.c.id)
    .limit(sa.bindparam("most"))
    .with_for_update(skip_locked=True)
)
_CLAIM_TOGETHER = (
    sa.update(deliveries)
    .where(deliveries.c.id.in_(_TOGETHER.scalar_subquery()))
    .values(
        leased_until=sa.bindparam("until", type_=sa.DateTime(timezone=True)),
        waiting_for=None,
        version=deliveries.c.version + 1,
    )
    .returning(*_COLUMNS)
)
_LAST_SENT = sa.select(sa.func.max(deliveries.c.finished_at).label("at")).where(
    deliveries.c.recipient_id == sa.bindparam("of_recipient"),
    deliveries.c.channel == sa.bindparam("of_channel"),
    deliveries.c.state == State.SENT.value,
    deliveries.c.finished_at > sa.bindparam("after"),
    deliveries.c.template.not_in(URGENT),
)
_AGAIN = (
    sa.update(deliveries)
    .where(
        deliveries.c.id == sa.bindparam("of_id"),
        deliveries.c.state.in_([State.FAILED.value, State.SKIPPED.value]),
    )
    .values(
        state=State.QUEUED.value,
        reason=None,
        attempts=0,
        waiting_for=None,
        created_at=_NOW,
        due_at=_NOW,
        finished_at=None,
        leased_until=None,
        version=deliveries.c.version + 1,
    )
    .returning(*_COLUMNS)
)
_BY_ID = sa.select(*_COLUMNS).where(deliveries.c.id == sa.bindparam("of_id"))
_SAVE = (
    sa.update(deliveries)
    .where(deliveries.c.id == sa.bindparam("of_id"), deliveries.c.version == sa.bindparam("of_version"))
    .values(
        state=sa.bindparam("state"),
        reason=sa.bindparam("reason"),
        attempts=sa.bindparam("attempts"),
        reached=sa.bindparam("reached"),
        waiting_for=sa.bindparam("waiting_for"),
        due_at=sa.bindparam("due_at"),
        finished_at=sa.bindparam("finished_at"),
        version=sa.bindparam("version"),
        leased_until=None,
    )
    .returning(deliveries.c.id)
)
_WAITING = (deliveries.c.state == State.QUEUED.value, deliveries.c.waiting_for.is_not(None))
_WAKE_ORDER = (
    sa.update(deliveries)
    .where(deliveries.c.order_id == sa.bindparam("of_order"), *_WAITING)
    .values(due_at=_NOW)
    .returning(deliveries.c.id)
)
_WAKE_RECIPIENT = (
    sa.update(deliveries)
    .where(deliveries.c.recipient_id == sa.bindparam("of_recipient"), *_WAITING)
    .values(due_at=_NOW)
    .returning(deliveries.c.id)
)
# By ids, which ascend with time: whatever there is, only so many rows at the old end are looked at.
_OLDEST = (
    sa.select(deliveries.c.id, deliveries.c.finished_at)
    .where(deliveries.c.state != State.QUEUED.value)
    .order_by(deliveries.c.id)
    .limit(sa.bindparam("most"))
    .cte("oldest")
)
_GONE = (
    sa.delete(deliveries)
    .where(
        deliveries.c.id.in_(
            sa.select(_OLDEST.c.id).where(
                _OLDEST.c.finished_at < sa.bindparam("before", type_=sa.DateTime(timezone=True))
            )
        ),
        # Sent again meanwhile, it is under way.
        deliveries.c.state != State.QUEUED.value,
    )
    .returning(deliveries.c.id)
    .cte("gone")
)
_FORGET = sa.select(sa.func.count().label("gone")).select_from(_GONE)


def _delivery(row: sa.RowMapping) -> Delivery:
    return Delivery(
        **{
            **row,
            "channel": Channel(row["channel"]),
            "state": State(row["state"]),
            "reached": tuple(row["reached"]),
        }
    )


async def add(transaction: Transaction, rows: Sequence[Delivery]) -> None:
    """Queue deliveries, each once per event, recipient and channel."""
    if rows:
        await transaction.execute(_ADD, [_row(delivery) for delivery in rows])


def _row(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "event_id": delivery.event_id,
        "recipient_id": delivery.recipient_id,
        "channel": delivery.channel.value,
        "template": delivery.template,
        "facts": dict(delivery.facts),
        "order_id": delivery.order_id,
        "order_sequence": delivery.order_sequence,
        "state": delivery.state.value,
        "reason": delivery.reason,
        "attempts": delivery.attempts,
        "reached": list(delivery.reached),
        "waiting_for": delivery.waiting_for,
        "due_at": delivery.due_at,
        "created_at": delivery.created_at,
        "finished_at": delivery.finished_at,
        "traceparent": delivery.traceparent,
        "version": delivery.version,
    }


async def claim(transaction: Transaction, *, until: datetime, most: int) -> list[Delivery]:
    """Claim what is due, oldest first, for this worker alone until `until`."""
    rows = await transaction.all(_CLAIM, {"now": transaction.now, "until": until, "most": most})
    return [_delivery(row) for row in rows]


async def claim_together(transaction: Transaction, delivery: Delivery, *, until: datetime, most: int) -> list[Delivery]:
    """Claim what else waits for this person by this channel and is not urgent, oldest first."""
    rows = await transaction.all(
        _CLAIM_TOGETHER,
        {
            "of_recipient": delivery.recipient_id,
            "of_channel": delivery.channel.value,
            "but": delivery.id,
            "now": transaction.now,
            "until": until,
            "most": most,
        },
    )
    return sorted((_delivery(row) for row in rows), key=lambda found: found.id)


async def last_sent_at(transaction: Transaction, delivery: Delivery, *, after: datetime) -> datetime | None:
    """When this person last got something that is not urgent by this channel, if that is after `after`."""
    row = await transaction.one_or_none(
        _LAST_SENT, {"of_recipient": delivery.recipient_id, "of_channel": delivery.channel.value, "after": after}
    )
    return row["at"] if row is not None else None


async def queue_again(transaction: Transaction, delivery_id: UUID) -> Delivery | None:
    """A delivery that failed or was skipped is queued as if new; None when it is in another state."""
    row = await transaction.one_or_none(_AGAIN, {"of_id": delivery_id, "now": transaction.now})
    return None if row is None else _delivery(row)


async def by_id(transaction: Transaction, delivery_id: UUID) -> Delivery | None:
    row = await transaction.one_or_none(_BY_ID, {"of_id": delivery_id})
    return None if row is None else _delivery(row)


async def save(transaction: Transaction, delivery: Delivery) -> bool:
    """Store a claimed delivery at its next version and end the claim. False when the claim was lost meanwhile."""
    row = await transaction.one_or_none(
        _SAVE,
        {
            "of_id": delivery.id,
            "of_version": delivery.version - 1,
            "state": delivery.state.value,
            "reason": delivery.reason,
            "attempts": delivery.attempts,
            "reached": list(delivery.reached),
            "waiting_for": delivery.waiting_for,
            "due_at": delivery.due_at,
            "finished_at": delivery.finished_at,
            "version": delivery.version,
        },
    )
    return row is not None


async def wake_of_order(transaction: Transaction, order_id: UUID) -> bool:
    """Look at the order's waiting deliveries at once. Whether there are any."""
    return bool(await transaction.all(_WAKE_ORDER, {"of_order": order_id, "now": transaction.now}))


async def wake_of_recipient(transaction: Transaction, person_id: UUID) -> bool:
    return bool(await transaction.all(_WAKE_RECIPIENT, {"of_recipient": person_id, "now": transaction.now}))


async def forget(transaction: Transaction, *, before: datetime, most: int) -> int:
    """Remove what was over before an instant, of the oldest `most`. How many went."""
    row = await transaction.one_or_none(_FORGET, {"before": before, "most": most})
    assert row is not None
    return int(row["gone"])


async def page(
    transaction: Transaction,
    *,
    recipient_id: UUID | None,
    order_id: UUID | None,
    state: State | None,
    deferred: bool | None,
    before: UUID | None,
    limit: int,
) -> list[Delivery]:
    """Newest first; a filter that is None filters nothing."""
    statement = sa.select(*_COLUMNS).order_by(deliveries.c.id.desc()).limit(limit)
    if recipient_id is not None:
        statement = statement.where(deliveries.c.recipient_id == recipient_id)
    if order_id is not None:
        statement = statement.where(deliveries.c.order_id == order_id)
    if state is not None:
        statement = statement.where(deliveries.c.state == state.value)
    if deferred is not None:
        quiet = sa.func.coalesce(deliveries.c.waiting_for, "") == QUIET
        statement = statement.where(quiet if deferred else ~quiet)
    if before is not None:
        statement = statement.where(deliveries.c.id < before)
    return [_delivery(row) for row in await transaction.all(statement)]
