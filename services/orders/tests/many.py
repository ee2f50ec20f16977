"""A business's years in one statement each: orders, their history, search texts and customers, spread as they are in life.

Most orders are old and done; the open ones are of the last weeks, and some forgotten ones of any time. Few customers have
hundreds, most have a few. Some words are in every tenth order and some in one.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import asyncpg

CUSTOMERS = 50_000
OFFERINGS = 60
LOCATIONS = 12
STAFF = 40
FIRST_NUMBER = 2_000_001
#: A customer with a five-hundredth of all orders.
REGULAR = 1
DAYS = 730

#: n → the id of the n-th of these.
_NUMBERED = "lpad(to_hex({kind} * 16777216 + {n}), 32, '0')::uuid"


def id_of(kind: str, n: int) -> str:
    """Ids as the statements make them: `customer`, `offering`, `location` or `staff`, from 1."""
    return f"{_KINDS[kind] * 16777216 + n:032x}"


_KINDS = {"customer": 1, "offering": 2, "location": 3, "staff": 4}


def _id(kind: str, n: str) -> str:
    return _NUMBERED.format(kind=_KINDS[kind], n=f"({n})::bigint")


_PEOPLE = f"""
INSERT INTO people (id, name, locale, email, phone, version, source)
SELECT {_id("customer", "n")},
    (ARRAY['Иванов','Петров','Сидоров','Кузнецов','Смирнова','Попова','Васильева','Соколов','Ким','Волкова'])[1 + n % 10]
        || ' ' || (ARRAY['Анна','Борис','Вера','Глеб','Дарья','Егор','Жанна'])[1 + n % 7]
        || CASE WHEN n % 5000 = 7 THEN ' Редчайшая' ELSE '' END,
    'ru', 'customer' || n || '@example.test', '+7900' || lpad(n::text, 7, '0'), 1, 'identity'
