"""Deliveries through the real SMTP and FCM protocols, with what goes wrong on the way."""

import asyncio
from datetime import timedelta
from email import message_from_string, policy
from uuid import uuid4

import pytest
from foyer_chassis.testing import Databases, Identity, Running, running, same_shape
from foyer_contracts.samples import APPLICANT, NOW, SAMPLES
from notifications.service import SERVICE

from .conftest import Outside, channel_settings, contact, sample, states

STATUS = "orders.order.status_changed.v1"
HELD = "booking.places.held.v1"
DEVICE = "device-of-anna:APA91bH"


async def known(it: Running, *, with_device: bool = False) -> None:
    """The applicant has a contact, and the order's facts are here."""
    await it.handle(contact(), sample(HELD), sample("orders.order.priced.v1"))
    if with_device:
        applicant = it.client("anna", sub=str(APPLICANT))
        assert (await applicant.put(f"/v1/devices/{DEVICE}")).status_code == 204


async def test_confirmed_order_is_mailed_and_pushed(notifications: Running, outside: Outside) -> None:
    await known(notifications, with_device=True)
    await notifications.handle_twice(sample(STATUS))
    await notifications.turn("dispatch")
    (mail,) = await outside.mails("anna@example.test")
    assert mail["subject"] == "Заказ № 1006313 подтверждён"
    for part in (mail["text"], mail["html"]):
        assert "Переговорная «Нева», Фойе на Литейном" in part
        assert "2 декабря 2026\u00a0г., 13:00–15:00 (UTC+3)" in part
        assert "400\u00a0₽" in part
    assert "googleapis" not in mail["html"]
    (push,) = await outside.pushes()
    assert push["token"] == DEVICE
    assert push["notification"]["title"] == "Заказ № 1006313 подтверждён"
    assert push["android"]["priority"] == "HIGH"
    sent = await notifications.published("notifications.delivery.sent.v1")
    assert {event.data.channel for event in sent} == {"email", "push"}
    for event in sent:
        same_shape(event, SAMPLES["notifications.delivery.sent.v1"])
        assert event.data.caused_by == str(sample(STATUS).id)
    ids = {str(event.data.delivery_id) for event in sent if event.data.channel == "email"}
    assert {mail["message_id"]} == {f"<{id_}@foyer.test>" for id_ in ids}
