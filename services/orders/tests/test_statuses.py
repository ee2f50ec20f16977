"""The directory of statuses: what is built in, what a business may change and add (C1)."""

from typing import Any
from uuid import uuid4

import pytest
from foyer_chassis.testing import Running
from orders.catalogue.domain import Kind
from orders.statuses import store
from orders.statuses.domain import GROUPS, UnknownStatusError

#: The same for every order, with the group whose rules it has.
EVERYWHERE = {
    "new": "new",
    "awaiting_payment": "waiting",
    "done": "done",
    "cancelled": "cancelled",
    "cancelled_refunding": "cancelled",
    "cancelled_refunded": "cancelled",
    "removed": "removed",
}
REQUEST = {"in_progress": "in_work", "awaiting_confirmation": "review"}
PLACE = {"confirmed": "accepted", "active": "in_work"}
BUILT_IN = {
    "request": REQUEST,
    "premises_request": REQUEST,
    "slot_booking": PLACE,
    "coworking": PLACE,
    "hotel": PLACE,
    "goods": {"collecting": "in_work", "ready": "ready"},
    "membership": PLACE,
}


def parts(**more: Any) -> dict[str, Any]:
    return {
        "code": "waiting_for_parts",
        "group": "in_work",
        "kinds": ["request"],
        "name": {"ru": "Ждём запчасти", "en": "Waiting for parts"},
        "colour": "#ff8800",
        **more,
    }


async def add(orders: Running, *roles: str, **more: Any) -> Any:
    client = orders.client("alex", *(roles or ("administrator",)))
    return await client.post("/v1/statuses", json=parts(**more), headers={"Idempotency-Key": uuid4().hex})


async def change(orders: Running, code: str, version: int | None, **more: Any) -> Any:
    body = {"name": {"ru": "Иначе", "en": "Otherwise"}, "colour": "#000000", **more}
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    return await orders.client("alex", "administrator").put(f"/v1/statuses/{code}", json=body, headers=headers)


@pytest.mark.feature("C1")
@pytest.mark.parametrize("kind", list(Kind))
async def test_built_in_statuses_of_every_kind(orders: Running, kind: Kind) -> None:
    answer = await orders.client("anna").get("/v1/statuses", params={"kind": kind.value})
    assert answer.status_code == 200
    found = {item["code"]: item["group"] for item in answer.json()["items"]}
    assert found == {**EVERYWHERE, **BUILT_IN[kind]}
    assert all(item["built_in"] and item["stands_for"] == item["code"] for item in answer.json()["items"])
    assert set(found.values()) <= set(GROUPS)


@pytest.mark.feature("C1")
async def test_names_are_in_the_callers_language(orders: Running) -> None:
    for locale, title in (("ru", "Ожидает оплаты"), ("en", "Awaiting payment")):
        answer = await orders.client("anna", "customer", locale=locale).get("/v1/statuses?group=waiting")
        assert [item["title"] for item in answer.json()["items"]] == [title]


@pytest.mark.feature("C1")
async def test_a_status_is_renamed_recoloured_and_moved(orders: Running) -> None:
    assert (await store.directory(orders.database)).title("new", "ru") == "Новый"
    answer = await change(orders, "new", 1, position=5)
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    assert (answer.json()["group"], answer.json()["colour"], answer.json()["position"]) == ("new", "#000000", 5)
    directory = await store.directory(orders.database)
    assert (directory.title("new", "ru"), directory.title("new", "en")) == ("Иначе", "Otherwise")
    assert directory.group("new") == "new"


async def test_two_people_change_a_status(orders: Running) -> None:
    assert (await change(orders, "new", None)).status_code == 428
    assert (await change(orders, "new", 1)).status_code == 200
    late = await change(orders, "new", 1, colour="#111111")
    assert (late.status_code, late.json()["version"]) == (412, 2)
    assert (await change(orders, "nothing", 1)).status_code == 404


@pytest.mark.feature("C1")
async def test_a_status_is_added_inside_a_group(orders: Running) -> None:
    answer = await add(orders)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["stands_for"], answer.json()["built_in"]) == ("in_progress", False)
    directory = await store.directory(orders.database)
    assert directory.group("waiting_for_parts") == "in_work"
    assert directory.label("waiting_for_parts", kind="request", status="in_progress").name.ru == "Ждём запчасти"
    for kind, status in (("request", "new"), ("goods", "collecting"), ("premises_request", "in_progress")):
        with pytest.raises(UnknownStatusError):
            directory.label("waiting_for_parts", kind=kind, status=status)
    assert (await add(orders)).status_code == 409


