"""Lists: columns, filters, search, counts, pages, views, export (B3–B6); "My orders", unread and ratings (B28, B29)."""

import csv
import io
from datetime import timedelta
from typing import Any
from uuid import uuid4

import openpyxl
import pytest
from foyer_chassis.testing import same_shape
from foyer_contracts import chat, payments
from foyer_contracts.envelope import Event, EventData
from foyer_contracts.money import Money
from foyer_contracts.samples import SAMPLES

from .conftest import NOW, Desk, Heard

MANAGER = ("sergey", "service_manager")


def rub(amount: int) -> Money:
    return Money(amount=amount, currency="RUB")


def event(order: dict[str, Any], data: EventData, sequence: int = 1) -> Event[Any]:
    return Event.make(data, subject=order["id"], sequence=sequence, time=NOW)


async def numbers(desk: Desk, *who: str, path: str = "/v1/orders", **params: Any) -> list[int]:
    answer = await desk.client(*(who or MANAGER)).get(path, params=params)
    assert answer.status_code == 200, answer.text
    return [item["number"] for item in answer.json()["items"]]


async def finished(desk: Desk, order: dict[str, Any]) -> None:
    await desk.does(order, "take", *MANAGER)
    await desk.does(order, "finish", *MANAGER)
    await desk.does(order, "confirm", order.get("who", "anna"))


def settled(order: dict[str, Any], acquiring: int, commission: int, sequence: int = 1) -> Event[Any]:
    data = payments.SettlementPosted(
        order_id=order["id"],
        gross=rub(40000),
        acquiring=rub(acquiring),
        commission=rub(commission),
        net=rub(40000 - acquiring - commission),
    )
    return event(order, data, sequence)


def posted(order: dict[str, Any], author: str, count: int, thread: str = "public") -> Event[Any]:
    data = chat.MessagePosted(
        message_id=uuid4(),
        conversation_id=uuid4(),
        order_id=order["id"],
        thread=thread,
        author_kind=author,
        applicant_id=order["applicant_id"],
        count=count,
    )
    return event(order, data)


def read(order: dict[str, Any], reader: str, seen: int) -> Event[Any]:
    data = chat.ConversationRead(
        conversation_id=uuid4(),
        order_id=order["id"],
        reader_kind=reader,
        reader_id=uuid4(),
        seen=seen,
    )
    return event(order, data)


@pytest.mark.feature("B3")
@pytest.mark.feature("B6")
async def test_the_columns_of_the_list_follow_the_events(desk: Desk) -> None:
    order = await desk.place(await desk.offering(), address="Литейный, 5")
    heard = Heard(order)
    other = Heard(order)
    await desk.orders.handle_twice(
        heard.invoice("issued", activated=True, total=rub(40000)),
        other.invoice("issued", number=2002, total=rub(10000), activated=False),
        heard.paid(),
        heard.invoice("paid"),
        settled(order, 1120, 4000),
        settled(order, 1, 1, sequence=0),
        posted(order, "customer", 2),
        posted(order, "staff", 1),
        posted(order, "staff", 9, thread="internal"),
        read(order, "staff", 1),
    )
    answer = await desk.client(*MANAGER).get("/v1/orders")
    (row,) = answer.json()["items"]
    assert (row["number"], row["offering_title"], row["applicant_name"], row["address"]) == (
        order["number"], "Вызов сантехника", "Anna", "Литейный, 5",
    )  # fmt: skip
    assert (row["total"]["amount"], row["all_paid"]) == (50000, False)
    assert row["costs"]["amount"] == 5120
    assert (row["unread_messages"], row["rating"], row["refund"]) == (1, None, None)
    assert row["title"] == "Новый. Оплачен частично"
    assert row["created_at"].endswith("+00:00")
    await desk.orders.handle(other.invoice("cancelled", number=2002))
    assert [item["all_paid"] for item in (await desk.client(*MANAGER).get("/v1/orders")).json()["items"]] == [True]
    # What the client sees of their own order has neither costs nor counters of staff.
    own = (await desk.client("anna").get("/v1/orders")).json()["items"][0]
    assert "costs" not in own
    assert "unread_messages" not in own
    assert own["unread"]


