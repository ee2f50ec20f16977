"""What is generated and committed: `python -m foyer_tools.generated [--check]`.

Event schemas, samples and the catalogue of `libs/contracts`, `openapi.json` of each service, and the diagrams of the
orders' states.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from foyer_tools.places import ROOT, SERVICES

SECONDS = 60


def openapi_of(service: str) -> str:
    """The service's API description as its code makes it now."""
    command = [sys.executable, "-m", service, "openapi"]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=SECONDS, cwd=ROOT).stdout


def states() -> str:
    """The diagrams of the orders' states, from their tables."""
    code = "from orders.ordering.domain.machine import document; print(document(), end='')"
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=SECONDS, cwd=ROOT).stdout


def committed(service: str) -> Path:
    return ROOT / "services" / service / "openapi.json"


def main(argv: Sequence[str]) -> int:
    """1 if `--check` found something stale."""
    check = list(argv) == ["--check"]
    command = [sys.executable, "-m", "foyer_contracts.generate", *(["--check"] if check else [])]
    stale = subprocess.run(command, check=False, timeout=SECONDS, cwd=ROOT).returncode != 0
    with ThreadPoolExecutor(2) as pool:
        texts = {
            committed(service): text for service, text in zip(SERVICES, pool.map(openapi_of, SERVICES), strict=True)
        }
    texts[ROOT / "docs" / "order-states.md"] = states()
    for path, text in texts.items():
        if not check:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            sys.stderr.write(f"stale: {path.relative_to(ROOT)} (python -m foyer_tools.generated)\n")
            stale = True
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
