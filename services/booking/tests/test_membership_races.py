"""Memberships and classes when many act at once, and when events overtake each other."""

import asyncio
import time
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from booking.memberships.domain import MOST_GUESSES_OF_CALLER, MOST_GUESSES_OF_PASS
from foyer_contracts.envelope import Event
from foyer_contracts.money import Money
from foyer_contracts.payments import RefundSucceeded

from .conftest import NOW, TOMORROW, paid
from .races import at_once, deadlocks
from .test_memberships import ALEX, DANA, ISSUED, WITHDRAWN, Club, problem_of

ROUNDS = 5


@pytest.fixture
async def club(booking: Any) -> Club:
    return await Club(booking).open()


def refunded(order_id: Any, total: int) -> Event[Any]:
    money = Money(amount=total, currency="RUB")
    data = RefundSucceeded(
        refund_id=uuid4(),
        payment_id=uuid4(),
        order_id=order_id,
        applicant_id=uuid4(),
        amount=money,
        refunded_total=money,
        pending_total=Money.zero("RUB"),
    )
    return Event.make(data, subject=data.refund_id, sequence=1, time=NOW)


@pytest.mark.feature("D7")
async def test_withdrawing_booking_attaching_freezing_and_cancelling_at_once_never_deadlock(club: Club) -> None:
    """Everybody locks classes by id, then passes by id; what comes out is consistent whoever was first."""
    visitors = [await club.visitor(f"Посетитель {n}") for n in range(3)]
    desk = club.booking.client(*DANA)
    for _ in range(ROUNDS):
        classes = [await club.scheduled(TOMORROW + timedelta(hours=n)) for n in range(3)]
        items, orders = [], []
        for visitor in visitors:
            # Booked into the classes in different orders, so that whoever locks in that order would meet the others.
            item, order = await club.attached(visitor, class_ids=classes[:2])
            items.append(item)
            orders.append(order)
        places = [
            place
            for class_id in classes[:2]
            for place in (await desk.get(f"/v1/classes/{class_id}/places")).json()["items"]
        ]
        fresh, code, _ = await club.sold()
        await club.made("/v1/passes/activate", {"code": code})
        version = (await desk.get(f"/v1/passes/{items[1]['id']}")).json()["version"]
        freeze = {"until": (NOW + timedelta(days=3)).isoformat()}
        handled = [club.booking.handle(refunded(orders[2].data.order_id, 40000))]
        answers = await at_once(
            [
                club.post(f"/v1/passes/{items[0]['id']}/withdraw", {"reason": "Ошибка"}),
                *(club.post(f"/v1/class-places/{place['id']}/cancel", {}) for place in places),
                club.post(f"/v1/classes/{classes[1]}/cancel", {}, *ALEX),
                *(club.post(f"/v1/classes/{classes[2]}/places", {"visitor_id": visitor}) for visitor in visitors),
                club.post(f"/v1/passes/{fresh['id']}/attach", {"visitor_id": visitors[0], "class_ids": [classes[2]]}),
                desk.put(f"/v1/passes/{items[1]['id']}/freeze", json=freeze, headers={"If-Match": f'"{version}"'}),
                club.post(f"/v1/classes/{classes[0]}/cancel", {}, *ALEX),
                *(_answered(call) for call in handled),
            ]
        )
        assert answers[0].status_code == 200
        for class_id in classes[:2]:
            assert (await desk.get(f"/v1/classes/{class_id}/places")).json()["items"] == []
        left = {
            place["visitor_id"]: place for place in (await desk.get(f"/v1/classes/{classes[2]}/places")).json()["items"]
        }
        for place in left.values():
            used = (await desk.get(f"/v1/passes/{place['pass_id']}")).json()
            assert used["status"] == "attached"
        for item in (items[0], items[2]):
            found = (await desk.get(f"/v1/passes/{item['id']}")).json()
            assert found["status"] == "withdrawn"
            assert item["id"] not in {place["pass_id"] for place in left.values()}
        for visitor in visitors:
            for item in (await desk.get("/v1/passes", params={"visitor_id": visitor})).json()["items"]:
                if item["status"] == "attached":
                    used = sum(place["pass_id"] == item["id"] for place in left.values())
                    assert item["visits_left"] == 8 - used
                    await club.post(f"/v1/passes/{item['id']}/withdraw", {"reason": "Уборка"})
    assert await deadlocks(club.booking) == 0


