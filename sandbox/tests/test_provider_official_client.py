"""The provider driven by YooKassa's official Python client; its models must take every answer."""

import asyncio
from collections.abc import Iterator
from uuid import uuid4

import httpx2
import pytest
from foyer_sandbox.testing import Receiver, SandboxProcess, Starter
from yookassa import Configuration, Payment, Refund, Settings
from yookassa.domain.common import ConfirmationType
from yookassa.domain.exceptions import BadRequestError, NotFoundError, UnauthorizedError
from yookassa.domain.models.cancellation_details import (
    CancellationDetailsPartyCode,
    CancellationDetailsReasonCode,
    RefundCancellationDetailsReasonCode,
)
from yookassa.domain.models.payment_data.response.payment_data_bank_card import PaymentDataBankCard
from yookassa.domain.notification import WebhookNotificationFactory

SHOP, SECRET = "100500", "test_secret"
PAYMENT = {
    "amount": {"value": "400.00", "currency": "RUB"},
    "capture": True,
    "confirmation": {"type": "redirect", "return_url": "https://shop.example/back"},
    "description": "Заказ 7",
    "metadata": {"order": "7"},
    "receipt": {
        "customer": {"email": "anna@example.test"},
        "items": [
            {
                "description": "Переговорная",
                "quantity": "4",
                "amount": {"value": "100.00", "currency": "RUB"},
                "vat_code": 1,
                "payment_mode": "full_payment",
                "payment_subject": "service",
            }
        ],
    },
}


@pytest.fixture(scope="module")
def provider(sandbox: Starter, receiver: Receiver) -> SandboxProcess:
    return sandbox(
        "provider",
        FOYER_YOOKASSA_SHOP_ID=SHOP,
        FOYER_YOOKASSA_SECRET_KEY=SECRET,
        FOYER_SANDBOX_WEBHOOK_URL=receiver.url,
    )


@pytest.fixture(autouse=True)
def client(provider: SandboxProcess) -> Iterator[None]:
    Configuration.configure(SHOP, SECRET, api_url=f"{provider.url}/v3")
    yield
    Configuration.configure(None, None)


async def test_whole_life_of_a_payment(provider: SandboxProcess, receiver: Receiver) -> None:
    key = str(uuid4())
    payment = await asyncio.to_thread(Payment.create, PAYMENT, key)
    assert (payment.status, payment.amount.value, payment.paid, payment.test) == ("pending", 400, False, True)
    assert payment.confirmation.type == ConfirmationType.REDIRECT
    assert payment.confirmation.confirmation_url == f"{provider.url}/pay/{payment.id}"
    assert payment.metadata["order"] == "7"
    assert (await asyncio.to_thread(Payment.create, PAYMENT, key)).id == payment.id
    async with httpx2.AsyncClient(trust_env=False) as browser:
        await browser.post(payment.confirmation.confirmation_url, data={"action": "pay"})
    paid = await asyncio.to_thread(Payment.find_one, payment.id)
    assert (paid.status, paid.paid, paid.refundable) == ("succeeded", True, True)
    assert (float(paid.income_amount.value), float(paid.refunded_amount.value)) == (386.0, 0.0)
    assert isinstance(paid.payment_method, PaymentDataBankCard)
    assert paid.payment_method.card.last4 == "4477"
    assert paid.authorization_details.rrn
    assert paid.captured_at >= paid.created_at
    assert paid.receipt_registration == "succeeded"
    body = await receiver.wait_for("payment.succeeded", payment.id)
    notification = WebhookNotificationFactory().create(body)
    assert (notification.event, notification.object.status) == ("payment.succeeded", "succeeded")

    request = {"payment_id": payment.id, "amount": {"value": "150.00", "currency": "RUB"}, "description": "часть"}
    refund = await asyncio.to_thread(Refund.create, request)
    assert (refund.status, float(refund.amount.value), refund.payment_id) == ("succeeded", 150.0, payment.id)
    assert (await asyncio.to_thread(Refund.find_one, refund.id)).description == "часть"
    body = await receiver.wait_for("refund.succeeded", refund.id)
    assert WebhookNotificationFactory().create(body).object.payment_id == payment.id
    assert len((await asyncio.to_thread(Refund.list, {"payment_id": payment.id})).items) == 1
    listed = await asyncio.to_thread(Payment.list, {"limit": 1})
    assert listed.items[0].id == payment.id
    assert float(listed.items[0].refunded_amount.value) == 150.0


async def test_capture_and_cancel(provider: SandboxProcess) -> None:
    for verb, status in ((Payment.capture, "succeeded"), (Payment.cancel, "canceled")):
        payment = await asyncio.to_thread(Payment.create, PAYMENT | {"capture": False})
        async with httpx2.AsyncClient(trust_env=False) as script:
            await script.post(f"{provider.url}/sandbox/payments/{payment.id}/pay")
        waiting = await asyncio.to_thread(Payment.find_one, payment.id)
        assert (waiting.status, waiting.paid) == ("waiting_for_capture", True)
        assert waiting.expires_at
        done = await asyncio.to_thread(verb, payment.id)
        assert done.status == status
    assert done.cancellation_details.party == CancellationDetailsPartyCode.MERCHANT
    assert done.cancellation_details.reason == CancellationDetailsReasonCode.CANCELED_BY_MERCHANT


async def test_every_reason_is_one_the_client_knows(provider: SandboxProcess) -> None:
    reasons = {value for name, value in vars(CancellationDetailsReasonCode).items() if name.isupper()}
    async with httpx2.AsyncClient(base_url=provider.url, trust_env=False) as script:
        for card in ("5555555555554600", "5555555555554543", "5555555555554592", "5555555555554535"):
            payment = await asyncio.to_thread(Payment.create, PAYMENT)
            await script.post(f"/sandbox/payments/{payment.id}/pay", json={"card": card})
            declined = await asyncio.to_thread(Payment.find_one, payment.id)
            assert declined.status == "canceled"
            assert declined.cancellation_details.reason in reasons
        payment = await asyncio.to_thread(Payment.create, PAYMENT)
        await script.post(f"/sandbox/payments/{payment.id}/pay")
        await script.put("/sandbox/switches", json={"refund_failure": "canceled"})
        refund = await asyncio.to_thread(Refund.create, {"payment_id": payment.id, "amount": PAYMENT["amount"]})
        await script.delete("/sandbox/switches")
    assert refund.status == "canceled"
    assert refund.cancellation_details.party == CancellationDetailsPartyCode.REFUND_NETWORK
    assert refund.cancellation_details.reason == RefundCancellationDetailsReasonCode.INSUFFICIENT_FUNDS


async def test_errors_become_the_clients_exceptions(provider: SandboxProcess) -> None:
    payment = await asyncio.to_thread(Payment.create, PAYMENT)
    with pytest.raises(BadRequestError) as refused:
        await asyncio.to_thread(Payment.cancel, payment.id)
    assert refused.value.content["code"] == "invalid_request"
    with pytest.raises(NotFoundError):
        await asyncio.to_thread(Payment.find_one, "none")
    Configuration.configure(SHOP, "wrong", api_url=f"{provider.url}/v3")
    with pytest.raises(UnauthorizedError):
        await asyncio.to_thread(Payment.find_one, payment.id)


async def test_shop_settings() -> None:
    shop = await asyncio.to_thread(Settings.get_account_settings)
    assert (shop.account_id, shop.test, shop.status) == (SHOP, True, "enabled")
