"""Every query for places finds what it wants by an index, among 100,000 bookings."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from booking.claiming import store as claiming
from booking.claiming.domain import Freed
from booking.reserving import store as reserving
from booking.waiting import store as waiting
from foyer_chassis.testing import Running

from .conftest import TOMORROW, add_resource

ROWS, ROOMS = 100_000, 200
SEED = f"""
    INSERT INTO resources SELECT (jsonb_populate_record(r, jsonb_build_object('id', md5('room' || n)::uuid))).*
    FROM resources r, generate_series(0, {ROOMS - 1}) n;
    ALTER TABLE slot_claims DROP CONSTRAINT slot_claims_no_two_overlap;
    INSERT INTO reservations (id, order_id, resource_id, during, slots, price_amount, price_currency, status, expires_at,
        version, created_at, has_claims)
    SELECT md5('r' || n)::uuid, md5('o' || n)::uuid, md5('room' || n % {ROOMS})::uuid,
        tstzrange(at, at + interval '1 hour'), 2, 1, 'RUB', CASE WHEN n % 50 = 0 THEN 'held' ELSE 'confirmed' END,
        at, 1, at, true
    FROM generate_series(1, {ROWS}) n,
        LATERAL (SELECT timestamptz '2026-12-01 00:00Z' + (n / {ROOMS}) * interval '4 hours' AS at) AS each;
    INSERT INTO slot_claims SELECT 'reservation', id, 0, resource_id, 1, during FROM reservations;
    ALTER TABLE slot_claims ADD CONSTRAINT slot_claims_no_two_overlap
        EXCLUDE USING gist (resource_id WITH =, blocked WITH &&, place WITH =);
    INSERT INTO waiting_entries SELECT md5('w' || n)::uuid, md5('a' || n % 500)::uuid, md5('room' || n % {ROOMS})::uuid,
        at, at + interval '1 hour', 1, 'waiting', at
    FROM generate_series(1, 20000) n,
        LATERAL (SELECT timestamptz '2026-12-01 00:00Z' + (n / {ROOMS}) * interval '4 hours' AS at) AS each;
    ANALYZE;
"""


@pytest.mark.feature("A11")
async def test_indexes_lead_to_places(booking: Running) -> None:
    await add_resource(booking)
    async with booking.database.transaction() as transaction:
        raw = await transaction.connection.get_raw_connection()
        await raw.driver_connection.execute(SEED)  # type: ignore[union-attr]
    async with booking.database.transaction() as transaction:
        raw = await transaction.connection.get_raw_connection()
        connection: Any = raw.driver_connection
        rooms = [row["id"] for row in await connection.fetch("SELECT id FROM resources ORDER BY id LIMIT 50")]
        await claiming.taken(transaction, rooms[:1], TOMORROW, TOMORROW + timedelta(days=3))
        await claiming.taken(transaction, rooms, TOMORROW, TOMORROW + timedelta(days=33))
        await reserving.page_of_resource(
            transaction, rooms[0], TOMORROW, TOMORROW + timedelta(days=1), after=UUID(int=0), limit=100
        )
        freed = [Freed(rooms[0], TOMORROW, TOMORROW + timedelta(hours=2))]
        await waiting.waiting_for(transaction, freed, most=500)
        await waiting.page_of_resource(transaction, rooms[0], after=UUID(int=0), limit=50)
        await waiting.page_of_applicant(transaction, rooms[0], after=UUID(int=0), limit=50)
        await reserving.orders_to_expire(transaction, most=100)
        await reserving.lock_places(transaction, order_ids=[rooms[0]])
        await claiming.free(transaction, [rooms[0]])
        read = {row["relname"]: (row["scanned"], row["fetched"]) for row in await _read(connection)}
        await connection.fetch("SELECT count(price_amount) FROM reservations")
        assert (await _read(connection))[0]["scanned"] >= ROWS  # so that the figure means something
    assert {scanned for scanned, _ in read.values()} == {0}, read
    assert 9_000 < read["slot_claims"][1] < 12_000, read  # 50 rooms, 33 days, 6 a day
    assert max(fetched for name, (_, fetched) in read.items() if name != "slot_claims") < 2_500, read


async def _read(connection: Any) -> list[Any]:
    rows: list[Any] = await connection.fetch(
        "SELECT relname, seq_tup_read AS scanned, idx_tup_fetch AS fetched FROM pg_stat_xact_user_tables"
        " WHERE relname IN ('slot_claims', 'reservations', 'waiting_entries') ORDER BY relname"
    )
    return rows
