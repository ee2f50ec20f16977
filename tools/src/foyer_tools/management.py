"""RabbitMQ's management API: virtual hosts, users, permissions, exchanges, queues, bindings."""

from __future__ import annotations

import base64
import json
import time
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import quote, unquote, urlsplit

TIMEOUT_SECONDS = 15.0
LEADER_SECONDS = 30.0

# The stream from which a new subscriber replays: seven days, dropped a segment (bytes) at a time.
EVENT_LOG: dict[str, str | int] = {
    "x-queue-type": "stream",
    "x-max-age": "7D",
    "x-stream-max-segment-size-bytes": 50_000_000,
}


#: Who may bind what of `foyer.private`: notifications writes to people, payments has receipts sent to them (54-FZ).
PRIVATE_READERS = {"notifications": ".*", "payments": r"^orders\.contact\..*"}


class ManagementError(Exception):
    """The management API refused; the text holds method, path, status and its reason."""


def q(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="")


class Management:
    """A client for one management address, such as `http://user:password@127.0.0.1:15672`."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname or "localhost", parts.port
        self._base = parts.path.rstrip("/")
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
        self.user = user

    def call(self, method: str, path: str, body: Any = None, *, missing_ok: bool = False) -> Any:
        """One request; the decoded answer, or None for an empty one (and for 404 with `missing_ok`)."""
        connector = HTTPSConnection if self._secure else HTTPConnection
        connection = connector(self._host, self._port, timeout=TIMEOUT_SECONDS)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, f"{self._base}/api{path}", content, self._headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status == 404 and missing_ok:
            return None
        if answer.status >= 400:
            raise ManagementError(f"{method} {path}: {answer.status} {text.decode(errors='replace')[:300]}")
        return json.loads(text) if text else None

    def answers(self) -> bool:
        """True once the broker and its management API work."""
        try:
            self.call("GET", "/overview")
        except (OSError, HTTPException, ManagementError):
            return False
        return True


def provision_vhost(api: Management, vhost: str, *, fresh: bool) -> None:
    """Make a virtual host with the exchanges and the stream that all services share."""
    if fresh:
        api.call("DELETE", f"/vhosts/{q(vhost)}", missing_ok=True)
    api.call("PUT", f"/vhosts/{q(vhost)}", {"default_queue_type": "quorum"})
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    api.call("PUT", f"/permissions/{q(vhost)}/{q(api.user)}", everything)
    for exchange in ("foyer.events", "foyer.private"):
        api.call("PUT", f"/exchanges/{q(vhost)}/{exchange}", {"type": "topic", "durable": True})
    declaration = {"durable": True, "arguments": EVENT_LOG}
    until = time.monotonic() + LEADER_SECONDS
    while True:
        try:
            api.call("PUT", f"/queues/{q(vhost)}/foyer.events.log", declaration)
            break
        except ManagementError:
            # A node that has just started answers before the streams it already has are led by anybody.
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
    api.call("POST", f"/bindings/{q(vhost)}/e/foyer.events/q/foyer.events.log", {"routing_key": "#"})


def provision_user(api: Management, vhost: str, service: str, user: str, password: str) -> None:
    """Make a service's broker user: its own queues, its own keys on the shared exchanges, nothing else."""
    api.call("PUT", f"/users/{q(user)}", {"password": password, "tags": ""})
    reads = "events|private" if service in PRIVATE_READERS else "events"
    own = rf"{service}(\..*)?"
    api.call(
        "PUT",
        f"/permissions/{q(vhost)}/{q(user)}",
        {
            "configure": rf"^foyer\.{own}$",
            "write": rf"^foyer\.(events|private|{own})$",
            "read": rf"^foyer\.({reads}|{own})$",
        },
    )
    for exchange in ("foyer.events", "foyer.private"):
        # `read` limits the patterns of bindings, which subscribing needs open; private has its own permission above.
        bindable = PRIVATE_READERS.get(service, ".*") if exchange == "foyer.private" else ".*"
        keys = {"exchange": exchange, "write": rf"^{service}\..*", "read": bindable}
        api.call("PUT", f"/topic-permissions/{q(vhost)}/{q(user)}", keys)
