"""How a sandbox process serves HTTP: uvicorn with connections that can be cut, pages in Russian and English, health."""

from pathlib import Path
from typing import Any

import jinja2
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from foyer_sandbox.settings import ProcessSettings

TRANSPORT = "foyer_sandbox.transport"
GRACE_SECONDS = 5
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

_pages = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class _CuttableProtocol(HttpToolsProtocol):
    """Lets a handler reach its connection, to lose an answer the way a network does."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[TRANSPORT] = self.transport  # type: ignore[literal-required]


def cut_connection(scope: Scope) -> None:
    """Drop the connection without another byte; the client sees a reset."""
    scope[TRANSPORT].abort()


def language(request: Request) -> str:
    """`ru` or `en`: `?lang=`, else the browser's first language, else Russian."""
    wanted = request.query_params.get("lang") or request.headers.get("accept-language", "")
    return "en" if wanted.lower().startswith("en") else "ru"


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a template; `t(ru, en)` in it picks the text of the reader's language."""
    lang = language(request)
    html = _pages.get_template(template).render(
        lang=lang, path=request.url.path, t=lambda ru, en: en if lang == "en" else ru, **values
    )
    return HTMLResponse(html, status_code=status, headers=PAGE_HEADERS)


def add_front_doors(app: FastAPI) -> None:
    """`GET /health/live`, and `/` leading to the index page."""

    @app.get("/health/live", tags=["health"])
    async def live() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/", include_in_schema=False)
    async def root() -> RedirectResponse:
        return RedirectResponse("/sandbox", status_code=307)


def serve(app: FastAPI, settings: ProcessSettings) -> None:
    """Serve until SIGTERM or SIGINT; open requests get `GRACE_SECONDS`."""
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level.lower(),
        access_log=False,
        server_header=False,
        http=_CuttableProtocol,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
