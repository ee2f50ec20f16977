"""The text search of the list (B4): what is found, however it is gone about, and the words that are kept for it."""

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import sqlalchemy as sa
from orders.listing import use_cases
from orders.listing.store import looking, vocabulary

from .conftest import Desk
from .test_lists import MANAGER, numbers

#: How a search is gone about: what would have to be so, for PostgreSQL to go about it like that among a few orders.
WAYS: dict[str, dict[str, Any]] = {
    "all texts": {},
    "the newest texts, then more, by words": {"FEW": 1, "NEWEST": 1, "SPANS": (1, 2), "LONG_MS": -1, "TIMES": 0},
    "the newest texts, by words": {"NEWEST": 3, "SPANS": (1,), "LONG_MS": -1, "TIMES": 0, "_NOTING": 0, "_READING": 9},
    "the newest texts, by ids": {"NEWEST": 3, "SPANS": (1,), "LONG_MS": -1, "TIMES": 0, "_NOTING": 1e9},
    "by orders": {"_READING_ORDER": 0},
    "by nothing but the texts": {"MOST_FORMS": 0, "MOST_NUMBERS": 0},
}


@pytest.fixture(params=list(WAYS.values()), ids=list(WAYS))
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in request.param.items():
        for module in (looking, vocabulary):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)
        if hasattr(__import__("orders.listing.store.search", fromlist=["_"]), name):
            monkeypatch.setattr(f"orders.listing.store.search.{name}", value)


@pytest.mark.feature("B4")
@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"kind": "request"},
        {"status": ["new", "in_progress"]},
        {"unassigned": True},
        {"created_from": "2026-01-01T00:00:00Z", "created_before": "2030-01-01T00:00:00Z"},
    ],
)
@pytest.mark.usefixtures("way")
async def test_every_way_finds_the_same(desk: Desk, filters: dict[str, Any]) -> None:
    """Behind many orders that have the word not, and among many that have it; page by page."""
    rare = await desk.place(await desk.offering(title="Камин на 5 дров"))
    common = await desk.offering()
    many = sorted([(await desk.place(common))["number"] for _ in range(5)], reverse=True)
    for words in ("камин", "дров ка", "5 камин", "5", f"{rare['number']} амин"):
        if len(words) > 2:
            assert await numbers(desk, q=words, **filters) == [rare["number"]]
    assert await numbers(desk, q="сантехника", limit=2, **filters) == many[:2]
    assert await numbers(desk, q="камин", kind="goods") == await numbers(desk, q="амин 6", **filters) == []
    assert await numbers(desk, q="камин", status="done") == []
    client = desk.client("alex", "administrator")
    seen, after = [], None
    for _ in range(6):
        params = {"q": "сантехника", "limit": 2, **filters} | ({"after": after} if after else {})
        page = (await client.get("/v1/orders", params=params)).json()
        seen += [item["number"] for item in page["items"]]
        if (after := page["next"]) is None:
            break
    assert seen == many


@pytest.mark.feature("A2")
@pytest.mark.usefixtures("way")
async def test_an_order_is_found_by_its_number_and_by_the_end_of_it(desk: Desk) -> None:
    async with desk.orders.database.transaction() as transaction:
        await transaction.execute(sa.text("ALTER SEQUENCE order_numbers RESTART 4000123"))
    offering = await desk.offering(title="Ключ 123")
    order = await desk.place(offering, address="Садовая, дом 4000")
    number = order["number"]
    other = (await desk.place(offering))["number"]
    for words in (str(number), str(number)[1:], str(number)[-4:], f"{number} ключ", "4000 сад", "клю 12"):
        assert number in await numbers(desk, q=words), words
    assert await numbers(desk, q=str(number)) == [number]
    # Up to three digits are of a house, a floor, or the whole number.
    assert await numbers(desk, q=str(number)[-3:]) == ([other, number] if str(number)[-3:] == "123" else [])
    assert await numbers(desk, q="ключ 23") == []


@pytest.mark.feature("A2")
async def test_a_short_number_is_found_whole(desk: Desk) -> None:
    async with desk.orders.database.transaction() as transaction:
        await transaction.execute(sa.text("ALTER SEQUENCE order_numbers MINVALUE 1 RESTART 217"))
    order = await desk.place(await desk.offering())
    assert order["number"] == 217
    assert await numbers(desk, q="217") == [217]
    assert await numbers(desk, q="сант 217") == [217]
    assert await numbers(desk, q="сант 17") == await numbers(desk, q="сант 21") == []


@pytest.mark.feature("B4")
async def test_the_assignee_beside_the_words_follows_the_order(desk: Desk) -> None:
    sergey, petr = desk.id_of("sergey"), desk.id_of("petr")
    preset = await desk.place(await desk.offering(assignee_id=sergey))
    order = await desk.place(await desk.offering())

    async def of(who: str) -> list[int]:
        return await numbers(desk, q="сантехника", assignee_id=who)

    assert (await of(sergey), await of(petr)) == ([preset["number"]], [])
    assert (await desk.put(order, "assignee", {"assignee_id": petr})).status_code == 200
    assert (await desk.put(preset, "assignee", {"assignee_id": petr})).status_code == 200
    assert (await of(sergey), await of(petr)) == ([], [order["number"], preset["number"]])


