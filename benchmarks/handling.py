"""`handle`: events consumed with inbox, state change, outbox and acknowledgement, handler by handler, beside pgbench
with an inbox row and an update per commit."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any
from uuid import UUID

from foyer_contracts import booking, orders, payments
from foyer_contracts.envelope import Event, EventData
from foyer_contracts.ids import new_id
from foyer_contracts.money import Money

from . import messages, seed
from .bench import Bench
from .figures import BenchError, Figure
from .machine import Meter
from .pgbench import pgbench

CLIENTS = 8
SECONDS = 120.0
PRICE = Money(amount=seed.PRICE, currency="RUB")
TOTAL = PRICE * seed.SLOTS
LIMIT_ROWS = 10_000
FIRST_LIMIT_ROW = 1_000_000
FIRST_CASE = 10_000_000
SCRIPT = r"""
\set n random(:first, :last)
BEGIN;
INSERT INTO inbox (event_id) VALUES (gen_random_uuid()) ON CONFLICT DO NOTHING;
UPDATE orders SET version = version + 1, updated_at = now() WHERE number = :n;
COMMIT;
"""


@dataclass(frozen=True)
class Case:
    """An order of a round."""

    order_id: UUID
    number: int
    slot: seed.Slot


@dataclass(frozen=True)
class Stage:
    """One handler: which service it is of, and the event of a case that it handles."""

    name: str
    service: str
    make: Callable[[Case], EventData]


def _placed(case: Case) -> EventData:
    slot = orders.SlotRequest(
        resource_id=case.slot.resource_id, starts_at=case.slot.starts_at, ends_at=case.slot.ends_at
    )
    return orders.OrderPlaced(
        order_id=case.order_id,
        number=case.number,
        kind="slot_booking",
        offering_id=seed.OFFERING,
        offering_title="Переговорная",
        applicant_id=seed.MANAGER,
        payer_kind="individual",
        prepaid=True,
        responsible_ids=[seed.MANAGER],
        slots=slot,
    )


def _paid(case: Case) -> EventData:
    return payments.PaymentSucceeded(
        payment_id=new_id(),
        invoice_id=new_id(),
        order_id=case.order_id,
        applicant_id=seed.MANAGER,
        amount=TOTAL,
        paid_total=TOTAL,
        invoice_paid=True,
        provider="yookassa",
        method="bank_card",
        paid_at=datetime.now(UTC),
    )


def _cancelled(case: Case) -> EventData:
    return orders.OrderCancelled(
        order_id=case.order_id,
        number=case.number,
        applicant_id=seed.MANAGER,
        reason="customer_request",
        paid=TOTAL,
        fee=Money.zero("RUB"),
        refund=TOTAL,
        actor=orders.Actor(kind="customer", id=seed.MANAGER),
    )


def _priced(case: Case) -> EventData:
    line = orders.Line(title="Переговорная, 30 min", quantity=seed.SLOTS, unit_price=PRICE, total=TOTAL)
    return orders.OrderPriced(
        order_id=case.order_id,
        number=case.number,
        applicant_id=seed.MANAGER,
        payer_kind="individual",
        prepaid=True,
        terms="prepaid",
        description="Переговорная",
        lines=[line],
        total=TOTAL,
        pay_until=datetime.now(UTC) + timedelta(minutes=15),
    )


def _not_paid(case: Case) -> EventData:
    nothing = Money.zero("RUB")
    return orders.OrderCancelled(
        order_id=case.order_id,
        number=case.number,
        applicant_id=seed.MANAGER,
        reason="hold_expired",
        paid=nothing,
        fee=nothing,
        refund=nothing,
        actor=orders.Actor(kind="system"),
    )


def _places(case: Case) -> booking.Places:
    return booking.Places(
        resource_id=case.slot.resource_id,
        resource_name="Переговорная",
        location_name="Фойе на Литейном",
        time_zone=seed.ZONE,
        starts_at=case.slot.starts_at,
        ends_at=case.slot.ends_at,
    )


def _held(case: Case) -> EventData:
    line = orders.Line(title="Переговорная, 30 min", quantity=seed.SLOTS, unit_price=PRICE, total=TOTAL)
    return booking.PlacesHeld(
        order_id=case.order_id,
        reservation_id=new_id(),
        places=_places(case),
        lines=[line],
        total=TOTAL,
        expires_at=datetime.now(UTC) + timedelta(minutes=15),
    )


def _link(case: Case) -> EventData:
    return payments.PaymentLinkCreated(
        payment_id=new_id(),
        invoice_id=new_id(),
        order_id=case.order_id,
        applicant_id=seed.MANAGER,
        amount=TOTAL,
        url=f"https://pay.example.test/{case.order_id}",
    )


def _confirmed(case: Case) -> EventData:
    return booking.ReservationConfirmed(order_id=case.order_id, reservation_id=new_id(), places=_places(case))


#: In the order in which an order goes through them: each leaves the state that the next one changes.
STAGES = (
    Stage("booking-placed", "booking", _placed),
    Stage("booking-paid", "booking", _paid),
    Stage("booking-cancelled", "booking", _cancelled),
    Stage("payments-placed", "payments", _placed),
    Stage("payments-priced", "payments", _priced),
    Stage("payments-cancelled", "payments", _not_paid),
    Stage("orders-held", "orders", _held),
    Stage("orders-link", "orders", _link),
    Stage("orders-paid", "orders", _paid),
    Stage("orders-confirmed", "orders", _confirmed),
)


@contextmanager
def _asleep(pid: int) -> Iterator[None]:
    """A process that does nothing for a while, so that its queue can be filled before it begins."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def _handle_all(bench: Bench, stage: Stage, cases: list[Case], meter: Meter) -> float:
    """Events per second, from waking the worker in front of a full queue until the last is committed."""
    sequences = {case.order_id: 2 + STAGES.index(stage) for case in cases}
    events: list[Event[Any]] = [
        Event.make(stage.make(case), subject=case.order_id, sequence=sequences[case.order_id], time=datetime.now(UTC))
        for case in cases
    ]
    async with bench.database(stage.service) as connection:
        before = await connection.fetchval("SELECT count(*) FROM inbox")

        async def handled() -> bool:
            return bool(await connection.fetchval("SELECT count(*) FROM inbox") - before >= len(events))

        with _asleep(bench.pid(f"{stage.service}-worker")):
            await messages.fill(bench, stage.service, events)
        with meter.running():
            started = time.perf_counter()
            await bench.until(handled, f"{stage.name}: all events are handled", seconds=SECONDS)
            seconds = time.perf_counter() - started
        # What the handlers published must be out before the next stage is measured.
        await bench.until(lambda: _empty(connection), f"the outbox of {stage.service} is empty", seconds=SECONDS)
    return len(events) / seconds


