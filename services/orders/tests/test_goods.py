"""Goods (A28): placed from the catalogue, collected line by line, handed over."""

from typing import Any

import pytest
from foyer_chassis.testing import same_shape
from foyer_contracts.money import Money
from foyer_contracts.samples import SAMPLES

from .conftest import Desk, Heard

MANAGER = ("maria", "shop_manager")


def rub(amount: int) -> Money:
    return Money(amount=amount, currency="RUB")


async def problem_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["type"]).rpartition("/")[2]


class Shop:
    """A parts shop with three items; `order` has two of the first and one of the second."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def open(self, **more: Any) -> "Shop":
        self.offering = await self.desk.offering(
            "goods", title="Запчасти", **{"terms": "prepaid", "responsible_ids": [self.desk.id_of("maria")], **more}
        )
        self.filter, self.belt, self.cheap = [
            await self.desk.item(self.offering, sku, amount)
            for sku, amount in (("F", 50000), ("B", 70000), ("C", 45000))
        ]
        items = [{"item_id": self.filter["id"], "quantity": 2}, {"item_id": self.belt["id"], "quantity": 1}]
        self.order = await self.desk.place(self.offering, items=items)
        self.heard = Heard(self.order)
        self.lines = [line["id"] for line in self.order["lines"]]
        return self

    async def decide(self, line: int, state: str, **more: Any) -> Any:
        path = f"/v1/orders/{self.order['number']}/lines/{self.lines[line]}"
        return await self.desk.post("maria", path, {"state": state, **more}, "shop_manager")


@pytest.mark.feature("A28")
async def test_goods_are_priced_at_once_and_collected_to_the_end(desk: Desk) -> None:
    shop = await Shop(desk).open()
    order = shop.order
    assert (order["total"]["amount"], order["money"]["status"]) == (170000, "awaiting_payment")
    (priced,) = await desk.orders.published("orders.order.priced.v1")
    assert [(line.quantity, line.total.amount) for line in priced.data.lines] == [(2, 100000), (1, 70000)]
    assert (priced.data.total.amount, priced.data.prepaid) == (170000, True)
    assert await problem_of(await desk.act(order, "collect", *MANAGER)) == (409, "not-paid")
    await desk.orders.handle_twice(shop.heard.paid(rub(170000)))
    assert (await desk.does(order, "collect", *MANAGER))["status"] == "collecting"
    for line in (0, 1):
        assert (await shop.decide(line, "collected")).status_code == 200
    assert (await desk.does(order, "pack", *MANAGER))["title"] == "Готов к выдаче. Оплачен"
    done = await desk.does(order, "hand-over", *MANAGER)
    assert done["status"] == "done"
    changes = await desk.orders.published("orders.order.changed.v1")
    assert [event.data.refund.amount for event in changes] == [0, 0]


@pytest.mark.feature("A28")
async def test_a_missing_line_of_a_paid_order_is_refunded(desk: Desk) -> None:
    shop = await Shop(desk).open()
    await desk.orders.handle(shop.heard.paid(rub(170000)))
    await desk.does(shop.order, "collect", *MANAGER)
    card = (await shop.decide(1, "missing")).json()
    assert (card["total"]["amount"], card["money"]["refund_due"]["amount"]) == (100000, 70000)
    (event,) = await desk.orders.published("orders.order.changed.v1")
    same_shape(event, SAMPLES["orders.order.changed.v1"])
    assert (event.data.refund.amount, event.data.total.amount) == (70000, 100000)
    assert [line.title for line in event.data.lines] == ["Товар F"]
    # Said twice, it goes back once; found again, it is too late.
    assert (await shop.decide(1, "missing")).status_code == 200
    assert len(await desk.orders.published("orders.order.changed.v1")) == 1
    assert await problem_of(await shop.decide(1, "collected")) == (409, "refunded-already")
    await shop.decide(0, "collected")
    await desk.does(shop.order, "pack", *MANAGER)
    assert await problem_of(await desk.act(shop.order, "hand-over", *MANAGER)) == (409, "refund-under-way")
    await desk.orders.handle_twice(shop.heard.refunded(rub(70000)))
    assert (await desk.does(shop.order, "hand-over", *MANAGER))["money"]["status"] == "partly_refunded"


@pytest.mark.feature("A28")
async def test_a_replacement_costs_at_most_what_it_stands_for(desk: Desk) -> None:
    shop = await Shop(desk).open()
    await desk.orders.handle(shop.heard.paid(rub(170000)))
    await desk.does(shop.order, "collect", *MANAGER)
    dearer = await shop.decide(0, "replaced", item_id=shop.belt["id"])
    assert await problem_of(dearer) == (409, "dearer")
    unknown = await shop.decide(0, "replaced", item_id=shop.lines[0])
    assert await problem_of(unknown) == (422, "unknown-item")
    assert (await shop.decide(0, "replaced")).status_code == 422
    card = (await shop.decide(0, "replaced", item_id=shop.cheap["id"])).json()
    line = card["lines"][0]
    assert (line["title"], line["instead_of"], line["quantity"], line["state"]) == ("Товар C", "Товар F", 2, "replaced")
    assert (card["total"]["amount"], card["money"]["refund_due"]["amount"]) == (160000, 10000)


@pytest.mark.feature("A28")
async def test_a_missing_line_of_an_unpaid_order_is_taken_off_the_invoice(desk: Desk) -> None:
    shop = await Shop(desk).open(terms="part_payment")
    await desk.does(shop.order, "collect", *MANAGER)
    await shop.decide(1, "missing")
    (event,) = await desk.orders.published("orders.order.changed.v1")
    assert (event.data.refund.amount, event.data.total.amount) == (0, 100000)
    # Nothing was paid for it yet, so it can be found again.
    assert (await shop.decide(1, "collected")).json()["total"]["amount"] == 170000
    await shop.decide(0, "missing")
    await shop.decide(1, "missing")
    assert await problem_of(await desk.act(shop.order, "pack", *MANAGER)) == (409, "nothing-collected")


@pytest.mark.feature("A28")
async def test_who_collects_and_when(desk: Desk) -> None:
    shop = await Shop(desk).open(terms="part_payment")
    assert await problem_of(await shop.decide(0, "collected")) == (409, "not-in-this-status")
    path = f"/v1/orders/{shop.order['number']}/lines/{shop.lines[0]}"
    assert (await desk.post("anna", path, {"state": "collected"})).status_code == 403
    assert (await desk.post("sergey", path, {"state": "collected"}, "service_manager")).status_code == 404
    await desk.does(shop.order, "collect", *MANAGER)
    other = f"/v1/orders/{shop.order['number']}/lines/{shop.order['id']}"
    assert (await desk.post("maria", other, {"state": "collected"}, "shop_manager")).status_code == 404
    assert await problem_of(await desk.act(shop.order, "pack", *MANAGER)) == (409, "lines-undecided")


@pytest.mark.parametrize(
    ("change", "problem", "field"),
    [
        ({"items": []}, "content-mismatch", "items"),
        ({"items": [{"item_id": "0198f000-0000-7000-8000-00000000000a", "quantity": 1}]}, "unknown-item", "items.0.item_id"),
        ({"expected_total": {"amount": 1, "currency": "RUB"}}, "price-mismatch", "expected_total"),
        ({"slots": {"resource_id": "0198f000-0000-7000-8000-00000000000a", "starts_at": "2027-01-01T10:00:00Z", "ends_at": "2027-01-01T11:00:00Z"}}, "content-mismatch", "slots"),
    ],
)  # fmt: skip
async def test_bad_orders_of_goods_leave_nothing(desk: Desk, change: dict[str, Any], problem: str, field: str) -> None:
    shop = await Shop(desk).open()
    before = await desk.orders.published()
    body = {"offering_id": shop.offering["id"], "items": [{"item_id": shop.filter["id"], "quantity": 1}], **change}
    answer = await desk.post("anna", "/v1/orders", body)
    assert await problem_of(answer) == (422, problem)
    assert answer.json()["field"] == field
    assert await desk.orders.published() == before
