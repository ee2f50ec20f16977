"""Stripe (https://docs.stripe.com/api): with `stripe_disputes` and `stripe_events`, the only one that knows it.

A page is a Checkout Session; a saved card is charged by a PaymentIntent without the customer at hand. Amounts are in
the currency's smallest unit as ours, with the exceptions of https://docs.stripe.com/currencies: see `units`.
"""

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import UUID

import httpx2
from foyer_chassis import log
from foyer_contracts.money import Money
from pydantic import BaseModel, Field, ValidationError

from ..cards.domain import Forgotten
from ..paying.domain import (
    Payment,
    ProviderPayment,
    ProviderRefusedError,
    ProviderUnclearError,
    SavedMethod,
)
from ..refunding.domain import ProviderRefund, Refund

NAME = "stripe"
API_VERSION = "2024-06-20"
#: "This process can take up to 30 days from the post date": https://docs.stripe.com/refunds#failed-refunds
REFUNDS_FAIL_WITHIN = timedelta(days=30)
LONGEST_RETRY_AFTER = timedelta(minutes=5)
_NOT_NOW = frozenset({401, 403, 409, 424, 429})
_ID = r"^[A-Za-z]{2,12}_[0-9A-Za-z_]{1,120}$"

#: Digits after the point that Stripe writes an amount with, where they are not those of ISO 4217.
_OTHER_EXPONENTS = {"ISK": 2, "UGX": 2, "MGA": 0}
#: Digits at the end of an amount that must be zeros there: of three decimals the last one is never charged.
_ZEROS_AT_THE_END = {"BHD": 1, "JOD": 1, "KWD": 1, "OMR": 1, "TND": 1}

M = TypeVar("M", bound=BaseModel)

_logger = log.get(__name__)


class _Card(BaseModel):
    brand: str = "card"
    last4: str = Field(pattern=r"^[0-9]{4}$")


class _Method(BaseModel):
    id: str = Field(pattern=_ID)
    type: str
    customer: str | None = Field(default=None, pattern=_ID)
    card: _Card | None = None


class _Intent(BaseModel):
    id: str = Field(pattern=_ID)
    status: str
    amount: int
    amount_received: int = 0
    currency: str = Field(pattern=r"^[a-z]{3}$")
    created: int
    customer: str | None = None
    payment_method: _Method | str | None = None
    setup_future_usage: str | None = None
    cancellation_reason: str | None = None
    last_payment_error: dict[str, Any] | None = None
    next_action: dict[str, Any] | None = None
    metadata: dict[str, str] = {}


class _Session(BaseModel):
    id: str = Field(pattern=_ID)
    status: Literal["open", "complete", "expired"]
    url: str | None = Field(default=None, pattern=r"^https?://", max_length=4096)
    amount_total: int
    currency: str = Field(pattern=r"^[a-z]{3}$")
    payment_intent: _Intent | str | None = None
    metadata: dict[str, str] = {}


class _Refund(BaseModel):
    id: str = Field(pattern=_ID)
    status: str
    amount: int
    currency: str
    failure_reason: str | None = None
    metadata: dict[str, str] = {}


class _Refunds(BaseModel):
    data: list[_Refund]


