"""The table: who is told what by which channel, in which text, and as long as it is true."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID


class Channel(StrEnum):
    FEED = "feed"
    EMAIL = "email"
    PUSH = "push"
    #: Costs money for each: only what is urgent and of use on a telephone without the app.
    SMS = "sms"
    #: Only to those who linked the bot.
    TELEGRAM = "telegram"


class Who(StrEnum):
    APPLICANT = "applicant"
    ASSIGNEE = "assignee"
    #: Those responsible for the offering; where it names nobody, the role that works on orders of this kind.
    RESPONSIBLE = "responsible"
    #: The assignee; without one all responsible.
    ASSIGNEE_OR_RESPONSIBLE = "assignee_or_responsible"
    #: The assignee and all responsible.
    INSIDE = "inside"
    FINANCE = "finance"


FEED, EMAIL, PUSH, SMS, TELEGRAM = Channel.FEED, Channel.EMAIL, Channel.PUSH, Channel.SMS, Channel.TELEGRAM
EVERYWHERE = (FEED, EMAIL, PUSH, TELEGRAM)
IN_APP = (FEED, PUSH, TELEGRAM)
NEW = frozenset({"new"})
UNDER_WAY = frozenset({"accepted", "in_work"})
IN_WORK = frozenset({"in_work"})
DONE = frozenset({"done"})
OPEN = NEW | UNDER_WAY
ALIVE = OPEN | DONE
CANCELLED_GROUP = "cancelled"
CANCELLED = frozenset({CANCELLED_GROUP})
ANY = None
#: A message in a chat is told when nobody of the side has read it after this time.
UNREAD = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table.

    Attributes:
        case: which of the events of this type; ANY: those without a line of their own.
        critical: it is urgent, and no preference may hold it back.
        true_in: status groups of the order in which it may still be told; None: always. What happened before is
            not told when a later version of the order says otherwise.
        after: how long it waits before it is looked at, for what may make it needless.
    """

    event: str
    case: str | None
    who: Who
    channels: tuple[Channel, ...]
    template: str
    critical: bool
    true_in: frozenset[str] | None
    after: timedelta = timedelta()


_PLACED = "orders.order.placed.v1"
_STATUS = "orders.order.status_changed.v1"
_CANCELLED = "orders.order.cancelled.v1"
_ASSIGNED = "orders.order.assigned.v1"
_RETURNED = "orders.order.returned.v1"
_OVERDUE = "orders.order.overdue.v1"
_COMPLETED = "orders.order.completed.v1"
_CHANGED = "orders.order.changed.v1"
_DRAFT = "orders.draft.created.v1"
_MOVED = "booking.reservation.rescheduled.v1"
_TICKET = "booking.ticket.issued.v1"
_PASS, _PASS_CODE = "booking.pass.issued.v1", "booking.pass.code_issued.v1"
_ATTACHED, _WITHDRAWN = "booking.pass.attached.v1", "booking.pass.withdrawn.v1"
_CLASS, _NO_CLASS = "booking.class.booked.v1", "booking.class.cancelled.v1"
_CHANGED_CLASS = "booking.class.changed.v1"
_OFFER = "booking.offer.made.v1"
_LINK = "payments.payment.link_created.v1"
_INVOICE = "payments.invoice.activated.v1"
_REFUNDED = "payments.refund.succeeded.v1"
_NOT_REFUNDED = "payments.refund.failed.v1"
_ASKED_BACK = "payments.refund.requested.v1"
_REJECTED = "payments.refund.rejected.v1"
_TOPPED_UP = "payments.account.topped_up.v1"
_INSUFFICIENT = "payments.account.insufficient.v1"
_DIALOG = "chat.dialog.posted.v1"
_MESSAGE = "chat.message.posted.v1"

_START, _HOLD, _UNPAID, _UNRATED = "reminder.start", "reminder.hold", "reminder.invoice", "reminder.rating"
#: The endpoint of a system was switched off; the one who is told is its owner.
_SWITCHED_OFF = "webhook.disabled"

_US = Who.ASSIGNEE_OR_RESPONSIBLE

