"""The life of an order: one table of transitions, and what the order makes of what it hears.

    new ──settle──▶ confirmed ──start──▶ active ──end──▶ done
     │                  │ ▲                 │              │
     │                  │ └─settle─┐        │              │
     └──────────────────┴──cancel──┼────────┴──────────────┘
                                   │
        nothing paid: cancelled ───┘ (only where the hold had expired: late money, and the places could be had again)
        paid: cancelled_refunding ──refunded──▶ cancelled_refunded

An order hears from booking and payments, whose events overtake each other. So it keeps what each of them last said
(`reservation`, `paid`, `refunded`) and settles: any order of arrival ends in the same status.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum, StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Literal
from uuid import UUID

from foyer_chassis.errors import ConflictError, InvalidError
from foyer_contracts.money import Money


class Status(StrEnum):
    NEW = "new"
    CONFIRMED = "confirmed"
    ACTIVE = "active"
    DONE = "done"
    CANCELLED = "cancelled"
    CANCELLED_REFUNDING = "cancelled_refunding"
    CANCELLED_REFUNDED = "cancelled_refunded"


class Verb(StrEnum):
    SETTLE = "settle"
    START = "start"
    END = "end"
    CANCEL = "cancel"
    CANCEL_PAID = "cancel_paid"
    REFUNDED = "refunded"


#: The groups of C1; rules of other services look at these.
GROUPS: Mapping[Status, str] = MappingProxyType(
    {
        Status.NEW: "new",
        Status.CONFIRMED: "accepted",
        Status.ACTIVE: "in_work",
        Status.DONE: "done",
        Status.CANCELLED: "cancelled",
        Status.CANCELLED_REFUNDING: "cancelled",
        Status.CANCELLED_REFUNDED: "cancelled",
    }
)

#: Status × verb → status. A25: cancelling is possible in every status but a cancelled one. `cancel_paid` is
#: cancelling with money to give back, and also money that comes in for what is already cancelled.
TRANSITIONS: Mapping[tuple[Status, Verb], Status] = MappingProxyType(
    {
        (Status.NEW, Verb.SETTLE): Status.CONFIRMED,
        (Status.CANCELLED, Verb.SETTLE): Status.CONFIRMED,
        (Status.CONFIRMED, Verb.START): Status.ACTIVE,
        (Status.ACTIVE, Verb.END): Status.DONE,
        (Status.NEW, Verb.CANCEL): Status.CANCELLED,
        (Status.CONFIRMED, Verb.CANCEL): Status.CANCELLED,
        (Status.ACTIVE, Verb.CANCEL): Status.CANCELLED,
        (Status.DONE, Verb.CANCEL): Status.CANCELLED,
        (Status.NEW, Verb.CANCEL_PAID): Status.CANCELLED_REFUNDING,
        (Status.CONFIRMED, Verb.CANCEL_PAID): Status.CANCELLED_REFUNDING,
        (Status.ACTIVE, Verb.CANCEL_PAID): Status.CANCELLED_REFUNDING,
        (Status.DONE, Verb.CANCEL_PAID): Status.CANCELLED_REFUNDING,
        (Status.CANCELLED, Verb.CANCEL_PAID): Status.CANCELLED_REFUNDING,
        (Status.CANCELLED_REFUNDING, Verb.CANCEL_PAID): Status.CANCELLED_REFUNDING,
        (Status.CANCELLED_REFUNDED, Verb.CANCEL_PAID): Status.CANCELLED_REFUNDING,
        (Status.CANCELLED_REFUNDING, Verb.REFUNDED): Status.CANCELLED_REFUNDED,
    }
)


class Stage(IntEnum):
    """How far the order's reservation is; it only ever grows, whatever order its events come in."""

    NONE = 0
    HELD = 1
    CONFIRMED = 2
    STARTED = 3
    ENDED = 4


MoneyStatus = Literal["not_priced", "awaiting_payment", "partly_paid", "paid", "refunding", "refund_failed", "refunded"]

HOLD_EXPIRED = "hold_expired"
CUSTOMER_REQUEST = "customer_request"
STAFF_DECISION = "staff_decision"


class CannotBeCancelledError(ConflictError):
    """The order is cancelled already, or its offering does not let customers cancel."""

    title_en = "The order cannot be cancelled"
    title_ru = "Заказ нельзя отменить"