class Stripe:
    """An account at Stripe. A request is repeated with its idempotency key until it has an answer."""

    name = NAME
    refunds_fail_within = REFUNDS_FAIL_WITHIN

    def __init__(
        self,
        *,
        url: str,
        secret_key: str,
        return_url: str,
        timeout_seconds: float,
        connections: int,
        two_stage: bool = False,
    ) -> None:
        self._two_stage = two_stage
        self._return_url = return_url
        self._client = httpx2.AsyncClient(
            base_url=url.rstrip("/"),
            headers={"Authorization": f"Bearer {secret_key}", "Stripe-Version": API_VERSION},
            timeout=timeout_seconds,
            limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections),
            follow_redirects=False,
            trust_env=False,
        )

    async def create_payment(self, payment: Payment) -> ProviderPayment:
        if payment.choice.card_token is not None:
            return await self._charge_saved(payment)
        intent: dict[str, Any] = {"metadata": _about(payment)}
        if self._two_stage:
            intent["capture_method"] = "manual"
        body: dict[str, Any] = {
            "mode": "payment",
            "client_reference_id": str(payment.id),
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": payment.charged.currency.lower(),
                        "unit_amount": units(payment.charged),
                        "product_data": {"name": payment.description[:250]},
                    },
                }
            ],
            "metadata": _about(payment),
            "success_url": self._return_to(payment),
            "cancel_url": self._return_to(payment),
            "payment_intent_data": intent,
        }
        if payment.choice.email is not None:
            body["customer_email"] = payment.choice.email
        if payment.choice.way is not None:
            body["payment_method_types"] = ["card"]
        if payment.choice.save_card:
            body["customer_creation"] = "always"
            intent["setup_future_usage"] = "off_session"
        return _session(await self.ask("POST", "/v1/checkout/sessions", _Session, body=body, key=str(payment.id)))

    async def _charge_saved(self, payment: Payment) -> ProviderPayment:
        customer, _, method = (payment.choice.card_token or "").partition(":")
        body: dict[str, Any] = {
            "amount": units(payment.charged),
            "currency": payment.charged.currency.lower(),
            "customer": customer,
            "payment_method": method,
            "off_session": True,
            "confirm": True,
            "description": payment.description[:250],
            "metadata": _about(payment),
            "expand": ["payment_method"],
        }
        if self._two_stage:
            body["capture_method"] = "manual"
        if payment.choice.email is not None:
            body["receipt_email"] = payment.choice.email
        return _intent(await self.ask("POST", "/v1/payment_intents", _Intent, body=body, key=str(payment.id)))

    async def get_payment(self, provider_payment_id: str) -> ProviderPayment:
        if provider_payment_id.startswith("pi_"):
            path, query = f"/v1/payment_intents/{provider_payment_id}", {"expand": ["payment_method"]}
            return _intent(await self.ask("GET", path, _Intent, query=query))
        return _session(await self._whole_session(provider_payment_id))

    async def _whole_session(self, id_: str) -> _Session:
        query = {"expand": ["payment_intent.payment_method"]}
        return await self.ask("GET", f"/v1/checkout/sessions/{id_}", _Session, query=query)

    async def close_page(self, payment: Payment) -> ProviderPayment | None:
        id_ = payment.provider_payment_id or ""
        if id_.startswith("pi_"):
            return None
        # Refused: it was paid, or had expired, a moment before.
        with contextlib.suppress(ProviderRefusedError):
            await self.ask("POST", f"/v1/checkout/sessions/{id_}/expire", _Session, body={}, key=f"{payment.id}-expire")
        return await self.get_payment(id_)

    async def capture_payment(self, payment: Payment) -> ProviderPayment:
        return await self._decide(payment, "capture")

    async def release_payment(self, payment: Payment) -> ProviderPayment:
        return await self._decide(payment, "cancel")

    async def _decide(self, payment: Payment, verb: str) -> ProviderPayment:
        id_ = payment.provider_payment_id or ""
        intent_id = id_
        if not id_.startswith("pi_"):
            found = (await self._whole_session(id_)).payment_intent
            if not isinstance(found, _Intent):
                raise ProviderUnclearError("no payment intent")
            intent_id = found.id
        await self.ask("POST", f"/v1/payment_intents/{intent_id}/{verb}", _Intent, body={}, key=f"{payment.id}-{verb}")
        return await self.get_payment(id_)

    async def create_refund(self, refund: Refund) -> ProviderRefund:
        body = {
            "payment_intent": await self._intent_of(refund.provider_payment_id or ""),
            "amount": units(refund.paid_out),
            "metadata": {"refund_id": str(refund.id), "order_id": str(refund.order_id)},
        }
        return _refund(await self.ask("POST", "/v1/refunds", _Refund, body=body, key=refund.provider_key))

    async def get_refund(self, provider_refund_id: str) -> ProviderRefund:
        return _refund(await self.ask("GET", f"/v1/refunds/{provider_refund_id}", _Refund))

    async def find_refund(self, refund: Refund) -> ProviderRefund | None:
        query = {"payment_intent": await self._intent_of(refund.provider_payment_id or ""), "limit": 100}
        found = await self.ask("GET", "/v1/refunds", _Refunds, query=query)
        ours = [item for item in map(_refund, found.data) if item.our_id == refund.id and item.status != "cancelled"]
        return ours[0] if ours else None

    async def _intent_of(self, provider_payment_id: str) -> str:
        if provider_payment_id.startswith("pi_"):
            return provider_payment_id
        found = (await self._whole_session(provider_payment_id)).payment_intent
        if found is None:
            raise ProviderUnclearError("no payment intent")
        return found if isinstance(found, str) else found.id

    async def detach_card(self, card: Forgotten) -> None:
        """https://docs.stripe.com/api/payment_methods/detach"""
        method = card.token.partition(":")[2]
        path = "/v1/payment_methods/{}/detach"
        await self.ask("POST", path.format(method), _Method, body={}, key=f"{card.id}-detach", logged_as=path)

    async def close(self) -> None:
        await self._client.aclose()

    def _return_to(self, payment: Payment) -> str:
        parts = urlsplit(self._return_url)
        about = ("order_id", str(payment.order_id)) if payment.order_id else ("invoice_id", str(payment.invoice_id))
        return urlunsplit(
            parts._replace(query=urlencode([*parse_qsl(parts.query), about, ("payment_id", str(payment.id))]))
        )

    async def ask(
        self,
        method: str,
        path: str,
        model: type[M],
        *,
        body: Mapping[str, Any] | None = None,
        key: str | None = None,
        query: Mapping[str, Any] | None = None,
        logged_as: str | None = None,
    ) -> M:
        """`logged_as`: the path for the log, where the real one has a secret in it.

        Raises ProviderRefusedError, ProviderUnclearError.
        """
        headers = {} if key is None else {"Idempotency-Key": key}
        content = None if body is None else urlencode(_form(body)).encode()
        if content is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            answer = await self._client.request(
                method, path, content=content, params=dict(_form(query or {})), headers=headers
            )
        except httpx2.HTTPError as error:
            raise ProviderUnclearError(type(error).__name__) from error
        if answer.status_code != 200:
            raise _error(method, logged_as or path, answer)
        try:
            return model.model_validate_json(answer.content)
        except ValidationError as error:
            _logger.error("provider_answer_unreadable", path=logged_as or path, errors=error.error_count())
            raise ProviderUnclearError("unreadable answer") from None


