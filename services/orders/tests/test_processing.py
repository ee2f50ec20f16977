"""Requests are worked on: taken up, handed in, confirmed or returned, closed by the clock; assignee, deadlines,
comments; two managers at once."""

import asyncio
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from foyer_chassis.testing import Running, same_shape, utc
from foyer_contracts.envelope import Event
from foyer_contracts.samples import SAMPLES

from .conftest import NOW, Desk, Heard, location_changed, resource_changed

MANAGER = ("sergey", "service_manager")
FORM = {
    "fields": [
        {"code": "what", "type": "choice", "label": {"ru": "Что сломалось", "en": "What broke"}, "required": True,
         "choices": [{"code": "tap", "label": {"ru": "Кран", "en": "Tap"}}, {"code": "pipe", "label": {"ru": "Труба"}}]},
        {"code": "phone", "type": "phone", "label": {"ru": "Телефон на месте"}},
    ]
}  # fmt: skip


async def events(desk: Desk, type_: str) -> list[Event[Any]]:
    return await desk.orders.published(f"orders.order.{type_}.v1")


async def problem_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["type"]).rpartition("/")[2]


async def handed_in(desk: Desk, **more: Any) -> dict[str, Any]:
    order = await desk.place(await desk.offering(**{"terms": "free", **more}))
    await desk.does(order, "take", *MANAGER)
    return await desk.does(order, "finish", *MANAGER)


@pytest.mark.feature("A1")
@pytest.mark.feature("B12")
async def test_a_request_arrives_new_with_its_responsible_people(desk: Desk) -> None:
    offering = await desk.offering(assignee_id=desk.id_of("petr"), respond_within_minutes=60)
    order = await desk.place(offering, comment="Капает")
    assert (order["status"], order["status_group"], order["assignee_id"]) == ("new", "new", desk.id_of("petr"))
    (placed,) = await events(desk, "placed")
    assert placed.data.assignee_id == desk.orders.identity.id_of("petr")
    assert {str(item) for item in placed.data.responsible_ids} == {desk.id_of("sergey"), desk.id_of("petr")}
    assert placed.data.slots is None
    assert order["deadlines"]["respond_by"] == (NOW + timedelta(hours=1)).isoformat().replace("+00:00", "Z")


@pytest.mark.feature("A3")
async def test_the_card_shows_the_answers_to_the_form_it_was_asked_with(desk: Desk) -> None:
    offering = await desk.offering(form=FORM)
    refused = await desk.post("anna", "/v1/orders", {"offering_id": offering["id"], "answers": {"what": "roof"}})
    assert await problem_of(refused) == (422, "answers-invalid")
    assert refused.json()["errors"][0]["field"] == "answers.what"
    order = await desk.place(offering, answers={"what": "tap", "phone": "+79001112233"})
    changed = {**offering, "form": {"fields": []}}
    for name in ("id", "version", "kind"):
        changed.pop(name)
    put = await desk.client("alex", "administrator").put(
        f"/v1/offerings/{offering['id']}", json=changed, headers={"If-Match": f'"{offering["version"]}"'}
    )
    assert put.status_code == 200, put.text
    answers = {item["label"]: item["value"] for item in (await desk.card(order))["answers"]}
    assert answers == {"Что сломалось": "Кран", "Телефон на месте": "+79001112233"}
    english = await desk.client("anna", locale="en").get(f"/v1/orders/{order['number']}")
    assert english.json()["answers"][0] == {"code": "what", "label": "What broke", "value": "Tap"}
    other = await desk.place(await desk.offering(title="Другая"))
    assert (await desk.card(other))["answers"] == []