@pytest.mark.feature("B6")
async def test_the_state_of_refunds_in_the_list(desk: Desk) -> None:
    order = await desk.place(await desk.offering())
    heard = Heard(order)
    await desk.orders.handle(heard.invoice("issued", activated=True), heard.paid(), heard.invoice("paid"))
    requested = payments.RefundRequested(
        request_id=uuid4(), order_id=heard.order_id, applicant_id=heard.applicant_id, amount=rub(15000)
    )
    started = payments.RefundStarted(
        refund_id=heard.refund_id,
        payment_id=heard.payment_id,
        order_id=heard.order_id,
        applicant_id=heard.applicant_id,
        amount=rub(15000),
    )

    async def shown() -> tuple[str | None, int]:
        row = (await desk.client(*MANAGER).get("/v1/orders")).json()["items"][0]
        return row["refund_state"], 0 if row["refund"] is None else row["refund"]["amount"]

    assert await shown() == (None, 0)
    await desk.orders.handle_twice(event(order, requested))
    assert await shown() == ("requested", 15000)
    assert await numbers(desk, refund_state="requested") == [order["number"]]
    await desk.orders.handle_twice(event(order, started))
    assert await shown() == ("processing", 15000)
    await desk.orders.handle_twice(heard.refunded(rub(15000)))
    assert await shown() == ("done", 15000)
    assert (await desk.card(order))["money"]["status"] == "partly_refunded"
    assert await numbers(desk, refund_state="requested") == []
    rejected = payments.RefundRejected(
        request_id=uuid4(), order_id=heard.order_id, applicant_id=heard.applicant_id, amount=rub(500), reason="Нет"
    )
    await desk.orders.handle(event(order, rejected))
    assert "Нет" in [item["reason"] for item in (await desk.card(order))["money"]["refunds"]]


@pytest.mark.feature("B4")
async def test_every_filter(desk: Desk) -> None:
    here = "0198f000-0000-7000-8000-00000000000a"
    first = await desk.place(
        await desk.offering(location_ids=[here], assignee_id=desk.id_of("petr")), address="Невский, 1"
    )
    desk.orders.at(NOW + timedelta(days=2))
    tap = await desk.offering(title="Ремонт_крана 100%", terms="free")
    second = await desk.place(tap, "boris", address="Литейный, 5")
    await finished(desk, {**second, "who": "boris"})
    heard = Heard(first)
    await desk.orders.handle(heard.invoice("issued", activated=True))
    rated = await desk.client("boris").put(f"/v1/orders/{second['number']}/rating", json={"rating": 4})
    assert rated.status_code == 200, rated.text
    one, two = first["number"], second["number"]
    for params, expected in (
        ({"q": str(one)}, [one]),
        ({"q": "сантехник"}, [one]),
        ({"q": "BORIS"}, [two]),
        ({"q": "литейный boris"}, [two]),
        ({"q": "литейный anna"}, []),
        ({"q": "крана 100%"}, [two]),
        ({"q": "ремонт_крана"}, [two]),
        ({"q": "ремонтXкрана"}, []),
        ({"status": "new"}, [one]),
        ({"status": ["new", "done"]}, [two, one]),
        ({"group": "done"}, [two]),
        ({"kind": "request"}, [two, one]),
        ({"kind": "goods"}, []),
        ({"offering_id": tap["id"]}, [two]),
        ({"assignee_id": desk.id_of("petr")}, [one]),
        ({"unassigned": True}, [two]),
        ({"location_id": here}, [one]),
        ({"applicant_id": desk.id_of("boris")}, [two]),
        ({"created_from": (NOW + timedelta(days=1)).isoformat()}, [two]),
        ({"created_before": (NOW + timedelta(days=1)).isoformat()}, [one]),
        ({"paid": False}, [one]),
        ({"paid": True}, []),
        ({"rating": [4, 5]}, [two]),
        ({"rating": 5}, []),
        ({"overdue": True}, []),
        ({"q": "литейный", "status": "new"}, []),
    ):
        assert await numbers(desk, **params) == expected, params
    for params, problem in (
        ({"q": "а"}, "search-too-short"),
        ({"status": "lost"}, "unknown-status"),
        ({"kind": "lost"}, "invalid"),
        ({"rating": 6}, "invalid"),
        ({"after": "nonsense"}, "unknown-cursor"),
        ({"surprise": 1}, "invalid"),
        ({"created_from": "2026-12-01T00:00:00"}, "invalid"),
    ):
        answer = await desk.client(*MANAGER).get("/v1/orders", params=params)
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (422, problem), params


