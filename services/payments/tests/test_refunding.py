"""Money goes back: once, under the cap, and if not, a person is told."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from foyer_chassis.testing import same_shape
from foyer_contracts import payments as events
from foyer_contracts.ids import new_id
from foyer_contracts.samples import SAMPLES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import Shop, eventually

REFUNDED = ["refund.started", "refund.succeeded"]


async def refund_events(shop: Shop, order_id: UUID) -> list[str]:
    return [name for name in await shop.events(order_id) if name.startswith("refund.")]


async def cancel(shop: Shop, order_id: UUID, refund: int = 40000, **changes: Any) -> None:
    await shop.it.handle_twice(shop.cancelled(order_id, refund=refund, **changes))


@pytest.mark.feature("A27")
async def test_cancelled_after_paying_the_money_goes_back(shop: Shop) -> None:
    order_id = await shop.paid()
    await cancel(shop, order_id)
    assert await shop.account(order_id) == (40000, 0, 40000)
    await shop.it.turn("refund")
    assert await refund_events(shop, order_id) == REFUNDED
    succeeded = await shop.one(events.RefundSucceeded.type, order_id)
    assert (succeeded.amount.amount, succeeded.refunded_total.amount, succeeded.pending_total.amount) == (
        40000,
        40000,
        0,
    )
    (theirs,) = await shop.provider.refunds_of(order_id)
    assert (theirs["status"], theirs["amount"]["value"]) == ("succeeded", "400.00")
    assert await shop.account(order_id) == (40000, 40000, 0)
    for event in await shop.it.published():
        same_shape(event, SAMPLES[event.type])
    await shop.audit()


@pytest.mark.feature("A27")
async def test_late_money_goes_back_when_orders_says_so(shop: Shop) -> None:
    order_id = await shop.with_link()
    await cancel(shop, order_id, refund=0, reason="hold_expired")
    await shop.provider.act("pay", await shop.provider_id(order_id))
    await shop.later(minutes=5)
    await shop.it.turn("check")
    assert await refund_events(shop, order_id) == []
    await cancel(shop, order_id, reason="places_taken")
    await shop.it.turn("refund")
    assert await refund_events(shop, order_id) == REFUNDED
    await shop.audit()


@pytest.mark.feature("A27")
async def test_a_fee_is_kept(shop: Shop) -> None:
    order_id = await shop.paid()
    await cancel(shop, order_id, refund=30000)
    await shop.it.turn("refund")
    assert await shop.account(order_id) == (40000, 30000, 0)
    await shop.audit()


async def test_a_refund_that_takes_its_time_is_looked_after(shop: Shop) -> None:
    await shop.provider.switch(refund_pending_seconds=1, drop_webhooks=True)
    order_id = await shop.paid()
    await cancel(shop, order_id)
    await shop.it.turn("refund")
    assert await refund_events(shop, order_id) == ["refund.started"]
    await eventually(lambda: _settled(shop, order_id))
    await shop.it.turn("refund")
    assert await refund_events(shop, order_id) == ["refund.started"], "not due yet"
    await shop.later(seconds=3)
    await shop.it.turn("refund")
    assert await refund_events(shop, order_id) == REFUNDED
    await shop.audit()


async def _settled(shop: Shop, order_id: UUID) -> bool:
    return bool((await shop.provider.refunds_of(order_id))[0]["status"] != "pending")


@pytest.mark.feature("A27")
async def test_the_providers_notification_makes_it_quicker(shop: Shop) -> None:
    order_id = await shop.paid()
    await shop.provider.switch(refund_pending_seconds=0.5)
    # The clock stands still: without the notification nothing would be due.
    await shop.later()
    async with shop.live():
        await shop.it.handle(shop.cancelled(order_id, refund=40000))
        await eventually(lambda: _has(shop, order_id, "refund.succeeded"))
    assert await refund_events(shop, order_id) == REFUNDED
    await shop.audit()


async def _has(shop: Shop, order_id: UUID, name: str) -> bool:
    return name in await shop.events(order_id)


@pytest.mark.feature("A27")
@pytest.mark.parametrize("failure", ["canceled", "http_500"])
async def test_a_refund_that_fails_is_tried_again(shop: Shop, failure: str) -> None:
    order_id = await shop.paid()
    await shop.provider.switch(refund_failure=failure)
    await cancel(shop, order_id)
    await shop.it.turn("refund")
    await shop.provider.switch(refund_failure="off")
    await shop.it.turn("refund")
    assert await refund_events(shop, order_id) == [], "the pause is not over"
    await shop.later(seconds=5)
    await shop.it.turn("refund")
    assert await refund_events(shop, order_id) == REFUNDED
    await shop.audit()


@pytest.mark.feature("A27")
@pytest.mark.parametrize("failure", ["canceled", "http_500"])
async def test_a_refund_that_keeps_failing_is_for_a_person(shop: Shop, failure: str) -> None:
    order_id = await shop.paid()
    await shop.provider.switch(refund_failure=failure)
    await cancel(shop, order_id)
    pauses = []
    for _ in range(4):
        await shop.it.turn("refund")
        (row,) = await shop.rows("SELECT next_at FROM refunds")
        if row["next_at"] is not None:
            pauses.append((row["next_at"] - shop.it.database.now()).total_seconds())
            shop.it.at(row["next_at"])
    assert pauses == [5, 30, 120]
    assert await refund_events(shop, order_id) == ["refund.failed"]
    failed = await shop.one(events.RefundFailed.type, order_id)
    assert failed.attempts == 4
    assert failed.reason == {"canceled": "insufficient_funds", "http_500": "internal_server_error"}[failure]
    same_shape((await shop.it.published(events.RefundFailed.type))[0], SAMPLES[events.RefundFailed.type])
    assert await shop.account(order_id) == (40000, 0, 40000), "it is still owed"

    finance = shop.it.client("fedor", "finance")
    (item,) = (await finance.get("/v1/refunds", params={"state": "failed"})).json()["items"]
    assert (item["order_id"], item["status"], item["failure"]) == (str(order_id), "failed", failed.reason)
    await shop.provider.switch(refund_failure="off")
    answers = [
        await finance.post(f"/v1/refunds/{item['id']}/retry", headers={"Idempotency-Key": "again"}) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json()["status"] == "requested"
    await shop.it.turn("refund")
    assert await refund_events(shop, order_id) == ["refund.failed", *REFUNDED]
    assert await shop.account(order_id) == (40000, 40000, 0)
    refused = await finance.post(f"/v1/refunds/{item['id']}/retry", headers={"Idempotency-Key": "once more"})
    assert (refused.status_code, refused.json()["state"]) == (409, "succeeded")
    await shop.audit()


async def failed(shop: Shop, order_id: UUID, failure: str) -> dict[str, Any]:
    """A refund of the order that failed for good, as finance sees it."""
    await shop.provider.switch(refund_failure=failure)
    await cancel(shop, order_id)
    for _ in range(4):
        await shop.it.turn("refund")
        await shop.later(minutes=3)
    (item,) = (await shop.it.client("fedor", "finance").get("/v1/refunds", params={"state": "failed"})).json()["items"]
    return dict(item)


@pytest.mark.feature("A27")
@pytest.mark.feature("B24")
@pytest.mark.parametrize(("method", "account"), [("cash", "cash:main"), ("transfer", "bank:main")])
async def test_a_refused_refund_is_settled_by_another_way(shop: Shop, method: str, account: str) -> None:
    order_id = await shop.paid()
    item = await failed(shop, order_id, "canceled")
    assert [step["verb"] for step in item["next_steps"]] == ["retry", "settle-otherwise"]
    assert "insufficient_funds" in item["next_steps"][0]["text"]
    english = (await shop.it.client("fedor", "finance", locale="en").get("/v1/refunds")).json()["items"][0]
    assert "in cash or by transfer" in english["next_steps"][1]["text"]
    mine = (await shop.it.client("anna").get("/v1/refunds")).json()["items"][0]
    assert (mine["next_steps"], mine["failure"]) == ([], None)
    path = f"/refunds/{item['id']}/settle-otherwise"
    body = {"method": method}
    assert (await shop.post(("anna",), path, body)).status_code == 403
    assert (await shop.post(("rita", "rent_manager"), path, body)).status_code == 403
    elsewhere = ("fedor", "finance")
    assert (await shop.post(elsewhere, f"/refunds/{new_id()}/settle-otherwise", body)).status_code == 404
    answers = [await shop.post(elsewhere, path, body, key="one click") for _ in range(2)]
    assert [answer.json()["status"] for answer in answers] == ["at_desk", "at_desk"]
    assert await shop.account(order_id) == (40000, 0, 40000), "promised until it was handed out"
    again = await shop.post(elsewhere, path, body)
    assert (again.status_code, again.json()["state"]) == (409, "at_desk")
    assert (await shop.post(elsewhere, f"/refunds/{item['id']}/retry")).status_code == 409
    await shop.provider.reset()
    await shop.it.turn("refund")
    assert await shop.provider.refunds_of(order_id) == [
        refund for refund in await shop.provider.refunds_of(order_id) if refund["status"] == "canceled"
    ], "the provider gives nothing back any more"
    assert (await shop.post(elsewhere, f"/refunds/{item['id']}/hand-out")).json()["status"] == "succeeded"
    assert await shop.account(order_id) == (40000, 40000, 0)
    assert await refund_events(shop, order_id) == ["refund.failed", *REFUNDED]
    rows = await shop.rows("SELECT account, sum(amount)::int AS left FROM ledger_postings GROUP BY 1")
    assert {row["account"]: row["left"] for row in rows if row["left"]} == {
        "provider:yookassa": 40000,
        account: -40000,
    }


@pytest.mark.feature("A27")
async def test_what_the_provider_may_have_given_back_is_not_settled_otherwise(shop: Shop) -> None:
    order_id = await shop.paid()
    item = await failed(shop, order_id, "http_500")
    assert [step["verb"] for step in item["next_steps"]] == ["retry"]
    answer = await shop.post(("fedor", "finance"), f"/refunds/{item['id']}/settle-otherwise", {"method": "cash"})
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (409, "refund-unclear")
    assert await shop.account(order_id) == (40000, 0, 40000)


async def test_refunds_of_another_location_are_not_there(shop: Shop) -> None:
    here, there = new_id(), new_id()
    order_id = await shop.paid()
    await shop.it.handle(shop.placed(order_id, kind="request", location_id=here))
    item = await failed(shop, order_id, "canceled")
    client = shop.it.client("fedor", "finance", locations=[str(there)])
    for verb, body in (("retry", {}), ("settle-otherwise", {"method": "cash"}), ("hand-out", {})):
        answer = await client.post(
            f"/v1/refunds/{item['id']}/{verb}", json=body, headers={"Idempotency-Key": str(new_id())}
        )
        assert answer.status_code == 404, verb


@pytest.mark.feature("X3")
@pytest.mark.parametrize("how", ["drop", "500"])
async def test_a_lost_answer_refunds_once(shop: Shop, how: str) -> None:
    order_id = await shop.paid()
    await shop.provider.switch(lose_answer_next=[{"how": how, "path_prefix": "/v3/refunds"}])
    await cancel(shop, order_id, refund=10000)
    await shop.it.turn("refund")
    assert await refund_events(shop, order_id) == []
    await shop.later(seconds=5)
    await shop.it.turn("refund")
    assert await refund_events(shop, order_id) == REFUNDED
    assert len(await shop.provider.refunds_of(order_id)) == 1
    await shop.audit()


@pytest.mark.feature("X3")
@pytest.mark.parametrize("it_worked", [True, False])
async def test_a_key_the_provider_may_have_forgotten_is_not_trusted(shop: Shop, it_worked: bool) -> None:
    """Nobody was there for a day after an answer was lost: the provider's own list tells whether it had worked."""
    order_id = await shop.paid()
    if it_worked:
        await shop.provider.switch(lose_answer_next=[{"path_prefix": "/v3/refunds"}])
    else:
        await shop.provider.switch(fail_next=[{"path_prefix": "/v3/refunds", "status": 500}])
    await cancel(shop, order_id, refund=10000)
    await shop.it.turn("refund")
    (before,) = await shop.rows("SELECT provider_key FROM refunds")
    await shop.later(hours=25)
    await shop.it.turn("refund")
    (after,) = await shop.rows("SELECT provider_key FROM refunds")
    assert (before == after) is it_worked
    assert await refund_events(shop, order_id) == REFUNDED
    assert len(await shop.provider.refunds_of(order_id)) == 1
    await shop.audit()


