"""Receipts (54-FZ) in YooKassa's words."""

from collections.abc import Mapping
from typing import Any

from foyer_contracts.money import Money

#: https://yookassa.ru/developers/payment-acceptance/receipts/54fz/parameters-values#vat-codes; what is paid before
#: it is delivered is taxed at the estimated rate (10/110).
_VAT_CODES = {None: 1, 0: 2, 10: 3, 20: 4, 5: 7, 7: 8, 22: 11}
_ESTIMATED_VAT_CODES = {None: 1, 0: 2, 10: 5, 20: 6, 5: 9, 7: 10, 22: 12}


def receipt_of(receipt: Mapping[str, Any] | None) -> dict[str, Any]:
    if receipt is None or "email" not in receipt:
        return {}
    codes = _VAT_CODES if receipt["mode"] == "full_payment" else _ESTIMATED_VAT_CODES
    shown: dict[str, Any] = {
        "customer": {"email": receipt["email"]},
        "items": [
            {
                "description": item["title"],
                "quantity": str(item["quantity"]),
                "amount": {
                    "value": Money(amount=item["unit_price"], currency="RUB").to_decimal_string(),
                    "currency": "RUB",
                },
                "vat_code": codes[item["vat_rate"]],
                "payment_subject": item["subject"],
                "payment_mode": receipt["mode"],
            }
            for item in receipt["items"]
        ],
    }
    if receipt["tax_system"] is not None:
        shown["tax_system_code"] = receipt["tax_system"]
    return {"receipt": shown}