#: Changes to a cancelled status have no line: `orders.order.cancelled` and the refund's events tell of them, and of
#: the money. Nor has what the reader did themselves. Reminders stand here as if they were events.
RULES: Sequence[Rule] = (
    #    event          case             who              channels    template                     urgent true in
    Rule(_PLACED,       ANY,             Who.RESPONSIBLE, EVERYWHERE, "order_placed",              False, ALIVE),
    Rule(_PLACED,       ANY,             Who.ASSIGNEE,    EVERYWHERE, "order_placed_for_you",      False, ALIVE),
    Rule(_ASSIGNED,     ANY,             Who.ASSIGNEE,    EVERYWHERE, "order_assigned",            False, OPEN),
    Rule(_STATUS,       "confirmed",     Who.APPLICANT,   EVERYWHERE, "order_confirmed",           True,  UNDER_WAY),
    Rule(_STATUS,       "active",        Who.APPLICANT,   IN_APP,     "order_started",             False, IN_WORK),
    Rule(_STATUS,       "awaiting_confirmation",
                                         Who.APPLICANT,   EVERYWHERE, "order_to_confirm",          False, UNDER_WAY),
    Rule(_STATUS,       "ready",         Who.APPLICANT,   EVERYWHERE, "order_ready",               False, UNDER_WAY),
    Rule(_STATUS,       "done",          Who.APPLICANT,   (FEED,),    "order_done",                False, DONE),
    Rule(_STATUS,       ANY,             Who.APPLICANT,   IN_APP,     "order_status",              False, ALIVE),
    Rule(_RETURNED,     ANY,             _US,             EVERYWHERE, "order_returned",            False, UNDER_WAY),
    Rule(_OVERDUE,      "response",      _US,             EVERYWHERE, "order_overdue_response",    False, NEW),
    Rule(_OVERDUE,      "completion",    _US,             EVERYWHERE, "order_overdue_completion",  False, OPEN),
    Rule(_COMPLETED,    ANY,             Who.APPLICANT,   IN_APP,     "order_to_rate",             False, DONE),
    Rule(_CHANGED,      "lines",         Who.APPLICANT,   IN_APP,     "order_changed",             False, OPEN),
    Rule(_CANCELLED,    "nothing_back",  Who.APPLICANT,   EVERYWHERE, "order_cancelled",           True,  CANCELLED),
    Rule(_CANCELLED,    "money_back",    Who.APPLICANT,   EVERYWHERE, "order_cancelled_refunding", True,  CANCELLED),
    Rule(_MOVED,        ANY,             Who.APPLICANT,   (*EVERYWHERE, SMS),
                                                                      "booking_moved",             True,  OPEN),
    Rule(_DRAFT,        "staff",         Who.APPLICANT,   EVERYWHERE, "draft_ready",               False, None),
    Rule(_LINK,         ANY,             Who.APPLICANT,   EVERYWHERE, "payment_link",              True,  NEW),
    Rule(_INVOICE,      ANY,             Who.APPLICANT,   EVERYWHERE, "invoice_to_pay",            True,  ALIVE),
    Rule(_REFUNDED,     ANY,             Who.APPLICANT,   EVERYWHERE, "refund_succeeded",          True,  None),
    Rule(_REJECTED,     ANY,             Who.APPLICANT,   EVERYWHERE, "refund_rejected",           True,  None),
    Rule(_ASKED_BACK,   ANY,             Who.FINANCE,     (FEED,),    "refund_requested",          False, None),
    Rule(_NOT_REFUNDED, ANY,             Who.FINANCE,     (FEED,),    "refund_failed",             True,  None),
    Rule(_TOPPED_UP,    ANY,             Who.APPLICANT,   EVERYWHERE, "account_topped_up",         False, None),
    Rule(_INSUFFICIENT, ANY,             Who.APPLICANT,   EVERYWHERE, "account_insufficient",      True,  OPEN),
    Rule(_DIALOG,       "customer",      Who.RESPONSIBLE, IN_APP,     "dialog_from_customer",      False, None, UNREAD),
    Rule(_DIALOG,       "staff",         Who.APPLICANT,   EVERYWHERE, "dialog_from_staff",         False, None, UNREAD),
    Rule(_MESSAGE,      "customer",      _US,             IN_APP,     "message_from_customer",     False, None, UNREAD),
    Rule(_MESSAGE,      "staff",         Who.APPLICANT,   IN_APP,     "message_from_staff",        False, None, UNREAD),
    Rule(_MESSAGE,      "internal",      Who.INSIDE,      (FEED,),    "message_inside",            False, None),
    Rule(_TICKET,       ANY,             Who.APPLICANT,   (FEED, EMAIL),
                                                                      "ticket_issued",             False, UNDER_WAY),
    Rule(_PASS,         ANY,             Who.APPLICANT,   IN_APP,     "pass_issued",               False, None),
    Rule(_PASS_CODE,    ANY,             Who.APPLICANT,   (EMAIL,),   "pass_code",                 True,  None),
    Rule(_ATTACHED,     ANY,             Who.APPLICANT,   EVERYWHERE, "pass_attached",             False, None),
    Rule(_WITHDRAWN,    ANY,             Who.APPLICANT,   EVERYWHERE, "pass_withdrawn",            True,  None),
    Rule(_CLASS,        ANY,             Who.APPLICANT,   EVERYWHERE, "class_booked",              False, None),
    Rule(_NO_CLASS,     ANY,             Who.APPLICANT,   EVERYWHERE, "class_cancelled",           True,  None),
    Rule(_NO_CLASS,     "class_cancelled",
                                         Who.APPLICANT,   EVERYWHERE, "class_called_off",          True,  None),
    Rule(_CHANGED_CLASS, "time",         Who.APPLICANT,   EVERYWHERE, "class_moved",               True,  None),
    Rule(_CHANGED_CLASS, ANY,            Who.APPLICANT,   EVERYWHERE, "class_changed",             False, None),
    Rule(_OFFER,        ANY,             Who.APPLICANT,   EVERYWHERE, "offer_made",                True,  None),
    Rule(_SWITCHED_OFF, ANY,             Who.APPLICANT,   (FEED, EMAIL),
                                                                      "webhook_disabled",          True,  None),
    Rule(_START,        ANY,             Who.APPLICANT,   EVERYWHERE, "remind_start",              True,  UNDER_WAY),
    Rule(_HOLD,         ANY,             Who.APPLICANT,   (*IN_APP, SMS),
                                                                      "remind_hold",               True,  NEW),
    Rule(_UNPAID,       ANY,             Who.APPLICANT,   EVERYWHERE, "remind_invoice",            False, ALIVE),
    Rule(_UNRATED,      ANY,             Who.APPLICANT,   IN_APP,     "remind_rating",             False, DONE),
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
        order_id: None where it is about no order: a draft, a dialog, an account.
        order_sequence: the order's version in it; None where another service speaks.
        applicant_id: the customer it is about.
        responsible_ids, assignee_id, kind: who works on it.
        actor_id: who did it; they are not told what they did to themselves.
        facts: what the event itself brings to the text.
    """

    event_id: UUID
    event: str
    case: str | None
    order_id: UUID | None
    order_sequence: int | None
    applicant_id: UUID
    facts: Mapping[str, Any]
    responsible_ids: tuple[UUID, ...] = ()
    assignee_id: UUID | None = None
    kind: str = ""
    actor_id: UUID | None = None


def rules_for(happened: Happened) -> list[Rule]:
    """The lines of the table that speak of this event."""
    of_event = [rule for rule in RULES if rule.event == happened.event]
    exact = [rule for rule in of_event if rule.case is not ANY and rule.case == happened.case]
    return exact or [rule for rule in of_event if rule.case is ANY]


_RULE_OF = {rule.template: rule for rule in RULES}


def rule_of(template: str) -> Rule:
    """The line that sends this template; each template has one."""
    return _RULE_OF[template]


def people(rule: Rule, happened: Happened) -> list[UUID]:
    """The persons whom a rule addresses, each once."""
    assignee = [happened.assignee_id] if happened.assignee_id is not None else []
    responsible = list(happened.responsible_ids)
    match rule.who:
        case Who.APPLICANT:
            found = [happened.applicant_id]
        case Who.ASSIGNEE:
            found = assignee
        case Who.RESPONSIBLE:
            # The assignee has a line of their own for a new order.
            found = [person for person in responsible if rule.event != _PLACED or person not in assignee]
        case Who.ASSIGNEE_OR_RESPONSIBLE:
            found = assignee or responsible
        case Who.INSIDE:
            found = assignee + responsible
        case Who.FINANCE:
            found = []
    if rule.who is not Who.APPLICANT:
        # Nor is an applicant told what is said among staff, even when they work here.
        found = [person for person in found if person not in (happened.actor_id, happened.applicant_id)]
    return list(dict.fromkeys(found))


def role(rule: Rule, happened: Happened) -> str | None:
    """The role whose feed a rule writes to where it addresses no person."""
    nobody = not happened.responsible_ids
    match rule.who:
        case Who.RESPONSIBLE if nobody:
            return ROLE_OF_KIND.get(happened.kind, ROLE_OF_UNKNOWN_KIND)
        case Who.ASSIGNEE_OR_RESPONSIBLE | Who.INSIDE if nobody and happened.assignee_id is None:
            return ROLE_OF_KIND.get(happened.kind, ROLE_OF_UNKNOWN_KIND)
        case Who.FINANCE:
            return FINANCE_ROLE
        case _:
            return None


def channels_of(rule: Rule) -> Collection[Channel]:
    """The channels that a delivery is made for; the feed is written at once."""
    return [channel for channel in rule.channels if channel is not Channel.FEED]
