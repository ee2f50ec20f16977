"""The money of an order: what came in, what went back, what is on its way back; and how the ledger books it.

Sign convention of the ledger: a debit is positive, a credit negative. Money that reaches us raises the provider's
account (an asset) and what we owe for the order (a liability).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from foyer_contracts.money import Money

#: `refund_reversal` is a refund whose money the payer's bank sent back, `dispute` money that a provider withdrew,
#: `dispute_reversal` its return. `top_up` brings money into a customer's account, `top_up_reversal` takes it out again,
#: `settlement` shares what an order brought between the legal entity, acquiring and our commission.
Kind = Literal[
    "payment",
    "refund",
    "refund_reversal",
    "dispute",
    "dispute_reversal",
    "top_up",
    "top_up_reversal",
    "settlement",
]

# The ledger's accounts. Until accounts of orders had names of their own, all of them were "orders:prepayments".
PREPAYMENTS = "orders:prepayments"
MAIN = "main"


def order(order_id: UUID) -> str:
    """What we owe for an order: money paid for it and not given back (a liability)."""
    return f"order:{order_id}"


def customer(customer_id: UUID) -> str:
    """A customer's balance (a liability; below zero it is the customer who owes)."""
    return f"customer:{customer_id}"


def provider(name: str) -> str:
    """Money that a payment provider took for us (an asset)."""
    return f"provider:{name}"


def disputes(name: str) -> str:
    """Money that a provider withdrew because payers dispute it (an asset; what is lost is settled with the seller)."""
    return f"disputes:{name}"


def dispute_fees(name: str) -> str:
    """What a provider charges for disputes (a liability)."""
    return f"dispute_fees:{name}"


def cash_desk(location_id: UUID | None) -> str:
    """Cash taken at a location (an asset)."""
    return f"cash:{location_id or MAIN}"


def bank(legal_entity_id: UUID | None) -> str:
    """Transfers to a legal entity's bank account (an asset)."""
    return f"bank:{legal_entity_id or MAIN}"


def surcharge(legal_entity_id: UUID | None) -> str:
    """Commission that payers paid on top (income)."""
    return f"surcharge:{legal_entity_id or MAIN}"


def settled(order_id: UUID) -> str:
    """The part of an order's money that has been shared out (contra to `order`)."""
    return f"settled:{order_id}"


def acquiring(name: str) -> str:
    """What a provider keeps for its service (a liability)."""
    return f"acquiring:{name}"


def commission(legal_entity_id: UUID | None) -> str:
    """Our commission on what a legal entity sold (income)."""
    return f"commission:{legal_entity_id or MAIN}"


def legal_entity(legal_entity_id: UUID | None) -> str:
    """What is a legal entity's own of what its orders brought (a liability)."""
    return f"legal_entity:{legal_entity_id or MAIN}"


@dataclass(frozen=True, slots=True)
class OrderAccount:
    """What an order paid and got back; everything in one currency.

    Attributes:
        pending_refund: granted and not yet back with the payer, including refunds that failed and need a person.
        cancelled_reason: why the order was cancelled; None while it is not.
        disputed: what of the rest payers dispute with their banks, or have won there.
    """

    order_id: UUID
    order_number: int
    applicant_id: UUID
    paid: Money
    refunded: Money
    pending_refund: Money
    cancelled_reason: str | None
    version: int
    disputed: Money

    @property
    def balance(self) -> Money:
        """What came in, less what went back."""
        return self.paid - self.refunded

    @property
    def refundable(self) -> Money:
        """What may still be promised back."""
        return self.paid - self.refunded - self.pending_refund - self.disputed

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

    def take_back(self, amount: Money) -> "OrderAccount":
        """A refund that had reached the payer came back: it is promised again."""
        return replace(
            self,
            refunded=self.refunded - amount,
            pending_refund=self.pending_refund + amount,
            version=self.version + 1,
        )

    def dispute(self, change: int) -> "OrderAccount":
        """So many minor units more, or less, are disputed."""
        return replace(
            self,
            disputed=Money(amount=self.disputed.amount + change, currency=self.disputed.currency),
            version=self.version + 1,
        )

    def cancel(self, reason: str) -> "OrderAccount":
        return replace(self, cancelled_reason=self.cancelled_reason or reason, version=self.version + 1)


@dataclass(frozen=True, slots=True)
class Posting:
    account: str
    amount: Money


def moved(source: str, to: str, amount: Money, *, surcharge: tuple[str, Money] | None = None) -> list[Posting]:
    """`amount` comes to `source` and is owed to `to`; a surcharge comes with it and is income. Sums to zero.

    Negative amounts are the way back. Postings of nothing are left out.
    """
    extra = surcharge[1] if surcharge else Money.zero(amount.currency)
    entries = [Posting(source, amount + extra), Posting(to, amount * -1)]
    if surcharge:
        entries.append(Posting(surcharge[0], extra * -1))
    return [entry for entry in entries if entry.amount.amount]


def allot(amount: Money, sources: Iterable[tuple[UUID, Money]]) -> list[tuple[UUID, Money]]:
    """Share `amount` over payments with what is left of each, in their order; no share is more than what is left."""
    shares = []
    rest = amount
    nothing = Money.zero(amount.currency)
    for payment_id, left in sources:
        share = min(rest, left)
        if nothing < share:
            shares.append((payment_id, share))
            rest = rest - share
    return shares
