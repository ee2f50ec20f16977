"""An order as it is now: what was asked for, who does it until when, what was paid."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import Any, ClassVar, Literal
from uuid import UUID

from foyer_contracts.money import Money

from ...catalogue.domain import CancellationStep, Kind, cancellation_fee_percent
from .machine import GROUPS, OVER, TAKEN_UP, Group, Status


class Stage(IntEnum):
    """How far the order's reservation is; it only ever grows, whatever order its events come in."""

    NONE = 0
    HELD = 1
    CONFIRMED = 2
    STARTED = 3
    ENDED = 4


MoneyStatus = Literal[
    "not_priced",
    "awaiting_payment",
    "partly_paid",
    "paid",
    "refund_requested",
    "refunding",
    "refund_failed",
    "partly_refunded",
    "refunded",
]
PayerKind = Literal["individual", "company"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it; the system by itself has no id."""

    kind: Literal["customer", "staff", "system"]
    id: UUID | None = None


SYSTEM = Actor("system")


@lru_cache(maxsize=4096)
def money(amount: int, currency: str) -> Money:
    """The same few amounts stand in thousands of orders; each is made and checked once."""
    return Money(amount=amount, currency=currency)


class LineState(StrEnum):
    """What became of a line of goods while it was collected (A28)."""

    PENDING = "pending"
    COLLECTED = "collected"
    REPLACED = "replaced"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Line:
    """`total` = `quantity` × `unit_price`.

    Attributes:
        extra: an addition to what was ordered (A18).
        id, item_id, sku, state: of goods only. A replaced line says in `instead_of` what was ordered.
    """

    title: str
    quantity: int
    unit_price: Money
    total: Money
    extra: bool = False
    id: UUID | None = None
    item_id: UUID | None = None
    sku: str | None = None
    state: LineState | None = None
    instead_of: str | None = None


@dataclass(frozen=True, slots=True)
class Slots:
    """All slots of a resource from `starts_at` up to `ends_at`; of a booking that recurs, its first time.

    Attributes:
        quantity: how many of the equal places of a resource that has several.
        recurrence: the value of an RRULE (RFC 5545), by the wall clock of the location (X5).
        skip: local dates of times that are left out.
        offer_id: the offer that is taken: of a waiting list, or asked for.
    """

    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    quantity: int = 1
    recurrence: str | None = None
    skip: tuple[date, ...] = ()
    offer_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What the offering said when the order was placed; later changes of the offering do not reach it."""

    customer_may_cancel: bool = True
    needs_file: bool = False
    needs_confirmation: bool = True
    auto_close_minutes: int | None = None
    refunds_allowed: bool = False
    cancellation: tuple[CancellationStep, ...] = ()

    def fee(self, paid: int, starts_at: datetime, now: datetime) -> int:
        """What a customer who gives up at `now` what begins at `starts_at` loses of the `paid` minor units (X4),
        rounded half up."""
        percent = cancellation_fee_percent(self.cancellation, starts_at - now)
        return (paid * percent * 2 + 100) // 200


@dataclass(frozen=True, slots=True)
class Invoice:
    """What payments said of an invoice last; states only go on, whatever order their events come in."""

    RANKS: ClassVar[tuple[str, ...]] = ("issued", "activated", "paid", "cancelled")

    number: int
    amount: int
    state: str


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment as the card shows it (A19). `at` is when it got its state, `url` where it can be paid."""

    RANKS: ClassVar[tuple[str, ...]] = ("pending", "failed", "cancelled", "succeeded")

    number: int | None
    amount: int
    method: str | None
    state: str
    at: datetime
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Refund:
    """Money that goes back, or that the client asks for (B6, B22). `reason` is only of a refused request. `bounced`: it
    had succeeded, and the payer's bank sent the money back. `sequence`: of what payments said last; 0 where that was
    not kept.
    """

    RANKS: ClassVar[tuple[str, ...]] = (
        "requested",
        "accepted",
        "rejected",
        "started",
        "failed",
        "succeeded",
        "bounced",
    )

    amount: int
    state: str
    at: datetime
    reason: str | None = None
    sequence: int = 0

    @property
    def has_failed(self) -> bool:
        return self.state in ("failed", "bounced")

    def follows(self, before: "Refund | None") -> bool:
        """Whether this is news, for who knows `before`: a refund that failed may be tried again, so that its states do
        not only go on; where their order was not kept, they do."""
        if before is None:
            return True
        if before.sequence and self.sequence != before.sequence:
            return self.sequence > before.sequence
        return self.RANKS.index(self.state) > self.RANKS.index(before.state)


@dataclass(frozen=True, slots=True)
class Unread:
    """Messages of the order's public thread, counted by chat: written by each side, and seen of the other's."""

    by_customer: int = 0
    by_staff: int = 0
    seen_by_customer: int = 0
    seen_by_staff: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order as it is now.

    Attributes:
        label: the business's own status inside the group, if staff or a rule gave it one (C1).
        wanted: what booking was asked for beside slots: a ticket, a stay or a membership, as in the event; and of
            slots what is not in columns.
        answers: to the offering's form at `offering_version` (A3).
        address, premises_id: where it is to be done, as it was said then.
        total: None until it has a price.
        paid: all that came in, by whatever way; from the account too.
        refund_due: all that was ordered to go back; `refunded`: all that did; `fee`: kept by the cancellation policy.
        reservation: see `Stage`.
        moved_sequence: version of the reservation at which it was last moved to another time.
        places_gone: booking could not give a paid order its places again.
        cancel_reason: why it was cancelled; None while it is not.
        close_when_paid: its time to close by itself came, but it is not paid (B15).
        response_told, completion_told: the due times for which "overdue" was published.
        staff_version: the version at which staff last changed it; `seen_version`: the one the applicant last opened.
    """

    id: UUID
    number: int
    kind: Kind
    offering_id: UUID
    offering_version: int = 1
    offering_title: str
    legal_entity_id: UUID | None = None
    location_id: UUID | None = None
    applicant_id: UUID
    applicant_name: str = ""
    payer_kind: PayerKind
    payer: Mapping[str, str] | None = None
    terms: str
    rules: Rules = Rules()
    responsible_ids: tuple[UUID, ...]
    slots: Slots | None = None
    wanted: Mapping[str, Any] | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)
    premises_id: UUID | None = None
    address: str | None = None
    comment: str | None = None
    extras_as_lines: bool = False
    conversation_id: UUID | None = None
    draft_id: UUID | None = None
    currency: str
    status: Status
    label: str | None = None
    version: int
    created_at: datetime
    updated_at: datetime
    lines: tuple[Line, ...] = ()
    total: Money | None = None
    pay_until: datetime | None = None
    places: Mapping[str, Any] | None = None
    reservation: Stage = Stage.NONE
    moved_sequence: int = 0
    places_gone: bool = False
    paid: int = 0
    refund_due: int = 0
    refunded: int = 0
    refund_failed: bool = False
    fee: int = 0
    invoices: Mapping[UUID, Invoice] = field(default_factory=dict)
    payments: Mapping[UUID, Payment] = field(default_factory=dict)
    refunds: Mapping[UUID, Refund] = field(default_factory=dict)
    costs: int = 0
    costs_sequence: int = 0
    cancel_reason: str | None = None
    assignee_id: UUID | None = None
    respond_by: datetime | None = None
    complete_by: datetime | None = None
    taken_up_at: datetime | None = None
    response_told: datetime | None = None
    completion_told: datetime | None = None
    close_at: datetime | None = None
    close_when_paid: bool = False
    files: int = 0
    rating: int | None = None
    rating_text: str | None = None
    rated_at: datetime | None = None
    unread: Unread = Unread()
    staff_version: int = 0
    seen_version: int = 0

    @property
    def group(self) -> Group:
        return GROUPS[self.status]

    @property
    def prepaid(self) -> bool:
        return self.terms == "prepaid"

    @property
    def is_cancelled(self) -> bool:
        return self.group is Group.CANCELLED

    @property
    def is_over(self) -> bool:
        return self.group in OVER

    @property
    def phone_shown(self) -> bool:
        """B8: staff see the client's phone once the business has taken the order up; for good, then."""
        return self.taken_up_at is not None

    @property
    def is_fully_paid(self) -> bool:
        return self.total is not None and self.paid >= self.total.amount

    @property
    def open_invoices(self) -> int:
        return sum(invoice.state in ("issued", "activated") for invoice in self.invoices.values())

    @property
    def invoiced(self) -> int:
        """B6: the sum of all invoices issued, without those cancelled."""
        return sum(invoice.amount for invoice in self.invoices.values() if invoice.state != "cancelled")

    @property
    def is_money_settled(self) -> bool:
        """B15: nothing is left to be paid; what is to be paid was invoiced, or charged to the account, and paid."""
        if self.terms == "free" or (self.total is not None and self.total.amount == 0):
            return self.open_invoices == 0
        return self.open_invoices == 0 and (
            self.is_fully_paid or any(invoice.state == "paid" for invoice in self.invoices.values())
        )

    @property
    def is_refund_under_way(self) -> bool:
        return self.refund_due > self.refunded or any(item.state == "started" for item in self.refunds.values())

    @property
    def refund_state(self) -> str | None:
        """What the list shows of refunds (B6): `requested`, `processing`, `done` or `failed`; the most urgent."""
        states = {refund.state for refund in self.refunds.values()}
        if self.refund_failed or any(refund.has_failed for refund in self.refunds.values()):
            return "failed"
        if "requested" in states:
            return "requested"
        if self.is_refund_under_way:
            return "processing"
        return "done" if self.refunded else None

    @property
    def refund_amount(self) -> int:
        """What was asked back or went back, whichever is more."""
        asked = sum(item.amount for item in self.refunds.values() if item.state == "requested")
        under_way = sum(item.amount for item in self.refunds.values() if item.state == "started")
        return max(self.refund_due, self.refunded + under_way, asked)

    @property
    def money_status(self) -> MoneyStatus:
        """The state of the order's money, apart from the order's own status."""
        match self.refund_state:
            case "failed":
                return "refund_failed"
            case "requested":
                return "refund_requested"
            case "processing":
                return "refunding"
            case "done":
                return "refunded" if self.refunded + self.fee >= self.paid else "partly_refunded"
        return self._payment_status()

    def _payment_status(self) -> MoneyStatus:
        if self.open_invoices:
            return "partly_paid" if self.paid else "awaiting_payment"
        if any(invoice.state == "paid" for invoice in self.invoices.values()):
            return "paid"
        if self.total is None:
            return "not_priced"
        if self.is_fully_paid:
            return "paid"
        return "partly_paid" if self.paid else "awaiting_payment"

    @property
    def payment_url(self) -> str | None:
        """Where it can be paid now: the page of the newest payment that waits (A12, A22)."""
        if self.is_over and self.status is not Status.DONE:
            return None
        waiting = [item for item in self.payments.values() if item.state == "pending" and item.url]
        return max(waiting, key=lambda item: item.at).url if waiting else None

    @property
    def is_settled(self) -> bool:
        """Nothing more will happen to it without a person: it can be paid, or is cancelled, or goes its way."""
        if self.status is not Status.NEW or self.payment_url is not None:
            return True
        return self.terms in ("postpaid", "free") and self.slots is None and self.wanted is None

    @property
    def starts_at(self) -> datetime | None:
        """When what was booked begins, as far as it is known here: tickets and stays once booking has said it."""
        if self.slots is not None:
            return self.slots.starts_at
        if self.places is not None and "starts_at" in self.places:
            return datetime.fromisoformat(self.places["starts_at"])
        return None

    @property
    def is_unread_by_applicant(self) -> bool:
        """B28: changed, or written to, by staff since the applicant last opened it."""
        return self.staff_version > self.seen_version or self.unread.by_staff > self.unread.seen_by_customer

    @property
    def unread_by_staff(self) -> int:
        return max(0, self.unread.by_customer - self.unread.seen_by_staff)

    @property
    def due_at(self) -> datetime | None:
        """The next instant at which the clock has something to do with it (A10, overdue deadlines)."""
        return min((due for due in (self._response_due, self._completion_due, self.close_at) if due), default=None)

    @property
    def _response_due(self) -> datetime | None:
        pending = self.group in (Group.NEW, Group.WAITING) and self.respond_by != self.response_told
        return self.respond_by if pending else None

    @property
    def _completion_due(self) -> datetime | None:
        pending = not self.is_over and self.group is not Group.REVIEW and self.complete_by != self.completion_told
        return self.complete_by if pending else None

    def overdue(self, now: datetime) -> bool:
        """Whether it is late now: not taken up, or not completed, by its due time."""
        if self.is_over:
            return False
        late_answer = self.taken_up_at is None and self.respond_by is not None and self.respond_by <= now
        return late_answer or (self.complete_by is not None and self.complete_by <= now)

    def money(self, amount: int) -> Money:
        return money(amount, self.currency)

    def fee_for(self, now: datetime, *, by_policy: bool = True) -> int:
        """What is kept if it is cancelled now: what the policy says, each time of a recurring booking by its own notice
        (X4, X5); and the price of those times that have begun."""
        paid = self.paid_above(None)
        if self.times:
            kept = (
                price if starts_at <= now else self.rules.fee(price, starts_at, now) if by_policy else 0
                for starts_at, price in self.times
            )
            return min(paid, sum(kept))
        return self.rules.fee(paid, self.starts_at, now) if by_policy and self.starts_at is not None else 0

    @property
    def times(self) -> list[tuple[datetime, int]]:
        """Beginnings and prices of what is left of a recurring booking; empty for any other."""
        times = (self.places or {}).get("times", ())
        return [(datetime.fromisoformat(item["starts_at"]), item["price"]["amount"]) for item in times]

    def paid_above(self, total: Money | None) -> int:
        """What was paid, neither given back nor kept as a fee, and is more than `total` (nothing, without one)."""
        return max(0, self.paid - self.refund_due - self.fee - (0 if total is None else total.amount))


def taken_up(status: Status) -> bool:
    return GROUPS[status] in TAKEN_UP
