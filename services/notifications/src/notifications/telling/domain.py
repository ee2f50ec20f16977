"""Who is told what by which channel, and when a delivery goes out, waits, or is left.

queued ──▶ sent
  │ ▲────┐
  │ wait, retry
  ├──▶ skipped   (nobody to reach, or no longer true)
  └──▶ failed    (the channel refused, or all attempts are used up)
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Protocol
from uuid import UUID

from ..order_copies.domain import OrderCopy
from ..recipients.domain import Device, Recipient
from ..texts.domain import TEMPLATES, Message


class Channel(StrEnum):
    FEED = "feed"
    EMAIL = "email"
    PUSH = "push"


class Who(StrEnum):
    APPLICANT = "applicant"
    #: Those responsible for the offering; where it names nobody, the role that works on orders of this kind.
    RESPONSIBLE = "responsible"
    FINANCE = "finance"


FEED, EMAIL, PUSH = Channel.FEED, Channel.EMAIL, Channel.PUSH
EVERYWHERE = (FEED, EMAIL, PUSH)
NEW = frozenset({"new"})
UNDER_WAY = frozenset({"accepted", "in_work"})
IN_WORK = frozenset({"in_work"})
DONE = frozenset({"done"})
ALIVE = NEW | UNDER_WAY | DONE
CANCELLED_GROUP = "cancelled"
CANCELLED = frozenset({CANCELLED_GROUP})
ANY = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table.

    Attributes:
        case: which of the events of this type; ANY: those without a line of their own.
        critical: it is urgent, and no preference may hold it back.
        true_in: status groups of the order in which it may still be told; None: always. What happened before is
            not told when a later version of the order says otherwise.
    """

    event: str
    case: str | None
    who: Who
    channels: tuple[Channel, ...]
    template: str
    critical: bool
    true_in: frozenset[str] | None


_PLACED = "orders.order.placed.v1"
_STATUS = "orders.order.status_changed.v1"
_CANCELLED = "orders.order.cancelled.v1"
_LINK = "payments.payment.link_created.v1"
_REFUNDED = "payments.refund.succeeded.v1"
_NOT_REFUNDED = "payments.refund.failed.v1"

#: Changes to a cancelled status have no line: `orders.order.cancelled` and the refund's events tell of them, and of
#: the money.
RULES: Sequence[Rule] = (
    #    event          case             who              channels      template                     critical  true in
    Rule(_PLACED,       ANY,             Who.RESPONSIBLE, EVERYWHERE,   "order_placed",              False, ALIVE),
    Rule(_LINK,         ANY,             Who.APPLICANT,   EVERYWHERE,   "payment_link",              True,  NEW),
    Rule(_STATUS,       "confirmed",     Who.APPLICANT,   EVERYWHERE,   "order_confirmed",           True,  UNDER_WAY),
    Rule(_STATUS,       "active",        Who.APPLICANT,   (FEED, PUSH), "order_started",             False, IN_WORK),
    Rule(_STATUS,       "done",          Who.APPLICANT,   (FEED,),      "order_done",                False, DONE),
    Rule(_STATUS,       ANY,             Who.APPLICANT,   (FEED, PUSH), "order_status",              False, ALIVE),
    Rule(_CANCELLED,    "nothing_back",  Who.APPLICANT,   EVERYWHERE,   "order_cancelled",           True,  CANCELLED),
    Rule(_CANCELLED,    "money_back",    Who.APPLICANT,   EVERYWHERE,   "order_cancelled_refunding", True,  CANCELLED),
    Rule(_REFUNDED,     ANY,             Who.APPLICANT,   EVERYWHERE,   "refund_succeeded",          True,  None),
    Rule(_NOT_REFUNDED, ANY,             Who.FINANCE,     (FEED,),      "refund_failed",             True,  None),
)  # fmt: skip

#: Roles as the tokens name them, by kind of order.
ROLE_OF_KIND: Mapping[str, str] = MappingProxyType(
    {
        "request": "service_manager",
        "premises_request": "service_manager",
        "slot_booking": "rent_manager",
        "coworking": "rent_manager",
        "hotel": "rent_manager",
        "goods": "shop_manager",
        "membership": "front_desk",
    }
)
ROLE_OF_UNKNOWN_KIND = "administrator"
FINANCE_ROLE = "finance"


@dataclass(frozen=True, slots=True)
class Happened:
    """An event as far as the table and the texts care.

    Attributes:
        order_sequence: the order's version in it; None where another service speaks.
        responsible_ids, kind: only of a new order.
        facts: what the event itself brings to the text.
    """

    event_id: UUID
    event: str
    case: str | None
    order_id: UUID
    order_sequence: int | None
    applicant_id: UUID
    facts: Mapping[str, Any]
    responsible_ids: tuple[UUID, ...] = ()
    kind: str = ""


def rules_for(happened: Happened) -> list[Rule]:
    """The lines of the table that speak of this event."""
    of_event = [rule for rule in RULES if rule.event == happened.event]
    exact = [rule for rule in of_event if rule.case is not ANY and rule.case == happened.case]
    return exact or [rule for rule in of_event if rule.case is ANY]


def rule_of(template: str) -> Rule:
    """The line that sends this template; each template has one."""
    return next(rule for rule in RULES if rule.template == template)


def people(rule: Rule, happened: Happened) -> list[UUID]:
    """The persons whom a rule addresses."""
    match rule.who:
        case Who.APPLICANT:
            return [happened.applicant_id]
        case Who.RESPONSIBLE:
            return list(dict.fromkeys(happened.responsible_ids))
        case Who.FINANCE:
            return []