@pytest.mark.feature("X3")
async def test_a_worker_killed_while_the_provider_refunds(shop: Shop) -> None:
    order_id = await shop.paid()
    await cancel(shop, order_id, refund=10000)
    await shop.provider.switch(answer_delay_seconds=1)
    step = asyncio.ensure_future(shop.it.loops["refund"].step())
    await eventually(lambda: shop.provider.refunds_of(order_id))
    step.cancel()
    await asyncio.gather(step, return_exceptions=True)
    await shop.provider.switch(answer_delay_seconds=0)
    await shop.later(seconds=5)
    await shop.it.turn("refund")
    assert await refund_events(shop, order_id) == REFUNDED
    assert len(await shop.provider.refunds_of(order_id)) == 1
    await shop.audit()


async def test_two_cancellations_at_once_share_what_was_paid(shop: Shop) -> None:
    order_id = await shop.paid()
    first, second = (shop.cancelled(order_id, refund=30000) for _ in range(2))
    await asyncio.gather(shop.it.handle(first), shop.it.handle(second))
    assert await shop.account(order_id) == (40000, 0, 40000)
    granted = await shop.rows("SELECT asked, granted FROM refund_requests ORDER BY granted")
    assert granted == [{"asked": 30000, "granted": 10000}, {"asked": 30000, "granted": 30000}]
    await shop.it.turn("refund")
    assert await shop.account(order_id) == (40000, 40000, 0)
    await shop.audit()


