"""Offerings: what can be configured, what contradicts itself, what an order keeps, what others are told."""

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from foyer_chassis.testing import Running, same_shape
from foyer_contracts.booking import LocationChanged
from foyer_contracts.envelope import Event
from foyer_contracts.samples import SAMPLES
from orders.catalogue import store
from orders.catalogue.domain import Kind, Offering, Terms

from .conftest import NOW, RESOURCE, resource_changed

CHANGED = "orders.offering.changed.v1"
ANNA, BORIS, OWNER, PLACE, TYPE = (str(uuid4()) for _ in range(5))

#: Every setting, other than it is by default.
WHOLE: dict[str, Any] = {
    "title": "Вызов сантехника",
    "title_en": "Plumber",
    "kind": "premises_request",
    "short_text": "Придём сегодня",
    "short_text_en": "We come today",
    "description": "Кран, труба,\nбатарея.",
    "description_en": "Tap, pipe, radiator.",
    "cover_url": "https://cdn.example.test/tap.jpg",
    "category_id": None,
    "legal_entity_id": OWNER,
    "terms": "part_payment",
    "price": {"amount": 150_000, "currency": "RUB"},
    "price_is_from": True,
    "form": {"fields": []},
    "responsible_ids": [ANNA, BORIS],
    "assignee_id": BORIS,
    "respond_within_minutes": 30,
    "complete_within_minutes": 2880,
    "auto_close_minutes": 4320,
    "customer_may_cancel": False,
    "cancellation": [{"hours_before": 24, "fee_percent": 50}, {"hours_before": 2, "fee_percent": 100}],
    "needs_file": True,
    "needs_confirmation": False,
    "refunds_allowed": False,
    "dialog_before_order": True,
    "location_ids": [PLACE],
    "resource_ids": [],
    "membership_type_id": None,
    "permanent": False,
    "online_sale": None,
    "active": True,
}


async def create(orders: Running, *roles: str, **more: Any) -> Any:
    return await orders.client("alex", *(roles or ("administrator",))).post(
        "/v1/offerings", json={"title": "Услуга", "kind": "request", **more}, headers={"Idempotency-Key": uuid4().hex}
    )


async def change(orders: Running, id_: str, version: int | None, **more: Any) -> Any:
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    return await orders.client("alex", "administrator").put(
        f"/v1/offerings/{id_}", json={"title": "Услуга", **more}, headers=headers
    )


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


@pytest.mark.feature("A3")
async def test_every_setting_is_kept(orders: Running) -> None:
    created = await create(orders, **WHOLE)
    assert created.status_code == 201, created.text
    read = await orders.client("alex", "administrator").get(created.headers["location"])
    assert (read.json(), read.headers["etag"]) == (created.json(), '"1"')
    assert read.json() == {**WHOLE, "prepaid": False, "id": created.json()["id"], "version": 1}
    # What was read can be sent back, but for what nobody changes.
    fixed = ("id", "kind", "version", "prepaid")
    again = await change(
        orders, read.json()["id"], 1, **{key: value for key, value in read.json().items() if key not in fixed}
    )
    assert again.json() == {**read.json(), "version": 2}


@pytest.mark.parametrize("kind", list(Kind))
async def test_an_offering_of_every_kind(orders: Running, kind: Kind) -> None:
    membership = (
        {"membership_type_id": TYPE, "price": {"amount": 100, "currency": "RUB"}} if kind == "membership" else {}
    )
    answer = await create(orders, kind=kind.value, **membership)
    assert answer.status_code == 201, answer.text
    assert answer.json()["terms"] == ("postpaid" if kind in {"request", "premises_request"} else "prepaid")


TERMS_AND_THEIR_OLD_SPELLING: list[tuple[dict[str, Any], str | None]] = [
    ({}, "prepaid"),
    ({"prepaid": True}, "prepaid"),
    ({"prepaid": False}, "postpaid"),
    ({"terms": "account"}, "account"),
    ({"terms": "part_payment", "prepaid": False}, "part_payment"),
    ({"terms": "prepaid", "prepaid": False}, None),
    ({"terms": "free", "prepaid": True}, None),
    ({"terms": "barter"}, None),
]


