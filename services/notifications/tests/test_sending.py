"""Deliveries through the real SMTP and FCM protocols, with what goes wrong on the way."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from foyer_chassis.testing import Databases, Identity, Running, running, same_shape
from foyer_contracts.samples import APPLICANT, NOW, SAMPLES
from notifications.service import SERVICE
from notifications.telling.store import deliveries as store
from notifications.telling.tables import deliveries

from .conftest import Outside, channel_settings, contact, sample, states

STATUS = "orders.order.status_changed.v1"
CANCELLED = "orders.order.cancelled.v1"
HELD = "booking.places.held.v1"
PRICED = "orders.order.priced.v1"
LINK = "payments.payment.link_created.v1"
DEVICE, TABLET = "device-of-anna:APA91bH", "tablet-of-anna:APA91bJ"
LEASE = timedelta(seconds=60)


async def known(it: Running, *devices: str) -> None:
    """The applicant has a contact and devices, and the order's facts are here."""
    await it.handle(contact(), sample(HELD), sample(PRICED))
    applicant = it.client("anna", sub=str(APPLICANT))
    for device in devices:
        assert (await applicant.put(f"/v1/devices/{device}")).status_code == 204


async def only(it: Running, channel: str, column: str) -> object:
    async with it.database.read() as reading:
        (row,) = await reading.all(sa.select(deliveries).where(deliveries.c.channel == channel))
    return row[column]


async def email_only(it: Running) -> tuple[str, str | None]:
    """State and reason of the one email."""
    ((_, _, state, reason),) = [item for item in await states(it) if item[0] == "email"]
    return state, reason


async def pass_time(it: Running, seconds: float) -> None:
    later = it.database.now() + timedelta(seconds=seconds)
    it.at(later)
    await it.turn("dispatch")


@pytest.mark.feature("B13")
async def test_confirmed_order_is_mailed_and_pushed(notifications: Running, outside: Outside) -> None:
    await known(notifications, DEVICE)
    await notifications.handle_twice(sample(STATUS))
    await notifications.turn("dispatch")
    (mail,) = await outside.mails("anna@example.test")
    assert mail["subject"] == "Заказ № 1006313 подтверждён"
    for part in (mail["text"], mail["html"]):
        assert "Переговорная «Нева», Фойе на Литейном" in part
        assert "2 декабря 2026\u00a0г., 13:00–15:00 (UTC+3)" in part
        assert "400\u00a0₽" in part
    assert "googleapis" not in mail["html"], "reading a mail tells nobody"
    (push,) = await outside.pushes()
    assert push["token"] == DEVICE
    assert push["notification"]["title"] == "Заказ № 1006313 подтверждён"
    assert push["android"]["priority"] == "HIGH"
    sent = await notifications.published("notifications.delivery.sent.v1")
    assert {event.data.channel for event in sent} == {"email", "push"}
    for event in sent:
        same_shape(event, SAMPLES["notifications.delivery.sent.v1"])
        assert event.data.caused_by == str(sample(STATUS).id)
        assert event.causationid == str(sample(STATUS).id)
    (email_id,) = [event.data.delivery_id for event in sent if event.data.channel == "email"]
    assert mail["message_id"] == f"<{email_id}@foyer.test>"


async def test_sent_deliveries_are_not_sent_again(notifications: Running, outside: Outside) -> None:
    await known(notifications, DEVICE)
    await notifications.handle(sample(STATUS))
    for _ in range(3):
        await notifications.turn("dispatch")
        await notifications.handle(sample(STATUS), sample(HELD), contact())
        await pass_time(notifications, 3600)
    assert len(await outside.mails()) == 1
    assert len(await outside.pushes()) == 1


async def test_smtp_down_then_up(notifications: Running, outside: Outside) -> None:
    await known(notifications)
    await outside.switch(outside.mailbox, down=True)
    await notifications.handle(sample(STATUS))
    await notifications.turn("dispatch")
    state, reason = await email_only(notifications)
    assert state == "queued"
    assert reason is not None
    assert reason.startswith("smtp: ")
    await pass_time(notifications, 0.5)
    assert await only(notifications, "email", "attempts") == 1, "the first pause is a second"
    await outside.switch(outside.mailbox)
    await pass_time(notifications, 1)
    assert await email_only(notifications) == ("sent", None)
    assert await only(notifications, "email", "attempts") == 2
    (mail,) = await outside.mails()
    assert mail["copies"] == 1


