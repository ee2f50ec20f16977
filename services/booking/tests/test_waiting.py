"""The waiting list (X5): a freed place is kept for the first who waits and can have it, then for the next."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from booking.claiming.tables import slot_claims
from foyer_chassis.testing import Running, same_shape
from foyer_contracts.envelope import Event
from foyer_contracts.samples import SAMPLES

from .conftest import NOW, TOMORROW, add_resource, cancelled, paid, placed
from .test_places import block, change_resource, claims, left, outcome
from .test_recurring import give_up
from .test_rescheduling import move

MADE, EXPIRED, TAKEN = "booking.offer.made.v1", "booking.offer.expired.v1", "booking.offer.taken.v1"
HOUR, MINUTE, WEEK = timedelta(hours=1), timedelta(minutes=1), timedelta(days=7)


async def join(
    booking: Running, resource: UUID, who: str, starts_at: datetime = TOMORROW, *, minutes: int = 120, **more: Any
) -> Any:
    roles = more.pop("roles", ("customer",))
    body = {
        "resource_id": str(resource),
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + minutes * MINUTE).isoformat(),
        **more,
    }
    client = booking.client(who, *roles)
    return await client.post("/v1/waiting-list", json=body, headers={"Idempotency-Key": uuid4().hex})


async def waiting(booking: Running, resource: UUID, *people: str, **more: Any) -> list[str]:
    """These people wait, in this order; the ids of their entries."""
    answers = [await join(booking, resource, who, **more) for who in people]
    assert {answer.status_code for answer in answers} == {201}, answers[-1].text
    return [answer.json()["id"] for answer in answers]


async def mine(booking: Running, who: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await booking.client(who).get("/v1/waiting-list")).json()["items"]
    return items


async def offers(booking: Running) -> list[tuple[str, str]]:
    """(`made`, `expired` or `taken`; whose), in the order in which it happened."""
    names = {booking.identity.id_of(name): name for name in ("anna", "boris", "clara", "dora")}
    return [
        (event.type.split(".")[2], names[event.data.applicant_id])
        for event in await booking.published()
        if event.type in (MADE, EXPIRED, TAKEN)
    ]


async def taking(booking: Running, resource: UUID, who: str, *, minutes: int = 120, **more: Any) -> Event[Any]:
    """An order of the last offer."""
    offer = (await booking.published(MADE))[-1].data
    return placed(
        resource,
        offer.starts_at,
        minutes=minutes,
        applicant_id=booking.identity.id_of(who),
        offer_id=offer.offer_id,
        **more,
    )


@pytest.mark.feature("X5")
async def test_a_freed_place_is_kept_for_the_first_then_for_the_next_then_free(booking: Running) -> None:
    resource = await add_resource(booking, offer_minutes=20)
    order = placed(resource)
    await booking.handle(order)
    await waiting(booking, resource, "anna", "boris")
    assert [item["position"] for item in await mine(booking, "boris")] == [2]
    await booking.handle_twice(cancelled(order.data.order_id, "customer_request"))
    assert await offers(booking) == [("made", "anna")]
    made = (await booking.published(MADE))[0]
    same_shape(made, SAMPLES[MADE])
    assert made.data.expires_at == NOW + 20 * MINUTE
    (item,) = await mine(booking, "anna")
    assert (item["status"], item["offer"]["id"], item["position"]) == ("offered", str(made.data.offer_id), None)
    assert [item["position"] for item in await mine(booking, "boris")] == [1]
    # It is really kept: nobody else can have it.
    await booking.handle(stranger := placed(resource))
    assert await outcome(booking, stranger) == ["places_taken"]
    booking.at(NOW + 19 * MINUTE)
    await booking.turn("expire-holds")
    assert await offers(booking) == [("made", "anna")]
    booking.at(NOW + 20 * MINUTE)
    await asyncio.gather(*(booking.turn("expire-holds") for _ in range(4)))
    assert await offers(booking) == [("made", "anna"), ("expired", "anna"), ("made", "boris")]
    same_shape((await booking.published(EXPIRED))[0], SAMPLES[EXPIRED])
    assert [item["status"] for item in await mine(booking, "anna")] == ["missed"]
    booking.at(NOW + 40 * MINUTE)
    await booking.turn("expire-holds")
    assert (await offers(booking))[-1] == ("expired", "boris")
    assert await left(booking, resource) == {}
    assert await claims(booking) == 0


@pytest.mark.feature("X5")
async def test_an_order_takes_what_was_offered_to_its_applicant(booking: Running) -> None:
    resource = await add_resource(booking, hold_ttl_seconds=600)
    await booking.handle(first := placed(resource))
    await waiting(booking, resource, "anna", "boris")
    await booking.handle(cancelled(first.data.order_id, "customer_request"))
    offer_id = (await booking.published(MADE))[0].data.offer_id
    # Of another applicant, for another time, for a series, of an offer that there is not: refused, and the offer stays.
    wrong = [
        await taking(booking, resource, "boris"),
        await taking(booking, resource, "anna", minutes=60),
        await taking(booking, resource, "anna", recurrence="FREQ=WEEKLY;COUNT=2"),
        placed(resource, applicant_id=booking.identity.id_of("anna"), offer_id=uuid4()),
    ]
    await booking.handle_twice(*wrong)
    assert await outcome(booking, *wrong) == ["offer_expired"] * 4
    right, again = await taking(booking, resource, "anna"), await taking(booking, resource, "anna")
    await booking.handle_twice(right)
    await booking.handle_twice(again)
    assert await outcome(booking, right, again) == ["held", "offer_expired"]
    (taken,) = await booking.published(TAKEN)
    same_shape(taken, SAMPLES[TAKEN])
    assert (taken.data.offer_id, taken.data.order_id) == (offer_id, right.data.order_id)
    types = [
        event.type for event in await booking.published() if event.data.__dict__.get("order_id") == right.data.order_id
    ]
    assert types == [TAKEN, "booking.places.held.v1"]
    assert [item["status"] for item in await mine(booking, "anna")] == ["taken"]
    # An order that is told twice under two ids changes nothing.
    await booking.handle(right.model_copy(update={"id": uuid4()}))
    assert len(await booking.published("booking.places.held.v1")) == 2
    booking.at(NOW + HOUR)
    await booking.turn("expire-holds")  # anna does not pay: boris is asked
    assert (await offers(booking))[-1] == ("made", "boris")
    order = await taking(booking, resource, "boris")
    await booking.handle(order.model_copy(update={"time": NOW + HOUR}), paid(order.data.order_id))
    assert (await booking.published())[-1].type == "booking.reservation.confirmed.v1"
    assert await claims(booking) == 1


@pytest.mark.feature("X5")
async def test_an_expired_offer_cannot_be_taken(booking: Running) -> None:
    resource = await add_resource(booking, offer_minutes=20)
    await booking.handle(first := placed(resource))
    await waiting(booking, resource, "anna")
    await booking.handle(cancelled(first.data.order_id, "customer_request"))
    late = (await taking(booking, resource, "anna")).model_copy(update={"time": NOW + 20 * MINUTE})
    booking.at(NOW + 20 * MINUTE)
    await booking.handle_twice(late)
    await booking.turn("expire-holds")
    gone = await taking(booking, resource, "anna")
    await booking.handle_twice(gone)
    assert await outcome(booking, late, gone) == ["offer_expired", "offer_expired"]
    assert await claims(booking) == 0


@pytest.mark.feature("X5")
async def test_every_way_in_which_a_time_becomes_free_is_noticed(booking: Running) -> None:
    resource = await add_resource(booking, hold_ttl_seconds=60)
    times = [TOMORROW + n * timedelta(days=1) for n in range(5)]
    unpaid, released, moved = (placed(resource, at) for at in times[:3])
    series = placed(resource, times[3], recurrence="FREQ=WEEKLY;COUNT=2", applicant_id=booking.identity.id_of("dora"))
    await booking.handle(unpaid, released, moved, series)
    await booking.handle(*(paid(order.data.order_id) for order in (released, moved, series)))
    blocked = await block(booking, resource, times[4], 2)
    for at in times:
        await waiting(booking, resource, "anna", starts_at=at)

    async def offered() -> list[datetime]:
        return [event.data.starts_at for event in await booking.published(MADE)]

    booking.at(NOW + 2 * MINUTE)
    await asyncio.gather(*(booking.turn("expire-holds") for _ in range(3)))
    assert await offered() == times[:1]
    await booking.handle_twice(cancelled(released.data.order_id, "customer_request"))
    assert await offered() == times[:2]
    assert (await move(booking, moved, times[2] + 4 * HOUR)).status_code == 200
    assert await offered() == times[:3]
    assert (await give_up(booking, series, times[3], who="dora")).status_code == 200
    assert await offered() == times[:4]
    path = f"/v1/blocks/{blocked.json()['id']}"
    assert (await booking.client("rita", "rent_manager").delete(path)).status_code == 204
    assert await offered() == times


@pytest.mark.feature("X5")
async def test_more_places_and_shorter_buffers_are_offered_too(booking: Running) -> None:
    resource = await add_resource(booking, buffer_after_minutes=30)
    other = await add_resource(booking)
    await booking.handle(placed(resource), placed(other))
    await waiting(booking, resource, "anna", "boris", starts_at=TOMORROW)
    await waiting(booking, resource, "clara", starts_at=TOMORROW - HOUR, minutes=60)
    await waiting(booking, other, "dora")
    for more, offered in (({"buffer_after_minutes": 0}, ["clara"]), ({"capacity": 2}, ["clara", "anna"])):
        assert (await change_resource(booking, resource, **more)).status_code == 200
        await booking.handle_twice((await booking.published("booking.resource.changed.v1"))[-1])
        assert [who for _, who in await offers(booking)] == offered


@pytest.mark.feature("X5")
async def test_the_first_who_can_have_it_is_asked(booking: Running) -> None:
    """Anna came first and waits for more than is free; boris and clara fit beside each other, dora beside neither."""
    resource = await add_resource(booking)
    long, short = placed(resource, TOMORROW + 2 * HOUR), placed(resource)
    await booking.handle(long, short)
    await waiting(booking, resource, "anna", minutes=240)
    await waiting(booking, resource, "boris", minutes=60)
    await waiting(booking, resource, "dora", minutes=90)
    await waiting(booking, resource, "clara", starts_at=TOMORROW + HOUR, minutes=60)

    async def leave(who: str) -> tuple[str, str]:
        (item,) = await mine(booking, who)
        assert (await booking.client(who).delete(f"/v1/waiting-list/{item['id']}")).status_code == 204
        return (await offers(booking))[-1]

    await booking.handle(cancelled(short.data.order_id, "customer_request"))
    assert await offers(booking) == [("made", "boris"), ("made", "clara")]
    await booking.handle(cancelled(long.data.order_id, "customer_request"))
    assert len(await offers(booking)) == 2
    assert await leave("boris") == ("expired", "boris")
    assert await leave("clara") == ("made", "anna")
    assert await leave("anna") == ("made", "dora")


@pytest.mark.feature("X5")
async def test_no_offer_after_the_start_nor_inside_the_notice(booking: Running) -> None:
    resource = await add_resource(booking, notice_minutes=60, hold_ttl_seconds=80_000, offer_minutes=30)
    first, second = placed(resource), placed(resource, TOMORROW + 3 * HOUR)
    await booking.handle(first, second)
    await waiting(booking, resource, "anna")
    await waiting(booking, resource, "boris", starts_at=TOMORROW + 3 * HOUR)
    booking.at(TOMORROW - HOUR)
    await booking.handle(cancelled(first.data.order_id, "customer_request"))
    assert await offers(booking) == []
    # The offer ends with the beginning of the notice.
    booking.at(TOMORROW + 2 * HOUR - 10 * MINUTE)
    await booking.handle(cancelled(second.data.order_id, "customer_request"))
    (made,) = await booking.published(MADE)
    assert made.data.expires_at == TOMORROW + 2 * HOUR
    booking.at(TOMORROW + 5 * HOUR)  # nothing ran for a while
    await booking.turn("expire-holds")
    assert await offers(booking) == [("made", "boris"), ("expired", "boris")]
    assert await claims(booking) == 0
    assert await mine(booking, "boris") == []


@pytest.mark.feature("X5")
async def test_after_a_pause_everything_expires_before_anything_is_offered(booking: Running) -> None:
    """Boris came before clara and waits for a time of which one half was held and the other offered; both ended while
    nothing ran."""
    resource = await add_resource(booking, hold_ttl_seconds=900, offer_minutes=20)
    first, second = placed(resource, minutes=60), placed(resource, TOMORROW + HOUR, minutes=60)
    await booking.handle(first, second)
    await waiting(booking, resource, "anna", minutes=60)
    await waiting(booking, resource, "boris")
    for starts_at in (TOMORROW, TOMORROW + HOUR):
        await waiting(booking, resource, "clara", starts_at=starts_at, minutes=60)
    await booking.handle(cancelled(first.data.order_id, "customer_request"))
    assert await offers(booking) == [("made", "anna")]
    booking.at(NOW + 3 * HOUR)
    await asyncio.gather(*(booking.turn("expire-holds") for _ in range(3)))
    assert await offers(booking) == [("made", "anna"), ("expired", "anna"), ("made", "boris")]


@pytest.mark.feature("X5")
async def test_a_hall_is_offered_when_its_rooms_are_free_and_places_as_they_are(booking: Running) -> None:
    room = await add_resource(booking)
    other = await add_resource(booking, beside=room, capacity=2)
    hall = await add_resource(booking, beside=room, part_ids=[str(room), str(other)])
    here, there = placed(room, minutes=60), placed(other, minutes=60)
    await booking.handle(here, there)
    await waiting(booking, hall, "anna", minutes=60)
    await booking.handle(cancelled(here.data.order_id, "customer_request"))
    assert await offers(booking) == []
    await booking.handle(full := placed(other, minutes=60))
    await waiting(booking, other, "boris", minutes=60)
    await booking.handle(cancelled(there.data.order_id, "customer_request"))
    assert await offers(booking) == [("made", "boris")]
    await booking.handle(cancelled(full.data.order_id, "customer_request"))
    (item,) = await mine(booking, "boris")
    await booking.client("boris").delete(f"/v1/waiting-list/{item['id']}")
    assert (await offers(booking))[-1] == ("made", "anna")
    assert await claims(booking) == 3
    await booking.handle(order := await taking(booking, hall, "anna", minutes=60))
    assert await outcome(booking, order) == ["held"]


@pytest.mark.feature("X5")
async def test_who_joins_sees_and_leaves(booking: Running) -> None:
    resource = await add_resource(booking)
    free = await join(booking, resource, "anna")
    assert (free.status_code, free.json()["type"].rpartition("/")[2]) == (409, "still-free")
    await booking.handle(order := placed(resource, minutes=600))
    (entry,) = await waiting(booking, resource, "anna")
    assert await waiting(booking, resource, "anna") == [entry]  # once is enough
    for starts_at, minutes, problem in (
        (NOW - HOUR, 60, "in-the-past"),
        (TOMORROW, 45, "not-on-slot-grid"),
        (TOMORROW, 0, "not-on-slot-grid"),
    ):
        answer = await join(booking, resource, "anna", starts_at, minutes=minutes)
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (422, problem)
    assert (await join(booking, uuid4(), "anna")).status_code == 422
    assert (await join(booking, resource, "anna", quantity=2)).status_code == 422
    boris = str(booking.identity.id_of("boris"))
    assert (await join(booking, resource, "anna", applicant_id=boris)).status_code == 403
    on_behalf = await join(booking, resource, "rita", roles=("rent_manager",), applicant_id=boris)
    assert (on_behalf.status_code, on_behalf.json()["position"]) == (201, 2)
    listed = f"/v1/resources/{resource}/waiting-list"
    assert (await booking.client("anna").get(listed)).status_code == 403
    page = (await booking.client("rita", "rent_manager").get(listed)).json()
    assert [item["id"] for item in page["items"]] == [entry, on_behalf.json()["id"]]
    path = f"/v1/waiting-list/{entry}"
    assert (await booking.client("boris").delete(path)).status_code == 404
    assert (await booking.client("sergey", "service_manager").delete(path)).status_code == 403
    elsewhere = booking.client("rita", "rent_manager", locations=[str(uuid4())])
    assert (await elsewhere.delete(path)).status_code == 404
    for _ in range(2):
        assert (await booking.client("anna").delete(path)).status_code == 204
    await booking.handle(cancelled(order.data.order_id, "customer_request"))
    assert await offers(booking) == [("made", "boris")]


async def test_one_waits_for_so_many_times(booking: Running) -> None:
    resource = await add_resource(booking, slot_minutes=10)
    await booking.handle(placed(resource, minutes=600))
    answers = [await join(booking, resource, "anna", TOMORROW + n * 10 * MINUTE, minutes=10) for n in range(21)]
    assert [answer.status_code for answer in answers] == [201] * 20 + [409]
    assert answers[-1].json()["type"].rpartition("/")[2] == "too-many-entries"


@pytest.mark.feature("X5")
async def test_freed_while_many_join_and_order(booking: Running) -> None:
    """Nobody waits for what is free, and what is free is never two's."""
    resource = await add_resource(booking)
    await booking.handle(order := placed(resource))
    people = [f"person{n}" for n in range(8)]
    orders = [placed(resource) for _ in people]
    answers = await asyncio.gather(
        *(join(booking, resource, who) for who in people[:4]),
        booking.handle(cancelled(order.data.order_id, "customer_request")),
        *(join(booking, resource, who) for who in people[4:]),
        *(booking.handle(each) for each in orders),
    )
    joined = [answer for answer in answers if not isinstance(answer, int)]
    assert {answer.status_code for answer in joined} <= {201, 409}
    made, held = len(await booking.published(MADE)), (await outcome(booking, *orders)).count("held")
    async with booking.database.read() as reading:
        owners = list((await reading.execute(sa.select(slot_claims.c.owner))).scalars())
    assert owners == (["offer"] if made else ["reservation"])
    assert made + held == 1