FROM generate_series(1, {CUSTOMERS}) AS n
"""

_ORDERS = f"""
WITH numbered AS (
    SELECT n, random() AS a, random() AS b, random() AS c, random() AS d, random() AS e
    FROM generate_series(1, $1::int) AS n
), drawn AS MATERIALIZED (
    SELECT n, a, b, c, d, e,
        $2::timestamptz - make_interval(secs => ($1 - n)::float8 / $1 * {DAYS} * 86400) AS at,
        -- The square makes few customers, offerings and staff busy ones.
        CASE WHEN n % 500 = 0 THEN {REGULAR} ELSE 1 + floor({CUSTOMERS} * b * b)::int END AS customer,
        1 + floor({OFFERINGS} * c * c)::int AS offering,
        CASE WHEN a < 0.35 THEN 'request' WHEN a < 0.50 THEN 'premises_request' WHEN a < 0.75 THEN 'slot_booking'
             WHEN a < 0.85 THEN 'goods' WHEN a < 0.91 THEN 'coworking' WHEN a < 0.96 THEN 'hotel'
             ELSE 'membership' END AS kind
    FROM numbered
), each AS (
    SELECT drawn.*, age.recent,
        CASE WHEN NOT recent THEN
                 CASE WHEN kind = 'request' AND n % 2003 = 0 THEN 'in_progress'
                      WHEN d < 0.82 THEN 'done' WHEN d < 0.96 THEN 'cancelled' ELSE 'cancelled_refunded' END
             WHEN d < 0.30 THEN 'done'
             WHEN d < 0.40 THEN 'cancelled'
             WHEN d < 0.41 THEN 'cancelled_refunding'
             WHEN d < 0.44 THEN 'awaiting_payment'
             WHEN d < 0.60 OR kind IN ('membership', 'coworking', 'hotel') THEN 'new'
             WHEN kind IN ('request', 'premises_request') THEN
                 CASE WHEN d < 0.85 THEN 'in_progress' ELSE 'awaiting_confirmation' END
             WHEN kind = 'goods' THEN CASE WHEN d < 0.8 THEN 'collecting' ELSE 'ready' END
             ELSE 'confirmed' END AS status,
        (10000 + floor(e * 900000)::int) AS amount
    FROM drawn, LATERAL (SELECT at > $2::timestamptz - interval '21 days' AS recent) AS age
)
INSERT INTO orders (
    id, number, kind, offering_id, offering_version, offering_title, location_id, applicant_id, applicant_name,
    payer_kind, terms, prepaid, customer_may_cancel, rules, responsible_ids, answers, premises_id, address, currency,
    status, label, version, created_at, updated_at, lines, total_amount, paid_amount, refund_due_amount,
    refunded_amount, cancel_reason, assignee_id, respond_by, complete_by, taken_up_at, rating, rated_at,
    invoiced_amount, open_invoices, invoices, money_status, refund_state, refund_amount, unread_by_applicant,
    unread_by_staff, staff_version, due_at, costs_amount
)
SELECT
    -- A UUIDv7 of that instant (RFC 9562, 5.7).
    (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0')
        || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid,
    {FIRST_NUMBER - 1} + n, kind, {_id("offering", "offering")}, 1,
    CASE WHEN offering % 10 = 1 THEN 'Вызов сантехника ' WHEN offering % 10 = 2 THEN 'Уборка помещения '
         WHEN offering % 10 = 3 THEN 'Переговорная «Нева» ' ELSE 'Услуга ' END || offering,
    CASE WHEN n % 7 <> 0 THEN {_id("location", f"1 + n % {LOCATIONS}")} END,
    {_id("customer", "customer")},
    (SELECT name FROM people WHERE id = {_id("customer", "customer")}),
    CASE WHEN n % 9 = 0 THEN 'company' ELSE 'individual' END,
    CASE WHEN kind IN ('request', 'premises_request') THEN 'postpaid' ELSE 'prepaid' END,
    kind NOT IN ('request', 'premises_request'), true, '{{}}',
    ARRAY[{_id("staff", f"1 + n % {STAFF}")}, {_id("staff", f"1 + (n / 3) % {STAFF}")}],
    jsonb_build_object('what', 'Протекает кран'),
    CASE WHEN kind = 'premises_request' THEN {_id("location", "1000 + customer")} END,
    CASE WHEN kind IN ('request', 'premises_request') THEN 'Санкт-Петербург, улица '
        || (ARRAY['Ленина','Садовая','Лесная','Новая','Мира','Труда'])[1 + customer % 6]
        || ', дом ' || customer % 200 || ', кв. ' || customer % 97 END,
    'RUB', status, CASE WHEN recent AND n % 97 = 0 THEN 'waiting_for_part' END,
    4, at, at + interval '1 day',
    jsonb_build_array(jsonb_build_object('title', 'Услуга', 'quantity', 1, 'unit_price',
        jsonb_build_object('amount', amount, 'currency', 'RUB'), 'total',
        jsonb_build_object('amount', amount, 'currency', 'RUB'))),
    amount,
    CASE WHEN status IN ('done', 'confirmed', 'cancelled_refunding', 'cancelled_refunded') THEN amount ELSE 0 END,
    CASE WHEN status IN ('cancelled_refunding', 'cancelled_refunded') THEN amount ELSE 0 END,
    CASE WHEN status = 'cancelled_refunded' THEN amount ELSE 0 END,
    CASE WHEN status LIKE 'cancelled%' THEN 'customer_request' END,
    CASE WHEN n % 5 <> 0 THEN {_id("staff", f"1 + floor({STAFF} * c * c)::int")} END,
    at + interval '4 hours', CASE WHEN n % 2 = 0 THEN at + interval '5 days' END,
    CASE WHEN status NOT IN ('new', 'awaiting_payment', 'cancelled') THEN at + interval '1 hour' END,
    CASE WHEN status = 'done' AND e < 0.3 THEN CASE WHEN e < 0.004 THEN 1 WHEN e < 0.01 THEN 2 WHEN e < 0.03 THEN 3
        WHEN e < 0.1 THEN 4 ELSE 5 END END,
    CASE WHEN status = 'done' AND e < 0.3 THEN at + interval '6 days' END,
    CASE WHEN status NOT IN ('new', 'cancelled') OR n % 3 = 0 THEN amount ELSE 0 END,
    CASE WHEN recent AND status IN ('new', 'in_progress', 'awaiting_payment') AND n % 3 = 0 THEN 1 ELSE 0 END,
    '{{}}',
    CASE WHEN status IN ('done', 'confirmed') THEN 'paid' WHEN status = 'cancelled_refunding' THEN 'refunding'
         WHEN status = 'cancelled_refunded' THEN 'refunded' ELSE 'awaiting_payment' END,
    CASE WHEN status = 'cancelled_refunding' THEN CASE WHEN e < 0.02 THEN 'failed' ELSE 'processing' END
         WHEN status = 'cancelled_refunded' THEN 'done' WHEN status = 'in_progress' AND e < 0.02 THEN 'requested' END,
    CASE WHEN status LIKE 'cancelled_%' THEN amount ELSE 0 END,
    recent AND e < 0.3 OR n % 5000 = 0, CASE WHEN recent AND d < 0.1 THEN 2 ELSE 0 END,
    CASE WHEN recent AND e < 0.3 OR n % 5000 = 0 THEN 4 ELSE 0 END,
    CASE WHEN status IN ('new', 'in_progress', 'awaiting_confirmation', 'collecting') THEN at + interval '10 days' END,
    amount / 20
FROM each
ORDER BY n
"""

_HISTORY = """
INSERT INTO order_history (order_id, version, position, at, to_status, actor_kind)
SELECT id, 1, 0, created_at, 'new', 'customer' FROM orders
"""
_SEARCH = """
INSERT INTO order_search (order_id, text, kind, location_id, offering_id, assignee_id)
SELECT id, lower(concat_ws(' ', number, offering_title, nullif(applicant_name, ''), address)), kind, location_id,
    offering_id, assignee_id
FROM orders
"""
_VOCABULARY = """
INSERT INTO search_vocabulary (word)
SELECT DISTINCT word FROM order_search, unnest((string_to_array(text, ' '))[2:]) AS word WHERE word <> ''
ON CONFLICT DO NOTHING
"""
_INDEXES = ("order_search_words", "order_search_numbers")


async def fill(connection: "asyncpg.Connection[Any]", count: int, *, until: datetime) -> None:
    """`count` orders of the two years before `until`, numbered from 2,000,001, always the same ones."""
    await connection.execute(_PEOPLE)
    await connection.execute("SELECT setseed(0.42)")
    async with at_once(connection):
        await connection.execute(_ORDERS, count, until)
        await connection.execute(_HISTORY)
        await connection.execute(_SEARCH)
    await connection.execute("VACUUM (ANALYZE) people, orders, order_history, order_search, search_vocabulary")


@asynccontextmanager
async def at_once(connection: "asyncpg.Connection[Any]") -> AsyncIterator[None]:
    """Within it, what orders are found by is written without what keeps it up row by row; then it is made, which is
    faster by far."""
    definitions = [await connection.fetchval("SELECT pg_get_indexdef($1::regclass)", name) for name in _INDEXES]
    for table in ("orders", "order_search"):
        await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    for name in _INDEXES:
        await connection.execute(f"DROP INDEX {name}")
    yield
    await connection.execute(_VOCABULARY)
    for definition in definitions:
        await connection.execute(definition)
    for table in ("orders", "order_search"):
        await connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
