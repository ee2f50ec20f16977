"""Webhooks by HTTPS, to whatever address somebody entered (see `calls`)."""

import time

import httpx2

from ..webhooks.domain import Answer
from .calls import PrivateAddressError, PublicCalls

USER_AGENT = "Foyer-Webhooks/1"


class HttpSender:
    """Carries webhooks."""

    def __init__(self, *, timeout_seconds: float, connections: int, to_private_networks: bool) -> None:
        self.calls = PublicCalls(
            timeout_seconds=timeout_seconds, connections=connections, to_private_networks=to_private_networks
        )

    async def send(self, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        started = time.perf_counter()
        status, error, retry_after = None, None, None
        try:
            status, retry_after = await self.calls.post(url, body, {**headers, "user-agent": USER_AGENT})
        except PrivateAddressError:
            error = "private_address"
        except TimeoutError:
            error = "timeout"
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as failure:
            error = type(failure).__name__
        return Answer(status, error, round((time.perf_counter() - started) * 1000), retry_after)

    async def close(self) -> None:
        await self.calls.close()
