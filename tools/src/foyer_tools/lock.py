"""`./foyer lock`: write every requirements.lock again from the pyproject.toml files.

The root's lock holds everything, for development; each service's and the sandbox's only what it needs, for its image.
Versions that still fit are kept; `--upgrade` takes the newest.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

from foyer_tools.places import ROOT
from foyer_tools.steps import step

LOCAL = ("foyer-contracts", "foyer-chassis")
SECONDS = 300


class LockError(Exception):
    """The requirements contradict each other or could not be looked up; the text is uv's."""


def main(argv: Sequence[str]) -> int:
    """Compile the root's lock first: the others take their versions from it, so that all run with the same."""
    parser = argparse.ArgumentParser(prog="foyer lock", description=__doc__.partition("\n\n")[0] if __doc__ else None)
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that fit")
    options = parser.parse_args(argv)
    everything = [needed for project in projects() for needed in requirements(project)]
    everything += _dev_group()
    root = ROOT / "requirements.lock"
    with step("requirements.lock"):
        compile_lock(everything, root, upgrade=options.upgrade)
    for project in deployed():
        target = project.parent / "requirements.lock"
        with step(str(target.relative_to(ROOT))):
            compile_lock(with_libraries(project), target, constraint=root, upgrade=options.upgrade)
    return 0


def projects() -> list[Path]:
    """All pyproject.toml files of packages in this repository."""
    return sorted([*ROOT.glob("libs/*/pyproject.toml"), *deployed()])


def deployed() -> list[Path]:
    """Those that become images."""
    return sorted([*ROOT.glob("services/*/pyproject.toml"), *ROOT.glob("sandbox/pyproject.toml")])


def requirements(project: Path) -> list[str]:
    """What a project needs from outside; its neighbours in this repository are left out."""
    named: list[str] = tomllib.loads(project.read_text(encoding="utf-8")).get("project", {}).get("dependencies", [])
    return [needed for needed in named if not _is_local(needed)]


def with_libraries(project: Path) -> list[str]:
    """What a project needs from outside, itself and through the libraries of this repository that it names."""
    named: list[str] = tomllib.loads(project.read_text(encoding="utf-8")).get("project", {}).get("dependencies", [])
    result = requirements(project)
    for needed in named:
        if _is_local(needed):
            library = ROOT / "libs" / needed.partition("[")[0].strip().removeprefix("foyer-") / "pyproject.toml"
            result += with_libraries(library)
    return sorted(set(result))


def compile_lock(needed: Iterable[str], target: Path, *, constraint: Path | None = None, upgrade: bool = False) -> None:
    """Write `target` with every package pinned that `needed` leads to."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "requirements.in"
        wanted.write_text("\n".join(sorted(set(needed))) + "\n", encoding="utf-8")
        out = Path(folder) / "requirements.lock"
        if target.exists() and not upgrade:
            out.write_text(target.read_text(encoding="utf-8"), encoding="utf-8")
        command = [
            *(str(Path(sys.executable).with_name("uv")), "pip", "compile", "--quiet", "--python-version", "3.11"),
            *("--no-emit-index-url", "--no-annotate", "--no-header", str(wanted), "--output-file", str(out)),
            *(("--constraint", str(constraint)) if constraint else ()),
            *(("--upgrade",) if upgrade else ()),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
        if done.returncode != 0:
            raise LockError(f"{target.relative_to(ROOT)}:\n{done.stderr}")
        pins = out.read_text(encoding="utf-8")
    target.write_text("# Written by `./foyer lock`.\n" + pins, encoding="utf-8")


def _dev_group() -> list[str]:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    return [str(needed) for needed in groups["dev"]]


def _is_local(needed: str) -> bool:
    name = needed.partition("[")[0].partition(";")[0].partition(" ")[0].strip()
    return name in LOCAL