async def test_terms_and_their_old_spelling(orders: Running) -> None:
    for spelling, terms in TERMS_AND_THEIR_OLD_SPELLING:
        answer = await create(orders, kind="slot_booking", **spelling)
        if terms is None:
            assert problem(answer) == (422, "invalid")
        else:
            assert (answer.json()["terms"], answer.json()["prepaid"]) == (terms, terms == "prepaid")


SETTINGS_THAT_CONTRADICT_EACH_OTHER: list[tuple[dict[str, Any], str]] = [
    ({"responsible_ids": [ANNA], "assignee_id": BORIS}, "assignee_id"),
    ({"assignee_id": BORIS}, "assignee_id"),
    ({"price_is_from": True}, "price_is_from"),
    ({"terms": "free", "price": {"amount": 1, "currency": "RUB"}}, "price"),
    ({"terms": "prepaid"}, "price"),
    ({"terms": "prepaid", "price": {"amount": 0, "currency": "RUB"}}, "price"),
    ({"terms": "prepaid", "price": {"amount": 5, "currency": "RUB"}, "price_is_from": True}, "price_is_from"),
    ({"kind": "membership", "price": {"amount": 5, "currency": "RUB"}}, "membership_type_id"),
    ({"kind": "membership", "membership_type_id": TYPE}, "price"),
    ({"membership_type_id": TYPE}, "membership_type_id"),
    ({"permanent": True}, "permanent"),
    ({"cover_url": "http://a.test/x.png"}, "cover_url"),
    ({"cover_url": 'https://a.test/"onerror="'}, "cover_url"),
    ({"cover_url": "javascript:alert(1)"}, "cover_url"),
    (
        {"cancellation": [{"hours_before": 2, "fee_percent": 10}, {"hours_before": 2, "fee_percent": 20}]},
        "cancellation",
    ),
    (
        {"cancellation": [{"hours_before": 2, "fee_percent": 10}, {"hours_before": 24, "fee_percent": 20}]},
        "cancellation",
    ),
]


async def test_settings_that_contradict_each_other(orders: Running) -> None:
    for settings, field in SETTINGS_THAT_CONTRADICT_EACH_OTHER:
        answer = await create(orders, **settings)
        assert problem(answer) == (422, "offering-invalid"), answer.text
        assert field in [error["field"] for error in answer.json()["errors"]]
        assert await orders.published() == []


SETTINGS_THAT_CANNOT_BE: list[dict[str, Any]] = [
    {"title": " "},
    {"title": "a\x00"},
    {"title": "a\ud800"},
    {"title": "x" * 201},
    {"description": "\x00"},
    {"kind": "gift"},
    {"price": {"amount": -1, "currency": "RUB"}},
    {"price": {"amount": 10**30, "currency": "RUB"}},
    {"price": {"amount": 1.5, "currency": "RUB"}},
    {"respond_within_minutes": 0},
    {"complete_within_minutes": 10**12},
    {"auto_close_minutes": -5},
    {"cancellation": [{"hours_before": -1, "fee_percent": 5}]},
    {"cancellation": [{"hours_before": 1, "fee_percent": 101}]},
    {"responsible_ids": ["anna"]},
    {"responsible_ids": [ANNA] * 51},
    {"unknown": 1},
]


async def test_settings_that_cannot_be(orders: Running) -> None:
    for settings in SETTINGS_THAT_CANNOT_BE:
        answer = await orders.client("alex", "administrator").post(
            "/v1/offerings",
            content=json.dumps({"title": "Услуга", "kind": "request", **settings}),
            headers={"Idempotency-Key": uuid4().hex, "Content-Type": "application/json"},
        )
        assert problem(answer) == (422, "invalid"), answer.text


