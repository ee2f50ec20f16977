"""A refund by position: what of an invoice was sold becomes less or cheaper, and the difference goes back (B21)."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from foyer_chassis.errors import InvalidError
from foyer_contracts.money import Money


class PositionChangeError(InvalidError):
    """A position can only become less or cheaper than it is after the refunds so far."""

    title_en = "The position cannot be changed like this"
    title_ru = "Так изменить позицию нельзя"


@dataclass(frozen=True, slots=True)
class Sold:
    """A position as it stands: its quantity and price, and what it comes to after discounts, VAT included."""

    quantity: int
    unit_price: int
    total: int


def _half_up(value: Decimal) -> int:
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _amount(line: Mapping[str, Any], name: str) -> int:
    value = line.get(name)
    return int(value["amount"]) if value else 0


def as_issued(line: Mapping[str, Any]) -> Sold:
    return Sold(int(line["quantity"]), _amount(line, "unit_price"), _amount(line, "total"))


def becomes(line: Mapping[str, Any], quantity: int, unit_price: int) -> int:
    """What the line comes to at another quantity or price: the discount in percent as it was, the one in money in
    proportion, VAT on top as it was; every step rounded half up, as when the invoice was made."""
    issued = as_issued(line)
    gross, was = quantity * unit_price, issued.quantity * issued.unit_price
    if gross == was:
        return issued.total
    percent = Decimal(line.get("discount_percent") or 0)
    off = _half_up(gross * percent / 100)
    if was:
        off += _half_up(Decimal(_amount(line, "discount") * gross) / was)
    net = max(0, gross - off)
    discounted = was - _half_up(was * percent / 100) - _amount(line, "discount")
    on_top = issued.total - discounted
    if on_top > 0 and line.get("vat_rate"):
        net += _half_up(net * Decimal(line["vat_rate"]) / 100)
    return net


def change(
    line: Mapping[str, Any], now: Sold, *, quantity: int | None, unit_price: Money | None, field: str
) -> tuple[Sold, int]:
    """The position after the change, and what goes back.

    Raises:
        PositionChangeError: it would become more, or nothing would go back.
    """
    wanted_quantity = now.quantity if quantity is None else quantity
    wanted_price = now.unit_price if unit_price is None else unit_price.amount
    total = becomes(line, wanted_quantity, wanted_price)
    if wanted_quantity > now.quantity or wanted_price > now.unit_price or total >= now.total:
        raise PositionChangeError(
            field=field, present={"quantity": now.quantity, "unit_price": now.unit_price, "total": now.total}
        )
    return Sold(wanted_quantity, wanted_price, total), now.total - total