@pytest.mark.feature("D7")
async def test_a_pass_that_is_booked_while_it_is_withdrawn_is_not_waited_for_in_a_ring(club: Club) -> None:
    """Step by step: withdrawing finds no classes and waits for the pass, which somebody books into a class meanwhile;
    somebody else has that class and will want the pass. Whoever kept the pass and asked for the class now would close
    the ring."""
    visitor, class_id = await club.visitor(), await club.scheduled()
    item, _ = await club.attached(visitor)
    url = club.booking.database.url
    booker, canceller, watcher = [await asyncpg.connect(url, command_timeout=8) for _ in range(3)]

    async def one_waits() -> None:
        for _ in range(400):
            if await watcher.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ):
                return
            await asyncio.sleep(0.01)
        raise AssertionError("nobody waits")

    try:
        booking, cancelling = booker.transaction(), canceller.transaction()
        await booking.start()
        await booker.execute("SELECT FROM passes WHERE id = $1 FOR UPDATE", UUID(item["id"]))
        await booker.execute(
            "INSERT INTO class_bookings (id, class_id, visitor_id, pass_id, seat, version, created_at)"
            " VALUES ($1, $2, $3, $4, 1, 1, $5)",
            uuid4(),
            UUID(class_id),
            UUID(visitor),
            UUID(item["id"]),
            NOW,
        )
        withdrawing = asyncio.create_task(club.post(f"/v1/passes/{item['id']}/withdraw", {"reason": "Ошибка"}))
        await one_waits()
        await cancelling.start()
        await canceller.execute("SELECT FROM classes WHERE id = $1 FOR NO KEY UPDATE", UUID(class_id))
        await booking.commit()
        # Now it waits for the class, and must have given the pass back.
        await one_waits()
        async with asyncio.timeout(5):
            await canceller.execute("SELECT FROM passes WHERE id = $1 FOR UPDATE", UUID(item["id"]))
        await cancelling.commit()
        assert (await withdrawing).json()["status"] == "withdrawn"
    finally:
        for connection in (booker, canceller, watcher):
            await connection.close()
    assert (await club.booking.client(*DANA).get(f"/v1/classes/{class_id}/places")).json()["items"] == []
    assert await deadlocks(club.booking) == 0


@pytest.mark.feature("D6")
async def test_two_classes_with_the_same_visitors_are_cancelled_at_once(club: Club) -> None:
    """In the one they booked in one order, in the other the other way round: whoever took their memberships in the
    order of places would wait for the other, who waits too."""
    here = await club.scheduled(capacity=20)
    there = await club.scheduled(TOMORROW + timedelta(hours=2), capacity=20)
    visitors = [await club.visitor(f"Посетитель {n}") for n in range(20)]
    items = [(await club.attached(visitor, class_ids=[here]))[0] for visitor in visitors]
    for visitor in reversed(visitors):
        await club.made(f"/v1/classes/{there}/places", {"visitor_id": visitor})
    # Connections are there, so that both really begin at once.
    await at_once([club.booking.client(*ALEX).get("/v1/groups") for _ in range(8)])
    answers = await at_once([club.post(f"/v1/classes/{class_id}/cancel", {}, *ALEX) for class_id in (here, there)])
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [await club.left(item["id"]) for item in items] == [8] * len(items)
    assert await deadlocks(club.booking) == 0


async def _answered(call: Any) -> Any:
    await call

    class Done:
        status_code = 200

    return Done


@pytest.mark.feature("D5")
async def test_parallel_guesses_are_counted_one_by_one(club: Club) -> None:
    item, code, _ = await club.sold()
    wrong = code[:-1] + ("A" if code[-1] != "A" else "B")
    answers = await at_once([club.post("/v1/passes/activate", {"code": wrong}) for _ in range(40)])
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(422), statuses.count(429)) == (MOST_GUESSES_OF_CALLER, 40 - MOST_GUESSES_OF_CALLER)
    assert MOST_GUESSES_OF_CALLER == MOST_GUESSES_OF_PASS
    # The pass has had its wrong guesses too: from nobody the right one is heard any more.
    assert await problem_of(await club.post("/v1/passes/activate", {"code": code}, "dina", "front_desk")) == (
        422,
        "wrong-code",
    )
    assert (await club.booking.client(*DANA).get(f"/v1/passes/{item['id']}")).json()["status"] == "issued"


@pytest.mark.feature("D5")
async def test_many_who_guess_at_once_do_not_starve_the_service(club: Club) -> None:
    """More callers than connections: each refusal is counted without waiting for a connection that another holds."""
    answers = await at_once(
        [club.post("/v1/passes/activate", {"code": "AAAA-BBBB-CCCC"}, f"desk{n}", "front_desk") for n in range(48)]
    )
    assert {answer.status_code for answer in answers} == {422}


@pytest.mark.feature("D7")
async def test_money_that_overtakes_its_order_and_refunds_that_overtake_each_other(club: Club) -> None:
    whole, part, early = club.order(), club.order(), club.order()
    # Paid before its order was heard of: the refund of all of it is known as such.
    await club.booking.handle_twice(paid(whole.data.order_id))
    await club.booking.handle_twice(whole)
    assert len(await club.booking.published(ISSUED)) == 1
    await club.booking.handle_twice(refunded(whole.data.order_id, 40000))
    assert len(await club.booking.published(WITHDRAWN)) == 1
    # Of two refunds the whole is heard of first, in one batch and apart.
    await club.booking.handle(part, paid(part.data.order_id))
    await club.booking.handle(refunded(part.data.order_id, 40000), refunded(part.data.order_id, 10000))
    assert len(await club.booking.published(WITHDRAWN)) == 2
    # All of it is back before the payment is heard of: nothing is issued.
    await club.booking.handle(early, refunded(early.data.order_id, 40000))
    await club.booking.handle_twice(paid(early.data.order_id))
    assert len(await club.booking.published(ISSUED)) == 2


