"""A customer's account: what is on it, how far it may go below zero (C4)."""

from dataclasses import dataclass, replace
from uuid import UUID

from foyer_chassis.errors import ConflictError
from foyer_contracts.money import Money


class FundsMissingError(ConflictError):
    """Balance and credit limit together are not enough for this."""

    title_en = "Not enough funds"
    title_ru = "Недостаточно средств"


@dataclass(frozen=True, slots=True)
class CustomerAccount:
    """One currency of a customer. `balance` below zero is what the customer owes."""

    customer_id: UUID
    balance: Money
    credit_limit: Money
    version: int

    @property
    def available(self) -> Money:
        """What can be spent now; below zero when the limit was lowered under the debt."""
        return self.balance + self.credit_limit

    def suffices(self, amount: Money) -> bool:
        """Whether balance + credit limit are not below zero after this."""
        return amount <= self.available

    def spend(self, amount: Money) -> "CustomerAccount":
        """Raises FundsMissingError."""
        if not self.suffices(amount):
            raise FundsMissingError(available=self.available.model_dump())
        return replace(self, balance=self.balance - amount, version=self.version + 1)

    def receive(self, amount: Money) -> "CustomerAccount":
        return replace(self, balance=self.balance + amount, version=self.version + 1)

    def limited(self, credit_limit: Money) -> "CustomerAccount":
        return replace(self, credit_limit=credit_limit, version=self.version + 1)
