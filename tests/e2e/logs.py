"""What the processes of a running system wrote."""

import json
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
