"""What a person wants to be told and when (X7): wishes, settings of roles, quiet hours, one message for a burst."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from foyer_chassis.testing import Databases, Identity, Running, running
from foyer_contracts.samples import APPLICANT, MANAGER, NOW, ORDER
from notifications.service import SERVICE
from notifications.telling.domain.preferences import QuietHours
from notifications.texts.renderer import Renderer

from .conftest import Outside, channel_settings, contact, sample, states

STATUS, PLACED = "orders.order.status_changed.v1", "orders.order.placed.v1"
TOPPED_UP = "payments.account.topped_up.v1"
PHONE = "phone-of-anna:APA91bH"


def anna(it: Running, **claims: Any) -> httpx2.AsyncClient:
    return it.client("anna", sub=str(APPLICANT), **claims)


def rita(it: Running, *roles: str) -> httpx2.AsyncClient:
    return it.client("rita", *(roles or ("rent_manager",)), sub=str(MANAGER))


def admin(it: Running) -> httpx2.AsyncClient:
    return it.client("alex", "administrator")


async def known(it: Running) -> None:
    await it.handle(contact())
    assert (await anna(it).put(f"/v1/devices/{PHONE}")).status_code == 204


async def wish(
    client: httpx2.AsyncClient, *items: tuple[str, str, bool], path: str = "/v1/preferences", **more: Any
) -> Any:
    body = {"items": [dict(zip(("template", "channel", "enabled"), item, strict=True)) for item in items], **more}
    return await client.put(path, json=body)


async def at(it: Running, *when: int) -> None:
    it.at(datetime(*when, tzinfo=UTC))  # type: ignore[misc,arg-type]
    await it.turn("dispatch")


async def found(it: Running) -> set[tuple[str, str, str | None]]:
    return {(channel, state, reason) for channel, _, state, reason in await states(it)}


@pytest.mark.feature("X7")
async def test_muted_channel_is_skipped_the_other_is_not(notifications: Running, outside: Outside) -> None:
    await known(notifications)
    assert (await wish(anna(notifications), ("account_topped_up", "email", False))).status_code == 200
    await notifications.handle(sample(TOPPED_UP))
    await notifications.turn("dispatch")
    assert await found(notifications) == {("email", "skipped", "muted"), ("push", "sent", None)}
    assert (await outside.mails(), len(await outside.pushes())) == ([], 1)
    feed = (await anna(notifications).get("/v1/feed")).json()
    assert len(feed["items"]) == 1, "the feed keeps everything"


@pytest.mark.feature("X7")
@pytest.mark.parametrize(
    ("item", "type_"),
    [
        (("order_confirmed", "email", False), "critical-notification"),
        (("no_such", "email", True), "unknown-wish"),
        (("order_started", "email", True), "unknown-wish"),
        (("order_started", "feed", False), "invalid"),
    ],
)
async def test_wishes_that_cannot_be_had(notifications: Running, item: tuple[str, str, bool], type_: str) -> None:
    for client, path in (
        (anna(notifications), "/v1/preferences"),
        (admin(notifications), "/v1/roles/customer/preferences"),
    ):
        answer = await wish(client, item, path=path)
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (422, type_)
    listed = (await anna(notifications).get("/v1/preferences")).json()["items"]
    assert {entry["chosen_by"] for entry in listed} == {"default"}
    assert all(entry["enabled"] for entry in listed)


@pytest.mark.feature("B12")
async def test_settings_of_a_role_and_wishes_of_its_people(notifications: Running) -> None:
    path = "/v1/roles/rent_manager/preferences"
    assert (await rita(notifications).get(path)).status_code == 403
    assert (await admin(notifications).get("/v1/roles/pirate/preferences")).status_code == 404
    assert (await wish(admin(notifications), ("order_placed", "push", False), path=path)).status_code == 200
    listed = (await admin(notifications).get(path)).json()["items"]
    assert [item for item in listed if item["chosen_by"] == "role"] == [
        {"template": "order_placed", "channel": "push", "enabled": False, "critical": False, "chosen_by": "role"}
    ]
    await rita(notifications).put("/v1/devices/phone-of-rita:APA91b")
    await notifications.handle(sample(PLACED))
    await at(notifications, 2026, 12, 1, 12)
    assert ("push", "skipped", "muted") in await found(notifications)
    # Another of her roles has no such setting of its own, but a wish of her own counts more than any.
    assert (await wish(rita(notifications), ("order_placed", "push", True))).status_code == 200
    await notifications.handle(sample(PLACED, sequence=1, order_id=uuid4()))
    await at(notifications, 2026, 12, 1, 13)
    assert ("push", "sent", None) in await found(notifications)


@pytest.mark.feature("B12")
async def test_one_role_that_wants_it_is_enough(notifications: Running) -> None:
    for role, enabled in (("rent_manager", False), ("service_manager", True)):
        path = f"/v1/roles/{role}/preferences"
        assert (await wish(admin(notifications), ("order_placed", "email", enabled), path=path)).status_code == 200
    for roles, enabled in ((["rent_manager"], False), (["rent_manager", "service_manager"], True)):
        listed = (await rita(notifications, *roles).get("/v1/preferences")).json()["items"]
        (entry,) = [item for item in listed if (item["template"], item["channel"]) == ("order_placed", "email")]
        assert (entry["enabled"], entry["chosen_by"]) == (enabled, "role")


@pytest.mark.feature("X7")
async def test_quiet_hours_defer_and_never_drop(notifications: Running, outside: Outside) -> None:
    await known(notifications)
    quiet = {"starts": "22:00", "ends": "08:30", "time_zone": "Europe/Moscow"}
    assert (await wish(anna(notifications), quiet_hours=quiet)).json()["quiet_hours"] == quiet
    notifications.at(datetime(2026, 12, 1, 20, tzinfo=UTC))
    await notifications.handle(sample(TOPPED_UP))
    await notifications.turn("dispatch")
    await at(notifications, 2026, 12, 2, 5, 29)
    assert (await outside.mails(), await outside.pushes()) == ([], [])
    deferred = (await anna(notifications).get("/v1/deliveries", params={"state": "deferred"})).json()["items"]
    assert {(item["state"], item["waiting_for"], item["due_at"]) for item in deferred} == {
        ("deferred", "quiet_hours", "2026-12-02T05:30:00Z")
    }
    assert (await anna(notifications).get("/v1/deliveries", params={"state": "queued"})).json()["items"] == []
    await at(notifications, 2026, 12, 2, 5, 30)
    assert (len(await outside.mails()), len(await outside.pushes())) == (1, 1)


@pytest.mark.feature("X7")
async def test_urgent_news_come_in_quiet_hours(notifications: Running, outside: Outside) -> None:
    await known(notifications)
    await wish(anna(notifications), quiet_hours={"starts": "00:00", "ends": "23:59", "time_zone": "UTC"})
    await notifications.handle(sample("booking.places.held.v1"), sample("orders.order.priced.v1"), sample(STATUS))
    await notifications.turn("dispatch")
    assert (len(await outside.mails()), len(await outside.pushes())) == (1, 1)


@pytest.mark.feature("X7")
async def test_what_became_untrue_in_quiet_hours_is_not_sent(notifications: Running, outside: Outside) -> None:
    await known(notifications)
    await wish(anna(notifications), quiet_hours={"starts": "00:00", "ends": "12:00", "time_zone": "UTC"})
    await notifications.handle(sample(STATUS, sequence=3, to_status="active", group="in_work"))
    await notifications.turn("dispatch")
    await notifications.handle(sample(STATUS, sequence=4, to_status="done", group="done"))
    await at(notifications, 2026, 12, 1, 12)
    assert ("push", "skipped", "outdated") in await found(notifications)
    assert await outside.pushes() == []


@pytest.mark.feature("X7")
async def test_quiet_hours_that_are_lifted_wake_what_waits(notifications: Running, outside: Outside) -> None:
    await known(notifications)
    await wish(anna(notifications), quiet_hours={"starts": "00:00", "ends": "12:00", "time_zone": "UTC"})
    await notifications.handle(sample(TOPPED_UP))
    await notifications.turn("dispatch")
    assert await outside.mails() == []
    assert (await wish(anna(notifications))).json()["quiet_hours"] is None
    await notifications.turn("dispatch")
    assert len(await outside.mails()) == 1


@pytest.mark.feature("X2")
@pytest.mark.parametrize(
    ("starts", "ends", "zone", "now", "until"),
    [
        ("22:00", "08:00", "UTC", "2026-12-01T21:59", None),
        ("22:00", "08:00", "UTC", "2026-12-01T22:00", "2026-12-02T08:00"),
        ("22:00", "08:00", "UTC", "2026-12-02T07:59", "2026-12-02T08:00"),
        ("22:00", "08:00", "UTC", "2026-12-02T08:00", None),
        ("13:00", "15:00", "UTC", "2026-12-02T14:00", "2026-12-02T15:00"),
        ("13:00", "13:00", "UTC", "2026-12-02T13:00", None),
        ("22:00", "08:00", "Asia/Kolkata", "2026-12-01T20:00", "2026-12-02T02:30"),
        ("22:00", "00:00", "UTC", "2026-12-01T23:00", "2026-12-02T00:00"),
        # The night when Berlin's clocks go forward at 02:00, and the one when they go back at 03:00.
        ("22:00", "07:00", "Europe/Berlin", "2027-03-27T22:00", "2027-03-28T05:00"),
        ("22:00", "02:30", "Europe/Berlin", "2027-03-27T22:00", "2027-03-28T01:30"),
        ("22:00", "02:30", "Europe/Berlin", "2027-10-30T21:00", "2027-10-31T00:30"),
        ("22:00", "02:30", "Europe/Berlin", "2027-10-31T01:10", "2027-10-31T01:30"),
        ("22:00", "07:00", "Europe/Berlin", "2027-10-30T21:00", "2027-10-31T06:00"),
    ],
)
def test_end_of_quiet_hours(starts: str, ends: str, zone: str, now: str, until: str | None) -> None:
    first, last = (int(text[:2]) * 60 + int(text[3:]) for text in (starts, ends))
    ended = QuietHours(first, last, zone).until(datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert ended == (None if until is None else datetime.fromisoformat(until).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    "quiet",
    [
        {"starts": "25:00", "ends": "08:00", "time_zone": "UTC"},
        {"starts": "22:00", "ends": "8:00", "time_zone": "UTC"},
        {"starts": "22:00", "ends": "08:00", "time_zone": "Mars/Olympus"},
        {"starts": "22:00", "ends": "08:00", "time_zone": "../etc/passwd"},
        {"starts": "22:00", "ends": "08:00"},
    ],
)
async def test_hours_that_are_none(notifications: Running, quiet: dict[str, str]) -> None:
    answer = await wish(anna(notifications), quiet_hours=quiet)
    assert answer.status_code == 422, answer.text


# One message for a burst


@pytest.fixture
async def bursting(databases: Databases, identity: Identity, outside: Outside) -> AsyncIterator[Running]:
    async with running(SERVICE, databases, identity, **channel_settings(outside, burst_seconds=60)) as it:
        it.at(NOW)
        await known(it)
        yield it


def topped_up(number: int) -> Any:
    return sample(TOPPED_UP, sequence=number, top_up_id=UUID(int=number))


@pytest.mark.feature("X7")
async def test_burst_is_one_message(bursting: Running, outside: Outside) -> None:
    await bursting.handle(topped_up(1))
    await bursting.turn("dispatch")
    for number in range(2, 6):
        bursting.at(NOW + timedelta(seconds=number))
        await bursting.handle(topped_up(number))
        await bursting.turn("dispatch")
    assert (len(await outside.mails()), len(await outside.pushes())) == (1, 1), (
        "the first goes at once, the others wait"
    )
    bursting.at(NOW + timedelta(seconds=59))
    await bursting.turn("dispatch")
    assert len(await outside.mails()) == 1
    bursting.at(NOW + timedelta(seconds=61))
    await bursting.turn("dispatch")
    mails, pushes = await outside.mails(), await outside.pushes()
    assert [mail["subject"] for mail in mails] == ["4 новых уведомления", "Баланс пополнен"]
    assert mails[0]["text"].count("Баланс пополнен: Деньги зачислены на ваш счёт.") == 4
    assert [push["notification"]["title"] for push in pushes] == ["4 новых уведомления", "Баланс пополнен"]
    assert await found(bursting) == {("email", "sent", None), ("push", "sent", None)}
    sent = await bursting.published("notifications.delivery.sent.v1")
    assert len(sent) == len({event.data.delivery_id for event in sent}) == 10


@pytest.mark.feature("X7")
async def test_what_comes_at_once_is_one_message(bursting: Running, outside: Outside) -> None:
    await bursting.handle(*(topped_up(number) for number in range(1, 13)))
    await bursting.turn("dispatch")
    (mail,) = await outside.mails()
    assert mail["subject"] == "12 новых уведомлений"
    assert "И ещё 2 уведомления: Они есть в приложении." in mail["text"]


@pytest.mark.feature("X7")
async def test_urgent_news_wait_for_no_burst(bursting: Running, outside: Outside) -> None:
    await bursting.handle(topped_up(1))
    await bursting.turn("dispatch")
    await bursting.handle(topped_up(2), sample("payments.refund.succeeded.v1"))
    bursting.at(NOW + timedelta(seconds=15))
    await bursting.turn("dispatch")
    assert [mail["subject"] for mail in await outside.mails()] == ["Деньги возвращены", "Баланс пополнен"]


@pytest.mark.feature("X7")
async def test_burst_that_the_server_refuses_for_now_goes_out_once(bursting: Running, outside: Outside) -> None:
    await outside.switch(outside.mailbox, fail_next=[{"code": 451, "count": 1, "stage": "data"}])
    await bursting.handle(*(topped_up(number) for number in range(1, 4)))
    await bursting.turn("dispatch")
    assert ("email", "queued", "smtp 451 4.3.0") in await found(bursting) or await outside.mails() == []
    bursting.at(NOW + timedelta(seconds=5))
    await bursting.turn("dispatch")
    (mail,) = await outside.mails()
    assert (mail["subject"], mail["copies"]) == ("3 новых уведомления", 1)


@pytest.mark.parametrize(
    ("count", "russian", "english"),
    [
        (1, "1 новое уведомление", "1 new notification"),
        (2, "2 новых уведомления", "2 new notifications"),
        (11, "11 новых уведомлений", "11 new notifications"),
        (21, "21 новое уведомление", "21 new notifications"),
        (25, "25 новых уведомлений", "25 new notifications"),
    ],
)
def test_plurals_of_a_digest(count: int, russian: str, english: str) -> None:
    renderer = Renderer()
    for locale, title in (("ru", russian), ("en", english)):
        message = renderer.render("account_topped_up", {}, locale)  # type: ignore[arg-type]
        assert renderer.digest([message] * count, locale).title == title  # type: ignore[arg-type]


# Sending again


async def test_failed_delivery_is_sent_again(notifications: Running, outside: Outside) -> None:
    await notifications.handle(contact(email="not an address"), sample(TOPPED_UP))
    await notifications.turn("dispatch")
    (item,) = (await admin(notifications).get("/v1/deliveries", params={"state": "skipped"})).json()["items"][:1]
    mail = next(
        i for i in (await admin(notifications).get("/v1/deliveries")).json()["items"] if i["channel"] == "email"
    )
    assert (mail["state"], mail["reason"]) == ("skipped", "bad_address")
    await notifications.handle(contact(sequence=2))
    path = f"/v1/deliveries/{mail['id']}/send-again"
    assert (await anna(notifications).post(path)).status_code == 403
    assert (await admin(notifications).post(path)).json()["state"] == "queued"
    assert (await admin(notifications).post(path)).status_code == 409
    await notifications.turn("dispatch")
    assert len(await outside.mails("anna@example.test")) == 1
    again = await admin(notifications).post(path)
    assert (again.status_code, again.json()["state"]) == (409, "sent")
    assert (await admin(notifications).post(f"/v1/deliveries/{uuid4()}/send-again")).status_code == 404
    assert item["state"] == "skipped"
    assert ORDER
