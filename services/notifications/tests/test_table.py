"""Who is told what by which channel: the service against a table written by hand."""

import random
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from foyer_chassis.testing import Running
from foyer_contracts.envelope import Event
from foyer_contracts.samples import APPLICANT, MANAGER, SAMPLES
from notifications.feed.tables import feed_entries
from notifications.telling.domain import RULES, rule_of
from notifications.telling.tables import deliveries
from notifications.texts.domain import TEMPLATES
from notifications.texts.renderer import Renderer

from .conftest import sample

PLACED = "orders.order.placed.v1"
STATUS = "orders.order.status_changed.v1"
CANCELLED = "orders.order.cancelled.v1"
NOTHING = SAMPLES[CANCELLED].data.fee
OTHER_MANAGER = uuid4()

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
    (
        "to be confirmed",
        status("awaiting_confirmation", "in_work"),
        {f"person:{APPLICANT}": {FEED, PUSH}},
        "order_status",
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
    ("paid", sample("payments.payment.succeeded.v1"), {}, None, False),
    ("priced", sample("orders.order.priced.v1"), {}, None, False),
    ("held", sample("booking.places.held.v1"), {}, None, False),
    ("reserved", sample("booking.reservation.confirmed.v1"), {}, None, False),
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
@pytest.mark.feature("B13")
@pytest.mark.feature("B14")
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
    assert {rule.template for rule in RULES} == {line[3] for line in TABLE if line[3]} == set(TEMPLATES)


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
    assert len(rows) == len({tuple(row.values()) for row in rows}) == 5 * 2
    assert len(entries) == len({tuple(entry.values()) for entry in entries}) == 6


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