async def test_two_administrators_change_one_offering(orders: Running) -> None:
    id_ = (await create(orders)).json()["id"]
    assert (await change(orders, id_, None)).status_code == 428
    assert (await change(orders, id_, 1, title="Первая")).status_code == 200
    late = await change(orders, id_, 1, title="Вторая")
    assert (problem(late), late.json()["version"]) == ((412, "stale"), 2)
    assert (await change(orders, str(uuid4()), 1)).status_code == 404
    assert (await change(orders, id_, 2, kind="goods")).status_code == 422


@pytest.mark.parametrize("role", ["customer", "service_manager", "shop_manager", "front_desk", "finance", "contractor"])
async def test_only_administrators_configure(orders: Running, role: str) -> None:
    assert (await create(orders, role)).status_code == 403
    id_ = (await create(orders)).json()["id"]
    client = orders.client("rita", role)
    refused = await client.put(f"/v1/offerings/{id_}", json={"title": "х"}, headers={"If-Match": '"1"'})
    assert refused.status_code == 403
    assert (await client.get(f"/v1/offerings/{id_}")).status_code == 200


async def test_customers_do_not_see_who_works(orders: Running) -> None:
    created = (await create(orders, responsible_ids=[ANNA], assignee_id=ANNA)).json()
    path = f"/v1/offerings/{created['id']}"
    for body in (
        (await orders.client("anna").get(path)).json(),
        (await orders.client("anna").get("/v1/offerings")).json()["items"][0],
    ):
        assert (body["responsible_ids"], body["assignee_id"]) == ([], None)
        assert ANNA not in str(body)
    staff = (await orders.client("rita", "service_manager").get(path)).json()
    assert staff["responsible_ids"] == [ANNA]


async def test_others_are_told_of_every_change(orders: Running) -> None:
    created = (await create(orders, **WHOLE)).json()
    await change(orders, created["id"], 1, title="Иначе", terms="free", active=False)
    first, second = await orders.published(CHANGED)
    same_shape(
        first,
        SAMPLES[CHANGED].model_copy(
            update={"data": SAMPLES[CHANGED].data.model_copy(update={"legal_entity_id": UUID(OWNER)})}
        ),
    )
    assert (first.sequence, second.sequence, first.subject) == (1, 2, created["id"])
    assert (first.data.terms, first.data.dialog_before_order, first.data.refunds_allowed) == (
        "part_payment",
        True,
        False,
    )
    assert (second.data.title, second.data.terms, second.data.active) == ("Иначе", "free", False)


async def test_pages_and_filters_of_the_list(orders: Running) -> None:
    for kind in ("request", "hotel", "request", "goods", "request"):
        await create(orders, kind=kind)
    client = orders.client("anna")
    first = (await client.get("/v1/offerings", params={"limit": 2, "kind": "request"})).json()
    rest = (await client.get("/v1/offerings", params={"limit": 2, "kind": "request", "after": first["next"]})).json()
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (2, 1, None)
    assert {item["kind"] for item in first["items"] + rest["items"]} == {"request"}


# What orders keep -------------------------------------------------------------------------------------------------


async def test_an_order_keeps_what_it_was_placed_under(orders: Running) -> None:
    created = (await create(orders, **WHOLE)).json()
    id_ = UUID(created["id"])
    await change(orders, created["id"], 1, title="Дороже", price={"amount": 999, "currency": "RUB"})
    async with orders.database.read() as transaction:
        before, after = await store.offering_at(transaction, id_, 1), await store.offering_at(transaction, id_, 2)
        both = await store.offerings_at(transaction, [(id_, 1), (id_, 2), (id_, 3), (uuid4(), 1)])
        now = await store.offering_by_id(transaction, id_)
    assert before is not None
    assert after == now
    assert (before.title, before.assignee_id, before.cancellation[0].fee_percent) == (
        "Вызов сантехника",
        UUID(BORIS),
        50,
    )
    assert both == {(id_, 1): before, (id_, 2): after}


