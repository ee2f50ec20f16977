"""Changing, deleting and finding messages; limits; ready-made texts."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from foyer_chassis.testing import Running
from foyer_contracts.samples import APPLICANT, NOW

from .conftest import PAID, PLACED, applicant, conversation_id, manager, read, sample, write


async def begun(chat: Running) -> tuple[str, str]:
    """A conversation with one message of the applicant."""
    await chat.handle(sample(PLACED))
    id_ = await conversation_id(applicant(chat))
    return id_, (await write(applicant(chat), id_, "Можно раньше?")).json()["id"]


async def edit(client: httpx2.AsyncClient, id_: str, message_id: str, text: str | None) -> httpx2.Response:
    path = f"/v1/conversations/{id_}/messages/{message_id}"
    return await (client.delete(path) if text is None else client.patch(path, json={"text": text}))


async def test_author_changes_and_deletes_with_a_trace(chat: Running) -> None:
    id_, message_id = await begun(chat)
    chat.at(NOW + timedelta(minutes=1))
    changed = await edit(applicant(chat), id_, message_id, "Можно позже?")
    assert (changed.json()["text"], changed.json()["edited_at"]) == ("Можно позже?", "2026-12-01T09:31:00Z")
    chat.at(NOW + timedelta(minutes=2))
    deleted = await edit(applicant(chat), id_, message_id, None)
    assert (deleted.json()["text"], deleted.json()["template"]) == ("Сообщение удалено автором", "message_deleted")
    (message,) = await read(applicant(chat, locale="en"), id_)
    assert message["text"] == "The message was deleted by its author"
    former = f"/v1/conversations/{id_}/messages/{message_id}/former"
    assert [item["text"] for item in (await manager(chat).get(former)).json()["items"]] == [
        "Можно раньше?",
        "Можно позже?",
    ]
    assert (await applicant(chat).get(former)).status_code == 403
    both = chat.client("anna", "customer", "rent_manager", sub=str(APPLICANT))
    assert (await both.get(former)).status_code == 404, "an applicant is an applicant, also when they work here"


@pytest.mark.parametrize(
    ("who", "after", "text", "status", "type_"),
    [
        ("applicant", timedelta(minutes=15), "x", 200, None),
        ("applicant", timedelta(minutes=16), "x", 409, "too-late"),
        ("applicant", timedelta(days=9), None, 200, None),
        ("manager", timedelta(), "x", 403, "not-yours"),
        ("manager", timedelta(), None, 403, "not-yours"),
        ("stranger", timedelta(), "x", 404, "not-found"),
    ],
)
async def test_who_may_change_what_and_when(
    chat: Running, who: str, after: timedelta, text: str | None, status: int, type_: str | None
) -> None:
    id_, message_id = await begun(chat)
    clients: dict[str, Any] = {
        "applicant": applicant(chat), "manager": manager(chat), "stranger": chat.client("boris"),
    }  # fmt: skip
    chat.at(NOW + after)
    answer = await edit(clients[who], id_, message_id, text)
    assert answer.status_code == status
    if type_ is not None:
        assert answer.json()["type"].endswith(type_)


async def test_deleted_and_system_messages_stay_as_they_are(chat: Running) -> None:
    id_, message_id = await begun(chat)
    await chat.handle(sample(PAID))
    system = (await read(applicant(chat), id_))[1]["id"]
    assert (await edit(applicant(chat), id_, system, "x")).status_code == 403
    assert (await edit(applicant(chat), id_, message_id, None)).status_code == 200
    for text in (None, "x"):
        again = await edit(applicant(chat), id_, message_id, text)
        assert (again.status_code, again.json()["type"].rpartition("/")[2]) == (409, "already-deleted")
    assert (await edit(applicant(chat), id_, str(uuid4()), "x")).status_code == 404


async def test_nobody_finds_internal_messages_to_change(chat: Running) -> None:
    id_, _ = await begun(chat)
    inside = (await write(manager(chat), id_, "внутри", "internal")).json()["id"]
    assert (await edit(applicant(chat), id_, inside, "x")).status_code == 404
    assert (await edit(manager(chat), id_, inside, "x")).status_code == 200


@pytest.mark.parametrize(
    ("query", "found"),
    [("РАНЬШЕ", [0]), ("100%", [1]), ("0%0", []), ("a_b", [2]), ("a\\b", [3]), ("нет такого", []), ("цен", [])],
)
async def test_search_takes_text_as_it_is(chat: Running, query: str, found: list[int]) -> None:
    id_, _ = await begun(chat)
    texts = ["Можно раньше?", "скидка 100%", "a_b", "a\\b", "100 200", "axb"]
    for text in texts[1:]:
        await write(applicant(chat), id_, text)
    await write(manager(chat), id_, "держим цену", "internal")
    assert [message["text"] for message in await read(applicant(chat), id_, q=query)] == [texts[n] for n in found]


async def test_deleted_text_is_found_no_more(chat: Running) -> None:
    id_, message_id = await begun(chat)
    await edit(applicant(chat), id_, message_id, None)
    assert await read(manager(chat), id_, q="раньше") == []


async def test_pages_backwards(chat: Running) -> None:
    id_, _ = await begun(chat)
    for number in range(2, 8):
        await write(applicant(chat), id_, str(number))
    page = (await applicant(chat).get(f"/v1/conversations/{id_}/messages", params={"before": 100, "limit": 3})).json()
    assert ([item["position"] for item in page["items"]], page["next"]) == ([5, 6, 7], 5)
    rest = await read(applicant(chat), id_, before=5)
    assert [item["position"] for item in rest] == [1, 2, 3, 4]


async def test_too_many_messages_in_a_minute(chat: Running) -> None:
    id_, _ = await begun(chat)
    for _ in range(29):
        assert (await write(applicant(chat), id_, "ещё")).status_code == 201
    refused = await write(applicant(chat), id_, "ещё")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
    assert (await write(manager(chat), id_, "тише")).status_code == 201, "others may"
    chat.at(NOW + timedelta(seconds=61))
    assert (await write(applicant(chat), id_, "ещё")).status_code == 201


async def test_ready_made_texts(chat: Running) -> None:
    admin, staff, customer = chat.client("alex", "administrator"), manager(chat), applicant(chat)
    body = {"title": "Привет", "text": "Здравствуйте! Чем помочь?"}

    async def add(client: httpx2.AsyncClient, key: str) -> httpx2.Response:
        return await client.post("/v1/templates", json=body, headers={"Idempotency-Key": key})

    assert (await add(staff, "a")).status_code == 403
    made = (await add(admin, "b")).json()
    assert (await add(admin, "b")).json() == made
    assert (await staff.get("/v1/templates")).json()["items"] == [made]
    assert (await customer.get("/v1/templates")).status_code == 403
    path = f"/v1/templates/{made['id']}"
    assert (await admin.put(path, json=body)).status_code == 428
    assert (await admin.put(path, json=body, headers={"If-Match": '"7"'})).status_code == 412
    changed = await admin.put(path, json={**body, "title": "Добрый день"}, headers={"If-Match": '"1"'})
    assert (changed.json()["title"], changed.headers["etag"]) == ("Добрый день", '"2"')
    assert (await admin.put(f"/v1/templates/{uuid4()}", json=body, headers={"If-Match": '"1"'})).status_code == 404
    assert [(await admin.delete(path)).status_code for _ in range(2)] == [204, 204]
    assert (await staff.get("/v1/templates")).json()["items"] == []
