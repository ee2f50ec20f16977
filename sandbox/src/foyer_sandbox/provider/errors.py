"""Error objects as YooKassa answers them: `{type: "error", id, code, description, parameter}`."""

import uuid
from typing import Any

from fastapi.responses import JSONResponse

CODES = {
    400: "invalid_request",
    401: "invalid_credentials",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    415: "unsupported_media_type",
    429: "too_many_requests",
    500: "internal_server_error",
}


class ApiError(Exception):
    """The request is refused; nothing was changed."""

    def __init__(self, status: int, description: str, parameter: str | None = None) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.parameter = parameter


def invalid(description: str, parameter: str | None = None) -> ApiError:
    """400 `invalid_request`: syntax or logic of the request."""
    return ApiError(400, description, parameter)


def error_answer(error: ApiError, headers: dict[str, str] | None = None) -> JSONResponse:
    """The answer for an error; `parameter` is present only when one is to blame."""
    body: dict[str, Any] = {
        "type": "error",
        "id": str(uuid.uuid4()),
        "code": CODES.get(error.status, "internal_server_error" if error.status > 499 else "invalid_request"),
        "description": error.description,
    }
    if error.parameter:
        body["parameter"] = error.parameter
    return JSONResponse(body, status_code=error.status, headers=headers)
