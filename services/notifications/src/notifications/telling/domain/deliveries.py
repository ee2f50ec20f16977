"""When a delivery goes out, waits, or is left.

queued ──▶ sent
  │ ▲────┐
  │ wait, retry
  ├──▶ skipped   (nobody to reach, or no longer true)
  └──▶ failed    (the channel refused, or all attempts are used up)
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from foyer_chassis.errors import ConflictError

from ...order_copies.domain import ConversationCopy, OfferOver, OrderCopy
from ...recipients.domain import Device, DeviceKind, Recipient
from ...texts.domain import TEMPLATES, Message
from .preferences import Wishes
from .rules import Channel, rule_of


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
    order_id: UUID | None
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
    chat_id: int | None = None


#: What a delivery waits for when nothing is missing.
QUIET, BURST = "quiet_hours", "burst"


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet: until it is woken, or looked at again by itself at `until`."""

    waiting_for: str
    until: datetime | None = None


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
        burst: one message to a person by a channel in this time; what comes meanwhile goes out together.
    """

    contact: timedelta
    facts: timedelta
    retries: tuple[timedelta, ...]
    burst: timedelta = timedelta()

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
    chat_id: int | None,
    order: OrderCopy | None,
    conversation: ConversationCopy | None,
    offer_over: OfferOver | None,
    wishes: Wishes,
    last_sent_at: datetime | None,
    patience: Patience,
    now: datetime,
) -> Send | Wait | Skip:
    """What to do with a delivery whose turn it is. `chat_id`: the person's chat with the bot. `offer_over`: how the
    offer that it tells of is over. `last_sent_at`: when this channel last reached the person with something that is not
    critical."""
    facts = {**(order.facts if order else {}), **delivery.facts}
    if offer_over is not None:
        return Skip(f"offer_{offer_over.value}")
    if is_outdated(delivery, order, facts, now):
        return Skip("outdated")
    if conversation is not None and is_read(delivery, conversation):
        return Skip("read")
    if not rule_of(delivery.template).critical:
        if not wishes.wants(delivery.template, delivery.channel):
            return Skip("muted")
        if (until := wishes.quiet_until(now)) is not None:
            return Wait(QUIET, until)
        if last_sent_at is not None and now < last_sent_at + patience.burst:
            return Wait(BURST, last_sent_at + patience.burst)
    waited = now - delivery.created_at
    left = tuple(device for device in devices if device.id not in delivery.reached)
    if delivery.channel is Channel.PUSH and not left and not delivery.reached:
        return Skip("no_device")
    if delivery.channel is Channel.TELEGRAM and chat_id is None:
        return Skip("no_telegram")
    if (unreached := _without_contact(delivery, recipient, waited < patience.contact)) is not None:
        return unreached
    missing = [fact for fact in TEMPLATES[delivery.template].wants if not facts.get(fact)]
    if missing and waited < patience.facts:
        return Wait(",".join(missing))
    return Send(facts, recipient, left, chat_id)


def _without_contact(delivery: Delivery, recipient: Recipient | None, may_come: bool) -> Wait | Skip | None:
    """What to do where an address is needed that is not there, or none."""
    match delivery.channel:
        case Channel.EMAIL:
            known, usable, bad = recipient and recipient.email, recipient and recipient.mailbox, "bad_address"
        case Channel.SMS:
            known, usable, bad = recipient and recipient.phone, recipient and recipient.number, "bad_phone"
        case _:
            return None
    if usable:
        return None
    if known:
        return Skip(bad)
    return Wait("contact") if may_come else Skip("no_contact")


def is_outdated(delivery: Delivery, order: OrderCopy | None, facts: Mapping[str, Any], now: datetime) -> bool:
    """Whether it is no longer true: the order went on, it is paid or rated, or the time to pay is over."""
    true_in = rule_of(delivery.template).true_in
    if delivery.template == "offer_made" and datetime.fromisoformat(facts["pay_until"]) <= now:
        return True
    if order is None or true_in is None:
        return False
    if _is_needless(delivery, order, facts, now):
        return True
    if order.group is None or order.group in true_in:
        return False
    return delivery.order_sequence is None or order.sequence > delivery.order_sequence


def _is_needless(delivery: Delivery, order: OrderCopy, facts: Mapping[str, Any], now: datetime) -> bool:
    """Whether somebody has done it already, or its time is over, whatever the order's status."""
    match delivery.template:
        case "payment_link" | "remind_hold":
            pay_until = facts.get("pay_until")
            return order.paid or (pay_until is not None and datetime.fromisoformat(pay_until) <= now)
        case "invoice_to_pay" | "remind_invoice":
            return bool(order.facts.get(f"invoice:{facts.get('invoice_id')}"))
        case "remind_start":
            places = order.facts.get("places")
            return places is None or datetime.fromisoformat(places["starts_at"]) <= now
        case "order_to_rate" | "remind_rating":
            return bool(order.facts.get("rated"))
        case "order_assigned" | "order_placed_for_you":
            newer = order.assignee_sequence > (delivery.order_sequence or 0)
            return newer and order.assignee_id != delivery.recipient_id
        case _:
            return False