async def test_server_that_refuses_for_now_and_for_good(notifications: Running, outside: Outside) -> None:
    await known(notifications)
    await outside.switch(outside.mailbox, fail_next=[{"code": 451, "count": 1, "stage": "data"}])
    await notifications.handle(sample(STATUS))
    await notifications.turn("dispatch")
    state, reason = await email_only(notifications)
    assert (state, str(reason)[:8]) == ("queued", "smtp 451")
    await outside.switch(outside.mailbox, fail_next=[{"code": 550, "count": 1, "stage": "rcpt"}])
    await pass_time(notifications, 2)
    state, reason = await email_only(notifications)
    assert (state, str(reason)[:8]) == ("failed", "smtp 550")
    (failed,) = await notifications.published("notifications.delivery.failed.v1")
    same_shape(failed, SAMPLES["notifications.delivery.failed.v1"])
    assert "anna" not in failed.to_json().decode(), "the server's words repeat the address; the event must not"
    await pass_time(notifications, 3600)
    assert await outside.mails() == []


async def test_attempts_end(databases: Databases, identity: Identity, outside: Outside) -> None:
    settings = channel_settings(outside, send_retry_seconds=(1, 2))
    async with running(SERVICE, databases, identity, **settings) as it:
        it.at(NOW)
        await known(it)
        await outside.switch(outside.mailbox, down=True)
        await it.handle(sample(STATUS))
        await it.turn("dispatch")
        for seconds, state in ((1, "queued"), (1, "queued"), (1, "failed"), (60, "failed")):
            await pass_time(it, seconds)
            assert (await email_only(it))[0] == state
        assert await only(it, "email", "attempts") == 3
        (failed,) = await it.published("notifications.delivery.failed.v1")
        assert failed.data.channel == "email"


async def test_lost_answer_makes_a_copy_that_is_recognisable(notifications: Running, outside: Outside) -> None:
    """The documented window: the server took the mail, and we could not know."""
    await known(notifications)
    await outside.switch(outside.mailbox, lose_answer_next=[{"count": 1, "to": ""}])
    await notifications.handle(sample(STATUS))
    await notifications.turn("dispatch")
    await pass_time(notifications, 2)
    assert await email_only(notifications) == ("sent", None)
    mails = await outside.mails()
    assert [mail["copies"] for mail in mails] == [2, 2]
    assert len({mail["message_id"] for mail in mails}) == 1


