"""Drafts (B27): from a dialog by an operator, or by the customer; completed by either."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from foyer_chassis.testing import same_shape
from foyer_contracts import chat
from foyer_contracts.envelope import Event
from foyer_contracts.samples import SAMPLES

from .conftest import NOW, Desk

FORM = {"fields": [{"code": "what", "type": "text", "label": {"ru": "Что"}, "required": True}]}
OPERATOR = ("sergey", "service_manager")


def converted(desk: Desk, offering: dict[str, Any]) -> Event[Any]:
    data = chat.DialogConverted(
        conversation_id=uuid4(),
        draft_id=uuid4(),
        customer_id=desk.orders.identity.id_of("anna"),
        offering_id=UUID(offering["id"]),
        operator_id=desk.orders.identity.id_of("sergey"),
    )
    return Event.make(data, subject=data.conversation_id, sequence=1, time=NOW)


@pytest.mark.feature("B27")
@pytest.mark.parametrize("who", [("anna",), OPERATOR])
async def test_a_dialog_becomes_a_draft_and_then_an_order(desk: Desk, who: tuple[str, ...]) -> None:
    offering = await desk.offering(form=FORM, dialog_before_order=True)
    event = converted(desk, offering)
    await desk.orders.handle_twice(event)
    (created,) = await desk.orders.published("orders.draft.created.v1")
    same_shape(created, SAMPLES["orders.draft.created.v1"])
    path = f"/v1/drafts/{event.data.draft_id}"
    client = desk.client(*who)
    draft = (await client.get(path)).json()
    assert (draft["status"], draft["conversation_id"]) == ("open", str(event.data.conversation_id))
    early = await desk.post(who[0], f"{path}/submit", {}, *who[1:])
    assert early.json()["errors"][0]["field"] == "answers.what"
    assert (await client.put(path, json={"answers": {"what": "Кран"}}, headers={"If-Match": '"9"'})).status_code == 412
    filled = await client.put(
        path, json={"answers": {"what": "Кран"}, "comment": "Срочно"}, headers={"If-Match": '"1"'}
    )
    assert filled.status_code == 200, filled.text
    answers = await asyncio.gather(*(desk.post(who[0], f"{path}/submit", {}, *who[1:]) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    order = next(answer.json() for answer in answers if answer.status_code == 201)
    assert (order["status"], order["comment"], order["applicant_id"]) == ("new", "Срочно", desk.id_of("anna"))
    (placed,) = await desk.orders.published("orders.order.placed.v1")
    assert (placed.data.conversation_id, placed.data.draft_id) == (event.data.conversation_id, event.data.draft_id)
    assert placed.data.actor.kind == ("customer" if who == ("anna",) else "staff")
    closed = (await client.get(path)).json()
    assert (closed["status"], closed["order_number"]) == ("ordered", order["number"])
    assert (await client.put(path, json={}, headers={"If-Match": f'"{closed["version"]}"'})).status_code == 409


@pytest.mark.feature("B27")
async def test_drafts_are_seen_by_their_applicant_and_staff_of_the_kind(desk: Desk) -> None:
    offering = await desk.offering()
    own = await desk.post("anna", "/v1/drafts", {"offering_id": offering["id"], "content": {"comment": "Потом"}})
    assert own.status_code == 201, own.text
    path = f"/v1/drafts/{own.json()['id']}"
    for username, role, status in (
        ("anna", "customer", 200),
        ("boris", "customer", 404),
        ("sergey", "service_manager", 200),
        ("maria", "shop_manager", 404),
        ("fedor", "finance", 403),
    ):
        client = desk.client(username, role)
        assert (await client.get(path)).status_code == status, role
        listed = await client.get("/v1/drafts")
        if status != 403:
            assert len(listed.json()["items"]) == (1 if status == 200 else 0)
    foreign = await desk.post(
        "maria", "/v1/drafts", {"offering_id": offering["id"], "applicant_id": desk.id_of("anna")}, "shop_manager"
    )
    assert foreign.status_code == 403
    unknown = await desk.post("anna", "/v1/drafts", {"offering_id": str(uuid4())})
    assert unknown.json()["type"].endswith("/unknown-offering")
    assert (await desk.client("boris").delete(path)).status_code == 404
    assert (await desk.client("anna").delete(path)).status_code == 204
    (gone,) = await desk.orders.published("orders.draft.discarded.v1")
    assert gone.data.actor.kind == "customer"
    assert (await desk.client("anna").delete(path)).status_code == 409
    assert (await desk.client("anna").get("/v1/drafts")).json()["items"] == []


async def test_an_offering_taken_out_of_the_catalogue_makes_no_draft(desk: Desk) -> None:
    offering = await desk.offering()
    missing = converted(desk, {"id": str(uuid4())})
    await desk.orders.handle_twice(missing)
    assert (await desk.client("anna").get(f"/v1/drafts/{missing.data.draft_id}")).status_code == 404
    await desk.orders.handle_twice(converted(desk, offering))
