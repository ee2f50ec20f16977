"""The tables of statuses: every kind, every status, every verb, every party; allowed and refused."""

from datetime import timedelta
from itertools import product
from pathlib import Path
from uuid import uuid4

import pytest
from foyer_chassis.errors import Problem
from foyer_contracts.money import Money
from orders.catalogue.domain import CancellationStep, Kind
from orders.ordering.domain import processing, settling
from orders.ordering.domain.machine import GROUPS, MACHINES, Party, Status, Verb, document, statuses_of
from orders.ordering.domain.order import Actor, Invoice, Line, LineState, Order, Rules, Slots, Stage

from .conftest import NOW, PRICE

OPEN = ("new", "awaiting_payment", "in_progress", "awaiting_confirmation", "done")
#: Written by hand, apart from the code's tables. Verb: {before: after}, and who may.
REQUEST = {
    "take": ({"new": "in_progress"}, "staff system"),
    "finish": ({"in_progress": "awaiting_confirmation"}, "staff"),
    "complete": ({"in_progress": "done"}, "staff"),
    "confirm": ({"awaiting_confirmation": "done"}, "applicant"),
    "return": ({"awaiting_confirmation": "in_progress"}, "applicant"),
    "auto_close": ({"awaiting_confirmation": "done"}, "system"),
    "wait": ({"new": "awaiting_payment"}, "system"),
    "release": ({"awaiting_payment": "in_progress"}, "staff system"),
    "cancel": (dict.fromkeys(OPEN, "cancelled"), "applicant staff system"),
}
PLACES = {
    "settle": ({"new": "confirmed", "cancelled": "confirmed"}, "system"),
    "start": ({"confirmed": "active"}, "system"),
    "end": ({"active": "done"}, "system"),
    "wait": ({"new": "awaiting_payment"}, "system"),
    "release": ({"awaiting_payment": "new"}, "staff system"),
    "cancel": (
        dict.fromkeys(("new", "awaiting_payment", "confirmed", "active", "done"), "cancelled"),
        "applicant staff system",
    ),
}
GOODS = {
    "collect": ({"new": "collecting"}, "staff system"),
    "pack": ({"collecting": "ready"}, "staff"),
    "hand_over": ({"ready": "done"}, "staff"),
    "wait": ({"new": "awaiting_payment"}, "system"),
    "release": ({"awaiting_payment": "collecting"}, "staff system"),
    "cancel": (
        dict.fromkeys(("new", "awaiting_payment", "collecting", "ready", "done"), "cancelled"),
        "applicant staff system",
    ),
}
#: In every machine.
MONEY = {
    "refunded": ({"cancelled_refunding": "cancelled_refunded"}, "system"),
    "refund_failed": ({"cancelled_refunded": "cancelled_refunding"}, "system"),
    "remove": ({"new": "removed", "cancelled": "removed"}, "administrator"),
}
BY_KIND = {
    "request": REQUEST,
    "premises_request": REQUEST,
    "slot_booking": PLACES,
    "coworking": PLACES,
    "hotel": PLACES,
    "membership": PLACES,
    "goods": GOODS,
}
LATE_MONEY = ("cancelled", "cancelled_refunding", "cancelled_refunded", "removed")


def order_in(kind: Kind, status: Status, **more: object) -> Order:
    line = Line("Товар", 1, PRICE, PRICE, id=uuid4(), state=LineState.COLLECTED)
    values = {
        "id": uuid4(),
        "number": 1,
        "kind": kind,
        "offering_id": uuid4(),
        "offering_title": "Услуга",
        "applicant_id": uuid4(),
        "payer_kind": "individual",
        "terms": "free",
        "responsible_ids": (),
        "currency": "RUB",
        "status": status,
        "version": 1,
        "created_at": NOW,
        "updated_at": NOW,
        "lines": (line,),
        **more,
    }
    return Order(**values)  # type: ignore[arg-type]


@pytest.mark.feature("C1")
@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("verb", Verb)
def test_the_tables_are_those_written_by_hand(kind: Kind, verb: Verb) -> None:
    rows = {**BY_KIND[kind.value], **MONEY}
    for status in Status:
        arrow = MACHINES[kind].get((status, verb))
        if verb is Verb.CANCEL_PAID:
            expected = "cancelled_refunding" if status.value in {*rows["cancel"][0], *LATE_MONEY} else None
        else:
            expected = rows.get(verb.value, ({}, ""))[0].get(status.value)
        assert (None if arrow is None else arrow.after.value) == expected, (kind, status, verb)
        if arrow is not None and verb.value in rows:
            parties = set(rows[verb.value][1].split())
            if verb is Verb.CANCEL and status is Status.DONE:
                parties = {"staff"}
            assert {party.value for party in arrow.by} == parties
        assert status in GROUPS


