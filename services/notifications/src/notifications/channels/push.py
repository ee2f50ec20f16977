"""Push messages by Firebase Cloud Messaging's HTTP v1 API.

https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send
https://developers.google.com/identity/protocols/oauth2/service-account (the access token, RFC 7523)

A message carries the delivery's id as its tag: a copy sent again replaces the first one on the device.
"""

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from foyer_chassis import log
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from ..recipients.domain import Device
from ..telling.domain.deliveries import Delivery, DeviceGoneError, NotNowError, RefusedError
from ..texts.domain import Message
from .calls import retry_after

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_SECONDS = 3600
#: An access token is renewed this long before it ends.
RENEW_BEFORE_SECONDS = 120
#: The API takes 4,096 bytes in all; Cyrillic has two bytes a letter.
LONGEST_TITLE, LONGEST_BODY = 200, 1000
TIME_TO_LIVE = "86400s"

_logger = log.get(__name__)


@dataclass(frozen=True)
class _Account:
    project_id: str
    client_email: str
    token_uri: str
    key: RSAKey
    key_id: str | None


class FcmPush:
    """A Firebase project that we send for, as the service account in a credentials file."""

    def __init__(self, *, url: str, credentials_file: Path, timeout_seconds: float, connections: int) -> None:
        self._url = url.rstrip("/")
        self._credentials_file = credentials_file
        self._client = httpx2.AsyncClient(
            timeout=timeout_seconds,
            limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections),
            follow_redirects=False,
            trust_env=False,
        )
        self._account: _Account | None = None
        self._token: str | None = None
        self._token_ends = 0.0
        self._lock = asyncio.Lock()

    async def send(self, message: Message, *, device: Device, delivery: Delivery, critical: bool) -> None:
        try:
            answer = await self._post(message, device.token, delivery, critical)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise NotNowError(f"fcm: {type(error).__name__}") from None
        if answer.status_code == 200:
            return
        code, field = _error(answer)
        reason = f"fcm {answer.status_code}" + (f" {code}" if code else "")
        if code == "UNREGISTERED" or (answer.status_code == 400 and field == "message.token"):
            raise DeviceGoneError(code or reason)
        if answer.status_code in (401, 403, 408, 429) or answer.status_code >= 500:
            # 403 without a device's own error: our account or project is not allowed, and a person repairs that.
            if code == "SENDER_ID_MISMATCH":
                raise RefusedError(code)
            raise NotNowError(reason, retry_after(answer.headers.get("retry-after", "").strip()))
        raise RefusedError(reason)

    async def _post(self, message: Message, token: str, delivery: Delivery, critical: bool) -> httpx2.Response:
        for last in (False, True):
            account, access_token = await self._access()
            answer = await self._client.post(
                f"{self._url}/v1/projects/{account.project_id}/messages:send",
                json=_body(message, token, delivery, critical),
                headers={"Authorization": f"Bearer {access_token}"},
            )
            if answer.status_code != 401 or last:
                return answer
            # Revoked before its time: one renewal, then it is an error like any other.
            self._forget(access_token)
        raise AssertionError("not reached")

    async def _access(self) -> tuple[_Account, str]:
        """The account and an access token that still lives a while; one request however many ask."""
        async with self._lock:
            if self._account is None or self._token is None or time.monotonic() > self._token_ends:
                self._account = await asyncio.to_thread(self._read_account)
                await self._renew(self._account)
            assert self._token is not None
            return self._account, self._token

    async def _renew(self, account: _Account) -> None:
        now = int(time.time())
        claims = {
            "iss": account.client_email,
            "scope": SCOPE,
            "aud": account.token_uri,
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
        }
        header = {"alg": "RS256", "typ": "JWT", **({"kid": account.key_id} if account.key_id else {})}
        assertion = jwt.encode(header, claims, account.key)
        answer = await self._client.post(account.token_uri, data={"grant_type": GRANT, "assertion": assertion})
        if answer.status_code != 200:
            raise NotNowError(
                f"fcm token: {answer.status_code}", retry_after(answer.headers.get("retry-after", "").strip())
            )
        try:
            body = answer.json()
            self._token = str(body["access_token"])
            self._token_ends = time.monotonic() + float(body["expires_in"]) - RENEW_BEFORE_SECONDS
        except (ValueError, KeyError, TypeError):
            self._token = None
            raise NotNowError("fcm token: unreadable answer") from None

    def _forget(self, access_token: str) -> None:
        if self._token == access_token:
            self._token = None

    def _read_account(self) -> _Account:
        # Read with every renewal: keys are rotated by replacing the file.
        try:
            raw = json.loads(self._credentials_file.read_text())
            return _Account(
                project_id=raw["project_id"],
                client_email=raw["client_email"],
                token_uri=raw["token_uri"],
                key=RSAKey.import_key(raw["private_key"]),
                key_id=raw.get("private_key_id"),
            )
        except (OSError, ValueError, KeyError, TypeError, JoseError) as error:
            _logger.error("push_credentials_unreadable", file=str(self._credentials_file), error=type(error).__name__)
            raise NotNowError("fcm: credentials cannot be read") from None

    async def close(self) -> None:
        await self._client.aclose()


def _body(message: Message, token: str, delivery: Delivery, critical: bool) -> dict[str, Any]:
    tag = str(delivery.id)
    title, body = shown(message)
    return {
        "message": {
            "token": token,
            "notification": {"title": title, "body": body},
            "data": {"delivery_id": tag, "template": delivery.template, **about(delivery)},
            "android": {
                "priority": "HIGH" if critical else "NORMAL",
                "ttl": TIME_TO_LIVE,
                "collapse_key": tag,
                "notification": {"tag": tag},
            },
            "apns": {"headers": {"apns-collapse-id": tag, "apns-priority": "10" if critical else "5"}},
            "webpush": {"notification": {"tag": tag}},
        }
    }


def about(delivery: Delivery) -> dict[str, str]:
    """What the app opens when the message is tapped."""
    about = {"order_id": str(delivery.order_id)} if delivery.order_id is not None else {}
    for name in ("conversation_id", "draft_id", "invoice_id"):
        if delivery.facts.get(name):
            about[name] = str(delivery.facts[name])
    return about


def shown(message: Message) -> tuple[str, str]:
    """Title and body as a push message shows them."""
    return _short(message.title, LONGEST_TITLE), _short(message.short, LONGEST_BODY)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _error(answer: httpx2.Response) -> tuple[str | None, str | None]:
    """FCM's own error code, and the field that is to blame, where they are told."""
    code = field = None
    try:
        for detail in answer.json()["error"].get("details", []):
            code = code or detail.get("errorCode")
            for violation in detail.get("fieldViolations", []):
                field = field or violation.get("field")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None, None
    return (code if isinstance(code, str) and code.replace("_", "").isalpha() else None), field
