"""The feed as it happens (X7): server-sent events over a real socket, gone on with after a lost connection."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import uvicorn
from foyer_chassis.testing import Databases, Identity, Running, running
from foyer_contracts.samples import APPLICANT, NOW
from foyer_sandbox.testing import free_port
from notifications.feed.domain import MOST_STREAMS_OF_ONE
from notifications.service import SERVICE
from notifications.telling.domain.rules import Happened
from notifications.telling.use_cases.deliveries import tell

from .conftest import Outside, channel_settings, sample

STATUS = "orders.order.status_changed.v1"
pytestmark = pytest.mark.feature("X7")


class Live:
    """A live feed, read event by event."""

    def __init__(self, answer: httpx2.Response) -> None:
        self._lines = answer.aiter_lines()
        self.last_id = ""
        self.unread: int | None = None

    async def event(self) -> tuple[str, dict[str, Any]]:
        """The next event; StopAsyncIteration at the end of the stream."""
        found: dict[str, str] = {}
        async with asyncio.timeout(5):
            while True:
                line = await anext(self._lines)
                if not line and "event" in found:
                    self.last_id = found["id"]
                    data = json.loads(found["data"])
                    self.unread = data.get("unread", self.unread)
                    return found["event"], data
                name, _, value = line.partition(": ")
                found[name] = value

    async def until_unread(self, count: int) -> None:
        """So many are unread. It may have been told before the entries themselves: it is counted after them."""
        while self.unread != count:
            await self.event()

    async def entry(self) -> dict[str, Any]:
        """The next entry, with what is told of unread ones before it left out."""
        while True:
            event, data = await self.event()
            if event == "entry":
                return data


@asynccontextmanager
async def served(it: Running) -> AsyncIterator[str]:
    """The service's HTTP on a port."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(it.app, port=port, lifespan="off", log_level="error"))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = server.force_exit = True
    await task


@pytest.fixture
async def url(notifications: Running) -> AsyncIterator[str]:
    async with served(notifications) as url:
        yield url


