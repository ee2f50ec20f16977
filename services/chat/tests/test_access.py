"""Who may talk on an order (B1), before one (B2), and where."""

from typing import Any
from uuid import uuid4

import httpx2
import pytest
from foyer_chassis.testing import Running
from foyer_contracts.samples import APPLICANT, LOCATION, MANAGER, REQUEST, TECHNICIAN

from .conftest import conversation_id, request_placed, sample, write

ASSIGNED = "orders.order.assigned.v1"
OTHER = uuid4()


def applicant_of(chat: Running) -> httpx2.AsyncClient:
    return chat.client("anna", "customer", sub=str(APPLICANT))


async def what(caller: httpx2.AsyncClient) -> dict[str, bool] | int:
    """Thread → whether the caller may write there; or why they see nothing."""
    answer = await caller.get(f"/v1/orders/{REQUEST}/conversation")
    if answer.status_code != 200:
        return int(answer.status_code)
    id_ = answer.json()["id"]
    told = {item["thread"]: item["may_write"] for item in answer.json()["threads"]}
    for thread in ("public", "internal"):
        read = await caller.get(f"/v1/conversations/{id_}/messages", params={"thread": thread})
        assert read.status_code == (200 if thread in told else 404)
        written = await write(caller, id_, "слово", thread)
        assert written.status_code == (201 if told.get(thread) else 403 if thread in told else 404), written.text
    return told


NONE, PUBLIC_READ, PUBLIC, BOTH = 404, {"public": False}, {"public": True}, {"public": True, "internal": True}


@pytest.mark.feature("B1")
@pytest.mark.feature("A24")
@pytest.mark.feature("B2")
@pytest.mark.parametrize(
    ("who", "roles", "assigned", "expected"),
    [
        ("responsible manager", ["service_manager"], False, BOTH),
        ("other", ["service_manager"], False, PUBLIC),
        ("other", ["service_manager"], True, BOTH),
        ("other", ["contractor"], False, NONE),
        ("other", ["contractor"], True, BOTH),
        ("responsible manager", ["contractor"], False, NONE),
        ("other", ["rent_manager"], True, NONE),
        ("responsible manager", ["rent_manager"], False, NONE),
        ("other", ["shop_manager"], False, NONE),
        ("responsible manager", ["finance"], True, PUBLIC_READ),
        ("other", ["finance", "shop_manager"], False, PUBLIC_READ),
        ("other", ["administrator"], False, PUBLIC),
        ("responsible manager", ["administrator"], False, BOTH),
        ("other", ["front_desk"], True, NONE),
        ("other", ["customer"], False, NONE),
        ("applicant", ["customer"], False, PUBLIC),
        ("applicant", ["customer", "service_manager"], True, PUBLIC),
    ],
)
async def test_conversation_of_an_order(
    chat: Running, who: str, roles: list[str], assigned: bool, expected: dict[str, bool] | int
) -> None:
    person = {"responsible manager": MANAGER, "applicant": APPLICANT, "other": OTHER}[who]
    await chat.handle(request_placed(responsible_ids=[MANAGER], assignee_id=person if assigned else None))
    assert await what(chat.client("somebody", *roles, sub=str(person))) == expected


@pytest.mark.feature("B1")
@pytest.mark.feature("A4")
async def test_assignment_comes_and_goes_by_its_sequence(chat: Running) -> None:
    contractor = chat.client("tech", "contractor", sub=str(TECHNICIAN))
    changes: dict[str, Any] = {"responsible_ids": [MANAGER]}
    await chat.handle(request_placed(responsible_ids=[MANAGER]))
    assert await what(contractor) == NONE
    await chat.handle_twice(sample(ASSIGNED, sequence=4, assignee_id=None, **changes))
    await chat.handle_twice(sample(ASSIGNED, sequence=3, assignee_id=TECHNICIAN, **changes))
    assert await what(contractor) == NONE, "the older event came later"
    await chat.handle_twice(sample(ASSIGNED, sequence=5, assignee_id=TECHNICIAN, **changes))
    assert await what(contractor) == BOTH


@pytest.mark.feature("B1")
async def test_assignment_that_overtakes_the_order(chat: Running) -> None:
    await chat.handle(sample(ASSIGNED, sequence=2, assignee_id=TECHNICIAN, responsible_ids=[MANAGER]))
    contractor = chat.client("tech", "contractor", sub=str(TECHNICIAN))
    assert await what(contractor) == NONE
    await chat.handle(request_placed(sequence=1, responsible_ids=[MANAGER], assignee_id=OTHER))
    assert await what(contractor) == BOTH
    assert await what(chat.client("o", "contractor", sub=str(OTHER))) == NONE


@pytest.mark.parametrize(("location", "expected"), [(LOCATION, BOTH), (None, BOTH), (uuid4(), NONE)])
async def test_staff_of_other_locations_see_nothing(chat: Running, location: Any, expected: Any) -> None:
    await chat.handle(request_placed(location_id=location))
    assert await what(chat.client("rita", "service_manager", sub=str(MANAGER), locations=[str(LOCATION)])) == expected
    assert await what(applicant_of(chat)) == PUBLIC


async def test_internal_system_messages_stay_inside(chat: Running) -> None:
    await chat.handle(
        request_placed(),
        sample(ASSIGNED, sequence=2),
        sample("orders.order.deadline_changed.v1", sequence=3),
        sample("orders.order.overdue.v1", sequence=4),
    )
    customer = applicant_of(chat)
    id_ = await conversation_id(customer, REQUEST)
    page = await customer.get(f"/v1/conversations/{id_}/messages")
    assert page.json()["items"] == []
    staff = chat.client("rita", "service_manager", sub=str(MANAGER))
    inside = await staff.get(f"/v1/conversations/{id_}/messages", params={"thread": "internal"})
    assert [item["template"] for item in inside.json()["items"]] == [
        "order_assigned", "deadline_changed", "order_overdue",
    ]  # fmt: skip
    for event in await chat.published("chat.message.posted.v1"):
        assert event.data.thread == "internal"
