"""What happened to an order, for the edge to tell: the domain changes an order and says what came of it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from foyer_contracts.money import Money

from .machine import MACHINES, Group, Status, Verb
from .order import SYSTEM, Actor, Order, taken_up


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """`label` and `before_label` are the business's own statuses (C1), where there are any."""

    before: Status
    after: Status
    reason: str | None
    note: str | None
    actor: Actor
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Priced:
    pass


@dataclass(frozen=True, slots=True)
class Cancelled:
    """`refund` is what is to go back because of this, beyond what was ordered to go back before; `fee` what is kept."""

    reason: str
    refund: Money
    fee: Money
    actor: Actor


@dataclass(frozen=True, slots=True)
class Returned:
    note: str | None


@dataclass(frozen=True, slots=True)
class Completed:
    reason: str | None
    actor: Actor


@dataclass(frozen=True, slots=True)
class Assigned:
    previous: object
    actor: Actor


@dataclass(frozen=True, slots=True)
class DeadlineChanged:
    actor: Actor


@dataclass(frozen=True, slots=True)
class Overdue:
    deadline: Literal["response", "completion"]
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Edited:
    """The content changed; `refund` goes back because of it (A28)."""

    changed: tuple[str, ...]
    refund: Money
    actor: Actor


@dataclass(frozen=True, slots=True)
class Rated:
    previous: int | None


Happened = (
    StatusChanged | Priced | Cancelled | Returned | Completed | Assigned | DeadlineChanged | Overdue | Edited | Rated
)


@dataclass(frozen=True, slots=True)
class Change:
    """An order after a change, and what happened, in order. Unchanged orders come back as they were."""

    order: Order
    happened: tuple[Happened, ...] = ()

    def then(self, following: "Change") -> "Change":
        return Change(following.order, self.happened + following.happened)


def go(
    order: Order,
    verb: Verb,
    now: datetime,
    *,
    actor: Actor = SYSTEM,
    reason: str | None = None,
    note: str | None = None,
    label: str | None = None,
) -> Change:
    """Take an arrow of the order's machine; where there is none, nothing happens. Guards are the caller's concern."""
    arrow = MACHINES[order.kind].get((order.status, verb))
    if arrow is None or (arrow.after is order.status and label == order.label):
        return Change(order)
    after = replace(order, status=arrow.after, label=label)
    if after.taken_up_at is None and taken_up(after.status):
        after = replace(after, taken_up_at=now)
    if after.group is not Group.REVIEW and (after.close_at is not None or after.close_when_paid):
        after = replace(after, close_at=None, close_when_paid=False)
    change = Change(after, (StatusChanged(order.status, arrow.after, reason, note, actor, label),))
    if after.status is Status.DONE:
        change = change.then(Change(after, (Completed(reason, actor),)))
    return change
