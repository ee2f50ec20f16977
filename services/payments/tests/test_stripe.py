"""The whole service with Stripe as its provider; its signed webhooks."""

import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe as official
from foyer_chassis.testing import Databases, Identity
from foyer_contracts.ids import new_id
from payments.providers.stripe.webhook import is_signed

from .conftest import STRIPE, Provider, Shop, StripeSide, eventually, opened

SECRET = STRIPE["FOYER_STRIPE_WEBHOOK_SECRET"]


@pytest.fixture
async def shop(
    databases: Databases, identity: Identity, provider: Provider, stripe_side: StripeSide
) -> AsyncIterator[Shop]:
    async with opened(
        databases,
        identity,
        provider,
        payment_provider="stripe",
        stripe_url=stripe_side.process.url,
        stripe_secret_key=STRIPE["FOYER_STRIPE_SECRET_KEY"],
        stripe_webhook_secret=SECRET,
    ) as made:
        yield made


async def test_paid_and_refunded_by_signed_webhooks(shop: Shop, stripe_side: StripeSide) -> None:
    order_id = new_id()
    await shop.it.handle(shop.priced(order_id))
    async with shop.live(webhooks=False) as url:
        await stripe_side.switch(webhook_url=f"{url}/v1/webhooks/stripe", webhook_duplicates=2)

        async def number() -> str | None:
            (row,) = await shop.rows("SELECT provider_payment_id AS id FROM payments")
            found: str | None = row["id"]
            return found

        await stripe_side.act("pay", await eventually(number))

        async def seen(name: str) -> bool:
            return name in await shop.events(order_id)

        await eventually(lambda: seen("payment.succeeded"), seconds=3)
        await shop.it.handle(shop.cancelled(order_id, refund=40000))
        await eventually(lambda: seen("refund.succeeded"))
    (intent,) = await stripe_side.intents_of(order_id)
    assert intent["sums"] == {"paid": 40000, "refunded": 40000}
    assert await shop.account(order_id) == (40000, 40000, 0)
    assert (await shop.events(order_id)).count("payment.succeeded") == 1


async def test_without_webhooks_the_sweeper_finds_out(shop: Shop, stripe_side: StripeSide) -> None:
    await stripe_side.switch(drop_webhooks=True, lose_answer_next=1)
    order_id = new_id()
    await shop.it.handle(shop.priced(order_id))
    await shop.it.turn("create")
    await shop.later(minutes=1)
    await shop.it.turn("create")
    (row,) = await shop.rows("SELECT provider_payment_id AS id FROM payments")
    await stripe_side.act("pay", row["id"], card="4000000000009995")
    await shop.later(minutes=1)
    await shop.it.turn("check")
    assert "payment.failed" not in await shop.events(order_id), "another card may be tried on the same page"
    await stripe_side.act("pay", row["id"])
    await shop.later(minutes=5)
    await shop.it.turn("check")
    assert await shop.account(order_id) == (40000, 0, 0)
    assert len(await stripe_side.intents_of(order_id)) == 1


def signed(body: str, *, at: int | None = None, secret: str = SECRET) -> str:
    stamp = int(time.time()) if at is None else at
    signature = official.WebhookSignature._compute_signature(f"{stamp}.{body}", secret)
    return f"t={stamp},v1={signature}"


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (signed, 200),
        (lambda body: signed(body) + ",v0=abc", 200),
        (lambda body: signed(body, secret="whsec_other"), 403),
        (lambda body: signed(body + " "), 403),
        (lambda body: signed(body, at=int(time.time()) - 301), 403),
        (lambda body: signed(body, at=int(time.time()) + 301), 403),
        (lambda body: "t=,v1=", 403),
        (lambda body: "nonsense", 403),
        (lambda body: "t=99999999999999,v1=00", 403),
        (lambda body: "t=1,v1=\u00e9".encode("latin-1").decode("latin-1"), 403),
        (None, 403),
    ],
)
async def test_only_what_stripe_signed_is_taken(shop: Shop, header: Any, status: int) -> None:
    body = json.dumps({"type": "checkout.session.completed", "data": {"object": {"id": "cs_1", "object": "x"}}})
    headers = {"Content-Type": "application/json"} | ({"Stripe-Signature": header(body)} if header else {})
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = await shop.it.client().post("/v1/webhooks/stripe", content=body, headers=encoded)
    assert answer.status_code == status


async def test_a_signed_body_that_is_none_and_one_too_long(shop: Shop) -> None:
    for body in ("{}", "[1]", "x", json.dumps({"x": "y" * 70_000})):
        headers = {"Stripe-Signature": signed(body)}
        assert (await shop.it.client().post("/v1/webhooks/stripe", content=body, headers=headers)).status_code == 400


def test_without_a_secret_nothing_is_signed() -> None:
    assert not is_signed(b"{}", signed("{}", secret=""), "", now=datetime.now(UTC))


@pytest.mark.parametrize("paid_first", [False, True])
async def test_a_cancelled_invoices_page_is_closed_unless_it_was_paid(
    shop: Shop, stripe_side: StripeSide, paid_first: bool
) -> None:
    await stripe_side.switch(drop_webhooks=True)
    order_id = await shop.with_link()
    (row,) = await shop.rows("SELECT provider_payment_id AS id FROM payments")
    if paid_first:
        await stripe_side.act("pay", row["id"])
    await shop.it.handle(shop.cancelled(order_id))
    await shop.it.turn("check")
    (row,) = await shop.rows("SELECT status FROM payments")
    assert row["status"] == ("succeeded" if paid_first else "cancelled")
    assert len(await stripe_side.intents_of(order_id)) == int(paid_first)