async def test_what_needs_no_payment_is_issued_at_once(club: Club) -> None:
    for terms in ("free", "postpaid"):
        order = club.order()
        data = order.data.model_copy(update={"terms": terms, "prepaid": False})
        await club.booking.handle_twice(order.model_copy(update={"data": data}))
    assert len(await club.booking.published(ISSUED)) == 2


@pytest.mark.feature("D6")
async def test_freezing_frees_the_classes_of_that_time_and_a_class_keeps_what_it_is(club: Club) -> None:
    visitor = await club.visitor()
    soon, later = await club.scheduled(), await club.scheduled(TOMORROW + timedelta(days=10))
    item, _ = await club.attached(visitor, class_ids=[soon, later])
    desk = club.booking.client(*DANA)
    assert await club.left(item["id"]) == 6
    version = {"If-Match": f'"{item["version"]}"'}
    until = {"until": (NOW + timedelta(days=5)).isoformat()}
    frozen = await desk.put(f"/v1/passes/{item['id']}/freeze", json=until, headers=version)
    assert (frozen.status_code, frozen.json()["visits_left"]) == (200, 7)
    assert (await desk.get(f"/v1/classes/{soon}/places")).json()["items"] == []
    assert len((await desk.get(f"/v1/classes/{later}/places")).json()["items"]) == 1
    (gone,) = await club.booking.published("booking.class.cancelled.v1")
    assert gone.data.reason == "frozen"
    admin = club.booking.client(*ALEX)
    body = {
        "title": "Хатха",
        "starts_at": (TOMORROW + timedelta(days=11)).isoformat(),
        "ends_at": (TOMORROW + timedelta(days=11, hours=1)).isoformat(),
        "capacity": 5,
    }
    changed = {**body, "group_id": club.boxing}
    answer = await admin.put(f"/v1/classes/{later}", json=changed, headers={"If-Match": '"1"'})
    assert await problem_of(answer) == (409, "booked-class")
    # A class that was cancelled does not come back by being changed.
    assert (await club.post(f"/v1/classes/{soon}/cancel", {}, *ALEX)).status_code == 200
    again = await admin.put(f"/v1/classes/{soon}", json={**body, "group_id": club.yoga}, headers={"If-Match": '"2"'})
    assert await problem_of(again) == (409, "class-over")


@pytest.mark.feature("D6")
async def test_time_passes_for_memberships_without_any_clock(club: Club) -> None:
    """A freeze that is over and a validity that has run out need nobody to say so, however long nothing ran."""
    rested, expired = await club.visitor("Отдохнул"), await club.visitor("Опоздал")
    item, _ = await club.attached(rested)
    await club.attached(expired)
    freeze = {"until": (NOW + timedelta(days=30)).isoformat()}
    version = {"If-Match": f'"{item["version"]}"'}
    desk = club.booking.client(*DANA)
    assert (await desk.put(f"/v1/passes/{item['id']}/freeze", json=freeze, headers=version)).status_code == 200
    club.booking.at(NOW + timedelta(days=70))
    class_id = await club.scheduled(NOW + timedelta(days=75))
    # Sixty days and the thirty that it rested; the other one had sixty.
    assert (await club.post(f"/v1/classes/{class_id}/places", {"visitor_id": rested})).status_code == 201
    late = await club.post(f"/v1/classes/{class_id}/places", {"visitor_id": expired})
    assert await problem_of(late) == (409, "no-visit-left")


async def test_sixty_four_want_the_last_place_of_a_class(club: Club) -> None:
    class_id = await club.scheduled(capacity=1)
    visitors = [await club.visitor(f"Посетитель {n}") for n in range(64)]
    for visitor in visitors:
        await club.attached(visitor)
    started = time.perf_counter()
    path = f"/v1/classes/{class_id}/places"
    answers = await at_once([club.post(path, {"visitor_id": visitor}, key=visitor) for visitor in visitors])
    took = time.perf_counter() - started
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 63
    assert {answer.json()["type"].rsplit("/")[-1] for answer in answers if answer.status_code == 409} == {"class-full"}
    # Who asks again is answered as at first: the one has the place though the class is full now.
    again = await at_once([club.post(path, {"visitor_id": visitor}, key=visitor) for visitor in visitors])
    assert [answer.status_code for answer in again] == [answer.status_code for answer in answers]
    assert await deadlocks(club.booking) == 0
    print(f"sixty-four for one place in a class: {took * 1000:.0f} ms")
