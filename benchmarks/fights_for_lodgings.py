"""`fight-seat` and `fight-room`: sixty-four want the last workplace of a space, the last room of a type, at the same
moment; all others of it are taken."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from . import messages, seed
from .bench import CUSTOMERS, Bench
from .fights import OFFERS, WAIT, Fight, answered, asking, bare_seats, forgetting, measure_fight, ordered, workers
from .figures import BenchError, Figure
from .placing import PATH

SPACE, TARIFF, ROOM_TYPE, RATE = (UUID(int=9_100_002 + n) for n in range(4))
COWORKING, HOTEL = UUID(int=9_100_010), UUID(int=9_100_011)
UNITS = 20
#: What is wanted in a round.
Wanted = Callable[[int], dict[str, Any]]


async def measure_seat(bench: Bench) -> list[Figure]:
    first = _midnight()

    def wanted(number: int) -> dict[str, Any]:
        starts_at = (first + timedelta(hours=number)).isoformat()
        return {"space_id": str(SPACE), "tariff_id": str(TARIFF), "starts_at": starts_at, "quantity": 1}

    return await _measure(bench, "fight-seat", "the last workplace", ("workplace", "ticket", COWORKING), wanted)


async def measure_room(bench: Bench) -> list[Figure]:
    first = _midnight().date()

    def wanted(number: int) -> dict[str, Any]:
        night = first + timedelta(days=number)
        return {
            "room_type_id": str(ROOM_TYPE), "tariff_id": str(RATE), "adults": 1,
            "arrival": night.isoformat(), "departure": (night + timedelta(days=1)).isoformat(),
        }  # fmt: skip

    return await _measure(bench, "fight-room", "the last room", ("room", "stay", HOTEL), wanted)


async def _measure(bench: Bench, name: str, what: str, called: tuple[str, str, UUID], wanted: Wanted) -> list[Figure]:
    """Each asks booking to keep it; `…/order`: each orders it, as in `fight/order`.

    Args:
        called: what it is called by booking, by orders, and the offering that is for it.
    """
    kind, content, offering = called
    rounds, few = bench.scale.few(100, 3), bench.scale.few(30, 2)
    await bench.only()
    await seed.empty(bench)
    async with bench.database("booking") as connection:
        await _furnish(connection)
    async with bench.database("orders") as connection:
        for id_, of_kind in ((COWORKING, "coworking"), (HOTEL, "hotel")):
            await connection.execute(
                "INSERT INTO offerings (id, title, kind, prepaid, customer_may_cancel, responsible_ids, resource_ids,"
                " active, version) VALUES ($1, $2, $2, true, true, $3, '{}', true, 1)",
                id_,
                of_kind,
                [seed.MANAGER],
            )
    await bench.only("identity", "provider", "booking-api", "orders-api", *workers())
    tokens = await bench.tokens(CUSTOMERS)

    def keeping(number: int) -> list[bytes]:
        return asking(OFFERS, tokens, [json.dumps({"kind": kind, **wanted(number)}).encode()] * len(tokens))

    def ordering(number: int) -> list[bytes]:
        # Beyond the times that are kept.
        body = {"offering_id": str(offering), content: {**wanted(rounds + 1 + number), "visitor": {"name": "Гость"}}}
        return asking(PATH, tokens, [json.dumps(body).encode()] * len(tokens), Prefer=WAIT)

    urls = bench.system.api_urls
    kept = Fight(
        name,
        f"{what} to be kept",
        urls["booking"],
        rounds,
        keeping,
        answered(what),
        forgetting(bench, "lodging_offers"),
    )
    by_orders = Fight(f"{name}/order", f"{what} by orders", urls["orders"], few, ordering, ordered)
    async with bare_seats(bench) as bare:
        figures = [await measure_fight(bench, kept, bare), await measure_fight(bench, by_orders, bare)]
    if left := await messages.parked(bench):
        raise BenchError(f"messages were parked: {left}")
    return figures


def _midnight() -> datetime:
    return (datetime.now(UTC) + timedelta(days=2)).replace(hour=0, minute=0, second=0, microsecond=0)


async def _furnish(connection: Any) -> None:
    """A space and a type of rooms of which all but the last are taken."""
    for group, kind in ((SPACE, "ticket"), (ROOM_TYPE, "stay")):
        await connection.execute(
            "INSERT INTO lodging_groups (id, kind, location_id, name, active, version)"
            " VALUES ($1, $2, $3, $2, true, 1)",
            group,
            kind,
            seed.LOCATION,
        )
        await connection.execute(
            "INSERT INTO lodging_units (id, group_id, label, position, blocked, version)"
            " SELECT gen_random_uuid(), $1, n::text, n, false, 1 FROM generate_series(1, $2::int) AS n",
            group,
            UNITS,
        )
        await connection.execute(_ALL_BUT_THE_LAST, group, kind, UNITS - 1)
    await connection.execute(
        "INSERT INTO hotel_room_types (group_id, check_in, check_out, adults, guests) VALUES ($1, 840, 720, 2, 3)",
        ROOM_TYPE,
    )
    await connection.execute(
        "INSERT INTO coworking_tariffs (id, space_id, name, unit, price_amount, price_currency, fixed, most, active,"
        " version) VALUES ($1, $2, 'Час', 'hour', 10000, 'RUB', false, 31, true, 1)",
        TARIFF,
        SPACE,
    )
    await connection.execute(
        "INSERT INTO hotel_rates (id, type_id, name, price_amount, price_currency, least_nights, included_adults,"
        " extra_adult, child, seasons, active, version)"
        " VALUES ($1, $2, 'Ночь', 50000, 'RUB', 1, 2, 0, 0, '[]', true, 1)",
        RATE,
        ROOM_TYPE,
    )


_ALL_BUT_THE_LAST = """
    WITH taking AS (
        INSERT INTO lodgings (id, kind, number, code, order_id, group_id, applicant_id, visitor_name, tariff_id, tariff,
            starts_at, ends_at, quantity, items, currency, status, rooms, place, adults, children, blocked, terms,
            version, created_at)
        SELECT gen_random_uuid(), $2, 0, $2, gen_random_uuid(), $1, gen_random_uuid(), 'Группа', gen_random_uuid(),
            'Год', now(), now() + interval '1 year', 1,
            '[{"title": "Место", "quantity": 1, "amount": 10000, "extra": false}]', 'RUB', 'confirmed', $3::int, '',
            2, 0, false, '{}', 2, now()
        RETURNING id, starts_at, ends_at
    )
    INSERT INTO lodging_claims (id, lodging_id, unit_id, during, active)
    SELECT gen_random_uuid(), taking.id, unit.id, tstzrange(starts_at, ends_at), true
    FROM taking, lodging_units AS unit WHERE unit.group_id = $1 AND unit.position <= $3::int
"""
