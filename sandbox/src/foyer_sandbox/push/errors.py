"""Error bodies as Google's APIs answer them, with Firebase's own code in the details."""

from typing import Any

from fastapi.responses import JSONResponse

FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"

STATUSES: dict[int, tuple[str, str | None, str]] = {
    400: ("INVALID_ARGUMENT", "INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: ("UNAUTHENTICATED", None, "Request had invalid authentication credentials."),
    403: ("PERMISSION_DENIED", "SENDER_ID_MISMATCH", "SenderId mismatch"),
    404: ("NOT_FOUND", "UNREGISTERED", "Requested entity was not found."),
    429: ("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", "Quota exceeded."),
    500: ("INTERNAL", "INTERNAL", "Internal error encountered."),
    503: ("UNAVAILABLE", "UNAVAILABLE", "The service is currently unavailable."),
}
RETRY_AFTER_SECONDS = {429: 60, 503: 10}


class SendError(Exception):
    """The message is refused; `field` is the part of it to blame."""

    def __init__(self, status: int, message: str | None = None, field: str | None = None) -> None:
        super().__init__(message or STATUSES[status][2])
        self.status = status
        self.message = message or STATUSES[status][2]
        self.field = field


def error_answer(error: SendError, retry_after_seconds: int | None = None) -> JSONResponse:
    """`{"error": {code, message, status, details}}`; 429 and 503 say when to come back."""
    name, code, _ = STATUSES.get(error.status, ("UNKNOWN", "UNSPECIFIED_ERROR", ""))
    details: list[dict[str, Any]] = [{"@type": FCM_ERROR, "errorCode": code}] if code else []
    if error.field:
        violation = {"field": error.field, "description": error.message}
        details.append({"@type": BAD_REQUEST, "fieldViolations": [violation]})
    body: dict[str, Any] = {"code": error.status, "message": error.message, "status": name}
    if details:
        body["details"] = details
    wait = RETRY_AFTER_SECONDS.get(error.status) if retry_after_seconds is None else retry_after_seconds
    headers = {"Retry-After": str(wait)} if wait is not None else {}
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="https://accounts.google.com/", error="invalid_token"'
    return JSONResponse({"error": body}, status_code=error.status, headers=headers)