@pytest.mark.feature("A25")
@pytest.mark.parametrize("kind", Kind)
def test_every_verb_of_every_party_in_every_status(kind: Kind) -> None:
    """What `open_verbs` offers can be done, and nothing else can."""
    used = {Verb.TAKE, Verb.FINISH, Verb.COMPLETE, Verb.CONFIRM, Verb.RETURN, Verb.COLLECT, Verb.PACK, Verb.HAND_OVER}
    used |= {Verb.RELEASE}
    people = {Party.APPLICANT: Actor("customer", uuid4()), Party.STAFF: Actor("staff", uuid4())}
    for status, (party, actor), confirmed in product(statuses_of(kind), people.items(), (True, False)):
        order = order_in(kind, status, rules=Rules(needs_confirmation=confirmed))
        offered = {verb for verb, _ in processing.open_verbs(order, frozenset({party}))}
        for verb in used:
            arrow = MACHINES[kind].get((status, verb))
            allowed = arrow is not None and party in arrow.by
            if verb is Verb.FINISH:
                allowed = allowed and confirmed
            if verb is Verb.COMPLETE:
                allowed = allowed and not confirmed
            assert (verb in offered) == allowed, (kind, status, party, verb)
            if allowed:
                assert arrow is not None
                assert processing.act(order, verb, actor, NOW).order.status in (arrow.after, Status.CONFIRMED)
            else:
                with pytest.raises(processing.NotInThisStatusError) as refused:
                    processing.act(order, verb, actor, NOW)
                assert refused.value.members["state"]["status"] == status.value
        may_cancel = (status, Verb.CANCEL) in MACHINES[kind] and (party is Party.STAFF or status is not Status.DONE)
        assert (Verb.CANCEL in offered) == may_cancel
        if may_cancel:
            cancelled = processing.cancel(order, actor, NOW, note="Причина")
            assert cancelled.order.status is Status.CANCELLED
        else:
            with pytest.raises(processing.CannotBeCancelledError):
                processing.cancel(order, actor, NOW, note="Причина")


def test_customers_cancel_only_where_the_offering_allows() -> None:
    order = order_in(Kind.REQUEST, Status.NEW, rules=Rules(customer_may_cancel=False))
    assert processing.open_verbs(order, frozenset({Party.APPLICANT})) == []
    with pytest.raises(processing.CannotBeCancelledError):
        processing.cancel(order, Actor("customer", uuid4()), NOW, note=None)


@pytest.mark.feature("A27")
@pytest.mark.parametrize("kind", Kind)
def test_a_paid_order_is_cancelled_through_its_refund(kind: Kind) -> None:
    for status in statuses_of(kind):
        if (status, Verb.CANCEL) not in MACHINES[kind]:
            continue
        order = order_in(kind, status, terms="prepaid", total=PRICE, paid=PRICE.amount)
        cancelled = processing.cancel(order, Actor("staff", uuid4()), NOW, note="Причина").order
        assert (cancelled.status, cancelled.refund_due) == (Status.CANCELLED_REFUNDING, PRICE.amount)


PENDING = Line("Товар", 1, PRICE, PRICE, id=uuid4(), state=LineState.PENDING)
MISSING = Line("Товар", 1, PRICE, PRICE, id=uuid4(), state=LineState.MISSING)


