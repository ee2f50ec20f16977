"""Memberships: issued when paid, activated by a code that works once, attached, used in classes, withdrawn (D5–D7)."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from foyer_chassis.testing import Running, same_shape
from foyer_contracts.envelope import Event
from foyer_contracts.money import Money
from foyer_contracts.orders import MembershipRequest
from foyer_contracts.payments import RefundSucceeded
from foyer_contracts.samples import SAMPLES

from .conftest import NOW, TOMORROW, cancelled, paid, placed

DANA = ("dana", "front_desk")
ALEX = ("alex", "administrator")
ISSUED, CODE = "booking.pass.issued.v1", "booking.pass.code_issued.v1"
ATTACHED, WITHDRAWN = "booking.pass.attached.v1", "booking.pass.withdrawn.v1"


async def problem_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["type"]).rpartition("/")[2]


class Club:
    """A sports club: groups, a type of eight visits in sixty days, its desk."""

    def __init__(self, booking: Running) -> None:
        self.booking = booking

    async def post(self, path: str, body: dict[str, Any], *who: str, key: str | None = None) -> Any:
        headers = {"Idempotency-Key": key or uuid4().hex}
        return await self.booking.client(*(who or DANA)).post(path, json=body, headers=headers)

    async def made(self, path: str, body: dict[str, Any], *who: str) -> dict[str, Any]:
        answer = await self.post(path, body, *who)
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json())

    async def open(self) -> "Club":
        self.yoga = (await self.made("/v1/groups", {"title": "Йога"}, *ALEX))["id"]
        self.boxing = (await self.made("/v1/groups", {"title": "Бокс"}, *ALEX))["id"]
        self.type = await self.made_type()
        return self

    async def made_type(self, **more: Any) -> dict[str, Any]:
        body = {"title": "Йога, 8 занятий", "visits": 8, "valid_days": 60, "group_ids": [self.yoga], **more}
        return await self.made("/v1/membership-types", body, *ALEX)

    def order(self, type_id: str | None = None) -> Event[Any]:
        order = placed(uuid4())
        request = MembershipRequest(membership_type_id=UUID(type_id or self.type["id"]))
        data = order.data.model_copy(update={"kind": "membership", "slots": None, "membership": request})
        return order.model_copy(update={"data": data})

    async def sold(self, type_id: str | None = None) -> tuple[dict[str, Any], str, Event[Any]]:
        """A pass that was bought and paid, its code, and the order."""
        order = self.order(type_id)
        await self.booking.handle(order)
        await self.booking.handle(paid(order.data.order_id))
        code = (await self.booking.published(CODE))[-1].data.code
        number = (await self.booking.published(ISSUED))[-1].data.number
        page = (await self.booking.client(*DANA).get("/v1/passes", params={"number": number})).json()
        return page["items"][0], code, order

    async def visitor(self, name: str = "Анна Смирнова", **more: Any) -> str:
        return str((await self.made("/v1/visitors", {"name": name, **more}))["id"])

    async def attached(
        self, visitor: str, type_id: str | None = None, **more: Any
    ) -> tuple[dict[str, Any], Event[Any]]:
        item, code, order = await self.sold(type_id)
        await self.made("/v1/passes/activate", {"code": code})
        answer = await self.made(f"/v1/passes/{item['id']}/attach", {"visitor_id": visitor, **more})
        return answer["membership"], order

    async def scheduled(self, starts_at: datetime = TOMORROW, *, capacity: int = 10, group: str | None = None) -> str:
        body = {
            "group_id": group or self.yoga,
            "title": "Хатха",
            "starts_at": starts_at.isoformat(),
            "ends_at": (starts_at + timedelta(hours=1)).isoformat(),
            "capacity": capacity,
        }
        return str((await self.made("/v1/classes", body, *ALEX))["id"])

    async def left(self, pass_id: str) -> int | None:
        found = (await self.booking.client(*DANA).get(f"/v1/passes/{pass_id}")).json()
        visits: int | None = found["visits_left"]
        return visits


@pytest.fixture
async def club(booking: Running) -> Club:
    return await Club(booking).open()


@pytest.mark.feature("D3")
async def test_a_paid_membership_is_issued_once_whatever_comes_first(club: Club) -> None:
    order = club.order()
    await club.booking.handle_twice(order)
    assert await club.booking.published(ISSUED) == []
    await club.booking.handle_twice(paid(order.data.order_id))
    await club.booking.handle(paid(order.data.order_id))
    (issued,) = await club.booking.published(ISSUED)
    same_shape(issued, SAMPLES[ISSUED])
    (secret,) = await club.booking.published(CODE)
    same_shape(secret, SAMPLES[CODE])
    assert secret.exchange == "foyer.private"
    assert secret.data.code not in issued.to_json().decode()
    other = club.order()
    await club.booking.handle(paid(other.data.order_id))
    await club.booking.handle(other)
    assert len(await club.booking.published(ISSUED)) == 2
    late = club.order()
    await club.booking.handle(cancelled(late.data.order_id, "customer_request"))
    await club.booking.handle(late, paid(late.data.order_id))
    assert len(await club.booking.published(ISSUED)) == 2
    part = club.order()
    await club.booking.handle(part, paid(part.data.order_id, whole=False))
    assert len(await club.booking.published(ISSUED)) == 2
    mine = await club.booking.client("anna").get("/v1/passes/mine")
    assert mine.json()["items"] == []


@pytest.mark.feature("D5")
async def test_a_code_works_once(club: Club) -> None:
    _, code, _ = await club.sold()
    loose = code.lower().replace("-", " ")
    answers = await asyncio.gather(*(club.post("/v1/passes/activate", {"code": loose}) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 422, 422, 422]
    assert len(await club.booking.published("booking.pass.activated.v1")) == 1
    assert await problem_of(await club.post("/v1/passes/activate", {"code": code})) == (422, "wrong-code")


@pytest.mark.feature("D5")
async def test_guesses_are_limited_for_the_caller_and_for_the_pass(club: Club) -> None:
    _, code, _ = await club.sold()
    wrong = code[:5] + ("AAAA-AAAA" if code[5:] != "AAAA-AAAA" else "BBBB-BBBB")
    for _ in range(10):
        assert await problem_of(await club.post("/v1/passes/activate", {"code": wrong})) == (422, "wrong-code")
    refused = await club.post("/v1/passes/activate", {"code": code})
    assert await problem_of(refused) == (429, "too-many-guesses")
    assert int(refused.headers["retry-after"]) == 3600
    # Ten wrong ones for this pass: its right one works for nobody any more.
    other = await club.post("/v1/passes/activate", {"code": code}, "olga", "front_desk")
    assert await problem_of(other) == (422, "wrong-code")
    _, fresh, _ = await club.sold()
    assert (await club.post("/v1/passes/activate", {"code": fresh}, "olga", "front_desk")).status_code == 200
    club.booking.at(NOW + timedelta(hours=1, minutes=1))
    _, later, _ = await club.sold()
    assert (await club.post("/v1/passes/activate", {"code": later})).status_code == 200
    assert (await club.post("/v1/passes/activate", {"code": later}, "anna", "customer")).status_code == 403


@pytest.mark.feature("D6")
async def test_staff_find_a_pass_and_attach_it_to_a_visitor_with_classes(club: Club) -> None:
    item, code, _ = await club.sold()
    listed = (await club.booking.client(*DANA).get("/v1/passes")).json()["items"]
    assert [one["number"] for one in listed] == [item["number"]]
    visitor = await club.visitor(phone="+79001112233", barcode="4600-1")
    for query in ("смирнова", "анна", "9001112233", "+7 900 111", "4600-1"):
        found = (await club.booking.client(*DANA).get("/v1/visitors", params={"q": query})).json()["items"]
        assert [one["id"] for one in found] == [visitor], query
    assert (await club.booking.client(*DANA).get("/v1/visitors", params={"q": "борис"})).json()["items"] == []
    yoga, boxing = await club.scheduled(), await club.scheduled(group=club.boxing)
    path = f"/v1/passes/{item['id']}/attach"
    assert await problem_of(await club.post(path, {"visitor_id": visitor})) == (409, "pass-state")
    await club.made("/v1/passes/activate", {"code": code})
    for body, expected in (
        ({"visitor_id": str(uuid4())}, (422, "unknown-visitor")),
        ({"visitor_id": visitor, "group_ids": [club.boxing]}, (422, "group-not-opened")),
        ({"visitor_id": visitor, "group_ids": [str(uuid4())]}, (422, "unknown-group")),
        ({"visitor_id": visitor, "valid_until": NOW.isoformat()}, (422, "validity")),
        ({"visitor_id": visitor, "class_ids": [yoga, boxing]}, (409, "no-visit-left")),
    ):
        assert await problem_of(await club.post(path, body)) == expected
    assert await club.booking.published(ATTACHED) == []
    answer = await club.made(path, {"visitor_id": visitor, "class_ids": [yoga]})
    assert (answer["membership"]["visits_left"], len(answer["places"])) == (7, 1)
    assert answer["membership"]["valid_until"] == (NOW + timedelta(days=60)).isoformat().replace("+00:00", "Z")
    (event,) = await club.booking.published(ATTACHED)
    same_shape(event, SAMPLES[ATTACHED])
    assert (await club.booking.client(*DANA).get("/v1/passes")).json()["items"] == []
    assert await problem_of(await club.post(path, {"visitor_id": visitor})) == (409, "pass-state")


@pytest.mark.feature("D6")
async def test_the_pass_that_expires_first_is_used_first(club: Club) -> None:
    visitor = await club.visitor()
    short = await club.made_type(title="Неделя", visits=1, valid_days=7)
    endless = await club.made_type(title="Навсегда", visits=None, valid_days=None)
    last, _ = await club.attached(visitor, endless["id"])
    later, _ = await club.attached(visitor)
    sooner, _ = await club.attached(visitor, short["id"])
    used = []
    for hour in range(3):
        class_id = await club.scheduled(TOMORROW + timedelta(hours=hour))
        used.append((await club.made(f"/v1/classes/{class_id}/places", {"visitor_id": visitor}))["pass_id"])
    assert used == [sooner["id"], later["id"], later["id"]]
    far = await club.scheduled(TOMORROW + timedelta(days=90))
    assert (await club.made(f"/v1/classes/{far}/places", {"visitor_id": visitor}))["pass_id"] == last["id"]
    assert await club.left(last["id"]) is None


@pytest.mark.feature("D6")
async def test_a_place_that_is_given_up_returns_the_visit_once(club: Club) -> None:
    visitor = await club.visitor()
    item, _ = await club.attached(visitor)
    class_id = await club.scheduled(capacity=1)
    place = await club.made(f"/v1/classes/{class_id}/places", {"visitor_id": visitor})
    assert await problem_of(await club.post(f"/v1/classes/{class_id}/places", {"visitor_id": visitor})) == (
        409,
        "booked-already",
    )
    answers = await asyncio.gather(*(club.post(f"/v1/class-places/{place['id']}/cancel", {}) for _ in range(3)))
    assert {answer.status_code for answer in answers} == {200}
    assert await club.left(item["id"]) == 8
    assert len(await club.booking.published("booking.class.cancelled.v1")) == 1
    await club.made(f"/v1/classes/{class_id}/places", {"visitor_id": visitor})
    assert (await club.post(f"/v1/classes/{class_id}/cancel", {}, *ALEX)).json()["booked"] == 0
    assert await club.left(item["id"]) == 8
    assert await problem_of(await club.post(f"/v1/classes/{class_id}/places", {"visitor_id": visitor})) == (
        409,
        "class-over",
    )


async def test_the_schedule_is_read_page_by_page(club: Club) -> None:
    # Two at the same time: the page ends between them.
    made = [await club.scheduled(TOMORROW + timedelta(hours=n // 2)) for n in range(7)]
    client, seen, after = club.booking.client("anna"), [], None
    while True:
        params: dict[str, str | int] = {"starts_from": NOW.isoformat(), "limit": 3}
        params |= {"after": after} if after else {}
        page = (await client.get("/v1/classes", params=params)).json()
        seen += [item["id"] for item in page["items"]]
        if (after := page["next"]) is None:
            break
    assert sorted(seen) == sorted(made)
    assert len(seen) == len(set(seen))


async def test_many_want_the_last_places_of_a_class(club: Club) -> None:
    """Exactly the capacity wins, and nobody loses a visit for nothing."""
    class_id = await club.scheduled(capacity=3)
    visitors = [await club.visitor(f"Посетитель {n}") for n in range(12)]
    items = [(await club.attached(visitor))[0] for visitor in visitors]
    answers = await asyncio.gather(
        *(club.post(f"/v1/classes/{class_id}/places", {"visitor_id": visitor}) for visitor in visitors)
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 9
    assert {answer.json()["seat"] for answer in answers if answer.status_code == 201} == {1, 2, 3}
    assert sorted([await club.left(item["id"]) or 0 for item in items]) == [7] * 3 + [8] * 9


async def test_one_visit_is_not_used_for_two_classes_at_once(club: Club) -> None:
    visitor = await club.visitor()
    single = await club.made_type(title="Разовое", visits=1)
    await club.attached(visitor, single["id"])
    classes = [await club.scheduled(TOMORROW + timedelta(hours=n)) for n in range(4)]
    answers = await asyncio.gather(
        *(club.post(f"/v1/classes/{class_id}/places", {"visitor_id": visitor}) for class_id in classes)
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


@pytest.mark.feature("D7")
@pytest.mark.parametrize("how", ["cancelled", "refunded", "by hand"])
async def test_a_refunded_membership_is_withdrawn_with_its_classes(club: Club, how: str) -> None:
    visitor = await club.visitor()
    item, order = await club.attached(visitor)
    class_id = await club.scheduled(capacity=1)
    await club.made(f"/v1/classes/{class_id}/places", {"visitor_id": visitor})
    order_id = order.data.order_id

    def refunded(total: int) -> Event[Any]:
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

    if how == "cancelled":
        await club.booking.handle_twice(cancelled(order_id, "staff_decision"))
    elif how == "refunded":
        await club.booking.handle_twice(refunded(39999))
        assert await club.booking.published(WITHDRAWN) == []
        await club.booking.handle_twice(refunded(40000))
    else:
        path = f"/v1/passes/{item['id']}/withdraw"
        assert (await club.post(path, {"reason": "Ошибка"})).status_code == 200
        assert await problem_of(await club.post(path, {"reason": "Ошибка"})) == (409, "pass-state")
    (event,) = await club.booking.published(WITHDRAWN)
    same_shape(event, SAMPLES[WITHDRAWN])
    found = (await club.booking.client(*DANA).get(f"/v1/passes/{item['id']}")).json()
    assert found["status"] == "withdrawn"
    schedule = await club.booking.client("anna").get("/v1/classes", params={"starts_from": NOW.isoformat()})
    assert [one["left"] for one in schedule.json()["items"]] == [1]
    assert await problem_of(await club.post(f"/v1/classes/{class_id}/places", {"visitor_id": visitor})) == (
        409,
        "no-visit-left",
    )


async def test_a_frozen_membership_rests_and_lasts_longer(club: Club) -> None:
    visitor = await club.visitor()
    item, _ = await club.attached(visitor)
    class_id = await club.scheduled()
    path = f"/v1/passes/{item['id']}/freeze"
    client = club.booking.client(*DANA)
    until = NOW + timedelta(days=10)

    async def freeze(until_: datetime | None, version: int) -> Any:
        body = {"until": None if until_ is None else until_.isoformat()}
        return await client.put(path, json=body, headers={"If-Match": f'"{version}"'})

    assert (await freeze(until, 99)).status_code == 412
    assert await problem_of(await freeze(NOW - timedelta(days=1), item["version"])) == (422, "validity")
    frozen = (await freeze(until, item["version"])).json()
    assert frozen["valid_until"] == (NOW + timedelta(days=70)).isoformat().replace("+00:00", "Z")
    assert await problem_of(await club.post(f"/v1/classes/{class_id}/places", {"visitor_id": visitor})) == (
        409,
        "no-visit-left",
    )
    club.booking.at(NOW + timedelta(hours=1))
    thawed = (await freeze(None, frozen["version"])).json()
    assert thawed["valid_until"] == (NOW + timedelta(days=60, hours=1)).isoformat().replace("+00:00", "Z")
    assert (await club.post(f"/v1/classes/{class_id}/places", {"visitor_id": visitor})).status_code == 201


async def test_who_works_at_the_desk(club: Club) -> None:
    for path in ("/v1/passes", "/v1/visitors"):
        for who, status in ((DANA, 200), (ALEX, 200), (("anna", "customer"), 403), (("rita", "rent_manager"), 403)):
            assert (await club.booking.client(*who).get(path)).status_code == status
    assert (await club.post("/v1/membership-types", {"title": "X"})).status_code == 403
    assert (await club.post("/v1/visitors", {"name": "X"}, "anna", "customer")).status_code == 403
    same = {"name": "Б", "barcode": "4600-9"}
    assert (await club.post("/v1/visitors", same)).status_code == 201
    assert await problem_of(await club.post("/v1/visitors", same)) == (409, "barcode-taken")
