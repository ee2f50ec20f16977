"""YooKassa, API v3 (https://yookassa.ru/developers/api): the only file that knows it."""

from collections.abc import Mapping
from datetime import UTC, timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import UUID

import httpx2
from foyer_chassis import log
from foyer_contracts.money import Money
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from ..advances.domain import Offset
from ..paying.domain import (
    Choice,
    Payment,
    ProviderPayment,
    ProviderRefusedError,
    ProviderUnclearError,
    SavedMethod,
)
from ..refunding.domain import ProviderRefund, Refund

NAME = "yookassa"
DESCRIPTION_CHARACTERS = 128
LONGEST_RETRY_AFTER = timedelta(minutes=5)
#: Not the payment's fault: our credentials or quota, or a request still at work. Nothing was done.
_NOT_NOW = frozenset({401, 403, 408, 409, 425, 429})

M = TypeVar("M", bound=BaseModel)

_logger = log.get(__name__)


class _Amount(BaseModel):
    value: str
    currency: str

    def money(self) -> Money:
        return Money.from_decimal_string(self.value, self.currency)


class _Confirmation(BaseModel):
    confirmation_url: str | None = Field(default=None, pattern=r"^https?://", max_length=2048)


class _Method(BaseModel):
    type: str
    id: str | None = Field(default=None, max_length=64)
    saved: bool = False
    title: str | None = Field(default=None, max_length=200)


class _Cancellation(BaseModel):
    party: str
    reason: str


class _Payment(BaseModel):
    id: str = Field(pattern=r"^[0-9A-Za-z_-]{1,64}$")
    status: str = Field(pattern=r"^(pending|waiting_for_capture|succeeded|canceled)$")
    amount: _Amount
    confirmation: _Confirmation | None = None
    payment_method: _Method | None = None
    captured_at: AwareDatetime | None = None
    cancellation_details: _Cancellation | None = None
    metadata: dict[str, Any] | None = None


class _Refund(BaseModel):
    id: str = Field(pattern=r"^[0-9A-Za-z_-]{1,64}$")
    status: str = Field(pattern=r"^(pending|succeeded|canceled)$")
    amount: _Amount
    cancellation_details: _Cancellation | None = None
    metadata: dict[str, Any] | None = None


class _SettlingReceipt(BaseModel):
    id: str = Field(pattern=r"^[0-9A-Za-z_-]{1,64}$")


class _Refunds(BaseModel):
    items: list[_Refund]


