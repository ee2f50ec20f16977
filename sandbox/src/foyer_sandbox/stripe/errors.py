"""Error objects as Stripe answers them: `{error: {type, code, decline_code, message, param}}`."""

from typing import Any


class StripeError(Exception):
    """The request is refused."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        decline_code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        members = {"type": kind, "code": code, "decline_code": decline_code, "message": message, "param": param}
        self.body: dict[str, Any] = {"error": {name: value for name, value in members.items() if value is not None}}


def missing(param: str) -> StripeError:
    return StripeError(f"Missing required param: {param}.", code="parameter_missing", param=param)


def no_such(kind: str, id_: str, param: str) -> StripeError:
    return StripeError(f"No such {kind}: '{id_}'", status=404, code="resource_missing", param=param)
