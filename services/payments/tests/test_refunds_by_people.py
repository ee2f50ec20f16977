"""Refunds that staff give, and those that customers ask for."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from foyer_chassis.testing import same_shape
from foyer_contracts import payments as events
from foyer_contracts.envelope import Event
from foyer_contracts.ids import new_id
from foyer_contracts.samples import SAMPLES
from payments.refunding.domain.positions import becomes

from .conftest import ANNA, FINANCE, OFFERING, SERVICE_MANAGER, Shop, rub


async def refund(shop: Shop, order_id: UUID, who: tuple[str, ...] = FINANCE, **body: Any) -> Any:
    return await shop.post(who, f"/orders/{order_id}/refunds", {"reason": "брак", **body})


def money(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "RUB"}


async def offer(shop: Shop, *, refunds: bool = True, sequence: int = 1) -> None:
    data = SAMPLES["orders.offering.changed.v1"].data.model_copy(
        update={"offering_id": OFFERING, "refunds_allowed": refunds}
    )
    await shop.it.handle(Event.make(data, subject=OFFERING, sequence=sequence, time=shop.it.database.now()))


@pytest.mark.feature("B21")
@pytest.mark.feature("B24")
async def test_full(shop: Shop) -> None:
    order_id, number = await shop.invoiced()
    (made,) = (await refund(shop, order_id)).json()["items"]
    assert (made["amount"]["amount"], made["note"], made["status"]) == (40000, "брак", "requested")
    await shop.it.turn("refund")
    anna = shop.it.client("anna")
    shown = (await anna.get(f"/v1/invoices/{number}")).json()
    assert (shown["state"], shown["refunds"][0]["note"]) == ("refunded", None), "the reason is for staff only"
    assert (await refund(shop, order_id)).json()["type"].endswith("/over-refund")
    await shop.audit()


@pytest.mark.feature("B21")
@pytest.mark.feature("B19")
async def test_by_position(shop: Shop) -> None:
    order_id, number = await shop.invoiced()

    async def change(position: int, **to: Any) -> Any:
        return await refund(shop, order_id, positions=[{"invoice": number, "position": position, **to}])

    assert (await change(1, quantity=2)).json()["items"][0]["amount"]["amount"] == 10000
    assert (await change(1, unit_price=money(7500))).json()["items"][0]["amount"]["amount"] == 5000
    assert (await change(2, quantity=0)).json()["items"][0]["amount"]["amount"] == 10000
    for wrong in (
        {"position": 1, "quantity": 3},  # more than is left
        {"position": 1, "quantity": 2},  # nothing changes
        {"position": 1, "unit_price": money(8000)},
        {"position": 2, "quantity": 0},
    ):
        answer = await refund(shop, order_id, positions=[{"invoice": number, **wrong}])
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (422, "position-change")
    assert (await change(3, quantity=0)).status_code == 404
    assert (await refund(shop, order_id, positions=[{"invoice": 1, "position": 1, "quantity": 0}])).status_code == 404
    await shop.it.turn("refund")
    assert await shop.account(order_id) == (40000, 25000, 0)
    assert (await shop.it.client("anna").get(f"/v1/invoices/{number}")).json()["state"] == "partly_refunded"
    await shop.audit()


@pytest.mark.feature("B21")
@pytest.mark.parametrize(
    ("line", "quantity", "price", "expected"),
    [
        # 3 × 33.33 − 10 % = 89.99; two of them: 66.66 − 6.67 = 59.99
        ({"quantity": 3, "unit_price": money(3333), "discount_percent": "10", "total": money(8999)}, 2, 3333, 5999),
        # 2 × 100 − 50 ₽ = 150; one of them takes half of the discount: 75
        ({"quantity": 2, "unit_price": money(10000), "discount": money(5000), "total": money(15000)}, 1, 10000, 7500),
        # VAT of 22 % on top: 2 × 100 + 44 = 244; one: 122
        ({"quantity": 2, "unit_price": money(10000), "vat_rate": 22, "total": money(24400)}, 1, 10000, 12200),
        # VAT within: nothing is added
        ({"quantity": 2, "unit_price": money(10000), "vat_rate": 22, "total": money(20000)}, 1, 10000, 10000),
        # half a kopeck of discount is rounded up at 5 kopecks, too
        ({"quantity": 1, "unit_price": money(10), "discount_percent": "10", "total": money(9)}, 1, 5, 4),
        ({"quantity": 1, "unit_price": money(100), "discount_percent": "100", "total": money(0)}, 0, 100, 0),
    ],
)
def test_what_a_discounted_position_becomes(line: dict[str, Any], quantity: int, price: int, expected: int) -> None:
    assert becomes(line, quantity, price) == expected


@pytest.mark.feature("B21")
@pytest.mark.parametrize("group", ["new", "accepted", "review", "done", "in_work"])
async def test_card_money_goes_back_while_the_order_is_in_work(shop: Shop, group: str) -> None:
    order_id, _ = await shop.invoiced(group=group)
    answer = await refund(shop, order_id, amount=money(100))
    assert answer.status_code == (201 if group == "in_work" else 409)
    if group != "in_work":
        assert answer.json()["group"] == group


@pytest.mark.feature("B21")
async def test_cash_goes_back_in_any_status_at_the_desk(shop: Shop) -> None:
    order_id = new_id()
    await shop.it.handle(shop.placed(order_id), shop.moved(order_id, "done"))
    position = await shop.position(await shop.seller(), 40000)
    made = await shop.post(SERVICE_MANAGER, f"/orders/{order_id}/invoices", {"positions": [{"position_id": position}]})
    await shop.post(SERVICE_MANAGER, f"/invoices/{made.json()['number']}/mark-paid", {"method": "cash"})
    (item,) = (await refund(shop, order_id, amount=money(15000))).json()["items"]
    assert (item["status"], item["provider"]) == ("at_desk", "desk")
    assert (await shop.events(order_id))[-1] == "refund.started"
    assert (await shop.post(FINANCE, f"/refunds/{item['id']}/hand-out")).json()["status"] == "succeeded"
    assert (await shop.post(FINANCE, f"/refunds/{item['id']}/retry")).status_code == 409
    assert await shop.account(order_id) == (40000, 15000, 0)


@pytest.mark.feature("B21")
async def test_two_give_back_at_once_and_the_cap_holds(shop: Shop) -> None:
    order_id, number = await shop.invoiced()
    answers = await asyncio.gather(
        *(refund(shop, order_id, amount=money(15000)) for _ in range(4)),
        refund(shop, order_id, positions=[{"invoice": number, "position": 1, "quantity": 0}]),
    )
    assert sum(answer.status_code == 201 for answer in answers) in (1, 2)
    paid, refunded, pending = await shop.account(order_id)
    assert refunded + pending <= paid
    await shop.it.turn("refund")
    await shop.audit()


@pytest.mark.feature("X3")
async def test_a_repeated_click_gives_back_once(shop: Shop) -> None:
    order_id, _ = await shop.invoiced()
    body = {"reason": "x", "amount": money(10000)}
    first, second = [await shop.post(FINANCE, f"/orders/{order_id}/refunds", body, key="k") for _ in range(2)]
    assert first.json() == second.json()
    assert await shop.account(order_id) == (40000, 0, 10000)


@pytest.mark.feature("B21")
async def test_who_gives_money_back(shop: Shop) -> None:
    order_id, _ = await shop.invoiced()
    statuses = {
        who[-1]: (await refund(shop, order_id, who, amount=money(100))).status_code
        for who in (ANNA, SERVICE_MANAGER, ("rita", "rent_manager"), ("fiona", "front_desk"), FINANCE)
    }
    # The front desk refunds memberships; requests it does not even see.
    assert statuses == {"anna": 403, "service_manager": 403, "rent_manager": 403, "front_desk": 404, "finance": 201}
    bad: list[dict[str, Any]] = [
        {"amount": money(0)},
        {"amount": money(1), "positions": [{"invoice": 1, "position": 1, "quantity": 0}]},
        {"positions": []},
        {"positions": [{"invoice": 1, "position": 1}]},
        {"reason": ""},
    ]
    for wrong in bad:
        assert (await refund(shop, order_id, **wrong)).status_code == 422
    assert (await refund(shop, order_id, payment_id=str(uuid4()))).status_code == 404
    assert (await refund(shop, uuid4())).status_code == 404
    assert (await refund(shop, order_id, amount={"amount": 1, "currency": "EUR"})).status_code == 422


@pytest.mark.feature("D7")
async def test_a_membership_from_the_list_of_online_payments(shop: Shop) -> None:
    order_id = new_id()
    await shop.it.handle(shop.placed(order_id, kind="membership", terms="prepaid"), shop.priced(order_id))
    await shop.it.turn("create")
    await shop.provider.act("pay", await shop.provider_id(order_id))
    await shop.later(seconds=10)
    await shop.it.turn("check")
    await shop.it.handle(shop.moved(order_id, "done", kind="membership"))
    desk = ("fiona", "front_desk")
    query: dict[str, Any] = {"online": True, "kind": "membership", "state": "succeeded"}
    (payment,) = (await shop.it.client(*desk).get("/v1/payments", params=query)).json()["items"]
    assert (payment["order_id"], payment["method"], payment["received"]) == (str(order_id), "bank_card", money(40000))
    (item,) = (await refund(shop, order_id, desk, payment_id=payment["id"])).json()["items"]
    assert (item["payment_id"], item["amount"]) == (payment["id"], money(40000))
    await shop.it.turn("refund")
    assert (await shop.events(order_id))[-1] == "refund.succeeded"
    assert (await shop.it.client(*desk).get("/v1/payments", params={"online": False})).json()["items"] == []


@pytest.mark.feature("B22")
@pytest.mark.feature("B23")
async def test_asked_and_processed_in_any_status(shop: Shop) -> None:
    await offer(shop)
    order_id, _ = await shop.invoiced(group="done")
    path = f"/orders/{order_id}/refund-requests"
    asked = await shop.post(ANNA, path, {"reason": "не понравилось", "amount": money(15000)})
    assert asked.status_code == 201, asked.text
    (event,) = await shop.it.published(events.RefundRequested.type)
    same_shape(event, SAMPLES[event.type])
    assert event.data.amount == rub(15000)
    assert (await shop.post(ANNA, path, {"reason": "ещё"})).json()["type"].endswith("/asked-already")
    (seen,) = (await shop.it.client(*FINANCE).get("/v1/refund-requests", params={"state": "requested"})).json()["items"]
    assert seen["reason"] == "не понравилось"
    answer = await shop.post(FINANCE, f"/refund-requests/{seen['id']}/process", {"reason": "согласны"})
    assert answer.json()["request"]["status"] == "processed"
    assert answer.json()["refunds"][0]["amount"] == money(15000)
    again = await shop.post(FINANCE, f"/refund-requests/{seen['id']}/process", {"reason": "x"})
    assert (again.status_code, again.json()["state"]) == (409, "processed")
    await shop.it.turn("refund")
    assert await shop.account(order_id) == (40000, 15000, 0)
    assert (await shop.post(ANNA, path, {"reason": "и остальное"})).json()["amount"] == money(25000)


@pytest.mark.feature("B23")
async def test_rejected_once_and_for_all(shop: Shop) -> None:
    await offer(shop)
    order_id, _ = await shop.invoiced()
    path = f"/orders/{order_id}/refund-requests"
    request = (await shop.post(ANNA, path, {"reason": "x"})).json()
    rejected = await shop.post(FINANCE, f"/refund-requests/{request['id']}/reject", {"reason": "Услуга оказана"})
    assert rejected.json()["answer"] == "Услуга оказана"
    (event,) = await shop.it.published(events.RefundRejected.type)
    same_shape(event, SAMPLES[event.type])
    assert event.data.reason == "Услуга оказана"
    (shown,) = (await shop.it.client("anna").get("/v1/refund-requests")).json()["items"]
    assert (shown["status"], shown["answer"]) == ("rejected", "Услуга оказана")
    for verb in ("reject", "process"):
        answer = await shop.post(FINANCE, f"/refund-requests/{request['id']}/{verb}", {"reason": "x"})
        assert answer.status_code == 409
    assert (await shop.post(ANNA, path, {"reason": "ещё раз"})).status_code == 409
    assert await shop.account(order_id) == (40000, 0, 0)


@pytest.mark.feature("B22")
async def test_who_may_ask_and_for_how_much(shop: Shop) -> None:
    await offer(shop, refunds=False)
    order_id, _ = await shop.invoiced()
    path = f"/orders/{order_id}/refund-requests"
    assert (await shop.post(ANNA, path, {"reason": "x"})).json()["type"].endswith("/refunds-not-offered")
    await offer(shop, sequence=2)
    assert (await shop.post(ANNA, path, {"reason": "x", "amount": money(40001)})).status_code == 422
    assert (await shop.post(("boris",), path, {"reason": "x"})).status_code == 404
    assert (await shop.post(FINANCE, path, {"reason": "x"})).status_code == 403
    answers = await asyncio.gather(*(shop.post(ANNA, path, {"reason": "x"}) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    (request,) = (await shop.it.client("anna").get("/v1/refund-requests")).json()["items"]
    assert (await shop.it.client("boris").get("/v1/refund-requests")).json()["items"] == []
    for who, status in ((ANNA, 403), (SERVICE_MANAGER, 403), (("fiona", "front_desk"), 404)):
        answer = await shop.post(who, f"/refund-requests/{request['id']}/reject", {"reason": "x"})
        assert answer.status_code == status
