"""Who is told what by which channel: the service against a table written by hand."""

import random
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from foyer_chassis.testing import Running
from foyer_contracts.envelope import Event
from foyer_contracts.orders import Actor
from foyer_contracts.samples import APPLICANT, MANAGER, ORDER, REQUEST, SAMPLES, TECHNICIAN
from notifications.feed.tables import feed_entries
from notifications.telling.domain.rules import RULES, rule_of
from notifications.telling.tables import deliveries
from notifications.texts.domain import TEMPLATES
from notifications.texts.renderer import Renderer

from .conftest import sample

PLACED = "orders.order.placed.v1"
STATUS = "orders.order.status_changed.v1"
CANCELLED = "orders.order.cancelled.v1"
NOTHING = SAMPLES[CANCELLED].data.fee
OTHER_MANAGER = uuid4()
#: In test_catalogue, each once.
PASSES = {
    "ticket_issued", "pass_issued", "pass_code", "pass_attached", "pass_withdrawn", "offer_made",
}  # fmt: skip
#: Told by the clock; see test_reminders.
REMINDERS = {"remind_start", "remind_hold", "remind_invoice", "remind_rating"}
ASSIGNED, RETURNED = "orders.order.assigned.v1", "orders.order.returned.v1"
OVERDUE, CHANGED = "orders.order.overdue.v1", "orders.order.changed.v1"
DRAFT, DIALOG, MESSAGE = "orders.draft.created.v1", "chat.dialog.posted.v1", "chat.message.posted.v1"
MOVED = "booking.reservation.rescheduled.v1"
CLASS, NO_CLASS, CHANGED_CLASS = (f"booking.class.{what}.v1" for what in ("booked", "cancelled", "changed"))
ANNA, RITA, TECH = f"person:{APPLICANT}", f"person:{MANAGER}", f"person:{TECHNICIAN}"

EMAIL, PUSH, FEED = "email", "push", "feed"
ALL = {EMAIL, PUSH, FEED}


def status(to: str, group: str) -> Event[Any]:
    return sample(STATUS, to_status=to, group=group)


