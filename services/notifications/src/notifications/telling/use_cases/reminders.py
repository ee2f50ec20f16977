"""People are reminded: scheduled by events, moved and dropped with what they are about."""

from datetime import datetime
from typing import Any
from uuid import UUID

from foyer_chassis.db import Transaction

from ...order_copies import store as order_copies
from ..domain.reminders import About, Reminder, Schedule, is_true
from ..domain.rules import Happened
from ..store import reminders as store
from . import deliveries


async def booked(transaction: Transaction, order_id: UUID, schedule: Schedule) -> None:
    """The booked time is known, or another one now: the reminder before its start moves along."""
    order = await order_copies.copy(transaction, order_id)
    places = order.facts.get("places") if order else None
    if places is None:
        return
    due_at = schedule.before_start(datetime.fromisoformat(places["starts_at"]))
    if due_at > transaction.now:
        await store.schedule(transaction, order_id, About.START, due_at=due_at)
    else:
        await store.cancel(transaction, order_id, About.START)


async def held(transaction: Transaction, order_id: UUID, expires_at: datetime, schedule: Schedule) -> None:
    due_at = schedule.before_expiry(expires_at, transaction.now)
    if due_at is not None:
        facts = {"pay_until": expires_at.isoformat()}
        await store.schedule(transaction, order_id, About.HOLD, due_at=due_at, facts=facts)


async def invoice_shown(
    transaction: Transaction, order_id: UUID, invoice_id: UUID, facts: dict[str, Any], schedule: Schedule
) -> None:
    await store.schedule(
        transaction,
        order_id,
        About.INVOICE,
        thing=str(invoice_id),
        due_at=transaction.now + schedule.invoice,
        facts=facts,
    )


async def done(transaction: Transaction, order_id: UUID, schedule: Schedule) -> None:
    await store.schedule(transaction, order_id, About.RATING, due_at=transaction.now + schedule.rating)


async def remind(transaction: Transaction, schedule: Schedule, *, most: int) -> tuple[int, bool]:
    """Tell what has come due and is still true. How many came due, and whether anything was queued."""
    due = await store.take_due(transaction, most=most)
    queued = False
    for reminder in due:
        order = await order_copies.copy(transaction, reminder.order_id)
        if order is not None and order.applicant_id is not None and is_true(reminder, order, schedule, transaction.now):
            queued |= await deliveries.tell(transaction, _happened(reminder, order.applicant_id))
    return len(due), queued


def _happened(reminder: Reminder, applicant_id: UUID) -> Happened:
    return Happened(
        event_id=reminder.id,
        event=reminder.about.event,
        case=None,
        order_id=reminder.order_id,
        order_sequence=None,
        applicant_id=applicant_id,
        facts=reminder.facts,
    )
