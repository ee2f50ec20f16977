"""The adapter against the sandbox's YooKassa, and its reading of everything that can go wrong."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from foyer_contracts.ids import new_id
from foyer_contracts.money import Money
from foyer_sandbox.testing import free_port
from payments.paying.domain import Choice, Payment, ProviderRefusedError, ProviderUnclearError, Status
from payments.providers.yookassa.adapter import YooKassa
from payments.providing import Connection
from payments.refunding.domain import Refund
from payments.refunding.domain import Status as RefundStatus

from .conftest import SHOP, Provider, rub

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def adapter(url: str, secret_key: str = SHOP["FOYER_YOOKASSA_SECRET_KEY"]) -> YooKassa:
    return YooKassa(
        url=url,
        shop_id=SHOP["FOYER_YOOKASSA_SHOP_ID"],
        secret_key=secret_key,
        connection=Connection("http://127.0.0.1/back", timeout_seconds=0.5, connections=4),
    )


@pytest.fixture
async def yookassa(provider: Provider) -> AsyncIterator[YooKassa]:
    made = adapter(f"{provider.process.url}/v3")
    yield made
    await made.close()


def payment(**changes: Any) -> Payment:
    made = Payment(
        id=new_id(),
        invoice_id=new_id(),
        order_id=new_id(),
        applicant_id=new_id(),
        provider="yookassa",
        provider_payment_id=None,
        description="Заказ 1",
        amount=rub(12345),
        received=None,
        refund_reserved=rub(0),
        surcharge=rub(0),
        surcharge_reserved=rub(0),
        disputed=rub(0),
        part=None,
        choice=Choice(),
        receipt=None,
        source="provider:yookassa",
        taken_by=None,
        status=Status.CREATING,
        link=None,
        method=None,
        reason=None,
        attempts=1,
        next_at=NOW,
        hinted_at=None,
        created_at=NOW,
        paid_at=None,
        caused_by=None,
        traceparent=None,
        version=1,
    )
    return replace(made, **changes)


def refund(provider_payment_id: str, amount: Money) -> Refund:
    id_ = new_id()
    return Refund(
        id=id_,
        payment_id=new_id(),
        order_id=new_id(),
        order_number=1,
        applicant_id=new_id(),
        provider="yookassa",
        provider_payment_id=provider_payment_id,
        amount=amount,
        surcharge=rub(0),
        source="provider:yookassa",
        receipt=None,
        note=None,
        reason="customer_request",
        status=RefundStatus.REQUESTED,
        provider_refund_id=None,
        provider_key=str(id_),
        key_used_at=NOW,
        attempts=0,
        failure=None,
        next_at=NOW,
        requested_at=NOW,
        started_at=None,
        finished_at=None,
        caused_by=None,
        traceparent=None,
        version=1,
    )


@pytest.mark.feature("X3")
async def test_a_payment_from_its_page_to_its_refund(yookassa: YooKassa, provider: Provider) -> None:
    ours = payment()
    created = await yookassa.create_payment(ours)
    assert (created.status, created.our_id, created.amount) == ("pending", ours.id, rub(12345))
    assert created.link == f"{provider.process.url}/pay/{created.id}"
    assert (await yookassa.create_payment(ours)).id == created.id, "the same key answers the same payment"
    await provider.act("pay", created.id)
    paid = await yookassa.get_payment(created.id)
    assert (paid.status, paid.method, paid.link) == ("succeeded", "bank_card", None)
    assert paid.paid_at is not None
    assert abs(datetime.now(UTC) - paid.paid_at) < timedelta(minutes=1)

    back = refund(created.id, rub(345))
    assert await yookassa.find_refund(back) is None
    made = await yookassa.create_refund(back)
    assert (made.status, made.our_id, made.amount) == ("succeeded", back.id, rub(345))
    assert (await yookassa.create_refund(back)).id == made.id
    assert (await yookassa.get_refund(made.id)) == made
    assert (await yookassa.find_refund(back)) == made
    with pytest.raises(ProviderRefusedError, match=r"invalid_request:amount\.value"):
        await yookassa.create_refund(refund(created.id, rub(12346)))


@pytest.mark.parametrize(
    ("verb", "body", "reason", "expired"),
    [
        ("decline", {"reason": "insufficient_funds"}, "insufficient_funds", False),
        ("expire", {}, "expired_on_confirmation", True),
    ],
)
async def test_a_payment_that_comes_to_nothing(
    yookassa: YooKassa, provider: Provider, verb: Any, body: Any, reason: Any, expired: Any
) -> None:
    created = await yookassa.create_payment(payment())
    await provider.act(verb, created.id, **body)
    ended = await yookassa.get_payment(created.id)
    assert (ended.status, ended.reason, ended.expired) == ("cancelled", reason, expired)


async def test_a_refund_that_the_provider_cancels(yookassa: YooKassa, provider: Provider) -> None:
    created = await yookassa.create_payment(payment())
    await provider.act("pay", created.id)
    await provider.switch(refund_failure="canceled")
    back = refund(created.id, rub(100))
    made = await yookassa.create_refund(back)
    assert (made.status, made.reason) == ("cancelled", "insufficient_funds")
    assert await yookassa.find_refund(back) is None


async def test_reserved_money_is_let_go_of(yookassa: YooKassa, provider: Provider) -> None:
    auth = httpx2.BasicAuth(*SHOP.values())
    ours = payment()
    answer = await provider.client.post(
        "/v3/payments",
        auth=auth,
        headers={"Idempotence-Key": str(ours.id)},
        json={
            "amount": {"value": "1.00", "currency": "RUB"},
            "confirmation": {"type": "redirect", "return_url": "http://127.0.0.1/"},
            "metadata": {"payment_id": str(ours.id)},
        },
    )
    their_id = answer.json()["id"]
    await provider.act("pay", their_id)
    assert (await yookassa.get_payment(their_id)).status == "reserved"
    released = await yookassa.release_payment(replace(ours, provider_payment_id=their_id))
    assert (released.status, released.reason, released.expired) == ("cancelled", "canceled_by_merchant", True)


@pytest.mark.parametrize("status", [400, 404, 405, 415, 422])
async def test_refusals_are_definite(yookassa: YooKassa, provider: Provider, status: Any) -> None:
    await provider.switch(fail_next=[{"status": status}])
    with pytest.raises(ProviderRefusedError):
        await yookassa.create_payment(payment())


@pytest.mark.parametrize("status", [401, 403, 408, 409, 429, 500, 502, 503, 504])
async def test_outages_and_our_own_trouble_are_not(yookassa: YooKassa, provider: Provider, status: Any) -> None:
    await provider.switch(fail_next=[{"status": status, "retry_after_seconds": 7}])
    with pytest.raises(ProviderUnclearError) as unclear:
        await yookassa.create_payment(payment())
    assert unclear.value.retry_after == timedelta(seconds=7)


async def test_silence_is_unclear(yookassa: YooKassa, provider: Provider) -> None:
    await provider.switch(answer_delay_seconds=1)
    with pytest.raises(ProviderUnclearError, match="ReadTimeout"):
        await yookassa.create_payment(payment())
    await provider.reset()
    await provider.switch(lose_answer_next=1)
    with pytest.raises(ProviderUnclearError, match=r"RemoteProtocolError|ReadError"):
        await yookassa.create_payment(payment())
    nobody = adapter(f"http://127.0.0.1:{free_port()}/v3")
    with pytest.raises(ProviderUnclearError, match="ConnectError"):
        await nobody.create_payment(payment())
    await nobody.close()


async def test_a_wrong_secret_key_refuses_no_payment(provider: Provider) -> None:
    stranger = adapter(f"{provider.process.url}/v3", secret_key="wrong")
    with pytest.raises(ProviderUnclearError, match="invalid_credentials"):
        await stranger.create_payment(payment())
    await stranger.close()


@pytest.mark.feature("X3")
async def test_a_request_that_changed_under_its_key_is_unclear(yookassa: YooKassa) -> None:
    """The first attempt may have worked; taking this for a refusal would lose it."""
    ours = payment()
    await yookassa.create_payment(ours)
    with pytest.raises(ProviderUnclearError):
        await yookassa.create_payment(replace(ours, description="changed"))


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(200, content=b"<html>"),
        httpx2.Response(200, json=[]),
        httpx2.Response(200, json={"id": "x", "status": "nonsense", "amount": {"value": "1.00", "currency": "RUB"}}),
        httpx2.Response(200, json={"id": "../x", "status": "pending", "amount": {"value": "1.00", "currency": "RUB"}}),
        httpx2.Response(200, json={"id": "x", "status": "pending", "amount": {"value": "1.001", "currency": "RUB"}}),
        httpx2.Response(
            200,
            json={
                "id": "x",
                "status": "pending",
                "amount": {"value": "1.00", "currency": "RUB"},
                "confirmation": {"confirmation_url": "javascript:alert(1)"},
            },
        ),
        httpx2.Response(202, json={"type": "processing", "retry_after": 1800}),
        httpx2.Response(302, headers={"Location": "http://127.0.0.1/"}),
        httpx2.Response(404, content=b"<html>a proxy's page</html>"),
    ],
    ids=["html", "array", "status", "id", "amount", "link", "processing", "redirect", "not the provider"],
)
async def test_answers_that_make_no_sense_are_unclear(answer: Any) -> None:
    made = adapter("http://provider.invalid/v3")
    made._client = httpx2.AsyncClient(
        base_url="http://provider.invalid", transport=httpx2.MockTransport(lambda request: answer)
    )
    with pytest.raises(ProviderUnclearError):
        await made.create_payment(payment())
    await made.close()
