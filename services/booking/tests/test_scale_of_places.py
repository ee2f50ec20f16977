"""A year of a hotel with 200 rooms and a coworking with 500 places, half booked: what PostgreSQL does for a month and
for a day, by its own plans. How fast the service answers is measured by the benches."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from booking.calendars import store
from booking.calendars.domain import MOST_ENTRIES, Entry, Feed, Subject
from booking.calendars.export import feed_bytes
from booking.service import SERVICE
from foyer_chassis.db import Transaction
from foyer_chassis.testing import Databases, Identity, Running, running

from .conftest import NOW
from .plans import analyse, plans
from .test_coworking import Space, add_space
from .test_hotel import Hotel, add_hotel

ROOMS, PLACES, DAYS = 200, 500, 365
TYPES = 5
BIG = frozenset({"lodging_claims", "lodgings"})
ALEX = ("alex", "administrator")

_UNITS = sa.text("""
    INSERT INTO lodging_units (id, group_id, label, position, blocked, version)
    SELECT gen_random_uuid(), CAST(:group AS uuid), 'n' || n, n, false, 1 FROM generate_series(1, :many) AS n
""")
# Every second block of so many days is taken, each unit shifted by one day against the one before: half of them a day.
_LODGINGS = sa.text("""
    INSERT INTO lodgings (id, kind, number, code, order_id, group_id, applicant_id, visitor_name, tariff_id, tariff,
        starts_at, ends_at, quantity, items, currency, status, rooms, place, unit_id, arrival, departure, adults, children,
        blocked, terms, version, created_at)
    SELECT gen_random_uuid(), :kind, :first + row_number() OVER (), gen_random_uuid()::text, gen_random_uuid(),
        unit.group_id, gen_random_uuid(), 'Посетитель', CAST(:tariff AS uuid), 'Стандарт',
        begins, begins + make_interval(days => :length) - make_interval(hours => :pause), :length,
        '[{"title": "Место", "quantity": 1, "amount": 10000, "extra": false}]', 'RUB',
        CASE WHEN begins < :now THEN 'ended' ELSE 'confirmed' END, 1, unit.label, unit.id,
        begins::date, begins::date + :length, 2, 0, false, '{}', 2, :now
    FROM lodging_units AS unit,
        generate_series(0, :days / (2 * :length)) AS block,
        LATERAL (SELECT date_trunc('day', CAST(:now AS timestamptz)) - interval '182 days' + make_interval(
            days => block * 2 * :length + unit.position % (2 * :length), hours => :hour) AS begins) AS each
    WHERE unit.group_id = CAST(:group AS uuid)
""").bindparams(sa.bindparam("now", type_=sa.DateTime(timezone=True)))
_CLAIMS = sa.text("""
    INSERT INTO lodging_claims (id, lodging_id, unit_id, during, active)
    SELECT gen_random_uuid(), id, unit_id, tstzrange(starts_at, ends_at), status = 'confirmed' FROM lodgings
