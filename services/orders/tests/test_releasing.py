"""Orders on account wait for funds, and top-ups release them (C1–C6, C8)."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from foyer_contracts import payments
from foyer_contracts.envelope import Event, EventData
from foyer_contracts.money import Money

from .conftest import NOW, Desk, Heard

ALEX = ("alex", "administrator")


def rub(amount: int) -> Money:
    return Money(amount=amount, currency="RUB")


class Account:
    """What payments says of Anna's account, and orders on it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.customer = desk.orders.identity.id_of("anna")
        self._placed = 0

    async def open(self, **settings: Any) -> "Account":
        self.offering = await self.desk.offering(terms="account", price={"amount": 100000, "currency": "RUB"})
        await self.settings(**settings)
        return self

    async def settings(self, **more: Any) -> Any:
        client = self.desk.client(*ALEX)
        now = (await client.get("/v1/settings/releasing")).json()
        version = now.pop("version")
        return await client.put("/v1/settings/releasing", json={**now, **more}, headers={"If-Match": f'"{version}"'})

    async def place(self) -> dict[str, Any]:
        self._placed += 1
        self.desk.orders.at(NOW + timedelta(minutes=self._placed))
        return await self.desk.place(self.offering)

    def event(self, data: EventData) -> Event[Any]:
        return Event.make(data, subject=self.customer, sequence=1, time=NOW)

    def insufficient(self, order: dict[str, Any]) -> Event[Any]:
        return self.event(
            payments.AccountInsufficient(
                customer_id=self.customer,
                order_id=UUID(order["id"]),
                amount=rub(100000),
                balance=rub(0),
                credit_limit=rub(0),
            )
        )

    def debited(self, order: dict[str, Any]) -> Event[Any]:
        return self.event(
            payments.AccountDebited(
                customer_id=self.customer,
                order_id=UUID(order["id"]),
                amount=rub(100000),
                balance=rub(0),
                credit_limit=rub(0),
            )
        )

    def topped_up(self, *, balance: int = 0, online: bool = True, **more: Any) -> Event[Any]:
        return self.event(
            payments.AccountToppedUp(
                top_up_id=more.get("top_up_id", uuid4()),
                customer_id=self.customer,
                invoice_id=uuid4(),
                order_id=more.get("order_id"),
                amount=rub(100000),
                balance=rub(balance),
                online=online,
            )
        )

    async def waiting(self, count: int) -> list[dict[str, Any]]:
        orders = [await self.place() for _ in range(count)]
        for order in orders:
            await self.desk.orders.handle_twice(self.insufficient(order))
        return orders

    async def statuses(self, orders: list[dict[str, Any]]) -> list[str]:
        return [(await self.desk.card(order))["status"] for order in orders]


@pytest.fixture
async def account(desk: Desk) -> Account:
    return await Account(desk).open()


@pytest.mark.feature("C3")
@pytest.mark.feature("C1")
async def test_without_credit_an_order_waits_in_the_chosen_status(account: Account) -> None:
    desk = account.desk
    order = await account.place()
    (priced,) = await desk.orders.published("orders.order.priced.v1")
    assert (priced.data.terms, priced.data.prepaid, priced.data.total.amount) == ("account", False, 100000)
    await desk.orders.handle_twice(account.insufficient(order))
    assert (await desk.card(order))["title"].startswith("Ожидает оплаты")
    body = {
        "code": "no_money",
        "group": "new",
        "kinds": ["request"],
        "name": {"ru": "Нет денег", "en": "No money"},
        "colour": "#ff0000",
    }
    assert (await desk.post("alex", "/v1/statuses", body, "administrator")).status_code == 201
    assert (await account.settings(waiting_status="no_money")).status_code == 200
    second = await account.place()
    await desk.orders.handle_twice(account.insufficient(second))
    card = await desk.card(second)
    assert (card["status"], card["label"]) == ("awaiting_payment", "no_money")
    assert card["title"].startswith("Нет денег")
    for refused in ("cancelled", "removed", "unheard_of"):
        answer = await account.settings(waiting_status=refused)
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (422, "not-for-waiting")
    off = await account.settings(wait_without_funds=False)
    assert off.status_code == 200
    third = await account.place()
    await desk.orders.handle_twice(account.insufficient(third))
    assert (await desk.card(third))["status"] == "new"