@asynccontextmanager
async def follow(
    it: Running, url: str, *, after: str | None = None, username: str = "anna", **claims: Any
) -> AsyncIterator[Live]:
    roles = claims.pop("roles", ["customer"])
    token = it.identity.token(username, *roles, **({"sub": str(APPLICANT)} if username == "anna" else {}), **claims)
    headers = {"Authorization": f"Bearer {token}", **({"Last-Event-ID": after} if after is not None else {})}
    async with (
        httpx2.AsyncClient(trust_env=False, timeout=10) as http,
        http.stream("GET", f"{url}/v1/feed/live", headers=headers) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Live(answer)


async def places_are_free(it: Running) -> None:
    async with asyncio.timeout(5):
        while it.app.state.feed_streams._open:
            await asyncio.sleep(0.01)


async def test_entries_come_as_they_happen(notifications: Running, url: str) -> None:
    await notifications.handle(sample(STATUS, sequence=5))
    async with follow(notifications, url) as live:
        assert await live.event() == ("unread", {"unread": 1}), "from now on: what was before is in the feed"
        await notifications.handle_twice(sample(STATUS, sequence=6), sample("payments.refund.succeeded.v1"))
        entries = [await live.entry() for _ in range(2)]
        assert [entry["template"] for entry in entries] == ["order_confirmed", "refund_succeeded"]
        assert entries[0]["title"] == "Заказ № 1006313 подтверждён"
        await live.until_unread(3)
        client = notifications.client("anna", sub=str(APPLICANT))
        page = (await client.get("/v1/feed")).json()["items"]
        assert page[0] == entries[1], "the same as the feed shows"
        await client.post("/v1/feed/read", json={"through": page[0]["id"]})
        assert await live.event() == ("unread", {"unread": 0}), "read on another device"


async def test_nothing_is_missed_or_doubled_over_a_lost_connection(notifications: Running, url: str) -> None:
    async with follow(notifications, url) as live:
        await live.event()
        await notifications.handle(sample(STATUS, sequence=5))
        seen = [(await live.entry())["id"]]
        last = live.last_id
    for sequence in range(6, 11):
        await notifications.handle(sample(STATUS, sequence=sequence))
    async with follow(notifications, url, after=last) as live:
        seen += [(await live.entry())["id"] for _ in range(2)]
        last = live.last_id
    async with follow(notifications, url, after=last) as live:
        await notifications.handle(sample(STATUS, sequence=11))
        seen += [(await live.entry())["id"] for _ in range(4)]
        assert await live.event() == ("unread", {"unread": 7})
    page = (await notifications.client("anna", sub=str(APPLICANT)).get("/v1/feed")).json()["items"]
    assert seen == [item["id"] for item in reversed(page)]
    assert len(set(seen)) == 7


async def test_more_than_one_page_was_missed(notifications: Running, url: str) -> None:
    await notifications.handle(*(sample(STATUS, sequence=sequence) for sequence in range(10, 260)))
    async with follow(notifications, url, after="0") as live:
        seen = [(await live.entry())["id"] for _ in range(250)]
        assert seen == sorted(set(seen))
        assert await live.event() == ("unread", {"unread": 250})


async def test_entry_that_was_made_first_and_committed_last(notifications: Running, url: str) -> None:
    """Its id is older than that of the last one sent; a cursor by ids would leave it out."""
    async with follow(notifications, url) as live:
        await live.event()
        async with notifications.database.transaction() as slow:
            await tell(
                slow,
                Happened(
                    event_id=uuid4(),
                    event="payments.refund.succeeded.v1",
                    case=None,
                    order_id=None,
                    order_sequence=None,
                    applicant_id=APPLICANT,
                    facts={},
                ),
            )
            await notifications.handle(sample(STATUS))
            first = await live.entry()
        second = await live.entry()
    assert (first["template"], second["template"]) == ("order_confirmed", "refund_succeeded")
    assert second["id"] < first["id"]


async def test_writers_take_turns_until_they_commit(notifications: Running) -> None:
    async with notifications.database.transaction() as writing:
        happened = Happened(uuid4(), "payments.refund.failed.v1", None, None, None, APPLICANT, {"attempts": 1})
        await tell(writing, happened)
        await writing.flush()
        second = asyncio.create_task(notifications.handle(sample(STATUS)))
        await asyncio.sleep(0.2)
        assert not second.done()
    assert await second == 1


async def test_each_sees_their_own(notifications: Running, url: str) -> None:
    async with (
        follow(notifications, url, username="fedor", roles=["finance"]) as fedor,
        follow(notifications, url, username="boris") as boris,
    ):
        for live in (fedor, boris):
            assert await live.event() == ("unread", {"unread": 0})
        await notifications.handle(sample(STATUS), sample("payments.refund.failed.v1"))
        assert (await fedor.entry())["template"] == "refund_failed"
        assert await fedor.event() == ("unread", {"unread": 1})
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await boris.event()


async def test_stream_ends_with_the_token(notifications: Running, url: str) -> None:
    async with follow(notifications, url, exp=int(time.time()) + 2) as live:
        await live.event()
        with pytest.raises(StopAsyncIteration):
            await live.event()
        await places_are_free(notifications)


async def test_streams_are_bounded(databases: Databases, identity: Identity, outside: Outside) -> None:
    async with (
        running(SERVICE, databases, identity, **channel_settings(outside, feed_streams=1)) as it,
        served(it) as url,
    ):
        it.at(NOW)
        async with follow(it, url) as live:
            await live.event()
            refused = await it.client("boris").get("/v1/feed/live")
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        await places_are_free(it)
        async with follow(it, url, username="boris") as live:
            await live.event()


async def test_one_person_cannot_take_all_places(notifications: Running) -> None:
    streams = notifications.app.state.feed_streams
    with ExitStack() as open_streams:
        for _ in range(MOST_STREAMS_OF_ONE):
            open_streams.enter_context(streams.one_of(APPLICANT))
        refused = await notifications.client("anna", sub=str(APPLICANT)).get("/v1/feed/live")
    assert (refused.status_code, refused.json()["allowed"]) == (429, MOST_STREAMS_OF_ONE)
    assert refused.json()["type"].endswith("/too-many-streams")


@pytest.mark.parametrize("wrong", ["-1", "abc", str(2**63)])
async def test_wrong_last_event(notifications: Running, wrong: str) -> None:
    answer = await notifications.client("anna").get("/v1/feed/live", headers={"Last-Event-ID": wrong})
    assert answer.status_code == 422