def is_read(delivery: Delivery, conversation: ConversationCopy) -> bool:
    """Whether the side that a chat message is for has read it, or has answered, which is the same."""
    facts = delivery.facts
    to_customer = delivery.template in ("dialog_from_staff", "message_from_staff")
    seen = conversation.customer_seen if to_customer else conversation.staff_seen
    answered = conversation.customer_posted if to_customer else conversation.staff_posted
    written, at_version = int(facts.get("count", seen + 1)), int(facts.get("conversation_sequence", answered))
    return seen >= written or answered > at_version


class NotOverError(ConflictError):
    """Only a notification that failed or was skipped can be sent again; `state` says what this one is."""

    title_en = "It is not over"
    title_ru = "Уведомление ещё в пути или доставлено"


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

    async def send(self, message: Message, *, device: Device, delivery: Delivery, critical: bool) -> None:
        """Returns when it was taken for this device.

        Raises:
            NotNowError, RefusedError, DeviceGoneError
        """


class Sms(Protocol):
    """What sends text messages."""

    async def send(self, message: Message, *, number: str, delivery: Delivery) -> None:
        """Returns when the provider took it for this number (E.164).

        Raises:
            NotNowError, RefusedError
        """


class Chat(Protocol):
    """What writes into the chats of people who linked a bot."""

    async def send(self, message: Message, *, chat_id: int) -> None:
        """Returns when it is in the chat.

        Raises:
            NotNowError, RefusedError, ChatGoneError
        """


class ChatGoneError(RefusedError):
    """The person wants nothing from the bot any more, or the chat is no more."""


@dataclass(frozen=True, slots=True)
class Channels:
    """What carries messages; None, or no entry, where it is not set up."""

    mail: Mail
    push: Mapping[DeviceKind, Push]
    sms: Sms | None = None
    chat: Chat | None = None

    def missing(self, channel: Channel) -> str | None:
        """Why nothing can go out by this channel at all, if so."""
        set_up = {Channel.PUSH: bool(self.push), Channel.SMS: self.sms, Channel.TELEGRAM: self.chat}
        return None if set_up.get(channel, True) else f"{channel.value}_not_configured"


@dataclass
class Attempt:
    """What came of trying the devices (or the one mailbox) of a delivery."""

    reached: list[UUID] = field(default_factory=list)
    gone: list[UUID] = field(default_factory=list)
    gone_chat: int | None = None
    refused: str | None = None
    not_now: NotNowError | None = None


def settled(delivery: Delivery, attempt: Attempt) -> tuple[State, str | None]:
    """The state after an attempt: sent when anything reached the person and nothing is left to try."""
    if attempt.not_now is not None:
        return State.QUEUED, attempt.not_now.reason
    if attempt.reached or delivery.reached or attempt.refused is None:
        return State.SENT, None
    return State.FAILED, attempt.refused
