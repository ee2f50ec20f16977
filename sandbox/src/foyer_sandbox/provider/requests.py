"""Bodies of requests, checked the way the provider does: the first fault is answered with the parameter to blame.

Unknown parameters are ignored, as the provider does.
"""

import re
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from foyer_sandbox.provider.errors import invalid

CURRENCIES = {"RUB"}
MAX_MINOR = 100_000_000_00
_VALUE = re.compile(r"\d{1,12}(\.\d{1,2})?")
_SCRIPT_SCHEMES = {"javascript", "data", "vbscript", "file", "blob", "about", ""}


def amount_of(body: dict[str, Any], name: str = "amount") -> tuple[int, str]:
    """Minor units and currency of `body[name]`."""
    given = body.get(name)
    if not isinstance(given, dict):
        raise invalid(f"{name} is required", name)
    return minor(given.get("value"), f"{name}.value"), currency(given.get("currency"), f"{name}.currency")


def minor(value: Any, parameter: str) -> int:
    """`"400.00"` (or the number 400) → 40000; more than zero, at most two decimals."""
    text = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    if not _VALUE.fullmatch(text):
        raise invalid("Amount must be a decimal number with a point and at most two decimals", parameter)
    result = int(Decimal(text) * 100)
    if not 0 < result <= MAX_MINOR:
        raise invalid("Amount is out of bounds", parameter)
    return result


def currency(value: Any, parameter: str) -> str:
    """The shop takes roubles only."""
    if value not in CURRENCIES:
        raise invalid("Currency is missing or the shop does not take it", parameter)
    return str(value)


def text_of(body: dict[str, Any], name: str, longest: int) -> str | None:
    """An optional string of at most `longest` characters."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > longest:
        raise invalid(f"{name} must be a string of at most {longest} characters", name)
    return value


def flag_of(body: dict[str, Any], name: str) -> bool:
    """An optional boolean, false when absent."""
    value = body.get(name, False)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise invalid(f"{name} must be a boolean", name)
    return value


def metadata_of(body: dict[str, Any]) -> dict[str, str]:
    """At most 16 keys of 32 characters with values of 512."""
    given = body.get("metadata")
    if given is None:
        return {}
    if not isinstance(given, dict) or len(given) > 16:
        raise invalid("metadata must be an object of at most 16 keys", "metadata")
    for key, value in given.items():
        if len(key) > 32 or isinstance(value, dict | list) or len(str(value)) > 512:
            raise invalid("metadata takes keys of 32 and plain values of 512 characters at most", f"metadata.{key}")
    return {key: value if isinstance(value, str) else str(value) for key, value in given.items() if value is not None}


def return_url_of(body: dict[str, Any]) -> str:
    """The address a payer comes back to, from `confirmation` of type `redirect`, the only type here."""
    confirmation = body.get("confirmation")
    if not isinstance(confirmation, dict):
        raise invalid("confirmation is required without a saved payment method", "confirmation")
    if confirmation.get("type") != "redirect":
        raise invalid("This shop confirms by redirect only", "confirmation.type")
    url = confirmation.get("return_url")
    if not isinstance(url, str) or len(url) > 2048 or urlsplit(url).scheme.lower() in _SCRIPT_SCHEMES:
        raise invalid("return_url must be an absolute address of at most 2048 characters", "confirmation.return_url")
    return url


def receipt_of(body: dict[str, Any], total: int) -> dict[str, Any] | None:
    """The receipt as given, once it is complete and its items come to `total`."""
    receipt = body.get("receipt")
    if receipt is None:
        return None
    if not isinstance(receipt, dict):
        raise invalid("receipt must be an object", "receipt")
    customer = receipt.get("customer") or {}
    if not any((customer.get("email"), customer.get("phone"), receipt.get("email"), receipt.get("phone"))):
        raise invalid("receipt needs the customer's email or phone", "receipt.customer")
    items = receipt.get("items")
    if not isinstance(items, list) or not 1 <= len(items) <= 80:
        raise invalid("receipt needs 1 to 80 items", "receipt.items")
    come_to = Decimal(0)
    for number, item in enumerate(items):
        where = f"receipt.items[{number}]"
        if not isinstance(item, dict) or not isinstance(item.get("description"), str) or not item["description"]:
            raise invalid("Item needs a description", f"{where}.description")
        if len(item["description"]) > 128:
            raise invalid("Description of an item has at most 128 characters", f"{where}.description")
        if item.get("vat_code") not in range(1, 13):
            raise invalid("vat_code is a number from 1 to 12", f"{where}.vat_code")
        come_to += _quantity(item.get("quantity"), f"{where}.quantity") * amount_of(item)[0]
    if round(come_to) != total:
        raise invalid("Items of the receipt do not come to the amount", "receipt")
    return receipt


def _quantity(value: Any, parameter: str) -> Decimal:
    try:
        quantity = Decimal(str(value))
    except InvalidOperation:
        raise invalid("quantity must be a number", parameter) from None
    if not quantity.is_finite() or not 0 < quantity < 100_000:
        raise invalid("quantity is out of bounds", parameter)
    return quantity
