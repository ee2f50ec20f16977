"""A top-up is an advance; the order that it pays for offsets it by a receipt when it is done (54-FZ, X6)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from foyer_chassis.testing import Databases, Identity
from foyer_contracts.envelope import Event
from foyer_contracts.ids import new_id
from foyer_contracts.samples import SAMPLES
from payments.advances.domain import MOST_OFFSETS

from .conftest import ANNA, FINANCE, Provider, Shop, StripeSide
from .sides import Till, till
from .test_accounts import ANNA_ID, balance, limit, ordered, top_up
from .test_checkout import RECEIPTS

LINE = "30 минут"


async def online(shop: Shop, amount: int) -> str:
    """Anna tops her balance up by card; the provider's number of the payment."""
    assert (await top_up(shop, amount, method="online")).status_code == 201
    await shop.it.turn("create")
    (row,) = await shop.rows(
        "SELECT provider_payment_id AS id FROM payments WHERE status = 'pending' AND provider = 'yookassa'"
    )
    await shop.provider.act("pay", row["id"])
    await shop.later(seconds=10)
    await shop.it.turn("check")
    return str(row["id"])


async def done(shop: Shop, *order_ids: UUID, sequence: int = 9) -> None:
    await shop.it.handle_twice(
        *(shop.moved(order_id, "done", kind="goods", sequence=sequence) for order_id in order_ids)
    )
    await receipts_are_made(shop)


async def receipts_are_made(shop: Shop) -> None:
    for loop in ("close_receipt", "offset_receipt"):
        await shop.it.turn(loop)


async def receipts_at(shop: Shop, top_up_number: str) -> list[dict[str, Any]]:
    found = (await shop.provider.client.get(f"/sandbox/payments/{top_up_number}")).raise_for_status().json()
    return list(found["receipts"])


async def sums_at(shop: Shop, *top_ups: str) -> list[list[int]]:
    """Of each top-up its receipts in kopecks, as they were made; below zero what was given back."""
    sums = []
    for number in top_ups:
        sums.append(
            [
                round(float(item["settlements"][0]["amount"]["value"]) * 100) * (1 if item["type"] == "payment" else -1)
                for item in await receipts_at(shop, number)
            ]
        )
    return sums


@pytest.fixture
async def fiscal(shop: Shop) -> Shop:
    await shop.seller(receipts=RECEIPTS, vat_mode="included", vat_rate=22)
    return shop


@pytest.mark.feature("X6")
async def test_the_receipt_says_what_was_delivered_and_that_it_was_paid_before(fiscal: Shop) -> None:
    number = await online(fiscal, 50000)
    order_id = await ordered(fiscal, 40000)
    await receipts_are_made(fiscal)
    assert await receipts_at(fiscal, number) == [], "nothing is delivered yet"
    await done(fiscal, order_id)
    (made,) = await receipts_at(fiscal, number)
    assert (made["type"], made["customer"]) == ("payment", {"email": "shop@example.test"})
    assert made["settlements"] == [{"type": "prepayment", "amount": {"value": "400.00", "currency": "RUB"}}]
    (item,) = made["items"]
    assert (item["description"], item["payment_mode"], item["vat_code"]) == (LINE, "full_payment", 11)
    assert (item["quantity"], item["amount"]["value"]) == ("1", "400.00")
    await done(fiscal, order_id, sequence=10)
    assert len(await receipts_at(fiscal, number)) == 1, "offset once"
    (seen,) = (await fiscal.it.client(*FINANCE).get("/v1/receipts", params={"state": "sent"})).json()["items"]
    assert (seen["kind"], seen["order_id"], seen["amount"]["amount"]) == ("offset", str(order_id), 40000)


