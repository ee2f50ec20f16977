"""The table of who is told what, changed by administrators for each role (B12)."""

import asyncio
from typing import Any

import httpx2
import pytest
from foyer_chassis.testing import Running
from foyer_contracts.samples import APPLICANT, MANAGER, TECHNICIAN
from notifications.telling.domain.rules import RULES, Channel

from .conftest import Outside, contact, sample, states
from .test_table import told

PLACED, STATUS = "orders.order.placed.v1", "orders.order.status_changed.v1"
ASSIGNED, RETURNED = "orders.order.assigned.v1", "orders.order.returned.v1"
ASKED_BACK = "payments.refund.requested.v1"
RITA, TECH, ANNA = f"person:{MANAGER}", f"person:{TECHNICIAN}", f"person:{APPLICANT}"
ALL, IN_APP = {"feed", "email", "push"}, {"feed", "push"}
pytestmark = pytest.mark.feature("B12")

Line = tuple[str, list[str]]


def admin(it: Running) -> httpx2.AsyncClient:
    return it.client("alex", "administrator")


def path(role: str) -> str:
    return f"/v1/roles/{role}/rules"


async def put(it: Running, role: str, *lines: Line, version: int | None = 0, **more: Any) -> httpx2.Response:
    items = [{"template": name, "told": bool(channels), "channels": channels} for name, channels in lines]
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    return await admin(it).put(path(role), json={"items": items, **more}, headers=headers)


async def they_are(it: Running, **roles: list[str]) -> None:
    """Staff show their tokens, and with them their roles."""
    for who, person in (("rita", MANAGER), ("tech", TECHNICIAN)):
        answer = await it.client(who, *roles.get(who, ["rent_manager"]), sub=str(person)).put("/v1/me")
        assert answer.status_code == 200


BOTH = sample(PLACED, responsible_ids=[MANAGER, TECHNICIAN])
STARTED = sample(STATUS, to_status="active", group="in_work")

#: (what, role → lines, roles of the two, event, who → channels that something is made for)
CHANGED: list[tuple[str, dict[str, list[Line]], dict[str, list[str]], Any, dict[str, set[str]]]] = [
    ("nothing changed", {}, {}, BOTH, {RITA: ALL, TECH: ALL}),
    ("a role is not told", {"rent_manager": [("order_placed", [])]}, {}, BOTH, {}),
    (
        "only those who have it",
        {"rent_manager": [("order_placed", [])]},
        {"tech": ["contractor"]},
        BOTH,
        {TECH: ALL},
    ),
    (
        "one role that is told is enough",
        {"rent_manager": [("order_placed", [])], "service_manager": [("order_placed", ["email"])]},
        {"rita": ["rent_manager", "service_manager"]},
        BOTH,
        {RITA: {"email", "push"}},
    ),
    (
        "a role that nobody changed says nothing",
        {"rent_manager": [("order_placed", [])]},
        {"rita": ["rent_manager", "front_desk"], "tech": ["front_desk"]},
        BOTH,
        {TECH: ALL},
    ),
    ("not in the feed", {"rent_manager": [("order_placed", ["email", "push"])]}, {}, BOTH, {
        RITA: {"email", "push"}, TECH: {"email", "push"},
    }),
    (
        "the role's own feed",
        {"rent_manager": [("order_placed", [])]},
        {},
        sample(PLACED, responsible_ids=[]),
        {},
    ),
    (
        "another role's feed",
        {"shop_manager": [("order_placed", [])]},
        {},
        sample(PLACED, responsible_ids=[]),
        {"role:rent_manager": {"feed"}},
    ),
    ("finance's feed", {"finance": [("refund_requested", [])]}, {}, sample(ASKED_BACK), {}),
    ("another line", {"rent_manager": [("order_assigned", [])]}, {}, BOTH, {RITA: ALL, TECH: ALL}),
    ("the new assignee", {"rent_manager": [("order_assigned", [])]}, {}, sample(ASSIGNED), {}),
    ("assignee of a returned order", {"contractor": [("order_returned", ["push"])]}, {"tech": ["contractor"]},
     sample(RETURNED), {TECH: {"email", "push"}}),
    ("customers, who showed no token", {"customer": [("order_started", [])]}, {}, STARTED, {}),
    ("a customer who works here is a customer there", {"rent_manager": [("order_placed", [])]}, {}, STARTED, {
        ANNA: IN_APP,
    }),
]  # fmt: skip


@pytest.mark.parametrize(
    ("roles", "people", "event", "expected"), [line[1:] for line in CHANGED], ids=[line[0] for line in CHANGED]
)
async def test_who_is_told_then(
    notifications: Running,
    roles: dict[str, list[Line]],
    people: dict[str, list[str]],
    event: Any,
    expected: dict[str, set[str]],
) -> None:
    await they_are(notifications, **people)
    for role, lines in roles.items():
        assert (await put(notifications, role, *lines)).status_code == 200
    await notifications.handle_twice(event)
    assert (await told(notifications))[0] == expected


async def test_channel_that_is_off_is_muted_unless_the_person_wants_it(
    notifications: Running, outside: Outside
) -> None:
    """It is made all the same, so that the delivery says why it was not sent."""
    await they_are(notifications)
    assert (await put(notifications, "rent_manager", ("order_placed", ["feed", "push"]))).status_code == 200
    wish = {"template": "order_placed", "channel": "email", "enabled": True}
    tech = notifications.client("tech", "rent_manager", sub=str(TECHNICIAN))
    assert (await tech.put("/v1/preferences", json={"items": [wish]})).status_code == 200
    await notifications.handle(BOTH, sample("orders.order.priced.v1"), sample("booking.places.held.v1"))
    await notifications.turn("dispatch")
    outcomes = [(channel, state, reason) for channel, _, state, reason in await states(notifications)]
    assert ("email", "skipped", "muted") in outcomes
    assert [mail["to"] for mail in await outside.mails()] == [["tech@example.test"]]