@pytest.mark.feature("B8")
async def test_the_clients_phone_is_hidden_until_the_order_is_taken_up(desk: Desk) -> None:
    offering = await desk.offering(form=FORM)
    order = await desk.place(offering, answers={"what": "tap", "phone": "+79001112233"})
    before = await desk.client(*MANAGER).get(f"/v1/orders/{order['number']}")
    assert before.json()["applicant"]["phone"] is None
    assert before.json()["applicant"]["phone_hidden"]
    assert "+7900" not in before.text
    history = await desk.client(*MANAGER).get(f"/v1/orders/{order['number']}/history")
    assert "+7900" not in history.text
    people = await desk.client(*MANAGER).get("/v1/customers", params={"q": "9000000001"})
    assert people.json()["items"] == []
    named = await desk.client(*MANAGER).get("/v1/customers", params={"q": "anna"})
    assert [item["phone"] for item in named.json()["items"]] == [None]
    assert all(
        "+7900" not in event.to_json().decode() for event in await desk.orders.published() if not event.data.private
    )
    await desk.does(order, "take", *MANAGER)
    after = await desk.card(order, *MANAGER)
    assert after["applicant"]["phone"] == "+79000000001"
    assert after["answers"][1]["value"] == "+79001112233"
    people = await desk.client(*MANAGER).get("/v1/customers", params={"q": "9000000001"})
    assert [item["phone"] for item in people.json()["items"]] == ["+79000000001"]
    # A shop's manager has nothing to do with this client's requests.
    shop = await desk.client("maria", "shop_manager").get("/v1/customers", params={"q": "9000000001"})
    assert shop.json()["items"] == []


@pytest.mark.feature("A5")
@pytest.mark.feature("A7")
@pytest.mark.feature("A8")
@pytest.mark.feature("B10")
async def test_a_request_from_new_to_done(desk: Desk) -> None:
    order = await desk.place(await desk.offering(terms="free"))
    taken = await desk.does(order, "take", *MANAGER, comment="Мастер выехал")
    assert (taken["status"], taken["title"]) == ("in_progress", "В работе")
    finished = await desk.does(order, "finish", *MANAGER)
    assert finished["status"] == "awaiting_confirmation"
    card = await desk.card(order)
    assert card["actions"] == ["confirm", "return", "cancel"]
    actions = await desk.client("anna").get(f"/v1/orders/{order['number']}/actions")
    assert [(item["verb"], item["title"]) for item in actions.json()["items"]] == [
        ("confirm", "Подтвердить"),
        ("return", "Вернуть в работу"),
        ("cancel", "Отменить"),
    ]
    # Staff cannot confirm for the applicant, and nobody else's applicant can see it.
    assert await problem_of(await desk.act(order, "confirm", *MANAGER)) == (403, "forbidden")
    assert await problem_of(await desk.act(order, "confirm", "boris")) == (404, "not-found")
    done = await desk.does(order, "confirm", "anna")
    assert done["status"] == "done"
    changes = await events(desk, "status_changed")
    assert [(event.data.from_status, event.data.to_status) for event in changes] == [
        ("new", "in_progress"),
        ("in_progress", "awaiting_confirmation"),
        ("awaiting_confirmation", "done"),
    ]
    assert [event.data.actor.kind for event in changes] == ["staff", "staff", "customer"]
    assert changes[0].data.title is not None
    assert (changes[0].data.title.ru, changes[0].data.title.en) == ("В работе", "In progress")
    (completed,) = await events(desk, "completed")
    sample = SAMPLES["orders.order.completed.v1"]
    assert set(completed.data.model_dump(exclude_none=True)) | {"assignee_id", "reason"} == set(
        sample.data.model_dump(exclude_none=True)
    )
    items = (await desk.client(*MANAGER).get(f"/v1/orders/{order['number']}/history")).json()["items"]
    assert [(item["to_status"], item["actor_kind"], item["comment"]) for item in items] == [
        ("new", "customer", None),
        ("in_progress", "staff", "Мастер выехал"),
        ("awaiting_confirmation", "staff", None),
        ("done", "customer", None),
    ]
    assert [item["actor_name"] for item in items] == ["Anna", "Sergey", "Sergey", "Anna"]
    seen_by_client = (await desk.client("anna").get(f"/v1/orders/{order['number']}/history")).json()["items"]
    assert {item["actor_name"] for item in seen_by_client} == {None}


@pytest.mark.feature("A9")
async def test_the_applicant_returns_the_work(desk: Desk) -> None:
    order = await handed_in(desk, assignee_id=desk.id_of("petr"))
    returned = await desk.does(order, "return", "anna", comment="Кран всё ещё течёт")
    assert returned["status"] == "in_progress"
    assert returned["closes_at"] is None
    (event,) = await events(desk, "returned")
    same_shape(event, SAMPLES["orders.order.returned.v1"])
    assert event.data.note == "Кран всё ещё течёт"
    assert await problem_of(await desk.act(order, "return", "anna")) == (409, "not-in-this-status")


