"""A refund that Stripe called done, and whose money the payer's bank sent back days later: owed again, and a person sees
it. YooKassa's refunds are done for good."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from foyer_chassis.testing import Databases, Identity, same_shape
from foyer_contracts import payments as events
from foyer_contracts.samples import SAMPLES
from payments.auditing.use_cases import replay

from .conftest import ANNA, FINANCE, Provider, StripeSide
from .sides import Till, till

STRANGER = ("rita", "rent_manager")


@pytest.fixture
async def at(
    databases: Databases, identity: Identity, provider: Provider, stripe_side: StripeSide
) -> AsyncIterator[Till]:
    async with till("stripe", databases, identity, provider, stripe_side) as made:
        yield made


async def refunded(at: Till, amount: int = 40000) -> tuple[UUID, str]:
    """An order whose money is back, and Stripe's number of the refund."""
    order_id = await at.shop.with_link()
    (row,) = await at.shop.rows("SELECT provider_payment_id AS id FROM payments")
    await at.act("pay", row["id"])
    await at.shop.later(minutes=1)
    await at.shop.it.turn("check")
    await at.shop.it.handle(at.shop.cancelled(order_id, refund=amount))
    await at.shop.it.turn("refund")
    (row,) = await at.shop.rows("SELECT provider_refund_id AS id FROM refunds")
    assert await at.shop.account(order_id) == (40000, amount, 0)
    return order_id, row["id"]


async def refund_events(at: Till, order_id: UUID) -> list[str]:
    return [name for name in await at.shop.events(order_id) if name.startswith("refund.")]


async def books_agree(at: Till, *, refunded: int) -> None:
    async with at.shop.it.database.transaction() as transaction:
        assert (await replay(transaction)).differences == []
    (charge,) = await at.charges()
    assert (charge.paid, charge.refunded) == (40000, refunded)
    (row,) = await at.shop.rows(
        "SELECT sum(amount)::int AS held FROM ledger_postings WHERE account = 'provider:stripe'"
    )
    assert row["held"] == 40000 - refunded


async def failed_of(at: Till) -> list[dict[str, Any]]:
    answer = await at.shop.it.client(*FINANCE, locale="en").get("/v1/refunds", params={"state": "failed"})
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


@pytest.mark.feature("A27")
@pytest.mark.feature("B24")
@pytest.mark.parametrize("told", ["by webhook", "twice at once", "not at all"])
async def test_money_that_the_bank_sends_back_is_owed_again_and_tried_again(at: Till, told: str) -> None:
    order_id, their_id = await refunded(at)
    assert await at.bounce(their_id)
    if told == "not at all":
        await at.shop.later(hours=23)
        await at.shop.it.turn("recheck")
        assert await refund_events(at, order_id) == ["refund.started", "refund.succeeded"], "it is not looked at yet"
        await at.shop.later(hours=2)
    else:
        await asyncio.gather(*(at.webhook(their_id, refund=True) for _ in range(2 if told == "twice at once" else 1)))
    await at.shop.it.turn("recheck")
    await at.webhook(their_id, refund=True)
    await at.shop.it.turn("recheck")
    assert await refund_events(at, order_id) == ["refund.started", "refund.succeeded", "refund.failed"]
    assert await at.shop.account(order_id) == (40000, 0, 40000), "owed, so that nobody else spends it"
    await books_agree(at, refunded=0)
    said = await at.shop.one(events.RefundFailed.type, order_id)
    assert (said.after_success, said.reason, said.attempts) == (True, "expired_or_canceled_card", 1)
    assert said.next_steps == ["retry", "settle-otherwise"]
    same_shape((await at.shop.it.published(events.RefundFailed.type))[0], SAMPLES[events.RefundFailed.type])

    (item,) = await failed_of(at)
    assert (item["order_id"], item["bounced"], item["failure"]) == (str(order_id), True, "expired_or_canceled_card")
    assert [step["verb"] for step in item["next_steps"]] == ["retry", "settle-otherwise"]
    assert "the payer's bank sent the money back" in item["next_steps"][0]["text"]
    for who, status in ((ANNA, 403), (STRANGER, 403), (FINANCE, 202)):
        assert (await at.shop.post(who, f"/refunds/{item['id']}/retry")).status_code == status
    await at.shop.it.turn("refund")
    assert (await refund_events(at, order_id))[3:] == ["refund.started", "refund.succeeded"]
    assert await at.shop.account(order_id) == (40000, 40000, 0)
    await books_agree(at, refunded=40000)

    (row,) = await at.shop.rows("SELECT provider_refund_id AS id FROM refunds")
    assert row["id"] != their_id
    assert await at.bounce(row["id"]), "also the second time"
    await at.webhook(row["id"], refund=True)
    await at.shop.it.turn("recheck")
    assert await at.shop.account(order_id) == (40000, 0, 40000)
    await books_agree(at, refunded=0)
    kinds = await at.shop.rows("SELECT kind, occurrence FROM ledger_transactions WHERE kind LIKE 'refund%' ORDER BY id")
    assert [(row["kind"], row["occurrence"]) for row in kinds] == [
        ("refund", 1),
        ("refund_reversal", 1),
        ("refund", 2),
        ("refund_reversal", 2),
    ]