class ReasonNeededError(InvalidError):
    """Say why in `comment`: the customer is told."""

    title_en = "A reason is needed"
    title_ru = "Укажите причину"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it; the system by itself has no id."""

    kind: Literal["customer", "staff", "system"]
    id: UUID | None = None


SYSTEM = Actor("system")


@dataclass(frozen=True, slots=True)
class Line:
    title: str
    quantity: int
    unit_price: Money
    total: Money


@lru_cache(maxsize=4096)
def money(amount: int, currency: str) -> Money:
    """The same few amounts stand in thousands of orders; each is made and checked once."""
    return Money(amount=amount, currency=currency)


@dataclass(frozen=True, slots=True)
class Slots:
    resource_id: UUID
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it is now.

    Attributes:
        total: None until booking has priced it.
        paid: all that came in.
        refund_due: all that was ordered to go back; `refunded`: all that did.
        reservation: see `Stage`.
        cancel_reason: why it was cancelled; None while it is not.
        places_gone: booking could not give a paid order its places again.
    """

    id: UUID
    number: int
    kind: str
    offering_id: UUID
    offering_title: str
    applicant_id: UUID
    payer_kind: Literal["individual", "company"]
    prepaid: bool
    customer_may_cancel: bool
    responsible_ids: tuple[UUID, ...]
    slots: Slots
    comment: str | None
    currency: str
    status: Status
    version: int
    created_at: datetime
    updated_at: datetime
    lines: tuple[Line, ...] = ()
    total: Money | None = None
    pay_until: datetime | None = None
    places: Mapping[str, str] | None = None
    reservation: Stage = Stage.NONE
    places_gone: bool = False
    paid: int = 0
    refund_due: int = 0
    refunded: int = 0
    refund_failed: bool = False
    payment_url: str | None = None
    invoice_number: int | None = None
    cancel_reason: str | None = None

    @property
    def is_cancelled(self) -> bool:
        return GROUPS[self.status] == "cancelled"

    @property
    def is_fully_paid(self) -> bool:
        return self.total is not None and self.paid >= self.total.amount

    @property
    def money_status(self) -> MoneyStatus:
        """The state of the order's money, apart from the order's own status."""
        if self.refund_due:
            if self.refund_failed:
                return "refund_failed"
            return "refunded" if self.refunded >= self.refund_due else "refunding"
        if self.total is None:
            return "not_priced"
        if self.is_fully_paid:
            return "paid"
        return "partly_paid" if self.paid else "awaiting_payment"

    @property
    def is_settled(self) -> bool:
        """Nothing more will happen to it without a person: it can be paid, or is cancelled, or goes its way."""
        return self.status is not Status.NEW or self.payment_url is not None

    def money(self, amount: int) -> Money:
        return money(amount, self.currency)

    def may_be_cancelled_by(self, actor: Actor) -> bool:
        """A25: by staff in every status but a cancelled one, by the customer where the offering allows and before it
        is done."""
        if self.is_cancelled:
            return False
        return actor.kind != "customer" or (self.customer_may_cancel and self.status is not Status.DONE)


@dataclass(frozen=True, slots=True)
class StatusChanged:
    before: Status
    after: Status
    reason: str | None
    note: str | None
    actor: Actor


@dataclass(frozen=True, slots=True)
class Priced:
    pass


@dataclass(frozen=True, slots=True)
class Cancelled:
    """`refund` is what is to go back because of this, beyond what was ordered to go back before."""

    reason: str
    refund: Money
    actor: Actor


Happened = StatusChanged | Priced | Cancelled


@dataclass(frozen=True, slots=True)
class Change:
    """An order after a change, and what happened, in order. Unchanged orders come back as they were."""

    order: Order
    happened: tuple[Happened, ...] = ()

    def then(self, following: "Change") -> "Change":
        return Change(following.order, self.happened + following.happened)


def _go(
    order: Order, verb: Verb, *, actor: Actor = SYSTEM, reason: str | None = None, note: str | None = None
) -> Change:
    after = TRANSITIONS.get((order.status, verb))
    if after is None or after is order.status:
        return Change(order)
    return Change(replace(order, status=after), (StatusChanged(order.status, after, reason, note, actor),))


def _settle(order: Order) -> Change:
    """Bring the status up to what booking and payments have said."""
    change = Change(order)
    places = order.reservation >= Stage.CONFIRMED
    undecided = order.status in (Status.NEW, Status.CANCELLED) and order.cancel_reason in (None, HOLD_EXPIRED)
    if undecided and places and (order.is_fully_paid or not order.prepaid):
        change = _go(replace(order, cancel_reason=None), Verb.SETTLE)
    if order.reservation >= Stage.STARTED:
        change = change.then(_go(change.order, Verb.START))
    if order.reservation is Stage.ENDED:
        change = change.then(_go(change.order, Verb.END))
    return change


