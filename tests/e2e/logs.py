"""What the processes of a running system wrote."""

import json
import re
from collections.abc import Iterator
from typing import Any

from foyer_tools.supervise import System


class Marks:
    """Where each log ended at some moment, so that what came after can be read."""

    def __init__(self, system: System) -> None:
        self._system = system
        names = [name for name in system.names if name.endswith(("-api", "-worker"))]
        self._begin = {name: self._size(name) for name in names}

    def _size(self, name: str) -> int:
        path = self._system.log_path(name)
        return path.stat().st_size if path.exists() else 0

    def lines(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, begin in self._begin.items():
            with self._system.log_path(name).open("rb") as log:
                log.seek(begin)
                for line in log:
                    try:
                        yield name, json.loads(line)
                    except ValueError:
                        yield name, {"level": "error", "event": line.decode(errors="replace")}

    def complaints(self, *levels: str) -> list[str]:
        """Lines of these levels (default: error and critical)."""
        wanted = levels or ("error", "critical")
        return [f"{name}: {json.dumps(line)[:1000]}" for name, line in self.lines() if line.get("level") in wanted]


#: What is personal, and what opens doors: phones and emails of the demo people, access tokens, passwords in addresses,
#: activation codes.
PRIVATE = re.compile(
    r"\+7900[0-9]{7}|[\w.-]+@example\.test|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{20,}|://[^:/@\s\"]+:[^@/\s\"*]+@"
    r"|(?<![\w-])[A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4}(?![\w-])"
)


def leaked_in(system: System) -> list[str]:
    """Log and kind of whatever no log may have, in everything that the services and the gateway wrote."""
    given = [system.state.secret(name) for name in ("yookassa", "stripe", "stripe-webhook")]
    own = [*given, *(url.split(":")[2].split("@")[0] for url in system.database_urls.values())]
    found = []
    for name in system.names:
        if not name.endswith(("-api", "-worker", "gateway")):
            continue
        text = system.log_path(name).read_text(errors="replace")
        found += [f"{name}: {item[:8]}…" for item in PRIVATE.findall(text)[:3]]
        found += [f"{name}: a secret" for secret in own if secret in text]
    return found
