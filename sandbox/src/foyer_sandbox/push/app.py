"""The push process: all that goes to telephones and browsers, and what was sent under `/sandbox`.

FCM (`/token`, `/v1/projects/{project}/messages:send`) is here, Apple's service in `apns`, Web Push in `browsers`, text
messages in `sms`, the bot in `telegram`.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import FastAPI, Form, Query, Request
from fastapi.responses import JSONResponse, Response

from foyer_sandbox.database import Database
from foyer_sandbox.push import apns, browsers, rustore, sms, telegram
from foyer_sandbox.push.account import GRANT, TOKEN_SECONDS, GrantError, ServiceAccount
from foyer_sandbox.push.errors import SendError, error_answer
from foyer_sandbox.push.message import checked
from foyer_sandbox.push.settings import PushSettings
from foyer_sandbox.push.store import SCHEMA, Store
from foyer_sandbox.push.switches import PushSwitches
from foyer_sandbox.switches import SwitchBoard, switch_routes
from foyer_sandbox.web import add_front_doors, page, serve


def create_app(settings: PushSettings) -> FastAPI:
    """The application with its state opened, `service-account.json` and `apns-key.p8` written."""
    store = Store(Database(settings.state_dir, "push", SCHEMA))
    board = SwitchBoard(store.database, PushSwitches)
    account = ServiceAccount(settings.state_dir, settings.public_url, store.database)
    apple = apns.apns_app(store, board, apns.TeamKey(settings.state_dir))

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with apns.serving(apple, settings.host, settings.apns_port):
            yield
        store.database.close()

    app = FastAPI(title="Foyer sandbox: push gateway", lifespan=lifespan)
    app.include_router(switch_routes(board))
    app.include_router(browsers.browser_routes(store.database, board, settings.public_url))
    app.include_router(rustore.rustore_routes(store, board, settings))
    app.include_router(sms.sms_routes(store.database, board, settings.smsc_api_key))
    app.include_router(telegram.telegram_routes(store.database, board, settings))
    add_front_doors(app)

    @app.post("/token", tags=["OAuth 2"])
    async def token(grant_type: Annotated[str, Form()] = "", assertion: Annotated[str, Form()] = "") -> JSONResponse:
        """RFC 7523: a signed assertion for an access token of an hour."""
        fault = board.fault_for("/token")
        if fault:
            return JSONResponse({"error": "internal_failure"}, status_code=fault.status)
        if grant_type != GRANT:
            return JSONResponse({"error": "unsupported_grant_type"}, status_code=400)
        try:
            access_token = account.access_token(assertion, time.time())
        except GrantError as error:
            return JSONResponse({"error": error.code, "error_description": error.description}, status_code=400)
        return JSONResponse({"access_token": access_token, "expires_in": TOKEN_SECONDS, "token_type": "Bearer"})

    @app.post("/v1/projects/{project}/messages:send", tags=["FCM HTTP v1"])
    async def send(project: str, request: Request) -> JSONResponse:
        """Take a message for one device, topic or condition."""
        await asyncio.sleep(board.now.answer_delay_seconds)
        fault = board.fault_for(request.url.path)
        try:
            if fault:
                return error_answer(_fault(fault.status), fault.retry_after_seconds)
            scheme, _, given = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not account.knows(given.strip(), time.time()):
                raise SendError(401)
            if project != account.project:
                raise SendError(403, f"Permission denied on resource project {project}.")
            body = _json(await request.body())
            message = checked(body)
            if message.get("token") in board.now.unregistered:
                raise SendError(404)
        except SendError as error:
            return error_answer(error)
        if body.get("validate_only"):
            return JSONResponse({"name": f"projects/{project}/messages/fake_message_id"})
        return JSONResponse({"name": store.add(project, message, time.time())})

    @app.get("/sandbox", include_in_schema=False)
    async def index(request: Request) -> Response:
        return page(
            request,
            "push.html",
            messages=store.messages(request.query_params.get("token"), 100),
            count=store.count(),
            instant=lambda at: time.strftime("%d.%m %H:%M:%S", time.gmtime(at)),
            switches=board.now.model_dump_json(indent=2),
        )

    @app.get("/sandbox/messages", tags=["sandbox"])
    async def messages(
        token: str | None = None, limit: Annotated[int, Query(ge=1, le=1_000_000)] = 1_000
    ) -> list[dict[str, Any]]:
        """Messages taken, newest first; `accepted_at` is Unix seconds. A message sent twice is here twice."""
        return store.messages(token, limit)

    @app.delete("/sandbox/messages", tags=["sandbox"], status_code=204)
    async def clear() -> None:
        """Forget all messages."""
        store.clear()

    @app.post("/sandbox/revoke-tokens", tags=["sandbox"], status_code=204)
    async def revoke_tokens() -> None:
        """Make every access token worthless: the next sends get 401."""
        account.revoke_all()

    return app


def _fault(status: int) -> SendError:
    try:
        return SendError(status)
    except KeyError:
        return SendError(status, "Failing on request of a switch.")


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        raise SendError(400, "Invalid JSON payload received. Unexpected token.") from None


def main() -> None:
    """Run until SIGTERM."""
    logging.basicConfig(level=logging.INFO)
    settings = PushSettings()
    serve(create_app(settings), settings)