async def test_a_refused_change_leaves_no_version(orders: Running) -> None:
    id_ = (await create(orders)).json()["id"]
    assert (await change(orders, id_, 1, permanent=True)).status_code == 422
    async with orders.database.read() as transaction:
        assert await store.offering_at(transaction, UUID(id_), 2) is None


async def test_the_query_of_placing_follows_every_change(orders: Running) -> None:
    await orders.handle(resource_changed())
    created = (await create(orders, kind="slot_booking")).json()
    id_ = UUID(created["id"])

    async def find(resource: UUID | None) -> tuple[Offering | None, Any]:
        async with orders.database.direct() as direct:
            return await store.find_for_order(direct, id_, resource)

    offering, resource = await find(RESOURCE)
    assert (offering and offering.title, resource.location_id is None) == ("Услуга", False)
    # The very same object: nothing was read or made again.
    assert (await find(RESOURCE))[0] is offering
    await change(orders, created["id"], 1, title="Иначе", terms="free")
    changed, nothing = await find(None)
    assert changed is not None
    assert (changed.title, changed.terms, changed.version, nothing) == ("Иначе", Terms.FREE, 2, None)
    async with orders.database.direct() as direct:
        assert await store.find_for_order(direct, uuid4(), uuid4()) == (None, None)


async def test_rows_of_the_release_before(orders: Running) -> None:
    """It knows `prepaid` only, and writes no versions."""
    id_ = uuid4()
    async with orders.database.transaction() as transaction:
        await transaction.execute(
            sa.text(
                "INSERT INTO offerings (id, title, kind, prepaid, customer_may_cancel, responsible_ids, resource_ids,"
                " active, version) VALUES (:id, 'Старая', 'slot_booking', false, true, '{}', '{}', true, 4)"
            ),
            {"id": id_},
        )
    async with orders.database.read() as transaction:
        offering = await store.offering_by_id(transaction, id_)
        assert offering is not None
        assert (offering.terms, offering.form.fields, offering.needs_confirmation) == (Terms.POSTPAID, (), True)
        assert await store.offering_at(transaction, id_, 4) == offering
        assert await store.offering_at(transaction, id_, 3) is None


def test_the_cache_is_bounded() -> None:
    from orders.catalogue.store.caches import Recent

    recent: Recent[int, str] = Recent(3)
    for number in (1, 2, 3):
        recent.keep(number, str(number))
    assert recent.get(1) == "1"
    recent.keep(4, "4")
    assert [recent.get(number) for number in (1, 2, 3, 4)] == ["1", None, "3", "4"]


# Locations --------------------------------------------------------------------------------------------------------


async def _location(orders: Running, id_: UUID) -> Any:
    async with orders.database.read() as transaction:
        read = await store.location(transaction, id_)
    async with orders.database.direct() as direct:
        assert await store.location(direct, id_) == read
    return read


async def test_business_hours_are_kept_from_booking(orders: Running) -> None:
    sample: Event[LocationChanged] = SAMPLES["booking.location.changed.v1"]
    id_ = sample.data.location_id
    assert await _location(orders, id_) is None
    await orders.handle_twice(sample)
    copy = await _location(orders, id_)
    assert copy.hours.zone.key == sample.data.time_zone
    assert len(copy.hours.opening_hours) == len(sample.data.opening_hours)
    newer = Event.make(
        sample.data.model_copy(update={"time_zone": "Asia/Omsk"}), subject=id_, sequence=sample.sequence + 2, time=NOW
    )
    older = Event.make(
        sample.data.model_copy(update={"time_zone": "UTC"}), subject=id_, sequence=sample.sequence + 1, time=NOW
    )
    await orders.handle(newer, older)
    assert (await _location(orders, id_)).hours.zone.key == "Asia/Omsk"


# Categories -------------------------------------------------------------------------------------------------------


async def category(orders: Running, *roles: str, **more: Any) -> Any:
    return await orders.client("alex", *(roles or ("administrator",))).post(
        "/v1/categories",
        json={"name": {"ru": "Ремонт", "en": "Repairs"}, **more},
        headers={"Idempotency-Key": uuid4().hex},
    )


