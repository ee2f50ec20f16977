"""Push messages to iPhones by Apple's own service, over HTTP/2.

https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns
https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns
https://developer.apple.com/documentation/usernotifications/establishing-a-token-based-connection-to-apns

A message carries the delivery's id as its collapse id: a copy sent again replaces the first one on the telephone. Its
`apns-id` is the same at every attempt for the same telephone.
"""

import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid5

import httpx2
from foyer_chassis import log
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from ..recipients.domain import Device
from ..telling.domain.deliveries import Delivery, DeviceGoneError, NotNowError, RefusedError
from ..texts.domain import Message
from .calls import retry_after
from .push import about, shown

#: Apple takes a token for an hour, and no new one within 20 minutes of the last.
RENEW_AFTER_SECONDS = 50 * 60
NO_SOONER_SECONDS = 20 * 60
TIME_TO_LIVE_SECONDS = 86_400
LONGEST_PAYLOAD = 4096
#: What is wrong with our key or its token, which a new token or a person repairs.
_OURS = frozenset({"ExpiredProviderToken", "InvalidProviderToken", "MissingProviderToken"})

_logger = log.get(__name__)


class ApnsPush:
    """An app of ours in Apple's developer account, known by a signing key of its team."""

    def __init__(
        self,
        *,
        url: str,
        key_file: Path,
        key_id: str,
        team_id: str,
        topic: str,
        timeout_seconds: float,
        connections: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url.rstrip("/")
        self._key_file, self._key_id, self._team_id = key_file, key_id, team_id
        self._topic = topic
        # Apple speaks nothing else. Streams share a connection, so few are needed.
        self._client = httpx2.AsyncClient(
            http1=False,
            http2=True,
            timeout=timeout_seconds,
            limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections),
            follow_redirects=False,
            trust_env=False,
        )
        self._token: str | None = None
        self._clock, self._made_at = clock, 0.0
        self._lock = asyncio.Lock()

    async def send(self, message: Message, *, device: Device, delivery: Delivery, critical: bool) -> None:
        headers = {
            "authorization": f"bearer {await self._access()}",
            "apns-topic": self._topic,
            "apns-push-type": "alert",
            "apns-id": str(uuid5(delivery.id, device.id.hex)),
            "apns-collapse-id": str(delivery.id),
            "apns-priority": "10" if critical else "5",
            "apns-expiration": str(int(time.time()) + TIME_TO_LIVE_SECONDS),
            "content-type": "application/json",
        }
        try:
            answer = await self._client.post(
                f"{self._url}/3/device/{device.token}", content=_payload(message, delivery), headers=headers
            )
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise NotNowError(f"apns: {type(error).__name__}") from None
        if answer.status_code == 200:
            return
        self._raise(answer, device)

    def _raise(self, answer: httpx2.Response, device: Device) -> None:
        status, (code, since) = answer.status_code, _problem(answer)
        reason = f"apns {status}" + (f" {code}" if code else "")
        if status == 410 or code == "BadDeviceToken":
            # Apple says since when: whoever registered the same telephone after that is there.
            if since is not None and device.registered_at is not None and since < device.registered_at:
                raise RefusedError(reason)
            raise DeviceGoneError(reason)
        if code in _OURS:
            self._forget()
        if status in (403, 408, 429) or status >= 500:
            raise NotNowError(reason, retry_after(answer.headers.get("retry-after", "").strip()))
        raise RefusedError(reason)

    async def _access(self) -> str:
        """A token that Apple still takes; made once, however many ask."""
        async with self._lock:
            if self._token is None or self._clock() - self._made_at > RENEW_AFTER_SECONDS:
                self._token = await asyncio.to_thread(self._sign)
                self._made_at = self._clock()
            return self._token

    def _sign(self) -> str:
        # Read with every renewal: keys are rotated by replacing the file.
        try:
            key = ECKey.import_key(self._key_file.read_text())
            return jwt.encode(
                {"alg": "ES256", "kid": self._key_id}, {"iss": self._team_id, "iat": int(time.time())}, key
            )
        except (OSError, ValueError, TypeError, JoseError) as error:
            _logger.error("push_credentials_unreadable", file=str(self._key_file), error=type(error).__name__)
            raise NotNowError("apns: key cannot be read") from None

    def _forget(self) -> None:
        """Make a new token for the next message, unless this one is so new that Apple would refuse another."""
        if self._clock() - self._made_at > NO_SOONER_SECONDS:
            self._token = None

    async def close(self) -> None:
        await self._client.aclose()


def _payload(message: Message, delivery: Delivery) -> bytes:
    """What the telephone shows; cut so that Apple takes it."""
    title, body = shown(message)
    told: dict[str, Any] = {"delivery_id": str(delivery.id), "template": delivery.template, **about(delivery)}
    thread = told.get("order_id") or told.get("conversation_id")
    while True:
        alert = {"title": title, "body": body}
        aps = {"alert": alert, "sound": "default", **({"thread-id": thread} if thread else {})}
        raw = json.dumps({"aps": aps, **told}, ensure_ascii=False).encode()
        if len(raw) <= LONGEST_PAYLOAD:
            return raw
        body = body[: len(body) * 3 // 4]


def _problem(answer: httpx2.Response) -> tuple[str | None, datetime | None]:
    """Apple's own word for what is wrong, and since when the telephone is gone, where they are told."""
    try:
        body = answer.json()
        code, milliseconds = body.get("reason"), body.get("timestamp")
        since = datetime.fromtimestamp(milliseconds / 1000, UTC) if isinstance(milliseconds, int | float) else None
    except (ValueError, TypeError, AttributeError, OverflowError):
        return None, None
    return (code if isinstance(code, str) and code.isalpha() else None), since
