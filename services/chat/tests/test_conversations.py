"""Who reads and writes what (A24), with every wrong caller."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from alembic import command
from chat.service import SERVICE
from foyer_chassis.process import alembic_config
from foyer_chassis.testing import Databases, Running, same_shape
from foyer_contracts.samples import APPLICANT, MANAGER, ORDER, SAMPLES

from .conftest import PLACED, applicant, conversation_id, manager, read, sample, write

SECRET = "клиент спорит, держим цену"


@pytest.mark.feature("A24")
async def test_applicant_never_receives_a_byte_of_the_internal_thread(chat: Running) -> None:
    await chat.handle(sample(PLACED))
    customer, staff = applicant(chat), manager(chat)
    id_ = await conversation_id(customer)
    internal = await write(staff, id_, SECRET, "internal")
    assert internal.status_code == 201
    public = await write(staff, id_, "Добрый день!")
    assert (await write(customer, id_, "Здравствуйте")).status_code == 201

    answers = [
        await customer.get(f"/v1/orders/{ORDER}/conversation"),
        await customer.get(f"/v1/conversations/{id_}/messages"),
        await customer.get(f"/v1/conversations/{id_}/messages", params={"thread": "internal"}),
        await customer.get(
            f"/v1/conversations/{id_}/messages", params={"thread": "internal", "after": 0, "limit": 200}
        ),
        await customer.post(f"/v1/conversations/{id_}/read", json={"through": 99}),
        await customer.post(f"/v1/conversations/{id_}/read", json={"thread": "internal", "through": 99}),
        await write(customer, id_, "а что тут?", "internal"),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 404, 404, 200, 404, 404]
    for answer in answers:
        for byte in (SECRET, internal.json()["id"], "internal"):
            assert byte not in answer.text.replace(answer.request.url.path, ""), answer.url
    conversation = answers[0].json()
    assert [item["thread"] for item in conversation["threads"]] == ["public"]
    assert conversation["threads"][0]["unread"] == 1
    assert answers[1].json()["items"][0]["id"] == public.json()["id"]

    assert [message["text"] for message in await read(staff, id_, "internal")] == [SECRET]
    posted = await chat.published("chat.message.posted.v1")
    assert [event.data.thread for event in posted] == ["internal", "public", "public"]
    assert all(SECRET not in event.to_json().decode() for event in posted)


@pytest.mark.feature("A24")
async def test_member_of_staff_who_ordered_is_an_applicant_there(chat: Running) -> None:
    await chat.handle(sample(PLACED, applicant_id=MANAGER, responsible_ids=[MANAGER]))
    own = manager(chat)
    id_ = await conversation_id(own)
    assert (await own.get(f"/v1/conversations/{id_}/messages", params={"thread": "internal"})).status_code == 404
    message = (await write(own, id_, "Мне бы проектор")).json()
    assert message["author"]["kind"] == "customer"


@pytest.mark.feature("A24")
@pytest.mark.parametrize(
    ("username", "role", "threads"),
    [
        ("rita", "rent_manager", ["public", "internal"]),
        ("sergey", "service_manager", None),
        ("alma", "rent_manager", ["public"]),
        ("alex", "administrator", ["public"]),
        ("fedor", "finance", ["public"]),
        ("dana", "front_desk", None),
        ("boris", "customer", None),
    ],
)
async def test_internal_thread_is_for_those_responsible(
    chat: Running, username: str, role: str, threads: list[str] | None
) -> None:
    await chat.handle(sample(PLACED))
    id_ = await conversation_id(applicant(chat))
    caller = manager(chat) if username == "rita" else chat.client(username, role)
    answer = await caller.get(f"/v1/orders/{ORDER}/conversation")
    if threads is None:
        assert answer.status_code in (403, 404)
        # Without any permission for chats it is 403 for everything, there or not.
        missing = await caller.get(f"/v1/orders/{uuid4()}/conversation")
        assert missing.status_code == answer.status_code
    else:
        assert [item["thread"] for item in answer.json()["threads"]] == threads
    for thread in ("public", "internal"):
        seen = await caller.get(f"/v1/conversations/{id_}/messages", params={"thread": thread})
        written = await write(caller, id_, "…", thread)
        allowed = threads is not None and thread in threads
        writes = allowed and role != "finance"
        assert (seen.status_code == 200, written.status_code == 201) == (allowed, writes)


async def test_offering_without_responsible_people_is_everybodys(chat: Running) -> None:
    await chat.handle(sample(PLACED, responsible_ids=[]))
    answer = await chat.client("alma", "rent_manager").get(f"/v1/orders/{ORDER}/conversation")
    assert [item["thread"] for item in answer.json()["threads"]] == ["public", "internal"]


async def test_nobody_reads_until_it_is_known_who_is_responsible(chat: Running) -> None:
    await chat.handle(sample("payments.payment.succeeded.v1"))
    assert (await manager(chat).get(f"/v1/orders/{ORDER}/conversation")).status_code == 404
    assert await chat.published() == []


async def test_nobody_without_a_token(chat: Running) -> None:
    await chat.handle(sample(PLACED))
    id_ = await conversation_id(applicant(chat))
    stranger = chat.client()
    assert (await stranger.get(f"/v1/orders/{ORDER}/conversation")).status_code == 401
    assert (await stranger.get(f"/v1/conversations/{id_}/messages")).status_code == 401
    assert (await write(stranger, id_, "x")).status_code == 401
    assert (await stranger.post(f"/v1/conversations/{id_}/read", json={"through": 1})).status_code == 401
    expired = applicant(chat, exp=1_000_000)
    assert (await expired.get(f"/v1/orders/{ORDER}/conversation")).status_code == 401


async def test_post_is_published_and_repeats_safely(chat: Running) -> None:
    await chat.handle(sample(PLACED))
    customer = applicant(chat)
    id_ = await conversation_id(customer)
    first = await write(customer, id_, "Можно раньше?", **{"Idempotency-Key": "k1"})
    again = await write(customer, id_, "Можно раньше?", **{"Idempotency-Key": "k1"})
    other = await write(customer, id_, "Можно позже?", **{"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert again.json() == first.json()
    (posted,) = await chat.published("chat.message.posted.v1")
    same_shape(
        posted.model_copy(update={"data": posted.data.model_copy(update={"author_id": None, "count": None})}),
        SAMPLES[posted.type],
    )
    assert posted.data.count == 1
    assert (posted.data.author_kind, posted.data.author_id, posted.data.applicant_id) == (
        "customer",
        APPLICANT,
        APPLICANT,
    )
    assert len(await read(customer, id_)) == 1
    without_key = await customer.post(f"/v1/conversations/{id_}/messages", json={"text": "x"})
    assert without_key.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"text": ""},
        {"text": " \n\t "},
        {"text": "x" * 4001},
        {"text": "a\u0000b"},
        {"text": "a\u0007b"},
        {"text": 5},
        {},
        {"text": "x", "thread": "secret"},
    ],
)
async def test_bad_messages_are_refused(chat: Running, body: dict[str, Any]) -> None:
    await chat.handle(sample(PLACED))
    customer = applicant(chat)
    id_ = await conversation_id(customer)
    answer = await customer.post(
        f"/v1/conversations/{id_}/messages", json=body, headers={"Idempotency-Key": uuid4().hex}
    )
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert await read(customer, id_) == []


async def test_markup_stays_plain_text(chat: Running) -> None:
    await chat.handle(sample(PLACED))
    customer = applicant(chat)
    text = "<script>alert(1)</script>\n{{7*7}} { $refund }"
    assert (await write(customer, await conversation_id(customer), text)).json()["text"] == text


async def test_pages_and_unread(chat: Running) -> None:
    await chat.handle(sample(PLACED))
    customer, staff = applicant(chat), manager(chat)
    id_ = await conversation_id(customer)
    for number in range(5):
        await write(staff, id_, f"публично {number}")
        await write(staff, id_, f"внутри {number}", "internal")
    first = (await customer.get(f"/v1/conversations/{id_}/messages", params={"limit": 2})).json()
    assert [message["text"] for message in first["items"]] == ["публично 0", "публично 1"]
    rest = await read(customer, id_, after=first["next"])
    assert [message["text"] for message in rest] == ["публично 2", "публично 3", "публично 4"]

    async def unread(client: httpx2.AsyncClient) -> list[int]:
        threads = (await client.get(f"/v1/orders/{ORDER}/conversation")).json()["threads"]
        return [item["unread"] for item in threads]

    assert (await unread(customer), await unread(staff)) == ([5], [0, 0])
    marked = await customer.post(f"/v1/conversations/{id_}/read", json={"through": first["next"]})
    assert marked.json() == {"unread": 3}
    back = await customer.post(f"/v1/conversations/{id_}/read", json={"through": 0})
    assert back.json() == {"unread": 3}
    assert (await customer.post(f"/v1/conversations/{id_}/read", json={"through": 10**9})).json() == {"unread": 0}
    await write(staff, id_, "ещё")
    assert await unread(customer) == [1], "what came after the end that was marked is unread"


async def test_positions_have_no_gaps_under_parallel_writers(chat: Running) -> None:
    await chat.handle(sample(PLACED))
    customer, staff = applicant(chat), manager(chat)
    id_ = await conversation_id(customer)
    answers = await asyncio.gather(*(write(client, id_, "x") for _ in range(10) for client in (customer, staff)))
    assert {answer.status_code for answer in answers} == {201}
    assert [message["position"] for message in await read(customer, id_)] == list(range(1, 21))


async def test_unknown_conversation(chat: Running) -> None:
    for client in (applicant(chat), manager(chat)):
        assert (await client.get(f"/v1/orders/{ORDER}/conversation")).status_code == 404
        assert (await client.get(f"/v1/conversations/{uuid4()}/messages")).status_code == 404
        assert (await write(client, str(uuid4()), "x")).status_code == 404


async def test_migrations_make_what_the_tables_say(databases: Databases) -> None:
    url = await databases.clone(SERVICE)
    await asyncio.to_thread(command.check, alembic_config(SERVICE.folder, url))
    await databases.drop(url)
