"""Requests to Stripe: its forms, its errors, and what of them is definite."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import urlencode

import httpx2
from foyer_chassis import log
from pydantic import BaseModel, ValidationError

from ...paying.domain import ProviderRefusedError, ProviderUnclearError
from ...providing import Connection

API_VERSION = "2024-06-20"
LONGEST_RETRY_AFTER = timedelta(minutes=5)
_NOT_NOW = frozenset({401, 403, 409, 424, 429})

M = TypeVar("M", bound=BaseModel)

_logger = log.get(__name__)


class Client:
    """An account at Stripe."""

    def __init__(self, *, url: str, secret_key: str, connection: Connection) -> None:
        self._client = httpx2.AsyncClient(
            base_url=url.rstrip("/"),
            headers={"Authorization": f"Bearer {secret_key}", "Stripe-Version": API_VERSION},
            timeout=connection.timeout_seconds,
            limits=httpx2.Limits(
                max_connections=connection.connections, max_keepalive_connections=connection.connections
            ),
            follow_redirects=False,
            trust_env=False,
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def ask(
        self,
        method: str,
        path: str,
        model: type[M],
        *,
        body: Mapping[str, Any] | None = None,
        key: str | None = None,
        query: Mapping[str, Any] | None = None,
        logged_as: str | None = None,
    ) -> M:
        """`logged_as`: the path for the log, where the real one has a secret in it.

        Raises ProviderRefusedError, ProviderUnclearError.
        """
        headers = {} if key is None else {"Idempotency-Key": key}
        content = None if body is None else urlencode(_form(body)).encode()
        if content is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            answer = await self._client.request(
                method, path, content=content, params=dict(_form(query or {})), headers=headers
            )
        except httpx2.HTTPError as error:
            raise ProviderUnclearError(type(error).__name__) from error
        if answer.status_code != 200:
            raise _error(method, logged_as or path, answer)
        try:
            return model.model_validate_json(answer.content)
        except ValidationError as error:
            _logger.error("provider_answer_unreadable", path=logged_as or path, errors=error.error_count())
            raise ProviderUnclearError("unreadable answer") from None


def _form(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Nested values as Stripe's forms want them: `line_items[0][price_data][currency]`."""
    pairs: list[tuple[str, str]] = []

    def add(name: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, item in value.items():
                add(f"{name}[{key}]" if name else str(key), item)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                add(f"{name}[{index}]", item)
        elif isinstance(value, bool):
            pairs.append((name, str(value).lower()))
        else:
            pairs.append((name, str(value)))

    add("", values)
    return pairs


def _error(method: str, path: str, answer: httpx2.Response) -> ProviderRefusedError | ProviderUnclearError:
    """A refusal only where the provider says so for good; everything else is asked again."""
    try:
        body = answer.json()
        error = body.get("error") if isinstance(body, dict) else None
    except ValueError:
        error = None
    error = error if isinstance(error, dict) else {}
    kind = str(error.get("type") or "")
    code = str(error.get("decline_code") or error.get("code") or kind or f"http_{answer.status_code}")[:100]
    _logger.warning(
        "provider_error",
        method=method,
        path=path,
        status=answer.status_code,
        code=code,
        parameter=error.get("param"),
    )
    # `idempotency_error`: a key used for another body; the first may have worked.
    if (
        400 <= answer.status_code < 500
        and answer.status_code not in _NOT_NOW
        and kind
        in {
            "card_error",
            "invalid_request_error",
        }
    ):
        return ProviderRefusedError(code)
    header = answer.headers.get("retry-after", "")
    wait = (
        min(timedelta(seconds=int(header[:9])), LONGEST_RETRY_AFTER) if header.isascii() and header.isdigit() else None
    )
    return ProviderUnclearError(code, retry_after=wait)
