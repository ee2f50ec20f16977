"""Placing an order: what is checked, what is published, what a repeat does."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from foyer_chassis.testing import Running, same_shape, utc
from foyer_contracts.samples import SAMPLES

from .conftest import NOW, STARTS, Desk, Heard, Shop, resource_changed

PLACED = "orders.order.placed.v1"


@pytest.mark.feature("A11")
async def test_customer_places_an_order(shop: Shop) -> None:
    order = await shop.place(expected_total={"amount": 40000, "currency": "RUB"}, comment="У окна")
    assert (order["status"], order["money"]["status"], order["title"]) == ("new", "not_priced", "Новый")
    assert order["number"] >= 1_000_000
    events = {event.type: event for event in await shop.orders.published()}
    placed = events[PLACED]
    for event in (placed, events["orders.customer.changed.v1"], events["orders.contact.changed.v1"]):
        same_shape(event, SAMPLES[event.type])
    assert placed.data.responsible_ids == [shop.orders.identity.id_of("rita")]
    history = await shop.orders.client("anna").get(f"/v1/orders/{order['number']}/history")
    assert [(item["from_status"], item["to_status"]) for item in history.json()["items"]] == [(None, "new")]


@pytest.mark.feature("X4")
async def test_booking_is_told_what_cancelling_costs_as_the_offering_says_now(shop: Shop) -> None:
    admin = shop.orders.client("alex", "administrator")
    path = f"/v1/offerings/{shop.offering}"

    async def change(steps: list[dict[str, int]]) -> None:
        read = await admin.get(path)
        wanted = {"title": "Переговорная", "responsible_ids": [], "cancellation": steps}
        answer = await admin.put(path, json=wanted, headers={"If-Match": read.headers["ETag"]})
        assert answer.status_code == 200, answer.text

    await shop.place()
    steps = [{"hours_before": 48, "fee_percent": 20}, {"hours_before": 24, "fee_percent": 50}]
    await change(steps)
    await shop.place(
        slots={
            "starts_at": (STARTS + timedelta(days=1)).isoformat(),
            "ends_at": (STARTS + timedelta(days=1, hours=2)).isoformat(),
        }
    )
    await change([])
    told = [event.data.cancellation for event in await shop.orders.published(PLACED)]
    assert [None if each is None else [step.model_dump() for step in each] for each in told] == [[], steps]


async def test_what_takes_no_places_tells_of_no_cancellation(desk: Desk) -> None:
    await desk.place(await desk.offering(cancellation=[{"hours_before": 24, "fee_percent": 50}]))
    (event,) = await desk.orders.published(PLACED)
    assert event.data.cancellation is None


@pytest.mark.feature("A11")
async def test_manager_orders_for_a_customer(shop: Shop) -> None:
    anna = shop.orders.identity.id_of("anna")
    body = shop.body(applicant_id=str(anna))
    rita = await shop.orders.client("rita", "rent_manager").post(
        "/v1/orders", json=body, headers={"Idempotency-Key": "1"}
    )
    assert (rita.status_code, rita.json()["applicant_id"]) == (201, str(anna))
    boris = await shop.orders.client("boris").post("/v1/orders", json=body, headers={"Idempotency-Key": "1"})
    assert boris.status_code == 403
    for_herself = await shop.orders.client("rita", "rent_manager").post(
        "/v1/orders", json=shop.body(), headers={"Idempotency-Key": "2"}
    )
    assert for_herself.status_code == 403
    assert len(await shop.orders.published(PLACED)) == 1


@pytest.mark.parametrize(
    ("change", "status", "problem", "field"),
    [
        ({"offering_id": str(uuid4())}, 422, "unknown-offering", "offering_id"),
        ({"slots": {"resource_id": str(uuid4())}}, 422, "unknown-resource", "slots.resource_id"),
        ({"slots": {"starts_at": (STARTS - timedelta(hours=5)).isoformat()}}, 422, "outside-opening-hours", "slots.starts_at"),
        ({"slots": {"ends_at": (STARTS + timedelta(hours=25)).isoformat()}}, 422, "outside-opening-hours", "slots.starts_at"),
        ({"slots": {"starts_at": (NOW - timedelta(minutes=30)).isoformat()}}, 422, "in-the-past", "slots.starts_at"),
        ({"slots": {"starts_at": (STARTS + timedelta(minutes=7)).isoformat()}}, 422, "not-on-slot-grid", "slots.starts_at"),
        ({"slots": {"ends_at": (STARTS + timedelta(minutes=50)).isoformat()}}, 422, "not-on-slot-grid", "slots.ends_at"),
        ({"slots": {"ends_at": STARTS.isoformat()}}, 422, "not-on-slot-grid", "slots.ends_at"),
        ({"slots": {"starts_at": "2026-12-02T10:00:00"}}, 422, "invalid", None),
        ({"expected_total": {"amount": 39999, "currency": "RUB"}}, 422, "price-mismatch", "expected_total"),
        ({"expected_total": {"amount": 40000, "currency": "EUR"}}, 422, "wrong-currency", "expected_total.currency"),
        ({"expected_total": {"amount": 400.0, "currency": "RUB"}}, 422, "invalid", None),
        ({"expected_total": {"amount": True, "currency": "RUB"}}, 422, "invalid", None),
        ({"payer_kind": "nobody"}, 422, "invalid", None),
        ({"surprise": 1}, 422, "invalid", None),
    ],
)  # fmt: skip
async def test_bad_requests_get_their_problem_and_leave_nothing(
    shop: Shop, change: dict[str, object], status: int, problem: str, field: str | None
) -> None:
    before = await shop.orders.published()
    answer = await shop.orders.client("anna").post(
        "/v1/orders", json={**shop.body(), **shop.body(**change)}, headers={"Idempotency-Key": "bad"}
    )
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["type"] == f"https://foyer.dev/problems/{problem}"
    assert body["title"]
    assert body["errors"] if field is None else body["field"] == field
    assert await shop.orders.published() == before
    assert (await shop.orders.client("anna").get("/v1/orders")).json()["items"] == []


async def test_a_25_hour_day_can_be_booked_whole_but_no_longer(orders: Running, shop: Shop) -> None:
    await orders.handle(resource_changed(time_zone="Europe/Berlin", opens=0, closes=1440, sequence=2))
    begin = utc(2027, 10, 30, 22)  # midnight in Berlin
    whole = {"starts_at": begin.isoformat(), "ends_at": (begin + timedelta(hours=25)).isoformat()}
    await shop.place(slots=whole)
    too_long = {**whole, "ends_at": (begin + timedelta(hours=25, minutes=30)).isoformat()}
    answer = await orders.client("anna").post(
        "/v1/orders", json=shop.body(slots=too_long), headers={"Idempotency-Key": "x"}
    )
    assert answer.json()["type"].endswith("/outside-opening-hours")


@pytest.mark.parametrize(
    "claims",
    [{"exp": 1}, {"aud": "other"}, {"iss": "https://evil.test"}, {"sub": "not-a-uuid"}],
)
async def test_tokens_that_are_not_for_us(shop: Shop, claims: dict[str, object]) -> None:
    answer = await shop.orders.client("anna", "customer", **claims).get("/v1/orders")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_malformed_and_missing_tokens(shop: Shop) -> None:
    client = shop.orders.client()
    for headers in (
        {},
        {"Authorization": "Bearer x.y.z"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic eA=="},
    ):
        answer = await client.get("/v1/orders", headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (401, "https://foyer.dev/problems/unauthenticated")


@pytest.mark.feature("X3")
async def test_idempotency_key(shop: Shop) -> None:
    anna = shop.orders.client("anna")
    headers = {"Idempotency-Key": "the-same"}
    answers = await asyncio.gather(*(anna.post("/v1/orders", json=shop.body(), headers=headers) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["number"] for answer in answers}) == 1
    assert len(await shop.orders.published(PLACED)) == 1
    again = await anna.post("/v1/orders", json=shop.body(), headers=headers)
    assert again.headers["idempotency-replayed"] == "true"
    other = await anna.post("/v1/orders", json=shop.body(comment="other"), headers=headers)
    assert (other.status_code, other.json()["type"]) == (422, "https://foyer.dev/problems/idempotency-key-reused")
    boris = await shop.orders.client("boris").post("/v1/orders", json=shop.body(), headers=headers)
    assert boris.status_code == 201
    assert boris.json()["number"] != again.json()["number"]
    missing = await anna.post("/v1/orders", json=shop.body())
    assert (missing.status_code, missing.json()["type"]) == (
        400,
        "https://foyer.dev/problems/idempotency-key-missing",
    )


async def test_wait_answers_as_soon_as_the_order_is_settled(shop: Shop) -> None:
    async def book_it() -> None:
        while not (found := await shop.orders.published(PLACED)):
            await asyncio.sleep(0.01)
        data = found[0].data
        heard = Heard({"id": str(data.order_id), "applicant_id": str(data.applicant_id)})
        await shop.orders.handle(heard.held(), heard.link())

    started = asyncio.get_running_loop().time()
    answer, _ = await asyncio.gather(
        shop.orders.client("anna").post(
            "/v1/orders", json=shop.body(), headers={"Idempotency-Key": "w", "Prefer": "wait=20"}
        ),
        book_it(),
    )
    assert answer.json()["money"]["payment_url"] == "https://pay.example.test/1"
    assert asyncio.get_running_loop().time() - started < 5
    unsettled = await shop.orders.client("boris").post(
        "/v1/orders", json=shop.body(), headers={"Idempotency-Key": "w", "Prefer": "wait=1"}
    )
    assert (unsettled.status_code, unsettled.json()["status"]) == (201, "new")


async def test_offerings_and_resources_limit_what_can_be_ordered(orders: Running, shop: Shop) -> None:
    admin = orders.client("alex", "administrator")
    path = f"/v1/offerings/{shop.offering}"
    read = await admin.get(path)
    body = {key: read.json()[key] for key in ("title", "prepaid", "customer_may_cancel", "responsible_ids")}
    assert (await admin.put(path, json=body)).status_code == 428
    assert (await admin.put(path, json=body, headers={"If-Match": '"7"'})).status_code == 412
    limited = {**body, "resource_ids": [str(uuid4())]}
    assert (await admin.put(path, json=limited, headers={"If-Match": '"1"'})).status_code == 200
    refused = await orders.client("anna").post("/v1/orders", json=shop.body(), headers={"Idempotency-Key": "1"})
    assert refused.json()["type"].endswith("/unknown-resource")
    assert (await orders.client("anna").put(path, json=body, headers={"If-Match": '"2"'})).status_code == 403
    hidden = {**body, "active": False}
    assert (await admin.put(path, json=hidden, headers={"If-Match": '"2"'})).status_code == 200
    assert (await orders.client("anna").get(path)).status_code == 404
    assert (await orders.client("anna").get("/v1/offerings")).json()["items"] == []


async def test_an_older_resource_does_not_overwrite_a_newer(orders: Running, shop: Shop) -> None:
    await orders.handle(resource_changed(sequence=5, active=False), resource_changed(sequence=3))
    answer = await orders.client("anna").post("/v1/orders", json=shop.body(), headers={"Idempotency-Key": "1"})
    assert answer.json()["type"].endswith("/unknown-resource")