class YooKassa:
    """A shop at YooKassa.

    A request is repeated with its idempotence key until it has an answer: the provider keeps keys for 24 hours and
    answers a repeat with the same object.
    """

    name = NAME
    #: A refund's "succeeded" is final: https://yookassa.ru/developers/payment-acceptance/after-the-payment/refunds
    refunds_fail_within = timedelta(0)

    def __init__(
        self,
        *,
        url: str,
        shop_id: str,
        secret_key: str,
        return_url: str,
        timeout_seconds: float,
        connections: int,
        two_stage: bool = False,
    ) -> None:
        """`two_stage`: money is reserved first, and taken once we have seen that it is still wanted."""
        self._two_stage = two_stage
        self._return_url = return_url
        self._client = httpx2.AsyncClient(
            base_url=url.rstrip("/"),
            auth=httpx2.BasicAuth(shop_id, secret_key),
            timeout=timeout_seconds,
            limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections),
            follow_redirects=False,
            trust_env=False,
        )

    async def create_payment(self, payment: Payment) -> ProviderPayment:
        body = {
            "amount": _amount(payment.charged),
            "capture": not self._two_stage,
            "confirmation": {"type": "redirect", "return_url": self._return_to(payment)},
            **_choice(payment.choice),
            **_receipt(payment.receipt),
            "description": payment.description[:DESCRIPTION_CHARACTERS],
            "metadata": {
                "payment_id": str(payment.id),
                "invoice_id": str(payment.invoice_id),
                **({"order_id": str(payment.order_id)} if payment.order_id else {}),
            },
        }
        return _payment(await self._ask("POST", "/payments", _Payment, body=body, key=str(payment.id)))

    async def close_receipt(self, payment: Payment, receipt: Mapping[str, Any]) -> str:
        """The receipt that follows a prepayment when what was paid for is delivered (54-FZ); its id."""
        return await self._settling_receipt(
            "payment", payment.provider_payment_id or "", receipt, key=f"{payment.id}-closing"
        )

    async def offset_receipt(self, offset: Offset) -> str:
        """The receipt by which a delivered order offsets an advance, or by which it gives that back; its id. It is kept
        at the payment that brought the advance, which it does not change."""
        kind = "payment" if offset.kind == "offset" else "refund"
        return await self._settling_receipt(kind, offset.top_up_number, offset.receipt, key=f"{offset.id}-offset")

    async def _settling_receipt(self, kind: str, payment_id: str, receipt: Mapping[str, Any], *, key: str) -> str:
        total = sum(item["total"] for item in receipt["items"])
        body = {
            "type": kind,
            "payment_id": payment_id,
            **_receipt(receipt)["receipt"],
            "send": True,
            "settlements": [{"type": "prepayment", "amount": _amount(Money(amount=total, currency="RUB"))}],
        }
        return (await self._ask("POST", "/receipts", _SettlingReceipt, body=body, key=key)).id

    async def get_payment(self, provider_payment_id: str) -> ProviderPayment:
        return _payment(await self._ask("GET", f"/payments/{provider_payment_id}", _Payment))

    async def close_page(self, payment: Payment) -> ProviderPayment | None:
        """A page of YooKassa's stays until its time is over."""
        return None

    async def capture_payment(self, payment: Payment) -> ProviderPayment:
        path = f"/payments/{payment.provider_payment_id}/capture"
        return _payment(await self._ask("POST", path, _Payment, body={}, key=f"{payment.id}-capture"))

    async def release_payment(self, payment: Payment) -> ProviderPayment:
        path = f"/payments/{payment.provider_payment_id}/cancel"
        return _payment(await self._ask("POST", path, _Payment, body={}, key=f"{payment.id}-cancel"))

    async def create_refund(self, refund: Refund) -> ProviderRefund:
        body = {
            "payment_id": refund.provider_payment_id,
            "amount": _amount(refund.paid_out),
            **_receipt(refund.receipt),
            "metadata": {"refund_id": str(refund.id), "order_id": str(refund.order_id)},
        }
        return _refund(await self._ask("POST", "/refunds", _Refund, body=body, key=refund.provider_key))

    async def get_refund(self, provider_refund_id: str) -> ProviderRefund:
        return _refund(await self._ask("GET", f"/refunds/{provider_refund_id}", _Refund))

    async def find_refund(self, refund: Refund) -> ProviderRefund | None:
        query = {"payment_id": refund.provider_payment_id or "", "limit": "100"}
        found = await self._ask("GET", "/refunds", _Refunds, query=query)
        ours = [item for item in map(_refund, found.items) if item.our_id == refund.id and item.status != "cancelled"]
        return ours[0] if ours else None

    async def close(self) -> None:
        await self._client.aclose()

    def _return_to(self, payment: Payment) -> str:
        parts = urlsplit(self._return_url)
        about = ("order_id", str(payment.order_id)) if payment.order_id else ("invoice_id", str(payment.invoice_id))
        return urlunsplit(
            parts._replace(query=urlencode([*parse_qsl(parts.query), about, ("payment_id", str(payment.id))]))
        )

    async def _ask(
        self,
        method: str,
        path: str,
        model: type[M],
        *,
        body: Mapping[str, Any] | None = None,
        key: str | None = None,
        query: Mapping[str, str] | None = None,
    ) -> M:
        headers = {} if key is None else {"Idempotence-Key": key}
        try:
            answer = await self._client.request(method, path, json=body, params=query, headers=headers)
        except httpx2.HTTPError as error:
            raise ProviderUnclearError(type(error).__name__) from error
        if answer.status_code != 200:
            raise _error(method, path, answer)
        try:
            return model.model_validate_json(answer.content)
        except ValidationError as error:
            _logger.error("provider_answer_unreadable", path=path, errors=error.error_count())
            raise ProviderUnclearError("unreadable answer") from None


