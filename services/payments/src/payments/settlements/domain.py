"""What an order brought and cost (B6): gross is what was paid and not given back, acquiring what payment providers
keep, commission what we keep of a legal entity's sales, chargebacks what payers had back by their banks with the
surcharge and what providers charge for such disputes, net what is left to it.

Percentages are rounded half up to the minor unit: acquiring once per payment, of all that the payer paid, and for
good (providers keep it when money goes back); commission once, of the gross, at the rate of the order's first
settlement.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from foyer_contracts.money import Money

from ..accounting.domain import dispute_fees, disputes

#: The loop that settles, for `paying.domain.WAKE_CHANNEL`.
SETTLE = "settle"
HUNDRED = Decimal(100)


def share(amount: int, percent: Decimal) -> int:
    """`percent` of `amount` minor units, rounded half up."""
    return int((amount * percent / HUNDRED).quantize(Decimal(1), rounding=ROUND_HALF_UP))


@dataclass(frozen=True, slots=True)
class Taken:
    """A payment that came in. `acquiring`: what its provider keeps; None until that was worked out. `charged_back`,
    `dispute_fees`: what disputes about it cost."""

    payment_id: UUID
    provider: str
    charged: int
    acquiring: int | None
    charged_back: int = 0
    dispute_fees: int = 0


@dataclass(frozen=True, slots=True)
class TopUp:
    """An online top-up whose cost was not worked out yet; `charged` in minor units."""

    payment_id: UUID
    customer_id: UUID
    legal_entity_id: UUID | None
    provider: str
    charged: int
    currency: str


@dataclass(frozen=True, slots=True)
class DisputedTopUp:
    """An online top-up whose disputes cost something else than what is settled: by how much, in minor units."""

    payment_id: UUID
    customer_id: UUID
    legal_entity_id: UUID | None
    provider: str
    currency: str
    charged_back: int
    dispute_fees: int


def chargebacks(taken: Sequence[Taken]) -> dict[str, int]:
    """What disputes about these payments cost, by account of the ledger."""
    costs: dict[str, int] = {}
    for payment in taken:
        for account, cost in (
            (disputes(payment.provider), payment.charged_back),
            (dispute_fees(payment.provider), payment.dispute_fees),
        ):
            costs[account] = costs.get(account, 0) + cost
    return {account: cost for account, cost in costs.items() if cost}


@dataclass(frozen=True, slots=True)
class Settlement:
    """Sums of an order so far, in minor units of one currency; net = gross − acquiring − commission − chargebacks.

    Attributes:
        acquiring: by provider; `chargebacks`: by account of the ledger.
    """

    order_id: UUID
    order_number: int
    legal_entity_id: UUID | None
    currency: str
    gross: int
    acquiring: Mapping[str, int]
    commission: int
    commission_percent: Decimal
    version: int
    chargebacks: Mapping[str, int] = field(default_factory=dict)

    @property
    def cost_of_chargebacks(self) -> int:
        return sum(self.chargebacks.values())

    @property
    def cost_of_acquiring(self) -> int:
        return sum(self.acquiring.values())

    @property
    def net(self) -> int:
        return self.gross - self.cost_of_acquiring - self.commission - self.cost_of_chargebacks

    def money(self, amount: int) -> Money:
        return Money(amount=amount, currency=self.currency)

    def after(self, *, gross: int, taken: Sequence[Taken]) -> "Settlement":
        """The same order with what is known of it now."""
        acquiring: dict[str, int] = {}
        for payment in taken:
            acquiring[payment.provider] = acquiring.get(payment.provider, 0) + (payment.acquiring or 0)
        return replace(
            self,
            gross=gross,
            acquiring={name: cost for name, cost in acquiring.items() if cost},
            commission=share(gross, self.commission_percent),
            chargebacks=chargebacks(taken),
            version=self.version + 1,
        )

    def differs(self, other: "Settlement") -> bool:
        return (self.gross, dict(self.acquiring), self.commission, dict(self.chargebacks)) != (
            other.gross,
            dict(other.acquiring),
            other.commission,
            dict(other.chargebacks),
        )