async def test_one_event_asks_once_even_if_the_inbox_forgot_it(shop: Shop) -> None:
    order_id = await shop.paid()
    event = shop.cancelled(order_id, refund=10000)
    await shop.it.handle(event)
    async with shop.it.database.transaction() as transaction:
        from foyer_chassis.consumer import forget_handled

        transaction.now += timedelta(days=30)
        await forget_handled(transaction, days=14)
    assert await shop.it.handle(event) == 1
    assert await shop.account(order_id) == (40000, 0, 10000)


async def test_nothing_goes_back_that_never_came(shop: Shop) -> None:
    order_id = await shop.with_link()
    await cancel(shop, order_id)
    assert await shop.account(order_id) == (0, 0, 0)
    assert await shop.rows("SELECT * FROM refunds") == []


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=st.lists(st.integers(min_value=0, max_value=60000), min_size=1, max_size=6), at_once=st.booleans())
def test_the_cap_holds_whatever_is_asked(shop: Shop, run: Any, asked: Any, at_once: Any) -> None:
    async def scenario() -> None:
        order_id = new_id()
        await _paid_in_the_books(shop, order_id)
        events_ = [shop.cancelled(order_id, refund=amount) for amount in asked]
        if at_once:
            await asyncio.gather(*(shop.it.handle(event) for event in events_))
        else:
            for event in events_:
                await shop.it.handle(event)
        paid, refunded, pending = await shop.account(order_id)
        assert (paid, refunded, pending) == (40000, 0, min(40000, sum(asked)))
        (row,) = await shop.rows(
            "SELECT coalesce(sum(amount), 0) AS total FROM refunds WHERE order_id = :o", o=order_id
        )
        assert row["total"] == pending

    run(scenario())


async def _paid_in_the_books(shop: Shop, order_id: UUID) -> None:
    """An order paid as far as this service knows, without troubling the provider."""
    from payments.paying import store, use_cases
    from payments.paying.domain import Pace, ProviderPayment

    await shop.it.handle(shop.priced(order_id))
    async with shop.it.database.transaction() as transaction:
        (claimed,) = await store.claim_to_create(transaction, until=transaction.now + timedelta(minutes=1), most=1)
        answer = ProviderPayment(str(claimed.id), claimed.id, "succeeded", claimed.amount, method="bank_card")
        pace = Pace(timedelta(seconds=3), timedelta(minutes=5))
        await use_cases.learn(transaction, claimed, answer, pace=pace, detaching=())