def _power(digits: int) -> int:
    """Ten to the power of so many digits; 1 below zero."""
    return int("1" + "0" * digits)


def units(amount: Money) -> int:
    """An amount as Stripe counts it: 5 ISK are 500, 5.00 MGA are 5, everything else is as with us.

    Raises:
        ProviderRefusedError: Stripe cannot charge it so finely.
    """
    shift = _OTHER_EXPONENTS.get(amount.currency, amount.exponent) - amount.exponent
    whole, rest = divmod(amount.amount * _power(shift), _power(-shift))
    if rest or whole % _power(_ZEROS_AT_THE_END.get(amount.currency, 0)):
        raise ProviderRefusedError("amount_too_fine")
    return whole


def money(count: int, currency: str) -> Money:
    """The inverse of `units`. Raises ProviderUnclearError: finer than the currency has it."""
    nothing = Money.zero(currency.upper())
    shift = nothing.exponent - _OTHER_EXPONENTS.get(nothing.currency, nothing.exponent)
    amount, rest = divmod(count * _power(shift), _power(-shift))
    if rest:
        raise ProviderUnclearError("unreadable amount")
    return Money(amount=amount, currency=nothing.currency)


def _form(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Nested values as Stripe's forms want them: `line_items[0][price_data][currency]`."""
    pairs: list[tuple[str, str]] = []

    def add(name: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, item in value.items():
                add(f"{name}[{key}]" if name else str(key), item)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                add(f"{name}[{index}]", item)
        elif isinstance(value, bool):
            pairs.append((name, str(value).lower()))
        else:
            pairs.append((name, str(value)))

    add("", values)
    return pairs


def _error(method: str, path: str, answer: httpx2.Response) -> ProviderRefusedError | ProviderUnclearError:
    """A refusal only where the provider says so for good; everything else is asked again."""
    try:
        body = answer.json()
        error = body.get("error") if isinstance(body, dict) else None
    except ValueError:
        error = None
    error = error if isinstance(error, dict) else {}
    kind = str(error.get("type") or "")
    code = str(error.get("decline_code") or error.get("code") or kind or f"http_{answer.status_code}")[:100]
    _logger.warning(
        "provider_error",
        method=method,
        path=path,
        status=answer.status_code,
        code=code,
        parameter=error.get("param"),
    )
    # `idempotency_error`: a key used for another body; the first may have worked.
    if (
        400 <= answer.status_code < 500
        and answer.status_code not in _NOT_NOW
        and kind
        in {
            "card_error",
            "invalid_request_error",
        }
    ):
        return ProviderRefusedError(code)
    header = answer.headers.get("retry-after", "")
    wait = (
        min(timedelta(seconds=int(header[:9])), LONGEST_RETRY_AFTER) if header.isascii() and header.isdigit() else None
    )
    return ProviderUnclearError(code, retry_after=wait)


def _about(payment: Payment) -> dict[str, str]:
    about = {"payment_id": str(payment.id), "invoice_id": str(payment.invoice_id)}
    return about | ({"order_id": str(payment.order_id)} if payment.order_id else {})


def our_id(metadata: Mapping[str, str], name: str) -> UUID | None:
    try:
        return UUID(metadata[name])
    except (KeyError, ValueError):
        return None


def _session(shown: _Session) -> ProviderPayment:
    intent = shown.payment_intent if isinstance(shown.payment_intent, _Intent) else None
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
    paid = _intent(intent)
    # A completed session whose money is still on its way (e.g. a bank transfer) goes on being pending.
    return ProviderPayment(**{**_dict(paid), "id": shown.id, "our_id": base.our_id})


def _dict(payment: ProviderPayment) -> dict[str, Any]:
    return {name: getattr(payment, name) for name in ProviderPayment.__slots__}


def _intent(shown: _Intent) -> ProviderPayment:
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


def _method_name(method: _Method | str | None) -> str | None:
    if not isinstance(method, _Method):
        return None
    return "bank_card" if method.type == "card" else method.type


def _saved(shown: _Intent) -> SavedMethod | None:
    method = shown.payment_method
    if not isinstance(method, _Method) or method.card is None or shown.setup_future_usage is None:
        return None
    customer = shown.customer or method.customer
    if customer is None:
        return None
    return SavedMethod(token=f"{customer}:{method.id}", title=f"{method.card.brand.capitalize()} *{method.card.last4}")


def _refund(shown: _Refund) -> ProviderRefund:
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
