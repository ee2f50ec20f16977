"""Balances, credit limits, orders on account, and top-ups."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from foyer_chassis.testing import Identity, same_shape
from foyer_contracts import payments as events
from foyer_contracts.envelope import Event
from foyer_contracts.ids import new_id
from foyer_contracts.samples import SAMPLES

from .conftest import ANNA, FINANCE, Shop, rub

MANAGER = ("masha", "shop_manager")
ANNA_ID = Identity.id_of("anna")


async def ordered(shop: Shop, total: int, *, number: int = 1006313) -> UUID:
    """An order on account, priced."""
    order_id = new_id()
    await shop.it.handle(
        shop.placed(order_id, kind="goods", terms="account", number=number),
        shop.priced(order_id, terms="account", prepaid=False, total=rub(total), number=number, pay_until=None),
    )
    return order_id


def released(shop: Shop, order_id: UUID, *, sequence: int = 6) -> Event[Any]:
    return shop.moved(order_id, "in_work", kind="goods", reason="funds_received", sequence=sequence)


async def balance(shop: Shop, who: str = "anna") -> int:
    answer = await shop.it.client(who).get(f"/v1/accounts/{Identity.id_of(who)}")
    return int(answer.json()["balance"]["amount"])


async def top_up(shop: Shop, amount: int, *, who: tuple[str, ...] = MANAGER, **body: Any) -> Any:
    return await shop.post(
        who,
        "/top-ups",
        {"customer_id": str(ANNA_ID), "amount": {"amount": amount, "currency": "RUB"}, "method": "cash", **body},
    )


async def limit(shop: Shop, amount: int, tag: str = '"0"') -> Any:
    return await shop.it.client(*FINANCE).put(
        f"/v1/accounts/{ANNA_ID}/credit-limit",
        json={"credit_limit": {"amount": amount, "currency": "RUB"}},
        headers={"If-Match": tag},
    )


async def audited(shop: Shop) -> None:
    """Balances are what the ledger says."""
    (row,) = await shop.rows(
        "SELECT coalesce(sum(amount), 0) AS left FROM ledger_postings WHERE account = :a", a=f"customer:{ANNA_ID}"
    )
    assert await balance(shop) == -int(row["left"])


@pytest.mark.feature("C4")
@pytest.mark.parametrize(
    ("funds", "credit", "total", "debited"),
    [(40000, 0, 40000, True), (39999, 0, 40000, False), (0, 40000, 40000, True), (-1, 40000, 40000, False)],
)
async def test_funds_suffice_up_to_the_credit_limit(
    shop: Shop, funds: int, credit: int, total: int, debited: bool
) -> None:
    if funds > 0:
        await top_up(shop, funds)
    if credit:
        await limit(shop, credit)
    if funds < 0:
        await ordered(shop, -funds, number=1)
    order_id = await ordered(shop, total)
    type_ = events.AccountDebited.type if debited else events.AccountInsufficient.type
    (event,) = [item for item in await shop.it.published(type_) if item.data.order_id == order_id]
    same_shape(event, SAMPLES[type_])
    after = funds - (total if debited else 0)
    assert (event.data.amount, event.data.balance, event.data.credit_limit) == (rub(total), rub(after), rub(credit))
    assert await balance(shop) == after
    assert await shop.account(order_id) == (total if debited else 0, 0, 0)
    assert [name for name in await shop.events(order_id) if not name.startswith("account.")] == []
    await audited(shop)


@pytest.mark.feature("C4")
async def test_concurrent_orders_never_spend_the_same_money(shop: Shop) -> None:
    await top_up(shop, 100000)
    order_ids = [new_id() for _ in range(8)]
    await shop.it.handle(*(shop.placed(o, kind="goods", terms="account", number=n) for n, o in enumerate(order_ids)))
    priced = [
        shop.priced(o, terms="account", prepaid=False, total=rub(30000), number=n) for n, o in enumerate(order_ids)
    ]
    await asyncio.gather(*(shop.it.handle(event) for event in priced))
    assert len(await shop.it.published(events.AccountDebited.type)) == 3
    assert len(await shop.it.published(events.AccountInsufficient.type)) == 5
    assert await balance(shop) == 10000
    await audited(shop)


@pytest.mark.feature("C3")
@pytest.mark.feature("C6")
async def test_a_released_order_is_charged_within_the_limit_only(shop: Shop) -> None:
    first, second = await ordered(shop, 30000), await ordered(shop, 30000, number=2)
    await top_up(shop, 50000)
    # Orders may release more than there is money for; what would go below the limit goes on waiting.
    await shop.it.handle_twice(released(shop, first), released(shop, second))
    assert (await shop.events(first))[-1] == "account.debited"
    assert await shop.events(second) == ["account.insufficient", "account.insufficient"]
    assert await balance(shop) == 20000
    await top_up(shop, 10000)
    await shop.it.handle(released(shop, second, sequence=8), released(shop, first, sequence=8))
    assert (await shop.events(second))[-1] == "account.debited"
    assert (await shop.events(first)).count("account.debited") == 1
    assert await balance(shop) == 0
    await audited(shop)


@pytest.mark.feature("C4")
async def test_a_cancelled_order_is_credited_back_and_a_waiting_one_never_charged(shop: Shop) -> None:
    await top_up(shop, 40000)
    order_id = await ordered(shop, 40000)
    await shop.it.handle_twice(shop.cancelled(order_id, refund=30000))
    assert await balance(shop) == 30000
    assert (await shop.events(order_id))[-2:] == ["refund.started", "refund.succeeded"]
    assert await shop.account(order_id) == (40000, 30000, 0)
    waiting = await ordered(shop, 90000, number=2)
    await shop.it.handle(shop.cancelled(waiting, number=2))
    await top_up(shop, 90000)
    await shop.it.handle(released(shop, waiting))
    assert await balance(shop) == 120000
    await audited(shop)


async def test_an_order_on_account_becomes_cheaper_and_dearer(shop: Shop) -> None:
    await top_up(shop, 40000)
    order_id = await ordered(shop, 40000)
    await shop.it.handle_twice(shop.changed(order_id, total=30000, refund=10000))
    assert await balance(shop) == 10000
    await shop.it.handle_twice(shop.changed(order_id, total=35000, sequence=6))
    assert await balance(shop) == 5000
    await shop.it.handle_twice(shop.changed(order_id, total=41000, sequence=7))
    assert (await shop.events(order_id))[-1] == "account.insufficient"
    assert (await shop.it.published(events.AccountInsufficient.type))[-1].data.amount == rub(6000)
    await audited(shop)


@pytest.mark.feature("C7")
@pytest.mark.feature("C8")
@pytest.mark.parametrize("tied", [True, False])
async def test_a_customer_tops_up_online_once(shop: Shop, tied: bool) -> None:
    order_id = await ordered(shop, 40000)
    body = {"amount": {"amount": 40000, "currency": "RUB"}, "order_id": str(order_id) if tied else None}
    first, again = [await shop.post(ANNA, "/top-ups", body, key="one click") for _ in range(2)]
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    await shop.it.turn("create")
    shown = (await shop.it.client("anna").get("/v1/top-ups")).json()["items"]
    assert len(shown) == 1
    their_id = shown[0]["payments"][0]["number"]
    await shop.provider.act("pay", their_id)
    for _ in range(3):
        hint = {"event": "payment.succeeded", "object": {"id": their_id}}
        assert (await shop.it.client().post("/v1/webhooks/yookassa", json=hint)).status_code == 200
        await shop.it.turn("check")
    (event,) = await shop.it.published(events.AccountToppedUp.type)
    same_shape(event, SAMPLES[event.type]) if not tied else None
    data = event.data
    assert (data.amount, data.balance, data.online) == (rub(40000), rub(40000), True)
    assert data.order_id == (order_id if tied else None)
    assert await balance(shop) == 40000
    assert (await shop.it.client("anna").get(f"/v1/invoices/{first.json()['number']}")).json()["state"] == "paid"
    await audited(shop)


@pytest.mark.feature("C7")
@pytest.mark.parametrize("method", ["cash", "transfer"])
async def test_a_manager_books_a_top_up_and_takes_it_back(shop: Shop, method: str) -> None:
    answer = await top_up(shop, 5000, method=method)
    assert (answer.json()["state"], answer.json()["marked"]) == ("paid", method)
    (event,) = await shop.it.published(events.AccountToppedUp.type)
    assert (event.data.online, event.data.order_id) == (False, None)
    number = answer.json()["number"]
    await ordered(shop, 4000)
    refused = await shop.post(MANAGER, f"/top-ups/{number}/cancel", {"reason": "ошибка"})
    assert refused.json()["type"].endswith("/funds-missing")
    await top_up(shop, 4000)
    assert (await shop.post(MANAGER, f"/top-ups/{number}/cancel", {"reason": "x"})).json()["state"] == "cancelled"
    assert (await shop.post(MANAGER, f"/top-ups/{number}/cancel", {"reason": "x"})).status_code == 409
    assert await balance(shop) == 0
    await audited(shop)


@pytest.mark.feature("C7")
async def test_an_online_top_up_is_paid_in_cash_and_by_the_old_link_too(shop: Shop) -> None:
    number = (await shop.post(ANNA, "/top-ups", {"amount": {"amount": 7000, "currency": "RUB"}})).json()["number"]
    await shop.it.turn("create")
    (payment,) = (await shop.it.client("anna").get(f"/v1/invoices/{number}")).json()["payments"]
    assert (await shop.post(MANAGER, f"/top-ups/{number}/mark-paid", {"method": "cash"})).status_code == 200
    assert (await shop.post(MANAGER, f"/top-ups/{number}/mark-paid", {"method": "cash"})).status_code == 409
    await shop.provider.act("pay", payment["number"])
    await shop.later(minutes=5)
    await shop.it.turn("check")
    assert await balance(shop) == 14000, "what came in is the customer's, twice"
    await audited(shop)


@pytest.mark.feature("C4")
async def test_who_sees_and_sets_what(shop: Shop) -> None:
    await top_up(shop, 1000)
    path = f"/v1/accounts/{ANNA_ID}"
    assert (await shop.it.client("boris").get(path)).status_code == 404
    assert (await shop.it.client("boris").get(f"{path}/entries")).status_code == 404
    seen = await shop.it.client(*MANAGER).get(path)
    assert seen.json()["available"]["amount"] == 1000
    body = {"credit_limit": {"amount": 500, "currency": "RUB"}}
    assert (await shop.it.client(*MANAGER).put(f"{path}/credit-limit", json=body)).status_code == 403
    assert (await shop.it.client(*FINANCE).put(f"{path}/credit-limit", json=body)).status_code == 428
    assert (await limit(shop, 500, '"7"')).status_code == 412
    assert (await limit(shop, -1, seen.headers["ETag"])).status_code == 422
    assert (await limit(shop, 500, seen.headers["ETag"])).json()["available"]["amount"] == 1500
    group = uuid4()
    sample = SAMPLES["orders.customer.changed.v1"].data
    data = sample.model_copy(update={"customer_id": ANNA_ID, "discount_group_id": group})
    await shop.it.handle(Event.make(data, subject=ANNA_ID, sequence=3, time=shop.it.database.now()))
    assert (await shop.it.client("anna").get(path)).json()["discount_group_id"] == str(group)


async def test_who_may_top_up_whom(shop: Shop) -> None:
    own = {"amount": {"amount": 100, "currency": "RUB"}}
    anna = {**own, "customer_id": str(ANNA_ID)}
    assert (await shop.post(("boris",), "/top-ups", anna)).status_code == 404
    assert (await shop.post(ANNA, "/top-ups", {**own, "method": "cash"})).status_code == 403
    assert (await shop.post(ANNA, "/top-ups", {**own, "order_id": str(uuid4())})).status_code == 404
    assert (await shop.post(ANNA, "/top-ups", {"amount": {"amount": 0, "currency": "RUB"}})).status_code == 422
    assert (await shop.post(("kostya", "contractor"), "/top-ups", anna)).status_code == 403
    order_id = await ordered(shop, 100)
    boris = {"customer_id": str(Identity.id_of("boris")), "order_id": str(order_id), **own}
    assert (await shop.post(MANAGER, "/top-ups", boris)).status_code == 404, "somebody else's order"


@pytest.mark.feature("C4")
async def test_finance_sees_who_owes(shop: Shop) -> None:
    await limit(shop, 50000)
    await ordered(shop, 30000)
    await shop.post(FINANCE, "/top-ups", {"amount": {"amount": 100, "currency": "RUB"}, "method": "cash"})
    finance = shop.it.client(*FINANCE)
    (item,) = (await finance.get("/v1/accounts", params={"debtors_only": True})).json()["items"]
    assert (item["customer_id"], item["balance"]["amount"], item["available"]["amount"]) == (
        str(ANNA_ID),
        -30000,
        20000,
    )
    page = (await finance.get("/v1/accounts", params={"limit": 1})).json()
    rest = (await finance.get("/v1/accounts", params={"limit": 1, "after": page["next"]})).json()
    assert len({one["customer_id"] for one in page["items"] + rest["items"]}) == 2
    assert (await shop.it.client(*MANAGER).get("/v1/accounts")).status_code == 403


async def test_the_statement_of_an_account(shop: Shop) -> None:
    await top_up(shop, 50000)
    order_id = await ordered(shop, 40000)
    await shop.it.handle(shop.cancelled(order_id, refund=40000))
    anna = shop.it.client("anna")
    path, seen, before = f"/v1/accounts/{ANNA_ID}/entries", [], None
    for _ in range(4):
        page = (await anna.get(path, params={"limit": 1} | ({"before": before} if before else {}))).json()
        seen += [(item["kind"], item["amount"]["amount"], item["order_id"]) for item in page["items"]]
        before = page["next"]
        if before is None:
            break
    assert seen == [("refund", 40000, str(order_id)), ("payment", -40000, str(order_id)), ("top_up", 50000, None)]
