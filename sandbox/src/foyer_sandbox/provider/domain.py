"""Payments and refunds: their states, how they look in the API, and the rules between them. Money in minor units."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel

from foyer_sandbox.provider.errors import invalid

COMMISSION_PER_MILLE = 35
"""What the provider keeps of a payment: 3.5 %, rounded half up to a minor unit."""

_ID_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

CARDS: dict[str, str | None] = {
    "5555555555554477": None,
    "4111111111111111": None,
    "2202474301322987": None,
    "5555555555554600": "insufficient_funds",
    "5555555555554543": "card_expired",
    "5555555555554592": "3d_secure_failed",
    "5555555555554535": "call_issuer",
    "5555555555554568": "fraud_suspected",
    "5555555555554451": "payment_method_limit_exceeded",
}
"""Test cards and the reason for which each is declined; `None` pays."""

GOOD_CARD = "5555555555554477"


class Cancellation(BaseModel):
    """Who cancelled and why, in the provider's own words."""

    party: Literal["merchant", "yoo_money", "payment_network", "refund_network"]
    reason: str


class Payment(BaseModel):
    """Everything the provider knows of a payment."""

    id: str
    status: Literal["pending", "waiting_for_capture", "succeeded", "canceled"]
    amount: int
    currency: str
    capture: bool
    created_at: datetime
    due_at: datetime | None
    """When it is cancelled by itself: unconfirmed while pending, uncaptured while waiting for capture."""
    description: str | None = None
    return_url: str | None = None
    metadata: dict[str, str] = {}
    receipt: dict[str, Any] | None = None
    save_payment_method: bool = False
    payment_method: dict[str, Any] | None = None
    authorization: dict[str, Any] | None = None
    merchant_customer_id: str | None = None
    captured_at: datetime | None = None
    cancellation: Cancellation | None = None
    refunded: int = 0
    refunding: int = 0
    """Part of `amount` in refunds that are still pending."""


class Refund(BaseModel):
    """Everything the provider knows of a refund."""

    id: str
    payment_id: str
    status: Literal["pending", "succeeded", "canceled"]
    amount: int
    currency: str
    created_at: datetime
    due_at: datetime | None = None
    """When a pending refund is settled."""
    fails: bool = False
    description: str | None = None
    metadata: dict[str, str] = {}
    receipt: dict[str, Any] | None = None
    cancellation: Cancellation | None = None


def new_id(kind: Literal["payment", "refund"], now: datetime) -> str:
    """An id of the provider's form: seconds since 2000, the kind, then random."""
    seconds = int((now - _ID_EPOCH).total_seconds())
    mark = "000f-5000" if kind == "payment" else "0015-5000"
    return f"{seconds:08x}-{mark}-{secrets.choice('89ab')}000-{secrets.token_hex(6)}"


def instant(moment: datetime) -> str:
    """UTC with milliseconds and Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def money(minor: int, currency: str) -> dict[str, str]:
    """`{"value": "400.00", "currency": "RUB"}`."""
    return {"value": f"{minor // 100}.{minor % 100:02d}", "currency": currency}


def income(amount: int) -> int:
    """What reaches the shop of `amount`, after the commission."""
    return amount - (amount * COMMISSION_PER_MILLE + 500) // 1000


def card_method(payment_id: str, number: str, saved: bool) -> dict[str, Any]:
    """A bank card as the API shows it: never more than first six and last four digits."""
    brand = {"2": "Mir", "4": "Visa"}.get(number[0], "MasterCard")
    return {
        "type": "bank_card",
        "id": payment_id,
        "saved": saved,
        "status": "active" if saved else "inactive",
        "title": f"Bank card *{number[-4:]}",
        "card": {
            "first6": number[:6],
            "last4": number[-4:],
            "expiry_year": "2035",
            "expiry_month": "12",
            "card_type": brand,
            "issuer_country": "RU",
        },
    }


def sbp_method(payment_id: str) -> dict[str, Any]:
    """The system of fast payments as the API shows it."""
    return {
        "type": "sbp",
        "id": payment_id,
        "saved": False,
        "status": "inactive",
        "sbp_operation_id": secrets.token_hex(16).upper(),
    }


def confirm(payment: Payment, method: dict[str, Any], now: datetime, capture_expiry_seconds: float) -> None:
    """The payer's bank agreed: captured at once or reserved until the shop captures."""
    payment.payment_method = method
    payment.authorization = {
        "rrn": f"{secrets.randbelow(10**12):012d}",
        "auth_code": f"{secrets.randbelow(10**6):06d}",
        "three_d_secure": {"applied": True, "method_completed": False, "challenge_completed": True},
    }
    if payment.capture:
        payment.status, payment.captured_at, payment.due_at = "succeeded", now, None
    else:
        payment.status = "waiting_for_capture"
        payment.due_at = now + timedelta(seconds=capture_expiry_seconds)