async def test_customers_settings_reach_those_who_showed_no_token(notifications: Running, outside: Outside) -> None:
    topped_up = ("account_topped_up", ["feed", "push", "telegram"])
    assert (await put(notifications, "customer", topped_up)).status_code == 200
    await notifications.handle(contact(), sample("payments.account.topped_up.v1"))
    await notifications.turn("dispatch")
    assert ("email", "account_topped_up", "skipped", "muted") in await states(notifications)
    assert await outside.mails() == []


async def test_the_table_and_what_a_role_makes_of_it(notifications: Running) -> None:
    table = (await admin(notifications).get("/v1/rules")).json()["items"]
    assert [line["template"] for line in table] == [rule.template for rule in RULES]
    assert table[0] == {
        "event": PLACED, "case": None, "who": "responsible", "template": "order_placed", "critical": False,
        "channels": ["feed", "email", "push", "telegram"],
    }  # fmt: skip
    answer = await admin(notifications).get(path("rent_manager"))
    assert (answer.headers["etag"], answer.json()["version"]) == ('"0"', 0)
    assert not any(item["changed"] for item in answer.json()["items"])
    assert {item["who"] for item in answer.json()["items"]} == {
        "responsible", "assignee", "assignee_or_responsible", "inside",
    }  # fmt: skip
    changed = await put(notifications, "rent_manager", ("order_placed", ["feed"]), ("order_assigned", []))
    assert changed.headers["etag"] == '"1"'
    assert changed.json() == (await admin(notifications).get(path("rent_manager"))).json()
    lines = {item["template"]: item for item in changed.json()["items"] if item["changed"]}
    assert {name: (line["told"], line["channels"]) for name, line in lines.items()} == {
        "order_placed": (True, ["feed"]),
        "order_assigned": (False, []),
    }
    back = await put(notifications, "rent_manager", version=1)
    assert not any(item["changed"] for item in back.json()["items"])


@pytest.mark.parametrize(
    ("role", "line", "type_"),
    [
        ("customer", ("order_confirmed", []), "critical-notification"),
        ("customer", ("order_confirmed", ["feed", "push", "telegram"]), "critical-notification"),
        ("customer", ("order_placed", ["feed"]), "unknown-rule"),
        ("rent_manager", ("order_started", []), "unknown-rule"),
        ("rent_manager", ("refund_requested", []), "unknown-rule"),
        ("rent_manager", ("no_such", []), "unknown-rule"),
        ("customer", ("order_started", ["email"]), "channel-not-of-rule"),
        ("rent_manager", ("order_placed", ["sms"]), "channel-not-of-rule"),
        ("rent_manager", ("order_placed", ["pigeon"]), "invalid"),
    ],
)
async def test_what_cannot_be_had(notifications: Running, role: str, line: Line, type_: str) -> None:
    answer = await put(notifications, role, line)
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (422, type_)
    if type_ == "channel-not-of-rule":
        rule = next(rule for rule in RULES if rule.template == line[0])
        assert answer.json()["allowed"] == [channel.value for channel in rule.channels]
    unchanged = (await admin(notifications).get(path(role))).json()
    assert unchanged["version"] == 0
    assert not any(item["changed"] for item in unchanged["items"])


async def test_lines_that_contradict_themselves(notifications: Running) -> None:
    for items, type_ in (
        ([{"template": "order_placed", "told": True, "channels": []}], "no-channel-left"),
        ([{"template": "order_placed", "told": False, "channels": ["feed"]}], "no-channel-left"),
        ([{"template": "order_placed", "told": False, "channels": []}] * 2, "invalid"),
    ):
        answer = await admin(notifications).put(
            path("rent_manager"), json={"items": items}, headers={"If-Match": '"0"'}
        )
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (422, type_)


async def test_the_critical_can_be_listed_as_they_are(notifications: Running) -> None:
    everywhere = ["feed", "email", "push", "telegram"]
    assert (await put(notifications, "customer", ("order_confirmed", everywhere))).status_code == 200


async def test_only_administrators_and_only_roles_there_are(notifications: Running) -> None:
    for who, role in (("rita", "rent_manager"), ("anna", "customer"), ("fedor", "finance")):
        client = notifications.client(who, role)
        assert (await client.get("/v1/rules")).status_code == 403
        assert (await client.get(path(role))).status_code == 403
        answer = await client.put(path(role), json={"items": []}, headers={"If-Match": '"0"'})
        assert answer.status_code == 403
    assert (await notifications.client().get("/v1/rules")).status_code == 401
    assert (await admin(notifications).get(path("pirate"))).status_code == 404
    assert (await put(notifications, "pirate")).status_code == 404


async def test_of_two_who_change_it_at_once_one_is_refused(notifications: Running) -> None:
    assert (await put(notifications, "rent_manager", version=None)).status_code == 428
    answers = await asyncio.gather(
        *(
            put(notifications, "rent_manager", ("order_placed", [channel.value]))
            for channel in Channel
            if channel != "sms"
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    assert (await admin(notifications).get(path("rent_manager"))).json()["version"] == 1
    assert (await put(notifications, "rent_manager", version=0)).status_code == 412
    # The older way to set the channels of a role counts too.
    older = await admin(notifications).put("/v1/roles/rent_manager/preferences", json={"items": []})
    assert older.status_code == 200
    assert (await put(notifications, "rent_manager", version=1)).status_code == 412
    assert (await put(notifications, "rent_manager", version=2)).status_code == 200
