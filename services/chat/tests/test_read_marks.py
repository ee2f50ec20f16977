"""What is unread (B3, B28): counts and marks that agree whatever order their events arrive in."""

import random
from collections import defaultdict

import httpx2
import pytest
from foyer_chassis.testing import Running, same_shape
from foyer_contracts.samples import ORDER, SAMPLES

from .conftest import PAID, PLACED, applicant, conversation_id, manager, sample, write

READ = "chat.conversation.read.v1"


async def mark(client: httpx2.AsyncClient, id_: str, through: int, thread: str = "public") -> int:
    answer = await client.post(f"/v1/conversations/{id_}/read", json={"through": through, "thread": thread})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["unread"])


async def listed(client: httpx2.AsyncClient) -> dict[str, int]:
    threads = (await client.get(f"/v1/orders/{ORDER}/conversation")).json()["threads"]
    return {item["thread"]: item["unread"] for item in threads}


@pytest.mark.feature("B28")
async def test_each_side_reads_for_itself(chat: Running) -> None:
    await chat.handle(sample(PLACED), sample(PAID))
    customer, rita, alma = applicant(chat), manager(chat), chat.client("alma", "rent_manager")
    id_ = await conversation_id(customer)
    for text in ("раз", "два"):
        await write(customer, id_, text)
    await write(rita, id_, "три")
    assert (await listed(customer), await listed(rita), await listed(alma)) == (
        {"public": 1}, {"public": 2, "internal": 0}, {"public": 2},
    )  # fmt: skip
    assert await mark(alma, id_, 2) == 1, "position 1 is the payment, 2 the first word"
    assert await listed(rita) == {"public": 1, "internal": 0}, "one of the staff has read it for all"
    assert await listed(customer) == {"public": 1}
    assert await mark(rita, id_, 4) == 0
    assert await mark(rita, id_, 1) == 0, "never back"
    assert await mark(customer, id_, 10**9) == 0
    await write(rita, id_, "четыре")
    assert await listed(customer) == {"public": 1}
    events = await chat.published(READ)
    assert [(event.data.reader_kind, event.data.seen) for event in events] == [
        ("staff", 1), ("staff", 2), ("customer", 1),
    ]  # fmt: skip
    for event in events:
        same_shape(event, SAMPLES[READ])


@pytest.mark.feature("B28")
async def test_reading_nothing_new_is_no_event(chat: Running) -> None:
    await chat.handle(sample(PLACED), sample(PAID))
    customer, staff = applicant(chat), manager(chat)
    id_ = await conversation_id(customer)
    await write(staff, id_, "внутри", "internal")
    for client in (customer, staff):
        assert await mark(client, id_, 2) == 0
    await mark(staff, id_, 2, "internal")
    assert await chat.published(READ) == [], "system messages and the internal thread concern no side's counter"


@pytest.mark.feature("B28")
async def test_internal_thread_is_read_by_each_person(chat: Running) -> None:
    await chat.handle(sample(PLACED, responsible_ids=[]))
    rita, alma = manager(chat), chat.client("alma", "rent_manager")
    id_ = await conversation_id(rita)
    await write(rita, id_, "коллеги", "internal")
    assert ((await listed(rita))["internal"], (await listed(alma))["internal"]) == (0, 1)
    assert await mark(alma, id_, 1, "internal") == 0
    assert (await listed(alma))["internal"] == 0


@pytest.mark.feature("B28")
@pytest.mark.parametrize("seed", range(5))
async def test_a_subscriber_counts_the_same_in_any_order(chat: Running, seed: int) -> None:
    """Unread = the greatest count of the other side − the greatest `seen`, however the events are shuffled."""
    await chat.handle(sample(PLACED))
    customer, staff = applicant(chat), manager(chat)
    id_ = await conversation_id(customer)
    dice = random.Random(seed)
    for position in range(1, 25):
        action = dice.choice(["customer", "staff", "internal", "read", "read"])
        if action == "read":
            await mark(dice.choice([customer, staff]), id_, dice.randrange(position))
        else:
            author = customer if action == "customer" else staff
            await write(author, id_, "…", "internal" if action == "internal" else "public")
    events = await chat.published()
    dice.shuffle(events)
    written: dict[str, int] = defaultdict(int)
    seen: dict[str, int] = defaultdict(int)
    for event in events + events[:7]:
        if event.type == READ:
            seen[event.data.reader_kind] = max(seen[event.data.reader_kind], event.data.seen)
        elif event.type == "chat.message.posted.v1" and event.data.thread == "public":
            written[event.data.author_kind] = max(written[event.data.author_kind], event.data.count)
    assert written["staff"] - seen["customer"] == (await listed(customer))["public"]
    assert written["customer"] - seen["staff"] == (await listed(staff))["public"]
