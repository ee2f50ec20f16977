"""Text messages through SMSC's API: what is urgent only, within so many parts, and what goes wrong."""

from datetime import timedelta
from typing import Any

import pytest
from foyer_chassis.testing import Databases, Identity, Running, running
from foyer_contracts.samples import NOW
from notifications.channels.sms import number_of, text_of
from notifications.service import SERVICE
from notifications.telling.domain.rules import RULES, Channel
from notifications.texts.domain import Message
from notifications.texts.renderer import Renderer
from notifications.texts.samples import ALL_FACTS

from .conftest import Outside, channel_settings, contact, sample, states

MOVED = "booking.reservation.rescheduled.v1"
NUMBER = "+79000000001"
pytestmark = pytest.mark.feature("A15")


async def moved(it: Running, **data: Any) -> None:
    await it.handle(contact(**data), sample("orders.order.placed.v1"))
    await it.handle_twice(sample(MOVED))
    await it.turn("dispatch")


async def sms(it: Running) -> tuple[str, str | None]:
    ((_, _, state, reason),) = [item for item in await states(it) if item[0] == "sms"]
    return state, reason


async def pass_time(it: Running, seconds: float) -> None:
    it.at(it.database.now() + timedelta(seconds=seconds))
    await it.turn("dispatch")


def test_only_what_is_urgent_is_worth_a_text_message() -> None:
    """By hand: what a person without the app must know at once. The code of a membership goes by email only."""
    assert {rule.template for rule in RULES if Channel.SMS in rule.channels} == {"booking_moved", "remind_hold"}
    assert all(rule.critical for rule in RULES if Channel.SMS in rule.channels)


async def test_moved_booking_is_told_once(notifications: Running, outside: Outside) -> None:
    await moved(notifications)
    await pass_time(notifications, 3600)
    (message,) = await outside.shown("sms")
    assert message["phone"] == NUMBER
    assert message["text"].startswith("Заказ № 1006313: бронирование перенесено\nГде: ")
    assert message["segments"] <= 3
    assert await sms(notifications) == ("sent", None)
    (sent,) = [e for e in await notifications.published() if getattr(e.data, "channel", "") == "sms"]
    assert message["id"] == str(number_of(sent.data.delivery_id))
    assert NUMBER not in sent.to_json().decode()


async def test_hold_that_is_about_to_expire(notifications: Running, outside: Outside) -> None:
    priced = sample("orders.order.priced.v1")
    await notifications.handle(contact(), sample("orders.order.placed.v1"), sample("booking.places.held.v1"), priced)
    notifications.at(priced.data.pay_until - timedelta(minutes=2))
    await notifications.turn("remind")
    await notifications.turn("dispatch")
    (message,) = await outside.shown("sms")
    assert "Оплатить до: 1 декабря 2026\u00a0г., 12:45 (UTC+3)" in message["text"]


@pytest.mark.parametrize(
    ("code", "outcome"),
    [(1, "failed"), (6, "failed"), (7, "failed"), (8, "failed"), (2, "queued"), (3, "queued"), (9, "queued")],
)
async def test_what_the_provider_says(notifications: Running, outside: Outside, code: int, outcome: str) -> None:
    await outside.switch(outside.push, sms_errors=[code])
    await moved(notifications)
    assert await sms(notifications) == (outcome, f"sms error {code}")
    await pass_time(notifications, 60)
    assert len(await outside.shown("sms")) == (1 if outcome == "queued" else 0)


async def test_provider_down_then_up(notifications: Running, outside: Outside) -> None:
    await outside.switch(outside.push, fail_next=[{"path_prefix": "/sys/", "status": 502}])
    await moved(notifications)
    assert await sms(notifications) == ("queued", "sms 502")
    await pass_time(notifications, 1)
    assert await sms(notifications) == ("sent", None)


@pytest.mark.parametrize(
    ("phone", "reason"), [(None, "no_contact"), ("8 900 000-00-01", "bad_phone"), ("+7900\r\nx", "bad_phone")]
)
async def test_nobody_to_reach(notifications: Running, outside: Outside, phone: str | None, reason: str) -> None:
    await moved(notifications, phone=phone)
    await pass_time(notifications, 61)
    assert await sms(notifications) == ("skipped", reason)
    assert await outside.shown("sms") == []


async def test_number_may_come_later_and_may_be_written_as_people_do(notifications: Running, outside: Outside) -> None:
    await moved(notifications, phone=None)
    assert await sms(notifications) == ("queued", None)
    await notifications.handle(contact(phone="+7 (900) 000-00-01", sequence=2))
    await notifications.turn("dispatch")
    assert [message["phone"] for message in await outside.shown("sms")] == [NUMBER]


async def test_off_unless_it_is_set_up(databases: Databases, identity: Identity, outside: Outside) -> None:
    async with running(SERVICE, databases, identity, **channel_settings(outside, smsc_api_key="")) as it:
        it.at(NOW)
        await moved(it)
        assert await sms(it) == ("skipped", "sms_not_configured")
        assert await outside.shown("sms") == []


@pytest.mark.parametrize("most", [1, 2, 3, 4])
@pytest.mark.parametrize("locale", ["ru", "en"])
def test_text_fits_into_its_parts(locale: Any, most: int) -> None:
    room = 70 if most == 1 else 67 * most
    message = Renderer().render("booking_moved", ALL_FACTS, locale)
    text = text_of(message, most)
    assert len(text.encode("utf-16-le")) // 2 <= room
    assert text.splitlines()[0] == message.title
    assert set(text.splitlines()[1:]) <= {f"{label}: {value}" for label, value in message.rows}, "no row is cut"
    long = Message(locale, "", "😀" * 300, "", "", (), None, "")
    assert len(text_of(long, most).encode("utf-16-le")) // 2 <= room
