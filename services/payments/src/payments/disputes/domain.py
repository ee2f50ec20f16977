"""A payer disputes a payment with their bank (a chargeback): answered at the provider; here the money is counted."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from foyer_contracts.money import Money

#: The loops that look at known disputes, and for unknown ones.
DISPUTE = "dispute"
FIND = "find_disputes"


class Status(StrEnum):
    """`noted`: somebody named it and the provider was not asked yet. `inquiry`: the bank only asks; no money moved."""

    NOTED = "noted"
    INQUIRY = "inquiry"
    OPEN = "open"
    INQUIRY_CLOSED = "inquiry_closed"
    WON = "won"
    LOST = "lost"


#: To which statuses each may go by the provider's word; an answer that was overtaken says an earlier one.
FOLLOWING: dict[Status, frozenset[Status]] = {
    Status.NOTED: frozenset(Status) - {Status.NOTED},
    Status.INQUIRY: frozenset({Status.OPEN, Status.INQUIRY_CLOSED, Status.WON, Status.LOST}),
    Status.OPEN: frozenset({Status.WON, Status.LOST}),
    Status.INQUIRY_CLOSED: frozenset(),
    Status.WON: frozenset(),
    Status.LOST: frozenset(),
}


@dataclass(frozen=True, slots=True)
class ProviderDispute:
    """A dispute as the provider knows it.

    Attributes:
        our_payment_id: the disputed payment; None: not one of ours.
        withdrawn: whether its money is off our account there now.
        reason: what the payer told the bank, in the provider's word.
        respond_by: until when evidence may be given.
        fee: what the provider charges for it so far, in the currency of our account there; None: it says nothing.
    """

    id: str
    our_payment_id: UUID | None
    status: Status
    amount: Money
    withdrawn: bool
    reason: str | None
    respond_by: datetime | None
    fee: Money | None = None


@dataclass(frozen=True, slots=True)
class Dispute:
    """What is known of a dispute.

    Attributes:
        amount: of the charge with its surcharge that is disputed; None until the provider was asked, as all above.
        held: how much of what its payment might give back is not given back because of it.
        withdrawn: whether its money is off our account at the provider; `withdrawals`: how often it went.
        fee: what the provider charges for it, which may be in another currency; None: it said nothing.
        next_at: when to ask the provider about it; None when that is over.
    """

    id: UUID
    provider: str
    number: str
    payment_id: UUID | None
    order_id: UUID | None
    status: Status
    amount: Money | None
    held: int
    withdrawn: bool
    withdrawals: int
    reason: str | None
    respond_by: datetime | None
    next_at: datetime | None
    noted_at: datetime
    closed_at: datetime | None
    caused_by: str | None
    traceparent: str | None
    fee: Money | None = None

    def learn(self, answer: ProviderDispute, payment_id: UUID, order_id: UUID | None, now: datetime) -> "Dispute":
        """Take the provider's word; an earlier one changes nothing but where the money is."""
        status = answer.status if answer.status in FOLLOWING[self.status] else self.status
        over = not FOLLOWING[status]
        return replace(
            self,
            payment_id=payment_id,
            order_id=order_id,
            status=status,
            # What was withdrawn comes back whole.
            amount=self.amount if self.withdrawn and self.amount else answer.amount,
            withdrawn=answer.withdrawn,
            withdrawals=self.withdrawals + (answer.withdrawn and not self.withdrawn),
            fee=self.fee if answer.fee is None else answer.fee,
            reason=answer.reason,
            respond_by=answer.respond_by,
            closed_at=(self.closed_at or now) if over else None,
        )

    @property
    def is_over(self) -> bool:
        """Whether nothing of it will change: decided, and the money is where that leaves it."""
        return not FOLLOWING[self.status] and self.withdrawn == (self.status is Status.LOST)

    @property
    def lost(self) -> int:
        """What of the payer's money is gone for good, in minor units."""
        return self.amount.amount if self.amount and self.withdrawn and self.status is Status.LOST else 0

    def fees(self, currency: str) -> int:
        """What it costs besides, in minor units of `currency`; what is charged in another one is shown, not counted."""
        return self.fee.amount if self.fee is not None and self.fee.currency == currency else 0

    @property
    def holds(self) -> bool:
        """Whether its money cannot be given back as well. A mere inquiry is best answered by giving it back."""
        return self.withdrawn or self.status in (Status.OPEN, Status.LOST)


class DisputeProvider(Protocol):
    """Errors as of `paying.domain.PaymentProvider`."""

    async def get_dispute(self, number: str) -> ProviderDispute:
        """How it stands now."""

    async def disputes_since(self, since: datetime) -> list[str]:
        """Numbers of those that began since then."""
