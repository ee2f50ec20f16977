"""Push messages to browsers: Web Push (RFC 8030), encrypted for one browser (RFC 8291), signed by VAPID (RFC 8292).

The endpoint was entered by somebody's browser and may be any address, so it is called as such (see `calls`). A message
carries the delivery's id as its topic: a copy sent again replaces the first one while that waits for the browser.
"""

import base64
import hmac
import json
import os
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey

from ..recipients.domain import Device
from ..settings import Settings
from ..telling.domain.deliveries import Delivery, DeviceGoneError, NotNowError, RefusedError
from ..texts.domain import Message
from .calls import PrivateAddressError, PublicCalls
from .push import about, shown

TIME_TO_LIVE_SECONDS = 86_400
#: RFC 8292 allows a day; half of one bears clocks that are wrong.
SIGNATURE_SECONDS = 12 * 3600
#: What every push service must take (RFC 8030, 7.2); less the header, the padding delimiter and the tag of RFC 8188.
LONGEST_BODY, OVERHEAD = 4096, 16 + 4 + 1 + 65 + 1 + 16
_RECORD_SIZE = 4096


@dataclass(frozen=True)
class Vapid:
    """Who we are for push services: a key on P-256, and where they can reach us (`mailto:` or `https:`)."""

    key: ec.EllipticCurvePrivateKey
    subject: str

    @classmethod
    def of(cls, private_key: str, subject: str) -> "Vapid":
        """From the 32 bytes of the private key in base64url. Raises ValueError."""
        raw = _decode(private_key)
        if len(raw) != 32:
            raise ValueError("the VAPID private key is 32 bytes in base64url")
        return cls(ec.derive_private_key(int.from_bytes(raw), ec.SECP256R1()), subject)

    @classmethod
    def of_settings(cls, settings: Settings) -> "Vapid | None":
        """None where Web Push is not set up."""
        private_key = settings.vapid_private_key.get_secret_value()
        return cls.of(private_key, settings.vapid_subject) if private_key else None

    @property
    def public_key(self) -> str:
        """What browsers subscribe with: `applicationServerKey`."""
        return _encode(_point(self.key.public_key()))

    def authorization(self, endpoint: str, now: float) -> str:
        """The header for one push service, for `SIGNATURE_SECONDS`."""
        parts = urlsplit(endpoint)
        claims = {
            "aud": f"{parts.scheme}://{parts.netloc}",
            "exp": int(now) + SIGNATURE_SECONDS,
            "sub": self.subject,
        }
        key = ECKey.import_key(self.key)
        return f"vapid t={jwt.encode({'alg': 'ES256', 'typ': 'JWT'}, claims, key)}, k={self.public_key}"


class WebPush:
    """Sends to whatever push service a browser named."""

    def __init__(
        self, *, vapid: Vapid, timeout_seconds: float, connections: int, to_private_networks: bool = False
    ) -> None:
        self._vapid = vapid
        self._calls = PublicCalls(
            timeout_seconds=timeout_seconds, connections=connections, to_private_networks=to_private_networks
        )

    async def send(self, message: Message, *, device: Device, delivery: Delivery, critical: bool) -> None:
        try:
            body = encrypted(_payload(message, delivery), p256dh=device.p256dh, auth=device.auth)
        except ValueError:
            raise DeviceGoneError("webpush: not a key") from None
        headers = {
            "content-type": "application/octet-stream",
            "content-encoding": "aes128gcm",
            "ttl": str(TIME_TO_LIVE_SECONDS),
            "urgency": "high" if critical else "normal",
            "topic": _encode(delivery.id.bytes),
            "authorization": self._vapid.authorization(device.token, time.time()),
        }
        try:
            status, asked = await self._calls.post(device.token, body, headers)
        except PrivateAddressError:
            raise RefusedError("webpush: private_address") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise NotNowError(f"webpush: {type(error).__name__}") from None
        if 200 <= status < 300:
            return
        if status in (404, 410):
            raise DeviceGoneError(f"webpush {status}")
        # 401 and 403: our own key is not the one that the browser subscribed with, and a person repairs that.
        if status in (401, 403, 408, 429) or status >= 500:
            raise NotNowError(f"webpush {status}", asked)
        raise RefusedError(f"webpush {status}")

    async def close(self) -> None:
        await self._calls.close()


def encrypted(
    plain: bytes,
    *,
    p256dh: str,
    auth: str,
    key: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """One record of aes128gcm that only the browser with these keys can read (RFC 8291, 3.4, and RFC 8188).

    Args:
        p256dh, auth: of the subscription, base64url.
        key, salt: fresh ones for every message; given only to compare with the RFC's example.

    Raises:
        ValueError: the subscription's keys are none.
    """
    browser_point, secret = _decode(p256dh), _decode(auth)
    browser = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), browser_point)
    key = key or ec.generate_private_key(ec.SECP256R1())
    salt = salt or os.urandom(16)
    own_point = _point(key.public_key())
    shared = _hmac(secret, key.exchange(ec.ECDH(), browser))
    material = _hmac(salt, _hmac(shared, b"WebPush: info\x00" + browser_point + own_point + b"\x01"))
    content_key = _hmac(material, b"Content-Encoding: aes128gcm\x00\x01")[:16]
    nonce = _hmac(material, b"Content-Encoding: nonce\x00\x01")[:12]
    head = salt + _RECORD_SIZE.to_bytes(4) + bytes([len(own_point)]) + own_point
    return head + AESGCM(content_key).encrypt(nonce, plain + b"\x02", None)


def _payload(message: Message, delivery: Delivery) -> bytes:
    """What the service worker of the web app shows; cut so that every push service takes it."""
    title, body = shown(message)
    told = {"tag": str(delivery.id), "data": {"template": delivery.template, **about(delivery)}, "title": title}
    while True:
        raw = json.dumps({**told, "body": body}, ensure_ascii=False).encode()
        if len(raw) <= LONGEST_BODY - OVERHEAD:
            return raw
        body = body[: len(body) * 3 // 4]


def _hmac(key: bytes, content: bytes) -> bytes:
    return hmac.digest(key, content, "sha256")


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
