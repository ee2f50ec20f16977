"""Who may do what: every route × every role, on one's own, a foreign and another location's order, against a table
that is written by hand (docs/features.md, "Roles", B1, B2)."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from foyer_chassis.http import access_of, routes_of
from foyer_chassis.testing import Databases, Identity, running
from orders.app import ROUTERS
from orders.service import SERVICE

from .conftest import NOW, Desk

HERE, THERE = "0198f000-0000-7000-8000-00000000000a", "0198f000-0000-7000-8000-00000000000b"

#: The order is a request of Anna's, at the location HERE, assigned to Petr.
CALLERS: dict[str, tuple[str, str, list[str]]] = {
    "applicant": ("anna", "customer", []),
    "stranger": ("boris", "customer", []),
    "manager": ("sergey", "service_manager", []),
    "manager here": ("sergey", "service_manager", [HERE]),
    "manager there": ("sergey", "service_manager", [THERE]),
    "shop": ("maria", "shop_manager", []),
    "rent": ("rita", "rent_manager", []),
    "assignee": ("petr", "contractor", []),
    "contractor": ("ivan", "contractor", []),
    "desk": ("dana", "front_desk", []),
    "finance": ("fedor", "finance", []),
    "admin": ("alex", "administrator", []),
}

#: One sign for each caller, in the order above: + may, - sees it but may not (403), 0 does not see it (404).
TABLE = """
GET    /v1/orders/{number}                                 + 0 + + 0 0 0 + 0 0 + +
GET    /v1/orders/{number}/history                         + 0 + + 0 0 0 + 0 0 + +
GET    /v1/orders/{number}/actions                         + 0 + + 0 0 0 + 0 0 + +
GET    /v1/orders/{number}/events                          s 0 s s 0 0 0 s 0 0 s s
GET    /v1/orders/{number}/cancellation                    + 0 + + 0 0 0 + 0 0 + +
POST   /v1/orders/{number}/cancel                          + 0 + + 0 0 0 + 0 - - +
POST   /v1/orders/{number}/read                            + 0 - - - - - - - - - -
POST   /v1/orders/{number}/take                            - - + + 0 0 0 + 0 - - +
POST   /v1/orders/{number}/finish                          - - + + 0 0 0 + 0 - - +
POST   /v1/orders/{number}/complete                        - - + + 0 0 0 + 0 - - +
POST   /v1/orders/{number}/confirm                         + 0 - - - - - - - - - -
POST   /v1/orders/{number}/return                          + 0 - - - - - - - - - -
POST   /v1/orders/{number}/collect                         - - + + 0 0 0 + 0 - - +
POST   /v1/orders/{number}/pack                            - - + + 0 0 0 + 0 - - +
POST   /v1/orders/{number}/hand-over                       - - + + 0 0 0 + 0 - - +
POST   /v1/orders/{number}/release                         - - + + 0 0 0 + 0 - - +
POST   /v1/orders/{number}/remove                          - - - - - - - - - - - +
PUT    /v1/orders/{number}/assignee                        - - + + 0 0 0 + 0 - - +
PUT    /v1/orders/{number}/deadlines                       - - + + 0 0 0 + 0 - - +
PUT    /v1/orders/{number}/label                           - - + + 0 0 0 + 0 - - +
PATCH  /v1/orders/{number}                                 - - + + 0 0 0 + 0 - - +
GET    /v1/orders/{number}/comments                        - - + + 0 0 0 + 0 0 + +
POST   /v1/orders/{number}/comments                        - - + + 0 0 0 + 0 - - +
GET    /v1/orders/{number}/files                           - 0 + + 0 0 0 + 0 0 + +
POST   /v1/orders/{number}/files                           - 0 + + 0 0 0 + 0 0 - +
GET    /v1/orders/{number}/files/{file_id}                 - 0 0 0 0 0 0 0 0 0 0 0
DELETE /v1/orders/{number}/files/{file_id}                 - 0 0 0 0 0 0 0 0 0 - 0
POST   /v1/orders/{number}/lines/{line_id}                 - - + + 0 0 0 + 0 - - +
PUT    /v1/orders/{number}/rating                          + 0 - - - - - - - - - -
GET    /v1/orders                                          + + + + + + + + + + + +
GET    /v1/orders/mine                                     + + - - - - - - - - - -
GET    /v1/orders/counts                                   + + + + + + + + + + + +
GET    /v1/orders/export                                   - - + + + + + + + + + +
POST   /v1/orders                                          + + + + + - - - - - - +
GET    /v1/order-views                                     - - + + + + + + + + + +
POST   /v1/order-views                                     - - + + + + + + + + + +
PUT    /v1/order-views/{view_id}                           - - + + + 0 0 0 0 0 0 0
DELETE /v1/order-views/{view_id}                           - - + 0 0 0 0 0 0 0 0 0
POST   /v1/drafts                                          + + + + + - - - - - - +
GET    /v1/drafts                                          + + + + + + + - - - - +
GET    /v1/drafts/{draft_id}                               + 0 + + + 0 0 - - - - +
PUT    /v1/drafts/{draft_id}                               + 0 + + + 0 0 - - - - +
POST   /v1/drafts/{draft_id}/submit                        + 0 + + + 0 0 - - - - +
DELETE /v1/drafts/{draft_id}                               + 0 + + + 0 0 - - - - +
GET    /v1/offerings                                       + + + + + + + + + + + +
GET    /v1/offerings/{offering_id}                         + + + + + + + + + + + +
GET    /v1/offerings/{offering_id}/form-schema             + + + + + + + + + + + +
POST   /v1/offerings                                       - - - - - - - - - - - +
PUT    /v1/offerings/{offering_id}                         - - - - - - - - - - - +
POST   /v1/offerings/{offering_id}/button-preview          - - - - - - - - - - - +
GET    /v1/offerings/{offering_id}/items                   + + + + + + + + + + + +
GET    /v1/offerings/{offering_id}/items/{item_id}         0 0 0 0 0 0 0 0 0 0 0 0
POST   /v1/offerings/{offering_id}/items                   - - - - - - - - - - - +
POST   /v1/offerings/{offering_id}/items/import            - - - - - - - - - - - +
PUT    /v1/offerings/{offering_id}/items/{item_id}         - - - - - - - - - - - +
GET    /v1/categories                                      + + + + + + + + + + + +
GET    /v1/categories/{category_id}                        0 0 0 0 0 0 0 0 0 0 0 0
POST   /v1/categories                                      - - - - - - - - - - - +
PUT    /v1/categories/{category_id}                        - - - - - - - - - - - 0
DELETE /v1/categories/{category_id}                        - - - - - - - - - - - 0
GET    /v1/catalogue/search                                + + + + + + + + + + + +
GET    /v1/statuses                                        + + + + + + + + + + + +
POST   /v1/statuses                                        - - - - - - - - - - - +
PUT    /v1/statuses/{code}                                 - - - - - - - - - - - 0
GET    /v1/customers                                       - - + + + + + - - + + +
POST   /v1/customers                                       - - + + + + + - - + - +
GET    /v1/customers/{customer_id}                         - - + + + + + - - + + +
PATCH  /v1/customers/{customer_id}                         - - + + + + + - - + - +
GET    /v1/customers/{customer_id}/premises                - - + + + + + - - + + +
POST   /v1/customers/{customer_id}/premises                - - + + + + + - - + - +
GET    /v1/customers/{customer_id}/export                  - - - - - - - - - - - +
POST   /v1/customers/{customer_id}/erase                   - - - - - - - - - - - +
POST   /v1/customers/import                                - - + + + + + - - + - +
GET    /v1/customers/{customer_id}/release-rule            - - - - - - - - - - - +
PUT    /v1/customers/{customer_id}/release-rule            - - - - - - - - - - - +
GET    /v1/customers/me                                    + + - - - - - - - - - -
PUT    /v1/customers/me                                    + + - - - - - - - - - -
GET    /v1/customers/me/export                             + + - - - - - - - - - -
GET    /v1/customers/me/premises                           + + - - - - - - - - - -
POST   /v1/customers/me/premises                           + + - - - - - - - - - -
POST   /v1/customers/me/erase                              + + - - - - - - - - - -
PUT    /v1/premises/{premises_id}                          + 0 + + + + + - - + - +
DELETE /v1/premises/{premises_id}                          + 0 0 0 0 0 0 - - 0 - 0
GET    /v1/discount-groups                                 - - + + + + + - - + + +
POST   /v1/discount-groups                                 - - - - - - - - - - - +
GET    /v1/discount-groups/{group_id}/release-rule         - - - - - - - - - - - +
PUT    /v1/discount-groups/{group_id}/release-rule         - - - - - - - - - - - 0
GET    /v1/settings/releasing                              - - - - - - - - - - - +
PUT    /v1/settings/releasing                              - - - - - - - - - - - +
"""
#: For everybody, signed in or not.
PUBLIC = {
    ("GET", "/v1/storefront/offerings/{offering_id}"),
    ("GET", "/v1/storefront/offerings/{offering_id}/button"),
    ("GET", "/v1/storefront/offerings/{offering_id}/button/preview"),
    ("POST", "/v1/storefront/orders"),
    ("GET", "/v1/storefront/orders/{number}"),
}

COLOUR = "#112233"
BODIES: dict[str, Any] = {
    "POST /v1/orders/{number}/cancel": {"comment": "Проверка"},
    "PUT /v1/orders/{number}/deadlines": {"respond_by": None, "complete_by": None},
    "PUT /v1/orders/{number}/label": {"label": None},
    "PATCH /v1/orders/{number}": {"comment": "Проверка"},
    "POST /v1/orders/{number}/comments": {"text": "Проверка"},
    "POST /v1/orders/{number}/lines/{line_id}": {"state": "collected"},
    "PUT /v1/orders/{number}/rating": {"rating": 5},
    "POST /v1/offerings": {"title": "Новая", "kind": "request", "terms": "free"},
    "POST /v1/offerings/{offering_id}/items": {"sku": "A", "title": "A", "price": {"amount": 1, "currency": "RUB"}},
    "POST /v1/offerings/{offering_id}/items/import": {"items": []},
    "POST /v1/categories": {"name": {"ru": "Ремонт"}},
    "PUT /v1/categories/{category_id}": {"name": {"ru": "Ремонт"}},
    "PUT /v1/offerings/{offering_id}/items/{item_id}": {
        "sku": "A",
        "title": "A",
        "price": {"amount": 1, "currency": "RUB"},
    },
    "POST /v1/statuses": {
        "code": "x",
        "group": "new",
        "kinds": ["request"],
        "name": {"ru": "X", "en": "X"},
        "colour": COLOUR,
    },
    "PUT /v1/statuses/{code}": {"name": {"ru": "X", "en": "X"}, "colour": COLOUR, "position": 1},
    "POST /v1/customers": {"name": "Новый"},
    "PATCH /v1/customers/{customer_id}": {"company": None},
    "POST /v1/customers/{customer_id}/premises": {"title": "Дом", "address": "Невский, 1"},
    "POST /v1/customers/me/premises": {"title": "Дом", "address": "Невский, 1"},
    "PUT /v1/premises/{premises_id}": {"title": "Дом", "address": "Невский, 1"},
    "PUT /v1/customers/me": {"company": None},
    "POST /v1/customers/import": {"profile": {"name": "Новый"}},
    "PUT /v1/customers/{customer_id}/release-rule": {"release_last_orders": "off"},
    "PUT /v1/discount-groups/{group_id}/release-rule": {"release_last_orders": "off"},
    "POST /v1/discount-groups": {"name": "Опт"},
    "PUT /v1/settings/releasing": {
        "start_when_paid": False,
        "wait_without_funds": True,
        "waiting_status": "awaiting_payment",
        "release_last_orders": "off",
    },
}
QUERIES = {"/v1/catalogue/search": {"q": "сантехник"}, "/v1/orders/{number}/files": {"name": "a.pdf"}}


def _rows() -> dict[tuple[str, str], list[str]]:
    rows = {}
    for line in TABLE.strip().splitlines():
        method, path, *signs = line.split()
        assert len(signs) == len(CALLERS), line
        rows[method, path] = signs
    return rows


ROWS = _rows()
ROUTES = {
    (method, route.path): access_of(route)
    for router in ROUTERS
    for route in routes_of(router)
    for method in route.methods or ()
}


def test_the_table_has_every_route() -> None:
    assert set(ROWS) | PUBLIC == set(ROUTES)
    assert {key for key, access in ROUTES.items() if access and access[0] == "public"} == PUBLIC


class Scene:
    """Fresh things for one route: an order, a draft, a view, premises."""

    def __init__(self, desk: Desk, offering: dict[str, Any]) -> None:
        self.desk, self.offering = desk, offering

    async def set_up(self, path: str) -> None:
        desk = self.desk
        self.order = await desk.place(self.offering)
        draft = await desk.post("anna", "/v1/drafts", {"offering_id": self.offering["id"]})
        made: dict[str, str] = {}
        if "{view_id}" in path:
            view = await desk.post("sergey", "/v1/order-views", {"name": path, "filters": {}}, "service_manager")
            made["view_id"] = view.json()["id"]
        if "{premises_id}" in path:
            home = await desk.post("anna", "/v1/customers/me/premises", {"title": "Дом", "address": "Невский, 1"})
            made["premises_id"] = home.json()["id"]
        self.names = {
            **made,
            "number": self.order["number"],
            "line_id": uuid4(),
            "file_id": uuid4(),
            "draft_id": draft.json()["id"],
            "offering_id": self.offering["id"],
            "customer_id": desk.id_of("anna"),
            "item_id": uuid4(),
            "category_id": uuid4(),
            "group_id": uuid4(),
            "code": "unheard_of",
        }

    def body(self, method: str, path: str, caller: str) -> Any:
        match method, path:
            case "POST", "/v1/orders" | "/v1/drafts":
                staff = CALLERS[caller][1] != "customer"
                applicant = {"applicant_id": self.desk.id_of("anna")} if staff else {}
                return {"offering_id": self.offering["id"], **applicant}
            case "PUT", "/v1/orders/{number}/assignee":
                return {"assignee_id": self.desk.id_of("petr")}
            case "POST" | "PUT", "/v1/order-views" | "/v1/order-views/{view_id}":
                return {"name": uuid4().hex, "filters": {}}
            case "PUT", "/v1/offerings/{offering_id}":
                return {"title": "Вызов сантехника", "terms": "free", "location_ids": ["not a place"]}
            case "POST", "/v1/offerings/{offering_id}/button-preview":
                return {"enabled": True, "text": "Купить"}
        return BODIES.get(f"{method} {path}", {})

    async def call(self, method: str, path: str, caller: str | None) -> int:
        if caller is None:
            client = self.desk.orders.client()
        else:
            username, role, locations = CALLERS[caller]
            client = self.desk.client(username, role, locations=locations)
        headers = {"Idempotency-Key": uuid4().hex, "If-Match": '"1"'}
        more = {} if method in ("GET", "DELETE") else {"json": self.body(method, path, caller or "applicant")}
        answer = await client.request(
            method, path.format(**self.names), headers=headers, params=QUERIES.get(path), **more
        )
        return int(answer.status_code)


@pytest.fixture(scope="module")
async def scene(databases: Databases, identity: Identity) -> AsyncIterator[Scene]:
    async with running(SERVICE, databases, identity) as orders:
        orders.at(NOW)
        desk = Desk(orders)
        offering = await desk.offering(terms="free", location_ids=[HERE], assignee_id=desk.id_of("petr"))
        # A customer like any other, whatever test comes first.
        await desk.place(offering, CALLERS["stranger"][0])
        yield Scene(desk, offering)


@pytest.mark.feature("B1")
@pytest.mark.feature("A2")
@pytest.mark.parametrize(("method", "path"), sorted(ROWS), ids=lambda item: item)
async def test_who_may(scene: Scene, method: str, path: str) -> None:
    await scene.set_up(path)
    assert await scene.call(method, path, None) == 401
    found = []
    for caller, expected in zip(CALLERS, ROWS[method, path], strict=True):
        if expected == "s":
            # A stream does not end; that it is refused to others is seen, that it runs has its own test.
            found.append("s")
            continue
        status = await scene.call(method, path, caller)
        assert status < 500, caller
        assert status not in (401, 405), caller
        found.append({403: "-", 404: "0"}.get(status, "+"))
    assert dict(zip(CALLERS, found, strict=True)) == dict(zip(CALLERS, ROWS[method, path], strict=True))