#: (what, event, who → channels, template, critical)
TABLE: list[tuple[str, Event[Any], dict[str, set[str]], str | None, bool]] = [
    ("placed", sample(PLACED), {f"person:{MANAGER}": ALL}, "order_placed", False),
    (
        "placed, two responsible",
        sample(PLACED, responsible_ids=[MANAGER, OTHER_MANAGER, MANAGER]),
        {f"person:{MANAGER}": ALL, f"person:{OTHER_MANAGER}": ALL},
        "order_placed",
        False,
    ),
    ("placed, slot", sample(PLACED, responsible_ids=[]), {"role:rent_manager": {FEED}}, "order_placed", False),
    (
        "placed, request",
        sample(PLACED, responsible_ids=[], kind="request"),
        {"role:service_manager": {FEED}},
        "order_placed",
        False,
    ),
    (
        "placed, goods",
        sample(PLACED, responsible_ids=[], kind="goods"),
        {"role:shop_manager": {FEED}},
        "order_placed",
        False,
    ),
    (
        "placed, new kind",
        sample(PLACED, responsible_ids=[], kind="spaceship"),
        {"role:administrator": {FEED}},
        "order_placed",
        False,
    ),
    (
        "link",
        sample("payments.payment.link_created.v1"),
        {f"person:{APPLICANT}": ALL},
        "payment_link",
        True,
    ),
    ("confirmed", sample(STATUS), {f"person:{APPLICANT}": ALL}, "order_confirmed", True),
    ("in progress", status("in_progress", "in_work"), {f"person:{APPLICANT}": {FEED, PUSH}}, "order_status", False),
    ("to be confirmed", status("awaiting_confirmation", "in_work"), {ANNA: ALL}, "order_to_confirm", False),
    ("collecting", status("collecting", "in_work"), {ANNA: {FEED, PUSH}}, "order_status", False),
    ("ready", status("ready", "in_work"), {ANNA: ALL}, "order_ready", False),
    (
        "the applicant's own act",
        sample(STATUS, to_status="in_progress", group="in_work", actor=Actor(kind="customer", id=APPLICANT)),
        {},
        None,
        False,
    ),
    ("own status", status("on_the_moon", "in_work"), {f"person:{APPLICANT}": {FEED, PUSH}}, "order_status", False),
    ("active", status("active", "in_work"), {f"person:{APPLICANT}": {FEED, PUSH}}, "order_started", False),
    ("done", status("done", "done"), {f"person:{APPLICANT}": {FEED}}, "order_done", False),
    ("to cancelled", status("cancelled", "cancelled"), {}, None, False),
    ("to refunding", status("cancelled_refunding", "cancelled"), {}, None, False),
    ("to refunded", status("cancelled_refunded", "cancelled"), {}, None, False),
    (
        "cancelled, nothing paid",
        sample(CANCELLED, reason="hold_expired", paid=NOTHING, refund=NOTHING),
        {f"person:{APPLICANT}": ALL},
        "order_cancelled",
        True,
    ),
    ("cancelled, paid", sample(CANCELLED), {f"person:{APPLICANT}": ALL}, "order_cancelled_refunding", True),
    (
        "refunded",
        sample("payments.refund.succeeded.v1"),
        {f"person:{APPLICANT}": ALL},
        "refund_succeeded",
        True,
    ),
    ("not refunded", sample("payments.refund.failed.v1"), {"role:finance": {FEED}}, "refund_failed", True),
    ("placed, responsible is preset", sample(PLACED, assignee_id=MANAGER), {RITA: ALL}, "order_placed_for_you", False),
    ("assigned", sample(ASSIGNED), {TECH: ALL}, "order_assigned", False),
    ("assigned to nobody", sample(ASSIGNED, assignee_id=None), {}, None, False),
    ("assigned to themselves", sample(ASSIGNED, actor=Actor(kind="staff", id=TECHNICIAN)), {}, None, False),
    ("returned", sample(RETURNED), {TECH: ALL}, "order_returned", False),
    ("returned, nobody assigned", sample(RETURNED, assignee_id=None), {RITA: ALL, TECH: ALL}, "order_returned", False),
    (
        "returned, nobody at all",
        sample(RETURNED, assignee_id=None, responsible_ids=[]),
        {"role:service_manager": {FEED}},
        "order_returned",
        False,
    ),
    ("response overdue", sample(OVERDUE), {TECH: ALL}, "order_overdue_response", False),
    (
        "completion overdue",
        sample(OVERDUE, deadline="completion", assignee_id=None),
        {RITA: ALL, TECH: ALL},
        "order_overdue_completion",
        False,
    ),
    ("deadline changed", sample("orders.order.deadline_changed.v1"), {}, None, False),
    ("completed", sample("orders.order.completed.v1"), {ANNA: {FEED, PUSH}}, "order_to_rate", False),
    ("rated", sample("orders.order.rated.v1"), {}, None, False),
    ("goods changed", sample(CHANGED), {ANNA: {FEED, PUSH}}, "order_changed", False),
    ("goods changed by the customer", sample(CHANGED, actor=Actor(kind="customer", id=APPLICANT)), {}, None, False),
    ("comment changed", sample(CHANGED, changed=["comment"]), {}, None, False),
    ("draft by an operator", sample(DRAFT), {ANNA: ALL}, "draft_ready", False),
    ("draft by the customer", sample(DRAFT, actor=Actor(kind="customer", id=APPLICANT)), {}, None, False),
    ("invoice issued", sample("payments.invoice.issued.v1"), {}, None, False),
    ("invoice activated", sample("payments.invoice.activated.v1"), {ANNA: ALL}, "invoice_to_pay", True),
    ("invoice paid", sample("payments.invoice.paid.v1"), {}, None, False),
    ("invoice cancelled", sample("payments.invoice.cancelled.v1"), {}, None, False),
    ("refund asked for", sample("payments.refund.requested.v1"), {"role:finance": {FEED}}, "refund_requested", False),
    ("refund rejected", sample("payments.refund.rejected.v1"), {ANNA: ALL}, "refund_rejected", True),
    ("topped up", sample("payments.account.topped_up.v1"), {ANNA: ALL}, "account_topped_up", False),
    ("no funds", sample("payments.account.insufficient.v1"), {ANNA: ALL}, "account_insufficient", True),
    ("dialog, customer", sample(DIALOG), {RITA: {FEED, PUSH}}, "dialog_from_customer", False),
    (
        "dialog, customer, nobody responsible",
        sample(DIALOG, responsible_ids=[]),
        {"role:administrator": {FEED}},
        "dialog_from_customer",
        False,
    ),
    (
        "dialog, staff",
        sample(DIALOG, author_kind="staff", author_id=MANAGER),
        {ANNA: ALL},
        "dialog_from_staff",
        False,
    ),
    ("dialog, system", sample(DIALOG, author_kind="system"), {}, None, False),
    (
        "message of staff",
        sample(MESSAGE, author_kind="staff", author_id=MANAGER, count=1),
        {ANNA: {FEED, PUSH}},
        "message_from_staff",
        False,
    ),
    (
        "message of the customer on an unknown order",
        sample(MESSAGE, author_kind="customer", author_id=APPLICANT, count=1),
        {"role:administrator": {FEED}},
        "message_from_customer",
        False,
    ),
    ("message of the system", sample(MESSAGE), {}, None, False),
    ("conversation read", sample("chat.conversation.read.v1"), {}, None, False),
    ("moved, order unknown", sample(MOVED), {}, None, False),
    ("paid", sample("payments.payment.succeeded.v1"), {}, None, False),
    ("priced", sample("orders.order.priced.v1"), {}, None, False),
    ("held", sample("booking.places.held.v1"), {}, None, False),
    ("reserved", sample("booking.reservation.confirmed.v1"), {}, None, False),
    ("class booked", sample(CLASS, customer_id=APPLICANT), {ANNA: ALL}, "class_booked", False),
    ("class, place given up", sample(NO_CLASS, customer_id=APPLICANT), {ANNA: ALL}, "class_cancelled", True),
    (
        "class called off",
        sample(NO_CLASS, customer_id=APPLICANT, reason="class_cancelled"),
        {ANNA: ALL},
        "class_called_off",
        True,
    ),
    ("class moved", sample(CHANGED_CLASS), {ANNA: ALL}, "class_moved", True),
    ("class, another trainer", sample(CHANGED_CLASS, changed=["trainer"]), {ANNA: ALL}, "class_changed", False),
]


