"""Bookings by a place's own rules and of several places, and bookings that recur: what is passed on, kept and given
back (X4, X5). Which times there are and whether they are free, booking says."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from foyer_contracts import booking
from foyer_contracts.booking import SpecialHours
from foyer_contracts.envelope import Event
from foyer_contracts.money import Money
from foyer_contracts.orders import Actor, Line
from orders.ordering.domain.machine import Status

from .conftest import NOW, PRICE, STARTS, Heard, Shop, resource_changed

WEEK = timedelta(days=7)
TIMES = 3
PLACED, CHANGED, CANCELLED = (f"orders.order.{what}.v1" for what in ("placed", "changed", "cancelled"))
#: Two hours: four slots.
OF_ONE = PRICE * 4
POLICY = [{"hours_before": 240, "fee_percent": 50}, {"hours_before": 48, "fee_percent": 100}]


async def post(shop: Shop, **more: Any) -> Any:
    return await shop.orders.client("anna").post(
        "/v1/orders", json=shop.body(**more), headers={"Idempotency-Key": uuid4().hex}
    )


def by_rules(*, sequence: int = 2, **rules: Any) -> Event[Any]:
    """The room, published again with rules of its own."""
    event = resource_changed(sequence=sequence)
    return event.model_copy(update={"data": event.data.model_copy(update=rules)})


@pytest.mark.feature("X5")
@pytest.mark.parametrize(
    ("rules", "asked", "problem", "told"),
    [
        ({"min_slots": 5}, {}, "too-short", {"field": "slots.ends_at", "slots": 4, "min_slots": 5}),
        ({"max_slots": 3}, {}, "too-long", {"field": "slots.ends_at", "slots": 4, "max_slots": 3}),
        ({"notice_minutes": 25 * 60 + 1}, {}, "too-soon", {"earliest": "2026-12-02T10:01:00+00:00"}),
        ({"horizon_days": 0}, {}, "too-far-ahead", {"last_day": "2026-12-01"}),
        ({"capacity": 2}, {"quantity": 3}, "too-many-places", {"field": "slots.quantity", "capacity": 2}),
        ({}, {"quantity": 2}, "too-many-places", {"capacity": 1}),
        ({"closed_days": [STARTS.date()]}, {}, "outside-opening-hours", {"allowed": []}),
        ({"special_hours": [SpecialHours(day=STARTS.date(), opens=660, closes=1320)]}, {}, "outside-opening-hours", {}),
    ],
)
async def test_what_the_rules_of_a_place_refuse(
    shop: Shop, rules: dict[str, Any], asked: dict[str, Any], problem: str, told: dict[str, Any]
) -> None:
    await shop.orders.handle(by_rules(**rules))
    answer = await post(shop, slots=asked)
    assert answer.status_code == 422, answer.text
    assert answer.json()["type"].endswith(f"/{problem}")
    assert answer.json().items() >= told.items()
    assert await shop.orders.published(PLACED) == []


@pytest.mark.feature("X5")
async def test_the_edges_of_the_rules_are_allowed(shop: Shop) -> None:
    edges: dict[str, Any] = {
        "min_slots": 4,
        "max_slots": 4,
        "notice_minutes": 25 * 60,
        "horizon_days": 1,
        "capacity": 2,
        "closed_days": [STARTS.date()],
        # Also a closed day's own hours count.
        "special_hours": [SpecialHours(day=STARTS.date(), opens=600, closes=720)],
    }
    await shop.orders.handle(by_rules(**edges))
    two = {"amount": 80000, "currency": "RUB"}
    order = await shop.place(slots={"quantity": 2}, expected_total=two)
    assert order["slots"]["quantity"] == 2
    (event,) = await shop.orders.published(PLACED)
    assert event.data.slots.quantity == 2
    # An older release of booking says nothing of rules.
    await shop.orders.handle(resource_changed(sequence=3))
    assert (await post(shop)).status_code == 201


@pytest.mark.feature("X5")
async def test_what_recurs_and_what_is_offered_is_passed_on_and_kept(shop: Shop) -> None:
    offer = str(uuid4())
    asked = {"recurrence": "FREQ=WEEKLY;COUNT=4", "skip": ["2026-12-16"], "offer_id": offer}
    order = await shop.place(slots=asked, expected_total={"amount": 40000, "currency": "RUB"})
    (event,) = await shop.orders.published(PLACED)
    request = event.data.slots
    assert (request.recurrence, [day.isoformat() for day in request.skip], str(request.offer_id)) == tuple(
        asked.values()
    )
    card = await shop.card(order)
    assert card["slots"]["recurrence"] == "FREQ=WEEKLY;COUNT=4"
    assert card["request"] == {"slots": asked}
    plain = await shop.place(
        slots={
            "starts_at": (STARTS + timedelta(hours=2)).isoformat(),
            "ends_at": (STARTS + timedelta(hours=3)).isoformat(),
        }
    )
    assert (plain["request"], plain["slots"]["recurrence"], plain["slots"]["quantity"]) == (None, None, 1)


class Series(Heard):
    """Three times, a week apart, of four slots each."""

    def __init__(self, order: dict[str, Any]) -> None:
        super().__init__(order)
        self.left = list(range(TIMES))

    def held(self) -> Event[Any]:
        event = super().held()
        total = OF_ONE * TIMES
        line = Line(title="Нева, 30 min", quantity=4 * TIMES, unit_price=PRICE, total=total)
        places = self._places()
        return event.model_copy(
            update={"data": event.data.model_copy(update={"lines": [line], "total": total, "places": places})}
        )

    def _places(self) -> booking.Places:
        times = [
            booking.Occurrence(
                starts_at=STARTS + n * WEEK, ends_at=STARTS + n * WEEK + timedelta(hours=2), price=OF_ONE
            )
            for n in self.left
        ]
        first = {"starts_at": times[0].starts_at, "ends_at": times[0].ends_at}
        return self.places.model_copy(update={**first, "occurrences": len(times), "times": times})

    def confirmed(self, *, late: bool = False) -> Event[Any]:
        event = super().confirmed(late=late)
        return event.model_copy(update={"data": event.data.model_copy(update={"places": self._places()})})

    def given_up(self, *numbers: int, by: str = "customer", sequence: int = 6) -> Event[Any]:
        self.left = [n for n in self.left if n not in numbers]
        total = OF_ONE * len(self.left)
        data = booking.OccurrencesCancelled(
            order_id=self.order_id,
            reservation_id=self.reservation_id,
            places=self._places(),
            cancelled=[
                booking.Occurrence(
                    starts_at=STARTS + n * WEEK, ends_at=STARTS + n * WEEK + timedelta(hours=2), price=OF_ONE
                )
                for n in numbers
            ],
            lines=[Line(title="Нева, 30 min", quantity=4 * len(self.left), unit_price=PRICE, total=total)],
            total=total,
            actor=Actor.model_validate({"kind": by, "id": self.applicant_id}),
        )
        return self._event(data, self.reservation_id, sequence)


@pytest.fixture
async def with_policy(shop: Shop) -> Shop:
    answer = await shop.orders.client("alex", "administrator").post(
        "/v1/offerings",
        json={"title": "С условиями", "kind": "slot_booking", "terms": "prepaid", "cancellation": POLICY},
        headers={"Idempotency-Key": "policy"},
    )
    return Shop(shop.orders, answer.json()["id"])


async def placed(shop: Shop, *, paid: Money | None = OF_ONE * TIMES) -> tuple[dict[str, Any], Series]:
    order = await shop.place(slots={"recurrence": f"FREQ=WEEKLY;COUNT={TIMES}"})
    series = Series(order)
    await shop.orders.handle(series.held())
    if paid is not None:
        await shop.orders.handle(series.paid(paid), series.confirmed())
    return order, series


def amounts(card: dict[str, Any]) -> tuple[int, int, int]:
    """Total, what goes back, the fee."""
    return card["total"]["amount"], card["money"]["refund_due"]["amount"], card["money"]["fee"]["amount"]


@pytest.mark.feature("X4")
@pytest.mark.feature("X5")
async def test_each_time_that_a_customer_gives_up_costs_by_its_own_notice(with_policy: Shop) -> None:
    """The first is 25 hours ahead: all of it is kept; the second eight days: half; the third is free."""
    order, series = await placed(with_policy)
    first = series.given_up(0, 1)
    await with_policy.orders.handle_twice(first)
    card = await with_policy.card(order)
    assert amounts(card) == (40000, 20000, 60000)
    assert (card["status"], card["slots"]["starts_at"], card["places"]["occurrences"]) == (
        "confirmed",
        (STARTS + 2 * WEEK).isoformat().replace("+00:00", "Z"),
        "1",
    )
    (event,) = await with_policy.orders.published(CHANGED)
    assert (event.data.refund.amount, event.data.total.amount, event.data.actor.kind) == (20000, 40000, "customer")
    # The rest is given up with the order: it is free, and what was kept stays kept, once.
    preview = (await with_policy.orders.client("anna").get(f"/v1/orders/{order['number']}/cancellation")).json()
    assert (preview["fee"]["amount"], preview["refund"]["amount"]) == (0, 40000)
    await with_policy.cancel(order)
    assert amounts(await with_policy.card(order)) == (40000, 60000, 60000)


@pytest.mark.feature("X4")
async def test_of_the_whole_of_it_each_time_costs_by_its_own_notice(with_policy: Shop) -> None:
    order, _ = await placed(with_policy)
    preview = (await with_policy.orders.client("anna").get(f"/v1/orders/{order['number']}/cancellation")).json()
    assert (preview["fee"]["amount"], preview["refund"]["amount"]) == (60000, 60000)
    await with_policy.cancel(order)
    (event,) = await with_policy.orders.published(CANCELLED)
    assert (event.data.fee.amount, event.data.refund.amount) == (60000, 60000)


@pytest.mark.feature("X5")
async def test_what_was_used_is_not_given_back(shop: Shop) -> None:
    """Staff keep no fee, but the first two times are over."""
    order, series = await placed(shop)
    await shop.orders.handle(series.started())
    shop.orders.at(STARTS + WEEK + timedelta(days=1))
    answer = await shop.cancel(order, "rita", "rent_manager")
    assert answer.status_code == 200, answer.text
    assert amounts(answer.json()) == (120000, 40000, 80000)


@pytest.mark.feature("X5")
async def test_staff_give_times_up_without_a_fee(with_policy: Shop) -> None:
    order, series = await placed(with_policy)
    await with_policy.orders.handle(series.given_up(0, by="staff"))
    assert amounts(await with_policy.card(order)) == (80000, 40000, 0)


@pytest.mark.feature("X5")
async def test_before_it_is_paid_only_the_price_falls(with_policy: Shop) -> None:
    order, series = await placed(with_policy, paid=None)
    await with_policy.orders.handle_twice(series.given_up(1, 2))
    card = await with_policy.card(order)
    assert (amounts(card), card["status"]) == ((40000, 0, 0), Status.NEW)
    (event,) = await with_policy.orders.published(CHANGED)
    assert (event.data.refund.amount, event.data.total.amount) == (0, 40000)


@pytest.mark.feature("X5")
async def test_of_a_part_payment_only_what_is_too_much_goes_back(shop: Shop) -> None:
    order, series = await placed(shop, paid=Money(amount=90000, currency="RUB"))
    await shop.orders.handle(series.given_up(2))
    assert amounts(await shop.card(order)) == (80000, 10000, 0)


@pytest.mark.feature("X5")
async def test_late_and_older_news_change_nothing(shop: Shop) -> None:
    order, series = await placed(shop)
    await shop.orders.handle(series.given_up(2, sequence=7))
    older = Series(order)
    older.reservation_id = series.reservation_id
    await shop.orders.handle(older.given_up(1, 2, sequence=6))
    assert amounts(await shop.card(order)) == (80000, 40000, 0)
    await shop.cancel(order)
    before = amounts(await shop.card(order))
    await shop.orders.handle(series.given_up(1, sequence=8))
    assert amounts(await shop.card(order)) == before == (80000, 120000, 0)


@pytest.mark.feature("X4")
@pytest.mark.parametrize("kind", ["coworking", "hotel"])
async def test_tickets_and_stays_have_their_policy_too(shop: Shop, kind: str) -> None:
    placed = await place_of_kind(shop, kind, cancellation=POLICY)
    assert placed.status_code == 201, placed.text
    order = placed.json()
    heard = Heard(order)
    await shop.orders.handle(heard.held(), heard.paid(), heard.confirmed())
    preview = (await shop.orders.client("anna").get(f"/v1/orders/{order['number']}/cancellation")).json()
    assert (preview["fee"]["amount"], preview["refund"]["amount"]) == (40000, 0)
    shop.orders.at(NOW - timedelta(days=20))
    await shop.cancel(order)
    assert amounts(await shop.card(order))[1:] == (40000, 0)


async def place_of_kind(shop: Shop, kind: str, *, more: dict[str, Any] | None = None, **offering: Any) -> Any:
    """The answer to an order for a ticket or a stay; `more`: of that."""
    answer = await shop.orders.client("alex", "administrator").post(
        "/v1/offerings",
        json={"title": "С условиями", "kind": kind, "terms": "prepaid", **offering},
        headers={"Idempotency-Key": "policy"},
    )
    visitor = {"name": "Ольга Гостева"}
    ticket = {
        "space_id": str(uuid4()),
        "tariff_id": str(uuid4()),
        "starts_at": STARTS.isoformat(),
        "quantity": 4,
        "visitor": visitor,
        **(more or {}),
    }
    stay = {
        "room_type_id": str(uuid4()),
        "arrival": "2026-12-02",
        "departure": "2026-12-03",
        "adults": 1,
        "visitor": visitor,
        **(more or {}),
    }
    content = {"ticket": ticket} if kind == "coworking" else {"stay": stay}
    body = {"offering_id": answer.json()["id"], **content}
    return await shop.orders.client("anna").post("/v1/orders", json=body, headers={"Idempotency-Key": "it"})


@pytest.mark.feature("A16")
@pytest.mark.feature("A17")
@pytest.mark.parametrize(("kind", "what"), [("coworking", "ticket"), ("hotel", "stay")])
async def test_what_was_kept_is_passed_on(shop: Shop, kind: str, what: str) -> None:
    offer = str(uuid4())
    placed = await place_of_kind(shop, kind, more={"offer_id": offer})
    assert placed.status_code == 201, placed.text
    (event,) = await shop.orders.published(PLACED)
    assert str(getattr(event.data, what).offer_id) == offer
    assert (await shop.card(placed.json()))["request"][what]["offer_id"] == offer
    assert (await place_of_kind(shop, kind, more={"offer_id": "mine"})).status_code == 422


@pytest.mark.feature("X5")
@pytest.mark.feature("A15")
async def test_moved_times_stand_on_the_card_and_what_is_cheaper_goes_back(with_policy: Shop) -> None:
    order, series = await placed(with_policy)
    later = timedelta(days=2)

    def moved(*numbers: int, sequence: int, total: Money = OF_ONE * TIMES) -> Event[Any]:
        times = [
            booking.Occurrence(
                starts_at=STARTS + n * WEEK + (later if n in numbers else timedelta()),
                ends_at=STARTS + n * WEEK + (later if n in numbers else timedelta()) + timedelta(hours=2),
                price=OF_ONE,
            )
            for n in range(TIMES)
        ]
        first = {"starts_at": times[0].starts_at, "ends_at": times[0].ends_at}
        event = series.rescheduled(hours=0, total=total, sequence=sequence)
        places = event.data.places.model_copy(update={**first, "occurrences": TIMES, "times": times})
        return event.model_copy(update={"data": event.data.model_copy(update={"places": places})})

    await with_policy.orders.handle_twice(moved(0, 1, 2, sequence=7))
    await with_policy.orders.handle(moved(1, sequence=6))  # late
    card = await with_policy.card(order)
    assert [item["starts_at"] for item in card["places"]["times"]] == [
        (STARTS + n * WEEK + later).isoformat().replace("+00:00", "Z") for n in range(TIMES)
    ]
    assert card["slots"]["starts_at"].startswith((STARTS + later).isoformat()[:19])
    await with_policy.orders.handle_twice(moved(0, 1, 2, sequence=8, total=OF_ONE * (TIMES - 1)))
    (back,) = [event for event in await with_policy.orders.published(CHANGED) if event.data.refund.amount]
    assert back.data.refund == OF_ONE
