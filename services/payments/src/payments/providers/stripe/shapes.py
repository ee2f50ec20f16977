"""What Stripe answers (https://docs.stripe.com/api), and that in our words."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from ...paying.domain import ProviderPayment, SavedMethod
from ...refunding.domain import ProviderRefund
from .amounts import money

ID = r"^[A-Za-z]{2,12}_[0-9A-Za-z_]{1,120}$"


class Card(BaseModel):
    brand: str = "card"
    last4: str = Field(pattern=r"^[0-9]{4}$")


class Method(BaseModel):
    id: str = Field(pattern=ID)
    type: str
    customer: str | None = Field(default=None, pattern=ID)
    card: Card | None = None


class Intent(BaseModel):
    id: str = Field(pattern=ID)
    status: str
    amount: int
    amount_received: int = 0
    currency: str = Field(pattern=r"^[a-z]{3}$")
    created: int
    customer: str | None = None
    payment_method: Method | str | None = None
    setup_future_usage: str | None = None
    cancellation_reason: str | None = None
    last_payment_error: dict[str, Any] | None = None
    next_action: dict[str, Any] | None = None
    metadata: dict[str, str] = {}


class Session(BaseModel):
    id: str = Field(pattern=ID)
    status: Literal["open", "complete", "expired"]
    url: str | None = Field(default=None, pattern=r"^https?://", max_length=4096)
    amount_total: int
    currency: str = Field(pattern=r"^[a-z]{3}$")
    payment_intent: Intent | str | None = None
    metadata: dict[str, str] = {}


class Refund(BaseModel):
    id: str = Field(pattern=ID)
    status: str
    amount: int
    currency: str
    failure_reason: str | None = None
    metadata: dict[str, str] = {}


class Refunds(BaseModel):
    data: list[Refund]


def our_id(metadata: Mapping[str, str], name: str) -> UUID | None:
    try:
        return UUID(metadata[name])
    except (KeyError, ValueError):
        return None


def of_session(shown: Session) -> ProviderPayment:
    intent = shown.payment_intent if isinstance(shown.payment_intent, Intent) else None
    amount = money(shown.amount_total, shown.currency)
    base = ProviderPayment(
        id=shown.id, our_id=our_id(shown.metadata, "payment_id"), status="pending", amount=amount, link=shown.url
    )
    if shown.status == "expired":
        return ProviderPayment(
            **{**_dict(base), "status": "cancelled", "link": None, "reason": "expired", "expired": True}
        )
    if shown.status == "open" or intent is None:
        return base
    paid = of_intent(intent)
    # A completed session whose money is still on its way (e.g. a bank transfer) goes on being pending.
    return ProviderPayment(**{**_dict(paid), "id": shown.id, "our_id": base.our_id})


def _dict(payment: ProviderPayment) -> dict[str, Any]:
    return {name: getattr(payment, name) for name in ProviderPayment.__slots__}


def of_intent(shown: Intent) -> ProviderPayment:
    succeeded = shown.status == "succeeded"
    declined = shown.status == "requires_payment_method" and shown.last_payment_error is not None
    cancelled = shown.status == "canceled" or declined
    status: Literal["pending", "reserved", "succeeded", "cancelled"] = "pending"
    if succeeded or cancelled:
        status = "succeeded" if succeeded else "cancelled"
    elif shown.status == "requires_capture":
        status = "reserved"
    action = (shown.next_action or {}).get("redirect_to_url") or {}
    error = shown.last_payment_error or {}
    return ProviderPayment(
        id=shown.id,
        our_id=our_id(shown.metadata, "payment_id"),
        status=status,
        amount=money(shown.amount_received if succeeded else shown.amount, shown.currency),
        link=action.get("url"),
        method=_method_name(shown.payment_method),
        paid_at=datetime.fromtimestamp(shown.created, UTC) if succeeded else None,
        reason=str(error.get("decline_code") or error.get("code") or shown.cancellation_reason or "cancelled")
        if cancelled
        else None,
        expired=shown.status == "canceled",
        saved=_saved(shown),
    )


def _method_name(method: Method | str | None) -> str | None:
    if not isinstance(method, Method):
        return None
    return "bank_card" if method.type == "card" else method.type


def _saved(shown: Intent) -> SavedMethod | None:
    method = shown.payment_method
    if not isinstance(method, Method) or method.card is None or shown.setup_future_usage is None:
        return None
    customer = shown.customer or method.customer
    if customer is None:
        return None
    return SavedMethod(token=f"{customer}:{method.id}", title=f"{method.card.brand.capitalize()} *{method.card.last4}")


def of_refund(shown: Refund) -> ProviderRefund:
    status: Literal["pending", "succeeded", "cancelled"] = "pending"
    if shown.status == "succeeded":
        status = "succeeded"
    elif shown.status in {"failed", "canceled"}:
        status = "cancelled"
    return ProviderRefund(
        id=shown.id,
        our_id=our_id(shown.metadata, "refund_id"),
        status=status,
        amount=money(shown.amount, shown.currency),
        reason=shown.failure_reason or (shown.status if status == "cancelled" else None),
    )