@pytest.mark.feature("B15")
@pytest.mark.feature("B9")
@pytest.mark.parametrize(
    ("kind", "status", "verb", "by", "values", "problem"),
    [
        ("request", "in_progress", "finish", "staff", {"rules": Rules(needs_file=True)}, "file-needed"),
        ("request", "in_progress", "finish", "staff", {"rules": Rules(needs_file=True), "files": 1}, None),
        ("request", "awaiting_confirmation", "confirm", "customer", {"terms": "postpaid"}, "not-paid"),
        (
            "request",
            "awaiting_confirmation",
            "confirm",
            "customer",
            {"terms": "postpaid", "invoices": {uuid4(): Invoice(1, 100, "activated")}},
            "not-paid",
        ),
        (
            "request",
            "awaiting_confirmation",
            "confirm",
            "customer",
            {"terms": "postpaid", "invoices": {uuid4(): Invoice(1, 100, "paid")}},
            None,
        ),
        (
            "request",
            "awaiting_confirmation",
            "confirm",
            "customer",
            {
                "terms": "postpaid",
                "invoices": {uuid4(): Invoice(1, 100, "paid"), uuid4(): Invoice(2, 100, "issued")},
            },
            "not-paid",
        ),
        ("request", "awaiting_confirmation", "confirm", "customer", {"paid": 5, "refund_due": 5}, "refund-under-way"),
        (
            "request",
            "in_progress",
            "complete",
            "staff",
            {"rules": Rules(needs_confirmation=False), "terms": "postpaid"},
            "not-paid",
        ),
        ("request", "in_progress", "complete", "staff", {}, "not-in-this-status"),
        ("goods", "new", "collect", "staff", {"terms": "prepaid", "total": PRICE}, "not-paid"),
        ("goods", "new", "collect", "staff", {"terms": "prepaid", "total": PRICE, "paid": 10000}, None),
        ("goods", "collecting", "pack", "staff", {"lines": (PENDING,)}, "lines-undecided"),
        ("goods", "collecting", "pack", "staff", {"lines": (MISSING,)}, "nothing-collected"),
        ("goods", "ready", "hand_over", "staff", {"terms": "postpaid"}, "not-paid"),
    ],
)
def test_guards(kind: str, status: str, verb: str, by: str, values: dict[str, object], problem: str | None) -> None:
    order = order_in(Kind(kind), Status(status), **values)
    actor = Actor(by, uuid4())  # type: ignore[arg-type]
    try:
        processing.act(order, Verb(verb), actor, NOW)
        happened = None
    except Problem as refused:
        happened = refused.slug()
    assert happened == problem


def test_an_order_of_places_is_done_only_when_it_is_paid() -> None:
    order = order_in(Kind.SLOT_BOOKING, Status.ACTIVE, terms="postpaid", total=PRICE, reservation=Stage.STARTED)
    ended = settling.reservation_advanced(order, NOW, Stage.ENDED).order
    assert ended.status is Status.ACTIVE
    assert settling.money_received(ended, NOW, PRICE).order.status is Status.DONE


@pytest.mark.feature("A27")
def test_money_for_a_removed_order_goes_back() -> None:
    order = order_in(Kind.REQUEST, Status.REMOVED, cancel_reason="removed")
    change = settling.money_received(order, NOW, Money(amount=500, currency="RUB"))
    assert (change.order.status, change.order.refund_due) == (Status.CANCELLED_REFUNDING, 500)


@pytest.mark.parametrize(
    ("hours", "paid", "fee"),
    [
        (49, 40000, 0),
        (48, 40000, 0),
        (47, 40000, 12000),
        (24, 40000, 12000),
        (23, 40000, 20000),
        (47, 1, 0),
        (47, 5, 2),
    ],
)
def test_the_fee_of_a_late_cancellation(hours: int, paid: int, fee: int) -> None:
    """Free until 48 hours before, then 30 %, from 24 hours on 50 %; half a kopeck is rounded up."""
    rules = Rules(cancellation=(CancellationStep(48, 30), CancellationStep(24, 50)))
    begins = NOW + timedelta(hours=hours)
    slots = Slots(uuid4(), begins, begins + timedelta(hours=1))
    order = order_in(Kind.SLOT_BOOKING, Status.CONFIRMED, rules=rules, slots=slots, paid=paid)
    assert order.fee_for(NOW) == fee
    cancelled = processing.cancel(order, Actor("customer", uuid4()), NOW, note=None).order
    assert (cancelled.fee, cancelled.refund_due) == (fee, paid - fee)
    by_staff = processing.cancel(order, Actor("staff", uuid4()), NOW, note="Наша вина").order
    assert (by_staff.fee, by_staff.refund_due) == (0, paid)


def test_the_diagrams_are_drawn_from_the_tables() -> None:
    drawn = Path(__file__).parents[3] / "docs" / "order-states.md"
    assert drawn.read_text() == document(), "draw them again: python -m foyer_tools.generated"
