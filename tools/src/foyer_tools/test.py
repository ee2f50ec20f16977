"""`./foyer test`: everything that can be checked without a person, on servers that it starts itself."""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from foyer_tools import features, servers
from foyer_tools.places import ROOT
from foyer_tools.steps import say, step

CHECKED = ("foyer", "conftest.py", "libs", "services", "sandbox", "tools", "tests", "benchmarks")
STATIC_SECONDS = 600
#: That share the tests, see conftest.py for which stay together. Servers and what e2e starts want processors too.
PROCESSES = 2


@dataclass(frozen=True)
class Check:
    """A command that must end with 0."""

    name: str
    argv: tuple[str, ...]


def static_checks() -> list[Check]:
    """Style, types, import rules, generated files."""
    programs = Path(sys.executable).parent
    present = tuple(name for name in CHECKED if any((ROOT / name).rglob("*.py")) or (ROOT / name).is_file())
    checks = [
        Check("format", (str(programs / "ruff"), "format", "--check", *present)),
        Check("lint", (str(programs / "ruff"), "check", *present)),
        Check("types", (str(programs / "mypy"), *present)),
        Check("import rules", (str(programs / "lint-imports"),)),
    ]
    if importlib.util.find_spec("foyer_tools.generated"):
        checks.append(Check("generated files", (sys.executable, "-m", "foyer_tools.generated", "--check")))
    return checks


def main(argv: Sequence[str]) -> int:
    """Run all checks even if an early one fails; 0 only if every one passed."""
    parser = argparse.ArgumentParser(prog="foyer test", description=__doc__, epilog="Other arguments go to pytest.")
    parser.add_argument("--fast", action="store_true", help="without the tests of the whole system in tests/")
    parser.add_argument("--no-static", action="store_true", help="tests only")
    options, for_pytest = parser.parse_known_args(argv)
    started = time.monotonic()
    failed = [] if options.no_static else [check.name for check in static_checks() if not _passes(check)]
    if not _tests_pass(for_pytest, fast=options.fast):
        failed.append("tests")
    if features.DOCUMENT.exists():
        features.show()
    seconds = time.monotonic() - started
    say(
        f"[red]failed: {', '.join(failed)}[/] ({seconds:.0f} s)"
        if failed
        else f"[green]all passed[/] ({seconds:.0f} s)"
    )
    return 1 if failed else 0


def _passes(check: Check) -> bool:
    try:
        with step(check.name):
            done = subprocess.run(
                check.argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=STATIC_SECONDS
            )
            if done.returncode != 0:
                raise _FailedError
    except _FailedError:
        sys.stderr.write(done.stdout + done.stderr)
        return False
    return True


class _FailedError(Exception):
    """Makes the step show its cross."""


def _tests_pass(arguments: Sequence[str], *, fast: bool) -> bool:
    with servers.started() as ours:
        return _run_pytest(ours.addresses, arguments, fast=fast)


def _run_pytest(addresses: servers.Addresses, arguments: Sequence[str], *, fast: bool) -> bool:
    environment = {
        **os.environ,
        "FOYER_TEST_POSTGRES_URL": addresses.postgres_admin_url,
        "FOYER_TEST_AMQP_URL": addresses.amqp_admin_url,
    }
    if addresses.management_url:
        environment["FOYER_TEST_RABBITMQ_MANAGEMENT_URL"] = addresses.management_url
    chosen = list(arguments)
    if not arguments:
        chosen = [f"--numprocesses={PROCESSES}", "--dist=loadscope", *([] if fast else ["--features-whole"])]
    if not any(part == "-m" or part.startswith("-m=") for part in arguments):
        chosen += ["-m", "not slow"]
    if fast:
        chosen.append(f"--ignore={ROOT / 'tests'}")
    # In a process of its own: pytest's plugins must not share the interpreter that holds the servers.
    command = [sys.executable, "-m", "pytest", "-p", "foyer_tools.features", *chosen]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0