async def told(it: Running) -> tuple[dict[str, set[str]], set[str]]:
    """Who → channels, and the templates."""
    channels: dict[str, set[str]] = {}
    templates: set[str] = set()
    async with it.database.read() as reading:
        for row in await reading.all(sa.select(deliveries)):
            channels.setdefault(f"person:{row['recipient_id']}", set()).add(row["channel"])
            templates.add(row["template"])
        for row in await reading.all(sa.select(feed_entries)):
            channels.setdefault(row["addressee"], set()).add(FEED)
            templates.add(row["template"])
    return channels, templates


@pytest.mark.feature("A1")
@pytest.mark.feature("A5")
@pytest.mark.feature("A7")
@pytest.mark.feature("A9")
@pytest.mark.feature("B12")
@pytest.mark.feature("B13")
@pytest.mark.feature("B14")
@pytest.mark.feature("B17")
@pytest.mark.feature("B23")
@pytest.mark.feature("B27")
@pytest.mark.feature("B29")
@pytest.mark.parametrize(
    ("event", "who", "template", "critical"), [line[1:] for line in TABLE], ids=[t[0] for t in TABLE]
)
async def test_table(
    notifications: Running, event: Event[Any], who: dict[str, set[str]], template: str | None, critical: bool
) -> None:
    await notifications.handle_twice(event)
    assert await told(notifications) == (who, {template} if template else set())
    if template is not None:
        assert rule_of(template).critical is critical


def test_every_line_of_the_table_is_in_the_table_here() -> None:
    # Two need an order that is known; they have tests of their own below.
    told_later = {"booking_moved", "message_inside", "webhook_disabled", *REMINDERS, *PASSES}
    assert {rule.template for rule in RULES} == {line[3] for line in TABLE if line[3]} | told_later == set(TEMPLATES)


def test_each_template_has_one_line() -> None:
    """`rule_of` relies on it."""
    templates = [rule.template for rule in RULES]
    assert len(templates) == len(set(templates))


async def test_every_sample_twice_and_in_any_order(notifications: Running) -> None:
    """Whatever the order, the same people are told the same, once."""
    handled = [sample(type_) for type_ in dict.fromkeys(item.data.type for item in notifications.subscriptions)]
    shuffled = random.Random(7).sample(handled, len(handled))
    for event in shuffled:
        await notifications.handle_twice(event)
    await notifications.handle(*handled)
    async with notifications.database.read() as reading:
        rows = await reading.all(sa.select(deliveries.c.event_id, deliveries.c.recipient_id, deliveries.c.channel))
        entries = await reading.all(sa.select(feed_entries.c.event_id, feed_entries.c.addressee))
    assert len(rows) == len({tuple(row.values()) for row in rows}) == 47
    assert len(entries) == len({tuple(entry.values()) for entry in entries}) == 27


