"""The commands of `./foyer`: one line each, loaded when called."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence

from foyer_tools.places import ROOT

# command → (module with `main(argv) -> int`, what it does)
COMMANDS = {
    "up": ("foyer_tools.up", "the whole system in the foreground, with its logs; --fresh from nothing"),
    "down": ("foyer_tools.down", "end everything of this checkout"),
    "demo": ("foyer_tools.demo", "play the journeys and show each as a timeline; --keep leaves it running"),
    "test": (
        "foyer_tools.test",
        "style, types, import rules, all tests, and the table of features; --fast without e2e",
    ),
    "features": ("foyer_tools.features", "the table of feature lines proven by the last test run; --json"),
    "bench": ("benchmarks.main", "measure the system beside its limits; --json, or the name of one"),
    "events": ("foyer_tools.events", "follow or replay the events"),
    "dead-letters": ("foyer_tools.dead_letters", "list, inspect, re-drive or drop parked messages"),
    "templates": ("foyer_tools.templates", "preview: the texts of notifications in both languages, per channel"),
    "ledger": ("foyer_tools.ledger", "check: replay the ledger and compare it with the balances kept beside it"),
    "lock": ("foyer_tools.lock", "write every requirements.lock again from the pyproject.toml files"),
}


def usage() -> str:
    """All commands with what they do."""
    lines = "".join(f"  {name:<14} {text}\n" for name, (_, text) in COMMANDS.items())
    return f"usage: ./foyer COMMAND [--help]\n\n{lines}"


def main(argv: Sequence[str]) -> int:
    """Run one command; 2 for an unknown one."""
    if not argv or argv[0] in ("-h", "--help", "help"):
        sys.stdout.write(usage())
        return 0 if argv else 2
    if argv[0] not in COMMANDS:
        sys.stderr.write(f"foyer: there is no command “{argv[0]}”\n\n{usage()}")
        return 2
    module, _ = COMMANDS[argv[0]]
    sys.path.insert(0, str(ROOT))  # for benchmarks and tests, which are not packages of .venv
    if not _exists(module):
        sys.stderr.write(f"foyer {argv[0]}: {module} is not in this checkout\n")
        return 2
    command: Callable[[Sequence[str]], int] = importlib.import_module(module).main
    try:
        return command(argv[1:])
    except KeyboardInterrupt:
        return 130
    except Exception as problem:
        # Failures with a name of our own are for people to read; anything else is a mistake and shows its trace.
        if type(problem).__module__.startswith("foyer_tools."):
            sys.stderr.write(f"foyer {argv[0]}: {problem}\n")
            return 1
        raise


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