@pytest.mark.feature("X6")
@pytest.mark.parametrize(
    ("cash", "credit", "cards", "orders", "back", "expected"),
    [
        pytest.param(0, 0, [40000], [40000], 0, [[40000]], id="all of one"),
        pytest.param(0, 0, [30000, 20000], [40000], 0, [[30000], [10000]], id="the oldest first"),
        pytest.param(0, 0, [30000, 20000], [10000, 25000, 15000], 0, [[10000, 20000], [5000, 15000]], id="one by one"),
        pytest.param(10000, 0, [30000], [40000], 0, [[30000]], id="what staff booked has no receipt of ours"),
        pytest.param(0, 40000, [], [40000], 0, [], id="on credit there is no advance"),
        pytest.param(0, 25000, [15000], [40000], 0, [[15000]], id="in part on credit"),
        pytest.param(0, 0, [40000], [40000], 12345, [[27655]], id="a part came back before"),
        pytest.param(0, 0, [40000], [40000], 40000, [[]], id="all came back before"),
        pytest.param(0, 0, [333, 333, 333], [1000 - 1], 0, [[333], [333], [333]], id="three times 3.33"),
    ],
)
async def test_which_advances_are_offset(
    fiscal: Shop, cash: int, credit: int, cards: list[int], orders: list[int], back: int, expected: list[list[int]]
) -> None:
    if cash:
        await top_up(fiscal, cash)
    if credit:
        await limit(fiscal, credit)
    numbers = [await online(fiscal, amount) for amount in cards]
    for index, total in enumerate(orders):
        order_id = await ordered(fiscal, total, number=index)
        if back:
            await fiscal.it.handle(fiscal.cancelled(order_id, refund=back))
        await done(fiscal, order_id)
    assert await sums_at(fiscal, *numbers) == expected
    assert await fiscal.rows("SELECT id FROM advance_offsets WHERE status <> 'sent'") == []


@pytest.mark.feature("X6")
async def test_what_a_top_up_has_no_more_receipts_for_is_shown_as_failed(fiscal: Shop) -> None:
    """Twenty offsets are made of one top-up. Of the 21st order a newer top-up takes what it can; the rest waits for a
    person, is not forgotten, and is made when finance says so."""
    old = await online(fiscal, 50000)
    orders = [await ordered(fiscal, 1000, number=index) for index in range(MOST_OFFSETS)]
    await done(fiscal, *orders)
    new = await online(fiscal, 300)
    last = await ordered(fiscal, 1000, number=MOST_OFFSETS)
    await done(fiscal, last)
    await done(fiscal, last, sequence=10)
    assert await sums_at(fiscal, old, new) == [[1000] * MOST_OFFSETS, [300]]
    finance = fiscal.it.client(*FINANCE)
    (failed,) = (await finance.get("/v1/receipts", params={"state": "failed"})).json()["items"]
    assert (failed["kind"], failed["order_id"], failed["failure"]) == ("offset", str(last), "too_many_receipts")
    assert (failed["amount"]["amount"], failed["attempts"]) == (700, 0)
    assert (await fiscal.post(FINANCE, f"/receipts/{failed['id']}/retry")).status_code == 202
    await receipts_are_made(fiscal)
    assert (await sums_at(fiscal, old))[0][MOST_OFFSETS:] == [700]
    assert (await finance.get("/v1/receipts", params={"state": "failed"})).json()["items"] == []


@pytest.mark.feature("X6")
async def test_a_top_up_without_a_receipt_is_no_advance_to_offset(shop: Shop) -> None:
    """It came in before the seller had receipts."""
    before = await online(shop, 30000)
    await shop.seller(receipts=RECEIPTS)
    after = await online(shop, 10000)
    await done(shop, await ordered(shop, 40000))
    assert await sums_at(shop, before, after) == [[], [10000]]


@pytest.mark.feature("X6")
async def test_what_comes_back_after_that_is_given_back_by_receipts_too(fiscal: Shop) -> None:
    """Charged 400 ₽ of 300 and 200: of 150 that come back, the newer one has its 100 again, the older one 50."""
    numbers = [await online(fiscal, 30000), await online(fiscal, 20000)]
    order_id = await ordered(fiscal, 40000)
    await done(fiscal, order_id)
    await fiscal.it.handle_twice(fiscal.cancelled(order_id, refund=15000))
    await receipts_are_made(fiscal)
    assert await sums_at(fiscal, *numbers) == [[30000, -5000], [10000, -10000]]
    returned = (await receipts_at(fiscal, numbers[0]))[1]
    assert [(item["payment_mode"], item["vat_code"]) for item in returned["items"]] == [("full_payment", 11)]
    assert await balance(fiscal) == 25000
    await done(fiscal, await ordered(fiscal, 25000, number=2))
    assert await sums_at(fiscal, *numbers) == [[30000, -5000, 5000], [10000, -10000, 20000]]


