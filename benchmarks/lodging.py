"""`places`: a month of a hotel and a day of a coworking, both half booked for a year, beside pgbench with the same SQL.

The goals are for the time in the database; the rest of an answer is its JSON.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from . import seed
from .availability import CUSTOMER, Question, answered
from .bench import Bench
from .figures import Figure
from .load import request

ROOMS, PLACES, TYPES, DAYS, MONTH = 200, 500, 5, 365, 31
BLOCK = 3  # days that are taken, then so many that are free
CHECK_IN, CHECK_OUT = 14, 12  # hours of the local day
SPACE = UUID(int=9_000_000)
FIRST_TYPE = UUID(int=9_000_001)
CONSTRAINT, INDEX = "lodging_claims_no_two_overlap", "lodgings_during"

#: The statements of the service: lodging/store/claims.py, _TAKEN_NIGHTS and _FREE_LIST.
TAKEN_SQL = """
WITH taken AS MATERIALIZED (
    SELECT claim.unit_id, claim.during, lodging.group_id
    FROM lodgings AS lodging
    JOIN lodging_claims AS claim ON claim.lodging_id = lodging.id AND claim.active
    WHERE lodging.group_id = ANY('{{{types}}}'::uuid[])
        AND tstzrange(lodging.starts_at, lodging.ends_at) && tstzrange('{begin}', '{end}')
        AND lodging.status IN ('held', 'confirmed', 'active')
        AND (claim.during && tstzrange('{begin}', '{end}')) IS TRUE
    UNION ALL
    SELECT claim.unit_id, claim.during, offer.group_id
    FROM lodging_offers AS offer JOIN lodging_claims AS claim ON claim.offer_id = offer.id
    WHERE offer.group_id = ANY('{{{types}}}'::uuid[]) AND offer.status = 'open'
        AND (claim.during && tstzrange('{begin}', '{end}')) IS TRUE
)
"""
NIGHTS_SQL = f"""
{TAKEN_SQL}, unit AS MATERIALIZED (
    SELECT id, overbooked FROM lodging_units
    WHERE group_id = ANY('{{{{{{types}}}}}}'::uuid[]) AND (overbooked OR NOT blocked)
)
SELECT night.group_id, night.position, unit.overbooked, count(DISTINCT taken.unit_id) AS units
FROM unnest(
    '{{{{{{groups}}}}}}'::uuid[], '{{{{{{positions}}}}}}'::int[],
    '{{{{{{begins}}}}}}'::timestamptz[], '{{{{{{ends}}}}}}'::timestamptz[]
) AS night (group_id, position, begins_at, ends_at)
JOIN taken ON taken.group_id = night.group_id AND taken.during && tstzrange(night.begins_at, night.ends_at)
JOIN unit ON unit.id = taken.unit_id
GROUP BY night.group_id, night.position, unit.overbooked;
"""
FREE_SQL = f"""
{TAKEN_SQL}
SELECT unit.* FROM lodging_units AS unit
WHERE unit.group_id = ANY('{{{{{{types}}}}}}'::uuid[]) AND NOT unit.blocked AND NOT unit.overbooked
    AND NOT EXISTS (SELECT FROM taken WHERE taken.unit_id = unit.id)
