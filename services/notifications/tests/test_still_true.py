"""What has become needless before its turn is not sent; what staff wrote to the customer is."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from foyer_chassis.testing import Running
from foyer_contracts.orders import Actor
from foyer_contracts.samples import APPLICANT, MANAGER, NOW, ORDER, TECHNICIAN

from .conftest import Outside, contact, device, sample, states

PLACED, STATUS, CANCELLED = "orders.order.placed.v1", "orders.order.status_changed.v1", "orders.order.cancelled.v1"
MESSAGE, DIALOG, READ = "chat.message.posted.v1", "chat.dialog.posted.v1", "chat.conversation.read.v1"
PHONE = "phone-of-anna:APA91bH"


async def at_phone(it: Running) -> None:
    await it.handle(contact())
    assert (await it.client("anna", sub=str(APPLICANT)).put(f"/v1/devices/{PHONE}")).status_code == 204


async def later(it: Running, seconds: float) -> None:
    it.at(it.database.now() + timedelta(seconds=seconds))
    await it.turn("dispatch")


def said(position: int, **data: Any) -> Any:
    return sample(MESSAGE, sequence=position, author_kind="staff", author_id=MANAGER, count=position, **data)


@pytest.mark.feature("A24")
async def test_message_is_pushed_to_who_is_away(notifications: Running, outside: Outside) -> None:
    await at_phone(notifications)
    await notifications.handle_twice(said(1))
    await later(notifications, 0)
    assert await outside.pushes() == [], "they may be looking at it"
    await later(notifications, 21)
    (push,) = await outside.pushes()
    assert push["data"]["order_id"] == str(ORDER)
    assert push["data"]["conversation_id"]


@pytest.mark.parametrize("seen", [1, 2])
async def test_message_that_was_read_is_not_pushed(notifications: Running, outside: Outside, seen: int) -> None:
    await at_phone(notifications)
    await notifications.handle(said(1), said(2), sample(READ, reader_kind="customer", reader_id=APPLICANT, seen=seen))
    await later(notifications, 21)
    assert len(await outside.pushes()) == 2 - seen
    assert next((state, reason) for _, _, state, reason in await states(notifications)) == ("skipped", "read")


async def test_mark_of_the_other_side_says_nothing(notifications: Running, outside: Outside) -> None:
    await at_phone(notifications)
    await notifications.handle(said(1), sample(READ, reader_kind="staff", reader_id=MANAGER, seen=9))
    await later(notifications, 21)
    assert len(await outside.pushes()) == 1


@pytest.mark.feature("B27")
async def test_question_that_was_answered_is_not_pushed(notifications: Running, outside: Outside) -> None:
    await at_phone(notifications)
    await device(notifications, "rita", "phone-of-rita:APA91b")
    await notifications.handle(
        sample(DIALOG, sequence=7, author_kind="staff", author_id=MANAGER),
        sample(DIALOG, sequence=9),
        sample(DIALOG, sequence=8, author_kind="staff", author_id=MANAGER),
    )
    await later(notifications, 21)
    found = sorted(
        (channel, template, state, reason) for channel, template, state, reason in await states(notifications)
    )
    assert found == [
        ("email", "dialog_from_staff", "skipped", "read"),
        ("email", "dialog_from_staff", "skipped", "read"),
        ("push", "dialog_from_customer", "skipped", "no_device"),
        ("push", "dialog_from_staff", "skipped", "read"),
        ("push", "dialog_from_staff", "skipped", "read"),
    ]


@pytest.mark.feature("B14")
@pytest.mark.parametrize("status_first", [True, False])
async def test_comment_of_a_manager_is_in_the_mail(
    notifications: Running, outside: Outside, status_first: bool
) -> None:
    await notifications.handle(contact())
    staff = Actor(kind="staff", id=MANAGER)
    change = sample(
        STATUS, sequence=5, to_status="cancelled_refunding", group="cancelled", note="Мастер заболел", actor=staff
    )
    events = [change, sample(CANCELLED, sequence=5, reason="staff_decision", actor=staff)]
    for event in events if status_first else reversed(events):
        await notifications.handle_twice(event)
        await notifications.turn("dispatch")
    (mail,) = await outside.mails("anna@example.test")
    for part in (mail["text"], mail["html"]):
        assert "Заказ отменил сотрудник." in part
        assert "Мастер заболел" in part


@pytest.mark.feature("B10")
async def test_other_comments_are_not_for_the_customer(notifications: Running, outside: Outside) -> None:
    """A comment on any other change of status, and one of the customer's own, are told to nobody."""
    await at_phone(notifications)
    inside = "клиент ругается"
    staff = Actor(kind="staff", id=MANAGER)
    await notifications.handle(
        sample(STATUS, sequence=3, to_status="in_progress", group="in_work", note=inside, actor=staff),
        sample(STATUS, sequence=4, note=inside, actor=staff),
        sample(STATUS, sequence=5, to_status="cancelled", group="cancelled", note=inside),
        sample(CANCELLED, sequence=5),
    )
    await later(notifications, 0)
    feed = (await notifications.client("anna", sub=str(APPLICANT)).get("/v1/feed")).text
    assert inside not in feed + str(await outside.mails()) + str(await outside.pushes())
    assert len(await outside.mails()) == 1