def _error(method: str, path: str, answer: httpx2.Response) -> ProviderRefusedError | ProviderUnclearError:
    """A refusal only where the provider says so for good; everything else is asked again."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        body = {}
    code = str(body.get("code") or f"http_{answer.status_code}")[:100]
    parameter = body.get("parameter")
    _logger.warning(
        "provider_error",
        method=method,
        path=path,
        status=answer.status_code,
        code=code,
        parameter=parameter,
        description=str(body.get("description") or "")[:200],
    )
    # A key used for another body: the request changed between two attempts, and the first may have worked.
    key_reused = parameter == "Idempotence-Key"
    if 400 <= answer.status_code < 500 and answer.status_code not in _NOT_NOW and body and not key_reused:
        return ProviderRefusedError(f"{code}:{parameter}"[:200] if parameter else code)
    return ProviderUnclearError(code, retry_after=_retry_after(answer, body))


def _retry_after(answer: httpx2.Response, body: Mapping[str, Any]) -> timedelta | None:
    """The `Retry-After` header in seconds, or `retry_after` of the body in milliseconds."""
    header, member = answer.headers.get("retry-after", ""), body.get("retry_after")
    if header.isascii() and header.isdigit():
        return min(timedelta(seconds=int(header[:9])), LONGEST_RETRY_AFTER)
    if isinstance(member, int) and 0 <= member < 10**9:
        return min(timedelta(milliseconds=member), LONGEST_RETRY_AFTER)
    return None


def _amount(amount: Money) -> dict[str, str]:
    return {"value": amount.to_decimal_string(), "currency": amount.currency}


def _choice(choice: Choice) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    if choice.card_token is not None:
        chosen["payment_method_id"] = choice.card_token
    elif choice.way is not None:
        chosen["payment_method_data"] = {"type": choice.way}
    if choice.save_card and choice.card_token is None:
        chosen["save_payment_method"] = True
    return chosen


#: https://yookassa.ru/developers/payment-acceptance/receipts/54fz/parameters-values#vat-codes; what is paid before
#: it is delivered is taxed at the estimated rate (10/110).
_VAT_CODES = {None: 1, 0: 2, 10: 3, 20: 4, 5: 7, 7: 8, 22: 11}
_ESTIMATED_VAT_CODES = {None: 1, 0: 2, 10: 5, 20: 6, 5: 9, 7: 10, 22: 12}


def _receipt(receipt: Mapping[str, Any] | None) -> dict[str, Any]:
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


def _money(amount: _Amount) -> Money:
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


def _payment(shown: _Payment) -> ProviderPayment:
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


def _saved(method: _Method | None) -> SavedMethod | None:
    if method is None or not method.saved or method.id is None:
        return None
    return SavedMethod(token=method.id, title=method.title or method.type)


_BY_TIME_OR_US = frozenset({"expired_on_confirmation", "expired_on_capture", "canceled_by_merchant"})


def _refund(shown: _Refund) -> ProviderRefund:
    return ProviderRefund(
        id=shown.id,
        our_id=our_id(shown.metadata, "refund_id"),
        status="cancelled" if shown.status == "canceled" else shown.status,  # type: ignore[arg-type]
        amount=_money(shown.amount),
        reason=shown.cancellation_details.reason if shown.cancellation_details else None,
    )


class Notification(BaseModel):
    """What a webhook is read for: which object changed. Everything else in it is not believed."""

    class Object(BaseModel):
        id: str = Field(min_length=1, max_length=64)
        metadata: dict[str, Any] | None = None

    event: str = Field(max_length=64)
    object: Object

    @property
    def about(self) -> str:
        """`payment`, `refund`, or something that does not concern us."""
        return self.event.partition(".")[0]

    @property
    def our_payment_id(self) -> UUID | None:
        return our_id(self.object.metadata, "payment_id")
