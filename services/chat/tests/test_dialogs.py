"""Dialogs before an order (B27) and who may have them (B2)."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from foyer_chassis.testing import Running, same_shape
from foyer_contracts.envelope import Event
from foyer_contracts.samples import (
    APPLICANT,
    LOCATION,
    MANAGER,
    NOW,
    ORDER,
    REQUEST,
    REQUEST_OFFERING,
    SAMPLES,
    TECHNICIAN,
)

from .conftest import PLACED, read, request_placed, sample, without_count, write

OFFERING = "orders.offering.changed.v1"
OPENED, POSTED, CONVERTED = "chat.dialog.opened.v1", "chat.dialog.posted.v1", "chat.dialog.converted.v1"
QUESTION = "Сколько стоит замена крана?"


def customer(chat: Running, **claims: Any) -> httpx2.AsyncClient:
    return chat.client("anna", "customer", sub=str(APPLICANT), **claims)


def operator(chat: Running, **claims: Any) -> httpx2.AsyncClient:
    return chat.client("rita", "service_manager", sub=str(MANAGER), **claims)


async def ask(
    client: httpx2.AsyncClient, offering_id: UUID = REQUEST_OFFERING, *, key: str | None = None
) -> httpx2.Response:
    return await client.post(
        "/v1/dialogs",
        json={"offering_id": str(offering_id), "text": QUESTION},
        headers={"Idempotency-Key": key or uuid4().hex},
    )


async def convert(client: httpx2.AsyncClient, dialog_id: str, **headers: str) -> httpx2.Response:
    return await client.post(f"/v1/dialogs/{dialog_id}/convert", headers={"Idempotency-Key": uuid4().hex, **headers})


async def asked(chat: Running) -> str:
    await chat.handle(sample(OFFERING))
    answer = await ask(customer(chat))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def draft_event(type_: str, dialog_id: str, draft_id: str) -> Event[Any]:
    data = SAMPLES[type_].data.model_copy(
        update={"draft_id": UUID(draft_id), "conversation_id": UUID(dialog_id), "applicant_id": APPLICANT}
    )
    return Event.make(data, subject=UUID(draft_id), sequence=1, time=NOW)


CREATED, DISCARDED = "orders.draft.created.v1", "orders.draft.discarded.v1"


@pytest.mark.feature("B27")
async def test_customer_asks_and_an_operator_answers(chat: Running) -> None:
    dialog_id = await asked(chat)
    mine = (await customer(chat).get("/v1/dialogs")).json()["items"]
    theirs = (await operator(chat).get("/v1/dialogs")).json()["items"]
    assert [item["id"] for item in mine] == [item["id"] for item in theirs] == [dialog_id]
    assert (mine[0]["unread"], theirs[0]["unread"]) == (0, 1)
    assert theirs[0]["customer_name"] == "Anna"
    assert [message["text"] for message in await read(operator(chat), dialog_id)] == [QUESTION]
    assert (await write(operator(chat), dialog_id, "От 900 ₽")).status_code == 201
    assert (await customer(chat).get(f"/v1/dialogs/{dialog_id}")).json()["unread"] == 1
    assert (await operator(chat).get("/v1/dialogs", params={"unread": True})).json()["items"][0]["id"] == dialog_id
    through = {"through": 2}
    assert (await operator(chat).post(f"/v1/conversations/{dialog_id}/read", json=through)).json() == {"unread": 0}
    assert (await operator(chat).get("/v1/dialogs", params={"unread": True})).json()["items"] == []
    assert [item["id"] for item in (await customer(chat).get("/v1/dialogs?unread=true")).json()["items"]] == [dialog_id]
    opened, first, second = await chat.published()
    same_shape(opened, SAMPLES[OPENED])
    for event in (first, second):
        same_shape(event, SAMPLES[POSTED])
        assert QUESTION not in event.to_json().decode()
    assert [event.data.author_kind for event in (first, second)] == ["customer", "staff"]
    assert first.data.responsible_ids == [MANAGER, TECHNICIAN]
    assert [event.sequence for event in (opened, first, second)] == [1, 2, 3]


@pytest.mark.feature("B27")
@pytest.mark.parametrize(
    ("changes", "status", "type_"),
    [
        ({"dialog_before_order": False}, 409, "dialog-not-offered"),
        ({"active": False}, 409, "dialog-not-offered"),
        (None, 422, "unknown-offering"),
    ],
)
async def test_offering_that_takes_no_questions(
    chat: Running, changes: dict[str, Any] | None, status: int, type_: str
) -> None:
    if changes is not None:
        await chat.handle(sample(OFFERING, **changes))
    answer = await ask(customer(chat))
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (status, type_)
    assert answer.json()["field"] == "offering_id"
    assert await chat.published() == []


@pytest.mark.feature("B27")
async def test_older_news_of_an_offering_change_nothing(chat: Running) -> None:
    await chat.handle_twice(sample(OFFERING, sequence=5, dialog_before_order=False))
    await chat.handle_twice(sample(OFFERING, sequence=4))
    assert (await ask(customer(chat))).status_code == 409


@pytest.mark.feature("B27")
async def test_one_open_dialog_per_customer_and_offering(chat: Running) -> None:
    await chat.handle(sample(OFFERING), sample(OFFERING, offering_id=uuid4()))
    answers = await asyncio.gather(*(ask(customer(chat)) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 5]
    (made,) = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    assert {answer.json()["dialog_id"] for answer in answers if answer.status_code == 409} == {made}
    other = await ask(chat.client("boris", "customer"))
    assert other.status_code == 201, "another customer has one of their own"
    assert len(await chat.published(OPENED)) == 2


async def test_opening_repeats_safely(chat: Running) -> None:
    await chat.handle(sample(OFFERING))
    first = await ask(customer(chat), key="k")
    again = await ask(customer(chat), key="k")
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"


@pytest.mark.feature("B2")
@pytest.mark.parametrize(
    ("username", "role", "seen"),
    [
        ("sergey", "service_manager", True),
        ("alex", "administrator", True),
        ("olga", "shop_manager", False),
        ("rita", "rent_manager", None),
        ("fedor", "finance", None),
        ("dana", "front_desk", None),
        ("tech", "contractor", None),
        ("boris", "customer", False),
    ],
)
async def test_dialogs_are_for_those_who_serve_clients_of_that_kind(
    chat: Running, username: str, role: str, seen: bool | None
) -> None:
    dialog_id = await asked(chat)
    caller = chat.client(username, role)
    listed = await caller.get("/v1/dialogs")
    one = await caller.get(f"/v1/dialogs/{dialog_id}")
    page = await caller.get(f"/v1/conversations/{dialog_id}/messages")
    written = await write(caller, dialog_id, "x")
    converted = await convert(caller, dialog_id)
    if seen is None:
        assert (listed.status_code, one.status_code, converted.status_code) == (403, 403, 403)
        assert (page.status_code, written.status_code) == (404, 404)
        return
    assert [item["id"] for item in listed.json()["items"]] == ([dialog_id] if seen else [])
    codes = [one.status_code, page.status_code, written.status_code]
    assert codes == ([200, 200, 201] if seen else [404, 404, 404])
    assert converted.status_code == (201 if seen else 403 if role == "customer" else 404)


@pytest.mark.feature("B2")
async def test_serving_clients_says_nothing_about_orders(chat: Running) -> None:
    """An operator of dialogs loses it when it becomes an order of people who may read it; and the other way round."""
    dialog_id = await asked(chat)
    reader_of_orders = chat.client("fedor", "finance")
    assert (await reader_of_orders.get(f"/v1/conversations/{dialog_id}/messages")).status_code == 404
    await chat.handle(request_placed(kind="slot_booking", conversation_id=UUID(dialog_id)))
    assert (await operator(chat).get(f"/v1/conversations/{dialog_id}/messages")).status_code == 404
    assert (await operator(chat).get(f"/v1/dialogs/{dialog_id}")).status_code == 404
    assert (await reader_of_orders.get(f"/v1/conversations/{dialog_id}/messages")).status_code == 200


@pytest.mark.parametrize(("places", "seen"), [([LOCATION], True), ([], True), ([uuid4()], False)])
async def test_operators_of_other_locations_see_no_dialog(chat: Running, places: list[UUID], seen: bool) -> None:
    await chat.handle(sample(OFFERING, location_ids=places))
    dialog_id = (await ask(customer(chat))).json()["id"]
    limited = operator(chat, locations=[str(LOCATION), "no uuid"])
    assert bool((await limited.get("/v1/dialogs")).json()["items"]) is seen
    assert ((await limited.get(f"/v1/dialogs/{dialog_id}")).status_code == 200) is seen


@pytest.mark.feature("B27")
async def test_dialog_becomes_a_draft_once(chat: Running) -> None:
    dialog_id = await asked(chat)
    answers = await asyncio.gather(*(convert(operator(chat), dialog_id) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 4]
    (draft_id,) = [answer.json()["draft_id"] for answer in answers if answer.status_code == 201]
    assert {answer.json()["draft_id"] for answer in answers} == {draft_id}
    (converted,) = await chat.published(CONVERTED)
    same_shape(converted, SAMPLES[CONVERTED])
    assert (str(converted.data.draft_id), converted.data.operator_id) == (draft_id, MANAGER)
    assert (await customer(chat).get(f"/v1/dialogs/{dialog_id}")).json()["draft_id"] == draft_id
    assert (await convert(customer(chat), dialog_id)).status_code == 403


@pytest.mark.feature("B27")
@pytest.mark.parametrize("in_order", [True, False])
async def test_discarded_draft_makes_room_for_another(chat: Running, in_order: bool) -> None:
    dialog_id = await asked(chat)
    draft_id = (await convert(operator(chat), dialog_id)).json()["draft_id"]
    events = [draft_event(CREATED, dialog_id, draft_id), draft_event(DISCARDED, dialog_id, draft_id)]
    for event in events if in_order else reversed(events):
        await chat.handle_twice(event)
    told = [message["template"] for message in await read(customer(chat), dialog_id)]
    assert set(told) == {None, "draft_created", "draft_discarded"}
    again = await convert(operator(chat), dialog_id)
    assert again.status_code == 201
    assert again.json()["draft_id"] != draft_id


@pytest.mark.feature("B27")
async def test_draft_that_orders_made_by_itself_is_the_live_one(chat: Running) -> None:
    dialog_id = await asked(chat)
    draft_id = str(uuid4())
    await chat.handle_twice(draft_event(CREATED, dialog_id, draft_id))
    refused = await convert(operator(chat), dialog_id)
    assert (refused.status_code, refused.json()["draft_id"]) == (409, draft_id)


async def test_drafts_without_a_dialog_are_not_ours(chat: Running) -> None:
    await chat.handle_twice(
        sample(CREATED),
        sample(DISCARDED),
        sample(CREATED, conversation_id=None),
        sample(DISCARDED, conversation_id=None),
    )
    assert await chat.published() == []


@pytest.mark.feature("B27")
async def test_dialog_stays_attached_to_its_order(chat: Running) -> None:
    dialog_id = await asked(chat)
    await write(operator(chat), dialog_id, "От 900 ₽")
    await operator(chat).post(f"/v1/conversations/{dialog_id}/read", json={"through": 1})
    draft_id = (await convert(operator(chat), dialog_id)).json()["draft_id"]
    await chat.handle_twice(draft_event(CREATED, dialog_id, draft_id))
    before = len(await chat.published())
    await chat.handle_twice(request_placed(conversation_id=UUID(dialog_id), draft_id=UUID(draft_id)))

    conversation = (await customer(chat).get(f"/v1/orders/{REQUEST}/conversation")).json()
    assert conversation["id"] == dialog_id
    said = await read(customer(chat), dialog_id)
    assert [message["template"] or message["text"] for message in said] == [
        QUESTION, "От 900 ₽", "draft_created", "order_placed",
    ]  # fmt: skip
    assert (await customer(chat).get("/v1/dialogs")).json()["items"] == []
    attached = (await customer(chat).get(f"/v1/dialogs/{dialog_id}")).json()
    assert (attached["order_id"], attached["draft_id"]) == (str(REQUEST), None)
    assert (await convert(operator(chat), dialog_id)).json()["order_id"] == str(REQUEST)

    news = (await chat.published())[before:]
    assert [event.type.split(".")[1] for event in news] == ["conversation", "message", "conversation", "message"]
    opened, unread, staff_read, placed = news
    assert opened.data.order_id == REQUEST
    assert (unread.data.author_kind, unread.data.count) == ("staff", 1), "the answer that the customer has not read"
    assert (staff_read.data.reader_kind, staff_read.data.seen, staff_read.data.reader_id) == ("staff", 1, MANAGER)
    assert (placed.data.author_kind, placed.data.count) == ("system", 2)
    same_shape(without_count(placed), SAMPLES["chat.message.posted.v1"])
    same_shape(staff_read, SAMPLES["chat.conversation.read.v1"])
    versions = [event.sequence for event in await chat.published()]
    assert versions == sorted(set(versions))
    assert (await ask(customer(chat))).status_code == 201, "the dialog is over, another may begin"


@pytest.mark.feature("B27")
async def test_what_overtakes_the_order_finds_its_dialog(chat: Running) -> None:
    dialog_id = await asked(chat)
    await chat.handle_twice(
        sample("payments.payment.succeeded.v1", order_id=REQUEST), sample("orders.order.returned.v1", sequence=9)
    )
    await chat.handle_twice(request_placed(conversation_id=UUID(dialog_id)))
    templates = [message["template"] for message in await read(customer(chat), dialog_id)]
    assert templates == [None, "order_placed", "payment_received", "order_returned"]
    assert len(await chat.published("chat.conversation.opened.v1")) == 1


@pytest.mark.feature("B27")
async def test_dialog_of_somebody_else_stays_theirs(chat: Running) -> None:
    dialog_id = await asked(chat)
    await chat.handle(
        request_placed(conversation_id=UUID(dialog_id), applicant_id=uuid4()),
        sample(PLACED, conversation_id=uuid4()),
    )
    assert (await customer(chat).get(f"/v1/dialogs/{dialog_id}")).json()["order_id"] is None
    assert (await customer(chat).get(f"/v1/orders/{REQUEST}/conversation")).status_code == 404
    assert (await customer(chat).get(f"/v1/orders/{ORDER}/conversation")).status_code == 200


async def test_open_dialogs_follow_their_offering(chat: Running) -> None:
    dialog_id = await asked(chat)
    await chat.handle_twice(sample(OFFERING, sequence=99, responsible_ids=[TECHNICIAN], title="Сантехник"))
    await write(customer(chat), dialog_id, "Ау?")
    assert (await chat.published(POSTED))[-1].data.responsible_ids == [TECHNICIAN]
    assert (await operator(chat).get(f"/v1/dialogs/{dialog_id}")).json()["offering_title"] == "Сантехник"


async def test_pages_of_dialogs(chat: Running) -> None:
    offerings = [uuid4() for _ in range(5)]
    await chat.handle(*(sample(OFFERING, offering_id=id_, sequence=1) for id_ in offerings))
    made = [(await ask(customer(chat), id_)).json()["id"] for id_ in offerings]
    first = (await operator(chat).get("/v1/dialogs", params={"limit": 2})).json()
    rest = (await operator(chat).get("/v1/dialogs", params={"limit": 4, "after": first["next"]})).json()
    assert [item["id"] for item in first["items"] + rest["items"]] == made[::-1]
    assert rest["next"] is None
    about = (await operator(chat).get("/v1/dialogs", params={"offering_id": str(offerings[1])})).json()["items"]
    assert [item["id"] for item in about] == [made[1]]


async def test_erased_customer_leaves_no_words(chat: Running) -> None:
    dialog_id = await asked(chat)
    await write(operator(chat), dialog_id, "Мы перезвоним")
    erased = sample("orders.customer.changed.v1", sequence=50, display_name="", erased=True)
    await chat.handle(request_placed(conversation_id=UUID(dialog_id)), sample("orders.order.returned.v1", sequence=9))
    await chat.handle_twice(erased)
    said = await read(operator(chat), dialog_id)
    texts = [message["text"] for message in said]
    assert texts == ["Сообщение удалено", "Мы перезвоним", "Оформлен заказ № 1006314", "Заказ возвращён в работу"]
    assert said[0]["author"] == {"kind": "customer", "id": str(APPLICANT), "name": None}
    seen = [answer.text for answer in [await operator(chat).get(f"/v1/dialogs/{dialog_id}")]]
    for text in (QUESTION, "Anna", "Кран всё ещё течёт"):
        assert all(text not in found for found in [*seen, str(said)])
