"""Data put into the databases by SQL: places to book, and as many rows as a bench asks for."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from services.orders.tests.many import at_once

from .bench import CUSTOMERS, Bench

ROOMS = 1000
FIRST_ROOM = 1_000_001  # rooms are the UUIDs of these numbers, so that pgbench can name them
OFFERING = UUID(int=1)
LOCATION = UUID(int=2)
MANAGER = UUID(int=3)
ZONE = "Europe/Moscow"
PRICE = 10_000
SLOT_MINUTES = 30
SLOTS = 2  # in every booking
HOURS_A_DAY = 24
_ALL_DAY = json.dumps([{"weekday": day, "opens": 0, "closes": 1440} for day in range(7)])


def person_id(username: str) -> UUID:
    """The id that the sandbox's identity provider gives to a person."""
    return uuid5(NAMESPACE_URL, f"foyer:{username}")


def room_id(number: int) -> UUID:
    return UUID(int=FIRST_ROOM + number)


@dataclass(frozen=True, slots=True)
class Slot:
    """An hour in a room."""

    resource_id: UUID
    starts_at: datetime
    ends_at: datetime

    def order_body(self) -> bytes:
        """What a customer posts to have it."""
        return json.dumps({"offering_id": str(OFFERING), "slots": self._time()}).encode()

    def asked_for(self) -> bytes:
        """What a customer posts to have it kept."""
        return json.dumps(self._time()).encode()

    def _time(self) -> dict[str, str]:
        return {
            "resource_id": str(self.resource_id),
            "starts_at": self.starts_at.isoformat(),
            "ends_at": self.ends_at.isoformat(),
        }


def free_slots() -> Iterator[Slot]:
    """Hours that nobody has, no two alike: neighbours are in different rooms, as those of different people are."""
    first = (datetime.now(UTC) + timedelta(days=2)).replace(hour=0, minute=0, second=0, microsecond=0)
    for hour in itertools.count():
        starts_at = first + timedelta(hours=hour)
        for room in range(ROOMS):
            yield Slot(room_id(room), starts_at, starts_at + timedelta(hours=1))


async def empty(bench: Bench) -> None:
    """No orders, reservations, invoices or events, in databases and queues; places to book are there.

    Call it while no worker runs.
    """
    from .messages import purge

    for service in bench.system.profile.services:
        async with bench.database(service) as connection:
            # What migrations put in, and who is known.
            kept = ("alembic_version", "people", "statuses")
            names = await connection.fetch(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL($1)", list(kept)
            )
            # Without triggers: the ledger of payments refuses to forget anything.
            await connection.execute("SET session_replication_role = replica")
            await connection.execute("TRUNCATE " + ", ".join(f'"{row["tablename"]}"' for row in names) + " CASCADE")
    await _places(bench)
    await purge(bench)


async def _places(bench: Bench) -> None:
    async with bench.database("booking") as connection:
        await connection.execute(
            "INSERT INTO locations (id, name, time_zone, opening_hours, closed_days, version)"
            " VALUES ($1, 'Фойе на Литейном', $2, $3, '{}', 1)",
            LOCATION,
            ZONE,
            _ALL_DAY,
        )
        await connection.execute(
            f"""
            INSERT INTO resources (id, location_id, name, slot_minutes, price_amount, price_currency,
                hold_ttl_seconds, active, version)
            SELECT {_id("n")}, $1, 'Переговорная ' || n, {SLOT_MINUTES}, {PRICE}, 'RUB', NULL, true, 1
            FROM generate_series($2::int, $3::int) AS n
            """,
            LOCATION,
            FIRST_ROOM,
            FIRST_ROOM + ROOMS - 1,
        )
    async with bench.database("orders") as connection:
        await connection.execute(
            "INSERT INTO offerings (id, title, kind, prepaid, customer_may_cancel, responsible_ids, resource_ids,"
            " active, version) VALUES ($1, 'Переговорная', 'slot_booking', true, true, $2, '{}', true, 1)",
            OFFERING,
            [MANAGER],
        )
        await connection.execute(
            f"""
            INSERT INTO resource_copies (id, sequence, name, location_name, time_zone, opening_hours, closed_days,
                slot_minutes, price_amount, price_currency, active)
            SELECT {_id("n")}, 1, 'Переговорная ' || n, 'Фойе на Литейном', $1, $2, '{{}}', {SLOT_MINUTES}, {PRICE},
                'RUB', true
            FROM generate_series($3::int, $4::int) AS n
            """,
            ZONE,
            _ALL_DAY,
            FIRST_ROOM,
            FIRST_ROOM + ROOMS - 1,
        )


