"""The life of an order of each kind, as tables: every arrow a verb, with who may use it and what must hold.

Rules look at *groups* of statuses (C1): a business may rename its statuses and add its own inside a group, and no rule
changes. `docs/order-states.md` is drawn from these tables.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from ...catalogue.domain import Kind


class Group(StrEnum):
    """What a status means to rules. `cancelled` is what C1 calls "refused"."""

    NEW = "new"
    WAITING = "waiting"
    ACCEPTED = "accepted"
    IN_WORK = "in_work"
    REVIEW = "review"
    READY = "ready"
    DONE = "done"
    CANCELLED = "cancelled"
    REMOVED = "removed"


class Status(StrEnum):
    NEW = "new"
    AWAITING_PAYMENT = "awaiting_payment"
    CONFIRMED = "confirmed"
    IN_PROGRESS = "in_progress"
    ACTIVE = "active"
    COLLECTING = "collecting"
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    READY = "ready"
    DONE = "done"
    CANCELLED = "cancelled"
    CANCELLED_REFUNDING = "cancelled_refunding"
    CANCELLED_REFUNDED = "cancelled_refunded"
    REMOVED = "removed"


GROUPS: Mapping[Status, Group] = MappingProxyType(
    {
        Status.NEW: Group.NEW,
        Status.AWAITING_PAYMENT: Group.WAITING,
        Status.CONFIRMED: Group.ACCEPTED,
        Status.IN_PROGRESS: Group.IN_WORK,
        Status.ACTIVE: Group.IN_WORK,
        Status.COLLECTING: Group.IN_WORK,
        Status.AWAITING_CONFIRMATION: Group.REVIEW,
        Status.READY: Group.READY,
        Status.DONE: Group.DONE,
        Status.CANCELLED: Group.CANCELLED,
        Status.CANCELLED_REFUNDING: Group.CANCELLED,
        Status.CANCELLED_REFUNDED: Group.CANCELLED,
        Status.REMOVED: Group.REMOVED,
    }
)

#: Groups of an order that is over; nothing is expected of anybody any more.
OVER = frozenset({Group.DONE, Group.CANCELLED, Group.REMOVED})
#: Groups from which on the business has taken the order up, and its staff may call the client (B8).
TAKEN_UP = frozenset({Group.ACCEPTED, Group.IN_WORK, Group.REVIEW, Group.READY, Group.DONE})


class Verb(StrEnum):
    TAKE = "take"
    FINISH = "finish"
    COMPLETE = "complete"
    CONFIRM = "confirm"
    RETURN = "return"
    AUTO_CLOSE = "auto_close"
    COLLECT = "collect"
    PACK = "pack"
    HAND_OVER = "hand_over"
    WAIT = "wait"
    RELEASE = "release"
    SETTLE = "settle"
    START = "start"
    END = "end"
    CANCEL = "cancel"
    CANCEL_PAID = "cancel_paid"
    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"
    REMOVE = "remove"


class Party(StrEnum):
    """Who uses a verb. Staff: with `orders:edit` for the kind; administrators: with `orders:configure`."""

    APPLICANT = "applicant"
    STAFF = "staff"
    ADMINISTRATOR = "administrator"
    SYSTEM = "system"


class Guard(StrEnum):
    """What must hold before an arrow is taken; `processing.broken` tells whether it does."""

    FILE = "file_attached"
    MONEY = "money_settled"
    NO_REFUND_UNDER_WAY = "no_refund_under_way"
    NEEDS_CONFIRMATION = "needs_confirmation"
    NEEDS_NO_CONFIRMATION = "needs_no_confirmation"
    PREPAID = "prepayment_received"
    LINES_DECIDED = "lines_decided"
    NOTHING_PAID = "nothing_paid"
    REASON = "reason_given"


@dataclass(frozen=True, slots=True)
class Arrow:
    """`before` --verb--> `after`. `causes`: the events beside `orders.order.status_changed` that come of it."""

    verb: Verb
    before: Status
    after: Status
    by: frozenset[Party]
    needs: tuple[Guard, ...] = ()
    causes: tuple[str, ...] = ()


_STAFF = frozenset({Party.STAFF})
_APPLICANT = frozenset({Party.APPLICANT})
_SYSTEM = frozenset({Party.SYSTEM})
_ANYBODY = frozenset({Party.APPLICANT, Party.STAFF})
_STAFF_OR_SYSTEM = frozenset({Party.STAFF, Party.SYSTEM})

_DONE_NEEDS = (Guard.FILE, Guard.MONEY, Guard.NO_REFUND_UNDER_WAY)
_COMPLETED = ("orders.order.completed",)
_CANCELLED = ("orders.order.cancelled",)


def _cancelling(statuses: Iterable[Status], *, done_by_applicant: bool = False) -> list[Arrow]:
    """A25, A27: from every status but a cancelled one; paid: the money goes back first. Money that comes in for what
    is cancelled already goes back too."""
    arrows = []
    for status in statuses:
        by = _ANYBODY | _SYSTEM
        if status is Status.DONE and not done_by_applicant:
            by = _STAFF
        arrows.append(Arrow(Verb.CANCEL, status, Status.CANCELLED, by, (), _CANCELLED))
        arrows.append(Arrow(Verb.CANCEL_PAID, status, Status.CANCELLED_REFUNDING, by, (), _CANCELLED))
    for status in (Status.CANCELLED, Status.CANCELLED_REFUNDING, Status.CANCELLED_REFUNDED, Status.REMOVED):
        arrows.append(Arrow(Verb.CANCEL_PAID, status, Status.CANCELLED_REFUNDING, _SYSTEM, (), _CANCELLED))
    arrows.append(Arrow(Verb.REFUNDED, Status.CANCELLED_REFUNDING, Status.CANCELLED_REFUNDED, _SYSTEM))
    # The payer's bank sent back what had been called refunded.
    arrows.append(Arrow(Verb.REFUND_FAILED, Status.CANCELLED_REFUNDED, Status.CANCELLED_REFUNDING, _SYSTEM))
    for status in (Status.NEW, Status.CANCELLED):
        causes = _CANCELLED if status is Status.NEW else ()
        arrows.append(
            Arrow(Verb.REMOVE, status, Status.REMOVED, frozenset({Party.ADMINISTRATOR}), (Guard.NOTHING_PAID,), causes)
        )
    return arrows


def _waiting(released: Status) -> list[Arrow]:
    """C3, C6: an order on account waits for funds; funds, or staff, release it."""
    return [
        Arrow(Verb.WAIT, Status.NEW, Status.AWAITING_PAYMENT, _SYSTEM),
        Arrow(Verb.RELEASE, Status.AWAITING_PAYMENT, released, _STAFF_OR_SYSTEM),
    ]


_REQUEST = [
    Arrow(Verb.TAKE, Status.NEW, Status.IN_PROGRESS, _STAFF_OR_SYSTEM),
    *_waiting(Status.IN_PROGRESS),
    Arrow(
        Verb.FINISH,
        Status.IN_PROGRESS,
        Status.AWAITING_CONFIRMATION,
        _STAFF,
        (Guard.NEEDS_CONFIRMATION, Guard.FILE),
    ),
    Arrow(
        Verb.COMPLETE,
        Status.IN_PROGRESS,
        Status.DONE,
        _STAFF,
        (Guard.NEEDS_NO_CONFIRMATION, *_DONE_NEEDS),
        _COMPLETED,
    ),
    Arrow(Verb.CONFIRM, Status.AWAITING_CONFIRMATION, Status.DONE, _APPLICANT, _DONE_NEEDS, _COMPLETED),
    Arrow(
        Verb.RETURN,
        Status.AWAITING_CONFIRMATION,
        Status.IN_PROGRESS,
        _APPLICANT,
        (),
        ("orders.order.returned",),
    ),
    Arrow(Verb.AUTO_CLOSE, Status.AWAITING_CONFIRMATION, Status.DONE, _SYSTEM, _DONE_NEEDS, _COMPLETED),
    *_cancelling((Status.NEW, Status.AWAITING_PAYMENT, Status.IN_PROGRESS, Status.AWAITING_CONFIRMATION, Status.DONE)),
]

_PLACES = [
    Arrow(Verb.SETTLE, Status.NEW, Status.CONFIRMED, _SYSTEM),
    *_waiting(Status.NEW),
    # Late money, and the places could be had again.
    Arrow(Verb.SETTLE, Status.CANCELLED, Status.CONFIRMED, _SYSTEM),
    Arrow(Verb.START, Status.CONFIRMED, Status.ACTIVE, _SYSTEM),
    Arrow(Verb.END, Status.ACTIVE, Status.DONE, _SYSTEM, (Guard.MONEY,), _COMPLETED),
    *_cancelling((Status.NEW, Status.AWAITING_PAYMENT, Status.CONFIRMED, Status.ACTIVE, Status.DONE)),
]

_GOODS = [
    Arrow(Verb.COLLECT, Status.NEW, Status.COLLECTING, _STAFF_OR_SYSTEM, (Guard.PREPAID,)),
    *_waiting(Status.COLLECTING),
    Arrow(Verb.PACK, Status.COLLECTING, Status.READY, _STAFF, (Guard.LINES_DECIDED,)),
    Arrow(Verb.HAND_OVER, Status.READY, Status.DONE, _STAFF, _DONE_NEEDS, _COMPLETED),
    *_cancelling((Status.NEW, Status.AWAITING_PAYMENT, Status.COLLECTING, Status.READY, Status.DONE)),
]


def _table(arrows: Iterable[Arrow]) -> Mapping[tuple[Status, Verb], Arrow]:
    table: dict[tuple[Status, Verb], Arrow] = {}
    for arrow in arrows:
        assert (arrow.before, arrow.verb) not in table
        table[arrow.before, arrow.verb] = arrow
    return MappingProxyType(table)


_PLACES_TABLE = _table(_PLACES)

#: Kind → (status, verb) → arrow. What is not here is refused.
MACHINES: Mapping[Kind, Mapping[tuple[Status, Verb], Arrow]] = MappingProxyType(
    {
        Kind.REQUEST: _table(_REQUEST),
        Kind.PREMISES_REQUEST: _table(_REQUEST),
        Kind.SLOT_BOOKING: _PLACES_TABLE,
        Kind.COWORKING: _PLACES_TABLE,
        Kind.HOTEL: _PLACES_TABLE,
        Kind.GOODS: _table(_GOODS),
        Kind.MEMBERSHIP: _PLACES_TABLE,
    }
)


def statuses_of(kind: Kind) -> list[Status]:
    """The statuses that an order of this kind can be in, in the order of its life."""
    found = {status for arrow in MACHINES[kind].values() for status in (arrow.before, arrow.after)}
    return [status for status in Status if status in found]


def mermaid(kind: Kind) -> str:
    """The diagram of a kind (https://mermaid.js.org/syntax/stateDiagram.html)."""
    lines = ["stateDiagram-v2", "    [*] --> new"]
    for arrow in MACHINES[kind].values():
        needs = f" [{', '.join(arrow.needs)}]" if arrow.needs else ""
        by = "/".join(party.value for party in Party if party in arrow.by)
        lines.append(f"    {arrow.before} --> {arrow.after}: {arrow.verb} ({by}){needs}")
    return "\n".join(lines)


def document() -> str:
    """`docs/order-states.md`: every kind with its diagram, and the groups."""
    parts = [
        "# The life of an order, by kind",
        "Drawn from the tables in `services/orders/src/orders/ordering/domain/machine.py` by "
        "`python -m foyer_tools.generated`. In brackets who may use the verb, in square brackets what must hold.",
    ]
    drawn: dict[str, list[str]] = {}
    for kind in Kind:
        drawn.setdefault(mermaid(kind), []).append(f"`{kind.value}`")
    for diagram, kinds in drawn.items():
        parts.append(f"## {', '.join(kinds)}\n\n```mermaid\n{diagram}\n```")
    rows = [
        f"| `{group.value}` | {', '.join(f'`{s.value}`' for s in Status if GROUPS[s] is group)} |" for group in Group
    ]
    parts.append(
        "## Groups\n\nRules look at these only (C1).\n\n| group | built-in statuses |\n| --- | --- |\n"
        + "\n".join(rows)
    )
    return "\n\n".join(parts) + "\n"