@pytest.mark.feature("B8")
async def test_searching_a_hidden_phone_finds_nothing(desk: Desk) -> None:
    order = await desk.place(await desk.offering())
    for phone in ("+79000000001", "8 (900) 000-00-01", "9000000001"):
        assert await numbers(desk, q=phone) == []
    await desk.does(order, "take", *MANAGER)
    for phone in ("+79000000001", "8 (900) 000-00-01", "9000000001"):
        assert await numbers(desk, q=phone) == [order["number"]]
    assert await numbers(desk, q="+79000000002") == []


@pytest.mark.feature("B4")
async def test_pages_are_stable_while_orders_come(desk: Desk) -> None:
    offering = await desk.offering()
    placed = [(await desk.place(offering))["number"] for _ in range(7)]
    client = desk.client(*MANAGER)
    seen: list[int] = []
    after: str | None = None
    while True:
        params: dict[str, Any] = {"limit": 3, "q": "сантехника", **({"after": after} if after else {})}
        page = (await client.get("/v1/orders", params=params)).json()
        seen += [item["number"] for item in page["items"]]
        await desk.place(offering)
        after = page["next"]
        if after is None:
            break
    assert seen == sorted(placed, reverse=True)


async def test_counts_for_tabs(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    offering = await desk.offering(terms="free")
    orders = [await desk.place(offering) for _ in range(4)]
    await desk.does(orders[0], "take", *MANAGER)
    client = desk.client(*MANAGER)

    async def counts(**params: Any) -> dict[str, tuple[int, bool]]:
        items = (await client.get("/v1/orders/counts", params=params)).json()["items"]
        return {item["status"]: (item["count"], item["more"]) for item in items if item["count"]}

    assert await counts() == {"new": (3, False), "in_progress": (1, False)}
    assert await counts(status="new", q="сантехника") == {"new": (3, False), "in_progress": (1, False)}
    assert await counts(q="камин") == {}
    monkeypatch.setattr("orders.listing.store.counting.MOST_COUNTED", 2)
    assert await counts() == {"new": (2, True), "in_progress": (1, False)}
    assert (await desk.client("rita", "rent_manager").get("/v1/orders/counts")).json()["items"][0]["count"] == 0


async def test_saved_views(desk: Desk) -> None:
    client = desk.client(*MANAGER)
    body = {"name": "Мои новые", "filters": {"status": ["new"], "overdue": True}}
    made = await desk.post("sergey", "/v1/order-views", body, "service_manager")
    assert made.status_code == 201, made.text
    view = made.json()
    assert view["filters"]["status"] == ["new"]
    again = await desk.post("sergey", "/v1/order-views", body, "service_manager")
    assert again.json()["type"].endswith("/view-exists")
    assert (
        await desk.post("sergey", "/v1/order-views", {**body, "shared": True}, "service_manager")
    ).status_code == 403
    shared = await desk.post("alex", "/v1/order-views", {**body, "shared": True}, "administrator")
    assert {item["own"] for item in (await client.get("/v1/order-views")).json()["items"]} == {True, False}
    path = f"/v1/order-views/{view['id']}"
    assert (await client.put(path, json={**body, "name": "Новые"}, headers={"If-Match": '"5"'})).status_code == 412
    renamed = await client.put(path, json={**body, "name": "Новые"}, headers={"If-Match": '"1"'})
    assert renamed.json()["name"] == "Новые"
    assert (await desk.client("maria", "shop_manager").delete(path)).status_code == 404
    assert (await client.delete(f"/v1/order-views/{shared.json()['id']}")).status_code == 403
    assert (await client.delete(path)).status_code == 204
    assert (await desk.client("anna").get("/v1/order-views")).status_code == 403


@pytest.mark.feature("B5")
@pytest.mark.parametrize("format_", ["xlsx", "csv"])
async def test_the_export_is_what_the_filters_show(desk: Desk, format_: str) -> None:
    offering = await desk.offering(title='=HYPERLINK("http://evil.test")', terms="free")
    shown = [(await desk.place(offering, address="@Литейный"))["number"] for _ in range(3)]
    hidden = await desk.place(await desk.offering(title="Другая"))
    await desk.does(hidden, "take", *MANAGER)
    answer = await desk.client(*MANAGER).get("/v1/orders/export", params={"status": "new", "format": format_})
    assert answer.status_code == 200, answer.text
    assert f".{format_}" in answer.headers["content-disposition"]
    if format_ == "xlsx":
        sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
        assert sheet is not None
        rows = [list(row) for row in sheet.iter_rows(values_only=True)]
        kinds = {cell.data_type for row in sheet.iter_rows(min_row=2) for cell in row if cell.value is not None}
        assert "f" not in kinds, "a formula"
        assert rows[1][2] == '=HYPERLINK("http://evil.test")'
    else:
        text = answer.content.decode("utf-8-sig")
        rows = [list(row) for row in csv.reader(io.StringIO(text))]
        assert rows[1][2] == '\'=HYPERLINK("http://evil.test")'
        assert rows[1][4] == "'@Литейный"
    assert rows[0][:4] == ["Номер", "Статус", "Услуга", "Клиент"]
    assert [int(row[0]) for row in rows[1:]] == sorted(shown, reverse=True)
    assert "+7900" not in answer.text
    assert (await desk.client("anna").get("/v1/orders/export")).status_code == 403
    other = await desk.client("rita", "rent_manager").get("/v1/orders/export", params={"format": "csv"})
    assert len(other.text.strip().splitlines()) == 1


@pytest.mark.feature("B28")
async def test_unread_is_what_staff_changed_since_the_client_last_opened_it(desk: Desk) -> None:
    offering = await desk.offering()
    first, second, third = [await desk.place(offering) for _ in range(3)]
    anna = desk.client("anna")

    async def mine(**params: Any) -> list[tuple[int, bool]]:
        items = (await anna.get("/v1/orders/mine", params=params)).json()["items"]
        return [(item["number"], item["unread"]) for item in items]

    one, two, three = first["number"], second["number"], third["number"]
    assert await mine() == [(three, False), (two, False), (one, False)]
    assert await mine(sort="oldest") == [(one, False), (two, False), (three, False)]
    await desk.does(first, "take", *MANAGER)
    await desk.orders.handle(posted(second, "staff", 1))
    assert await mine(sort="unread") == [(two, True), (one, True), (three, False)]
    assert (await desk.card(first))["unread"]
    assert (await desk.client("boris").post(f"/v1/orders/{one}/read")).status_code == 404
    assert (await desk.client(*MANAGER).post(f"/v1/orders/{one}/read")).status_code == 403
    assert (await anna.post(f"/v1/orders/{one}/read")).status_code == 204
    assert not (await desk.card(first))["unread"]
    assert await mine(sort="unread") == [(two, True), (three, False), (one, False)]
    await desk.orders.handle(read(second, "customer", 1))
    assert await mine(sort="unread") == [(three, False), (two, False), (one, False)]
    # What the client did oneself is no news; nor is who does the work.
    await desk.does(first, "finish", *MANAGER)
    await anna.post(f"/v1/orders/{one}/read")
    await desk.does(first, "return", "anna")
    await desk.put(first, "assignee", {"assignee_id": desk.id_of("petr")})
    assert not (await desk.card(first))["unread"]


@pytest.mark.feature("B28")
async def test_my_orders_by_premises_number_and_offering_with_pages(desk: Desk) -> None:
    anna = desk.client("anna")
    home = await desk.post("anna", "/v1/customers/me/premises", {"title": "Дом", "address": "Невский, 1"})
    office = await desk.post("anna", "/v1/customers/me/premises", {"title": "Офис", "address": "Литейный, 5"})
    offering = await desk.offering("premises_request", title="Уборка")
    at_home = [await desk.place(offering, premises_id=home.json()["id"]) for _ in range(3)]
    at_office = await desk.place(offering, premises_id=office.json()["id"])
    await desk.place(offering, "boris", address="Мойка, 12")
    shown = await numbers(desk, "anna", path="/v1/orders/mine", premises_id=home.json()["id"])
    assert shown == [order["number"] for order in reversed(at_home)]
    assert await numbers(desk, "anna", path="/v1/orders/mine", q=str(at_office["number"])) == [at_office["number"]]
    assert len(await numbers(desk, "anna", path="/v1/orders/mine", q="уборка")) == 4
    await desk.does(at_home[0], "take", *MANAGER)
    await desk.does(at_home[2], "take", *MANAGER)
    seen: list[int] = []
    after: str | None = None
    for _ in range(5):
        params: dict[str, Any] = {"sort": "unread", "limit": 1, **({"after": after} if after else {})}
        page = (await anna.get("/v1/orders/mine", params=params)).json()
        seen += [item["number"] for item in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert seen == [at_home[2]["number"], at_home[0]["number"], at_office["number"], at_home[1]["number"]]


@pytest.mark.feature("B29")
@pytest.mark.feature("B11")
async def test_the_client_rates_a_done_order_and_changes_it(desk: Desk) -> None:
    order = await desk.place(await desk.offering(terms="free"))
    path = f"/v1/orders/{order['number']}/rating"
    anna = desk.client("anna")
    early = await anna.put(path, json={"rating": 5})
    assert (early.status_code, early.json()["type"].rpartition("/")[2]) == (409, "not-done")
    await finished(desk, order)
    for wrong in (0, 6, True, "5", 4.5):
        assert (await anna.put(path, json={"rating": wrong})).status_code == 422
    assert (await anna.put(path, json={"rating": 4, "text": "Хорошо"})).status_code == 200
    assert (await anna.put(path, json={"rating": 5, "text": "Отлично"})).status_code == 200
    for staff in (MANAGER, ("alex", "administrator")):
        assert (await desk.client(*staff).put(path, json={"rating": 1})).status_code == 403
    assert (await desk.client("boris").put(path, json={"rating": 1})).status_code == 404
    card = await desk.card(order, *MANAGER)
    assert (card["rating"]["rating"], card["rating"]["text"]) == (5, "Отлично")
    events = await desk.orders.published("orders.order.rated.v1")
    assert [(item.data.rating, item.data.previous_rating) for item in events] == [(4, None), (5, 4)]
    assert {*events[1].data.model_dump()} == {*SAMPLES["orders.order.rated.v1"].data.model_dump()}
    assert await numbers(desk, rating=5) == [order["number"]]


async def test_customers_and_their_premises(desk: Desk) -> None:
    made = await desk.post(
        "sergey", "/v1/customers", {"name": "Пётр Великий", "phone": "+78125550101"}, "service_manager"
    )
    assert made.status_code == 201, made.text
    customer = made.json()
    (changed,) = await desk.orders.published("orders.customer.changed.v1")
    assert changed.data.display_name == "Пётр Великий"
    (contact,) = await desk.orders.published("orders.contact.changed.v1")
    assert (contact.data.phone, contact.exchange) == ("+78125550101", "foyer.private")
    same_shape(changed, SAMPLES[changed.type])
    order = await desk.place(await desk.offering(), *MANAGER, applicant_id=customer["id"])
    assert await numbers(desk, q="великий") == [order["number"]]
    for body in ({"name": ""}, {"name": "X", "phone": "8900"}, {"name": "X", "email": "nonsense"}):
        assert (await desk.post("sergey", "/v1/customers", body, "service_manager")).status_code == 422
    assert (await desk.post("anna", "/v1/customers", {"name": "X"})).status_code == 403
    home = await desk.post("anna", "/v1/customers/me/premises", {"title": "Дом", "address": "Невский, 1"})
    path = f"/v1/premises/{home.json()['id']}"
    body = {"title": "Дом", "address": "Невский, 2"}
    assert (await desk.client("boris").put(path, json=body, headers={"If-Match": '"1"'})).status_code == 404
    assert (await desk.client("anna").put(path, json=body, headers={"If-Match": '"1"'})).status_code == 200
    assert (await desk.client("anna").put(path, json=body, headers={"If-Match": '"1"'})).status_code == 412
    offering = await desk.offering("premises_request")
    foreign = await desk.post("boris", "/v1/orders", {"offering_id": offering["id"], "premises_id": home.json()["id"]})
    assert foreign.json()["type"].endswith("/unknown-premises")
    nowhere = await desk.post("boris", "/v1/orders", {"offering_id": offering["id"]})
    assert nowhere.json()["type"].endswith("/content-mismatch")
    assert (await desk.client("anna").delete(path)).status_code == 204
    assert (await desk.client("anna").get("/v1/customers/me/premises")).json()["items"] == []


async def test_a_new_name_is_on_old_orders_too(desk: Desk) -> None:
    offering = await desk.offering()
    order = await desk.place(offering)
    renamed = desk.client("anna", name="Анна Каренина")
    await renamed.post("/v1/orders", json={"offering_id": offering["id"]}, headers={"Idempotency-Key": "2"})
    assert order["number"] in await numbers(desk, q="каренина")
    assert await numbers(desk, q="anna") == []


async def test_a_customers_data_goes_out_comes_in_and_is_erased(desk: Desk) -> None:
    """The person goes; numbers, lines and money stay."""
    offering = await desk.offering(terms="free")
    made = await desk.post(
        "sergey", "/v1/customers", {"name": "Пётр Великий", "phone": "+78125550101"}, "service_manager"
    )
    customer = made.json()["id"]
    home = {"title": "Дом", "address": "Зимний дворец"}
    assert (await desk.post("sergey", f"/v1/customers/{customer}/premises", home, "service_manager")).status_code == 201
    order = await desk.place(offering, *MANAGER, applicant_id=customer, address="Зимний дворец", comment="Секрет")
    alex = desk.client("alex", "administrator")
    exported = await alex.get(f"/v1/customers/{customer}/export")
    assert exported.status_code == 200, exported.text
    assert [item["number"] for item in exported.json()["orders"]] == [order["number"]]
    assert (await desk.client(*MANAGER).get(f"/v1/customers/{customer}/export")).status_code == 403
    imported = await desk.post(
        "alex", "/v1/customers/import", {"profile": {"name": "Пётр Второй"}, "premises": [home]}, "administrator"
    )
    assert imported.status_code == 201, imported.text
    assert imported.json()["premises"][0]["address"] == "Зимний дворец"
    assert (await desk.client(*MANAGER).post(f"/v1/customers/{customer}/erase")).status_code == 403
    refused = await alex.post(f"/v1/customers/{customer}/erase")
    assert (refused.status_code, refused.json()["orders"]) == (409, [order["number"]])
    assert (await alex.get(f"/v1/customers/{customer}")).json()["name"] == "Пётр Великий"
    await desk.does(order, "cancel", *MANAGER, comment="Просил удалить")
    before = len(await desk.orders.published())
    assert (await alex.post(f"/v1/customers/{customer}/erase")).status_code == 200
    told = (await desk.orders.published())[before:]
    assert [(item.type, item.data.display_name) for item in told] == [
        ("orders.customer.changed.v1", ""),
        ("orders.contact.changed.v1", ""),
    ]
    assert told[0].data.erased
    assert (await alex.post(f"/v1/customers/{customer}/erase")).status_code == 409
    card = await alex.get(f"/v1/orders/{order['number']}")
    for secret in ("Великий", "Зимний", "Секрет", "+7812"):
        assert secret not in card.text
        assert secret not in (await alex.get(f"/v1/customers/{customer}/premises")).text
    assert card.json()["number"] == order["number"]
    assert await numbers(desk, q="великий") == []
    assert (await desk.post("alex", f"/v1/customers/{customer}/premises", home, "administrator")).status_code == 409


async def test_a_customer_erases_oneself(desk: Desk) -> None:
    order = await desk.place(await desk.offering(terms="free"))
    anna = desk.client("anna")
    assert (await anna.get("/v1/customers/me/export")).json()["profile"]["email"] == "anna@example.test"
    assert (await anna.post("/v1/customers/me/erase")).status_code == 409
    await desk.does(order, "cancel", "anna")
    assert (await anna.post("/v1/customers/me/erase")).json()["erased"]
    # An old token does not bring the person back.
    assert (await anna.get("/v1/customers/me")).json()["email"] is None
    assert (await desk.card(order, "alex", "administrator"))["applicant"]["email"] is None
