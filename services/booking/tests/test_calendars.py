"""Calendar feeds and free/busy (X5), read back by another library than the one that writes them."""

from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx2
import pytest
import sqlalchemy as sa
import vobject
from booking.calendars.domain import MOST_FEEDS, busy_periods
from booking.calendars.tables import feeds
from foyer_chassis.testing import Running, utc

from .conftest import NOW, TOMORROW, add_resource, cancelled, paid, placed
from .test_coworking import add_space, made
from .test_coworking import wants as wants_ticket
from .test_hotel import add_hotel
from .test_hotel import wants as wants_stay

RITA = ("rita", "rent_manager")
ALEX = ("alex", "administrator")


async def feed(booking: Running, body: dict[str, Any], *who: str) -> str:
    """A new feed's address, as a calendar program asks for it."""
    answer = await booking.client(*who).post("/v1/calendars", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Cache-Control"] == "private, no-store"
    parts = urlsplit(str(answer.json()["url"]))
    return parts.path.removeprefix("/api/booking") + "?" + parts.query


async def read(booking: Running, address: str, **headers: str) -> httpx2.Response:
    """Without any token of ours."""
    return await booking.client().get(address, headers=headers)


async def events(booking: Running, address: str) -> list[Any]:
    answer = await read(booking, address)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/calendar; charset=utf-8"), answer.text
    calendar = vobject.readOne(answer.text)
    assert (calendar.version.value, calendar.prodid.value) == ("2.0", "-//Foyer//Booking//RU")
    assert all(len(line.encode()) <= 75 for line in answer.text.split("\r\n"))
    return list(calendar.contents.get("vevent", []))


@pytest.mark.feature("X5")
async def test_a_feed_of_a_resource_has_its_bookings_with_their_order(booking: Running) -> None:
    room = await add_resource(booking)
    address = await feed(booking, {"subject": "resource", "thing_id": str(room)}, *RITA)
    assert await events(booking, address) == []
    order = placed(room, TOMORROW)
    await booking.handle(order, placed(room, TOMORROW + timedelta(days=200)))
    (event,) = await events(booking, address)
    uid = event.uid.value
    assert (event.status.value, event.sequence.value) == ("TENTATIVE", "0")
    assert (event.dtstart.value, event.dtend.value) == (TOMORROW, TOMORROW + timedelta(hours=2))
    assert (event.summary.value, event.location.value) == ("Нева", "Фойе")
    assert event.description.value == "Заказ 1006313"
    await booking.handle(paid(order.data.order_id))
    (event,) = await events(booking, address)
    assert (event.uid.value, event.status.value, event.sequence.value) == (uid, "CONFIRMED", "1")
    await booking.handle(cancelled(order.data.order_id, "customer_request"))
    (event,) = await events(booking, address)
    assert (event.uid.value, event.status.value, event.transp.value) == (uid, "CANCELLED", "TRANSPARENT")
    assert int(event.sequence.value) == 2
    # A month later it is not told of any more.
    booking.at(TOMORROW + timedelta(days=40))
    assert len(await events(booking, address)) == 1
    booking.at(TOMORROW + timedelta(days=300))
    assert await events(booking, address) == []


@pytest.mark.feature("X5")
async def test_ones_own_feed_has_bookings_of_every_kind_and_nobody_elses(booking: Running) -> None:
    anna = booking.identity.id_of("anna")
    room, space, hotel = await add_resource(booking), await add_space(booking), await add_hotel(booking)
    admin = booking.client(*ALEX)
    group = await made(admin, "/v1/groups", {"title": "Йога"})
    kind = await made(admin, "/v1/membership-types", {"title": "8", "visits": 8, "group_ids": [group["id"]]})
    visitor = await made(admin, "/v1/visitors", {"name": "Анна", "customer_id": str(anna)})
    starts = TOMORROW + timedelta(days=3)
    lesson = await made(
        admin,
        "/v1/classes",
        {
            "group_id": group["id"],
            "title": "Хатха; для всех, и\\новичков",
            "starts_at": starts.isoformat(),
            "ends_at": (starts + timedelta(hours=1)).isoformat(),
            "capacity": 3,
        },
    )
    await _give_pass(booking, UUID(kind["id"]), UUID(visitor["id"]))
    place = await made(admin, f"/v1/classes/{lesson['id']}/places", {"visitor_id": visitor["id"]})
    await booking.handle(
        placed(room, applicant_id=anna),
        wants_ticket(space, applicant_id=anna),
        wants_stay(hotel, applicant_id=anna),
        placed(room, TOMORROW + timedelta(hours=5)),
        wants_ticket(space),
    )
    address = await feed(booking, {"subject": "mine"}, "anna")
    found = await events(booking, address)
    assert [event.summary.value for event in found] == [
        "Нева",
        "Открытое пространство",
        "Хатха; для всех, и\\новичков",
        "Стандарт",
    ]
    stay = found[-1]
    assert (stay.dtstart.value, stay.dtend.value) == (utc(2026, 12, 10, 14), utc(2026, 12, 11, 12))
    assert stay.description.value.split("\n") == ["Заказ 1006313", "№ 7001", "Анна"]
    assert found[1].location.value == "Фойе, A-1"
    answer = await admin.post(f"/v1/class-places/{place['id']}/cancel", headers={"Idempotency-Key": uuid4().hex})
    assert answer.status_code == 200
    assert [event.status.value for event in await events(booking, address)][2] == "CANCELLED"
    # In the feed of the thing staff see who comes.
    of_space = await feed(booking, {"subject": "space", "thing_id": str(space.id)}, "dora", "front_desk")
    assert len(await events(booking, of_space)) == 2
    of_type = await feed(booking, {"subject": "room_type", "thing_id": str(hotel.type_id)}, *RITA)
    assert [event.location.value for event in await events(booking, of_type)] == ["Фойе, 301"]


async def _give_pass(booking: Running, type_id: UUID, visitor_id: UUID) -> None:
    """A pass that is the visitor's, as if it had been bought and attached."""
    from booking.memberships import domain, store

    async with booking.database.transaction() as transaction:
        item = domain.Pass(
            id=uuid4(),
            number=1,
            type_id=type_id,
            title="8",
            order_id=None,
            buyer_id=uuid4(),
            code_key="AAAA",
            code_hash=b"",
            status=domain.Status.ATTACHED,
            visits_left=8,
            valid_days=None,
            group_ids=(),
            visitor_id=visitor_id,
            valid_from=NOW,
        )
        assert await store.add(transaction, item)


@pytest.mark.feature("X5")
async def test_a_feed_is_secret_and_can_be_revoked(booking: Running) -> None:
    room = await add_resource(booking)
    address = await feed(booking, {"subject": "resource", "thing_id": str(room)}, *RITA)
    path, query = address.split("?")
    secret = parse_qs(query)["token"][0]
    assert len(secret) == 43
    async with booking.database.read() as reading:
        row = await reading.one_or_none(sa.select(feeds))
    assert row is not None
    assert secret.encode() not in b"".join(str(value).encode() for value in row.values())
    for wrong in ("token=" + secret[:-1] + ("A" if secret[-1] != "A" else "B"), "token=x"):
        assert (await read(booking, f"{path}?{wrong}")).status_code == 404
    assert (await read(booking, path)).status_code == 422
    assert (await read(booking, f"/v1/calendars/{uuid4()}.ics?{query}")).status_code == 404
    own = (await booking.client(*RITA).get("/v1/calendars")).json()["items"]
    assert [item["thing_id"] for item in own] == [str(room)]
    assert "token" not in str(own)
    id_ = own[0]["id"]
    assert (await booking.client("anna").delete(f"/v1/calendars/{id_}")).status_code == 404
    assert (await booking.client().delete(f"/v1/calendars/{id_}")).status_code == 401
    of_thing = {"thing_id": str(room)}
    assert (await booking.client(*RITA).get("/v1/calendars", params=of_thing)).status_code == 403
    assert len((await booking.client(*ALEX).get("/v1/calendars", params=of_thing)).json()["items"]) == 1
    assert (await booking.client(*ALEX).delete(f"/v1/calendars/{id_}")).status_code == 204
    assert (await read(booking, address)).status_code == 404
    assert (await booking.client(*RITA).delete(f"/v1/calendars/{id_}")).status_code == 404


@pytest.mark.feature("X5")
async def test_who_may_have_which_feed(booking: Running) -> None:
    space = await add_space(booking)
    body = {"subject": "space", "thing_id": str(space.id)}
    cases: list[tuple[tuple[str, ...], dict[str, Any], int]] = [
        (("anna",), body, 403),
        (("sergey", "service_manager"), body, 403),
        (RITA, {**body, "subject": "resource"}, 404),
        (RITA, {**body, "thing_id": str(uuid4())}, 404),
        (RITA, {"subject": "space"}, 422),
        (RITA, {"subject": "mine", "thing_id": str(space.id)}, 422),
        (RITA, {"subject": "all"}, 422),
    ]
    for who, content, status in cases:
        assert (await booking.client(*who).post("/v1/calendars", json=content)).status_code == status, content
    there = booking.client("rita", "rent_manager", locations=[str(uuid4())])
    assert (await there.post("/v1/calendars", json=body)).status_code == 404
    here = booking.client("rita", "rent_manager", locations=[str(space.location_id)])
    assert (await here.post("/v1/calendars", json=body)).status_code == 201
    anna = booking.client("anna")
    answers = [await anna.post("/v1/calendars", json={"subject": "mine"}) for _ in range(MOST_FEEDS + 1)]
    assert [answer.status_code for answer in answers] == [201] * MOST_FEEDS + [409]
    assert answers[-1].json()["type"].rsplit("/")[-1] == "too-many-calendars"


@pytest.mark.feature("X5")
async def test_a_feed_that_did_not_change_is_not_sent_again(booking: Running) -> None:
    room = await add_resource(booking)
    address = await feed(booking, {"subject": "resource", "thing_id": str(room)}, *RITA)
    first = await read(booking, address)
    assert first.headers["Cache-Control"] == "private, max-age=300"
    booking.at(NOW + timedelta(minutes=10))
    same = await read(booking, address, **{"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")
    await booking.handle(placed(room))
    changed = await read(booking, address, **{"If-None-Match": first.headers["ETag"]})
    assert (changed.status_code, changed.headers["ETag"] != first.headers["ETag"]) == (200, True)


@pytest.mark.feature("X5")
async def test_free_and_busy_for_everybody_where_staff_opened_it(booking: Running) -> None:
    room = await add_resource(booking)
    order = placed(room)
    await booking.handle(
        order, placed(room, TOMORROW + timedelta(hours=2), minutes=60), placed(room, TOMORROW + timedelta(hours=4))
    )
    path = f"/v1/free-busy/{room}.ics"
    assert (await read(booking, path)).status_code == 404
    for who, status in ((("anna",), 403), (RITA, 403), (ALEX, 200)):
        assert (await booking.client(*who).put(f"/v1/free-busy/{room}", json={"public": True})).status_code == status
    assert (await booking.client(*ALEX).put(f"/v1/free-busy/{uuid4()}", json={"public": True})).status_code == 404
    answer = await read(booking, path)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "public, max-age=300")
    for secret in ("1006313", str(order.data.order_id), "Анна"):
        assert secret not in answer.text
    component = vobject.readOne(answer.text).vfreebusy
    hour = timedelta(hours=1)
    # What touches is one time.
    assert [period for line in component.freebusy_list for period in line.value] == [
        (TOMORROW, TOMORROW + 3 * hour),
        (TOMORROW + 4 * hour, TOMORROW + 6 * hour),
    ]
    as_events = await events(booking, f"{path}?as=events")
    assert [(event.dtstart.value, event.summary.value) for event in as_events] == [
        (TOMORROW, "Занято"),
        (TOMORROW + 4 * hour, "Занято"),
    ]
    same = await read(booking, path, **{"If-None-Match": answer.headers["ETag"]})
    assert same.status_code == 304
    assert (await booking.client(*ALEX).put(f"/v1/free-busy/{room}", json={"public": False})).status_code == 200
    assert (await read(booking, path)).status_code == 404


@pytest.mark.feature("X5")
async def test_rooms_of_a_type_are_busy_when_none_is_left(booking: Running) -> None:
    hotel = await add_hotel(booking, rooms=2)
    await booking.handle(wants_stay(hotel, date(2026, 12, 10), 3), wants_stay(hotel, date(2026, 12, 11), 1))
    assert (await booking.client(*ALEX).put(f"/v1/free-busy/{hotel.type_id}", json={"public": True})).status_code == 200
    answer = await read(booking, f"/v1/free-busy/{hotel.type_id}.ics")
    (line,) = vobject.readOne(answer.text).vfreebusy.freebusy_list
    assert line.value == [(utc(2026, 12, 11, 14), utc(2026, 12, 12, 12))]


async def busy(booking: Running, thing: UUID) -> list[tuple[datetime, datetime]]:
    assert (await booking.client(*ALEX).put(f"/v1/free-busy/{thing}", json={"public": True})).status_code == 200
    component = vobject.readOne((await read(booking, f"/v1/free-busy/{thing}.ics")).text).vfreebusy
    return [period for line in component.contents.get("freebusy", []) for period in line.value]


@pytest.mark.feature("X5")
async def test_equal_places_and_halls_are_busy_when_no_order_would_get_them(booking: Running) -> None:
    hour = timedelta(hours=1)
    desks = await add_resource(booking, capacity=2)
    await booking.handle(placed(desks), placed(desks, TOMORROW + hour, minutes=60))
    assert await busy(booking, desks) == [(TOMORROW + hour, TOMORROW + 2 * hour)]
    left = await add_resource(booking)
    right = await add_resource(booking, beside=left)
    hall = await add_resource(booking, beside=left, part_ids=[str(left), str(right)])
    await booking.handle(
        placed(left, minutes=60),
        placed(right, TOMORROW + hour, minutes=60),
        placed(hall, TOMORROW + 3 * hour, minutes=60),
    )
    whole, one = (TOMORROW, TOMORROW + 2 * hour), (TOMORROW + 3 * hour, TOMORROW + 4 * hour)
    assert await busy(booking, hall) == [whole, one]
    assert await busy(booking, right) == [(TOMORROW + hour, TOMORROW + 2 * hour), one]


@pytest.mark.feature("X5")
async def test_each_time_of_a_booking_that_recurs_is_an_event(booking: Running) -> None:
    anna, room = booking.identity.id_of("anna"), await add_resource(booking)
    order = placed(room, applicant_id=anna, recurrence="FREQ=WEEKLY;COUNT=40")
    await booking.handle(order, paid(order.data.order_id))
    addresses = [
        await feed(booking, {"subject": "mine"}, "anna"),
        await feed(booking, {"subject": "resource", "thing_id": str(room)}, *RITA),
    ]
    week = timedelta(days=7)
    for address in addresses:
        found = await events(booking, address)
        # As far as the feed looks ahead.
        assert [event.dtstart.value for event in found] == [TOMORROW + n * week for n in range(len(found))]
        assert (len(found), {event.status.value for event in found}) == (26, {"CONFIRMED"})
        assert len({event.uid.value for event in found}) == len(found)
    before = [event.uid.value for event in await events(booking, addresses[0])]
    answer = await booking.client("anna").post(
        f"/v1/orders/{order.data.order_id}/reservation/occurrences/cancel",
        json={"starts_at": (TOMORROW + week).isoformat(), "scope": "one"},
        headers={"Idempotency-Key": uuid4().hex},
    )
    assert answer.status_code == 200, answer.text
    after = await events(booking, addresses[0])
    assert [event.uid.value for event in after] == before
    assert [event.status.value for event in after[:3]] == ["CONFIRMED", "CANCELLED", "CONFIRMED"]
    # Long after it began it is still told of.
    booking.at(TOMORROW + 20 * week)
    assert len(await events(booking, addresses[1])) > 20


def test_busy_is_when_as_many_are_taken_as_there_are() -> None:
    def at(hour: int) -> datetime:
        return utc(2026, 12, 1, hour)

    taken = [(at(1), at(3)), (at(2), at(4)), (at(3), at(5)), (at(7), at(8)), (at(8), at(9))]
    assert busy_periods(taken, 1) == [(at(1), at(5)), (at(7), at(9))]
    assert busy_periods(taken, 2) == [(at(2), at(4))]
    assert busy_periods(taken, 3) == []
    assert busy_periods([], 1) == []