@pytest.mark.feature("X6")
async def test_receipts_never_say_more_than_what_was_kept(fiscal: Shop) -> None:
    """100 ₽ of 400 were booked by staff, without a receipt: the first 100 that come back are those."""
    await top_up(fiscal, 10000)
    number = await online(fiscal, 30000)
    order_id = await ordered(fiscal, 40000)
    await done(fiscal, order_id)
    for refund, expected in ((6000, [30000]), (6000, [30000, -2000]), (28000, [30000, -2000, -28000])):
        await fiscal.it.handle(fiscal.cancelled(order_id, refund=refund))
        await receipts_are_made(fiscal)
        assert await sums_at(fiscal, number) == [expected]


@pytest.mark.feature("X6")
async def test_many_orders_at_once_never_offset_more_than_there_is(fiscal: Shop) -> None:
    await top_up(fiscal, 10000)
    numbers = [await online(fiscal, amount) for amount in (25000, 25000)]
    order_ids = [await ordered(fiscal, 10000, number=index) for index in range(6)]
    await fiscal.it.handle(*(fiscal.moved(order_id, "done", kind="goods", sequence=9) for order_id in order_ids))
    refund = fiscal.cancelled(order_ids[0], refund=5000)
    await asyncio.gather(fiscal.it.turn("close_receipt"), fiscal.it.handle(refund), fiscal.it.turn("offset_receipt"))
    # What comes back is offset again only once it was given back.
    for _ in range(3):
        await receipts_are_made(fiscal)
    sums = [sum(items) for items in await sums_at(fiscal, *numbers)]
    assert sums[0] <= 25000
    assert sums[1] <= 25000
    kept = await fiscal.rows(
        "SELECT p.received - p.refund_reserved AS kept, coalesce(sum(CASE o.kind WHEN 'offset' THEN o.amount "
        "ELSE -o.amount END), 0)::bigint AS said FROM payments p LEFT JOIN advance_offsets o ON o.payment_id = p.id "
        "WHERE p.provider = 'balance' GROUP BY p.id"
    )
    assert all(row["said"] <= row["kept"] for row in kept)
    said = sum(row["said"] for row in kept)
    # What comes back after all of it was taken is free for the next order.
    assert said == sum(sums)
    assert said in (45000, 50000)


@pytest.mark.feature("X6")
async def test_a_charge_that_comes_after_the_order_is_done(fiscal: Shop) -> None:
    number = await online(fiscal, 50000)
    order_id = await ordered(fiscal, 30000)
    await done(fiscal, order_id)
    await fiscal.it.handle_twice(fiscal.changed(order_id, total=45000, sequence=12))
    await receipts_are_made(fiscal)
    assert await sums_at(fiscal, number) == [[30000, 15000]]