def _id(number: str) -> str:
    """SQL: the UUID of a number."""
    return f"lpad(to_hex({number}), 32, '0')::uuid"


async def orders(bench: Bench, count: int, *, first: int = 1, settled: bool = True) -> None:
    """Orders numbered from `first`, with their history and what they are found by; id of number n is the UUID of n.

    Settled ones are what a year leaves: most are done, a fifteenth of all are of the sandbox's people. Otherwise all
    are `new` and nothing has happened yet.
    """
    last = first + count - 1
    async with bench.database("orders") as connection:
        async with at_once(connection):
            await connection.execute(_ORDERS, first, last, settled, [person_id(who) for who in CUSTOMERS])
            await connection.execute(_HISTORY, first, last)
            await connection.execute(_SEARCH, first, last)
        await connection.execute("VACUUM ANALYZE orders, order_history, order_search, search_vocabulary")


_HISTORY = f"""
    INSERT INTO order_history (order_id, version, position, at, to_status, actor_kind)
    SELECT {_id("n")}, 1, 0, now(), 'new', 'customer' FROM generate_series($1::bigint, $2::bigint) AS n
"""
_SEARCH = """
    INSERT INTO order_search (order_id, text, kind, location_id, offering_id, assignee_id)
    SELECT id, lower(concat_ws(' ', number, offering_title, applicant_name)), kind, location_id, offering_id,
        assignee_id
    FROM orders WHERE number BETWEEN $1 AND $2
"""
_ORDERS = f"""
    INSERT INTO orders (id, number, kind, offering_id, offering_title, location_id, applicant_id, applicant_name,
        payer_kind, prepaid, customer_may_cancel, rules, responsible_ids, resource_id, starts_at, ends_at, currency,
        status, version, created_at, updated_at, lines, total_amount, pay_until, places, reservation, paid_amount,
        invoices, payments, invoice_number, invoiced_amount, open_invoices, money_status, cancel_reason, assignee_id,
        taken_up_at, rating, rating_text, rated_at, costs_amount)
    SELECT {_id("n")}, n, 'slot_booking', '{OFFERING}', 'Переговорная', '{LOCATION}',
        CASE WHEN n % 15 = 0 THEN ($4::uuid[])[1 + (n / 15) % cardinality($4::uuid[])]
             ELSE md5((n % 50000)::text)::uuid END,
        'Посетитель ' || n % 50000, 'individual', true, true,
        '{{"customer_may_cancel": true, "needs_file": false, "needs_confirmation": true, "auto_close_minutes": null,
           "refunds_allowed": true, "cancellation": []}}',
        ARRAY['{MANAGER}'::uuid], {_id(f"{FIRST_ROOM} + n % {ROOMS}")},
        base + interval '1 hour', base + interval '2 hours', 'RUB', status,
        CASE WHEN $3 THEN 5 ELSE 1 END, base - interval '1 day', base,
        CASE WHEN $3 THEN jsonb_build_array(jsonb_build_object('title', 'Переговорная, 30 min', 'quantity', {SLOTS},
            'unit_price', jsonb_build_object('amount', {PRICE}, 'currency', 'RUB'),
            'total', jsonb_build_object('amount', {PRICE * SLOTS}, 'currency', 'RUB'))) ELSE '[]' END,
        CASE WHEN $3 THEN {PRICE * SLOTS} END, CASE WHEN $3 THEN base END,
        CASE WHEN $3 THEN jsonb_build_object('resource_id', {_id(f"{FIRST_ROOM} + n % {ROOMS}")}, 'resource_name',
            'Переговорная', 'location_name', 'Фойе на Литейном', 'time_zone', '{ZONE}', 'starts_at',
            base + interval '1 hour', 'ends_at', base + interval '2 hours') END,
        CASE WHEN NOT $3 THEN 0 WHEN status = 'done' THEN 4 ELSE 2 END,
        CASE WHEN paid THEN {PRICE * SLOTS} ELSE 0 END,
        CASE WHEN $3 THEN jsonb_build_object({_id("n + 1")}, jsonb_build_object('number', n, 'amount', {PRICE * SLOTS},
            'state', CASE WHEN paid THEN 'paid' WHEN status = 'new' THEN 'issued' ELSE 'cancelled' END))
            ELSE '{{}}' END,
        CASE WHEN paid THEN jsonb_build_object({_id("n + 2")}, jsonb_build_object('number', n, 'amount',
            {PRICE * SLOTS}, 'method', 'bank_card', 'state', 'succeeded', 'at', base)) ELSE '{{}}' END,
        CASE WHEN $3 THEN n END,
        CASE WHEN paid OR status = 'new' AND $3 THEN {PRICE * SLOTS} ELSE 0 END,
        CASE WHEN status = 'new' AND $3 THEN 1 ELSE 0 END,
        CASE WHEN paid THEN 'paid' WHEN $3 THEN 'awaiting_payment' ELSE 'not_priced' END,
        CASE WHEN status = 'cancelled' THEN 'hold_expired' END,
        CASE WHEN n % 3 <> 0 THEN '{MANAGER}'::uuid END, CASE WHEN paid THEN base END,
        CASE WHEN status = 'done' AND n % 4 = 0 THEN 1 + n % 5 END, CASE WHEN status = 'done' AND n % 4 = 0
            THEN 'Спасибо' END, CASE WHEN status = 'done' AND n % 4 = 0 THEN base END,
        CASE WHEN paid THEN {PRICE * SLOTS // 20} ELSE 0 END
    FROM (
        SELECT n, base, status, $3 AND status IN ('done', 'confirmed', 'active') AS paid
        FROM generate_series($1::bigint, $2::bigint) AS n,
        LATERAL (
            SELECT now() + make_interval(days => (CASE WHEN $3 THEN -(n % 365) ELSE 2 + n % 365 END)::int) AS base,
                CASE WHEN NOT $3 THEN 'new' WHEN n % 100 < 72 THEN 'done' WHEN n % 100 < 90 THEN 'cancelled'
                     WHEN n % 100 < 97 THEN 'confirmed' WHEN n % 100 < 98 THEN 'active' ELSE 'new' END AS status
        ) AS one
    ) AS each
"""