async def _empty(connection: Any) -> bool:
    return not await connection.fetchval("SELECT EXISTS (SELECT FROM outbox)")


async def measure(bench: Bench) -> list[Figure]:
    """Relay, consumer and clock of the worker all run, as they always do; other services' workers do not."""
    count = bench.scale.few(2_000, 100)
    await bench.only()
    await seed.empty(bench)
    await seed.orders(bench, LIMIT_ROWS, first=FIRST_LIMIT_ROW)
    meters = {stage.name: bench.meter() for stage in STAGES}
    rates: dict[str, list[float]] = {stage.name: [] for stage in STAGES}
    limits: list[float] = []
    slots = seed.free_slots()
    for service in ("booking", "payments", "orders"):
        await bench.only()
        await messages.purge(bench)
        # What is priced is then made payable at the provider, by a loop in the same process. That is no handler's work:
        # the provider is there and does not answer meanwhile.
        beside = ["provider"] if service == "payments" else []
        await bench.only("identity", f"{service}-worker", *beside)
        with _asleep(bench.pid("provider")) if beside else nullcontext():
            for round_number in range(bench.scale.rounds):
                first = FIRST_CASE + round_number * count
                numbers = range(first, first + count)
                cases = [Case(UUID(int=number), number, slot) for number, slot in zip(numbers, slots, strict=False)]
                if service == "orders":
                    await seed.orders(bench, count, first=first, settled=False)
                limits.append(await _limit(bench))
                for stage in STAGES:
                    if stage.service == service:
                        rates[stage.name].append(await _handle_all(bench, stage, cases, meters[stage.name]))
                await _check(bench, service, [case.order_id for case in cases])
    limit = median(limits)
    rows = [
        Figure(
            name=f"handle/{stage.name}",
            what=stage.make(cases[0]).type,
            unit="/s",
            limit=limit,
            ours=(rate := median(rates[stage.name])),
            goal="≥ 50 %",
            ok=rate >= 0.5 * limit,
            beside=str(meters[stage.name]),
        )
        for stage in STAGES
    ]
    slowest = min(rows, key=lambda row: row.ours)
    summary = Figure(
        name="handle",
        what=f"the slowest handler ({slowest.name.partition('/')[2]}); inbox, change, outbox, acknowledged",
        unit="/s",
        limit=limit,
        ours=slowest.ours,
        goal="≥ 50 % for any handler",
        ok=slowest.ok,
        beside=slowest.beside,
    )
    return [summary, *rows]


async def _limit(bench: Bench) -> float:
    url, variables = bench.database_url("orders"), {"first": FIRST_LIMIT_ROW, "last": FIRST_LIMIT_ROW + LIMIT_ROWS - 1}
    return (await pgbench(url, SCRIPT, clients=CLIENTS, seconds=bench.scale.seconds, variables=variables)).per_second


async def _check(bench: Bench, service: str, ids: list[UUID]) -> None:
    """The handlers did what they are for; else their rate means nothing."""
    table, column, last = {
        "booking": ("reservations", "order_id", "released"),
        "payments": ("invoices", "order_id", "cancelled"),
        "orders": ("orders", "id", "confirmed"),
    }[service]
    async with bench.database(service) as connection:
        done = await connection.fetchval(
            f"SELECT count(*) FROM {table} WHERE status = $1 AND {column} = ANY($2)", last, ids
        )
    if done != len(ids):
        raise BenchError(f"{done} of {len(ids)} orders are {last} in {service}")
    if left := await messages.parked(bench):
        raise BenchError(f"messages were parked: {left}")