@pytest.mark.feature("C2")
async def test_a_paid_order_goes_to_work_where_so_set(account: Account) -> None:
    desk = account.desk
    for start, expected in ((False, "new"), (True, "in_progress")):
        assert (await account.settings(start_when_paid=start)).status_code == 200
        offering = await desk.offering(title=str(start), terms="prepaid", price={"amount": 40000, "currency": "RUB"})
        order = await desk.place(offering)
        heard = Heard(order)
        await desk.orders.handle_twice(heard.invoice("issued", activated=True), heard.paid())
        assert (await desk.card(order))["status"] == "new", "its invoice is not said to be paid"
        await desk.orders.handle_twice(heard.invoice("paid"))
        assert (await desk.card(order))["status"] == expected
        charged = await account.place()
        await desk.orders.handle_twice(account.debited(charged))
        card = await desk.card(charged)
        assert (card["status"], card["money"]["status"]) == (expected, "paid")


@pytest.mark.feature("C6")
@pytest.mark.feature("C8")
async def test_a_top_up_releases_the_last_three_and_no_older_one(account: Account) -> None:
    desk = account.desk
    await account.settings(release_last_orders="any")
    orders = await account.waiting(5)
    assert await account.statuses(orders) == ["awaiting_payment"] * 5
    below = account.topped_up(balance=-1)
    await desk.orders.handle_twice(below)
    assert await account.statuses(orders) == ["awaiting_payment"] * 5
    enough = account.topped_up()
    await desk.orders.handle_twice(enough)
    released = ["awaiting_payment"] * 2 + ["in_progress"] * 3
    assert await account.statuses(orders) == released
    # The same top-up in another event releases nothing more.
    await desk.orders.handle_twice(account.topped_up(top_up_id=enough.data.top_up_id))
    assert await account.statuses(orders) == released
    reasons = [event.data.reason for event in await desk.orders.published("orders.order.status_changed.v1")]
    assert reasons == ["funds_missing"] * 5 + ["funds_received"] * 3
    boris = await desk.place(account.offering, "boris")
    await desk.orders.handle(account.insufficient(boris))
    await desk.orders.handle(account.topped_up())
    assert (await desk.card(boris, "boris"))["status"] == "awaiting_payment"


@pytest.mark.feature("C5")
@pytest.mark.parametrize(
    ("customer", "group", "site", "online", "released"),
    [
        (None, None, "off", True, False),
        (None, None, "any", False, True),
        (None, None, "online", False, False),
        (None, None, "online", True, True),
        (None, "off", "any", True, False),
        (None, "online", "off", True, True),
        (None, "online", "any", False, False),
        ("off", "any", "any", True, False),
        ("any", "off", "off", False, True),
        ("online", "any", "any", False, False),
    ],
)
async def test_the_nearest_rule_that_is_set_wins(
    account: Account, customer: str | None, group: str | None, site: str, online: bool, released: bool
) -> None:
    desk = account.desk
    (order,) = await account.waiting(1)
    alex = desk.client(*ALEX)
    await account.settings(release_last_orders=site)
    if group is not None:
        made = await desk.post("alex", "/v1/discount-groups", {"name": "Опт"}, "administrator")
        group_id = made.json()["id"]
        person = (await alex.get(f"/v1/customers/{account.customer}")).json()
        put = await alex.patch(
            f"/v1/customers/{account.customer}",
            json={"discount_group_id": group_id},
            headers={"If-Match": f'"{person["version"]}"'},
        )
        assert put.status_code == 200, put.text
        assert (
            await alex.put(f"/v1/discount-groups/{group_id}/release-rule", json={"release_last_orders": group})
        ).status_code == 200
    if customer is not None:
        path = f"/v1/customers/{account.customer}/release-rule"
        assert (await alex.put(path, json={"release_last_orders": customer})).status_code == 200
        assert (await alex.get(path)).json() == {"release_last_orders": customer}
    await desk.orders.handle_twice(account.topped_up(online=online))
    assert (await desk.card(order))["status"] == ("in_progress" if released else "awaiting_payment")


async def test_an_invoice_tied_to_an_order_releases_that_order(account: Account) -> None:
    orders = await account.waiting(4)
    await account.desk.orders.handle_twice(account.topped_up(order_id=UUID(orders[0]["id"])))
    assert await account.statuses(orders) == ["in_progress"] + ["awaiting_payment"] * 3


async def test_settings_are_for_administrators(account: Account) -> None:
    for username, role in (("sergey", "service_manager"), ("fedor", "finance"), ("anna", "customer")):
        client = account.desk.client(username, role)
        assert (await client.get("/v1/settings/releasing")).status_code == 403
    missing = await account.desk.client(*ALEX).put(
        f"/v1/customers/{uuid4()}/release-rule", json={"release_last_orders": "any"}
    )
    assert missing.status_code == 404


async def test_staff_release_a_waiting_order_by_hand(account: Account) -> None:
    (order,) = await account.waiting(1)
    assert (await account.desk.act(order, "release", "anna")).status_code == 403
    assert (await account.desk.does(order, "release", "sergey", "service_manager"))["status"] == "in_progress"