@pytest.mark.parametrize(
    ("before", "after", "template"),
    [
        (sample("payments.invoice.activated.v1"), sample("payments.invoice.paid.v1"), "invoice_to_pay"),
        (sample("payments.invoice.activated.v1"), sample("payments.invoice.cancelled.v1"), "invoice_to_pay"),
        (
            sample("orders.order.completed.v1", order_id=ORDER),
            sample("orders.order.rated.v1", order_id=ORDER),
            "order_to_rate",
        ),
        (
            sample("orders.order.assigned.v1", sequence=4),
            sample("orders.order.assigned.v1", sequence=5, assignee_id=MANAGER, previous_assignee_id=TECHNICIAN),
            "order_assigned",
        ),
        (
            sample("orders.order.overdue.v1", sequence=4, order_id=ORDER),
            sample(STATUS, sequence=5, to_status="in_progress", group="in_work"),
            "order_overdue_response",
        ),
        (
            sample("orders.order.returned.v1", sequence=4, order_id=ORDER),
            sample(STATUS, sequence=6, to_status="done", group="done"),
            "order_returned",
        ),
    ],
    ids=["paid", "invoice cancelled", "rated", "reassigned", "taken up", "done"],
)
@pytest.mark.parametrize("in_order", [True, False])
async def test_what_is_no_longer_true(
    notifications: Running, before: Any, after: Any, template: str, in_order: bool
) -> None:
    for event in [before, after] if in_order else [after, before]:
        await notifications.handle_twice(event)
    notifications.at(NOW + timedelta(minutes=2))
    await notifications.turn("dispatch")
    told = [
        (state, reason)
        for _, of, state, reason in await states(notifications)
        if of == template and reason not in ("no_contact", "no_device")
    ]
    assert told
    assert set(told) == {("skipped", "outdated")}


async def test_erased_customer_is_reached_no_more(notifications: Running, outside: Outside) -> None:
    await at_phone(notifications)
    await notifications.handle(sample(STATUS))
    erased = sample("orders.customer.changed.v1", sequence=9, display_name="", erased=True)
    await notifications.handle_twice(erased)
    await notifications.handle(contact(sequence=8), sample("orders.customer.changed.v1", sequence=8))
    await later(notifications, 120)
    assert {(state, reason) for _, _, state, reason in await states(notifications)} == {
        ("skipped", "no_contact"), ("skipped", "no_device"),
    }  # fmt: skip
    assert (await outside.mails(), await outside.pushes()) == ([], [])
    me = (await notifications.client("anna", sub=str(APPLICANT)).get("/v1/me")).json()
    assert (me["name"], me["email"], me["phone"]) == ("", None, None)


# Offers of the waiting list

OFFER, TAKEN, ENDED = "booking.offer.made.v1", "booking.offer.taken.v1", "booking.offer.expired.v1"


def over(type_: str, offer: Any) -> Any:
    return sample(type_, offer_id=offer.data.offer_id, applicant_id=APPLICANT, resource_id=offer.data.resource_id)


def an_offer(**data: Any) -> Any:
    return sample(OFFER, applicant_id=APPLICANT, expires_at=NOW + timedelta(hours=1), offer_id=uuid4(), **data)


@pytest.mark.feature("X5")
@pytest.mark.parametrize(("type_", "why"), [(TAKEN, "offer_taken"), (ENDED, "offer_ended")])
async def test_offer_that_is_over_is_not_sent(notifications: Running, outside: Outside, type_: str, why: str) -> None:
    """It waited for the mail server and for the telephone; the other offer still stands."""
    await at_phone(notifications)
    first, second = an_offer(), an_offer()
    await outside.switch(outside.mailbox, down=True)
    busy = {"path_prefix": "/v1/", "status": 503, "count": 2, "retry_after_seconds": 1}
    await outside.switch(outside.push, fail_next=[busy])
    await notifications.handle(first, second)
    await later(notifications, 0)
    assert {state for *_, state, _ in await states(notifications)} == {"queued"}
    await outside.switch(outside.mailbox)
    await notifications.handle_twice(over(type_, first))
    await later(notifications, 60)
    outcomes = sorted((channel, state, str(reason)) for channel, _, state, reason in await states(notifications))
    assert outcomes == [
        ("email", "sent", "None"), ("email", "skipped", why), ("push", "sent", "None"), ("push", "skipped", why),
    ]  # fmt: skip
    assert (len(await outside.mails()), len(await outside.pushes())) == (1, 1)


@pytest.mark.feature("X5")
async def test_end_of_an_offer_that_overtakes_it(notifications: Running, outside: Outside) -> None:
    await at_phone(notifications)
    offer = an_offer()
    await notifications.handle_twice(over(ENDED, offer))
    await notifications.handle_twice(offer)
    await later(notifications, 0)
    assert {(state, reason) for *_, state, reason in await states(notifications)} == {("skipped", "offer_ended")}
    assert (await outside.mails(), await outside.pushes()) == ([], [])


@pytest.mark.feature("X5")
async def test_offer_that_waits_for_a_contact_is_woken_by_its_end(notifications: Running) -> None:
    offer = an_offer()
    await notifications.handle(offer)
    await notifications.turn("dispatch")
    await notifications.handle(over(TAKEN, offer))
    await notifications.turn("dispatch")
    assert ("email", "offer_made", "skipped", "offer_taken") in await states(notifications)