@pytest.mark.feature("B25")
async def test_categories_in_their_order(orders: Running) -> None:
    made = [
        (await category(orders, position=position, icon="wrench", background="#ffee00", active=active)).json()
        for position, active in ((20, True), (10, True), (20, True), (5, False))
    ]
    assert (made[0]["icon"], made[0]["background"]) == ("wrench", "#ffee00")
    customer = orders.client("anna", locale="en")
    first = (await customer.get("/v1/categories", params={"limit": 2})).json()
    rest = (await customer.get("/v1/categories", params={"limit": 2, "after": first["next"]})).json()
    assert [item["id"] for item in first["items"] + rest["items"]] == [made[n]["id"] for n in (1, 0, 2)]
    assert first["items"][0]["title"] == "Repairs"
    staff = (await orders.client("rita", "service_manager").get("/v1/categories")).json()["items"]
    assert [item["id"] for item in staff] == [made[n]["id"] for n in (3, 1, 0, 2)]
    assert (await customer.get(f"/v1/categories/{made[3]['id']}")).status_code == 404
    assert (await customer.get(f"/v1/categories/{made[0]['id']}")).json()["title"] == "Repairs"


async def test_categories_are_changed_and_deleted(orders: Running) -> None:
    made = (await category(orders)).json()
    path, admin = f"/v1/categories/{made['id']}", orders.client("alex", "administrator")
    body = {"name": {"ru": "Иначе"}, "background": "https://cdn.example.test/b.png"}
    assert (await admin.put(path, json=body)).status_code == 428
    assert (await admin.put(path, json=body, headers={"If-Match": '"1"'})).json()["version"] == 2
    assert (await admin.put(path, json=body, headers={"If-Match": '"1"'})).status_code == 412
    offering = (await create(orders, category_id=made["id"])).json()
    assert (await admin.delete(path)).status_code == 428
    assert problem(await admin.delete(path, headers={"If-Match": '"2"'})) == (409, "category-in-use")
    await change(orders, offering["id"], 1)
    assert (await admin.delete(path, headers={"If-Match": '"1"'})).status_code == 412
    assert (await admin.delete(path, headers={"If-Match": '"2"'})).status_code == 204
    assert (await admin.delete(path, headers={"If-Match": '"2"'})).status_code == 404
    assert problem(await create(orders, category_id=made["id"])) == (422, "unknown-category")


async def test_a_category_is_not_deleted_under_a_new_offering(orders: Running) -> None:
    admin, headers = orders.client("alex", "administrator"), {"If-Match": '"1"'}
    for _ in range(10):
        id_ = (await category(orders)).json()["id"]
        created, deleted = await asyncio.gather(
            create(orders, category_id=id_), admin.delete(f"/v1/categories/{id_}", headers=headers)
        )
        assert (created.status_code, deleted.status_code) in {(201, 409), (422, 204)}


HOW_A_CATEGORY_CANNOT_LOOK: list[dict[str, str]] = [
    {"background": "red"},
    {"background": "http://a.test/x.png"},
    {"background": "url(javascript:alert(1))"},
    {"icon": "Wrench!"},
    {"icon": "javascript:alert(1)"},
    {"icon": 'https://a.test/"><script>'},
]


async def test_how_a_category_cannot_look(orders: Running) -> None:
    for look in HOW_A_CATEGORY_CANNOT_LOOK:
        answer = await category(orders, **look)
        assert problem(answer) == (422, "category-invalid")
        assert answer.json()["field"] in look


async def test_only_administrators_change_categories(orders: Running) -> None:
    made = (await category(orders)).json()
    for role in ("customer", "service_manager", "finance"):
        client = orders.client("rita", role)
        assert (await category(orders, role)).status_code == 403
        headers = {"If-Match": '"1"'}
        assert (
            await client.put(f"/v1/categories/{made['id']}", json={"name": {"ru": "х"}}, headers=headers)
        ).status_code == 403
        assert (await client.delete(f"/v1/categories/{made['id']}", headers=headers)).status_code == 403
