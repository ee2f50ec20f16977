"""What YooKassa answers (https://yookassa.ru/developers/api), and that in our words."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any
from uuid import UUID

from foyer_contracts.money import Money
from pydantic import AwareDatetime, BaseModel, Field

from ...paying.domain import ProviderPayment, ProviderUnclearError, SavedMethod
from ...refunding.domain import ProviderRefund

_BY_TIME_OR_US = frozenset({"expired_on_confirmation", "expired_on_capture", "canceled_by_merchant"})


class Amount(BaseModel):
    value: str
    currency: str

    def money(self) -> Money:
        return Money.from_decimal_string(self.value, self.currency)


class Confirmation(BaseModel):
    confirmation_url: str | None = Field(default=None, pattern=r"^https?://", max_length=2048)


class Method(BaseModel):
    type: str
    id: str | None = Field(default=None, max_length=64)
    saved: bool = False
    title: str | None = Field(default=None, max_length=200)


class Cancellation(BaseModel):
    party: str
    reason: str


class Payment(BaseModel):
    id: str = Field(pattern=r"^[0-9A-Za-z_-]{1,64}$")
    status: str = Field(pattern=r"^(pending|waiting_for_capture|succeeded|canceled)$")
    amount: Amount
    confirmation: Confirmation | None = None
    payment_method: Method | None = None
    captured_at: AwareDatetime | None = None
    cancellation_details: Cancellation | None = None
    metadata: dict[str, Any] | None = None


class Refund(BaseModel):
    id: str = Field(pattern=r"^[0-9A-Za-z_-]{1,64}$")
    status: str = Field(pattern=r"^(pending|succeeded|canceled)$")
    amount: Amount
    cancellation_details: Cancellation | None = None
    metadata: dict[str, Any] | None = None


class SettlingReceipt(BaseModel):
    id: str = Field(pattern=r"^[0-9A-Za-z_-]{1,64}$")


class Refunds(BaseModel):
    items: list[Refund]


def amount(money: Money) -> dict[str, str]:
    return {"value": money.to_decimal_string(), "currency": money.currency}


def _money(amount: Amount) -> Money:
    try:
        return amount.money()
    except ValueError:
        raise ProviderUnclearError("unreadable amount") from None


def our_id(metadata: Mapping[str, Any] | None, name: str) -> UUID | None:
    """The id of ours in an object's metadata."""
    try:
        return UUID(str((metadata or {})[name]))
    except (KeyError, ValueError):
        return None


def of_payment(shown: Payment) -> ProviderPayment:
    details = shown.cancellation_details
    return ProviderPayment(
        id=shown.id,
        our_id=our_id(shown.metadata, "payment_id"),
        status={
            "pending": "pending",
            "waiting_for_capture": "reserved",
            "succeeded": "succeeded",
            "canceled": "cancelled",
        }[shown.status],  # type: ignore[arg-type]
        amount=_money(shown.amount),
        link=shown.confirmation.confirmation_url if shown.confirmation else None,
        method=shown.payment_method.type if shown.payment_method else None,
        paid_at=shown.captured_at.astimezone(UTC) if shown.captured_at else None,
        reason=details.reason if details else None,
        saved=_saved(shown.payment_method),
        expired=details is not None and details.reason in _BY_TIME_OR_US,
    )


def _saved(method: Method | None) -> SavedMethod | None:
    if method is None or not method.saved or method.id is None:
        return None
    return SavedMethod(token=method.id, title=method.title or method.type)


def of_refund(shown: Refund) -> ProviderRefund:
    return ProviderRefund(
        id=shown.id,
        our_id=our_id(shown.metadata, "refund_id"),
        status="cancelled" if shown.status == "canceled" else shown.status,  # type: ignore[arg-type]
        amount=_money(shown.amount),
        reason=shown.cancellation_details.reason if shown.cancellation_details else None,
    )