""")


async def _text(transaction: Transaction, expression: str) -> str:
    return str((await transaction.execute(sa.text(f"SELECT {expression}"))).scalar_one())


@pytest.fixture(scope="module")
async def year(databases: Databases, identity: Identity) -> AsyncIterator[tuple[Running, Space, Hotel]]:
    async with running(SERVICE, databases, identity) as it:
        it.at(NOW)
        space, hotel = await add_space(it, places=0), await add_hotel(it, rooms=0)
        admin = it.client(*ALEX)
        types = [hotel.type_id]
        for number in range(2, TYPES + 1):
            body = {"location_id": str(hotel.location_id), "name": f"Тип {number}"}
            answer = await admin.post("/v1/room-types", json=body, headers={"Idempotency-Key": f"type {number}"})
            types.append(UUID(answer.json()["id"]))
        async with it.database.transaction() as transaction:
            # Built at once they are faster by far than kept up row by row.
            constraint = "lodging_claims_no_two_overlap"
            definition = await _text(
                transaction, f"pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = '{constraint}'"
            )
            index = await _text(transaction, "pg_get_indexdef('lodgings_during'::regclass)")
            await transaction.execute(sa.text(f"ALTER TABLE lodging_claims DROP CONSTRAINT {constraint}"))
            await transaction.execute(sa.text("DROP INDEX lodgings_during"))
            for group, many in [(space.id, PLACES), *((type_, ROOMS // TYPES) for type_ in types)]:
                await transaction.execute(_UNITS, {"group": group, "many": many})
            common = {"now": NOW, "days": DAYS}
            ticket = {"kind": "ticket", "length": 3, "pause": 12, "hour": 8, "group": space.id, "first": 0}
            await transaction.execute(_LODGINGS, {**common, **ticket, "tariff": space.tariff})
            for number, type_ in enumerate(types):
                stay = {"kind": "stay", "length": 2, "pause": 2, "hour": 14, "group": type_, "first": number * 10_000}
                await transaction.execute(_LODGINGS, {**common, **stay, "tariff": hotel.rate})
            await transaction.execute(_CLAIMS)
            await transaction.execute(sa.text(f"ALTER TABLE lodging_claims ADD CONSTRAINT {constraint} {definition}"))
            await transaction.execute(sa.text(index))
        await analyse(it, "lodging_claims", "lodgings", "lodging_units")
        yield it, space, hotel


@pytest.mark.feature("A17")
async def test_a_month_of_all_types_is_one_statement_over_the_claims(year: tuple[Running, Space, Hotel]) -> None:
    booking, _, hotel = year
    params: dict[str, str | int] = {
        "location_id": str(hotel.location_id),
        "from": (NOW.date() + timedelta(days=30)).isoformat(),
        "days": 31,
    }

    async def month() -> None:
        answer = await booking.client("anna").get("/v1/room-types/availability", params=params)
        items = answer.json()["items"]
        assert len(items) == TYPES
        # Half booked: of two days of four a room is taken.
        assert {night["free"] for item in items for night in item["nights"]} == {ROOMS // TYPES // 2}

    found = await plans(booking, month)
    of_claims = [plan for plan in found if "lodging_claims" in plan.sql]
    assert len(of_claims) == 1
    for plan in found:
        assert not plan.scanned & BIG, plan.text
    print(f"a month of {ROOMS} rooms: {of_claims[0].milliseconds:.1f} ms, {of_claims[0].pages} pages")
    # 1,600 stays of that month, three pages for the claim of each; however many there are of other months.
    assert of_claims[0].pages <= 6_000, of_claims[0].text


@pytest.mark.feature("A16")
async def test_the_free_places_of_a_day_are_one_statement_too(year: tuple[Running, Space, Hotel]) -> None:
    booking, space, _ = year
    day = (NOW + timedelta(days=40)).replace(hour=0, minute=0)
    span = {"from": day.isoformat(), "to": (day + timedelta(days=1)).isoformat()}

    async def free() -> None:
        answer = await booking.client("anna").get(f"/v1/spaces/{space.id}/places/free", params=span)
        assert abs(len(answer.json()["items"]) - PLACES // 2) <= 3

    found = await plans(booking, free)
    (plan,) = [plan for plan in found if "lodging_claims" in plan.sql]
    assert not plan.scanned & BIG, plan.text
    print(f"the free of {PLACES} places: {plan.milliseconds:.1f} ms, {plan.pages} pages")
    assert plan.pages <= 1_500, plan.text


@pytest.mark.feature("A16")
@pytest.mark.feature("A17")
async def test_who_comes_on_a_day_is_found_however_many_came_before(year: tuple[Running, Space, Hotel]) -> None:
    booking, space, hotel = year
    day = date(NOW.year, NOW.month, NOW.day) + timedelta(days=170)
    span: dict[str, str | int] = {
        "starts_from": f"{day}T00:00:00Z",
        "starts_to": f"{day + timedelta(days=1)}T00:00:00Z",
        "limit": 200,
    }
    for path in (f"/v1/spaces/{space.id}/tickets", f"/v1/room-types/{hotel.type_id}/stays"):

        async def page(path: str = path) -> None:
            answer = await booking.client(*ALEX).get(path, params=span)
            assert len(answer.json()["items"]) >= ROOMS // TYPES // 2

        (plan,) = [plan for plan in await plans(booking, page) if "FROM lodgings" in plan.sql]
        assert not plan.scanned & BIG, plan.text
        assert "lodgings_during" in plan.indexes, plan.text
        print(f"{path.rsplit('/')[-1]} of a day: {plan.milliseconds:.1f} ms, {plan.pages} pages")
        assert plan.pages <= 1_000, plan.text


@pytest.mark.feature("X5")
async def test_calendars_look_at_their_own_bookings_only(year: tuple[Running, Space, Hotel]) -> None:
    booking, space, hotel = year
    window = (NOW + timedelta(days=60), NOW + timedelta(days=61))

    async def feeds() -> None:
        async with booking.database.read() as reading:
            assert len(await store.entries_of_thing(reading, Subject.SPACE, space.id, window)) > PLACES // 3
            assert len(await store.entries_of_thing(reading, Subject.ROOM_TYPE, hotel.type_id, window)) > 1
            assert await store.entries_of_person(reading, uuid4(), window) == []

    for plan in await plans(booking, feeds):
        assert not plan.scanned & BIG, plan.text
        assert plan.pages <= 2_500, plan.text


async def test_a_feed_of_the_most_entries_gives_way_to_others() -> None:
    """Two thousand entries are written in slices; the longest of them is short."""
    entries = [
        Entry(uuid4(), 2, NOW + timedelta(hours=n), NOW + timedelta(hours=n + 1), f"Нева {n}", "Фойе", False, False, n)
        for n in range(MOST_ENTRIES)
    ]
    feed = Feed(uuid4(), uuid4(), Subject.MINE, None, "Foyer", b"", NOW)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    running_beside = asyncio.create_task(others())
    try:
        body = await feed_bytes(feed, entries, NOW)
    finally:
        running_beside.cancel()
    assert body.count(b"BEGIN:VEVENT") == MOST_ENTRIES
    assert turns >= MOST_ENTRIES // 25 - 1
