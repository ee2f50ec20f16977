"""`python -m foyer_sandbox provider|stripe|push|mailbox|identity` runs one of the five processes until SIGTERM."""

import sys
from importlib import import_module

COMMANDS = ("provider", "stripe", "push", "mailbox", "identity")


def main() -> int:
    """Run the named process; 2 for a wrong command."""
    if len(sys.argv) != 2 or sys.argv[1] not in COMMANDS:
        sys.stderr.write(f"usage: python -m foyer_sandbox {'|'.join(COMMANDS)}\n")
        return 2
    import_module(f"foyer_sandbox.{sys.argv[1]}.app").main()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
