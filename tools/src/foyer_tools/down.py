"""`./foyer down`: end everything of this checkout, wherever it was started, and nothing else."""

from __future__ import annotations

import argparse
import os
import signal
from collections.abc import Sequence

from foyer_tools import processes
from foyer_tools.places import apart
from foyer_tools.postgres import choose_postgres
from foyer_tools.rabbitmq import RabbitError
from foyer_tools.servers import Servers
from foyer_tools.state import State
from foyer_tools.steps import say

SUPERVISOR_SECONDS = 60.0


def main(argv: Sequence[str]) -> int:
    """Supervisors first, which end their own in order; then what a killed one left; then the servers."""
    argparse.ArgumentParser(prog="foyer down", description=__doc__).parse_args(argv)
    _end(State())
    # Servers know their folders by the environment.
    os.environ["FOYER_STATE_DIR"] = str(apart())
    _end(State())
    say("nothing of this checkout runs any more")
    return 0


def _end(state: State) -> None:
    remembered = state.read().get("processes", {})
    supervisors = [
        found
        for name, kept in remembered.items()
        if kept["group"] == "supervisors" and (found := processes.recall(state, name))
    ]
    for supervisor in supervisors:
        os.kill(supervisor.pid, signal.SIGTERM)
    processes.wait_gone(supervisors, SUPERVISOR_SECONDS)
    for group in {str(kept["group"]) for kept in remembered.values()} - {"servers", "supervisors"}:
        processes.end(processes.leftovers(state, group))
    try:
        Servers(state, may_install=False).stop()
    except RabbitError:
        choose_postgres(state).stop()  # there is no way to a broker here, so there is none of ours to end
