"""The mailbox process: SMTP, JSON and pages."""

import contextlib
import logging
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any, TypeVar

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, Response
from starlette.middleware.base import RequestResponseEndpoint

from foyer_sandbox.database import Database
from foyer_sandbox.mailbox.settings import MailboxSettings
from foyer_sandbox.mailbox.smtp import SmtpServer
from foyer_sandbox.mailbox.store import SCHEMA, Store
from foyer_sandbox.mailbox.switches import MailboxSwitches
from foyer_sandbox.switches import SwitchBoard, switch_routes
from foyer_sandbox.web import add_front_doors, page, serve

_NOSNIFF = {"X-Content-Type-Options": "nosniff"}
# Links may open in a new tab; scripts, forms and anything from the network may not run.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:; "
    "style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'self'"
)

T = TypeVar("T")


def create_app(settings: MailboxSettings) -> FastAPI:
    """The application with its state opened."""
    store = Store(Database(settings.state_dir, "mailbox", SCHEMA))
    board = SwitchBoard(store.database, MailboxSwitches)
    smtp = SmtpServer(store, board, settings.host, settings.smtp_port)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await smtp.follow_switch()
        yield
        await smtp.close()
        store.database.close()

    app = FastAPI(title="Foyer sandbox: mailbox", lifespan=lifespan)
    app.include_router(switch_routes(board))
    add_front_doors(app)

    @app.middleware("http")
    async def switch_follows_at_once(request: Request, call_next: RequestResponseEndpoint) -> Response:
        answer = await call_next(request)
        if request.url.path == "/sandbox/switches":
            await smtp.follow_switch()
        return answer

    @app.get("/sandbox", include_in_schema=False)
    async def index(request: Request) -> Response:
        to = request.query_params.get("to") or None
        return page(
            request,
            "mailbox.html",
            mails=store.mails(to, None, 200),
            count=store.count(),
            to=to,
            instant=_instant,
            switches=board.now.model_dump_json(indent=2),
        )

    @app.get("/sandbox/mails/{mail_id}", include_in_schema=False)
    async def read(mail_id: str, request: Request) -> Response:
        return page(request, "mail.html", mail=_found(store.mail(mail_id)), instant=_instant)

    @app.get("/sandbox/messages", tags=["sandbox"])
    async def messages(
        to: str | None = None,
        message_id: str | None = None,
        limit: Annotated[int, Query(ge=1, le=1_000_000)] = 1_000,
    ) -> list[dict[str, Any]]:
        """Mails, newest first. `to` are envelope recipients, `copies` the mails with this Message-ID,
        `received_at` is Unix seconds."""
        return store.mails(to, message_id, limit)

    @app.delete("/sandbox/messages", tags=["sandbox"])
    async def delete_all() -> dict[str, int]:
        """Delete all mails."""
        return {"deleted": store.delete(None)}

    @app.get("/sandbox/messages/{mail_id}", tags=["sandbox"])
    async def message(mail_id: str) -> dict[str, Any]:
        """One mail with `headers`, `text`, `html` and the names of its attachments."""
        return _found(store.mail(mail_id))

    @app.delete("/sandbox/messages/{mail_id}", tags=["sandbox"])
    async def delete(mail_id: str) -> dict[str, int]:
        """Delete one mail."""
        _found(store.mail(mail_id))
        return {"deleted": store.delete(mail_id)}

    @app.get("/sandbox/messages/{mail_id}/raw", tags=["sandbox"])
    async def raw(mail_id: str) -> Response:
        """One mail as it came."""
        return Response(_found(store.raw(mail_id)), media_type="text/plain", headers=_NOSNIFF)

    @app.get("/sandbox/messages/{mail_id}/html", include_in_schema=False)
    async def html(mail_id: str) -> Response:
        shown = _found(_found(store.mail(mail_id))["html"])
        headers = _NOSNIFF | {"Content-Security-Policy": MAIL_POLICY, "Referrer-Policy": "no-referrer"}
        return HTMLResponse(f'<base target="_blank">{shown}', headers=headers)

    return app


def _found(thing: T | None) -> T:
    if thing is None:
        raise HTTPException(404, "no such mail")
    return thing


def _instant(at: float) -> str:
    return time.strftime("%d.%m %H:%M:%S", time.gmtime(at))


def main() -> None:
    """Run until SIGTERM."""
    logging.basicConfig(level=logging.INFO)
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    settings = MailboxSettings()
    serve(create_app(settings), settings)
