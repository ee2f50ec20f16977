"""`./foyer up`: the whole system in the foreground, with its logs. Ctrl-C ends everything it started."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from foyer_tools.layout import Profile
from foyer_tools.places import ROOT, SERVICES
from foyer_tools.steps import console, say, step
from foyer_tools.supervise import System, running

FOLLOW_SECONDS = 0.1
COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "bright_cyan", "bright_magenta", "bright_green")


def main(argv: Sequence[str]) -> int:
    """Run until interrupted; 0 after an orderly end."""
    parser = argparse.ArgumentParser(prog="foyer up", description=__doc__)
    parser.add_argument("--fresh", action="store_true", help="from nothing: databases, broker and sandbox are emptied")
    parser.add_argument("--quiet", action="store_true", help="addresses only, no logs (they are in .foyer/logs)")
    options = parser.parse_args(argv)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    environment = {"*": {"FOYER_LOG_FORMAT": "console"}} if console.is_terminal else {}
    try:
        with running(Profile(fresh=options.fresh, environment=environment)) as system:
            _fill(system)
            say(addresses(system))
            if not options.quiet:
                threading.Thread(target=_follow, args=(system,), daemon=True).start()
            try:
                while True:
                    time.sleep(3600)
            finally:
                # Ending takes some seconds; another Ctrl-C must not leave half of it undone.
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                say("ending …")
    except KeyboardInterrupt:
        return 0


def addresses(system: System) -> str:
    """The addresses a person wants to open, one a line."""
    urls = system.sandbox_urls
    lines = [
        ("gateway", system.gateway_url),
        *((f"{service} API", f"{system.gateway_url}/api/{service}/docs") for service in SERVICES),
        ("event catalogue", (ROOT / "libs" / "contracts" / "asyncapi.yaml").as_uri()),
        ("payment provider", urls["provider"]),
        ("Stripe", f"{urls['stripe']}/sandbox/sessions"),
        ("mailbox", urls["mailbox"]),
        ("push", urls["push"]),
        ("sign in", f"{urls['identity']}/.well-known/openid-configuration"),
        ("RabbitMQ", (system.management_url or "").rpartition("@")[2] or "given"),
        ("logs", str(system.log_path("gateway").parent)),
    ]
    return "\n".join(f"  {name:<18} {address}" for name, address in lines)


def _fill(system: System) -> None:
    """Put in the demo data: `foyer_tools.seed.seed(system)`, which adds only what is missing."""
    if importlib.util.find_spec("foyer_tools.seed"):
        with step("demo data"):
            importlib.import_module("foyer_tools.seed").seed(system)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _follow(system: System) -> None:
    """Print what the processes write, line by line, with the name of each."""
    open_logs: dict[str, BinaryIO] = {}
    width = max(len(name) for name in system.names)
    while True:
        quiet = True
        for index, name in enumerate(system.names):
            path = system.log_path(name)
            if name not in open_logs and path.exists():
                open_logs[name] = path.open("rb")
            for line in _new_lines(open_logs, name, path):
                quiet = False
                console.print(f"[{COLOURS[index % len(COLOURS)]}]{name:<{width}}[/] ", end="")
                console.print(line, markup=False, soft_wrap=True)
        if quiet:
            time.sleep(FOLLOW_SECONDS)


def _new_lines(open_logs: dict[str, BinaryIO], name: str, path: Path) -> list[str]:
    handle = open_logs.get(name)
    if handle is None:
        return []
    lines = []
    while (line := handle.readline()).endswith(b"\n"):
        lines.append(line.decode(errors="replace").rstrip("\n"))
    # Half a line: read it again when it is whole.
    handle.seek(-len(line), 1)
    try:
        if path.stat().st_ino != _inode(handle):
            open_logs.pop(name).close()
    except FileNotFoundError:
        pass
    return lines


def _inode(handle: BinaryIO) -> int:
    return os.fstat(handle.fileno()).st_ino
