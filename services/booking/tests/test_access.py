"""Who may call what: every route of workplaces, rooms, memberships, classes, visitors and calendars, by every role."""

from typing import Any
from uuid import uuid4

import pytest
from booking.calendars import routes as calendars
from booking.classes import routes as classes
from booking.coworking import routes as coworking
from booking.hotel import routes as hotel
from booking.keeping import routes as keeping
from booking.memberships import routes as memberships
from booking.visitors import routes as visitors
from foyer_chassis.http import access_of, routes_of
from foyer_chassis.testing import Running

from .races import key
from .test_bad_input import things

ROUTES = {
    (next(iter(route.methods or ())), route.path): access_of(route)
    for part in (calendars, classes, coworking, hotel, keeping, memberships, visitors)
    for route in routes_of(part.router)
}
#: For programs that cannot sign in: a secret in the address, or nothing that names anybody.
PUBLIC = {("GET", "/v1/calendars/{calendar_id}.ics"), ("GET", "/v1/free-busy/{thing_id}.ics")}
CALLERS = {
    "owner": ("anna", "customer"),
    "stranger": ("boris", "customer"),
    "service": ("sergey", "service_manager"),
    "rent": ("rita", "rent_manager"),
    "shop": ("maria", "shop_manager"),
    "contractor": ("ivan", "contractor"),
    "desk": ("dana", "front_desk"),
    "finance": ("fedor", "finance"),
    "admin": ("alex", "administrator"),
}

#: One sign for each caller, in the order above: + is let in (whatever becomes of it), - may not (403), 0 sees nothing (404).
TABLE = """
POST   /v1/spaces                              - - - - - - - - +
GET    /v1/spaces                              + + + + + - + + +
GET    /v1/spaces/{space_id}                   + + + + + - + + +
PUT    /v1/spaces/{space_id}                   - - - - - - - - +
POST   /v1/spaces/{space_id}/places            - - - - - - - - +
GET    /v1/spaces/{space_id}/places            + + + + + - + + +
GET    /v1/spaces/{space_id}/places/free       + + + + + - + + +
PUT    /v1/places/{place_id}                   - - - - - - - - +
POST   /v1/spaces/{space_id}/tariffs           - - - - - - - - +
GET    /v1/spaces/{space_id}/tariffs           + + + + + - + + +
PUT    /v1/tariffs/{tariff_id}                 - - - - - - - - +
GET    /v1/spaces/{space_id}/tickets           - - - + - - + + +
GET    /v1/orders/{order_id}/ticket            + 0 0 + 0 - + + +
GET    /v1/tickets                             - - 0 + 0 - + + +
GET    /v1/tickets/{ticket_id}                 + 0 0 + 0 - + + +
GET    /v1/tickets/{ticket_id}/qr.svg          + 0 0 + 0 - + + +
POST   /v1/tickets/{ticket_id}/check-in        - - - + - - + - +
POST   /v1/tickets/{ticket_id}/check-out       - - - + - - + - +
POST   /v1/tickets/{ticket_id}/extend          - - - + - - + - +
POST   /v1/tickets/{ticket_id}/move            - - - + - - + - +
POST   /v1/tickets/{ticket_id}/end             - - - + - - + - +
POST   /v1/tickets/{ticket_id}/block           - - - + - - + - +
POST   /v1/tickets/{ticket_id}/unblock         - - - + - - + - +
POST   /v1/tickets/{ticket_id}/no-show         - - - + - - + - +
POST   /v1/room-types                          - - - - - - - - +
GET    /v1/room-types                          + + + + + - + + +
GET    /v1/room-types/availability             + + + + + - + + +
PUT    /v1/room-types/{room_type_id}           - - - - - - - - +
POST   /v1/room-types/{room_type_id}/rooms     - - - - - - - - +
GET    /v1/room-types/{room_type_id}/rooms     + + + + + - + + +
PUT    /v1/rooms/{room_id}                     - - - - - - - - +
POST   /v1/room-types/{room_type_id}/rates     - - - - - - - - +
GET    /v1/room-types/{room_type_id}/rates     + + + + + - + + +
PUT    /v1/rates/{rate_id}                     - - - - - - - - +
POST   /v1/locations/{location_id}/extras      - - - - - - - - +
GET    /v1/locations/{location_id}/extras      + + + + + - + + +
PUT    /v1/extras/{extra_id}                   - - - - - - - - +
GET    /v1/room-types/{room_type_id}/stays     - - - + - - - + +
GET    /v1/orders/{order_id}/stay              + 0 0 + 0 - 0 + +
GET    /v1/stays                               - - 0 + 0 - 0 + +
GET    /v1/stays/{stay_id}                     + 0 0 + 0 - 0 + +
POST   /v1/stays/{stay_id}/check-in            - - - + - - 0 - +
POST   /v1/stays/{stay_id}/check-out           - - - + - - 0 - +
POST   /v1/stays/{stay_id}/no-show             - - - + - - 0 - +
POST   /v1/stays/{stay_id}/move                - - - + - - 0 - +
POST   /v1/stays/{stay_id}/dates               - - - + - - 0 - +
POST   /v1/stays/{stay_id}/extras              - - - + - - 0 - +
POST   /v1/offers                              + + - - - - - - -
GET    /v1/offers                              + + - - - - - - -
DELETE /v1/offers/{offer_id}                   + 0 - + - - + - +
GET    /v1/groups                              + + + + + - + + +
POST   /v1/groups                              - - - - - - - - +
GET    /v1/membership-types                    + + + + + - + + +
POST   /v1/membership-types                    - - - - - - - - +
PUT    /v1/membership-types/{type_id}          - - - - - - - - +
GET    /v1/passes                              - - - - - - + - +
GET    /v1/passes/mine                         + + - - - - - - -
GET    /v1/passes/{pass_id}                    - - - - - - + - +
POST   /v1/passes/activate                     - - - - - - + - +
POST   /v1/passes/{pass_id}/attach             - - - - - - + - +
PUT    /v1/passes/{pass_id}/freeze             - - - - - - + - +
POST   /v1/passes/{pass_id}/withdraw           - - - - - - + - +
GET    /v1/classes                             + + + + + - + + +
POST   /v1/classes                             - - - - - - + - +
PUT    /v1/classes/{class_id}                  - - - - - - + - +
POST   /v1/classes/{class_id}/cancel           - - - - - - + - +
GET    /v1/classes/{class_id}/places           - - - - - - + - +
POST   /v1/classes/{class_id}/places           - - - - - - + - +
GET    /v1/class-places/mine                   + + - - - - - - -
POST   /v1/class-places/{place_id}/cancel      0 0 - - - - + - +
GET    /v1/visitors                            - - - - - - + - +
POST   /v1/visitors                            - - - - - - + - +
GET    /v1/visitors/{visitor_id}               - - - - - - + - +
PUT    /v1/visitors/{visitor_id}               - - - - - - + - +
POST   /v1/calendars                           + + + + + - + + +
GET    /v1/calendars                           + + + + + - + + +
DELETE /v1/calendars/{calendar_id}             0 0 0 0 0 - 0 0 +
PUT    /v1/free-busy/{thing_id}                - - - - - - - - +
"""
SPAN = {"starts_from": "2026-12-01T00:00:00Z", "starts_to": "2026-12-20T00:00:00Z"}
#: What a request needs to get as far as the check of who calls.
QUERIES: dict[str, dict[str, str]] = {
    "/v1/spaces/{space_id}/tickets": SPAN,
    "/v1/room-types/{room_type_id}/stays": SPAN,
    "/v1/spaces/{space_id}/places/free": {"from": "2026-12-01T00:00:00Z", "to": "2026-12-20T00:00:00Z"},
    "/v1/room-types/availability": {"from": "2026-12-01", "location_id": str(uuid4())},
    "/v1/classes": {"starts_from": "2026-12-01T00:00:00Z"},
    "/v1/tickets": {"number": "5001"},
    "/v1/stays": {"number": "7001"},
}
BODIES: dict[str, Any] = {
    "/v1/offers": {
        "resource_id": str(uuid4()),
        "starts_at": "2026-12-02T09:00:00Z",
        "ends_at": "2026-12-02T10:00:00Z",
    },
    "/v1/calendars": {"subject": "mine"},
    "/v1/tickets/{ticket_id}/extend": {"quantity": 1},
    "/v1/tickets/{ticket_id}/move": {"place_id": str(uuid4())},
    "/v1/stays/{stay_id}/move": {"room_id": str(uuid4())},
    "/v1/stays/{stay_id}/dates": {"arrival": "2026-12-15", "departure": "2026-12-16"},
    "/v1/stays/{stay_id}/extras": {"extras": [{"extra_id": str(uuid4())}]},
}
ROWS = {(row.split()[0], row.split()[1]): row.split()[2:] for row in TABLE.strip().splitlines()}


