"""Money as integer minor units and an ISO 4217 currency; never a float."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints

Currency = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z]{3}$")]

#: Ten trillion major units: far above any order, far below what a 64-bit column or a double can hold exactly.
LARGEST = 10**15

#: Currencies whose minor unit is not a hundredth (ISO 4217).
_EXPONENTS = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}


class CurrencyMismatchError(ValueError):
    """Two amounts of different currencies were combined."""


class Money(BaseModel):
    """An amount in minor units (kopecks, cents) of one currency: `{"amount": 40000, "currency": "RUB"}` is 400 ₽."""

    model_config = ConfigDict(frozen=True)

    amount: StrictInt = Field(ge=-LARGEST, le=LARGEST)
    currency: Currency

    @classmethod
    def zero(cls, currency: str) -> Self:
        return cls(amount=0, currency=currency)

    def _same(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise CurrencyMismatchError(f"{self.currency} and {other.currency}")

    def __add__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(amount=self.amount + other.amount, currency=self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(amount=self.amount - other.amount, currency=self.currency)

    def __mul__(self, quantity: int) -> "Money":
        return Money(amount=self.amount * quantity, currency=self.currency)

    def __lt__(self, other: "Money") -> bool:
        self._same(other)
        return self.amount < other.amount

    def __le__(self, other: "Money") -> bool:
        self._same(other)
        return self.amount <= other.amount

    @property
    def exponent(self) -> int:
        """Digits after the decimal point in this currency (ISO 4217)."""
        return _EXPONENTS.get(self.currency, 2)

    def to_decimal_string(self) -> str:
        """Major units with a point, as payment providers write them: 40000 RUB → "400.00"."""
        digits = str(abs(self.amount)).rjust(self.exponent + 1, "0")
        sign = "-" if self.amount < 0 else ""
        if not self.exponent:
            return sign + digits
        return f"{sign}{digits[: -self.exponent]}.{digits[-self.exponent :]}"

    @classmethod
    def from_decimal_string(cls, value: str, currency: str) -> Self:
        """The inverse of `to_decimal_string`; refuses more digits than the currency has.

        Raises:
            ValueError: not a decimal number, or finer than the currency's minor unit.
        """
        exponent = _EXPONENTS.get(currency, 2)
        whole, _, fraction = value.partition(".")
        sign = -1 if whole.startswith("-") else 1
        whole = whole.removeprefix("-")
        if not (whole.isascii() and whole.isdigit()) or (fraction and not (fraction.isascii() and fraction.isdigit())):
            raise ValueError(f"not a decimal amount: {value!r}")
        if len(fraction.rstrip("0")) > exponent:
            raise ValueError(f"{value!r} is finer than the minor unit of {currency}")
        minor = int(whole + fraction[:exponent].ljust(exponent, "0"))
        return cls(amount=sign * minor, currency=currency)


def not_negative(value: Money) -> Money:
    """For pydantic's AfterValidator, where an amount below zero makes no sense (a price, a payment).

    Raises:
        ValueError: it is below zero.
    """
    if value.amount < 0:
        raise ValueError("the amount must not be negative")
    return value
