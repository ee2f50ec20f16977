"""The lines of an invoice: amounts, discounts, VAT, and extras folded in.

All amounts are whole minor units. Every division is rounded half up, away from zero at the half, once per line:
3 × 33.33 − 10 % is 99.99 − 10.00 = 89.99.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from foyer_chassis.errors import InvalidError
from foyer_contracts.money import Money

HUNDRED = Decimal(100)
#: Minor units of one line: sums of very many of these still fit everywhere.
MOST = 10**12


class DiscountTooLargeError(InvalidError):
    """The discounts of a position come to more than its price."""

    title_en = "The discount is more than the price"
    title_ru = "Скидка больше цены"


class AmountTooLargeError(InvalidError):
    """The amount is beyond what can be invoiced."""

    title_en = "The amount is too large"
    title_ru = "Сумма слишком велика"


def half_up(value: Decimal) -> int:
    """The nearest whole number; of two that are as near, the one away from zero."""
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def percent_of(amount: Money, percent: Decimal) -> Money:
    """`percent` of `amount`, rounded half up: 2.8 % of 400.00 is 11.20."""
    return Money(amount=half_up(amount.amount * percent / HUNDRED), currency=amount.currency)


def vat_within(amount: Money, rate: int | None) -> Money:
    """VAT that is contained in an amount, rounded half up: 20 % in 120.00 is 20.00; none without a rate."""
    if not rate:
        return Money.zero(amount.currency)
    return Money(amount=half_up(Decimal(amount.amount * rate) / (100 + rate)), currency=amount.currency)


@dataclass(frozen=True, slots=True)
class Line:
    """One position of an invoice.

    Attributes:
        discount_percent: 0–100, taken off `quantity` × `unit_price` first; `discount` in money after that.
        vat_rate: whole percents; None: without VAT.
        vat: the VAT in `total`.
        total: what is to be paid for it, VAT included.
    """

    title: str
    unit: str | None
    quantity: int
    unit_price: Money
    discount_percent: Decimal
    discount: Money
    vat_rate: int | None
    vat: Money
    total: Money
    extra: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "unit": self.unit,
            "quantity": self.quantity,
            "unit_price": self.unit_price.model_dump(mode="json"),
            "discount_percent": str(self.discount_percent),
            "discount": self.discount.model_dump(mode="json"),
            "vat_rate": self.vat_rate,
            "vat": self.vat.model_dump(mode="json"),
            "total": self.total.model_dump(mode="json"),
            "extra": self.extra,
        }


def line(
    *,
    title: str,
    unit: str | None,
    quantity: int,
    unit_price: Money,
    discount_percent: Decimal = Decimal(0),
    discount: Money | None = None,
    vat_rate: int | None = None,
    vat_on_top: bool = False,
) -> Line:
    """A position with its amounts.

    Raises:
        DiscountTooLargeError: the discounts come to more than the price.
        AmountTooLargeError: beyond ten billion in major units.
    """
    off = discount or Money.zero(unit_price.currency)
    gross = unit_price.amount * quantity
    if gross > MOST:
        raise AmountTooLargeError
    net = gross - half_up(gross * discount_percent / HUNDRED) - off.amount
    if net < 0:
        raise DiscountTooLargeError(price=gross, discount=gross - net)
    total = Money(amount=net, currency=unit_price.currency)
    vat = vat_within(total, vat_rate)
    if vat_on_top and vat_rate:
        vat = percent_of(total, Decimal(vat_rate))
        total = total + vat
    return Line(title, unit, quantity, unit_price, discount_percent, off, vat_rate, vat, total)


def total_of(lines: Iterable[Line], currency: str) -> Money:
    return sum((item.total for item in lines), start=Money.zero(currency))


def folded(lines: Sequence[dict[str, Any]], *, extras_as_lines: bool) -> list[dict[str, Any]]:
    """The lines as they are shown: extras apart, or in the price of the first line that is none (A18).

    A line that takes extras in is shown as one piece at the price of all of it.
    """
    extras = [item for item in lines if item.get("extra")]
    mains = [item for item in lines if not item.get("extra")]
    if extras_as_lines or not extras or not mains:
        return list(lines)
    first, *others = mains
    together = first["total"]["amount"] + sum(item["total"]["amount"] for item in extras)
    price = {"amount": together, "currency": first["total"]["currency"]}
    vats = [item["vat"]["amount"] for item in (first, *extras) if item.get("vat")]
    vat = {"vat": {"amount": sum(vats), "currency": price["currency"]}} if vats else {}
    quantity = "" if first["quantity"] == 1 else f" × {first['quantity']}"
    return [
        {**first, "title": f"{first['title']}{quantity}", "quantity": 1, "unit_price": price, "total": price, **vat},
        *others,
    ]
