"""A payment of an invoice at a payment provider, and what the service needs such a provider to do.

`watched` is a payment that was cancelled here while the provider could still take the money: people see it as
cancelled, we go on asking until the provider has said its last word, since money may come late.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, Protocol
from uuid import UUID

from foyer_chassis.errors import ConflictError, InvalidError
from foyer_contracts.money import Money

#: NOTIFY channel on which a process tells the workers which loop has something to do.
WAKE_CHANNEL = "foyer_payments_due"
CREATE = "create"
CHECK = "check"


class PaymentStateError(ConflictError):
    """The payment is in a state that does not allow this."""

    title_en = "The payment's state does not allow this"
    title_ru = "Состояние платежа этого не позволяет"


class Status(StrEnum):
    CREATING = "creating"
    PENDING = "pending"
    WATCHED = "watched"
    SUCCEEDED = "succeeded"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Verb(StrEnum):
    """What can happen: `open`, `succeed`, `refuse`, `expire` are the provider's word; `withdraw` is our cancellation
    before the provider was ever asked, `cancel` our cancellation after that."""

    OPEN = "open"
    SUCCEED = "succeed"
    REFUSE = "refuse"
    EXPIRE = "expire"
    WITHDRAW = "withdraw"
    CANCEL = "cancel"


TRANSITIONS: dict[tuple[Status, Verb], Status] = {
    (Status.CREATING, Verb.OPEN): Status.PENDING,
    (Status.CREATING, Verb.SUCCEED): Status.SUCCEEDED,
    (Status.CREATING, Verb.REFUSE): Status.FAILED,
    (Status.CREATING, Verb.EXPIRE): Status.CANCELLED,
    (Status.CREATING, Verb.WITHDRAW): Status.CANCELLED,
    (Status.CREATING, Verb.CANCEL): Status.WATCHED,
    (Status.PENDING, Verb.SUCCEED): Status.SUCCEEDED,
    (Status.PENDING, Verb.REFUSE): Status.FAILED,
    (Status.PENDING, Verb.EXPIRE): Status.CANCELLED,
    (Status.PENDING, Verb.CANCEL): Status.WATCHED,
    (Status.WATCHED, Verb.OPEN): Status.WATCHED,
    (Status.WATCHED, Verb.SUCCEED): Status.SUCCEEDED,
    (Status.WATCHED, Verb.REFUSE): Status.CANCELLED,
    (Status.WATCHED, Verb.EXPIRE): Status.CANCELLED,
}
FINAL = frozenset({Status.SUCCEEDED, Status.CANCELLED, Status.FAILED})


def move(status: Status, verb: Verb) -> Status:
    """Raises PaymentStateError: there is no such arrow."""
    try:
        return TRANSITIONS[status, verb]
    except KeyError:
        raise PaymentStateError(state=status.value, verb=verb.value) from None


#: A provider keeps an idempotence key for 24 hours. One older than this is not trusted to find the first answer again.
KEY_TRUSTED_FOR = timedelta(hours=23)

#: Ways to pay that no payment provider takes part in: staff take it, or it comes off the customer's account.
DESK = "desk"
BALANCE = "balance"
OWN_WAYS = frozenset({DESK, BALANCE})
#: The way that a saved card pays by.
BANK_CARD = "bank_card"


@dataclass(frozen=True, slots=True)
class Choice:
    """What the payer chose (B20); the card itself is entered at the provider only.

    Attributes:
        email: where the receipt goes.
        way: one of the provider's, as `bank_card`; None: the payer chooses at the provider.
        save_card: the provider is to keep the card for later payments.
        card_token: the provider's token of a card that was kept.
    """

    email: str | None = field(default=None, repr=False)
    way: str | None = None
    save_card: bool = False
    card_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Payment:
    """One attempt to have an invoice paid.

    Attributes:
        order_id: None for money that goes into an account and is tied to no order.
        provider_payment_id: None until the provider's answer to the creation is known.
        amount: what it is to bring for the invoice; the payer is asked for `charged`.
        surcharge: the commission that the payer pays on top (D4).
        received: what came in for the invoice; None unless succeeded.
        refund_reserved: how much of that was promised back, whether or not it went already.
        surcharge_reserved: the same of the surcharge.
        disputed: how much of the rest the payer disputes with their bank, or has won there.
        part: its number among those of the order that came in (A19); None before, and of top-ups.
        source: account of the ledger that the money comes to.
        receipt: what the provider is told for the receipt (X6), as `receipts.receipt` makes it.
        attempts: how often the provider was asked to create it.
        next_at: when to ask the provider about it; None when its last word is known.
        hinted_at: when a webhook last said that something happened.
    """

    id: UUID
    invoice_id: UUID
    order_id: UUID | None
    applicant_id: UUID
    provider: str
    provider_payment_id: str | None
    description: str
    amount: Money
    surcharge: Money
    received: Money | None
    refund_reserved: Money
    surcharge_reserved: Money
    disputed: Money
    part: int | None
    choice: Choice
    receipt: dict[str, Any] | None
    source: str
    taken_by: UUID | None
    status: Status
    link: str | None
    method: str | None
    reason: str | None
    attempts: int
    next_at: datetime | None
    hinted_at: datetime | None
    created_at: datetime
    paid_at: datetime | None
    caused_by: str | None
    traceparent: str | None
    version: int

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    def might_charge_twice(self, now: datetime) -> bool:
        """Whether asking for it again might charge a saved card a second time: the key of the first attempt may be
        forgotten. A page that is made twice does no harm, since nobody has seen the first one."""
        return self.choice.card_token is not None and self.attempts > 1 and now - self.created_at > KEY_TRUSTED_FOR

    @property
    def charged(self) -> Money:
        """What the payer is asked for."""
        return self.amount + self.surcharge

    @property
    def refundable(self) -> Money:
        return (self.received or Money.zero(self.amount.currency)) - self.refund_reserved - self.disputed

    def surcharge_share(self, amount: Money) -> Money:
        """What of the surcharge goes back with `amount` more: in proportion, rounded down; with the last of it, all."""
        received = self.received or self.amount
        reserved = self.refund_reserved + amount
        due = self.surcharge.amount * reserved.amount // received.amount if received.amount else 0
        return Money(amount=due, currency=amount.currency) - self.surcharge_reserved

    def moved(self, verb: Verb, *, reason: str | None = None) -> "Payment":
        """Raises PaymentStateError."""
        status = move(self.status, verb)
        return replace(
            self,
            status=status,
            reason=reason or self.reason,
            link=self.link if status is Status.PENDING else None,
            next_at=None if status in FINAL else self.next_at,
            version=self.version + 1,
        )

    def cancel(self, reason: str) -> "Payment":
        """We want it no more. It stays watched if the provider may know of it. Raises PaymentStateError."""
        never_asked = self.status is Status.CREATING and self.attempts == 0
        return self.moved(Verb.WITHDRAW if never_asked else Verb.CANCEL, reason=reason)


class PartRefusedError(InvalidError):
    """After a part payment, what remains must be nothing, or not less than the smallest remainder."""

    title_en = "This amount cannot be taken"
    title_ru = "Такую сумму принять нельзя"


def check_part(amount: Money, remainder: Money, smallest_remainder: int) -> None:
    """Whether `amount` may be taken of what remains (A21); `smallest_remainder` in minor units.

    Raises:
        PartRefusedError: with `accepted`: the whole remainder (`exactly`), or anything up to `at_most`, if that is set.
    """
    most = remainder.amount - smallest_remainder
    if amount == remainder or (amount.currency == remainder.currency and 0 < amount.amount <= most):
        return
    raise PartRefusedError(
        field="amount",
        accepted={
            "exactly": remainder.model_dump(),
            "at_most": Money(amount=most, currency=remainder.currency).model_dump() if most > 0 else None,
        },
    )


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a payment is looked at that no webhook speaks of: at half its age, within bounds."""

    first: timedelta
    longest: timedelta

    def after(self, age: timedelta) -> timedelta:
        return min(max(self.first, age / 2), self.longest)


