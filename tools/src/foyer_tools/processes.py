"""Operating system processes: started in a session of their own, remembered, recognised again, and ended.

A process is recognised by its id together with its start time and the machine's boot, so that an id which the
system has given to a stranger meanwhile is never signalled. Each also carries a mark in its environment, which
finds processes whose starter was killed before it could write their id down.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from foyer_tools.places import checkout_id
from foyer_tools.state import State

MARK = "FOYER_RUN"
END_SECONDS = 15.0
KEPT_LOG_BYTES = 20 * 1024 * 1024


def birth(pid: int) -> str | None:
    """Boot and start time of a live process; None if there is none, or only its zombie."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        # The name (second field) may contain anything, so the fields are counted from its closing bracket.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in ("Z", "X") else f"{boot}:{fields[19]}"


@dataclass(frozen=True)
class Running:
    """A live process as it is written to the state file."""

    pid: int
    born: str

    @property
    def alive(self) -> bool:
        """True while this very process (not a later one with its id) runs."""
        return birth(self.pid) == self.born


def recall(state: State, name: str) -> Running | None:
    """The process remembered under a name, if it still runs."""
    kept = state.recall("processes", name)
    if kept is None:
        return None
    running = Running(int(kept["pid"]), str(kept["born"]))
    return running if running.alive else None


def mark_of(group: str) -> str:
    """The mark in the environment of every process of a group (`servers`, or a profile) of this checkout."""
    return f"{checkout_id()}:{group}"


def spawn(
    state: State,
    name: str,
    argv: Sequence[str | Path],
    *,
    group: str,
    env: Mapping[str, str],
    log: Path,
    cwd: Path,
    user: tuple[int, int] | None = None,
) -> tuple[subprocess.Popen[bytes], Running]:
    """Start a process in its own session with both outputs appended to `log`, and remember it.

    `user` is the (uid, gid) to run as. A log above 20 MiB is put aside once as `<log>.1`.
    """
    if log.exists() and log.stat().st_size > KEPT_LOG_BYTES:
        log.replace(log.with_name(log.name + ".1"))
    with log.open("ab") as out:
        process = subprocess.Popen(
            [str(part) for part in argv],
            env={**env, MARK: mark_of(group)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            start_new_session=True,
            user=user[0] if user else None,
            group=user[1] if user else None,
            extra_groups=[] if user else None,
        )
    running = Running(process.pid, birth(process.pid) or "")
    state.remember("processes", name, {"pid": running.pid, "born": running.born, "group": group})
    return process, running


def signal_session(running: Running, number: signal.Signals) -> None:
    """Signal a process and what it started. Nothing happens if it has gone."""
    if not running.alive:
        return
    try:
        os.killpg(running.pid, number)
    except ProcessLookupError:
        return
    except PermissionError:
        os.kill(running.pid, number)


def wait_gone(processes: Iterable[Running], seconds: float) -> list[Running]:
    """Wait until all are gone; those left after `seconds` are returned."""
    left = [process for process in processes if process.alive]
    until = time.monotonic() + seconds
    while left and time.monotonic() < until:
        time.sleep(0.02)
        for process in left:
            reap(process.pid)
        left = [process for process in left if process.alive]
    return left


def reap(pid: int) -> None:
    """Collect an ended child of ours; a process that is nobody's child here is left alone."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def end(
    processes: Iterable[Running],
    *,
    first: signal.Signals = signal.SIGTERM,
    seconds: float = END_SECONDS,
) -> None:
    """Ask all to end at once, and after `seconds` kill those that did not."""
    asked = [process for process in processes if process.alive]
    for process in asked:
        signal_session(process, first)
    stubborn = wait_gone(asked, seconds)
    for process in stubborn:
        signal_session(process, signal.SIGKILL)
    wait_gone(stubborn, 5.0)


def leftovers(state: State, group: str) -> list[Running]:
    """Processes of a group of this checkout that still run: remembered ones, and any that carries its mark."""
    found: dict[int, Running] = {}
    for name, kept in state.read().get("processes", {}).items():
        if kept.get("group") == group and (running := recall(state, name)):
            found[running.pid] = running
    mark = mark_of(group)
    for process in psutil.process_iter():
        if process.pid in found or process.pid == os.getpid():
            continue
        try:
            marked = process.environ().get(MARK) == mark
        except (psutil.Error, OSError):
            continue
        born = birth(process.pid)
        if marked and born:
            found[process.pid] = Running(process.pid, born)
    return list(found.values())


def tail(log: Path, lines: int = 25) -> str:
    """The last lines of a log, indented, for an error message."""
    try:
        with log.open("rb") as handle:
            handle.seek(max(0, log.stat().st_size - 16_384))
            text = handle.read().decode(errors="replace")
    except FileNotFoundError:
        return "    (nothing was logged)"
    return "\n".join("    " + line for line in text.splitlines()[-lines:])
