"""Failures → problem details (RFC 9457). The one table from exceptions to answers."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from . import log, telemetry
from .db import is_outage
from .errors import (
    BadRequestError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    Problem,
    TooManyRequestsError,
    UnauthenticatedError,
    UnavailableError,
)

MEDIA_TYPE = "application/problem+json"
_logger = log.get(__name__)

_BY_STATUS: dict[int, type[Problem]] = {
    400: BadRequestError,
    401: UnauthenticatedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    422: InvalidError,
    429: TooManyRequestsError,
    503: UnavailableError,
}


def locale_of(request: Request) -> str:
    """The caller's language: from the token, else from Accept-Language, else Russian."""
    known = getattr(request.state, "locale", None)
    if known:
        return str(known)
    return "en" if request.headers.get("accept-language", "").lower().startswith("en") else "ru"


def render(request: Request, problem: Problem) -> JSONResponse:
    english = locale_of(request) == "en"
    body: dict[str, Any] = {
        "type": problem.uri(),
        "title": problem.title_en if english else problem.title_ru,
        "status": problem.status,
        "detail": problem.detail,
        "instance": request.url.path,
        **problem.members,
    }
    if (trace_id := telemetry.trace_id()) is not None:
        body["trace_id"] = trace_id
    headers = {}
    if problem.retry_after_seconds is not None:
        headers["Retry-After"] = str(problem.retry_after_seconds)
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body, problem.status, headers, media_type=MEDIA_TYPE)


def _field(location: tuple[Any, ...]) -> str:
    return ".".join(str(part) for part in location if part not in ("body", "query", "path", "header"))


def add_handlers(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    async def problem(request: Request, error: Problem) -> JSONResponse:
        return render(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        errors = []
        for item in error.errors():
            entry = {"field": _field(tuple(item["loc"])), "code": item["type"], "detail": item["msg"]}
            allowed = {key: str(value) for key, value in (item.get("ctx") or {}).items() if key != "error"}
            if allowed:
                entry["allowed"] = allowed
            errors.append(entry)
        if any(item["type"] == "json_invalid" for item in error.errors()):
            return render(request, BadRequestError("The body is not valid JSON.", errors=errors))
        return render(request, InvalidError("See `errors` for the fields.", errors=errors))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        family = _BY_STATUS.get(error.status_code)
        if family is not None:
            return render(request, family())
        body = {"type": "about:blank", "title": str(error.detail), "status": error.status_code}
        return JSONResponse(body, error.status_code, error.headers, media_type=MEDIA_TYPE)

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        if is_outage(error):
            _logger.warning("request_without_database", path=request.url.path, error=f"{type(error).__name__}: {error}")
            return render(request, UnavailableError(retry_after_seconds=1))
        _logger.error("request_failed", path=request.url.path, exc_info=error)
        return render(request, Problem())
