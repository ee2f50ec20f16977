"""The push gateway, against the running process, with the credentials file that it writes."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from foyer_sandbox.testing import SandboxProcess, Starter
from joserfc import jwt
from joserfc.jwk import RSAKey

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
DEVICE = "device-token-of-anna:APA91"


@pytest.fixture(scope="module")
def push(sandbox: Starter) -> SandboxProcess:
    return sandbox("push")


@pytest.fixture
async def http(push: SandboxProcess) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=push.url, trust_env=False) as client:
        await client.delete("/sandbox/switches")
        await client.delete("/sandbox/messages")
        yield client


def account(push: SandboxProcess) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((push.folder / "service-account.json").read_text())
    return found


def assertion(push: SandboxProcess, key: str | None = None, **changed: Any) -> str:
    file = account(push)
    now = int(time.time())
    claims = {"iss": file["client_email"], "scope": SCOPE, "aud": file["token_uri"], "iat": now, "exp": now + 3600}
    header = {"alg": "RS256", "typ": "JWT", "kid": file["private_key_id"]}
    return jwt.encode(header, claims | changed, RSAKey.import_key(key or file["private_key"]))


async def ask_token(http: httpx2.AsyncClient, signed: str, grant: str = GRANT) -> httpx2.Response:
    return await http.post("/token", data={"grant_type": grant, "assertion": signed})


@pytest.fixture
async def bearer(http: httpx2.AsyncClient, push: SandboxProcess) -> dict[str, str]:
    answer = (await ask_token(http, assertion(push))).json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3599)
    return {"Authorization": f"Bearer {answer['access_token']}"}


async def send(
    http: httpx2.AsyncClient, bearer: dict[str, str], project: str = "foyer-sandbox", **message: Any
) -> httpx2.Response:
    body = {"message": {"token": DEVICE} | message}
    return await http.post(f"/v1/projects/{project}/messages:send", json=body, headers=bearer)


def code_of(answer: httpx2.Response) -> tuple[int, str, str | None]:
    error = answer.json()["error"]
    assert error["code"] == answer.status_code
    codes = [item["errorCode"] for item in error.get("details", []) if item["@type"].endswith("FcmError")]
    return answer.status_code, error["status"], codes[0] if codes else None


async def test_message_is_taken_and_shown(http: httpx2.AsyncClient, bearer: dict[str, str]) -> None:
    notification = {"title": "Оплачено", "body": "Заказ <7> подтверждён"}
    data = {"order": "7", "event": "payments.payment.succeeded.v1"}
    answer = await send(http, bearer, notification=notification, data=data, android={"ttl": "3600s"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["name"].startswith("projects/foyer-sandbox/messages/0:")
    (kept,) = (await http.get("/sandbox/messages", params={"token": DEVICE})).json()
    assert kept["name"] == answer.json()["name"]
    assert kept["message"]["notification"] == notification
    assert (await http.get("/sandbox/messages", params={"token": "other"})).json() == []
    shown = (await http.get("/sandbox")).text
    assert "Заказ &lt;7&gt; подтверждён" in shown


async def test_validate_only_sends_nothing(http: httpx2.AsyncClient, bearer: dict[str, str]) -> None:
    body = {"validate_only": True, "message": {"token": DEVICE}}
    answer = await http.post("/v1/projects/foyer-sandbox/messages:send", json=body, headers=bearer)
    assert answer.json() == {"name": "projects/foyer-sandbox/messages/fake_message_id"}
    assert (await http.get("/sandbox/messages")).json() == []


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"aud": "https://oauth2.googleapis.com/token"}, "invalid_grant"),
        ({"iss": "stranger@example.test"}, "invalid_grant"),
        ({"scope": "https://www.googleapis.com/auth/drive"}, "invalid_scope"),
        ({"exp": 1_000_000}, "invalid_grant"),
        ({"iat": int(time.time()) - 7200, "exp": int(time.time()) + 60}, "invalid_grant"),
        ({"iat": None}, "invalid_grant"),
    ],
)
async def test_wrong_assertion(
    http: httpx2.AsyncClient, push: SandboxProcess, changed: dict[str, Any], error: str
) -> None:
    answer = await ask_token(http, assertion(push, **changed))
    assert (answer.status_code, answer.json()["error"]) == (400, error)


async def test_assertion_of_another_key_or_algorithm(http: httpx2.AsyncClient, push: SandboxProcess) -> None:
    other = RSAKey.generate_key(2048).as_pem(private=True).decode()
    assert (await ask_token(http, assertion(push, key=other))).json()["error"] == "invalid_grant"
    unsigned = "eyJhbGciOiJub25lIn0." + assertion(push).split(".")[1] + "."
    assert (await ask_token(http, unsigned)).json()["error"] == "invalid_grant"
    assert (await ask_token(http, "junk")).json()["error"] == "invalid_grant"
    assert (await ask_token(http, assertion(push), "password")).json()["error"] == "unsupported_grant_type"


async def test_token_and_project_are_checked(http: httpx2.AsyncClient, bearer: dict[str, str]) -> None:
    for wrong in ({}, {"Authorization": "Bearer ya29.guess"}, {"Authorization": "Basic eDp5"}):
        answer = await send(http, wrong)
        assert code_of(answer) == (401, "UNAUTHENTICATED", None)
        assert "www-authenticate" in answer.headers
    assert code_of(await send(http, bearer, project="other"))[:2] == (403, "PERMISSION_DENIED")
    await http.post("/sandbox/revoke-tokens")
    assert (await send(http, bearer)).status_code == 401


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"token": ""}, "message"),
        ({"token": "has space"}, "message.token"),
        ({"topic": "news"}, "message.topic"),
        ({"data": {"order": 7}}, "message.data[0].value"),
        ({"data": {"from": "x"}}, "message.data[0].key"),
        ({"data": ["x"]}, "message.data"),
        ({"notification": {"title": 7}}, "message.notification.title"),
        ({"notification": {"subtitle": "x"}}, "message.notification"),
        ({"notification": "x"}, "message.notification"),
        ({"priority": "high"}, "message"),
        ({"android": {"priority": "urgent"}}, "message.android.priority"),
        ({"android": {"ttl": 3600}}, "message.android.ttl"),
        ({"android": {"ttl": "2419201s"}}, "message.android.ttl"),
        ({"data": {"text": "я" * 2100}}, "message"),
    ],
)
async def test_bad_message(
    http: httpx2.AsyncClient, bearer: dict[str, str], message: dict[str, Any], field: str
) -> None:
    answer = await send(http, bearer, **message)
    assert code_of(answer) == (400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"), answer.text
    violations = answer.json()["error"]["details"][1]["fieldViolations"]
    assert violations[0]["field"] == field


async def test_body_that_is_no_message(http: httpx2.AsyncClient, bearer: dict[str, str]) -> None:
    for junk in (b"", b"{", b"[]", b"{}", b'{"message": 1}'):
        answer = await http.post("/v1/projects/foyer-sandbox/messages:send", content=junk, headers=bearer)
        assert code_of(answer)[1] == "INVALID_ARGUMENT"


async def test_unregistered_device(http: httpx2.AsyncClient, bearer: dict[str, str]) -> None:
    await http.put("/sandbox/switches", json={"unregistered": [DEVICE]})
    assert code_of(await send(http, bearer)) == (404, "NOT_FOUND", "UNREGISTERED")
    assert (await send(http, bearer, token="another-device")).status_code == 200


async def test_failures(http: httpx2.AsyncClient, bearer: dict[str, str], push: SandboxProcess) -> None:
    for status, name, code in (
        (429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"),
        (503, "UNAVAILABLE", "UNAVAILABLE"),
        (500, "INTERNAL", "INTERNAL"),
        (502, "UNKNOWN", "UNSPECIFIED_ERROR"),
    ):
        fault = {"path_prefix": "/v1/", "status": status, "count": 1}
        await http.put("/sandbox/switches", json={"fail_next": [fault]})
        answer = await send(http, bearer)
        assert code_of(answer) == (status, name, code)
        assert ("retry-after" in answer.headers) == (status in {429, 503})
        assert (await send(http, bearer)).status_code == 200
    await http.put("/sandbox/switches", json={"fail_next": [{"path_prefix": "/token", "status": 500}]})
    assert (await ask_token(http, assertion(push))).status_code == 500


async def test_kill_loses_nothing(http: httpx2.AsyncClient, bearer: dict[str, str], push: SandboxProcess) -> None:
    name = (await send(http, bearer)).json()["name"]
    before = account(push)
    push.kill_and_start()
    assert account(push) == before
    async with httpx2.AsyncClient(base_url=push.url, trust_env=False) as fresh:
        assert [item["name"] for item in (await fresh.get("/sandbox/messages")).json()] == [name]
        assert (await send(fresh, bearer)).status_code == 200
