"""A payment provider that nobody here knows: the whole of what it takes to add one, with an API of its own making."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx2
from foyer_contracts.money import Money
from payments.advances.domain import Offset
from payments.cards.domain import Forgotten
from payments.disputes.domain import ProviderDispute, Status
from payments.paying.domain import Payment, ProviderPayment, ProviderRefusedError, ProviderUnclearError, SavedMethod
from payments.providing import Connected, Connection, Notification, OwnSettings, Provider, Webhook
from payments.refunding.domain import ProviderRefund, Refund
from pydantic import Field, SecretStr


class NovaSettings(OwnSettings, env_prefix="FOYER_NOVA_"):
    url: str = Field(default="https://nova.example", description="base address")
    token: SecretStr = SecretStr("")

    @property
    def is_set_up(self) -> bool:
        return bool(self.token.get_secret_value())


class Nova:
    def __init__(self, own: NovaSettings, connection: Connection) -> None:
        self._connection = connection
        self._client = httpx2.AsyncClient(
            base_url=own.url,
            headers={"Authorization": own.token.get_secret_value()},
            timeout=connection.timeout_seconds,
            trust_env=False,
        )

    async def create_payment(self, payment: Payment) -> ProviderPayment:
        body = {
            "amount": payment.charged.model_dump(),
            "way": payment.choice.way,
            "card": f"card-of-{payment.id}" if payment.choice.save_card else None,
            "receipt": payment.receipt,
            "back_to": self._connection.return_to(payment),
        }
        return _payment(await self._ask("PUT", f"/payments/{payment.id}", body))

    async def get_payment(self, provider_payment_id: str) -> ProviderPayment:
        return _payment(await self._ask("GET", f"/payments/{provider_payment_id}"))

    async def close_page(self, payment: Payment) -> ProviderPayment | None:
        return None

    async def capture_payment(self, payment: Payment) -> ProviderPayment:
        raise ProviderRefusedError("one_stage_only")

    async def release_payment(self, payment: Payment) -> ProviderPayment:
        raise ProviderRefusedError("one_stage_only")

    async def create_refund(self, refund: Refund) -> ProviderRefund:
        body = {"payment": refund.provider_payment_id, "amount": refund.paid_out.model_dump(), "ours": str(refund.id)}
        return _refund(await self._ask("PUT", f"/refunds/{refund.provider_key}", body))

    async def get_refund(self, provider_refund_id: str) -> ProviderRefund:
        return _refund(await self._ask("GET", f"/refunds/{provider_refund_id}"))

    async def find_refund(self, refund: Refund) -> ProviderRefund | None:
        return None

    async def close_receipt(self, payment: Payment, receipt: Mapping[str, Any]) -> str:
        body = {"of": payment.provider_payment_id, **receipt}
        return str((await self._ask("PUT", f"/receipts/{payment.id}", body))["id"])

    async def offset_receipt(self, offset: Offset) -> str:
        body = {"of": offset.top_up_number, "kind": offset.kind, **offset.receipt}
        return str((await self._ask("PUT", f"/receipts/{offset.id}", body))["id"])

    async def detach_card(self, card: Forgotten) -> None:
        await self._ask("PUT", f"/forgotten/{card.token}", {})

    async def get_dispute(self, number: str) -> ProviderDispute:
        shown = await self._ask("GET", f"/disputes/{number}")
        return ProviderDispute(
            id=number,
            our_payment_id=UUID(shown["payment"]),
            status=Status(shown["status"]),
            amount=Money(**shown["amount"]),
            withdrawn=shown["status"] == "lost",
            reason=None,
            respond_by=None,
            fee=Money(**shown["fee"]),
        )

    async def disputes_since(self, since: datetime) -> list[str]:
        return []

    async def close(self) -> None:
        await self._client.aclose()

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        try:
            answer = await self._client.request(method, path, json=body)
        except httpx2.HTTPError as error:
            raise ProviderUnclearError(type(error).__name__) from error
        if answer.status_code == 422:
            raise ProviderRefusedError("refused")
        if answer.status_code != 200:
            raise ProviderUnclearError(f"http_{answer.status_code}")
        shown: dict[str, Any] = answer.json()
        return shown


def _payment(shown: Mapping[str, Any]) -> ProviderPayment:
    return ProviderPayment(
        id=shown["id"],
        our_id=UUID(shown["id"]),
        status="succeeded" if shown["paid"] else "pending",
        amount=Money(**shown["amount"]),
        link=None if shown["paid"] else shown["page"],
        method=shown["way"],
        saved=SavedMethod(shown["card"], "Nova *0001") if shown["paid"] and shown["card"] else None,
    )


def _refund(shown: Mapping[str, Any]) -> ProviderRefund:
    return ProviderRefund(shown["id"], UUID(shown["ours"]), "succeeded", Money(**shown["amount"]))


def _read(body: bytes) -> Notification:
    said = json.loads(body)
    if not isinstance(said, dict):
        raise ValueError("no notification")
    for about in ("payment", "dispute"):
        if about in said:
            return Notification(about, str(said[about]))
    return Notification(None, "")


def _connect(own: NovaSettings, connection: Connection) -> Connected:
    adapter = Nova(own, connection)
    return Connected(adapter, adapter.close, receipts=adapter, disputes=adapter, cards=adapter)


def _webhook(own: NovaSettings) -> Webhook:
    def is_signed(headers: dict[str, str], body: bytes, _: datetime) -> bool:
        signature = hmac.new(own.token.get_secret_value().encode(), body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(signature, headers.get("x-nova-signature", ""))

    return Webhook("its signature is checked", _read, is_signed=is_signed)


PROVIDER = Provider(
    name="nova",
    ways=("wallet",),
    acquiring_percent=Decimal("1.5"),
    settings=NovaSettings,
    connect=_connect,
    webhook=_webhook,
    makes_receipts=True,
    detaches_cards=True,
)
