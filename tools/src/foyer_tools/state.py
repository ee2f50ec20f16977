"""`.foyer/state.json`: ports, passwords and process ids that outlive a run. Mode 0600, changed under a file lock."""

from __future__ import annotations

import fcntl
import json
import os
import random
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from foyer_tools.places import LOOPBACK, checkout_id, state_folder

# Below the range from which Linux takes ports of outgoing connections (32768 and up): a port of ours that is
# free for a moment, while its server restarts, cannot be taken by a client's connection.
PORTS = range(20_000, 32_000)


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file; it ends with the block, or with the process however that ends."""
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def port_is_free(port: int) -> bool:
    """True if a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


class State:
    """The checkout's own memory. Sections: `ports`, `secrets`, `processes`, `places`, all by name."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or state_folder()
        self.path = self.folder / "state.json"

    def read(self) -> dict[str, Any]:
        """The whole content; empty when there is none yet."""
        try:
            content: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return content

    @contextmanager
    def edit(self) -> Iterator[dict[str, Any]]:
        """Change the content in one step: nobody else changes it meanwhile, and a crash leaves the old one."""
        with file_lock(self.folder / "state.lock"):
            content = self.read()
            yield content
            temporary = self.path.with_suffix(".new")
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                json.dump(content, out, indent=1, sort_keys=True)
            temporary.replace(self.path)

    def secret(self, name: str) -> str:
        """A random secret (43 characters, safe in URLs), made at the first call and the same ever after."""
        known = self.read().get("secrets", {}).get(name)
        if known is None:
            with self.edit() as content:
                known = content.setdefault("secrets", {}).setdefault(name, secrets.token_urlsafe(32))
        return str(known)

    def port(self, name: str, *, free: bool = False) -> int:
        """The loopback port kept for a name. With `free`, another one is taken if somebody sits on it now."""
        known = self.read().get("ports", {}).get(name)
        if known is not None and not (free and not port_is_free(known)):
            return int(known)
        with self.edit() as content:
            ports: dict[str, int] = content.setdefault("ports", {})
            # Seeded by the checkout, so that two checkouts seldom try the same numbers.
            candidates = random.Random(f"{checkout_id()}:{name}:{ports.get(name)}")  # noqa: S311
            for _attempt in range(500):
                port = candidates.choice(PORTS)
                if port not in ports.values() and port_is_free(port):
                    ports[name] = port
                    return port
        raise RuntimeError(f"no free port between {PORTS.start} and {PORTS.stop} for {name}")

    def remember(self, section: str, name: str, value: Any) -> None:
        """Keep one value; None forgets it."""
        with self.edit() as content:
            if value is None:
                content.setdefault(section, {}).pop(name, None)
            else:
                content.setdefault(section, {})[name] = value

    def recall(self, section: str, name: str) -> Any:
        """What `remember` kept, or None."""
        return self.read().get(section, {}).get(name)
