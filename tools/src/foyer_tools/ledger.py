"""`./foyer ledger check`: replay the ledger of payments and compare it with what is kept beside it."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence

from foyer_tools.servers import started

SECONDS = 600


def main(argv: Sequence[str]) -> int:
    """0 when all agrees; 1 with a line for each difference."""
    parser = argparse.ArgumentParser(prog="foyer ledger", description=__doc__)
    parser.add_argument("action", choices=("check",))
    parser.add_argument("--database-url", help="database of payments (default: that of this checkout's own system)")
    options = parser.parse_args(argv)
    if options.database_url:
        return _check(options.database_url)
    with started() as servers:
        return _check(servers.provide("main").database_urls["payments"])


def _check(database_url: str) -> int:
    # What the check does not use must be set all the same, because it reads the service's settings.
    env = {
        "FOYER_AMQP_URL": "amqp://unused.invalid/",
        "FOYER_OIDC_ISSUER": "https://unused.invalid",
        "FOYER_OIDC_JWKS_URL": "https://unused.invalid/jwks",
        **os.environ,
        "FOYER_DATABASE_URL": database_url,
    }
    command = [sys.executable, "-m", "payments", "ledger-check"]
    return subprocess.run(command, env=env, check=False, timeout=SECONDS).returncode
