"""The money of an order: what came in, what went back, what is on its way back; and how the ledger books it.

Sign convention of the ledger: a debit is positive, a credit negative. Money that reaches us raises the provider's
account (an asset) and what we owe for the order (a liability).
"""

from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from foyer_contracts.money import Money

Kind = Literal["payment", "refund"]
PREPAYMENTS = "orders:prepayments"


@dataclass(frozen=True, slots=True)
class OrderAccount:
    """What an order paid and got back; everything in one currency.

    Attributes:
        pending_refund: granted and not yet back with the payer, including refunds that failed and need a person.
        cancelled_reason: why the order was cancelled; None while it is not.
    """

    order_id: UUID
    order_number: int
    applicant_id: UUID
    paid: Money
    refunded: Money
    pending_refund: Money
    cancelled_reason: str | None
    version: int

    @property
    def balance(self) -> Money:
        """What came in, less what went back."""
        return self.paid - self.refunded

    @property
    def refundable(self) -> Money:
        """What may still be promised back."""
        return self.paid - self.refunded - self.pending_refund

    def receive(self, amount: Money) -> "OrderAccount":
        return replace(self, paid=self.paid + amount, version=self.version + 1)

    def grant_refund(self, asked: Money) -> "tuple[OrderAccount, Money]":
        """Promise `asked` back, or as much of it as the cap allows; returns what was promised, too."""
        granted = max(min(asked, self.refundable), Money.zero(asked.currency))
        return replace(self, pending_refund=self.pending_refund + granted, version=self.version + 1), granted

    def pay_back(self, amount: Money) -> "OrderAccount":
        """A promised refund reached the payer."""
        return replace(
            self,
            refunded=self.refunded + amount,
            pending_refund=self.pending_refund - amount,
            version=self.version + 1,
        )

    def cancel(self, reason: str) -> "OrderAccount":
        return replace(self, cancelled_reason=self.cancelled_reason or reason, version=self.version + 1)


@dataclass(frozen=True, slots=True)
class Posting:
    account: str
    amount: Money


def postings(kind: Kind, provider: str, amount: Money) -> list[Posting]:
    """How a payment or a refund of `amount` at `provider` is booked; sums to zero."""
    signed = amount if kind == "payment" else amount * -1
    return [Posting(f"provider:{provider}", signed), Posting(PREPAYMENTS, signed * -1)]
