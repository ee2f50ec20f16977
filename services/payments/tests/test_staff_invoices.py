"""Invoices that staff make from a price list: who may, with which amounts, one at a time, shown, paid, cancelled."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from foyer_chassis.testing import Identity, same_shape
from foyer_contracts import payments as events
from foyer_contracts.envelope import Event
from foyer_contracts.ids import new_id
from foyer_contracts.samples import SAMPLES

from .conftest import ANNA, FINANCE, SERVICE_MANAGER, Shop, rub


async def prepared(shop: Shop, *positions: dict[str, Any], order_id: UUID | None = None, **placed: Any) -> Any:
    """An order with a prepared invoice: (order id, answer)."""
    if order_id is None:
        order_id = new_id()
        await shop.it.handle(shop.placed(order_id, **placed))
    return order_id, await shop.post(SERVICE_MANAGER, f"/orders/{order_id}/invoices", {"positions": list(positions)})


async def invoice_of(shop: Shop, price: int = 40000, **placed: Any) -> tuple[UUID, int]:
    seller = await shop.seller()
    order_id, answer = await prepared(shop, {"position_id": await shop.position(seller, price)}, **placed)
    assert answer.status_code == 201, answer.text
    return order_id, answer.json()["number"]


async def status_of(shop: Shop, number: int) -> str:
    (row,) = await shop.rows("SELECT status FROM invoices WHERE number = :n", n=number)
    return str(row["status"])


@pytest.mark.feature("B16")
@pytest.mark.feature("B17")
@pytest.mark.feature("B19")
async def test_from_the_price_list_to_a_card_payment(shop: Shop) -> None:
    order_id, number = await invoice_of(shop)
    anna = shop.it.client("anna")
    assert (await anna.get(f"/v1/invoices/{number}")).status_code == 404, "a prepared invoice is not shown"
    assert (await shop.one(events.InvoiceIssued.type, order_id)).activated is False
    answer = await shop.post(SERVICE_MANAGER, f"/invoices/{number}/activate")
    assert answer.status_code == 200, answer.text
    await shop.it.turn("create")
    shown = (await anna.get(f"/v1/invoices/{number}")).json()
    assert (shown["state"], shown["remainder"], bool(shown["link"])) == (
        "awaiting_payment",
        {"amount": 40000, "currency": "RUB"},
        True,
    )
    await shop.provider.act("pay", await shop.provider_id(order_id))
    await shop.later(seconds=10)
    await shop.it.turn("check")
    assert (await anna.get(f"/v1/invoices/{number}")).json()["state"] == "paid"
    refused = await shop.post(SERVICE_MANAGER, f"/invoices/{number}/cancel", {"reason": "ошибка"})
    assert refused.status_code == 409, "after it is paid money goes back only by a refund"
    assert await shop.events(order_id) == [
        "invoice.issued",
        "invoice.activated",
        "payment.link_created",
        "payment.succeeded",
        "invoice.paid",
    ]
    for event in await shop.it.published():
        if event.type in (events.InvoiceActivated.type, events.InvoicePaid.type, events.PaymentSucceeded.type):
            same_shape(event, SAMPLES[event.type])
    await shop.audit()


@pytest.mark.feature("B16")
@pytest.mark.parametrize(
    ("price", "quantity", "percent", "discount", "total"),
    [
        (3333, 3, "0", 0, 9999),
        (3333, 3, "10", 0, 8999),  # 10 % of 99.99 is 9.999, taken as 10.00
        (5, 1, "10", 0, 4),  # half a kopeck of discount is rounded up: 0.05 − 0.01
        (5, 1, "50", 0, 2),  # 2.5 kopecks are 3
        (10001, 1, "2.5", 0, 9751),  # 250.025 → 250
        (10020, 1, "2.5", 0, 9769),  # 250.5 → 251
        (40000, 2, "25", 5000, 55000),
        (40000, 1, "0", 40000, None),
        (40000, 1, "100", 0, None),
        (40000, 1, "100", 1, 422),
    ],
)
async def test_amounts_by_hand(
    shop: Shop, price: int, quantity: int, percent: str, discount: int, total: int | None
) -> None:
    """None: the position comes to nothing, so the other one is all there is to pay; 422: refused."""
    seller = await shop.seller()
    wanted = {
        "position_id": await shop.position(seller, price),
        "quantity": quantity,
        "discount_percent": percent,
        "discount": {"amount": discount, "currency": "RUB"},
    }
    _, answer = await prepared(shop, wanted, {"position_id": await shop.position(seller, 100)})
    if total == 422:
        assert answer.status_code == 422
        assert answer.json()["type"].endswith("/discount-too-large")
        return
    assert answer.json()["total"]["amount"] == (total or 0) + 100


@pytest.mark.feature("B16")
@pytest.mark.parametrize(
    ("mode", "rate", "own", "total", "vat"),
    [
        ("none", None, None, 12000, 0),
        ("included", 20, None, 12000, 2000),
        ("included", 22, 10, 12000, 1091),  # 10/110 of 120.00 is 10.909…
        ("on_top", 22, None, 14640, 2640),
        ("on_top", 22, 0, 12000, 0),
    ],
)
async def test_vat(shop: Shop, mode: str, rate: Any, own: Any, total: int, vat: int) -> None:
    seller = await shop.seller(vat_mode=mode, vat_rate=rate)
    _, answer = await prepared(shop, {"position_id": await shop.position(seller, 12000, vat_rate=own)})
    (line,) = answer.json()["lines"]
    assert (line["total"]["amount"], line["vat"]["amount"], answer.json()["total"]["amount"]) == (total, vat, total)


@pytest.mark.feature("B16")
async def test_only_the_price_list_of_the_orders_seller(shop: Shop) -> None:
    await shop.seller()
    partner = await shop.seller(name="ИП Петров", inn="500100732259", is_default=False)
    other = await shop.seller(name="ООО «Другое»", is_default=False)
    theirs, others = await shop.position(partner, 1000), await shop.position(other, 1000)
    _, refused = await prepared(shop, {"position_id": others}, legal_entity_id=UUID(partner))
    assert refused.status_code == 422
    assert refused.json()["type"].endswith("/position-missing")
    _, made = await prepared(shop, {"position_id": theirs}, legal_entity_id=UUID(partner))
    assert made.json()["legal_entity_id"] == partner
    put = {"title": "x", "unit_price": {"amount": 1000, "currency": "RUB"}, "active": False}
    answer = await shop.it.client(*FINANCE).put(
        f"/v1/price-list-positions/{theirs}", json=put, headers={"If-Match": '"1"'}
    )
    assert answer.status_code == 200
    _, refused = await prepared(shop, {"position_id": theirs}, legal_entity_id=UUID(partner))
    assert refused.status_code == 422, "a position out of use"


async def test_without_a_seller_or_for_a_cancelled_order_there_is_no_invoice(shop: Shop) -> None:
    _, refused = await prepared(shop, {"position_id": str(uuid4())})
    assert refused.json()["type"].endswith("/legal-entity-missing")
    position = await shop.position(await shop.seller(), 1000)
    order_id = new_id()
    await shop.it.handle(shop.placed(order_id), shop.cancelled(order_id))
    _, refused = await prepared(shop, {"position_id": position}, order_id=order_id)
    assert (refused.status_code, refused.json()["type"][-13:]) == (409, "/order-closed")
    _, nothing = await prepared(shop, {"position_id": position, "discount_percent": "100"})
    assert nothing.json()["type"].endswith("/nothing-to-pay")


@pytest.mark.feature("B18")
async def test_one_unpaid_invoice_at_a_time(shop: Shop) -> None:
    order_id, number = await invoice_of(shop)
    (position,) = await shop.rows("SELECT id FROM price_list_positions")
    wanted = {"position_id": str(position["id"])}
    for verb in (None, "activate"):
        if verb:
            await shop.post(SERVICE_MANAGER, f"/invoices/{number}/{verb}")
        _, refused = await prepared(shop, wanted, order_id=order_id)
        assert (refused.status_code, refused.json()["invoice"]) == (409, number)
    await shop.post(SERVICE_MANAGER, f"/invoices/{number}/mark-paid", {"method": "cash"})
    answers = await asyncio.gather(*(prepared(shop, wanted, order_id=order_id) for _ in range(8)))
    assert sorted(answer.status_code for _, answer in answers) == [201] + [409] * 7


@pytest.mark.feature("B17")
@pytest.mark.parametrize("method", ["cash", "transfer"])
async def test_marked_as_paid_and_taken_back(shop: Shop, method: str) -> None:
    order_id, number = await invoice_of(shop)
    marked = await shop.post(SERVICE_MANAGER, f"/invoices/{number}/mark-paid", {"method": method})
    assert (marked.json()["state"], marked.json()["marked"]) == ("paid", method)
    paid = await shop.one(events.PaymentSucceeded.type, order_id)
    assert (paid.provider, paid.method, paid.paid_total, paid.invoice_paid) == ("desk", method, rub(40000), True)
    again = await shop.post(SERVICE_MANAGER, f"/invoices/{number}/mark-paid", {"method": method})
    assert again.status_code == 409
    cancelled = await shop.post(SERVICE_MANAGER, f"/invoices/{number}/cancel", {"reason": "не тот заказ"})
    assert cancelled.json()["state"] == "cancelled"
    assert await shop.account(order_id) == (40000, 40000, 0)
    assert (await shop.events(order_id))[-3:] == ["invoice.cancelled", "refund.started", "refund.succeeded"]
    rows = await shop.rows("SELECT account, sum(amount) AS left FROM ledger_postings GROUP BY account")
    assert {int(row["left"]) for row in rows} == {0}
    assert (await shop.post(SERVICE_MANAGER, f"/invoices/{number}/cancel", {"reason": "x"})).status_code == 409


@pytest.mark.feature("B17")
async def test_late_money_for_an_invoice_marked_as_paid_is_not_lost(shop: Shop) -> None:
    order_id, number = await invoice_of(shop)
    await shop.post(SERVICE_MANAGER, f"/invoices/{number}/activate")
    await shop.it.turn("create")
    their_id = await shop.provider_id(order_id)
    await shop.post(SERVICE_MANAGER, f"/invoices/{number}/mark-paid", {"method": "cash"})
    await shop.provider.act("pay", their_id)
    await shop.later(minutes=5)
    await shop.it.turn("check")
    assert await shop.account(order_id) == (80000, 0, 0)


@pytest.mark.feature("B1")
async def test_who_manages_invoices(shop: Shop) -> None:
    order_id, number = await invoice_of(shop)
    (position,) = await shop.rows("SELECT id FROM price_list_positions")
    body = {"positions": [{"position_id": str(position["id"])}]}
    statuses = {}
    for who in (ANNA, ("rita", "rent_manager"), FINANCE, ("kostya", "contractor"), ("boss", "administrator")):
        made = await shop.post(who, f"/orders/{order_id}/invoices", body)
        cancelled = await shop.post(who, f"/invoices/{number}/activate")
        statuses[who[-1]] = (made.status_code, cancelled.status_code)
    assert statuses == {
        "anna": (403, 403),
        "rent_manager": (404, 404),  # not their kind: not there
        "finance": (403, 403),  # sees every order and edits none
        "contractor": (404, 404),  # not assigned to them
        "administrator": (409, 200),
    }
    kostya = Identity.id_of("kostya")
    sample = SAMPLES["orders.order.assigned.v1"].data
    data = sample.model_copy(update={"order_id": order_id, "kind": "request", "assignee_id": kostya})
    await shop.it.handle(Event.make(data, subject=order_id, sequence=9, time=shop.it.database.now()))
    refused = await shop.post(("kostya", "contractor"), f"/orders/{order_id}/invoices", body)
    assert refused.status_code == 409, "assigned to them, so only the unpaid invoice is in the way"
    elsewhere = ("sonya", "service_manager")
    order = new_id()
    await shop.it.handle(shop.placed(order, location_id=uuid4()))
    client = shop.it.client(*elsewhere, locations=[str(uuid4())])
    answer = await client.post(f"/v1/orders/{order}/invoices", json=body, headers={"Idempotency-Key": "1"})
    assert answer.status_code == 404


@pytest.mark.feature("X3")
async def test_a_repeated_click_makes_one_invoice(shop: Shop) -> None:
    order_id = new_id()
    await shop.it.handle(shop.placed(order_id))
    body = {"positions": [{"position_id": await shop.position(await shop.seller(), 1000)}]}
    answers = [await shop.post(SERVICE_MANAGER, f"/orders/{order_id}/invoices", body, key="k") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()


async def test_invoices_of_a_price_go_with_their_order(shop: Shop) -> None:
    order_id = new_id()
    await shop.it.handle(shop.placed(order_id), shop.priced(order_id))
    (row,) = await shop.rows("SELECT number FROM invoices")
    refused = await shop.post(SERVICE_MANAGER, f"/invoices/{row['number']}/cancel", {"reason": "x"})
    assert (refused.status_code, refused.json()["type"][-14:]) == (409, "/follows-order")


@pytest.mark.parametrize(
    "wrong",
    [
        {"inn": "7707083894"},
        {"inn": "770708389"},
        {"kpp": "1"},
        {"bank_account": "123"},
        {"vat_mode": "included"},
        {"vat_rate": 20},
        {"vat_mode": "included", "vat_rate": 13},
        {"commission_percent": "100.01"},
        {"surcharge_percent": "1.005"},
        {"receipts": {"enabled": True}},
        {"name": ""},
    ],
)
async def test_a_seller_with_wrong_details_is_refused(shop: Shop, wrong: dict[str, Any]) -> None:
    answer = await shop.post(FINANCE, "/legal-entities", {"name": "ООО «Фойе»", **wrong})
    assert answer.status_code == 422


async def test_two_people_edit_one_seller(shop: Shop) -> None:
    first = await shop.seller()
    second = await shop.seller(name="ООО «Второе»")
    finance = shop.it.client(*FINANCE)
    shown = await finance.get(f"/v1/legal-entities/{first}")
    assert shown.json()["is_default"] is False, "there is one default, the last that was made so"
    body = {"name": "ООО «Фойе Плюс»"}
    path = f"/v1/legal-entities/{first}"
    assert (await finance.put(path, json=body)).status_code == 428
    assert (await finance.put(path, json=body, headers={"If-Match": shown.headers["ETag"]})).status_code == 200
    assert (await finance.put(path, json=body, headers={"If-Match": shown.headers["ETag"]})).status_code == 412
    assert (
        await finance.put(f"/v1/legal-entities/{uuid4()}", json=body, headers={"If-Match": '"1"'})
    ).status_code == 404
    assert [item["id"] for item in (await finance.get("/v1/legal-entities")).json()["items"]] == [first, second]
    assert (await shop.it.client(*SERVICE_MANAGER).put(path, json=body)).status_code == 403