@pytest.mark.feature("B1")
async def test_who_sees_only_their_own_work_finds_nothing_else(desk: Desk) -> None:
    offering = await desk.offering()
    mine, others = await desk.place(offering), await desk.place(offering)
    assert (await desk.put(mine, "assignee", {"assignee_id": desk.id_of("petr")})).status_code == 200
    assert await numbers(desk, "petr", "contractor", q="сантехника") == [mine["number"]]
    assert await numbers(desk, "petr", "contractor", q=str(others["number"])) == []


@pytest.mark.feature("B4")
async def test_a_word_that_no_order_has_any_more_is_forgotten(desk: Desk) -> None:
    """A name that was changed, and one of somebody who was erased; not a word that other orders have."""
    made = await desk.post("sergey", "/v1/customers", {"name": "Пётр Великий"}, "service_manager")
    customer = made.json()["id"]
    offering = await desk.offering(terms="free")
    order = await desk.place(offering, *MANAGER, applicant_id=customer, address="Зимний дворец")
    assert await numbers(desk, q="велик") == [order["number"]]
    await desk.does(order, "cancel", *MANAGER, comment="Просил удалить")
    erased = await desk.client("alex", "administrator").post(f"/v1/customers/{customer}/erase")
    assert erased.status_code == 200
    assert {"великий", "зимний", "сантехника"} <= await words(desk)
    await forget(desk)
    known = await words(desk)
    assert "сантехника" in known
    assert not {"пётр", "великий", "зимний", "дворец"} & known


async def test_a_word_that_an_order_brings_meanwhile_is_kept(desk: Desk) -> None:
    """The order does not write the word, since it is there, and is not over when it is looked for."""
    await desk.place(await desk.offering())
    connection = await asyncpg.connect(desk.orders.settings.database_url)
    try:
        await connection.execute("INSERT INTO search_vocabulary VALUES ('каренина'), ('вронский')")
        placing = connection.transaction()
        await placing.start()
        await connection.execute("UPDATE order_search SET text = text || ' каренина'")
        forgetting = asyncio.create_task(forget(desk))
        done, _ = await asyncio.wait([forgetting], timeout=0.3)
        assert not done, "it waits for who may bring the word"
        await placing.commit()
        await forgetting
    finally:
        await connection.close()
    assert "каренина" in await words(desk)
    assert "вронский" not in await words(desk)
    assert len(await numbers(desk, q="аренин")) == 1


async def test_words_are_forgotten_another_time_while_others_are_long_busy_with_them(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody who places an order waits for long behind who wants to forget."""
    monkeypatch.setattr(vocabulary, "_NOT_LONG", sa.text("SET LOCAL lock_timeout = '50ms'"))
    await desk.place(await desk.offering())
    connection = await asyncpg.connect(desk.orders.settings.database_url)
    try:
        await connection.execute("INSERT INTO search_vocabulary VALUES ('каренина')")
        busy = connection.transaction()
        await busy.start()
        await connection.execute("INSERT INTO search_vocabulary VALUES ('вронский')")
        await desk.orders.turn("search_words")
        assert "каренина" in await words(desk)
        await busy.rollback()
        await desk.orders.turn("search_words")
    finally:
        await connection.close()
    assert "каренина" not in await words(desk)


async def test_two_who_bring_the_same_new_words_do_not_hinder_each_other(desk: Desk) -> None:
    offering = await desk.offering(title="Редкое слово")
    addresses = ["Яблочная аллея", "аллея Яблочная"] * 8
    answers = await asyncio.gather(
        *(
            desk.client("anna").post(
                "/v1/orders",
                json={"offering_id": offering["id"], "address": f"{address} {turn // 4}"},
                headers={"Idempotency-Key": uuid4().hex},
            )
            for turn, address in enumerate(addresses)
        )
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len(await numbers(desk, q="яблочная аллея", limit=50)) == 16


async def test_a_word_of_any_length_hinders_no_order(desk: Desk) -> None:
    offering = await desk.offering()
    long = "ы" * 480
    order = await desk.place(offering, address=f"Садовая {long}")
    renamed = await desk.client("anna", name="щ" * 4_000).post(
        "/v1/orders", json={"offering_id": offering["id"]}, headers={"Idempotency-Key": uuid4().hex}
    )
    assert renamed.status_code == 201, renamed.text
    assert await numbers(desk, q=long[:90]) == [order["number"]]
    assert await numbers(desk, q="щщщщ") == [renamed.json()["number"], order["number"]]


async def words(desk: Desk) -> set[str]:
    async with desk.orders.database.read() as reading:
        return {row["word"] for row in await reading.all(sa.text("SELECT word FROM search_vocabulary"))}


async def forget(desk: Desk) -> None:
    """All words, a few at a time."""
    last: str | None = ""
    while last is not None:
        async with desk.orders.database.transaction() as transaction:
            last = await use_cases.forget_words(transaction, after=last, most=2)
