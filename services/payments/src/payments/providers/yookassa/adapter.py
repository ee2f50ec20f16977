"""YooKassa, API v3 (https://yookassa.ru/developers/api): what it is asked, and what of its errors is definite."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeVar

import httpx2
from foyer_chassis import log
from foyer_contracts.money import Money
from pydantic import BaseModel, ValidationError

from ...advances.domain import Offset
from ...paying.domain import Choice, Payment, ProviderPayment, ProviderRefusedError, ProviderUnclearError
from ...providing import Connection
from ...refunding.domain import ProviderRefund, Refund
from . import shapes
from .receipts import receipt_of

DESCRIPTION_CHARACTERS = 128
LONGEST_RETRY_AFTER = timedelta(minutes=5)
#: Not the payment's fault: our credentials or quota, or a request still at work. Nothing was done.
_NOT_NOW = frozenset({401, 403, 408, 409, 425, 429})

M = TypeVar("M", bound=BaseModel)

_logger = log.get(__name__)


class YooKassa:
    """A shop at YooKassa.

    A request is repeated with its idempotence key until it has an answer: the provider keeps keys for 24 hours and
    answers a repeat with the same object.
    """

    def __init__(
        self,
        *,
        url: str,
        shop_id: str,
        secret_key: str,
        connection: Connection,
    ) -> None:
        self._connection = connection
        self._client = httpx2.AsyncClient(
            base_url=url.rstrip("/"),
            auth=httpx2.BasicAuth(shop_id, secret_key),
            timeout=connection.timeout_seconds,
            limits=httpx2.Limits(
                max_connections=connection.connections, max_keepalive_connections=connection.connections
            ),
            follow_redirects=False,
            trust_env=False,
        )

    async def create_payment(self, payment: Payment) -> ProviderPayment:
        body = {
            "amount": shapes.amount(payment.charged),
            "capture": not self._connection.two_stage,
            "confirmation": {"type": "redirect", "return_url": self._connection.return_to(payment)},
            **_choice(payment.choice),
            **receipt_of(payment.receipt),
            "description": payment.description[:DESCRIPTION_CHARACTERS],
            "metadata": {
                "payment_id": str(payment.id),
                "invoice_id": str(payment.invoice_id),
                **({"order_id": str(payment.order_id)} if payment.order_id else {}),
            },
        }
        return shapes.of_payment(await self._ask("POST", "/payments", shapes.Payment, body=body, key=str(payment.id)))

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
            **receipt_of(receipt)["receipt"],
            "send": True,
            "settlements": [{"type": "prepayment", "amount": shapes.amount(Money(amount=total, currency="RUB"))}],
        }
        return (await self._ask("POST", "/receipts", shapes.SettlingReceipt, body=body, key=key)).id

    async def get_payment(self, provider_payment_id: str) -> ProviderPayment:
        return shapes.of_payment(await self._ask("GET", f"/payments/{provider_payment_id}", shapes.Payment))

    async def close_page(self, payment: Payment) -> ProviderPayment | None:
        """A page of YooKassa's stays until its time is over."""
        return None

    async def capture_payment(self, payment: Payment) -> ProviderPayment:
        path = f"/payments/{payment.provider_payment_id}/capture"
        return shapes.of_payment(await self._ask("POST", path, shapes.Payment, body={}, key=f"{payment.id}-capture"))

    async def release_payment(self, payment: Payment) -> ProviderPayment:
        path = f"/payments/{payment.provider_payment_id}/cancel"
        return shapes.of_payment(await self._ask("POST", path, shapes.Payment, body={}, key=f"{payment.id}-cancel"))

    async def create_refund(self, refund: Refund) -> ProviderRefund:
        body = {
            "payment_id": refund.provider_payment_id,
            "amount": shapes.amount(refund.paid_out),
            **receipt_of(refund.receipt),
            "metadata": {"refund_id": str(refund.id), "order_id": str(refund.order_id)},
        }
        return shapes.of_refund(await self._ask("POST", "/refunds", shapes.Refund, body=body, key=refund.provider_key))

    async def get_refund(self, provider_refund_id: str) -> ProviderRefund:
        return shapes.of_refund(await self._ask("GET", f"/refunds/{provider_refund_id}", shapes.Refund))

    async def find_refund(self, refund: Refund) -> ProviderRefund | None:
        query = {"payment_id": refund.provider_payment_id or "", "limit": "100"}
        found = await self._ask("GET", "/refunds", shapes.Refunds, query=query)
        ours = [
            item
            for item in map(shapes.of_refund, found.items)
            if item.our_id == refund.id and item.status != "cancelled"
        ]
        return ours[0] if ours else None

    async def close(self) -> None:
        await self._client.aclose()

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


def _choice(choice: Choice) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    if choice.card_token is not None:
        chosen["payment_method_id"] = choice.card_token
    elif choice.way is not None:
        chosen["payment_method_data"] = {"type": choice.way}
    if choice.save_card and choice.card_token is None:
        chosen["save_payment_method"] = True
    return chosen