def cancel(payment: Payment, party: Literal["merchant", "yoo_money", "payment_network"], reason: str) -> None:
    """Final: nothing was or will be taken from the payer."""
    payment.status, payment.due_at = "canceled", None
    payment.cancellation = Cancellation(party=party, reason=reason)


def refundable_rest(payment: Payment) -> int:
    """What may still be refunded, pending refunds counted as gone."""
    return payment.amount - payment.refunded - payment.refunding if payment.status == "succeeded" else 0


def payment_object(payment: Payment, shop_id: str, public_url: str) -> dict[str, Any]:
    """The payment as the API and the notifications show it; absent rather than null."""
    shown: dict[str, Any] = {
        "id": payment.id,
        "status": payment.status,
        "amount": money(payment.amount, payment.currency),
    }
    if payment.status == "succeeded":
        shown["income_amount"] = money(income(payment.amount), payment.currency)
        shown["refunded_amount"] = money(payment.refunded, payment.currency)
        shown["captured_at"] = instant(payment.captured_at or payment.created_at)
    if payment.description is not None:
        shown["description"] = payment.description
    shown["recipient"] = {"account_id": shop_id, "gateway_id": "1"}
    if payment.payment_method:
        shown["payment_method"] = payment.payment_method
    shown["created_at"] = instant(payment.created_at)
    if payment.status == "waiting_for_capture" and payment.due_at:
        shown["expires_at"] = instant(payment.due_at)
    if payment.status == "pending" and payment.return_url:
        shown["confirmation"] = {
            "type": "redirect",
            "return_url": payment.return_url,
            "confirmation_url": f"{public_url}/pay/{payment.id}",
        }
    shown["test"] = True
    shown["paid"] = payment.status in {"succeeded", "waiting_for_capture"}
    shown["refundable"] = refundable_rest(payment) > 0
    if payment.receipt is not None:
        shown["receipt_registration"] = {"succeeded": "succeeded", "canceled": "canceled"}.get(
            payment.status, "pending"
        )
    shown["metadata"] = payment.metadata
    if payment.cancellation:
        shown["cancellation_details"] = payment.cancellation.model_dump()
    if payment.authorization:
        shown["authorization_details"] = payment.authorization
    if payment.merchant_customer_id is not None:
        shown["merchant_customer_id"] = payment.merchant_customer_id
    return shown


def refund_object(refund: Refund) -> dict[str, Any]:
    """The refund as the API and the notifications show it."""
    shown: dict[str, Any] = {
        "id": refund.id,
        "payment_id": refund.payment_id,
        "status": refund.status,
        "created_at": instant(refund.created_at),
        "amount": money(refund.amount, refund.currency),
    }
    if refund.description is not None:
        shown["description"] = refund.description
    if refund.receipt is not None:
        shown["receipt_registration"] = refund.status
    if refund.cancellation:
        shown["cancellation_details"] = refund.cancellation.model_dump()
    if refund.metadata:
        shown["metadata"] = refund.metadata
    return shown


def check_refund(payment: Payment, amount: int, currency: str) -> None:
    """A refund needs a captured payment of the same currency with at least as much left."""
    if payment.status != "succeeded":
        raise invalid(f"Payment has status {payment.status}, only a succeeded one can be refunded", "payment_id")
    if currency != payment.currency:
        raise invalid("Currency of the refund differs from the payment's", "amount.currency")
    if amount > refundable_rest(payment):
        raise invalid("Refund amount is more than what is left of the payment", "amount.value")
