"""The payment provider, driven over HTTP against the running process."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from foyer_sandbox.testing import Receiver, SandboxProcess, Starter

SHOP, SECRET = "100500", "test_secret"


@pytest.fixture(scope="module")
def provider(sandbox: Starter, receiver: Receiver) -> SandboxProcess:
    return sandbox(
        "provider",
        FOYER_YOOKASSA_SHOP_ID=SHOP,
        FOYER_YOOKASSA_SECRET_KEY=SECRET,
        FOYER_SANDBOX_WEBHOOK_URL=receiver.url,
    )


@pytest.fixture
async def http(provider: SandboxProcess, receiver: Receiver) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=provider.url, auth=(SHOP, SECRET), trust_env=False) as client:
        await client.delete("/sandbox/switches")
        receiver.reset()
        yield client


def payment_body(value: str = "400.00", **more: Any) -> dict[str, Any]:
    return {
        "amount": {"value": value, "currency": "RUB"},
        "capture": True,
        "confirmation": {"type": "redirect", "return_url": "https://shop.example/back?order=7"},
        "description": "Заказ 7",
        "metadata": {"order": "7"},
        **more,
    }


async def post(http: httpx2.AsyncClient, path: str, body: Any = None, key: str | None = None) -> httpx2.Response:
    return await http.post(path, json=body, headers={"Idempotence-Key": key or str(uuid4())})


async def new_payment(http: httpx2.AsyncClient, value: str = "400.00", **more: Any) -> dict[str, Any]:
    answer = await post(http, "/v3/payments", payment_body(value, **more))
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


async def paid_payment(http: httpx2.AsyncClient, value: str = "400.00", **more: Any) -> dict[str, Any]:
    payment = await new_payment(http, value, **more)
    result: dict[str, Any] = (await http.post(f"/sandbox/payments/{payment['id']}/pay")).json()
    return result


def refund_body(payment: dict[str, Any], value: str) -> dict[str, Any]:
    return {"payment_id": payment["id"], "amount": {"value": value, "currency": "RUB"}}


async def switch(http: httpx2.AsyncClient, **values: Any) -> None:
    answer = await http.put("/sandbox/switches", json=values)
    assert answer.status_code == 200, answer.text


async def test_new_payment_waits_for_its_payer(http: httpx2.AsyncClient, provider: SandboxProcess) -> None:
    payment = await new_payment(http)
    assert payment["status"] == "pending"
    assert payment["amount"] == {"value": "400.00", "currency": "RUB"}
    assert payment["confirmation"]["confirmation_url"] == f"{provider.url}/pay/{payment['id']}"
    assert (payment["paid"], payment["test"], payment["refundable"]) == (False, True, False)
    assert payment["recipient"]["account_id"] == SHOP
    assert payment["metadata"] == {"order": "7"}
    assert "income_amount" not in payment
    assert (await http.get(f"/v3/payments/{payment['id']}")).json() == payment


async def test_person_pays_on_the_page(http: httpx2.AsyncClient, receiver: Receiver) -> None:
    payment = await new_payment(http)
    russian = await http.get(f"/pay/{payment['id']}")
    english = await http.get(f"/pay/{payment['id']}", headers={"Accept-Language": "en-GB,en"})
    assert "Оплатить 400,00" in russian.text
    assert "Pay 400,00" in english.text
    answer = await http.post(f"/pay/{payment['id']}", data={"action": "pay", "card": "5555555555554477"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "https://shop.example/back?order=7"
    notification = await receiver.wait_for("payment.succeeded", payment["id"])
    paid = (await http.get(f"/v3/payments/{payment['id']}")).json()
    assert notification == {"type": "notification", "event": "payment.succeeded", "object": paid}
    assert paid["status"] == "succeeded"
    assert paid["paid"] is True
    assert paid["refundable"] is True
    assert paid["income_amount"]["value"] == "386.00"
    assert paid["refunded_amount"]["value"] == "0.00"
    assert paid["payment_method"]["card"]["last4"] == "4477"
    assert "confirmation" not in paid
    again = await http.post(f"/pay/{payment['id']}", data={"action": "pay"})
    assert again.status_code == 303
    assert len(receiver.about(payment["id"])) == 1


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ({"action": "decline"}, "general_decline"),
        ({"action": "pay", "card": "5555 5555 5555 4600"}, "insufficient_funds"),
    ],
)
async def test_declined(http: httpx2.AsyncClient, receiver: Receiver, form: dict[str, str], reason: str) -> None:
    payment = await new_payment(http)
    assert (await http.post(f"/pay/{payment['id']}", data=form)).status_code == 303
    declined = (await receiver.wait_for("payment.canceled", payment["id"]))["object"]
    assert declined["cancellation_details"] == {"party": "payment_network", "reason": reason}
    assert declined["paid"] is False
    assert (await http.post(f"/sandbox/payments/{payment['id']}/pay")).status_code == 400


async def test_unknown_card_leaves_the_payment_open(http: httpx2.AsyncClient) -> None:
    payment = await new_payment(http)
    again = await http.post(f"/pay/{payment['id']}", data={"action": "pay", "card": "1234"})
    assert (again.status_code, "Оплатить" in again.text) == (200, True)
    assert (await http.post(f"/pay/{payment['id']}", data={"action": "steal"})).status_code == 422
    assert (await http.get(f"/v3/payments/{payment['id']}")).json()["status"] == "pending"


async def test_page_escapes_what_the_shop_wrote(http: httpx2.AsyncClient) -> None:
    payment = await new_payment(http, description="<script>alert(1)</script>")
    shown = await http.get(f"/pay/{payment['id']}")
    assert "<script>" not in shown.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert (await http.get("/pay/none")).status_code == 404


async def test_same_key_same_body_is_one_payment_also_at_once(http: httpx2.AsyncClient) -> None:
    key = str(uuid4())
    answers = await asyncio.gather(*(post(http, "/v3/payments", payment_body(), key) for _ in range(12)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1
    payment = answers[0].json()
    await http.post(f"/sandbox/payments/{payment['id']}/pay")
    repeated = await post(http, "/v3/payments", payment_body(), key)
    assert (repeated.json()["id"], repeated.json()["status"]) == (payment["id"], "succeeded")


async def test_same_key_other_body_is_refused(http: httpx2.AsyncClient) -> None:
    key = str(uuid4())
    await post(http, "/v3/payments", payment_body(), key)
    for path, body in (("/v3/payments", payment_body("401.00")), ("/v3/refunds", payment_body())):
        answer = await post(http, path, body, key)
        assert answer.status_code == 400
        error = answer.json()
        assert error.pop("id")
        assert error == {
            "type": "error",
            "code": "invalid_request",
            "description": "Idempotence key duplicated",
            "parameter": "Idempotence-Key",
        }


async def test_refused_request_does_not_use_up_its_key(http: httpx2.AsyncClient) -> None:
    key = str(uuid4())
    assert (await post(http, "/v3/payments", payment_body("-1.00"), key)).status_code == 400
    assert (await post(http, "/v3/payments", payment_body("1.00"), key)).status_code == 200


def _receipt(quantity: str) -> dict[str, Any]:
    item = {
        "description": "Слот",
        "quantity": quantity,
        "amount": {"value": "100.00", "currency": "RUB"},
        "vat_code": 1,
    }
    return {"customer": {"email": "anna@example.test"}, "items": [item]}


@pytest.mark.parametrize(
    ("change", "parameter"),
    [
        ({"amount": None}, "amount"),
        ({"amount": {"value": "0.00", "currency": "RUB"}}, "amount.value"),
        ({"amount": {"value": "1.001", "currency": "RUB"}}, "amount.value"),
        ({"amount": {"value": "1e3", "currency": "RUB"}}, "amount.value"),
        ({"amount": {"value": True, "currency": "RUB"}}, "amount.value"),
        ({"amount": {"value": "400.00", "currency": "USD"}}, "amount.currency"),
        ({"confirmation": None}, "confirmation"),
        ({"confirmation": {"type": "embedded"}}, "confirmation.type"),
        ({"confirmation": {"type": "redirect"}}, "confirmation.return_url"),
        ({"confirmation": {"type": "redirect", "return_url": "javascript:alert(1)"}}, "confirmation.return_url"),
        ({"description": "x" * 129}, "description"),
        ({"metadata": {"k" * 33: "v"}}, "metadata." + "k" * 33),
        ({"capture": "yes"}, "capture"),
        ({"payment_method_id": "none"}, "payment_method_id"),
        ({"receipt": _receipt("3")}, "receipt"),
        ({"receipt": {"items": []}}, "receipt.customer"),
    ],
)
async def test_bad_payment(http: httpx2.AsyncClient, change: dict[str, Any], parameter: str) -> None:
    answer = await post(http, "/v3/payments", payment_body() | change)
    assert answer.status_code == 400, answer.text
    assert (answer.json()["type"], answer.json()["code"]) == ("error", "invalid_request")
    assert answer.json()["parameter"] == parameter


async def test_protocol_errors(http: httpx2.AsyncClient) -> None:
    nobody = await http.get("/v3/payments", auth=("100500", "wrong"))
    assert (nobody.status_code, nobody.json()["code"]) == (401, "invalid_credentials")
    no_key = await http.post("/v3/payments", json=payment_body())
    assert (no_key.status_code, no_key.json()["parameter"]) == (400, "Idempotence-Key")
    absent = await http.get("/v3/payments/none")
    assert (absent.status_code, absent.json()["code"]) == (404, "not_found")
    assert (await http.get("/v3/refunds/none")).json()["parameter"] == "refund_id"
    assert (await http.get("/v3/payments/x/cancel")).status_code == 405
    form = await http.post("/v3/payments", data={"a": "b"}, headers={"Idempotence-Key": "k1"})
    assert form.status_code == 415
    for junk in (b"{", b"[]"):
        headers = {"Idempotence-Key": "k2", "Content-Type": "application/json"}
        assert (await http.post("/v3/payments", content=junk, headers=headers)).status_code == 400


async def test_receipt_is_kept(http: httpx2.AsyncClient) -> None:
    payment = await paid_payment(http, receipt=_receipt("4"))
    assert payment["receipt_registration"] == "succeeded"
    assert (await http.get(f"/sandbox/payments/{payment['id']}")).json()["receipt"] == _receipt("4")


async def test_two_stages(http: httpx2.AsyncClient, receiver: Receiver) -> None:
    payment = await new_payment(http, capture=False)
    for verb in ("capture", "cancel"):
        refused = await post(http, f"/v3/payments/{payment['id']}/{verb}")
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_request")
    await http.post(f"/sandbox/payments/{payment['id']}/pay")
    waiting = (await receiver.wait_for("payment.waiting_for_capture", payment["id"]))["object"]
    assert waiting["paid"] is True
    assert waiting["expires_at"] > waiting["created_at"]
    too_much = await post(http, f"/v3/payments/{payment['id']}/capture", {"amount": payment_body("400.01")["amount"]})
    assert too_much.status_code == 400
    part = await post(http, f"/v3/payments/{payment['id']}/capture", {"amount": payment_body("150.00")["amount"]})
    assert (part.json()["status"], part.json()["amount"]["value"]) == ("succeeded", "150.00")
    await receiver.wait_for("payment.succeeded", payment["id"])
    assert (await post(http, f"/v3/payments/{payment['id']}/cancel")).status_code == 400


async def test_cancel_of_reserved_money(http: httpx2.AsyncClient, receiver: Receiver) -> None:
    payment = await paid_payment(http, capture=False)
    canceled = (await post(http, f"/v3/payments/{payment['id']}/cancel")).json()
    assert canceled["cancellation_details"] == {"party": "merchant", "reason": "canceled_by_merchant"}
    await receiver.wait_for("payment.canceled", payment["id"])


async def test_expiry(http: httpx2.AsyncClient, receiver: Receiver) -> None:
    await switch(http, payment_expiry_seconds=0.1, capture_expiry_seconds=0.1)
    payment = await new_payment(http)
    expired = (await receiver.wait_for("payment.canceled", payment["id"]))["object"]
    assert expired["cancellation_details"] == {"party": "yoo_money", "reason": "expired_on_confirmation"}
    assert "Время на оплату вышло" in (await http.post(f"/pay/{payment['id']}", data={"action": "pay"})).text
    await switch(http, capture_expiry_seconds=0.1)
    reserved = await paid_payment(http, capture=False)
    expired = (await receiver.wait_for("payment.canceled", reserved["id"]))["object"]
    assert expired["cancellation_details"]["reason"] == "expired_on_capture"
    at_once = await new_payment(http)
    assert (await http.post(f"/sandbox/payments/{at_once['id']}/expire")).json()["status"] == "canceled"


async def test_refunds_never_exceed_the_payment_also_at_once(http: httpx2.AsyncClient, receiver: Receiver) -> None:
    unpaid = await new_payment(http)
    assert (await post(http, "/v3/refunds", refund_body(unpaid, "1.00"))).json()["parameter"] == "payment_id"
    payment = await paid_payment(http)
    answers = await asyncio.gather(*(post(http, "/v3/refunds", refund_body(payment, "90.00")) for _ in range(16)))
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [400] * 12
    assert {answer.json().get("parameter") for answer in answers} == {None, "amount.value"}
    done = next(answer.json() for answer in answers if answer.status_code == 200)
    assert done["status"] == "succeeded"
    assert (await http.get(f"/v3/refunds/{done['id']}")).json() == done
    await receiver.wait_for("refund.succeeded", done["id"])
    rest = await post(http, "/v3/refunds", refund_body(payment, "40.00"))
    assert rest.status_code == 200
    final = (await http.get(f"/v3/payments/{payment['id']}")).json()
    assert (final["refunded_amount"]["value"], final["refundable"]) == ("400.00", False)
    audit = (await http.get(f"/sandbox/payments/{payment['id']}")).json()
    assert audit["sums"] == {"amount": 40000, "paid": 40000, "refunded": 40000, "refunding": 0, "kept": 0}
    assert len((await http.get("/v3/refunds", params={"payment_id": payment["id"]})).json()["items"]) == 5


async def test_failing_refunds(http: httpx2.AsyncClient, receiver: Receiver) -> None:
    payment = await paid_payment(http)
    key = str(uuid4())
    await switch(http, refund_failure="http_500")
    assert (await post(http, "/v3/refunds", refund_body(payment, "400.00"), key)).status_code == 500
    await switch(http, refund_failure="canceled")
    failed = (await post(http, "/v3/refunds", refund_body(payment, "400.00"), key)).json()
    assert failed["status"] == "canceled"
    assert failed["cancellation_details"] == {"party": "refund_network", "reason": "insufficient_funds"}
    await switch(http, refund_pending_seconds=0.5)
    pending = (await post(http, "/v3/refunds", refund_body(payment, "400.00"))).json()
    assert pending["status"] == "pending"
    assert (await post(http, "/v3/refunds", refund_body(payment, "0.01"))).status_code == 400
    await receiver.wait_for("refund.succeeded", pending["id"])
    assert receiver.about(failed["id"]) == []


async def test_saved_card_pays_without_a_page(http: httpx2.AsyncClient, receiver: Receiver) -> None:
    first = await paid_payment(http, save_payment_method=True)
    body = payment_body("10.00", payment_method_id=first["payment_method"]["id"])
    del body["confirmation"]
    second = (await post(http, "/v3/payments", body)).json()
    assert (second["status"], second["payment_method"]["saved"]) == ("succeeded", True)
    await receiver.wait_for("payment.succeeded", second["id"])
    unsaved = await paid_payment(http)
    body["payment_method_id"] = unsaved["payment_method"]["id"]
    assert (await post(http, "/v3/payments", body)).status_code == 400


async def test_list_pages_through_all(http: httpx2.AsyncClient) -> None:
    made = {(await new_payment(http))["id"] for _ in range(5)}
    seen: list[str] = []
    query: dict[str, str] = {"limit": "2", "status": "pending"}
    while True:
        listed = (await http.get("/v3/payments", params=query)).json()
        seen += [item["id"] for item in listed["items"]]
        if "next_cursor" not in listed:
            break
        query["cursor"] = listed["next_cursor"]
    assert made <= set(seen)
    assert len(seen) == len(set(seen))
    assert (await http.get("/v3/payments", params={"limit": "101"})).json()["parameter"] == "limit"


async def test_webhook_is_repeated_until_200(http: httpx2.AsyncClient, receiver: Receiver) -> None:
    receiver.answers = [500, 202]
    payment = await paid_payment(http)
    await receiver.wait_for("payment.succeeded", payment["id"], times=3, seconds=6)
    await asyncio.sleep(0.3)
    (sent,) = (await http.get("/sandbox/webhooks", params={"object_id": payment["id"]})).json()
    assert (sent["state"], sent["attempts"], sent["last_result"]) == ("delivered", 3, "200")


async def test_webhook_copies_delay_loss_and_redelivery(http: httpx2.AsyncClient, receiver: Receiver) -> None:
    await switch(http, webhook_duplicates=10, webhook_delay_seconds=0.6)
    started = time.monotonic()
    payment = await paid_payment(http)
    await receiver.wait_for("payment.succeeded", payment["id"], times=10)
    assert time.monotonic() - started > 0.6
    await switch(http, drop_webhooks=True)
    lost = await paid_payment(http)
    await asyncio.sleep(0.7)
    assert receiver.about(lost["id"]) == []
    assert (await http.post(f"/sandbox/webhooks/redeliver/{lost['id']}")).status_code == 200
    await receiver.wait_for("payment.succeeded", lost["id"])
    (sent,) = (await http.get("/sandbox/webhooks", params={"object_id": lost["id"]})).json()
    await http.post(f"/sandbox/webhooks/redeliver/{sent['id']}")
    await receiver.wait_for("payment.succeeded", lost["id"], times=2)
    assert (await http.post("/sandbox/webhooks/redeliver/none")).status_code == 404


async def test_webhook_before_the_answer_that_caused_it(http: httpx2.AsyncClient, receiver: Receiver) -> None:
    await switch(http, webhook_before_answer=True, pay_on_create="pay")
    answer = await post(http, "/v3/payments", payment_body())
    answered = time.monotonic()
    assert answer.json()["status"] == "pending"
    ((arrived, notification),) = receiver.about(answer.json()["id"])
    assert notification["event"] == "payment.succeeded"
    assert arrived < answered
    refund = await post(http, "/v3/refunds", refund_body(answer.json(), "1.00"))
    assert len(receiver.about(refund.json()["id"])) == 1


async def test_failures_delays_and_lost_answers(http: httpx2.AsyncClient) -> None:
    await switch(http, fail_next=[{"path_prefix": "/v3/payments", "status": 429, "count": 2, "retry_after_seconds": 3}])
    for _ in range(2):
        failed = await post(http, "/v3/payments", payment_body())
        assert (failed.status_code, failed.json()["code"]) == (429, "too_many_requests")
        assert failed.headers["retry-after"] == "3"
    await new_payment(http)
    before = (await http.get("/sandbox/payments")).json()["count"]
    await switch(http, lose_answer_next=1)
    key = str(uuid4())
    with pytest.raises(httpx2.TransportError):
        await post(http, "/v3/payments", payment_body(), key)
    await switch(http, lose_answer_next=[{"how": "500"}])
    assert (await post(http, "/v3/payments", payment_body(), key)).status_code == 500
    assert (await post(http, "/v3/payments", payment_body(), key)).status_code == 200
    assert (await http.get("/sandbox/payments")).json()["count"] == before + 1
    await switch(http, answer_delay_seconds=0.3)
    started = time.monotonic()
    await new_payment(http)
    assert time.monotonic() - started > 0.3


async def test_switches_are_checked(http: httpx2.AsyncClient) -> None:
    for bad in (
        {"no_such": 1},
        {"webhook_duplicates": 0},
        {"refund_failure": "maybe"},
        {"fail_next": [{"status": 200}]},
    ):
        assert (await http.put("/sandbox/switches", json=bad)).status_code == 422
    await http.patch("/sandbox/switches", json={"webhook_duplicates": 3})
    changed = (await http.patch("/sandbox/switches", json={"drop_webhooks": True})).json()
    assert (changed["webhook_duplicates"], changed["drop_webhooks"]) == (3, True)
    assert (await http.put("/sandbox/switches", json={})).json()["webhook_duplicates"] == 1


async def test_kill_loses_nothing(http: httpx2.AsyncClient, provider: SandboxProcess, receiver: Receiver) -> None:
    await switch(http, webhook_delay_seconds=1)
    key = str(uuid4())
    payment = (await post(http, "/v3/payments", payment_body(), key)).json()
    await http.post(f"/sandbox/payments/{payment['id']}/pay")
    provider.kill_and_start()
    await receiver.wait_for("payment.succeeded", payment["id"])
    async with httpx2.AsyncClient(base_url=provider.url, auth=(SHOP, SECRET), trust_env=False) as fresh:
        assert (await post(fresh, "/v3/payments", payment_body(), key)).json()["id"] == payment["id"]
        assert (await fresh.get("/sandbox/switches")).json()["webhook_delay_seconds"] == 1


async def test_index(http: httpx2.AsyncClient) -> None:
    payment = await paid_payment(http)
    shown = await http.get("/", follow_redirects=True)
    assert payment["id"] in shown.text
    assert "Payments" in (await http.get("/sandbox", params={"lang": "en"})).text
