"""The HTTP process of a service: one application with problems, health, metrics, request ids and overload control."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import uuid4

import structlog
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import log, problems, telemetry
from .auth import Verifier, declared_access
from .db import Database, Transaction, cause
from .errors import PreconditionRequiredError, StaleError, UnavailableError
from .settings import ServiceSettings

Check = Callable[[], Awaitable[None]]
CHECK_TIMEOUT_SECONDS = 3.0
MAX_BODY_BYTES = 1024 * 1024

_logger = log.get(__name__)


async def _transaction(request: Request) -> AsyncIterator[Transaction]:
    database: Database = request.app.state.database
    async with database.transaction() as transaction:
        yield transaction


async def _reading(request: Request) -> AsyncIterator[Transaction]:
    database: Database = request.app.state.database
    async with database.read() as transaction:
        yield transaction


#: A route's unit of work, committed before the answer leaves (hence the function scope).
InTransaction = Annotated[Transaction, Depends(_transaction, scope="function")]
#: For queries.
Reading = Annotated[Transaction, Depends(_reading, scope="function")]


def build_app(
    name: str,
    settings: ServiceSettings,
    routers: Sequence[APIRouter],
    *,
    description: str,
    lifespan: Callable[[FastAPI], Any] | None = None,
) -> FastAPI:
    """The application of a service.

    `app.state` has `settings`, `database` and `verifier`.

    Raises:
        RuntimeError: a route does not declare who may call it.
    """
    database = Database(settings.database_url, pool_size=settings.database_pool_size)

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        async with lifespan(app) if lifespan else _nothing():
            yield
        await database.close()

    app = FastAPI(
        title=f"Foyer {name}",
        description=description,
        version="1.0.0",
        lifespan=running,
        docs_url=None,
        redoc_url=None,
        max_body_size=MAX_BODY_BYTES,
        telemetry={"operation_spans": False, "metrics": False, "logs": False},
        servers=[{"url": f"/api/{name}", "description": "through the gateway"}],
    )
    app.state.settings = settings
    app.state.database = database
    app.state.verifier = Verifier(
        issuer=settings.oidc_issuer,
        jwks_url=settings.oidc_jwks_url,
        audience=settings.oidc_audience,
        roles_claim=settings.oidc_roles_claim,
    )
    problems.add_handlers(app)
    for router in routers:
        _refuse_undeclared(router)
        app.include_router(router)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        # Relative, because the gateway serves it under /api/<service>/.
        return get_swagger_ui_html(openapi_url="openapi.json", title=app.title)

    async def identity() -> None:
        verifier: Verifier = app.state.verifier
        await verifier.ping()

    app.include_router(health_router({"database": database.ping, "identity": identity}))
    app.add_middleware(RequestScope, limit=settings.request_limit)
    return app


@asynccontextmanager
async def _nothing() -> AsyncIterator[None]:
    yield


def routes_of(router: APIRouter) -> Iterator[APIRoute]:
    """The router's routes, with those of the routers that it includes."""
    for route in router.routes:
        if isinstance(route, APIRoute):
            yield route
        elif isinstance(included := getattr(route, "original_router", None), APIRouter):
            yield from routes_of(included)


def _refuse_undeclared(router: APIRouter) -> None:
    for route in routes_of(router):
        if access_of(route) is None:
            raise RuntimeError(f"{sorted(route.methods or ())} {route.path} does not declare who may call it")


def access_of(route: APIRoute) -> tuple[str, ...] | None:
    """The permissions a route was declared with, any of which suffices; None when it declares nothing."""
    for dependency in route.dependant.dependencies:
        if dependency.call is not None and (access := declared_access(dependency.call)) is not None:
            return access
    return None


def health_router(checks: dict[str, Check]) -> APIRouter:
    """`/health/live`, `/health/ready` (which dependency is missing) and `/metrics`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @router.get("/health/ready")
    async def ready() -> JSONResponse:
        results = dict(zip(checks, await asyncio.gather(*(_check(check) for check in checks.values())), strict=True))
        missing = {name: error for name, error in results.items() if error is not None}
        body = {
            "status": "not_ready" if missing else "ready",
            "checks": {name: missing.get(name, "ok") for name in checks},
        }
        return JSONResponse(body, 503 if missing else 200)

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


async def _check(check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            await check()
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200]
    return None


class RequestScope:
    """Around every request: its id in the logs and in the events it causes, its duration, and the limit on how many
    are at work at once (what exceeds it is told at once to come back, instead of waiting without end)."""

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self._app = app
        self._limit = limit
        self._at_work = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(("/health", "/metrics")):
            await self._app(scope, receive, send)
            return
        request_id = _header(scope, b"x-request-id") or uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        cause.set(f"request:{request_id}")
        if self._at_work >= self._limit:
            await problems.render(Request(scope), UnavailableError(retry_after_seconds=1))(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500
        counted = 1

        async def send_with_id(message: Message) -> None:
            nonlocal status, counted
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
                if any(value.startswith(b"text/event-stream") for _, value in message["headers"]):
                    # A stream mostly waits; it must not take a place from those who work.
                    self._at_work -= counted
                    counted = 0
            await send(message)

        self._at_work += counted
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            self._at_work -= counted
            route = scope.get("route")
            path = getattr(route, "path", "none")
            telemetry.HTTP_SECONDS.labels(scope["method"], path, status).observe(time.perf_counter() - started)
            if status >= 500:
                _logger.warning("request", method=scope["method"], path=scope["path"], status=status)


def _header(scope: Scope, name: bytes) -> str | None:
    for key, value in scope["headers"]:
        if key == name:
            text = value.decode("latin-1")
            return text if 0 < len(text) <= 100 and text.isprintable() and text.isascii() else None
    return None


def etag(version: int) -> str:
    """The entity tag of version `version` of a thing (RFC 9110, 8.8.3)."""
    return f'"{version}"'


def version_of(if_match: str | None) -> int:
    """The version an If-Match header names.

    Raises:
        PreconditionRequiredError: there is no header.
        StaleError: it is not an entity tag of ours, and so matches nothing.
    """
    if if_match is None:
        raise PreconditionRequiredError(field="If-Match")
    text = if_match.strip().removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise StaleError(field="If-Match")
    return int(text)