@pytest.mark.feature("X6")
@pytest.mark.parametrize("status", [400, 500])
async def test_what_the_provider_refuses_finance_sees_and_has_tried_again(fiscal: Shop, status: int) -> None:
    number = await online(fiscal, 40000)
    order_id = await ordered(fiscal, 40000)
    await fiscal.provider.switch(fail_next=[{"status": status, "path_prefix": "/v3/receipts", "count": 8}])
    await done(fiscal, order_id)
    for _ in range(0 if status == 400 else 8):
        await fiscal.later(hours=2)
        await fiscal.it.turn("offset_receipt")
    await fiscal.provider.reset()
    await fiscal.it.handle(fiscal.cancelled(order_id, refund=10000))
    await receipts_are_made(fiscal)
    client = fiscal.it.client(*FINANCE)
    (item,) = (await client.get("/v1/receipts", params={"state": "failed"})).json()["items"]
    assert (item["kind"], item["attempts"], bool(item["failure"])) == ("offset", 1 if status == 400 else 8, True)
    assert await sums_at(fiscal, number) == [[]], "what was never made is not given back"
    path = f"/receipts/{item['id']}/retry"
    for who, expected in ((ANNA, 403), (("fiona", "front_desk"), 403)):
        assert (await fiscal.post(who, path)).status_code == expected
        assert (await fiscal.it.client(*who).get("/v1/receipts")).status_code == expected
    assert (await fiscal.post(FINANCE, f"/receipts/{new_id()}/retry")).status_code == 404
    answers = [await fiscal.post(FINANCE, path, key="one click") for _ in range(2)]
    assert [(answer.status_code, answer.json()["state"]) for answer in answers] == [(202, "due")] * 2
    assert (await fiscal.post(FINANCE, path)).json()["type"].endswith("/receipt-state")
    for _ in range(2):
        await fiscal.it.turn("offset_receipt")
    assert await sums_at(fiscal, number) == [[40000, -10000]]
    assert (await client.get("/v1/receipts", params={"state": "failed"})).json()["items"] == []


@pytest.mark.feature("X6")
async def test_receipts_of_elsewhere_are_not_there(fiscal: Shop) -> None:
    await online(fiscal, 40000)
    order_id = await ordered(fiscal, 40000)
    await fiscal.it.handle(fiscal.placed(order_id, kind="goods", terms="account", location_id=new_id()))
    await done(fiscal, order_id)
    elsewhere = fiscal.it.client("fedor", "finance", locations=[str(new_id())])
    assert (await elsewhere.get("/v1/receipts")).json()["items"] == []
    (item,) = (await fiscal.it.client(*FINANCE).get("/v1/receipts", params={"state": "sent"})).json()["items"]
    answer = await elsewhere.post(f"/v1/receipts/{item['id']}/retry", headers={"Idempotency-Key": "x"})
    assert answer.status_code == 404


@pytest.mark.feature("X6")
async def test_an_erased_persons_address_is_in_no_receipt_that_was_made(fiscal: Shop) -> None:
    now = fiscal.it.database.now()
    contact = SAMPLES["orders.contact.changed.v1"].data.model_copy(
        update={"person_id": ANNA_ID, "email": "anna@example.test"}
    )
    await fiscal.it.handle(Event.make(contact, subject=ANNA_ID, sequence=1, time=now))
    number = await online(fiscal, 40000)
    order_id = await ordered(fiscal, 40000)
    await done(fiscal, order_id)
    assert (await receipts_at(fiscal, number))[0]["customer"] == {"email": "anna@example.test"}
    data = SAMPLES["orders.customer.changed.v1"].data.model_copy(update={"customer_id": ANNA_ID, "erased": True})
    await fiscal.it.handle(Event.make(data, subject=ANNA_ID, sequence=3, time=now))
    assert await fiscal.rows("SELECT id FROM advance_offsets WHERE receipt::text LIKE '%anna@%'") == []
    await fiscal.it.handle(fiscal.cancelled(order_id, refund=10000))
    await receipts_are_made(fiscal)
    assert (await receipts_at(fiscal, number))[1]["customer"] == {"email": "shop@example.test"}


@pytest.fixture
async def at(
    databases: Databases, identity: Identity, provider: Provider, stripe_side: StripeSide
) -> AsyncIterator[Till]:
    async with till("yookassa", databases, identity, provider, stripe_side) as made:
        yield made


@pytest.mark.feature("X6")
@pytest.mark.feature("X3")
@pytest.mark.parametrize("where", ["claimed", "asked"])
async def test_killed_while_the_receipt_is_made(at: Till, where: str) -> None:
    await at.shop.seller(receipts=RECEIPTS)
    number = await online(at.shop, 40000)
    order_id = await ordered(at.shop, 40000)
    await at.shop.it.handle(at.shop.moved(order_id, "done", kind="goods", sequence=9))
    for loop in ("close_receipt", "offset_receipt"):
        with at.killed(where):
            await at.shop.it.turn(loop)
        await at.shop.later(minutes=10)
        await at.shop.it.turn(loop)
    assert await sums_at(at.shop, number) == [[40000]]