def _cancel(order: Order, reason: str, *, actor: Actor = SYSTEM, note: str | None = None) -> Change:
    """Cancel, or go on cancelling: whatever was paid and is not yet ordered back goes back."""
    refund = order.paid - order.refund_due
    cancelled = replace(order, cancel_reason=reason, refund_due=order.refund_due + refund, payment_url=None)
    verb = Verb.CANCEL_PAID if refund else Verb.CANCEL
    change = _go(cancelled, verb, actor=actor, reason=reason, note=note)
    return Change(change.order, (*change.happened, Cancelled(reason, order.money(refund), actor)))


def cancel(order: Order, actor: Actor, *, reason: str, note: str | None) -> Change:
    """A person cancels (A25, A27, B14).

    Raises:
        ReasonNeededError: staff say no reason (B14).
        CannotBeCancelledError: it is cancelled already, or a customer may not.
    """
    if actor.kind == "staff" and not (note or "").strip():
        raise ReasonNeededError(field="comment")
    if not order.may_be_cancelled_by(actor):
        raise CannotBeCancelledError(state={"status": order.status.value, "version": order.version})
    return _cancel(order, reason, actor=actor, note=note)


def places_held(
    order: Order, *, lines: tuple[Line, ...], total: Money, pay_until: datetime, places: Mapping[str, str]
) -> Change:
    """Booking took the places: the price is known. An order cancelled meanwhile stays so; booking hears of it too."""
    if order.total is not None or order.is_cancelled:
        return Change(order)
    priced = replace(
        order,
        lines=lines,
        total=total,
        currency=total.currency,
        pay_until=pay_until,
        places=places,
        reservation=max(order.reservation, Stage.HELD),
    )
    return Change(priced, (Priced(),)).then(_settle(priced))


def places_unavailable(order: Order, *, reason: str, late: bool) -> Change:
    """The places cannot be had; `late`: not again, for money that came after the hold had expired."""
    if not late:
        return _cancel(order, reason) if order.status is Status.NEW else Change(order)
    if order.status is not Status.NEW and order.cancel_reason != HOLD_EXPIRED:
        return Change(order)
    gone = replace(order, places_gone=True)
    if gone.paid == 0:
        # The money is on its way here by another road; it goes back when it arrives (`money_received`).
        if gone.status is Status.NEW:
            return _cancel(gone, reason)
        return Change(replace(gone, cancel_reason=reason))
    return _cancel(gone, reason)


def hold_expired(order: Order) -> Change:
    """Not paid in time (journey 2). If all is paid by now, booking decides about the places and tells."""
    if order.status is not Status.NEW or order.is_fully_paid or order.reservation >= Stage.CONFIRMED:
        return Change(order)
    return _cancel(order, HOLD_EXPIRED)


def reservation_advanced(order: Order, stage: Stage, places: Mapping[str, str] | None = None) -> Change:
    """The reservation is confirmed, started or ended."""
    if stage <= order.reservation:
        return Change(order)
    return _settle(replace(order, reservation=stage, places=places or order.places))


def money_received(order: Order, amount: Money) -> Change:
    """Money came in. For an order that is cancelled for good it goes back; for one whose hold had expired, booking
    decides first."""
    paid = replace(order, paid=order.paid + amount.amount)
    if paid.is_cancelled and paid.cancel_reason != HOLD_EXPIRED:
        return _cancel(paid, paid.cancel_reason or CUSTOMER_REQUEST)
    if paid.places_gone:
        return _cancel(paid, paid.cancel_reason or "places_taken")
    return _settle(paid)


def money_returned(order: Order, amount: Money) -> Change:
    """A refund went through at the provider."""
    total = order.refunded + amount.amount
    refunded = replace(order, refunded=total, refund_due=max(order.refund_due, total), refund_failed=False)
    if refunded.refunded >= refunded.refund_due:
        return _go(refunded, Verb.REFUNDED, reason=refunded.cancel_reason)
    return Change(refunded)


def refund_failed(order: Order) -> Change:
    """The provider would not give it back after all attempts: a person must look (journey 5)."""
    return Change(replace(order, refund_failed=True))


def invoice_issued(order: Order, number: int) -> Change:
    return Change(replace(order, invoice_number=number))


def link_created(order: Order, url: str) -> Change:
    return Change(order if order.is_cancelled else replace(order, payment_url=url))


def link_gone(order: Order) -> Change:
    return Change(replace(order, payment_url=None))
