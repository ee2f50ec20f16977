"""What the stand-in for Apple's service refuses, and that it speaks HTTP/2 only (the sender's own tests do the rest)."""

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest
from foyer_sandbox.testing import SandboxProcess, Starter, free_port
from joserfc import jwt
from joserfc.jwk import ECKey

PORT = free_port()
DEVICE = f"/3/device/{'ab' * 32}"
GOOD = {"aps": {"alert": {"title": "Hello", "body": "there"}}}


@pytest.fixture(scope="module")
def push(sandbox: Starter) -> SandboxProcess:
    return sandbox("push", FOYER_SANDBOX_APNS_PORT=str(PORT))


@pytest.fixture
async def apple(push: SandboxProcess) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(
        base_url=f"http://127.0.0.1:{PORT}", http1=False, http2=True, trust_env=False
    ) as client:
        yield client


@pytest.fixture
def headers(push: SandboxProcess) -> Callable[..., dict[str, str]]:
    key = ECKey.import_key((push.folder / "apns-key.p8").read_text())

    def made(*, kid: str = "SANDBOXKEY", team: str = "SANDBOXTEA", age: int = 0, **more: str) -> dict[str, str]:
        token = jwt.encode({"alg": "ES256", "kid": kid}, {"iss": team, "iat": int(time.time()) - age}, key)
        usual = {"authorization": f"bearer {token}", "apns-topic": "dev.foyer.app", "apns-push-type": "alert"}
        return {name: value for name, value in {**usual, **more}.items() if value}

    return made


async def test_message_is_taken(apple: httpx2.AsyncClient, push: SandboxProcess, headers: Any) -> None:
    id_ = "7b6d2a7e-1f30-4b6e-8a0e-2f0f1b9e5c11"
    answer = await apple.post(DEVICE, json=GOOD, headers=headers(**{"apns-id": id_, "apns-collapse-id": "x"}))
    assert (answer.status_code, answer.http_version, answer.text) == (200, "HTTP/2", "")
    assert answer.headers["apns-id"] == id_
    taken = httpx2.get(f"{push.url}/sandbox/messages", params={"token": "ab" * 32}, trust_env=False).json()
    assert taken[0]["message"]["apns"]["headers"]["apns-collapse-id"] == "x"
    assert taken[0]["message"]["apns"]["payload"] == GOOD


@pytest.mark.parametrize(
    ("given", "status", "reason"),
    [
        ({"authorization": ""}, 403, "MissingProviderToken"),
        ({"authorization": "bearer x.y.z"}, 403, "InvalidProviderToken"),
        ({"kid": "ANOTHERKEY"}, 403, "InvalidProviderToken"),
        ({"team": "ANOTHERTEA"}, 403, "InvalidProviderToken"),
        ({"age": 3601}, 403, "ExpiredProviderToken"),
        ({"age": -120}, 403, "ExpiredProviderToken"),
        ({"apns-topic": ""}, 400, "MissingTopic"),
        ({"apns-topic": "com.example"}, 400, "DeviceTokenNotForTopic"),
        ({"apns-push-type": ""}, 400, "InvalidPushType"),
        ({"apns-id": "7"}, 400, "BadMessageId"),
        ({"apns-collapse-id": "x" * 65}, 400, "BadCollapseId"),
        ({"apns-priority": "7"}, 400, "BadPriority"),
        ({"apns-expiration": "soon"}, 400, "BadExpirationDate"),
    ],
)
async def test_what_is_refused(
    apple: httpx2.AsyncClient, headers: Any, given: dict[str, Any], status: int, reason: str
) -> None:
    answer = await apple.post(DEVICE, json=GOOD, headers=headers(**given))
    assert (answer.status_code, answer.json()) == (status, {"reason": reason})


async def test_bodies_and_tokens_that_are_none(apple: httpx2.AsyncClient, headers: Any) -> None:
    for path, body, expected in (
        ("/3/device/xyz", GOOD, (400, "BadDeviceToken")),
        (DEVICE, {}, (400, "PayloadEmpty")),
        (DEVICE, {**GOOD, "x": "y" * 4096}, (413, "PayloadTooLarge")),
    ):
        answer = await apple.post(path, json=body, headers=headers())
        assert (answer.status_code, answer.json()["reason"]) == expected


async def test_device_that_is_gone(apple: httpx2.AsyncClient, push: SandboxProcess, headers: Any) -> None:
    switches = {"unregistered": ["ab" * 32], "unregistered_seconds_ago": 60}
    httpx2.put(f"{push.url}/sandbox/switches", json=switches, trust_env=False)
    answer = await apple.post(DEVICE, json=GOOD, headers=headers())
    httpx2.delete(f"{push.url}/sandbox/switches", trust_env=False)
    assert (answer.status_code, answer.json()["reason"]) == (410, "Unregistered")
    assert time.time() - answer.json()["timestamp"] / 1000 == pytest.approx(60, abs=5)


async def test_only_http_2(push: SandboxProcess, apple: httpx2.AsyncClient) -> None:
    async with httpx2.AsyncClient(trust_env=False) as old:
        assert (await old.post(f"http://127.0.0.1:{PORT}{DEVICE}", json=GOOD)).status_code == 505
