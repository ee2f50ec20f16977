"""Visitors are found by name, phone and barcode, by those who may, so often and no oftener (D6)."""

from typing import Any

import pytest
import sqlalchemy as sa
from booking.visitors.domain import MOST_SEARCHES
from booking.visitors.store import find
from foyer_chassis.testing import Running

from .plans import analyse, plans
from .races import at_once, key

DANA = ("dana", "front_desk")
MANY = 20_000


async def add(booking: Running, **body: Any) -> str:
    answer = await booking.client(*DANA).post("/v1/visitors", json=body, headers=key())
    assert answer.status_code == 201, answer.text
    return str(answer.json()["name"])


async def found(booking: Running, query: str) -> list[str]:
    answer = await booking.client(*DANA).get("/v1/visitors", params={"q": query})
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in answer.json()["items"]]


@pytest.mark.feature("D6")
async def test_by_name_phone_and_barcode_in_whatever_way_they_are_written(booking: Running) -> None:
    anna = await add(booking, name="Анна Смирнова", phone="+79001112233", barcode="AB-4600x1")
    other = await add(booking, name="100%_Анна\\Ко", phone="+79004445566")
    for query in ("смирн анна", "АННА СМИР", "+7 (900) 111-22-33", "1112233", "ab-4600X1", "AB-46", "4600x"):
        assert await found(booking, query) == [anna], query
    assert sorted(await found(booking, "анна")) == sorted([anna, other])
    # What PostgreSQL would take for a pattern is taken as it is written.
    assert await found(booking, "0%_") == [other]
    assert await found(booking, "а\\к") == [other]
    for query in ("%%", "__", "смирнова иван", "0000000"):
        assert await found(booking, query) == [], query


@pytest.mark.feature("D6")
async def test_searching_is_limited_and_only_for_who_may(booking: Running) -> None:
    await add(booking, name="Анна")
    for who in (("anna",), ("rita", "rent_manager"), ("fedor", "finance")):
        assert (await booking.client(*who).get("/v1/visitors", params={"q": "Анна"})).status_code == 403
    assert (await booking.client().get("/v1/visitors", params={"q": "Анна"})).status_code == 401
    desk = booking.client(*DANA)
    answers = await at_once([desk.get("/v1/visitors", params={"q": "7900"}) for _ in range(MOST_SEARCHES + 20)])
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(200), statuses.count(429)) == (MOST_SEARCHES, 20)
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert (refused.json()["type"].rsplit("/")[-1], refused.headers["Retry-After"]) == ("too-many-searches", "60")
    # Another one is not held up, and in a minute all is well.
    assert (await booking.client("dina", "front_desk").get("/v1/visitors", params={"q": "Анна"})).status_code == 200
    later = booking.database.now().replace(minute=1)
    booking.at(later)
    assert (await desk.get("/v1/visitors", params={"q": "Анна"})).status_code == 200


async def test_a_search_among_many_uses_the_index_of_trigrams(booking: Running) -> None:
    async with booking.database.transaction() as transaction:
        await transaction.execute(
            sa.text("""
                INSERT INTO visitors (id, name, phone, version)
                SELECT gen_random_uuid(), 'Посетитель ' || md5(n::text), '+7900' || lpad(n::text, 7, '0'), 1
                FROM generate_series(1, :many) AS n
            """),
            {"many": MANY},
        )
    await analyse(booking, "visitors")
    assert len(await found(booking, "0012345")) == 1

    async def search() -> None:
        async with booking.database.read() as reading:
            await find(reading, query="0012345", after=None, limit=50)

    (plan,) = await plans(booking, search)
    assert "visitors_search" in plan.indexes, plan.text
    assert plan.scanned == set(), plan.text
