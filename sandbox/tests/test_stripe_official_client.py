"""The Stripe stand-in driven by Stripe's official client, whose models must take every answer."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import stripe
from foyer_sandbox.testing import SandboxProcess, Starter

KEY, SECRET = "sk_test_1", "whsec_test"


@pytest.fixture(scope="module")
def process(sandbox: Starter) -> SandboxProcess:
    return sandbox("stripe", FOYER_STRIPE_SECRET_KEY=KEY, FOYER_STRIPE_WEBHOOK_SECRET=SECRET)


@pytest.fixture
def client(process: SandboxProcess) -> Any:
    return stripe.StripeClient(KEY, base_addresses={"api": process.url}, max_network_retries=0)


def session(**changes: Any) -> dict[str, Any]:
    price = {"currency": "eur", "unit_amount": 40000, "product_data": {"name": "Meeting room"}}
    return {
        "mode": "payment",
        "line_items": [{"quantity": 1, "price_data": price}],
        "success_url": "http://127.0.0.1/back",
        "metadata": {"payment_id": "7"},
        "payment_intent_data": {"metadata": {"payment_id": "7"}},
        **changes,
    }


async def pay(process: SandboxProcess, id_: str, **body: str) -> Any:
    async with httpx2.AsyncClient(trust_env=False) as browser:
        return (await browser.post(f"{process.url}/sandbox/sessions/{id_}/pay", json=body)).json()


async def test_whole_life_of_a_session(client: Any, process: SandboxProcess) -> None:
    options = {"idempotency_key": str(uuid4())}
    made = await asyncio.to_thread(client.v1.checkout.sessions.create, session(), options)
    assert (made.status, made.payment_status, made.amount_total, made.currency) == ("open", "unpaid", 40000, "eur")
    again = await asyncio.to_thread(client.v1.checkout.sessions.create, session(), options)
    assert again.id == made.id
    with pytest.raises(stripe.IdempotencyError):
        await asyncio.to_thread(client.v1.checkout.sessions.create, session(success_url="http://x/"), options)
    assert (await pay(process, made.id, card="4000000000009995"))["status"] == "open", "a declined card may be replaced"
    assert (await pay(process, made.id))["status"] == "complete"
    expand = {"expand": ["payment_intent.payment_method"]}
    paid = await asyncio.to_thread(client.v1.checkout.sessions.retrieve, made.id, expand)
    intent = paid.payment_intent
    assert (intent.status, intent.amount_received, intent.metadata["payment_id"]) == ("succeeded", 40000, "7")
    assert intent.payment_method.card.last4 == "4242"
    refund = await asyncio.to_thread(client.v1.refunds.create, {"payment_intent": intent.id, "amount": 15000})
    assert (refund.status, refund.amount) == ("succeeded", 15000)
    assert len((await asyncio.to_thread(client.v1.refunds.list, {"payment_intent": intent.id})).data) == 1
    with pytest.raises(stripe.InvalidRequestError):
        await asyncio.to_thread(client.v1.refunds.create, {"payment_intent": intent.id, "amount": 25001})
    async with httpx2.AsyncClient(base_url=process.url, trust_env=False) as bank:
        statuses = [(await bank.post(f"/sandbox/refunds/{refund.id}/bounce")).status_code for _ in range(2)]
    assert statuses == [200, 400], "the money comes back once"
    bounced = await asyncio.to_thread(client.v1.refunds.retrieve, refund.id)
    assert (bounced.status, bounced.failure_reason) == ("failed", "expired_or_canceled_card")
    whole = await asyncio.to_thread(client.v1.refunds.create, {"payment_intent": intent.id, "amount": 40000})
    assert whole.status == "succeeded", "it can be given back once more"


async def test_a_dispute_is_decided(client: Any, process: SandboxProcess) -> None:
    made = await asyncio.to_thread(client.v1.checkout.sessions.create, session())
    intent_id = (await pay(process, made.id))["payment_intent"]
    async with httpx2.AsyncClient(base_url=process.url, trust_env=False) as bank:
        number = (await bank.post(f"/sandbox/intents/{intent_id}/dispute", json={"amount": 15000})).json()["id"]
        dispute = await asyncio.to_thread(client.v1.disputes.retrieve, number, {"expand": ["payment_intent"]})
        assert (dispute.status, dispute.amount, dispute.payment_intent.metadata["payment_id"]) == (
            "needs_response",
            15000,
            "7",
        )
        assert [item.amount for item in dispute.balance_transactions] == [-15000]
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await asyncio.to_thread(client.v1.refunds.create, {"payment_intent": intent_id})
        assert refused.value.code == "charge_disputed"
        statuses = [(await bank.post(f"/sandbox/disputes/{number}/won")).status_code for _ in range(2)]
    assert statuses == [200, 400]
    (listed,) = (await asyncio.to_thread(client.v1.disputes.list, {"created": {"gte": made.created}})).data
    assert (listed.status, [item.amount for item in listed.balance_transactions]) == ("won", [-15000, 15000])


@pytest.mark.parametrize(("verb", "status"), [("capture", "succeeded"), ("cancel", "canceled")])
async def test_reserved_money(client: Any, process: SandboxProcess, verb: str, status: str) -> None:
    made = await asyncio.to_thread(
        client.v1.checkout.sessions.create, session(payment_intent_data={"capture_method": "manual"})
    )
    intent_id = (await pay(process, made.id))["payment_intent"]
    assert (await asyncio.to_thread(client.v1.payment_intents.retrieve, intent_id)).status == "requires_capture"
    assert (await asyncio.to_thread(getattr(client.v1.payment_intents, verb), intent_id)).status == status
    with pytest.raises(stripe.InvalidRequestError):
        await asyncio.to_thread(getattr(client.v1.payment_intents, verb), intent_id)


async def test_a_saved_card_is_charged_and_declined(client: Any, process: SandboxProcess) -> None:
    made = await asyncio.to_thread(
        client.v1.checkout.sessions.create,
        session(customer_creation="always", payment_intent_data={"setup_future_usage": "off_session"}),
    )
    intent_id = (await pay(process, made.id))["payment_intent"]
    intent = await asyncio.to_thread(client.v1.payment_intents.retrieve, intent_id)
    charge = {
        "amount": 100,
        "currency": "eur",
        "customer": intent.customer,
        "payment_method": intent.payment_method,
        "confirm": True,
        "off_session": True,
    }
    assert (await asyncio.to_thread(client.v1.payment_intents.create, charge)).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError):
        await asyncio.to_thread(client.v1.payment_intents.create, {**charge, "customer": "cus_other"})


async def test_what_is_wrong_is_refused(client: Any, process: SandboxProcess) -> None:
    for wrong in (session(line_items=[]), session(success_url=""), session(mode="setup")):
        with pytest.raises(stripe.InvalidRequestError):
            await asyncio.to_thread(client.v1.checkout.sessions.create, wrong)
    with pytest.raises(stripe.InvalidRequestError):
        await asyncio.to_thread(client.v1.checkout.sessions.retrieve, "cs_test_none")
    stranger = stripe.StripeClient("sk_test_wrong", base_addresses={"api": process.url}, max_network_retries=0)
    with pytest.raises(stripe.AuthenticationError):
        await asyncio.to_thread(stranger.v1.checkout.sessions.retrieve, "cs_test_none")


class Shop:
    """Takes events as the shop does: raw body and signature."""

    def __init__(self) -> None:
        self.events: list[tuple[bytes, str]] = []
        self.answers = [500]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if line)
        headers = {name.lower(): value for name, value in lines.items()}
        body = await reader.readexactly(int(headers["content-length"]))
        self.events.append((body, headers["stripe-signature"]))
        status = self.answers.pop() if self.answers else 200
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


async def test_an_expired_session_is_told_by_a_signed_event_until_it_is_taken(
    client: Any, process: SandboxProcess
) -> None:
    shop = Shop()
    server = await asyncio.start_server(shop.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, httpx2.AsyncClient(trust_env=False, base_url=process.url) as script:
        made = await asyncio.to_thread(client.v1.checkout.sessions.create, session())
        await script.patch("/sandbox/switches", json={"webhook_url": url})
        await script.post(f"/sandbox/sessions/{made.id}/expire")
        async with asyncio.timeout(10):
            while sum(made.id.encode() in body for body, _ in shop.events) < 1 or shop.answers:
                await asyncio.sleep(0.05)
        await script.delete("/sandbox/switches")
    body, signature = next((body, signature) for body, signature in shop.events if made.id.encode() in body)
    event = stripe.Webhook.construct_event(body, signature, SECRET)
    assert (event.type, event.data.object.id) == ("checkout.session.expired", made.id)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, signature, "whsec_other")
    expired = await asyncio.to_thread(client.v1.checkout.sessions.retrieve, made.id)
    assert (expired.status, expired.url) == ("expired", None)
