"""Apple's push service: HTTP/2 on a port of its own, without TLS (prior knowledge, RFC 9113, 3.3).

https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns
https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns

Messages are shown among the others; what came in headers and body is under `apns`.
"""

import asyncio
import json
import re
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from hypercorn.asyncio import serve
from hypercorn.config import Config
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from foyer_sandbox.push.store import Store
from foyer_sandbox.push.switches import PushSwitches
from foyer_sandbox.switches import SwitchBoard

FILE_NAME = "apns-key.p8"
KEY_ID, TEAM_ID, TOPIC = "SANDBOXKEY", "SANDBOXTEA", "dev.foyer.app"
TOKEN_SECONDS = 3_600
CLOCK_SKEW_SECONDS = 60
MAX_PAYLOAD_BYTES, MAX_COLLAPSE_ID_BYTES = 4_096, 64
PUSH_TYPES = {"alert", "background", "location", "voip", "complication", "fileprovider", "mdm", "liveactivity"}
REASONS = {
    400: "BadTopic",
    403: "InvalidProviderToken",
    404: "BadPath",
    410: "Unregistered",
    413: "PayloadTooLarge",
    429: "TooManyRequests",
    500: "InternalServerError",
    503: "ServiceUnavailable",
}
_TOKEN = re.compile(r"[0-9a-fA-F]{64,200}")


class ApnsError(Exception):
    """A refusal as Apple answers it; `gone_at` (Unix seconds) with 410 only."""

    def __init__(self, status: int, reason: str, gone_at: float | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.gone_at = gone_at


class TeamKey:
    """The team's signing key, made at the first start; senders sign with it, Apple knows the other half."""

    def __init__(self, folder: Path) -> None:
        path = folder / FILE_NAME
        if not path.exists():
            partial = path.with_suffix(".partial")
            partial.write_bytes(ECKey.generate_key("P-256").as_pem(private=True))
            partial.replace(path)
        self._key = ECKey.import_key(path.read_text())

    def check(self, authorization: str, now: float) -> None:
        """ApnsError unless it is a provider token that we take."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise ApnsError(403, "MissingProviderToken")
        try:
            found = jwt.decode(token, self._key, algorithms=["ES256"])
        except (JoseError, ValueError):
            raise ApnsError(403, "InvalidProviderToken") from None
        issued = found.claims.get("iat")
        known = found.header.get("kid") == KEY_ID and found.claims.get("iss") == TEAM_ID
        if not known or not isinstance(issued, int | float):
            raise ApnsError(403, "InvalidProviderToken")
        if not now - TOKEN_SECONDS < issued <= now + CLOCK_SKEW_SECONDS:
            raise ApnsError(403, "ExpiredProviderToken")


def apns_app(store: Store, board: SwitchBoard[PushSwitches], key: TeamKey) -> FastAPI:
    """`POST /3/device/{token}`, nothing else."""
    app = FastAPI(title="Foyer sandbox: APNs", openapi_url=None)

    @app.exception_handler(ApnsError)
    async def refuse(request: Request, error: ApnsError) -> JSONResponse:
        body: dict[str, Any] = {"reason": error.reason}
        if error.gone_at is not None:
            body["timestamp"] = int(error.gone_at * 1000)
        return JSONResponse(body, status_code=error.status, headers={"apns-id": _id(request)})

    @app.post("/3/device/{token}")
    async def send(token: str, request: Request) -> Response:
        # Read whatever comes of it: the server breaks a connection whose stream was answered before its end.
        body = await request.body()
        await asyncio.sleep(board.now.answer_delay_seconds)
        fault = board.fault_for(request.url.path)
        if fault:
            wait = {} if fault.retry_after_seconds is None else {"Retry-After": str(fault.retry_after_seconds)}
            reason = {"reason": REASONS.get(fault.status, "Forbidden")}
            return JSONResponse(reason, status_code=fault.status, headers=wait)
        if request.scope["http_version"] != "2":
            raise ApnsError(505, "HTTP2Required")
        now = time.time()
        key.check(request.headers.get("authorization", ""), now)
        _check_headers(request)
        if not _TOKEN.fullmatch(token):
            raise ApnsError(400, "BadDeviceToken")
        payload = _payload(body)
        if token in board.now.unregistered:
            raise ApnsError(410, "Unregistered", now - board.now.unregistered_seconds_ago)
        store.add("apns", _shown(token, request, payload), now)
        return Response(status_code=200, headers={"apns-id": _id(request)})

    return app


@asynccontextmanager
async def serving(app: FastAPI, host: str, port: int) -> AsyncIterator[None]:
    """Apple's service on this port while the block runs; port 0: none."""
    over = asyncio.Event()
    config = Config()
    config.bind = [f"{host}:{port}"]
    config.accesslog = config.errorlog = None
    config.graceful_timeout = 1
    async with asyncio.TaskGroup() as group:
        if port:
            group.create_task(serve(app, config, shutdown_trigger=over.wait))  # type: ignore[arg-type]
        yield
        over.set()


def _check_headers(request: Request) -> None:
    of = request.headers
    if not of.get("apns-topic"):
        raise ApnsError(400, "MissingTopic")
    if of["apns-topic"] != TOPIC:
        raise ApnsError(400, "DeviceTokenNotForTopic")
    if of.get("apns-push-type") not in PUSH_TYPES:
        raise ApnsError(400, "InvalidPushType")
    if of.get("apns-id") and _uuid(of["apns-id"]) != of["apns-id"].lower():
        raise ApnsError(400, "BadMessageId")
    if len(of.get("apns-collapse-id", "").encode()) > MAX_COLLAPSE_ID_BYTES:
        raise ApnsError(400, "BadCollapseId")
    if of.get("apns-priority", "10") not in {"1", "5", "10"}:
        raise ApnsError(400, "BadPriority")
    if not of.get("apns-expiration", "0").isdigit():
        raise ApnsError(400, "BadExpirationDate")


def _payload(raw: bytes) -> dict[str, Any]:
    if len(raw) > MAX_PAYLOAD_BYTES:
        raise ApnsError(413, "PayloadTooLarge")
    try:
        payload = json.loads(raw)
    except ValueError:
        payload = None
    if not isinstance(payload, dict) or not isinstance(payload.get("aps"), dict):
        raise ApnsError(400, "PayloadEmpty")
    return payload


def _shown(token: str, request: Request, payload: dict[str, Any]) -> dict[str, Any]:
    headers = {name: value for name, value in request.headers.items() if name.startswith("apns-")}
    alert = payload["aps"].get("alert")
    return {
        "token": token,
        "notification": alert if isinstance(alert, dict) else {},
        "apns": {"headers": headers, "payload": payload},
    }


def _id(request: Request) -> str:
    return _uuid(request.headers.get("apns-id", "")) or str(uuid.uuid4())


def _uuid(text: str) -> str | None:
    try:
        return str(uuid.UUID(text)) if len(text) == 36 else None
    except ValueError:
        return None