def test_the_table_has_every_route() -> None:
    assert set(ROWS) | PUBLIC == set(ROUTES)
    assert {row for row, access in ROUTES.items() if access and access[0] == "public"} == PUBLIC


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
async def test_who_may_what(booking: Running, method: str) -> None:
    known = await things(booking, owner=booking.identity.id_of("anna"))
    wrong = []
    for (verb, path), signs in ROWS.items():
        if verb != method:
            continue
        url = path
        for name, value in known.items():
            url = url.replace("{" + name + "}", value)
        if path == "/v1/orders/{order_id}/stay":
            url = path.replace("{order_id}", known["order_of_stay"])
        if path.startswith("/v1/class-places"):
            url = path.replace("{place_id}", known["class_place"])
        for (who, caller), sign in zip(CALLERS.items(), signs, strict=True):
            answer = await booking.client(*caller).request(
                verb,
                url,
                params=QUERIES.get(path),
                json=BODIES.get(path, {}) if verb in ("POST", "PUT") else None,
                headers={**key(), "If-Match": '"999"'},
            )
            # Let in: what comes then is about the content, or the thing was not made for this test.
            seen = {403: "-", 404: "0"}.get(answer.status_code, "+")
            if seen != sign and not (sign == "+" and seen == "0" and "{" not in path):
                wrong.append((verb, path, who, sign, answer.status_code, answer.text[:200]))
            assert answer.status_code < 500, answer.text
        anonymous = await booking.client().request(verb, url, params=QUERIES.get(path), json=BODIES.get(path, {}))
        if anonymous.status_code != 401:
            wrong.append((verb, path, "nobody", "401", anonymous.status_code, anonymous.text[:200]))
    assert wrong == []