@pytest.mark.feature("A10")
async def test_an_unanswered_request_closes_itself_also_after_downtime(desk: Desk) -> None:
    orders = desk.orders
    order = await handed_in(desk, auto_close_minutes=60)
    other = await handed_in(desk, title="Без срока")
    assert order["closes_at"] == (NOW + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    await orders.turn("order_deadlines")
    orders.at(NOW + timedelta(minutes=59))
    await orders.turn("order_deadlines")
    assert (await desk.card(order))["status"] == "awaiting_confirmation"
    orders.at(NOW + timedelta(days=3))
    await asyncio.gather(*(orders.turn("order_deadlines") for _ in range(4)))
    assert (await desk.card(order))["status"] == "done"
    assert (await desk.card(other))["status"] == "awaiting_confirmation"
    (completed,) = await events(desk, "completed")
    assert (completed.data.reason, completed.data.actor.kind) == ("auto_close", "system")


@pytest.mark.feature("A10")
@pytest.mark.feature("B15")
async def test_an_unpaid_request_closes_itself_when_it_is_paid(desk: Desk) -> None:
    order = await handed_in(desk, terms="postpaid", auto_close_minutes=60)
    heard = Heard(order)
    assert await problem_of(await desk.act(order, "confirm", "anna")) == (409, "not-paid")
    await desk.orders.handle(heard.invoice("issued", activated=True))
    assert await problem_of(await desk.act(order, "confirm", "anna")) == (409, "not-paid")
    desk.orders.at(NOW + timedelta(hours=2))
    await desk.orders.turn("order_deadlines")
    card = await desk.card(order)
    assert (card["status"], card["money"]["status"]) == ("awaiting_confirmation", "awaiting_payment")
    await desk.orders.handle_twice(heard.paid(), heard.invoice("paid"))
    assert (await desk.card(order))["status"] == "done"
    await desk.orders.turn("order_deadlines")
    assert len(await events(desk, "completed")) == 1


@pytest.mark.feature("A4")
@pytest.mark.feature("B13")
async def test_the_assignee_is_one_of_those_responsible(desk: Desk) -> None:
    order = await desk.place(await desk.offering())
    wrong = await desk.put(order, "assignee", {"assignee_id": desk.id_of("rita")})
    assert await problem_of(wrong) == (422, "not-responsible")
    assert set(wrong.json()["allowed"]) == {desk.id_of("sergey"), desk.id_of("petr")}
    set_ = await desk.put(order, "assignee", {"assignee_id": desk.id_of("petr")})
    assert set_.json()["assignee_id"] == desk.id_of("petr")
    (event,) = await events(desk, "assigned")
    same_shape(event, SAMPLES["orders.order.assigned.v1"])
    again = await desk.put(order, "assignee", {"assignee_id": desk.id_of("petr")})
    assert again.status_code == 200
    changed = await desk.put(order, "assignee", {"assignee_id": desk.id_of("sergey")})
    assert changed.json()["assignee_id"] == desk.id_of("sergey")
    assert [str(event.data.previous_assignee_id) for event in await events(desk, "assigned")][1] == desk.id_of("petr")
    assert await problem_of(await desk.put(order, "assignee", {"assignee_id": None}, "anna", "customer")) == (
        403,
        "forbidden",
    )
    await desk.does(order, "cancel", *MANAGER, comment="Дубль")
    assert await problem_of(await desk.put(order, "assignee", {"assignee_id": None})) == (409, "not-in-this-status")


@pytest.mark.feature("B1")
async def test_all_orders_and_assigned_to_me_are_different_permissions(desk: Desk) -> None:
    mine = await desk.place(await desk.offering(assignee_id=desk.id_of("petr")))
    other = await desk.place(await desk.offering())
    petr = desk.client("petr", "contractor")
    assert [item["number"] for item in (await petr.get("/v1/orders")).json()["items"]] == [mine["number"]]
    assert (await petr.get(f"/v1/orders/{other['number']}")).status_code == 404
    assert await problem_of(await desk.act(other, "take", "petr", "contractor")) == (404, "not-found")
    # `orders:edit` alone lets one change status, comment and so on of what one sees.
    assert (await desk.does(mine, "take", "petr", "contractor"))["status"] == "in_progress"
    assert (await desk.act(mine, "comments", "petr", "contractor", text="Нужна деталь")).status_code == 201
    # Whom it is taken from sees it no more.
    await desk.put(mine, "assignee", {"assignee_id": desk.id_of("sergey")})
    assert (await petr.get(f"/v1/orders/{mine['number']}")).status_code == 404
    assert (await petr.get("/v1/orders")).json()["items"] == []
    # Who sees but may not edit is told so.
    assert await problem_of(await desk.act(mine, "finish", "fedor", "finance")) == (403, "forbidden")
    assert await problem_of(await desk.act(mine, "comments", "fedor", "finance", text="?")) == (403, "forbidden")


@pytest.mark.feature("A2")
async def test_a_manager_sees_only_the_kinds_of_their_role(desk: Desk) -> None:
    request = await desk.place(await desk.offering())
    await desk.orders.handle(resource_changed())
    goods_offering = await desk.offering("goods", title="Запчасти")
    item = await desk.item(goods_offering, "F-1", 50000)
    goods = await desk.place(goods_offering, items=[{"item_id": item["id"], "quantity": 1}])
    for username, role, seen in (
        ("sergey", "service_manager", {request["number"]}),
        ("maria", "shop_manager", {goods["number"]}),
        ("rita", "rent_manager", set()),
        ("alex", "administrator", {request["number"], goods["number"]}),
    ):
        client = desk.client(username, role)
        listed = (await client.get("/v1/orders")).json()["items"]
        assert {item["number"] for item in listed} == seen, role
        for order in (request, goods):
            status = (await client.get(f"/v1/orders/{order['number']}")).status_code
            assert status == (200 if order["number"] in seen else 404)
    found = (await desk.client(*MANAGER).get("/v1/orders", params={"q": str(request["number"])})).json()["items"]
    assert [item["number"] for item in found] == [request["number"]]
    # Nor do they order what their role is not for.
    refused = await desk.post(
        "maria",
        "/v1/orders",
        {"offering_id": request["offering_id"], "applicant_id": desk.id_of("anna")},
        "shop_manager",
    )
    assert await problem_of(refused) == (403, "forbidden")
    assert len(await events(desk, "placed")) == 2


async def test_staff_of_one_location_see_its_orders_only(desk: Desk) -> None:
    here, there = ("0198f000-0000-7000-8000-00000000000a", "0198f000-0000-7000-8000-00000000000b")
    order = await desk.place(await desk.offering(location_ids=[here]))
    nowhere = await desk.place(await desk.offering(title="Без места"))
    for locations, seen in (([here], {order["number"]}), ([there], set()), (["nonsense"], set())):
        client = desk.client("sergey", "service_manager", locations=locations)
        assert {item["number"] for item in (await client.get("/v1/orders")).json()["items"]} == seen
        status = (await client.get(f"/v1/orders/{order['number']}")).status_code
        assert status == (200 if order["number"] in seen else 404)
        assert (await client.get(f"/v1/orders/{nowhere['number']}")).status_code == 404


@pytest.mark.feature("A6")
async def test_deadlines_change_and_are_told_once_when_they_pass(desk: Desk) -> None:
    orders = desk.orders
    order = await desk.place(await desk.offering(respond_within_minutes=30, complete_within_minutes=120))
    wrong = {
        "respond_by": (NOW + timedelta(hours=5)).isoformat(),
        "complete_by": (NOW + timedelta(hours=4)).isoformat(),
    }
    assert await problem_of(await desk.put(order, "deadlines", wrong)) == (422, "deadline-order")
    later = {
        "respond_by": (NOW + timedelta(hours=1)).isoformat(),
        "complete_by": (NOW + timedelta(hours=4)).isoformat(),
    }
    assert (await desk.put(order, "deadlines", later)).status_code == 200
    (event,) = await events(desk, "deadline_changed")
    assert {*event.data.model_dump()} == {*SAMPLES["orders.order.deadline_changed.v1"].data.model_dump()}
    assert await problem_of(await desk.put(order, "deadlines", later, "anna", "customer")) == (403, "forbidden")
    orders.at(NOW + timedelta(minutes=45))
    await orders.turn("order_deadlines")
    assert await events(desk, "overdue") == []
    orders.at(NOW + timedelta(hours=2))
    await asyncio.gather(*(orders.turn("order_deadlines") for _ in range(3)))
    (late,) = await events(desk, "overdue")
    assert late.data.deadline == "response"
    card = await desk.card(order, *MANAGER)
    assert card["deadlines"]["overdue"]
    listed = await desk.client(*MANAGER).get("/v1/orders", params={"overdue": True})
    assert [item["number"] for item in listed.json()["items"]] == [order["number"]]
    # Another due time that passes is told again; one in time is not.
    again = {**later, "respond_by": (NOW + timedelta(hours=3)).isoformat()}
    await desk.put(order, "deadlines", again)
    orders.at(NOW + timedelta(hours=3, minutes=1))
    await orders.turn("order_deadlines")
    await desk.does(order, "take", *MANAGER)
    await desk.does(order, "finish", *MANAGER)
    orders.at(NOW + timedelta(hours=9))
    await orders.turn("order_deadlines")
    assert [event.data.deadline for event in await events(desk, "overdue")] == ["response", "response"]
    same_shape(
        (await events(desk, "overdue"))[0].model_copy(update={"data": SAMPLES["orders.order.overdue.v1"].data}),
        SAMPLES["orders.order.overdue.v1"],
    )


@pytest.mark.feature("B14")
async def test_staff_cancel_with_a_reason_that_the_client_is_told(desk: Desk) -> None:
    order = await desk.place(await desk.offering())
    assert await problem_of(await desk.act(order, "cancel", *MANAGER, comment="  ")) == (422, "reason-needed")
    cancelled = await desk.does(order, "cancel", *MANAGER, comment="Нет мастера")
    assert (cancelled["status"], cancelled["cancel_reason"]) == ("cancelled", "staff_decision")
    (changed,) = await events(desk, "status_changed")
    assert changed.data.note == "Нет мастера"
    (event,) = await events(desk, "cancelled")
    assert (event.data.paid.amount, event.data.refund.amount) == (0, 0)


@pytest.mark.feature("B10")
async def test_internal_comments_never_reach_the_client(desk: Desk) -> None:
    order = await desk.place(await desk.offering())
    secret = "Клиент-скандалист"
    await desk.put(order, "assignee", {"assignee_id": desk.id_of("petr")})
    before = len(await desk.orders.published())
    assert (await desk.act(order, "comments", *MANAGER, text=secret)).status_code == 201
    assert len(await desk.orders.published()) == before
    anna = desk.client("anna")
    assert (await anna.get(f"/v1/orders/{order['number']}/comments")).status_code == 403
    assert (await desk.act(order, "comments", "anna", text="?")).status_code == 403
    for path in ("", "/history", "/actions"):
        assert secret not in (await anna.get(f"/v1/orders/{order['number']}{path}")).text
    assert secret not in (await anna.get("/v1/orders/mine")).text
    assert not (await desk.card(order))["unread"]
    comments = (await desk.client(*MANAGER).get(f"/v1/orders/{order['number']}/comments")).json()["items"]
    assert [(item["text"], item["author_name"]) for item in comments] == [(secret, "Sergey")]


async def test_two_managers_at_once(desk: Desk) -> None:
    """One wins, the other is shown how it is now."""
    for verb, bodies in (
        ("take", [{}, {}]),
        ("cancel", [{"comment": "Дубль"}, {"comment": "Нет мастера"}]),
    ):
        order = await desk.place(await desk.offering(title=verb))
        answers = await asyncio.gather(
            desk.act(order, verb, "sergey", "service_manager", **bodies[0]),
            desk.act(order, verb, "alex", "administrator", **bodies[1]),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409], verb
        refused = next(answer for answer in answers if answer.status_code == 409)
        assert refused.json()["state"]["status"] in ("in_progress", "cancelled")
        assert refused.json()["state"]["version"] == 2
    order = await handed_in(desk, title="Спор")
    verbs = [desk.act(order, verb, "anna") for verb in ("return", "confirm", "confirm")]
    assert sorted(answer.status_code for answer in await asyncio.gather(*verbs)) == [200, 409, 409]
    edited = await desk.place(await desk.offering(title="Правки"))
    edits = [desk.put(edited, "", {"comment": str(n)}, version=1) for n in range(3)]
    assert sorted(answer.status_code for answer in await asyncio.gather(*edits)) == [200, 412, 412]


async def test_a_stale_if_match_is_refused_with_the_present_state(desk: Desk) -> None:
    order = await desk.place(await desk.offering())
    stale = await desk.put(order, "", {"comment": "x"}, version=7)
    assert await problem_of(stale) == (412, "stale")
    assert stale.json()["state"] == {"status": "new", "version": 1}
    client = desk.client(*MANAGER)
    missing = await client.patch(f"/v1/orders/{order['number']}", json={"comment": "x"})
    assert missing.status_code == 428
    verb = await desk.post("sergey", f"/v1/orders/{order['number']}/take", {}, "service_manager", **{"If-Match": '"9"'})
    assert verb.status_code == 412


@pytest.mark.feature("A13")
@pytest.mark.feature("A18")
async def test_staff_edit_the_content_while_the_order_is_open(desk: Desk) -> None:
    order = await desk.place(await desk.offering(form=FORM), answers={"what": "tap"})
    edited = await desk.put(order, "", {"comment": "Домофон 12", "extras_as_lines": True, "answers": {"what": "pipe"}})
    assert edited.status_code == 200, edited.text
    assert (edited.json()["comment"], edited.json()["extras_as_lines"]) == ("Домофон 12", True)
    (event,) = await events(desk, "changed")
    assert event.data.changed == ["comment", "answers", "extras_as_lines"]
    assert event.data.extras_as_lines
    assert await problem_of(await desk.put(order, "", {"answers": {"what": "roof"}})) == (422, "answers-invalid")
    unknown = await desk.put(order, "", {"premises_id": "0198f000-0000-7000-8000-00000000000a"})
    assert await problem_of(unknown) == (422, "unknown-premises")
    await desk.does(order, "cancel", *MANAGER, comment="Всё")
    assert await problem_of(await desk.put(order, "", {"comment": "?"})) == (409, "not-in-this-status")


@pytest.mark.feature("A14")
async def test_the_payer_stays_once_an_individual_has_paid(desk: Desk) -> None:
    company = {"payer_kind": "company", "payer": {"name": "ООО Ромашка", "inn": "7707083893"}}
    order = await desk.place(await desk.offering())
    assert (await desk.put(order, "", company)).json()["payer"]["inn"] == "7707083893"
    paid = await desk.place(await desk.offering())
    await desk.orders.handle(Heard(paid).paid())
    assert await problem_of(await desk.put(paid, "", company)) == (409, "paid-by-individual")


@pytest.mark.feature("C1")
async def test_a_business_has_its_own_statuses_inside_a_group(desk: Desk) -> None:
    order = await desk.place(await desk.offering())
    await desk.does(order, "take", *MANAGER)
    made = await desk.post(
        "alex",
        "/v1/statuses",
        {"code": "waits_part", "group": "in_work", "kinds": ["request"], "name": {"ru": "Ждёт деталь", "en": "Waits for a part"}, "colour": "#fab005"},
        "administrator",
    )  # fmt: skip
    assert made.status_code == 201, made.text
    labelled = await desk.put(order, "label", {"label": "waits_part"})
    assert labelled.status_code == 200, labelled.text
    card = labelled.json()
    assert (card["status"], card["label"], card["status_group"], card["title"]) == (
        "in_progress", "waits_part", "in_work", "Ждёт деталь",
    )  # fmt: skip
    found = (await desk.client(*MANAGER).get("/v1/orders", params={"status": "waits_part"})).json()["items"]
    assert [item["status_title"] for item in found] == ["Ждёт деталь"]
    event = (await events(desk, "status_changed"))[-1]
    assert (event.data.from_status, event.data.to_status, event.data.label) == (
        "in_progress",
        "in_progress",
        "waits_part",
    )
    assert event.data.group == "in_work"
    # The rules go by the group, and the next status of the machine takes the label off.
    assert (await desk.does(order, "finish", *MANAGER))["label"] is None
    assert await problem_of(await desk.put(order, "label", {"label": "waits_part"})) == (422, "unknown-status")


async def test_an_administrator_removes_what_was_made_by_mistake(desk: Desk) -> None:
    order = await desk.place(await desk.offering())
    assert (await desk.act(order, "remove", *MANAGER)).status_code == 403
    removed = await desk.does(order, "remove", "alex", "administrator", comment="Тест")
    assert removed["status"] == "removed"
    assert (await desk.client("anna").get("/v1/orders/mine")).json()["items"] == []
    assert [event.data.reason for event in await events(desk, "cancelled")] == ["removed"]
    paid = await desk.place(await desk.offering())
    await desk.orders.handle(Heard(paid).paid())
    assert await problem_of(await desk.act(paid, "remove", "alex", "administrator")) == (409, "money-received")


@pytest.mark.feature("A19")
@pytest.mark.feature("B6")
async def test_the_card_shows_who_until_when_and_the_payments(desk: Desk, orders: Running) -> None:
    order = await desk.place(await desk.offering(assignee_id=desk.id_of("petr"), complete_within_minutes=60))
    heard = Heard(order)
    await orders.handle(heard.invoice("issued", activated=True), heard.link(), heard.paid(), heard.invoice("paid"))
    card = await desk.card(order, *MANAGER)
    assert card["assignee_id"] == desk.id_of("petr")
    assert (card["applicant"]["name"], card["applicant"]["email"]) == ("Anna", "anna@example.test")
    assert card["deadlines"]["complete_by"]
    (payment,) = card["money"]["payments"]
    assert (payment["state"], payment["method"], payment["amount"]["amount"]) == ("succeeded", "bank_card", 40000)
    assert payment["at"]
    assert (card["money"]["invoiced"]["amount"], card["money"]["all_paid"]) == (40000, True)
    assert (await desk.card(order))["applicant"] is None
    assert (await desk.card(order))["money"]["costs"] is None


@pytest.mark.feature("A6")
@pytest.mark.feature("X2")
@pytest.mark.parametrize(
    ("placed_at", "minutes", "due"),
    [
        # Tuesday noon in Moscow; within the day, over the night, over the weekend, over a closed day.
        (utc(2026, 12, 1, 9), 60, utc(2026, 12, 1, 10)),
        (utc(2026, 12, 1, 14), 120, utc(2026, 12, 2, 7)),
        (utc(2026, 12, 4, 14), 120, utc(2026, 12, 7, 7)),
        (utc(2026, 12, 9, 14), 120, utc(2026, 12, 11, 7)),
        (utc(2026, 12, 5, 3), 30, utc(2026, 12, 7, 6, 30)),
    ],
)
async def test_deadlines_count_the_business_hours_of_the_location(
    desk: Desk, placed_at: datetime, minutes: int, due: datetime
) -> None:
    location = UUID("0198f000-0000-7000-8000-00000000000a")
    await desk.orders.handle(location_changed(location, closed_days=[date(2026, 12, 10)]))
    offering = await desk.offering(location_ids=[str(location)], respond_within_minutes=minutes)
    desk.orders.at(placed_at)
    order = await desk.place(offering)
    assert datetime.fromisoformat(order["deadlines"]["respond_by"]) == due


@pytest.mark.feature("B26")
@pytest.mark.parametrize(("terms", "prepaid"), [("prepaid", True), ("part_payment", False), ("account", False)])
async def test_an_offering_with_a_price_is_priced_with_the_order(desk: Desk, terms: str, prepaid: bool) -> None:
    """Offering → form → order; what is paid with it gets its price at once, what is paid afterwards an invoice later."""
    offering = await desk.offering(terms=terms, price={"amount": 150000, "currency": "RUB"}, form=FORM)
    wrong = {
        "offering_id": offering["id"],
        "answers": {"what": "tap"},
        "expected_total": {"amount": 1, "currency": "RUB"},
    }
    assert await problem_of(await desk.post("anna", "/v1/orders", wrong)) == (422, "price-mismatch")
    order = await desk.place(offering, answers={"what": "tap"})
    assert (order["total"]["amount"], order["lines"][0]["title"]) == (150000, "Вызов сантехника")
    (priced,) = await events(desk, "priced")
    assert (priced.data.prepaid, priced.data.terms, priced.data.total.amount) == (prepaid, terms, 150000)
    later = await desk.place(await desk.offering(price={"amount": 150000, "currency": "RUB"}, price_is_from=True))
    assert later["total"] is None
    assert len(await events(desk, "priced")) == 1