ORDER BY unit.position, unit.id LIMIT 1000;
"""


def _types() -> list[UUID]:
    return [UUID(int=FIRST_TYPE.int + number) for number in range(TYPES)]


async def questions(bench: Bench) -> tuple[Question, Question]:
    """A month of all types of room; the places that are free for a day."""
    token = await bench.token(CUSTOMER)
    day = (datetime.now(UTC) + timedelta(days=30)).replace(hour=0, minute=0, second=0, microsecond=0)
    month_path = f"/v1/room-types/availability?location_id={seed.LOCATION}&from={day.date()}&days={MONTH}"
    nights = [
        (type_, number, day + timedelta(days=number, hours=CHECK_IN), day + timedelta(days=number + 1, hours=CHECK_OUT))
        for type_ in _types()
        for number in range(MONTH)
    ]
    month = Question(
        "places",
        f"{ROOMS} rooms of {TYPES} types, {MONTH} nights",
        60.0,
        [request("GET", month_path, token)],
        [
            NIGHTS_SQL.format(
                begin=min(begin for _, _, begin, _ in nights).isoformat(),
                end=max(end for _, _, _, end in nights).isoformat(),
                types=",".join(map(str, _types())),
                groups=",".join(str(type_) for type_, _, _, _ in nights),
                positions=",".join(str(number) for _, number, _, _ in nights),
                begins=",".join(begin.isoformat() for _, _, begin, _ in nights),
                ends=",".join(end.isoformat() for _, _, _, end in nights),
            )
        ],
    )
    end = day + timedelta(days=1)
    path = f"/v1/spaces/{SPACE}/places/free?from={day:%Y-%m-%dT%H:%M:%SZ}&to={end:%Y-%m-%dT%H:%M:%SZ}"
    free = Question(
        "places/day",
        f"the free of {PLACES} workplaces, one day",
        3.0,
        [request("GET", path, token)],
        [FREE_SQL.format(types=SPACE, begin=day.isoformat(), end=end.isoformat())],
    )
    return month, free


async def measure(bench: Bench) -> list[Figure]:
    await bench.only()
    await seed.empty(bench)
    async with bench.database("booking") as connection:
        await _furnish(connection, days=bench.scale.few(DAYS, 40))
    await bench.only("identity", "booking-api")
    at = "half booked for a year"
    return [await answered(bench, question, at, goal_of_database=True) for question in await questions(bench)]


async def _furnish(connection: Any, *, days: int) -> None:
    """Rooms and workplaces of one location, every second block of days taken in each."""
    definition = await connection.fetchval(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1", CONSTRAINT
    )
    index = await connection.fetchval("SELECT pg_get_indexdef($1::regclass)", INDEX)
    # Built once they are faster by far than kept up row by row.
    await connection.execute(f"ALTER TABLE lodging_claims DROP CONSTRAINT {CONSTRAINT}")
    await connection.execute(f"DROP INDEX {INDEX}")
    groups = [(SPACE, "ticket", PLACES), *((type_, "stay", ROOMS // TYPES) for type_ in _types())]
    for group, kind, many in groups:
        await connection.execute(
            "INSERT INTO lodging_groups (id, kind, location_id, name, active, version)"
            " VALUES ($1, $2, $3, $2, true, 1)",
            group,
            kind,
            seed.LOCATION,
        )
        if kind == "stay":
            await connection.execute(
                "INSERT INTO hotel_room_types (group_id, check_in, check_out, adults, guests)"
                " VALUES ($1, $2, $3, 2, 3)",
                group,
                CHECK_IN * 60,
                CHECK_OUT * 60,
            )
        await connection.execute(
            "INSERT INTO lodging_units (id, group_id, label, position, blocked, version)"
            " SELECT gen_random_uuid(), $1, n::text, n, false, 1 FROM generate_series(1, $2::int) AS n",
            group,
            many,
        )
    await connection.execute(_LODGINGS, days, BLOCK)
    await connection.execute(
        "INSERT INTO lodging_claims (id, lodging_id, unit_id, during, active)"
        " SELECT gen_random_uuid(), id, unit_id, tstzrange(starts_at, ends_at), true FROM lodgings"
    )
    await connection.execute(f"ALTER TABLE lodging_claims ADD CONSTRAINT {CONSTRAINT} {definition}")
    await connection.execute(index)
    await connection.execute("VACUUM ANALYZE lodgings, lodging_claims, lodging_units")


_LODGINGS = f"""
    INSERT INTO lodgings (id, kind, number, code, order_id, group_id, applicant_id, visitor_name, tariff_id, tariff,
        starts_at, ends_at, quantity, items, currency, status, rooms, place, unit_id, arrival, departure, adults,
        children, blocked, terms, version, created_at)
    SELECT gen_random_uuid(), kind, row_number() OVER (), gen_random_uuid()::text, gen_random_uuid(), group_id,
        gen_random_uuid(), 'Посетитель', gen_random_uuid(), 'Стандарт', begins,
        begins + make_interval(days => $2::int, hours => {CHECK_OUT - CHECK_IN}), $2::int,
        '[{{"title": "Место", "quantity": 1, "amount": 10000, "extra": false}}]', 'RUB', 'confirmed', 1, label, unit_id,
        begins::date, begins::date + $2::int, 2, 0, false, '{{}}', 2, now()
    FROM (
        SELECT owner.kind, unit.group_id, unit.id AS unit_id, unit.label, date_trunc('day', now()) + make_interval(
            days => block * 2 * $2::int + unit.position % (2 * $2::int), hours => {CHECK_IN}) AS begins
        FROM lodging_units AS unit JOIN lodging_groups AS owner ON owner.id = unit.group_id,
            generate_series(0, $1::int / (2 * $2::int)) AS block
    ) AS each
"""