@pytest.mark.feature("C1")
@pytest.mark.parametrize(
    ("more", "stands_for"),
    [
        ({"group": "in_work", "kinds": ["slot_booking", "hotel"]}, "active"),
        ({"group": "in_work", "kinds": ["goods"]}, "collecting"),
        ({"group": "waiting", "kinds": [kind.value for kind in Kind]}, "awaiting_payment"),
        ({"group": "cancelled", "kinds": ["goods", "request"]}, "cancelled"),
        ({"group": "cancelled", "stands_for": "cancelled"}, "cancelled"),
        ({"group": "review", "kinds": ["request", "premises_request"]}, "awaiting_confirmation"),
    ],
)
async def test_what_an_added_status_stands_for(orders: Running, more: dict[str, Any], stands_for: str) -> None:
    answer = await add(orders, **more)
    assert (answer.status_code, answer.json().get("stands_for")) == (201, stands_for), answer.text


ADDITIONS_THAT_ARE_REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"group": "removed"}, "closed-group"),
    ({"group": "in_work", "kinds": ["request", "goods"]}, "stands-for-nothing"),
    ({"group": "ready"}, "stands-for-nothing"),
    ({"group": "cancelled", "stands_for": "cancelled_refunding"}, "stands-for-nothing"),
    ({"stands_for": "done"}, "stands-for-nothing"),
    ({"code": "Parts"}, "invalid"),
    ({"code": "parts\n"}, "invalid"),
    ({"code": "1parts"}, "invalid"),
    ({"code": "in_progress"}, "status-exists"),
    ({"colour": "red"}, "invalid"),
    ({"colour": "#12345g"}, "invalid"),
    ({"group": "other"}, "invalid"),
    ({"kinds": []}, "invalid"),
    ({"name": {"ru": " ", "en": "x"}}, "invalid"),
    ({"name": {"ru": "а\u0000", "en": "x"}}, "invalid"),
    ({"name": {"ru": "Только"}}, "invalid"),
    ({"position": -1}, "invalid"),
]


@pytest.mark.feature("C1")
async def test_additions_that_are_refused(orders: Running) -> None:
    for more, problem in ADDITIONS_THAT_ARE_REFUSED:
        before = (await orders.client("anna").get("/v1/statuses")).json()
        answer = await add(orders, **more)
        assert answer.status_code == (409 if problem == "status-exists" else 422), answer.text
        assert answer.json()["type"].endswith(f"/{problem}")
        assert (await orders.client("anna").get("/v1/statuses")).json() == before


@pytest.mark.feature("C1")
async def test_only_added_statuses_are_switched_off(orders: Running) -> None:
    refused = await change(orders, "done", 1, active=False)
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (409, "built-in-status")
    await add(orders)
    assert (await change(orders, "waiting_for_parts", 1, active=False)).status_code == 200
    directory = await store.directory(orders.database)
    # Orders that have it still show its name; nobody can choose it any more.
    assert directory.title("waiting_for_parts", "en") == "Otherwise"
    with pytest.raises(UnknownStatusError):
        directory.label("waiting_for_parts", kind="request", status="in_progress")


@pytest.mark.feature("C1")
async def test_which_statuses_can_wait_for_money(orders: Running) -> None:
    directory = await store.directory(orders.database)
    cannot = {entry.code for entry in directory.entries if not entry.for_waiting}
    assert cannot == {"cancelled", "cancelled_refunding", "cancelled_refunded", "removed"}


@pytest.mark.parametrize(
    "role", ["customer", "service_manager", "rent_manager", "shop_manager", "front_desk", "finance"]
)
async def test_only_administrators_change_the_directory(orders: Running, role: str) -> None:
    assert (await add(orders, role)).status_code == 403
    answer = await orders.client("rita", role).put(
        "/v1/statuses/new", json={"name": {"ru": "а", "en": "a"}, "colour": "#000000"}, headers={"If-Match": '"1"'}
    )
    assert answer.status_code == 403
    assert (await orders.client("rita", role).get("/v1/statuses")).status_code == 200
    assert (await orders.client().get("/v1/statuses")).status_code == 401


async def test_the_directory_is_read_once_for_many(orders: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await store.directory(orders.database)
    async with orders.database.transaction() as transaction:
        assert await store.directory(transaction) is first
    monkeypatch.setattr(store, "FRESH_SECONDS", 0.0)
    assert await store.directory(orders.database) is not first


async def test_a_rolled_back_change_is_not_remembered(orders: Running) -> None:
    await store.directory(orders.database)
    assert (await change(orders, "done", 1, active=False)).status_code == 409
    assert (await store.directory(orders.database)).title("done", "ru") == "Выполнен"
