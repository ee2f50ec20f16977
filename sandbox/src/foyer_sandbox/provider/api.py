"""YooKassa's API v3: `/v3/payments`, `/v3/refunds`, `/v3/me`."""

import base64
import binascii
import json
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from foyer_sandbox.provider import domain
from foyer_sandbox.provider.bank import Bank, Result
from foyer_sandbox.provider.errors import ApiError, invalid
from foyer_sandbox.provider.switches import ProviderSwitches
from foyer_sandbox.provider.webhooks import Courier
from foyer_sandbox.switches import SwitchBoard

MAX_PAGE = 100
STATUSES = {"pending", "waiting_for_capture", "succeeded", "canceled"}


def shop_only(shop_id: str, secret_key: str) -> Callable[[Request], Awaitable[None]]:
    """HTTP Basic: shop id and secret key; else 401 `invalid_credentials`."""
    expected = f"{shop_id}:{secret_key}".encode()

    async def check(request: Request) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        try:
            credentials = base64.b64decode(given.strip(), validate=True) if scheme.lower() == "basic" else b""
        except binascii.Error:
            credentials = b""
        if not secrets.compare_digest(credentials, expected):
            raise ApiError(401, "Shop id or secret key is wrong", "Authorization")

    return check


async def json_body(request: Request) -> dict[str, Any]:
    """The body as an object, `{}` when there is none; 415 for another content type, 400 for anything else."""
    raw = await request.body()
    if not raw:
        return {}
    if not request.headers.get("content-type", "").lower().startswith("application/json"):
        raise ApiError(415, "Content-Type must be application/json", "Content-Type")
    try:
        body = json.loads(raw)
    except ValueError:
        raise invalid("Body is not JSON") from None
    if not isinstance(body, dict):
        raise invalid("Body must be a JSON object")
    return body


def api_routes(
    bank: Bank, courier: Courier, board: SwitchBoard[ProviderSwitches], shop_id: str, secret_key: str
) -> APIRouter:
    """All routes of the API."""
    router = APIRouter(prefix="/v3", tags=["YooKassa API v3"], dependencies=[Depends(shop_only(shop_id, secret_key))])

    async def answer(result: Result) -> JSONResponse:
        if board.now.webhook_before_answer:
            await courier.post_now(result.notifications)
        courier.wake()
        return JSONResponse(result.shown)

    async def once(request: Request, work: Callable[[dict[str, Any]], Result]) -> JSONResponse:
        body = await json_body(request)
        key = request.headers.get("idempotence-key")
        return await answer(bank.once(key, request.url.path, body, lambda: work(body)))

    @router.post("/payments")
    async def create_payment(request: Request) -> JSONResponse:
        return await once(request, bank.create_payment)

    @router.get("/payments")
    async def list_payments(request: Request) -> JSONResponse:
        query = request.query_params
        limit, before = _limit(query.get("limit")), _cursor(query.get("cursor"))
        status = query.get("status")
        if status is not None and status not in STATUSES:
            raise invalid("Unknown status", "status")
        since = _instant(query.get("created_at.gte"), "created_at.gte")
        found = bank.store.payments(status, since, before, limit + 1)
        shown: dict[str, Any] = {"type": "list", "items": [bank.shown(payment.id) for payment in found[:limit]]}
        if len(found) > limit:
            last = found[limit - 1]
            shown["next_cursor"] = f"{last.created_at.timestamp()!r}_{last.id}"
        return JSONResponse(shown)

    @router.get("/payments/{payment_id}")
    async def read_payment(payment_id: str) -> JSONResponse:
        if bank.store.payment(payment_id) is None:
            raise ApiError(404, "Payment doesn't exist or access denied", "payment_id")
        return JSONResponse(bank.shown(payment_id))

    @router.post("/payments/{payment_id}/capture")
    async def capture(payment_id: str, request: Request) -> JSONResponse:
        return await once(request, lambda body: bank.capture(payment_id, body))

    @router.post("/payments/{payment_id}/cancel")
    async def cancel(payment_id: str, request: Request) -> JSONResponse:
        return await once(request, lambda _: bank.cancel(payment_id))

    @router.post("/refunds")
    async def create_refund(request: Request) -> JSONResponse:
        return await once(request, bank.refund)

    @router.get("/refunds")
    async def list_refunds(request: Request) -> JSONResponse:
        found = bank.store.refunds(request.query_params.get("payment_id"), _limit(request.query_params.get("limit")))
        return JSONResponse({"type": "list", "items": [domain.refund_object(refund) for refund in found]})

    @router.get("/refunds/{refund_id}")
    async def read_refund(refund_id: str) -> JSONResponse:
        refund = bank.store.refund(refund_id)
        if refund is None:
            raise ApiError(404, "Refund doesn't exist or access denied", "refund_id")
        return JSONResponse(domain.refund_object(refund))

    @router.post("/receipts")
    async def create_receipt(request: Request) -> JSONResponse:
        return await once(request, bank.receipt)

    @router.get("/receipts/{receipt_id}")
    async def read_receipt(receipt_id: str) -> JSONResponse:
        if bank.store.receipt(receipt_id) is None:
            raise ApiError(404, "Receipt doesn't exist or access denied", "receipt_id")
        return JSONResponse(bank.shown(receipt_id))

    @router.get("/me")
    async def me() -> JSONResponse:
        return JSONResponse(
            {
                "account_id": shop_id,
                "status": "enabled",
                "test": True,
                "fiscalization": {"enabled": True, "provider": "fns"},
                "payment_methods": ["bank_card", "sbp"],
            }
        )

    return router


def _limit(value: str | None) -> int:
    if value is None:
        return 10
    if not value.isdecimal() or not 1 <= int(value) <= MAX_PAGE:
        raise invalid(f"limit is a number from 1 to {MAX_PAGE}", "limit")
    return int(value)


def _cursor(value: str | None) -> tuple[float, str] | None:
    if value is None:
        return None
    at, _, payment_id = value.partition("_")
    try:
        return float(at), payment_id
    except ValueError:
        raise invalid("Unknown cursor", "cursor") from None


def _instant(value: str | None, parameter: str) -> float:
    if value is None:
        return 0
    try:
        return datetime.fromisoformat(value).timestamp()
    except ValueError:
        raise invalid("An instant such as 2026-07-18T10:51:18.139Z is needed", parameter) from None
