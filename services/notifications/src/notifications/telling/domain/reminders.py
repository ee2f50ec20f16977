"""What people are reminded of, when, and whether it is still true by then.

A reminder is scheduled by an event, moved by a later one, and told as if it were an event of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from ...order_copies.domain import OrderCopy
from .rules import NEW, UNDER_WAY


class About(StrEnum):
    #: The time that was booked begins soon.
    START = "start"
    #: The places are held for a short while yet and not paid.
    HOLD = "hold"
    #: An invoice has been waiting to be paid.
    INVOICE = "invoice"
    #: A done order has not been rated.
    RATING = "rating"

    @property
    def event(self) -> str:
        """What the table of rules calls it."""
        return f"reminder.{self.value}"


@dataclass(frozen=True, slots=True)
class Reminder:
    """`thing` tells reminders of one order about the same apart (an invoice's id); `id` stands for the event."""

    id: UUID
    order_id: UUID
    about: About
    thing: str
    due_at: datetime
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Schedule:
    """When people are reminded.

    Attributes:
        start, hold: how long before the booked time begins, before the hold expires.
        invoice, rating: how long after the invoice was shown, after the order was done.
    """

    start: timedelta
    hold: timedelta
    invoice: timedelta
    rating: timedelta

    def before_start(self, starts_at: datetime) -> datetime:
        return starts_at - self.start

    def before_expiry(self, expires_at: datetime, now: datetime) -> datetime | None:
        """None where the hold is so short that the reminder would come with the link."""
        return expires_at - self.hold if expires_at - now >= 2 * self.hold else None


def is_true(reminder: Reminder, order: OrderCopy | None, schedule: Schedule, now: datetime) -> bool:
    """Whether it is still worth telling: the order is where it was, and nobody has done it already."""
    if order is None or order.applicant_id is None:
        return False
    match reminder.about:
        case About.START:
            places = order.facts.get("places")
            if places is None or order.group not in UNDER_WAY:
                return False
            starts_at = datetime.fromisoformat(places["starts_at"])
            return schedule.before_start(starts_at) <= now < starts_at
        case About.HOLD:
            pay_until = datetime.fromisoformat(reminder.facts["pay_until"])
            return order.group in NEW and not order.paid and now < pay_until
        case About.INVOICE:
            return order.group != "cancelled" and not order.facts.get(f"invoice:{reminder.thing}")
        case About.RATING:
            return order.group == "done" and not order.facts.get("rated")
