"""What an order brought and cost (B6): gross is what was paid and not given back, acquiring what payment providers
keep, commission what we keep of a legal entity's sales, net what is left to it.

Percentages are rounded half up to the minor unit: acquiring once per payment, of all that the payer paid, and for
good (providers keep it when money goes back); commission once, of the gross, at the rate of the order's first
settlement.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from foyer_contracts.money import Money

#: The loop that settles, for `paying.domain.WAKE_CHANNEL`.
SETTLE = "settle"
HUNDRED = Decimal(100)


def share(amount: int, percent: Decimal) -> int:
    """`percent` of `amount` minor units, rounded half up."""
    return int((amount * percent / HUNDRED).quantize(Decimal(1), rounding=ROUND_HALF_UP))


@dataclass(frozen=True, slots=True)
class Taken:
    """A payment that came in. `acquiring`: what its provider keeps; None until that was worked out."""

    payment_id: UUID
    provider: str
    charged: int
    acquiring: int | None


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
class Settlement:
    """Sums of an order so far, in minor units of one currency; net = gross − acquiring − commission.

    Attributes:
        acquiring: by provider.
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

    @property
    def cost_of_acquiring(self) -> int:
        return sum(self.acquiring.values())

    @property
    def net(self) -> int:
        return self.gross - self.cost_of_acquiring - self.commission

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
            version=self.version + 1,
        )

    def differs(self, other: "Settlement") -> bool:
        return (self.gross, dict(self.acquiring), self.commission) != (
            other.gross,
            dict(other.acquiring),
            other.commission,
        )