# What the provider must do


class ProviderRefusedError(Exception):
    """The provider definitely did not do it, and the same request would be refused again."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ProviderUnclearError(Exception):
    """Whether the provider did it is not known, or it cannot do it now: ask again with the same key."""

    def __init__(self, reason: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A card that the provider keeps: its token, and how people recognise it ("Mir *4477")."""

    token: str = field(repr=False)
    title: str


@dataclass(frozen=True, slots=True)
class ProviderPayment:
    """A payment as the provider knows it.

    Attributes:
        our_id: id of ours that came back in its metadata; None: it is not a payment of this service.
        status: `reserved` is money held and not taken, which a one-stage payment only passes through.
        amount: what was asked for or, once succeeded, taken.
        reason: why it was cancelled, in the provider's own word; `expired` tells whether that was by time alone.
    """

    id: str
    our_id: UUID | None
    status: Literal["pending", "reserved", "succeeded", "cancelled"]
    amount: Money
    link: str | None = None
    method: str | None = None
    paid_at: datetime | None = None
    reason: str | None = None
    expired: bool = False
    saved: SavedMethod | None = None


class PaymentProvider(Protocol):
    """All methods raise ProviderRefusedError or ProviderUnclearError, and nothing else that is foreseeable."""

    async def create_payment(self, payment: Payment) -> ProviderPayment:
        """Make a page where it can be paid. Asked again for the same payment, answers the same one."""

    async def get_payment(self, provider_payment_id: str) -> ProviderPayment:
        """How it stands now."""

    async def close_page(self, payment: Payment) -> ProviderPayment | None:
        """Let nobody pay by its page any more; how it stands then. None: this provider cannot."""

    async def capture_payment(self, payment: Payment) -> ProviderPayment:
        """Take money that is reserved."""

    async def release_payment(self, payment: Payment) -> ProviderPayment:
        """Let go of money that is reserved and not taken."""
