"""Coworking: tickets held, paid, processed at the desk and ended by the clock, through the consumer and the API."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx2
import pytest
import sqlalchemy as sa
from booking.coworking.domain import Length, months_later, period
from booking.lodging.domain import TRANSITIONS, Status, Verb, next_status
from booking.lodging.tables import claims, lodgings
from booking.resources.domain import Calendar, InThePastError, OpeningHours, OutsideOpeningHoursError
from foyer_chassis.testing import Running, same_shape, utc
from foyer_contracts.envelope import Event
from foyer_contracts.money import Money
from foyer_contracts.orders import OrderPlaced, TicketRequest, Visitor
from foyer_contracts.payments import AccountDebited
from foyer_contracts.samples import SAMPLES

from .conftest import NINE_TO_NINE, NOW, TOMORROW, WHOLE_DAY, cancelled, paid, placed

HELD, UNAVAILABLE = "booking.places.held.v1", "booking.places.unavailable.v1"
EXPIRED, CONFIRMED = "booking.hold.expired.v1", "booking.reservation.confirmed.v1"
RELEASED, RESCHEDULED = "booking.reservation.released.v1", "booking.reservation.rescheduled.v1"
ISSUED, CHANGED = "booking.ticket.issued.v1", "booking.ticket.changed.v1"
NO_SHOW, ENDED = "booking.reservation.no_show.v1", "booking.reservation.ended.v1"


@dataclass
class Space:
    id: UUID
    location_id: UUID
    tariff: UUID
    places: list[UUID]


async def post(client: httpx2.AsyncClient, path: str, body: dict[str, Any] | None = None) -> httpx2.Response:
    return await client.post(path, json=body or {}, headers={"Idempotency-Key": uuid4().hex})


async def made(client: httpx2.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await post(client, path, body)
    assert answer.status_code == 201, answer.text
    result: dict[str, Any] = answer.json()
    return result


async def add_space(
    booking: Running,
    *,
    places: int = 3,
    hours: list[dict[str, int]] | None = None,
    tariff: dict[str, Any] | None = None,
    zone: str = "UTC",
    special_days: list[dict[str, Any]] | None = None,
    **more: Any,
) -> Space:
    admin = booking.client("alex", "administrator")
    location = await made(
        admin,
        "/v1/locations",
        {"name": "Фойе", "time_zone": zone, "opening_hours": hours or WHOLE_DAY, "special_days": special_days or []},
    )
    space = await made(admin, "/v1/spaces", {"location_id": location["id"], "name": "Открытое пространство", **more})
    units = [
        await made(
            admin,
            f"/v1/spaces/{space['id']}/places",
            {"label": f"A-{n}", "position": n, "zone": "тихая" if n == 2 else "общая"},
        )
        for n in range(1, places + 1)
    ]
    sold = await made(
        admin,
        f"/v1/spaces/{space['id']}/tariffs",
        {"name": "Час", "unit": "hour", "price": {"amount": 10000, "currency": "RUB"}, "fixed": True, **(tariff or {})},
    )
    return Space(UUID(space["id"]), UUID(location["id"]), UUID(sold["id"]), [UUID(unit["id"]) for unit in units])


def wants(
    space: Space,
    starts_at: datetime = TOMORROW,
    *,
    quantity: int = 4,
    place: UUID | None = None,
    **more: Any,
) -> Event[OrderPlaced]:
    order = placed(uuid4(), **more)
    ticket = TicketRequest(
        space_id=space.id,
        tariff_id=space.tariff,
        starts_at=starts_at,
        quantity=quantity,
        visitor=Visitor(name="Анна", id=uuid4()),
        place_id=place,
    )
    data = order.data.model_copy(update={"slots": None, "ticket": ticket, "kind": "coworking"})
    return order.model_copy(update={"data": data})


async def statuses(booking: Running) -> list[str]:
    async with booking.database.read() as reading:
        rows = await reading.execute(sa.select(lodgings.c.status).order_by(lodgings.c.number))
        return list(rows.scalars())


async def types(booking: Running) -> list[str]:
    return [event.type for event in await booking.published() if not event.type.startswith("booking.location")]


async def ticket_of(booking: Running, order: Event[OrderPlaced]) -> dict[str, Any]:
    answer = await booking.client("dora", "front_desk").get(f"/v1/orders/{order.data.order_id}/ticket")
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


async def issued(booking: Running, space: Space, **more: Any) -> tuple[str, Event[OrderPlaced]]:
    """A paid ticket: the path of its verbs, and the order."""
    order = wants(space, **more)
    await booking.handle(order, paid(order.data.order_id))
    return f"/v1/tickets/{(await ticket_of(booking, order))['id']}", order


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("verb", Verb)
def test_transition_table(status: Status, verb: Verb) -> None:
    expected = {
        ("held", "confirm"): "confirmed",
        ("held", "expire"): "expired",
        ("held", "release"): "released",
        ("expired", "retake"): "confirmed",
        ("confirmed", "start"): "active",
        ("confirmed", "release"): "released",
        ("active", "end"): "ended",
        ("active", "release"): "released",
        ("active", "no_show"): "no_show",
    }
    assert next_status(status, verb) == expected.get((status.value, verb.value))
    assert len(TRANSITIONS) == len(expected)


BERLIN = Calendar(
    ZoneInfo("Europe/Berlin"),
    tuple(OpeningHours(weekday, 480, 1200) for weekday in range(6)),
    frozenset({datetime(2027, 1, 1).date()}),
)


@pytest.mark.feature("X2")
@pytest.mark.parametrize(
    ("unit", "starts_at", "quantity", "expected"),
    [
        # The clocks go forward on Sunday 2027-03-28: closing stays at 20:00 of the local clock.
        (Length.DAY, utc(2027, 3, 27, 6), 2, (utc(2027, 3, 27, 7), utc(2027, 3, 29, 18))),
        (Length.WEEK, utc(2027, 3, 22, 7), 1, (utc(2027, 3, 22, 7), utc(2027, 3, 27, 19))),
        (Length.WEEK, utc(2027, 3, 23, 9), 1, (utc(2027, 3, 23, 9), utc(2027, 3, 29, 18))),
        # Back on 2026-10-25.
        (Length.MONTH, utc(2026, 10, 1, 0), 1, (utc(2026, 10, 1, 6), utc(2026, 10, 31, 19))),
        (Length.HOUR, utc(2026, 12, 2, 9), 4, (utc(2026, 12, 2, 9), utc(2026, 12, 2, 13))),
        # New Year's Day is closed and does not count.
        (Length.DAY, utc(2026, 12, 31, 6), 2, (utc(2026, 12, 31, 7), utc(2027, 1, 2, 19))),
    ],
)
def test_periods_are_made_of_local_rules(
    unit: Length, starts_at: datetime, quantity: int, expected: tuple[datetime, datetime]
) -> None:
    assert period(BERLIN, unit, starts_at, quantity, now=utc(2026, 1, 1)) == expected


@pytest.mark.feature("X2")
def test_closed_days_and_the_past_are_refused() -> None:
    sunday, now = utc(2026, 12, 6, 9), utc(2026, 12, 2, 8)
    for unit in Length:
        with pytest.raises(OutsideOpeningHoursError):
            period(BERLIN, unit, sunday, 1, now=now)
        with pytest.raises(InThePastError):
            period(BERLIN, unit, now, 1, now=now)
    # After the closing, and across it.
    for starts_at, unit in ((utc(2026, 12, 2, 20), Length.DAY), (utc(2026, 12, 2, 18), Length.HOUR)):
        with pytest.raises(OutsideOpeningHoursError):
            period(BERLIN, unit, starts_at, 2, now=now)
    assert [str(months_later(datetime(2027, 1, 31).date(), n)) for n in (1, 2, 13)] == [
        "2027-02-28",
        "2027-03-31",
        "2028-02-29",
    ]


@pytest.mark.feature("A16")
async def test_a_ticket_is_held_priced_paid_and_issued(booking: Running) -> None:
    space = await add_space(booking, hold_ttl_seconds=600)
    order = wants(space)
    await booking.handle_twice(order)
    (held,) = await booking.published(HELD)
    line = held.data.lines[0]
    assert (line.quantity, line.unit_price.amount, line.total.amount) == (4, 10000, 40000)
    assert held.data.total == Money(amount=40000, currency="RUB")
    assert held.data.expires_at == NOW + timedelta(seconds=600)
    assert (held.data.places.kind, held.data.places.place, held.data.places.tariff) == ("ticket", "A-1", "Час")
    assert (held.data.places.starts_at, held.data.places.ends_at) == (TOMORROW, TOMORROW + timedelta(hours=4))
    assert held.causationid == str(order.id)
    assert not await booking.published(ISSUED)
    await booking.handle_twice(paid(order.data.order_id))
    (event,) = await booking.published(ISSUED)
    same_shape(event, SAMPLES[ISSUED])
    assert event.data.visitor.name == "Анна"
    assert [type_ for type_ in await types(booking) if "reservation" in type_ or "ticket" in type_] == [
        CONFIRMED,
        ISSUED,
    ]
    # The order again, as another event: nothing is taken twice.
    await booking.handle(order.model_copy(update={"id": uuid4()}))
    assert await statuses(booking) == ["confirmed"]
    ticket = await ticket_of(booking, order)
    desk = booking.client("dora", "front_desk")
    for query in ({"number": ticket["number"]}, {"code": ticket["code"]}):
        assert (await desk.get("/v1/tickets", params=query)).json()["id"] == ticket["id"]
    assert (await desk.get("/v1/tickets", params={"code": "x" * 16})).status_code == 404
    assert (await desk.get("/v1/tickets")).status_code == 422


@pytest.mark.feature("A16")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"space_id": uuid4()}, "unknown_resource"),
        ({"tariff_id": uuid4()}, "unknown_resource"),
        ({"place_id": uuid4()}, "unknown_resource"),
        ({"quantity": 32}, "too_long"),
        ({"starts_at": NOW}, "in_the_past"),
        ({"starts_at": TOMORROW + timedelta(minutes=7)}, "not_on_slot_grid"),
        ({"starts_at": TOMORROW + timedelta(hours=10)}, "outside_opening_hours"),
    ],
)
async def test_tickets_that_cannot_be_are_refused_with_the_reason(
    booking: Running, change: dict[str, Any], reason: str
) -> None:
    space = await add_space(booking, hours=NINE_TO_NINE)
    order = wants(space)
    assert order.data.ticket is not None
    data = order.data.model_copy(update={"ticket": order.data.ticket.model_copy(update=change)})
    await booking.handle_twice(order.model_copy(update={"data": data}))
    (event,) = await booking.published(UNAVAILABLE)
    same_shape(event, SAMPLES[UNAVAILABLE])
    assert (event.data.reason, event.data.late) == (reason, False)
    assert await statuses(booking) == []


@pytest.mark.feature("A16")
async def test_chosen_places_zones_and_blocked_places(booking: Running) -> None:
    space = await add_space(booking, tariff={"zone": "общая"})
    await booking.handle(wants(space, place=space.places[2]), wants(space, place=space.places[2]))
    # Of the zone the first is left; the second is in another one.
    await booking.handle(wants(space), wants(space), wants(space, place=space.places[1]))
    assert [event.data.places.place for event in await booking.published(HELD)] == ["A-3", "A-1"]
    assert [event.data.reason for event in await booking.published(UNAVAILABLE)] == [
        "places_taken",
        "places_taken",
        "unknown_resource",
    ]
    admin = booking.client("alex", "administrator")
    body = {"label": "A-1", "zone": "общая", "position": 1, "blocked": True}
    path = f"/v1/places/{space.places[0]}"
    assert (await admin.put(path, json=body)).status_code == 428
    assert (await admin.put(path, json=body, headers={"If-Match": '"1"'})).status_code == 200
    assert (await admin.put(path, json=body, headers={"If-Match": '"1"'})).status_code == 412
    later = TOMORROW + timedelta(days=1)
    await booking.handle(wants(space, later, place=space.places[0]))
    assert (await booking.published(UNAVAILABLE))[-1].data.reason == "places_taken"
    free = await admin.get(
        f"/v1/spaces/{space.id}/places/free",
        params={"from": TOMORROW.isoformat(), "to": (TOMORROW + timedelta(hours=1)).isoformat()},
    )
    assert [item["label"] for item in free.json()["items"]] == ["A-2"]
    any_place = await add_space(booking, tariff={"fixed": False})
    await booking.handle(wants(any_place, place=any_place.places[0]))
    assert (await booking.published(UNAVAILABLE))[-1].data.reason == "place_cannot_be_chosen"
    twice = await post(admin, f"/v1/spaces/{space.id}/places", {"label": "A-1"})
    assert (twice.status_code, twice.json()["type"].rsplit("/")[-1]) == (409, "label-taken")


@pytest.mark.feature("A16")
async def test_sixty_four_want_any_place_and_exactly_the_capacity_wins(booking: Running) -> None:
    space = await add_space(booking, places=7)
    await asyncio.gather(*(booking.handle(wants(space)) for _ in range(64)))
    happened = await types(booking)
    assert (happened.count(HELD), happened.count(UNAVAILABLE)) == (7, 57)
    places = {event.data.places.place for event in await booking.published(HELD)}
    assert places == {f"A-{n}" for n in range(1, 8)}


@pytest.mark.feature("A16")
async def test_batches_in_opposite_orders_do_not_lock_each_other_out(booking: Running) -> None:
    first, second = await add_space(booking, places=8), await add_space(booking, places=8)
    batches = [[wants(a), wants(b)] for n in range(12) for a, b in [(first, second) if n % 2 else (second, first)]]
    await asyncio.gather(*(booking.handle(*batch) for batch in batches))
    happened = await types(booking)
    assert (happened.count(HELD), happened.count(UNAVAILABLE)) == (16, 8)


@pytest.mark.feature("A16")
async def test_unpaid_holds_expire_once_and_late_money_takes_any_free_place(booking: Running) -> None:
    space = await add_space(booking, places=2, hold_ttl_seconds=60)
    order, rival, gone = wants(space), wants(space), wants(space)
    await booking.handle(order)
    booking.at(NOW + timedelta(seconds=59))
    await booking.turn("expire-lodgings")
    assert await statuses(booking) == ["held"]
    booking.at(NOW + timedelta(seconds=60))
    await asyncio.gather(*(booking.turn("expire-lodgings") for _ in range(4)))
    assert (await types(booking)).count(EXPIRED) == 1
    same_shape((await booking.published(EXPIRED))[0], SAMPLES[EXPIRED])
    await booking.handle(rival, cancelled(order.data.order_id, "hold_expired", sequence=3))
    await booking.handle_twice(paid(order.data.order_id))
    (event,) = await booking.published(CONFIRMED)
    assert (event.data.late, event.data.places.place) == (True, "A-2")
    await booking.handle(cancelled(order.data.order_id, "hold_expired", sequence=4))
    assert await statuses(booking) == ["confirmed", "held"]
    # And when there is none any more, that is told.
    booking.at(NOW + timedelta(minutes=3))
    await booking.turn("expire-lodgings")
    await booking.handle(gone)
    booking.at(NOW + timedelta(minutes=6))
    await booking.turn("expire-lodgings")
    await booking.handle(wants(space))
    await booking.handle_twice(paid(gone.data.order_id))
    assert [(e.data.reason, e.data.late) for e in await booking.published(UNAVAILABLE)] == [("places_taken", True)]
    booking.at(TOMORROW)
    await booking.handle(paid(rival.data.order_id))
    assert [(e.data.reason, e.data.late) for e in await booking.published(UNAVAILABLE)][1:] == [("in_the_past", True)]


@pytest.mark.feature("A26")
async def test_cancelling_frees_the_place_at_once(booking: Running) -> None:
    space = await add_space(booking, places=1)
    order = wants(space)
    await booking.handle(order, paid(order.data.order_id))
    await booking.handle_twice(cancelled(order.data.order_id, "customer_request"))
    (event,) = await booking.published(RELEASED)
    assert event.data.places.place == "A-1"
    await booking.handle(wants(space), paid(order.data.order_id))
    assert await statuses(booking) == ["released", "held"]


@pytest.mark.feature("A26")
async def test_any_order_of_arrival_ends_in_the_same_state(booking: Running) -> None:
    space = await add_space(booking, places=1)
    for day, order_of in enumerate(permutations(range(3))):
        order = wants(space, TOMORROW + timedelta(days=day))
        events: list[Event[Any]] = [
            order,
            paid(order.data.order_id),
            cancelled(order.data.order_id, "customer_request"),
        ]
        for position in order_of:
            await booking.handle_twice(events[position])
    assert not set(await statuses(booking)) & {"held", "confirmed", "active"}
    async with booking.database.read() as reading:
        taken = await reading.execute(sa.select(sa.func.count()).select_from(claims).where(claims.c.active))
        assert taken.scalar_one() == 0


async def test_free_postpaid_and_on_account(booking: Running) -> None:
    space = await add_space(booking, places=5)
    free = await add_space(booking, tariff={"price": {"amount": 0, "currency": "RUB"}})
    account = wants(space, prepaid=False, terms="account")
    await booking.handle_twice(wants(free))
    await booking.handle_twice(wants(space, prepaid=False))
    await booking.handle(account)
    part = wants(space)
    await booking.handle(part, paid(part.data.order_id, whole=False))
    assert await statuses(booking) == ["confirmed", "confirmed", "held", "held"]
    data = AccountDebited(
        customer_id=account.data.applicant_id,
        order_id=account.data.order_id,
        amount=Money(amount=40000, currency="RUB"),
        balance=Money.zero("RUB"),
        credit_limit=Money.zero("RUB"),
    )
    await booking.handle_twice(Event.make(data, subject=data.customer_id, sequence=1, time=NOW))
    early = wants(space)
    await booking.handle(paid(early.data.order_id), early)
    assert await statuses(booking) == ["confirmed", "confirmed", "confirmed", "held", "confirmed"]


@pytest.mark.feature("A16")
async def test_check_in_and_out_once_also_offline(booking: Running) -> None:
    space = await add_space(booking)
    path, order = await issued(booking, space)
    desk = booking.client("dora", "front_desk")
    early = await post(desk, f"{path}/check-in")
    assert (early.status_code, early.json()["type"].rsplit("/")[-1]) == (409, "not-begun")
    assert (await post(desk, f"{path}/check-out")).status_code == 409
    booking.at(TOMORROW + timedelta(minutes=10))
    answers = await asyncio.gather(*(post(desk, f"{path}/check-in") for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    (event,) = await booking.published(CHANGED)
    same_shape(event, SAMPLES[CHANGED])
    assert (event.data.change, event.data.order_id) == ("checked_in", order.data.order_id)
    booking.at(TOMORROW + timedelta(minutes=60))
    assert (await post(desk, f"{path}/check-out")).status_code == 200
    # Scans made offline before that, sent now.
    late = {"at": (TOMORROW + timedelta(minutes=30)).isoformat()}
    assert (await post(desk, f"{path}/check-in", late)).json()["checked_out_at"] is not None
    assert (await post(desk, f"{path}/check-out", late)).status_code == 200
    booking.at(TOMORROW + timedelta(minutes=90))
    assert (await post(desk, f"{path}/check-in")).json()["checked_out_at"] is None
    assert [e.data.change for e in await booking.published(CHANGED)] == ["checked_in", "checked_out", "checked_in"]


@pytest.mark.feature("A16")
async def test_extend_move_end_early_and_block(booking: Running) -> None:
    space = await add_space(booking, places=2, tariff={"most": 6})
    path, order = await issued(booking, space, place=space.places[0])
    desk = booking.client("dora", "front_desk")
    await booking.handle(wants(space, TOMORROW + timedelta(hours=5), quantity=1, place=space.places[0]))
    longer = await post(desk, f"{path}/extend", {"quantity": 1})
    assert (longer.status_code, longer.json()["total"]["amount"]) == (200, 50000)
    taken = await post(desk, f"{path}/extend", {"quantity": 1})
    assert (taken.status_code, taken.json()["type"].rsplit("/")[-1]) == (409, "places-taken")
    assert (await post(desk, f"{path}/extend", {"quantity": 2})).status_code == 422
    moved = await post(desk, f"{path}/move", {"place_id": str(space.places[1])})
    assert (moved.status_code, moved.json()["place"]) == (200, "A-2")
    assert (await post(desk, f"{path}/extend", {"quantity": 1})).json()["total"]["amount"] == 60000
    # What it had is free again.
    await booking.handle(wants(space, place=space.places[0]))
    other = await post(desk, f"{path}/move", {"place_id": str(space.places[0])})
    assert (other.status_code, other.json()["type"].rsplit("/")[-1]) == (409, "places-taken")
    assert (await ticket_of(booking, order))["place"] == "A-2"
    elsewhere = await add_space(booking)
    assert (await post(desk, f"{path}/move", {"place_id": str(elsewhere.places[0])})).status_code == 404
    assert (await post(desk, f"{path}/end")).status_code == 409
    booking.at(TOMORROW + timedelta(hours=1))
    await booking.turn("start-lodgings")
    assert (await post(desk, f"{path}/block")).json()["blocked"] is True
    blocked = await post(desk, f"{path}/check-in")
    assert (blocked.status_code, blocked.json()["type"].rsplit("/")[-1]) == (409, "blocked")
    await post(desk, f"{path}/block")
    await post(desk, f"{path}/unblock")
    assert (await post(desk, f"{path}/check-in")).status_code == 200
    ended = await post(desk, f"{path}/end")
    assert (ended.json()["status"], (await post(desk, f"{path}/end")).status_code) == ("ended", 200)
    await booking.handle(wants(space, TOMORROW + timedelta(hours=2), quantity=1, place=space.places[1]))
    assert (await booking.published(HELD))[-1].data.places.place == "A-2"
    mine = [event for event in await booking.published() if event.data.model_dump().get("order_id")]
    changes = [event.data.change for event in mine if event.type == CHANGED]
    assert changes == ["extended", "moved", "extended", "blocked", "unblocked", "checked_in", "ended_early"]
    rescheduled = await booking.published(RESCHEDULED)
    for event in rescheduled:
        same_shape(event, SAMPLES[RESCHEDULED].model_copy(update={"data": event.data}))
    assert [event.data.total.amount for event in rescheduled] == [50000, 50000, 60000, 60000]
    assert [event.data.places.place for event in rescheduled] == ["A-1", "A-2", "A-2", "A-2"]
    assert rescheduled[1].data.previous.place == "A-1"
    assert sum(e.type == ENDED and e.data.order_id == order.data.order_id for e in await booking.published()) == 1
    booking.at(TOMORROW + timedelta(days=1))
    await booking.turn("end-lodgings")
    assert sum(e.type == ENDED and e.data.order_id == order.data.order_id for e in await booking.published()) == 1


@pytest.mark.feature("A16")
async def test_moving_during_the_time_keeps_what_was(booking: Running) -> None:
    space = await add_space(booking, places=2)
    path, _ = await issued(booking, space)
    desk = booking.client("dora", "front_desk")
    booking.at(TOMORROW + timedelta(hours=1))
    await booking.turn("start-lodgings")
    assert (await post(desk, f"{path}/move", {"place_id": str(space.places[1])})).status_code == 200
    async with booking.database.read() as reading:
        rows = await reading.all(
            sa.select(
                claims.c.unit_id, claims.c.active, sa.func.lower(claims.c.during), sa.func.upper(claims.c.during)
            ).order_by(claims.c.id)
        )
    hour = timedelta(hours=1)
    assert [list(row.values()) for row in rows] == [
        [space.places[0], False, TOMORROW, TOMORROW + hour],
        [space.places[1], True, TOMORROW + hour, TOMORROW + 4 * hour],
    ]
    assert (await post(desk, f"{path}/extend", {"quantity": 1})).status_code == 200


@pytest.mark.feature("A16")
async def test_no_show_frees_the_place_after_the_minutes_that_are_set(booking: Running) -> None:
    space = await add_space(booking, places=2, no_show_minutes=30)
    path, order = await issued(booking, space)
    came, _ = await issued(booking, space)
    desk = booking.client("dora", "front_desk")
    assert (await post(desk, f"{path}/no-show")).status_code == 409
    booking.at(TOMORROW + timedelta(minutes=29))
    await booking.turn("start-lodgings")
    assert (await post(desk, f"{came}/check-in")).status_code == 200
    assert (await post(desk, f"{came}/no-show")).status_code == 409
    await booking.turn("give-up-lodgings")
    assert await statuses(booking) == ["active", "active"]
    booking.at(TOMORROW + timedelta(minutes=30))
    await asyncio.gather(*(booking.turn("give-up-lodgings") for _ in range(4)))
    assert await statuses(booking) == ["no_show", "active"]
    (event,) = await booking.published(NO_SHOW)
    assert (event.data.order_id, event.data.released) == (order.data.order_id, True)
    assert (await booking.published(CHANGED))[-1].data.actor.kind == "system"
    await booking.handle(wants(space, TOMORROW + timedelta(hours=1), quantity=1))
    assert (await booking.published(HELD))[-1].data.places.place == "A-1"
    assert (await post(desk, f"{path}/check-in")).status_code == 409
    assert (await post(desk, f"{path}/no-show")).status_code == 200
    assert len(await booking.published(NO_SHOW)) == 1


async def test_it_runs_by_the_clock_exactly_once(booking: Running) -> None:
    space = await add_space(booking)
    _, order = await issued(booking, space)
    booking.at(TOMORROW + timedelta(hours=5))
    loops = [name for name in booking.loops if name.endswith("lodgings")]
    assert len(loops) == 4
    for _ in range(2):
        await asyncio.gather(*(booking.turn(loop) for loop in loops))
    tail = [e for e in await booking.published() if e.type.endswith((".started.v1", ".ended.v1"))]
    assert [event.type.split(".")[2] for event in tail] == ["started", "ended"]
    assert {event.data.order_id for event in tail} == {order.data.order_id}
    assert [event.sequence for event in tail] == [3, 4]


@pytest.mark.feature("A16")
async def test_who_may_see_and_process(booking: Running) -> None:
    space = await add_space(booking)
    path, order = await issued(booking, space, applicant_id=booking.identity.id_of("anna"))
    of_order = f"/v1/orders/{order.data.order_id}/ticket"
    span = {"starts_from": "2026-12-01T00:00:00Z", "starts_to": "2026-12-03T00:00:00Z"}
    page = f"/v1/spaces/{space.id}/tickets"
    anna, boris = booking.client("anna"), booking.client("boris")
    for address in (path, of_order):
        assert (await anna.get(address)).status_code == 200
        assert (await boris.get(address)).status_code == 404
        assert (await booking.client().get(address)).status_code == 401
    assert (await anna.get(page, params=span)).status_code == 403
    assert (await anna.get("/v1/tickets", params={"number": 5001})).status_code == 403
    assert (await anna.post(f"{path}/check-in", json={})).status_code == 403
    for verb in ("check-in", "check-out", "end", "block", "unblock", "no-show"):
        assert (await post(anna, f"{path}/{verb}")).status_code == 403
        assert (await post(booking.client("sam", "service_manager"), f"{path}/{verb}")).status_code == 403
    elsewhere = booking.client("dora", "front_desk", locations=[str(uuid4())])
    assert (await elsewhere.get(path)).status_code == 404
    assert (await elsewhere.get(page, params=span)).status_code == 404
    assert (await post(elsewhere, f"{path}/block")).status_code == 404
    here = booking.client("dina", "front_desk", locations=[str(space.location_id)])
    found = (await here.get(page, params=span)).json()
    assert [item["order_id"] for item in found["items"]] == [str(order.data.order_id)]
    assert (await here.get(page, params={**span, "starts_to": "2025-01-01T00:00:00Z"})).status_code == 422
    version = (await here.get(path)).headers["ETag"]
    stale = {"Idempotency-Key": uuid4().hex, "If-Match": '"1"'}
    assert (await here.post(f"{path}/block", headers=stale)).status_code == 412
    fresh = {"Idempotency-Key": uuid4().hex, "If-Match": version}
    assert (await here.post(f"{path}/block", headers=fresh)).status_code == 200
    assert (await here.post(f"{path}/block")).status_code == 400
    assert (await post(anna, "/v1/spaces", {"location_id": str(space.location_id), "name": "x"})).status_code == 403
    admin = booking.client("alex", "administrator")
    assert (await post(admin, "/v1/spaces", {"location_id": str(uuid4()), "name": "x"})).status_code == 404
    assert (await post(admin, f"/v1/spaces/{space.id}/tariffs", {"name": "x"})).status_code == 422


async def test_spaces_and_tariffs_are_changed_with_their_etag(booking: Running) -> None:
    space = await add_space(booking)
    admin = booking.client("alex", "administrator")
    tariff = {"name": "День", "unit": "day", "price": {"amount": 150000, "currency": "RUB"}}
    cases: list[tuple[str, dict[str, Any]]] = [
        (f"/v1/spaces/{space.id}", {"name": "Лофт", "active": False}),
        (f"/v1/tariffs/{space.tariff}", tariff),
    ]
    for path, body in cases:
        assert (await admin.put(path, json=body)).status_code == 428
        assert (await admin.put(path, json=body, headers={"If-Match": '"1"'})).json()["name"] == body["name"]
        assert (await admin.put(path, json=body, headers={"If-Match": '"1"'})).status_code == 412
        assert (await booking.client("anna").put(path, json=body, headers={"If-Match": '"2"'})).status_code == 403
    assert (await booking.client("anna").get(f"/v1/spaces/{space.id}")).headers["ETag"] == '"2"'
    listed = (await booking.client("anna").get(f"/v1/spaces/{space.id}/tariffs")).json()
    assert [item["unit"] for item in listed["items"]] == ["day"]
    await booking.handle(wants(space))
    assert (await booking.published(UNAVAILABLE))[-1].data.reason == "unknown_resource"
    page = (await booking.client("anna").get("/v1/spaces", params={"location_id": str(space.location_id)})).json()
    assert [item["name"] for item in page["items"]] == ["Лофт"]


@pytest.mark.feature("A16")
@pytest.mark.feature("X5")
async def test_special_days_of_a_location_are_those_of_its_tickets(booking: Running) -> None:
    """On that day it is open from 9 to 11 only."""
    special = {"day": TOMORROW.date().isoformat(), "name": "Санитарный день", "hours": [{"opens": 540, "closes": 660}]}
    space = await add_space(booking, hours=NINE_TO_NINE, special_days=[special])
    long, short = wants(space, quantity=3), wants(space, quantity=2)
    await booking.handle(long, short)
    (refused,) = await booking.published("booking.places.unavailable.v1")
    assert (refused.data.order_id, refused.data.reason) == (long.data.order_id, "outside_opening_hours")
    (held,) = await booking.published("booking.places.held.v1")
    assert held.data.order_id == short.data.order_id