async def reservations(bench: Bench, count: int, *, first: int = 0) -> None:
    """Confirmed reservations of an hour, four a day in each room from the day after tomorrow on: a million fill 250
    days of a thousand rooms. Number n is the UUID of n + 1, and so is its order's."""
    async with bench.database("booking") as connection:
        constraint = "slot_claims_no_two_overlap"
        definition = await connection.fetchval(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1", constraint
        )
        # Built once it is faster by far than kept up row by row.
        await connection.execute(f"ALTER TABLE slot_claims DROP CONSTRAINT {constraint}")
        await connection.execute(
            f"""
            INSERT INTO reservations (id, order_id, resource_id, during, slots, price_amount, price_currency, status,
                expires_at, version, created_at, has_claims)
            SELECT {_id("n + 1")}, {_id("n + 1")}, {_id(f"{FIRST_ROOM} + n % {ROOMS}")},
                tstzrange(begins, begins + interval '1 hour'), {SLOTS}, {PRICE}, 'RUB', 'confirmed', NULL, 2,
                now(), true
            FROM (
                SELECT n, date_trunc('day', now()) + interval '2 days' + (n / {ROOMS}) * interval '6 hours' AS begins
                FROM generate_series($1::bigint, $2::bigint) AS n
            ) AS each
            """,
            first,
            first + count - 1,
        )
        await connection.execute(
            """
            INSERT INTO slot_claims (owner, owner_id, occurrence, resource_id, place, blocked)
            SELECT 'reservation', id, 0, resource_id, 1, during FROM reservations
            WHERE id NOT IN (SELECT owner_id FROM slot_claims)
            """
        )
        await connection.execute(f"ALTER TABLE slot_claims ADD CONSTRAINT {constraint} {definition}")
        await connection.execute("VACUUM ANALYZE reservations, slot_claims")


async def outbox(connection: Any, body: bytes, event_type: str, count: int) -> None:
    """Events to publish, all alike but for their ids, in one transaction."""
    await connection.execute(
        "INSERT INTO outbox (event_id, exchange, type, body)"
        " SELECT gen_random_uuid(), 'foyer.events', $1, $2 FROM generate_series(1, $3::int)",
        event_type,
        body,
        count,
    )