async def test_worker_killed_between_sending_and_commit(
    notifications: Running, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same window, from the other side: what was claimed is left alone until the claim runs out."""
    await known(notifications)
    await notifications.handle(sample(STATUS))

    async def killed(*_: object) -> bool:
        raise RuntimeError("kill -9")

    with monkeypatch.context() as patch:
        patch.setattr(store, "save", killed)
        await notifications.turn("dispatch")
    assert len(await outside.mails()) == 1
    await pass_time(notifications, LEASE.total_seconds() - 1)
    assert len(await outside.mails()) == 1
    assert await email_only(notifications) == ("queued", None)
    await pass_time(notifications, 1)
    assert await email_only(notifications) == ("sent", None)
    mails = await outside.mails()
    assert [mail["copies"] for mail in mails] == [2, 2]
    assert len(await notifications.published("notifications.delivery.sent.v1")) == 1


async def test_two_workers_claim_different_deliveries(notifications: Running) -> None:
    await known(notifications)
    await notifications.handle(sample(STATUS), sample(LINK))
    async with notifications.database.transaction() as one, notifications.database.transaction() as other:
        first = await store.claim(one, until=one.now + LEASE, most=3)
        second = await store.claim(other, until=other.now + LEASE, most=3)
    assert (len(first), len(second)) == (3, 1)
    assert {item.id for item in first}.isdisjoint(item.id for item in second)
    async with notifications.database.transaction() as late:
        assert await store.claim(late, until=late.now + LEASE, most=3) == []


async def test_outcome_of_a_lost_claim_is_not_recorded(notifications: Running) -> None:
    await known(notifications)
    await notifications.handle(sample(STATUS))
    async with notifications.database.transaction() as transaction:
        claimed = await store.claim(transaction, until=NOW, most=10)
    async with notifications.database.transaction() as transaction:
        again = await store.claim(transaction, until=NOW + LEASE, most=10)
        assert {item.id for item in again} == {item.id for item in claimed}
    async with notifications.database.transaction() as transaction:
        for item in claimed:
            assert not await store.save(transaction, replace(item, version=item.version + 1))


async def test_fcm_busy_then_free_waits_as_long_as_asked(notifications: Running, outside: Outside) -> None:
    await known(notifications, DEVICE)
    fault = {"path_prefix": "/v1/", "status": 503, "count": 1, "retry_after_seconds": 7}
    await outside.switch(outside.push, fail_next=[fault])
    await notifications.handle(sample(STATUS))
    await notifications.turn("dispatch")
    due_at = await only(notifications, "push", "due_at")
    assert isinstance(due_at, datetime)
    assert due_at - NOW == timedelta(seconds=7)
    assert await outside.pushes() == []
    await pass_time(notifications, 6)
    assert await outside.pushes() == []
    await pass_time(notifications, 1)
    assert len(await outside.pushes()) == 1
    assert ("push", "order_confirmed", "sent", None) in await states(notifications)


async def test_unregistered_device_is_removed(notifications: Running, outside: Outside) -> None:
    await known(notifications, DEVICE)
    await outside.switch(outside.push, unregistered=[DEVICE])
    await notifications.handle(sample(STATUS))
    await notifications.turn("dispatch")
    assert ("push", "order_confirmed", "failed", "UNREGISTERED") in await states(notifications)
    (failed,) = await notifications.published("notifications.delivery.failed.v1")
    assert (failed.data.channel, failed.data.reason) == ("push", "UNREGISTERED")
    await outside.switch(outside.push)
    await notifications.handle(sample(LINK))
    await notifications.turn("dispatch")
    assert await outside.pushes() == [], "the device is gone"


async def test_device_that_has_it_does_not_get_it_again(notifications: Running, outside: Outside) -> None:
    await known(notifications, DEVICE, TABLET)
    fault = {"path_prefix": "/v1/", "status": 503, "count": 1, "retry_after_seconds": 1}
    await outside.switch(outside.push, fail_next=[fault])
    await notifications.handle(sample(STATUS))
    await notifications.turn("dispatch")
    assert len(await outside.pushes()) == 1
    await pass_time(notifications, 1)
    assert sorted(push["token"] for push in await outside.pushes()) == sorted([DEVICE, TABLET])
    assert ("push", "order_confirmed", "sent", None) in await states(notifications)


async def test_one_device_gone_the_other_reached(notifications: Running, outside: Outside) -> None:
    await known(notifications, DEVICE, TABLET)
    await outside.switch(outside.push, unregistered=[DEVICE])
    await notifications.handle(sample(STATUS))
    await notifications.turn("dispatch")
    assert ("push", "order_confirmed", "sent", None) in await states(notifications)
    assert [push["token"] for push in await outside.pushes()] == [TABLET]


async def test_revoked_access_token_is_renewed(notifications: Running, outside: Outside) -> None:
    await known(notifications, DEVICE)
    await notifications.handle(sample(LINK))
    await notifications.turn("dispatch")
    await outside.http.post(f"{outside.push.url}/sandbox/revoke-tokens")
    await notifications.handle(sample(STATUS))
    await notifications.turn("dispatch")
    assert len(await outside.pushes()) == 2
    assert {state for channel, _, state, _ in await states(notifications) if channel == "push"} == {"sent"}


async def test_token_endpoint_down_is_tried_again(databases: Databases, identity: Identity, outside: Outside) -> None:
    async with running(SERVICE, databases, identity, **channel_settings(outside)) as it:
        it.at(NOW)
        await known(it, DEVICE)
        fault = {"path_prefix": "/token", "status": 503, "count": 1, "retry_after_seconds": None}
        await outside.switch(outside.push, fail_next=[fault])
        await it.handle(sample(STATUS))
        await it.turn("dispatch")
        assert ("push", "order_confirmed", "queued", "fcm token: 503") in await states(it)
        await pass_time(it, 600)
        assert len(await outside.pushes()) == 1


async def test_without_credentials_no_push(databases: Databases, identity: Identity, outside: Outside) -> None:
    settings = channel_settings(outside, fcm_credentials_file=None)
    async with running(SERVICE, databases, identity, **settings) as it:
        it.at(NOW)
        await known(it, DEVICE)
        await it.handle(sample(STATUS))
        await it.turn("dispatch")
        assert ("push", "order_confirmed", "skipped", "push_not_configured") in await states(it)
        assert len(await outside.mails()) == 1


async def test_contact_may_come_after_the_event(notifications: Running, outside: Outside) -> None:
    await notifications.handle(sample(HELD), sample(PRICED), sample(STATUS))
    await notifications.turn("dispatch")
    assert await only(notifications, "email", "waiting_for") == "contact"
    notifications.at(NOW + timedelta(seconds=1))
    await notifications.handle(contact())
    await notifications.turn("dispatch")
    assert await email_only(notifications) == ("sent", None)
    assert len(await outside.mails("anna@example.test")) == 1


@pytest.mark.parametrize(
    ("email", "reason"), [(None, "no_contact"), ("anna@", "bad_address"), ("a@b.c\r\nBcc: x@y.z", "bad_address")]
)
async def test_nobody_to_reach(notifications: Running, outside: Outside, email: str | None, reason: str) -> None:
    await notifications.handle(sample(HELD), sample(PRICED), sample(STATUS), contact(email=email))
    await notifications.turn("dispatch")
    await pass_time(notifications, 59)
    if email is None:
        assert await email_only(notifications) == ("queued", None)
    await pass_time(notifications, 3)
    assert await email_only(notifications) == ("skipped", reason)
    assert ("push", "order_confirmed", "skipped", "no_device") in await states(notifications)
    assert await outside.mails() == []
    assert await notifications.published() == [], "leaving somebody out is no failure"


async def test_text_waits_for_its_facts(notifications: Running, outside: Outside) -> None:
    await notifications.handle(contact(), sample(LINK))
    await notifications.turn("dispatch")
    assert await only(notifications, "email", "waiting_for") == "number,places,pay_until"
    notifications.at(NOW + timedelta(seconds=1))
    await notifications.handle(sample(PRICED))
    await notifications.turn("dispatch")
    assert await only(notifications, "email", "waiting_for") == "places"
    await notifications.handle(sample(HELD))
    await notifications.turn("dispatch")
    (mail,) = await outside.mails()
    assert mail["subject"] == "Заказ № 1006313 ждёт оплаты"
    assert "Оплатить до: 1 декабря 2026\u00a0г., 12:45 (UTC+3)" in mail["text"]
    assert SAMPLES[LINK].data.url in mail["text"]


async def test_shorter_text_when_the_facts_do_not_come(notifications: Running, outside: Outside) -> None:
    await notifications.handle(contact(), sample(LINK))
    await notifications.turn("dispatch")
    await pass_time(notifications, 9)
    assert await outside.mails() == []
    await pass_time(notifications, 2)
    (mail,) = await outside.mails()
    assert mail["subject"] == "Ваш заказ ждёт оплаты"
    assert "Где" not in mail["text"]
    assert "Сумма: 400\u00a0₽" in mail["text"]


@pytest.mark.parametrize(
    ("told", "meanwhile"),
    [
        (STATUS, [CANCELLED]),
        (LINK, ["payments.payment.succeeded.v1"]),
        (LINK, [STATUS]),
        (LINK, [CANCELLED]),
        (CANCELLED, ["confirmed_late"]),
    ],
)
async def test_what_is_no_longer_true_is_not_told(
    notifications: Running, outside: Outside, told: str, meanwhile: list[str]
) -> None:
    await known(notifications)
    late = sample(STATUS, sequence=9)
    event = (
        sample(CANCELLED, reason="hold_expired", refund=SAMPLES[CANCELLED].data.fee)
        if told == CANCELLED
        else sample(told)
    )
    template = {STATUS: "order_confirmed", LINK: "payment_link", CANCELLED: "order_cancelled"}[told]
    await notifications.handle(event, *(late if name == "confirmed_late" else sample(name) for name in meanwhile))
    await notifications.turn("dispatch")
    assert ("email", template, "skipped", "outdated") in await states(notifications)
    assert template not in {name for _, name, state, _ in await states(notifications) if state == "sent"}


async def test_link_is_not_told_when_the_time_is_over(notifications: Running, outside: Outside) -> None:
    await known(notifications)
    await notifications.handle(sample(LINK))
    notifications.at(SAMPLES[PRICED].data.pay_until)
    await notifications.turn("dispatch")
    assert ("email", "payment_link", "skipped", "outdated") in await states(notifications)
    assert await outside.mails() == []


async def test_older_news_does_not_outdate_newer(notifications: Running, outside: Outside) -> None:
    """The cancellation of an expired hold arrives after the confirmation that followed it."""
    await known(notifications)
    await notifications.handle(sample(STATUS, sequence=9), sample(CANCELLED, sequence=5, reason="hold_expired"))
    await notifications.turn("dispatch")
    told = {
        template: (state, reason)
        for channel, template, state, reason in await states(notifications)
        if channel == "email"
    }
    assert told == {"order_confirmed": ("sent", None), "order_cancelled_refunding": ("skipped", "outdated")}


async def test_no_personal_data_in_what_is_published(notifications: Running, outside: Outside) -> None:
    await known(notifications, DEVICE)
    await notifications.handle(sample(STATUS))
    await notifications.turn("dispatch")
    for event in await notifications.published():
        for secret in ("anna@", "Анна", "+7900", DEVICE):
            assert secret not in event.to_json().decode()
