"""Calls to addresses that people entered: never to a private network, never further than the address itself.

The name is resolved here, every address it has must be public, and the call goes to just that address, so that a name
which leads elsewhere a moment later (DNS rebinding) changes nothing. Redirects are not followed.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx2


class PrivateAddressError(Exception):
    """The host is, or leads to, an address that is not public."""


class PublicCalls:
    """Posts to public addresses. With `to_private_networks` also to others: for a developer's machine, or where the
    systems behind them are trusted."""

    def __init__(self, *, timeout_seconds: float, connections: int, to_private_networks: bool) -> None:
        self._to_private_networks = to_private_networks
        self._timeout_seconds = timeout_seconds
        self._client = httpx2.AsyncClient(
            timeout=timeout_seconds,
            limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=0),
            follow_redirects=False,
            trust_env=False,
        )

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, timedelta | None]:
        """The status of the answer, and how long it asks to wait before the next call.

        Raises:
            PrivateAddressError, TimeoutError, OSError, httpx2.HTTPError, httpx2.InvalidURL
        """
        async with asyncio.timeout(self._timeout_seconds):
            return await self._post(url, body, headers)

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, timedelta | None]:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        address = await self._address_of(host, port)
        literal = f"[{address}]" if ":" in address else address
        request = self._client.build_request(
            "POST",
            parts._replace(netloc=f"{literal}:{port}").geturl(),
            content=body,
            headers={**headers, "host": parts.netloc},
            extensions={"sni_hostname": host},
        )
        # The body of the answer interests nobody, and could be endless.
        answer = await self._client.send(request, stream=True)
        await answer.aclose()
        return answer.status_code, retry_after(answer.headers.get("retry-after", "").strip())

    async def _address_of(self, host: str, port: int) -> str:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(item[4][0]) for item in found]
        if not self._to_private_networks and not all(is_public(address) for address in addresses):
            raise PrivateAddressError
        return addresses[0]

    async def close(self) -> None:
        await self._client.aclose()


def is_public(address: str) -> bool:
    """Whether it is an address of the public internet, also behind what embeds another address."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        # It leads to the IPv4 address in its last bits (RFC 6052).
        if ip in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is not None and not is_public(str(inner)):
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not ip.is_unspecified


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def retry_after(text: str) -> timedelta | None:
    """`Retry-After`, in seconds or as a date (RFC 9110, 10.2.3)."""
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text), 86_400))
    try:
        return max(timedelta(), parsedate_to_datetime(text) - datetime.now(UTC))
    except (ValueError, TypeError):
        return None
