"""What the stand-ins for push services of browsers, text messages and the bot refuse (the senders test the rest)."""

import base64
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from foyer_sandbox.testing import SandboxProcess, Starter
from joserfc import jwt
from joserfc.jwk import ECKey

KEY, OTHER = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
GOOD = {"ttl": "60", "content-encoding": "aes128gcm"}


@pytest.fixture(scope="module")
def push(sandbox: Starter) -> SandboxProcess:
    return sandbox("push", FOYER_SMSC_API_KEY="key", FOYER_TELEGRAM_BOT_TOKEN="1:token")


@pytest.fixture
async def http(push: SandboxProcess) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=push.url, trust_env=False) as client:
        yield client


def public(key: ec.EllipticCurvePrivateKey) -> str:
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).rstrip(b"=").decode()


def vapid(aud: str, *, key: ec.EllipticCurvePrivateKey = KEY, seconds: int = 3600, shown: str = "") -> str:
    claims = {"aud": aud, "exp": int(time.time()) + seconds, "sub": "mailto:x@example.test"}
    return f"vapid t={jwt.encode({'alg': 'ES256'}, claims, ECKey.import_key(key))}, k={shown or public(key)}"


async def test_push_service_refuses_what_a_real_one_would(http: httpx2.AsyncClient, push: SandboxProcess) -> None:
    subscription = (await http.post("/sandbox/browsers", json={"applicationServerKey": public(KEY)})).json()
    good = {**GOOD, "authorization": vapid(push.url)}
    for headers, body, status in (
        (GOOD, b"x", 401),
        ({**GOOD, "authorization": vapid(push.url, key=OTHER)}, b"x", 403),
        ({**GOOD, "authorization": vapid(push.url, key=OTHER, shown=public(KEY))}, b"x", 401),
        ({**GOOD, "authorization": vapid("https://elsewhere.test")}, b"x", 401),
        ({**GOOD, "authorization": vapid(push.url, seconds=-1)}, b"x", 401),
        ({**GOOD, "authorization": vapid(push.url, seconds=2 * 86_400)}, b"x", 401),
        ({name: value for name, value in good.items() if name != "ttl"}, b"x", 400),
        ({**good, "urgency": "now"}, b"x", 400),
        ({**good, "topic": "x" * 33}, b"x", 400),
        ({**good, "content-encoding": "aesgcm"}, b"x", 415),
        (good, b"x" * 4097, 413),
        (good, b"x" * 200, 400),
        (good, b"", 400),
    ):
        answer = await http.post(subscription["endpoint"], headers=headers, content=body)
        assert answer.status_code == status, (headers, answer.text)
    assert (await http.post("/web-push/unknown", headers=good, content=b"x")).status_code == 404
    assert (await http.get("/sandbox/browsers/messages")).json() == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"apikey": "guess"}, 2),
        ({"apikey": ""}, 2),
        ({"fmt": "1"}, 1),
        ({"mes": ""}, 1),
        ({"phones": "anna"}, 7),
        ({"mes": "я" * 71, "maxsms": "1"}, 1),
    ],
)
async def test_text_messages_that_are_refused(http: httpx2.AsyncClient, changed: dict[str, Any], code: int) -> None:
    form = {"apikey": "key", "phones": "+79000000001", "mes": "x", "id": "1", "fmt": "3", "charset": "utf-8"}
    answer = await http.post("/sys/send.php", data={**form, **changed})
    assert (answer.status_code, answer.json()["error_code"]) == (200, code)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/bot1:guess/sendMessage", {"chat_id": 1, "text": "x"}, 401),
        ("/bot1:token/sendMessage", {"chat_id": "x", "text": "x"}, 400),
        ("/bot1:token/sendMessage", {"chat_id": 1, "text": " "}, 400),
        ("/bot1:token/sendMessage", {"chat_id": 1, "text": "x" * 4097}, 400),
        ("/bot1:token/noSuchMethod", {}, 404),
    ],
)
async def test_calls_of_the_bot_that_are_refused(
    http: httpx2.AsyncClient, path: str, body: dict[str, Any], status: int
) -> None:
    answer = await http.post(path, json=body)
    assert (answer.status_code, answer.json()["ok"], answer.json()["error_code"]) == (status, False, status)
