"""Reminders come at their time, move and vanish with what they are about, and miss nothing after a downtime."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from foyer_chassis.testing import Running
from foyer_contracts.samples import APPLICANT, NOW, ORDER, SAMPLES, STARTS
from notifications.telling.tables import reminders

from .conftest import Outside, contact, sample, states

PLACED, STATUS, CANCELLED = "orders.order.placed.v1", "orders.order.status_changed.v1", "orders.order.cancelled.v1"
HELD, RESERVED, MOVED = (
    "booking.places.held.v1", "booking.reservation.confirmed.v1", "booking.reservation.rescheduled.v1",
)  # fmt: skip
PAID = "payments.payment.succeeded.v1"
PHONE = "phone-of-anna:APA91bH"
HOUR = timedelta(hours=1)


async def booked(it: Running) -> None:
    await it.handle(contact())
    await it.client("anna", sub=str(APPLICANT)).put(f"/v1/devices/{PHONE}")
    await it.handle(sample(PLACED, sequence=1), sample(HELD, sequence=1), sample(PAID))
    await it.handle(sample(STATUS, sequence=3), sample(RESERVED, sequence=2))


async def at(it: Running, when: datetime) -> None:
    it.at(when)
    await it.turn("remind")
    await it.turn("dispatch")


async def reminded(it: Running) -> list[tuple[str, str, str]]:
    return [
        (channel, template, state) for channel, template, state, _ in await states(it) if template.startswith("remind_")
    ]


START = [("email", "remind_start", "sent"), ("push", "remind_start", "sent")]


async def test_before_the_start(notifications: Running, outside: Outside) -> None:
    await booked(notifications)
    await at(notifications, STARTS - HOUR - timedelta(seconds=1))
    assert await reminded(notifications) == []
    await at(notifications, STARTS - HOUR)
    assert sorted(await reminded(notifications)) == START
    (mail, *_) = await outside.mails("anna@example.test")
    assert mail["subject"] == "Скоро ваше время"
    assert "13:00–15:00 (UTC+3)" in mail["text"]
    await at(notifications, STARTS - HOUR / 2)
    assert len(await reminded(notifications)) == 2, "once"
    assert (await notifications.client("anna", sub=str(APPLICANT)).get("/v1/feed")).json()["items"][0][
        "template"
    ] == "remind_start"


async def test_after_a_downtime_over_its_time(notifications: Running) -> None:
    await booked(notifications)
    await at(notifications, STARTS - timedelta(minutes=10))
    assert sorted(await reminded(notifications)) == START


async def test_not_after_the_start(notifications: Running) -> None:
    await booked(notifications)
    await at(notifications, STARTS)
    assert await reminded(notifications) == []


@pytest.mark.feature("A15")
async def test_it_moves_with_the_booking(notifications: Running) -> None:
    await booked(notifications)
    await notifications.handle_twice(sample(MOVED, sequence=3))
    await at(notifications, STARTS - HOUR)
    assert await reminded(notifications) == []
    await at(notifications, STARTS + 2 * HOUR)
    assert sorted(await reminded(notifications)) == START


@pytest.mark.feature("A15")
async def test_older_place_does_not_move_it_back(notifications: Running) -> None:
    await notifications.handle(sample(PLACED, sequence=1), sample(MOVED, sequence=3))
    await notifications.handle(sample(RESERVED, sequence=2), sample(STATUS, sequence=3))
    async with notifications.database.read() as reading:
        (row,) = await reading.all(sa.select(reminders))
    assert row["due_at"] == STARTS + 2 * HOUR


@pytest.mark.feature("A26")
async def test_it_vanishes_with_the_booking(notifications: Running) -> None:
    await booked(notifications)
    await notifications.handle(
        sample(STATUS, sequence=5, to_status="cancelled", group="cancelled"), sample(CANCELLED, sequence=5)
    )
    await at(notifications, STARTS - HOUR)
    assert await reminded(notifications) == []
    async with notifications.database.read() as reading:
        assert await reading.all(sa.select(reminders)) == []


async def test_booking_at_short_notice_has_none(notifications: Running) -> None:
    notifications.at(STARTS - timedelta(minutes=30))
    await booked(notifications)
    await at(notifications, STARTS - timedelta(minutes=29))
    assert await reminded(notifications) == []


@pytest.mark.parametrize("paid", [False, True])
async def test_before_the_hold_expires(notifications: Running, paid: bool) -> None:
    await notifications.handle(contact(), sample(PLACED, sequence=1), sample(HELD, sequence=1))
    await notifications.client("anna", sub=str(APPLICANT)).put(f"/v1/devices/{PHONE}")
    if paid:
        await notifications.handle(sample(PAID))
    await at(notifications, NOW + timedelta(minutes=9, seconds=59))
    assert await reminded(notifications) == []
    await at(notifications, NOW + timedelta(minutes=10))
    assert await reminded(notifications) == ([] if paid else [(by, "remind_hold", "sent") for by in ("push", "sms")])


async def test_short_hold_has_none(notifications: Running) -> None:
    await notifications.handle(sample(PLACED, sequence=1), sample(HELD, expires_at=NOW + timedelta(minutes=9)))
    await at(notifications, NOW + timedelta(minutes=8))
    assert await reminded(notifications) == []


@pytest.mark.parametrize("end", [None, "payments.invoice.paid.v1", "payments.invoice.cancelled.v1", CANCELLED])
@pytest.mark.feature("B17")
async def test_unpaid_invoice(notifications: Running, end: str | None) -> None:
    await notifications.handle(contact(), sample(PLACED, sequence=1), sample("payments.invoice.activated.v1"))
    if end is not None:
        await notifications.handle(sample(end))
    await at(notifications, NOW + timedelta(hours=23))
    assert await reminded(notifications) == []
    await at(notifications, NOW + timedelta(hours=24))
    told = [item for item in await reminded(notifications) if item[0] == "email"]
    assert told == ([("email", "remind_invoice", "sent")] if end is None else [])


@pytest.mark.parametrize("rated", [False, True])
@pytest.mark.feature("B29")
async def test_unrated_order(notifications: Running, rated: bool) -> None:
    await notifications.client("anna", sub=str(APPLICANT)).put(f"/v1/devices/{PHONE}")
    done: dict[str, Any] = {"order_id": ORDER, "sequence": 5}
    await notifications.handle(
        sample(PLACED, sequence=1),
        sample(STATUS, sequence=5, to_status="done", group="done"),
        sample("orders.order.completed.v1", **done),
    )
    if rated:
        await notifications.handle(sample("orders.order.rated.v1", **{**done, "sequence": 6}))
    await at(notifications, NOW + timedelta(hours=24))
    assert await reminded(notifications) == ([] if rated else [("push", "remind_rating", "sent")])


async def test_several_workers_remind_once(notifications: Running) -> None:
    await booked(notifications)
    notifications.at(STARTS - HOUR)
    await asyncio.gather(*(notifications.loops["remind"].step() for _ in range(5)))
    assert len(await reminded(notifications)) == 2
    assert SAMPLES