@pytest.mark.parametrize("seed", range(10))
async def test_copies_end_alike_in_any_order(notifications: Running, seed: int) -> None:
    """The last word about an order and a person does not depend on what comes first."""
    from notifications.order_copies.tables import order_copies
    from notifications.recipients.tables import recipients

    from .conftest import contact

    events = [
        sample(PLACED),
        sample("orders.order.priced.v1", sequence=2),
        sample(STATUS, sequence=3),
        sample(STATUS, sequence=4, to_status="active", group="in_work"),
        sample("booking.places.held.v1", sequence=1),
        sample("booking.reservation.confirmed.v1", sequence=2),
        contact(sequence=1, email="old@example.test", display_name="Старое Имя"),
        contact(sequence=2),
        sample("payments.payment.succeeded.v1"),
    ]
    random.Random(seed).shuffle(events)
    for event in events:
        await notifications.handle(event)
    async with notifications.database.read() as reading:
        (order,) = await reading.all(sa.select(order_copies))
        (person,) = await reading.all(sa.select(recipients))
    assert (order["status_group"], order["sequence"], order["paid"]) == ("in_work", 4, True)
    assert order["reservation_sequence"] == 2
    assert set(order["facts"]) == {"number", "offering", "total", "pay_until"}
    assert (person["name"], person["email"]) == ("Анна Иванова", "anna@example.test")


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        (1, "После 1 попытки возврат не прошёл."),
        (2, "После 2 попыток возврат не прошёл."),
        (5, "После 5 попыток возврат не прошёл."),
        (21, "После 21 попытки возврат не прошёл."),
        (111, "После 111 попыток возврат не прошёл."),
    ],
)
def test_russian_plurals(attempts: int, expected: str) -> None:
    message = Renderer().render("refund_failed", {"attempts": attempts, "reason": "x"}, "ru")
    assert message.body.startswith(expected)


@pytest.mark.feature("A15")
@pytest.mark.parametrize("placed_first", [True, False])
async def test_moved_booking_is_told_whenever_its_order_is_known(notifications: Running, placed_first: bool) -> None:
    events = [sample(PLACED, responsible_ids=[OTHER_MANAGER]), sample(MOVED)]
    for event in events if placed_first else reversed(events):
        await notifications.handle_twice(event)
    who, templates = await told(notifications)
    assert who[ANNA] == {*ALL, "sms"}
    assert templates == {"order_placed", "booking_moved"}


@pytest.mark.feature("A24")
@pytest.mark.parametrize(
    ("thread", "author_kind", "author", "assignee", "expected"),
    [
        ("public", "customer", APPLICANT, None, {RITA: {FEED, PUSH}, TECH: {FEED, PUSH}}),
        ("public", "customer", APPLICANT, TECHNICIAN, {TECH: {FEED, PUSH}}),
        ("public", "staff", MANAGER, TECHNICIAN, {ANNA: {FEED, PUSH}}),
        ("internal", "staff", MANAGER, TECHNICIAN, {TECH: {FEED}}),
        ("internal", "staff", TECHNICIAN, None, {RITA: {FEED}}),
        ("internal", "staff", OTHER_MANAGER, APPLICANT, {RITA: {FEED}, TECH: {FEED}}),
        ("internal", "system", None, TECHNICIAN, {}),
    ],
)
async def test_messages_of_an_order_go_to_the_other_side(
    notifications: Running, thread: str, author_kind: str, author: Any, assignee: Any, expected: dict[str, set[str]]
) -> None:
    """What is said inside is never told to the applicant, even when they are the assignee of their own order."""
    order: dict[str, Any] = {"responsible_ids": [MANAGER, TECHNICIAN], "kind": "request", "assignee_id": assignee}
    await notifications.handle(sample(PLACED, sequence=1, order_id=REQUEST, **order))
    before, _ = await told(notifications)
    async with notifications.database.transaction() as transaction:
        await transaction.execute(sa.delete(deliveries))
        await transaction.execute(sa.delete(feed_entries))
    assert before
    message = {"thread": thread, "author_kind": author_kind, "author_id": author, "count": 1}
    await notifications.handle_twice(sample(MESSAGE, order_id=REQUEST, **message))
    assert (await told(notifications))[0] == expected


@pytest.mark.feature("B13")
async def test_latest_assignee_counts(notifications: Running) -> None:
    """The message of the customer finds whom the newest event names, in whatever order they come."""
    who: dict[str, Any] = {"order_id": ORDER, "responsible_ids": [MANAGER]}
    await notifications.handle_twice(
        sample(ASSIGNED, sequence=5, **who, assignee_id=OTHER_MANAGER),
        sample(ASSIGNED, sequence=4, **who, assignee_id=TECHNICIAN),
        sample(PLACED, sequence=1, assignee_id=MANAGER),
        sample(MESSAGE, author_kind="customer", author_id=APPLICANT, count=1),
    )
    async with notifications.database.read() as reading:
        rows = await reading.all(sa.select(deliveries).where(deliveries.c.template == "message_from_customer"))
    assert [row["recipient_id"] for row in rows] == [OTHER_MANAGER]


async def test_dialog_goes_to_the_role_of_its_offering(notifications: Running) -> None:
    await notifications.handle(
        sample("orders.offering.changed.v1", responsible_ids=[]), sample(DIALOG, responsible_ids=[])
    )
    assert (await told(notifications))[0] == {"role:service_manager": {FEED}}