def role(rule: Rule, happened: Happened) -> str | None:
    """The role whose feed a rule writes to where it addresses no person."""
    match rule.who:
        case Who.RESPONSIBLE if not happened.responsible_ids:
            return ROLE_OF_KIND.get(happened.kind, ROLE_OF_UNKNOWN_KIND)
        case Who.FINANCE:
            return FINANCE_ROLE
        case _:
            return None


class State(StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event told to one person by one channel.

    Attributes:
        reached: devices that have it already; a further attempt leaves them out.
        attempts: how often the channel was tried.
        due_at: when it is looked at next.
        waiting_for: the facts it waits for, or `contact`; None while it only waits its turn.
        version: +1 with every change; a worker whose claim ran out finds another version and leaves it.
    """

    id: UUID
    event_id: UUID
    recipient_id: UUID
    channel: Channel
    template: str
    facts: Mapping[str, Any]
    order_id: UUID
    order_sequence: int | None
    state: State
    reason: str | None
    attempts: int
    created_at: datetime
    due_at: datetime
    finished_at: datetime | None
    version: int
    reached: tuple[UUID, ...] = ()
    waiting_for: str | None = None
    traceparent: str | None = None

    @property
    def caused_by(self) -> str:
        """Id of the event that it tells of."""
        return str(self.event_id)


@dataclass(frozen=True, slots=True)
class Send:
    """Send it now. `facts` are all that is known for its text."""

    facts: Mapping[str, Any]
    recipient: Recipient | None
    devices: tuple[Device, ...] = ()


@dataclass(frozen=True, slots=True)
class Wait:
    waiting_for: str


@dataclass(frozen=True, slots=True)
class Skip:
    reason: str


@dataclass(frozen=True, slots=True)
class Patience:
    """How long deliveries wait, and how often they are tried.

    Attributes:
        contact: for an address, since the delivery was made.
        facts: for what the text wants.
        retries: pause before each further attempt.
    """

    contact: timedelta
    facts: timedelta
    retries: tuple[timedelta, ...]

    #: Between looks at a delivery that waits; what it waits for wakes it sooner.
    LOOK_AGAIN = timedelta(seconds=2)
    LONGEST_RETRY_AFTER = timedelta(minutes=10)

    def retry(self, attempts: int, asked: timedelta | None) -> timedelta | None:
        """The pause after this many attempts, at least as long as the channel asked for; None: no more attempts."""
        if attempts > len(self.retries):
            return None
        pause = self.retries[attempts - 1]
        return max(pause, min(asked, self.LONGEST_RETRY_AFTER)) if asked is not None else pause


def decide(
    delivery: Delivery,
    *,
    recipient: Recipient | None,
    devices: Iterable[Device],
    order: OrderCopy | None,
    patience: Patience,
    now: datetime,
) -> Send | Wait | Skip:
    """What to do with a delivery whose turn it is."""
    facts = {**(order.facts if order else {}), **delivery.facts}
    if is_outdated(delivery, order, facts, now):
        return Skip("outdated")
    waited = now - delivery.created_at
    left = tuple(device for device in devices if device.id not in delivery.reached)
    if delivery.channel is Channel.PUSH and not left and not delivery.reached:
        return Skip("no_device")
    if delivery.channel is Channel.EMAIL and (recipient is None or recipient.mailbox is None):
        if waited < patience.contact and (recipient is None or recipient.email is None):
            return Wait("contact")
        return Skip("bad_address" if recipient is not None and recipient.email else "no_contact")
    missing = [fact for fact in TEMPLATES[delivery.template].wants if not facts.get(fact)]
    if missing and waited < patience.facts:
        return Wait(",".join(missing))
    return Send(facts, recipient, left)


def is_outdated(delivery: Delivery, order: OrderCopy | None, facts: Mapping[str, Any], now: datetime) -> bool:
    """Whether it is no longer true: the order went on, or the time to pay is over."""
    rule = rule_of(delivery.template)
    if order is None or rule.true_in is None:
        return False
    if delivery.template == "payment_link":
        pay_until = facts.get("pay_until")
        if order.paid or (pay_until is not None and datetime.fromisoformat(pay_until) <= now):
            return True
    if order.group is None or order.group in rule.true_in:
        return False
    return delivery.order_sequence is None or order.sequence > delivery.order_sequence


class NotNowError(Exception):
    """The channel cannot take it now, or we do not know whether it did. `retry_after`: when it asked to come again."""

    def __init__(self, reason: str, retry_after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class RefusedError(Exception):
    """The channel will never take it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DeviceGoneError(RefusedError):
    """The app on this device is no longer registered."""


class Mail(Protocol):
    """What sends emails."""

    async def send(self, message: Message, *, mailbox: str, delivery_id: UUID) -> None:
        """Returns when the server took it.

        Raises:
            NotNowError, RefusedError
        """


class Push(Protocol):
    """What sends push messages."""

    async def send(self, message: Message, *, token: str, delivery: Delivery, critical: bool) -> None:
        """Returns when it was taken for this device.

        Raises:
            NotNowError, RefusedError, DeviceGoneError
        """


@dataclass
class Attempt:
    """What came of trying the devices (or the one mailbox) of a delivery."""

    reached: list[UUID] = field(default_factory=list)
    gone: list[UUID] = field(default_factory=list)
    refused: str | None = None
    not_now: NotNowError | None = None


def settled(delivery: Delivery, attempt: Attempt) -> tuple[State, str | None]:
    """The state after an attempt: sent when anything reached the person and nothing is left to try."""
    if attempt.not_now is not None:
        return State.QUEUED, attempt.not_now.reason
    if attempt.reached or delivery.reached or attempt.refused is None:
        return State.SENT, None
    return State.FAILED, attempt.refused


def channels_of(rule: Rule) -> Collection[Channel]:
    """The channels that a delivery is made for; the feed is written at once."""
    return [channel for channel in rule.channels if channel is not Channel.FEED]
