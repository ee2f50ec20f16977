"""Browsers with their push service: RFC 8030 for senders, with VAPID (RFC 8292) and messages decrypted (RFC 8291).

A browser subscribes under `/sandbox/browsers`; what was sent to it is shown there as it reads it.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from typing import Annotated, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import APIRouter, Body, HTTPException, Request
from fastapi.responses import Response
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from pydantic import BaseModel

from foyer_sandbox.database import Database
from foyer_sandbox.push.switches import PushSwitches
from foyer_sandbox.switches import SwitchBoard

SCHEMA = """
CREATE TABLE IF NOT EXISTS browsers (id TEXT PRIMARY KEY, private_key TEXT NOT NULL, auth TEXT NOT NULL,
    server_key TEXT NOT NULL, gone INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS browser_messages (number INTEGER PRIMARY KEY, browser TEXT NOT NULL,
    accepted_at REAL NOT NULL, document TEXT NOT NULL);
"""
MAX_BODY_BYTES = 4_096
MAX_SIGNATURE_SECONDS = 24 * 3600
URGENCIES = {"very-low", "low", "normal", "high"}


class SubscribeIn(BaseModel):
    """What a page passes to `pushManager.subscribe`."""

    applicationServerKey: str  # noqa: N815 (the Push API's own name)


def browser_routes(database: Database, board: SwitchBoard[PushSwitches], public_url: str) -> APIRouter:
    """`/web-push/{id}` for senders, `/sandbox/browsers` for tests and people."""
    router = APIRouter()

    def browser(id_: str) -> Any:
        found = database.row("SELECT * FROM browsers WHERE id = ?", id_)
        if found is None:
            raise HTTPException(404)
        return found

    @router.post("/web-push/{id_}", tags=["Web Push"], status_code=201)
    async def send(id_: str, request: Request) -> Response:
        """Take a message for one browser: 201 with its address; 404 and 410 for one that is no longer subscribed."""
        fault = board.fault_for(request.url.path)
        if fault:
            wait = {"Retry-After": str(fault.retry_after_seconds)} if fault.retry_after_seconds is not None else {}
            raise HTTPException(fault.status, headers=wait)
        found = browser(id_)
        if found["gone"]:
            raise HTTPException(410)
        _check_vapid(request.headers.get("authorization", ""), found["server_key"], public_url, time.time())
        headers = request.headers
        if not headers.get("ttl", "").isdigit():
            raise HTTPException(400, "TTL is required (RFC 8030, 5.2)")
        topic, urgency = headers.get("topic"), headers.get("urgency", "normal")
        if urgency not in URGENCIES or (topic is not None and not 0 < len(topic) <= 32):
            raise HTTPException(400, "Urgency or Topic is not as RFC 8030 says")
        if headers.get("content-encoding") != "aes128gcm":
            raise HTTPException(415)
        body = await request.body()
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(413)
        try:
            text = decrypted(body, found["private_key"], found["auth"]).decode()
        except (InvalidTag, ValueError):
            # A real one could not tell; its browser would drop the message.
            raise HTTPException(400, "the browser cannot decrypt it") from None
        document = {"ttl": int(headers["ttl"]), "urgency": urgency, "topic": topic, "text": text}
        cursor = database.execute(
            "INSERT INTO browser_messages (browser, accepted_at, document) VALUES (?, ?, ?)",
            id_,
            time.time(),
            json.dumps(document, ensure_ascii=False),
        )
        return Response(status_code=201, headers={"Location": f"{public_url}/message/{cursor.lastrowid}"})

    @router.post("/sandbox/browsers", tags=["sandbox"], status_code=201)
    async def subscribe(body: Annotated[SubscribeIn, Body()]) -> dict[str, Any]:
        """Somebody allows push messages; answers `PushSubscription.toJSON()`."""
        id_, auth = secrets.token_urlsafe(24), _encode(secrets.token_bytes(16))
        private = ec.generate_private_key(ec.SECP256R1())
        raw = _encode(private.private_numbers().private_value.to_bytes(32))
        database.execute(
            "INSERT INTO browsers (id, private_key, auth, server_key) VALUES (?, ?, ?, ?)",
            id_,
            raw,
            auth,
            body.applicationServerKey,
        )
        keys = {"p256dh": _encode(_point(private.public_key())), "auth": auth}
        return {"endpoint": f"{public_url}/web-push/{id_}", "expirationTime": None, "keys": keys}

    @router.delete("/sandbox/browsers/{id_}", tags=["sandbox"], status_code=204)
    async def leave(id_: str) -> None:
        """Push messages are no longer allowed: senders get 410."""
        database.execute("UPDATE browsers SET gone = 1 WHERE id = ?", browser(id_)["id"])

    @router.get("/sandbox/browsers/messages", tags=["sandbox"])
    async def messages() -> list[dict[str, Any]]:
        """What browsers were sent, newest first, decrypted: `text` is what their service worker gets."""
        rows = database.rows("SELECT * FROM browser_messages ORDER BY number DESC LIMIT 1000")
        return [
            {"browser": row["browser"], "accepted_at": row["accepted_at"], **json.loads(row["document"])}
            for row in rows
        ]

    return router


def decrypted(body: bytes, private_key: str, auth: str) -> bytes:
    """The content of a message of one record. Raises InvalidTag or ValueError for what this browser cannot read."""
    salt, size, length = body[:16], int.from_bytes(body[16:20]), body[20] if len(body) > 20 else 0
    sender_point, record = body[21 : 21 + length], body[21 + length :]
    if size < 18 or len(record) > size:
        raise ValueError("not one record")
    private = ec.derive_private_key(int.from_bytes(_decode(private_key)), ec.SECP256R1())
    sender = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender_point)
    info = b"WebPush: info\0" + _point(private.public_key()) + sender_point
    ikm = _hkdf(_decode(auth), private.exchange(ec.ECDH(), sender), info, 32)
    key = _hkdf(salt, ikm, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _hkdf(salt, ikm, b"Content-Encoding: nonce\0", 12)
    padded = AESGCM(key).decrypt(nonce, record, None).rstrip(b"\0")
    if not padded.endswith(b"\2"):
        raise ValueError("no delimiter of the last record")
    return padded[:-1]


def _check_vapid(header: str, server_key: str, public_url: str, now: float) -> None:
    """401 without a signature that holds, 403 for one by another key than the browser subscribed with."""
    scheme, _, rest = header.partition(" ")
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    if scheme.lower() != "vapid" or not {"t", "k"} <= set(parts):
        raise HTTPException(401, headers={"WWW-Authenticate": "vapid"})
    if parts["k"] != server_key:
        raise HTTPException(403)
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _decode(parts["k"]))
        claims = jwt.decode(parts["t"], ECKey.import_key(key), algorithms=["ES256"]).claims
        right = claims["aud"] == public_url and now < claims["exp"] <= now + MAX_SIGNATURE_SECONDS
    except (JoseError, ValueError, KeyError, TypeError):
        right = False
    if not right:
        raise HTTPException(401, headers={"WWW-Authenticate": "vapid"})


def _hkdf(salt: bytes, material: bytes, info: bytes, length: int) -> bytes:
    extracted = hmac.digest(salt, material, hashlib.sha256)
    return hmac.digest(extracted, info + b"\1", hashlib.sha256)[:length]


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
