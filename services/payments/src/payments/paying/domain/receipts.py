"""What a receipt says (54-FZ), in no provider's words; each adapter puts it into its own.

A receipt is a mapping, as it is stored: `email`, `tax_system`, `mode`, and `items` of `title`, `quantity`,
`unit_price`, `total` (minor units), `vat_rate`, `subject`. Its items always come to what is charged or given back.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

#: Tag 1214. Paid before or with the service: prepayments, which a closing receipt follows; else a full payment.
Mode = Literal["full_prepayment", "partial_prepayment", "advance", "full_payment"]
PREPAYMENTS = frozenset({"full_prepayment", "partial_prepayment"})
#: Pauses before further attempts of receipts apart from payments; the provider keeps our key for 24 hours.
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 3600, 7200))
#: A provider takes 80 items; lines beyond are summed up by VAT rate.
MOST_ITEMS = 70
SURCHARGE = "Комиссия за оплату"
OTHER = "Услуги по заказу"


def shares(amount: int, weights: Sequence[int]) -> list[int]:
    """`amount` shared in proportion to weights, whole: the largest remainders get what rounding down leaves."""
    whole = sum(weights)
    if whole <= 0:
        return [amount, *([0] * (len(weights) - 1))] if weights else []
    exact = [divmod(amount * weight, whole) for weight in weights]
    left = amount - sum(share for share, _ in exact)
    order = sorted(range(len(weights)), key=lambda index: (-exact[index][1], index))
    extra = set(order[:left])
    return [share + (index in extra) for index, (share, _) in enumerate(exact)]


def _item(title: str, total: int, vat_rate: int | None, subject: str, quantity: int = 1) -> dict[str, Any]:
    if total % quantity:
        # A price per piece must be whole; so it is sold as one.
        title, quantity = f"{title} × {quantity}", 1
    return {
        "title": title[:128],
        "quantity": quantity,
        "unit_price": total // quantity,
        "total": total,
        "vat_rate": vat_rate,
        "subject": subject,
    }


def receipt(
    *,
    email: str,
    tax_system: int | None,
    subject: str,
    mode: Mode,
    lines: Sequence[Mapping[str, Any]],
    vat_rate: int | None,
    amount: int,
    surcharge: int,
) -> dict[str, Any]:
    """The receipt of a payment of `amount` for an invoice with these lines, and of the surcharge on it.

    `vat_rate`: of lines that name none.
    """
    sold = [
        (
            str(line["title"]),
            int(line["quantity"]),
            int(line["total"]["amount"]),
            line.get("vat_rate", vat_rate),
        )
        for line in lines
        if line["total"]["amount"] > 0
    ]
    if len(sold) > MOST_ITEMS:
        by_rate: dict[int | None, int] = {}
        for _, _, total, rate in sold:
            by_rate[rate] = by_rate.get(rate, 0) + total
        sold = [(OTHER, 1, total, rate) for rate, total in by_rate.items()]
    parts = shares(amount, [total for _, _, total, _ in sold])
    items = [
        _item(title, part, rate, subject, quantity if part == total else 1)
        for (title, quantity, total, rate), part in zip(sold, parts, strict=True)
        if part
    ]
    if surcharge:
        items.append(_item(SURCHARGE, surcharge, vat_rate, "service"))
    return {"email": email, "tax_system": tax_system, "mode": mode, "items": items}


def of_part(whole: Mapping[str, Any], amount: int, *, mode: Mode | None = None) -> dict[str, Any]:
    """A receipt for a part of what another one was for: of a refund, or the closing one."""
    items = whole["items"]
    parts = shares(amount, [item["total"] for item in items])
    return {
        **whole,
        "mode": mode or whole["mode"],
        "items": [
            _item(
                item["title"],
                part,
                item["vat_rate"],
                item["subject"],
                item["quantity"] if part == item["total"] else 1,
            )
            for item, part in zip(items, parts, strict=True)
            if part
        ],
    }