@pytest.mark.feature("A27")
@pytest.mark.feature("B24")
async def test_what_came_back_is_settled_by_another_way(at: Till) -> None:
    order_id, their_id = await refunded(at, 15000)
    await at.bounce(their_id)
    await at.webhook(their_id, refund=True)
    await at.shop.it.turn("recheck")
    asked = await at.shop.post(FINANCE, f"/orders/{order_id}/refunds", {"reason": "x", "amount": rub_in(25001)})
    assert (asked.status_code, asked.json()["type"].rpartition("/")[2]) == (422, "over-refund"), "the cap holds"
    (item,) = await failed_of(at)
    path = f"/refunds/{item['id']}"
    assert (await at.shop.post(FINANCE, f"{path}/settle-otherwise", {"method": "transfer"})).json()["bounced"]
    handed = (await at.shop.post(FINANCE, f"{path}/hand-out")).json()
    assert (handed["status"], handed["provider"], handed["bounced"]) == ("succeeded", "desk", False)
    assert await at.shop.account(order_id) == (40000, 15000, 0)
    await books_agree(at, refunded=0)
    (row,) = await at.shop.rows("SELECT sum(amount)::int AS sum FROM ledger_postings WHERE account = 'bank:main'")
    assert row["sum"] == -15000
    await at.webhook(their_id, refund=True)
    await at.shop.it.turn("recheck")
    assert await failed_of(at) == [], "what Stripe says of it now is old news"


def rub_in(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "RUB"}


@pytest.mark.feature("X3")
@pytest.mark.parametrize("where", ["claimed", "asked"])
async def test_a_worker_killed_while_it_looks_again(at: Till, where: str) -> None:
    order_id, their_id = await refunded(at)
    await at.bounce(their_id)
    await at.webhook(their_id, refund=True)
    with at.killed(where):
        await at.shop.it.turn("recheck")
    assert await at.shop.account(order_id) == (40000, 40000, 0)
    await at.shop.later(minutes=10)
    await at.shop.it.turn("recheck")
    assert await at.shop.account(order_id) == (40000, 0, 40000)
    await books_agree(at, refunded=0)


@pytest.mark.feature("A27")
async def test_refunds_are_looked_at_daily_for_as_long_as_they_may_fail(at: Till) -> None:
    """30 days at Stripe; while Stripe cannot be asked, again soon."""
    order_id, _ = await refunded(at)

    async def next_look() -> float | None:
        (row,) = await at.shop.rows("SELECT extract(epoch FROM recheck_at - finished_at)::int AS s FROM refunds")
        return None if row["s"] is None else row["s"] / 3600

    assert await next_look() == 24
    await at.shop.later(hours=24)
    await at.trouble(failing=1)
    await at.shop.it.turn("recheck")
    assert 24 < (await next_look() or 0) < 24.2
    await at.shop.later(hours=6)
    await at.shop.it.turn("recheck")
    assert await next_look() == 54
    await at.shop.later(hours=720 - 30 - 1)
    await at.shop.it.turn("recheck")
    assert await next_look() == 720
    await at.shop.later(hours=1)
    await at.shop.it.turn("recheck")
    assert await next_look() is None
    assert await refund_events(at, order_id) == ["refund.started", "refund.succeeded"]
    await books_agree(at, refunded=40000)


@pytest.mark.feature("A27")
async def test_a_webhook_after_that_is_believed_no_less(at: Till) -> None:
    order_id, their_id = await refunded(at)
    for _ in range(31):
        await at.shop.later(hours=24)
        await at.shop.it.turn("recheck")
    await at.bounce(their_id)
    assert await at.webhook(their_id, refund=True, forged=True) == 403
    await at.shop.it.turn("recheck")
    assert await at.shop.account(order_id) == (40000, 40000, 0)
    await at.webhook(their_id, refund=True)
    await at.shop.it.turn("recheck")
    assert await at.shop.account(order_id) == (40000, 0, 40000)


async def test_where_success_is_final_nothing_is_asked_again(
    databases: Databases, identity: Identity, provider: Provider, stripe_side: StripeSide
) -> None:
    async with till("yookassa", databases, identity, provider, stripe_side) as at:
        order_id, their_id = await refunded(at)
        assert await at.webhook(their_id, refund=True) == 200
        (row,) = await at.shop.rows("SELECT recheck_at FROM refunds")
        assert row["recheck_at"] is None
        assert await refund_events(at, order_id) == ["refund.started", "refund.succeeded"]
