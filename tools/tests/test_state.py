"""The checkout's memory, and telling our processes from strangers'."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from foyer_tools import processes
from foyer_tools.places import LOOPBACK, checkout_id
from foyer_tools.processes import Running
from foyer_tools.state import PORTS, State

SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> State:
    monkeypatch.setenv("FOYER_STATE_DIR", str(tmp_path))
    return State()


def spawn(state: State, name: str, argv: tuple[str, ...] = SLEEP, group: str = "g") -> Running:
    log = state.folder / f"{name}.log"
    _, running = processes.spawn(state, name, argv, group=group, env=dict(os.environ), log=log, cwd=state.folder)
    return running


def test_secrets_are_kept_and_private(state: State) -> None:
    first = state.secret("a")
    assert len(first) == 43
    assert State().secret("a") == first
    assert state.secret("b") != first
    assert stat.S_IMODE(state.path.stat().st_mode) == 0o600


def test_two_at_once_lose_nothing(state: State) -> None:
    def write(number: int) -> None:
        state.remember("places", str(number), number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    assert state.read()["places"] == {str(number): number for number in range(40)}


def test_a_port_is_kept_until_a_stranger_sits_on_it(state: State) -> None:
    port = state.port("x")
    assert port in PORTS
    assert state.port("x", free=True) == port
    with socket.socket() as stranger:
        stranger.bind((LOOPBACK, port))
        stranger.listen()
        assert state.port("x") == port  # still ours to name
        moved = state.port("x", free=True)
    assert moved != port
    assert State().port("x") == moved


def test_names_never_share_a_port(state: State) -> None:
    ports = [state.port(f"name{number}") for number in range(60)]
    assert len(set(ports)) == 60


def test_checkouts_have_different_ids_and_ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    for name in ("one", "two"):
        monkeypatch.setenv("FOYER_STATE_DIR", str(tmp_path / name))
        seen.append((checkout_id(), State().port("gateway")))
    assert seen[0][0] != seen[1][0]
    assert seen[0][1] != seen[1][1]


def test_a_process_is_remembered_and_ended(state: State) -> None:
    running = spawn(state, "a")
    assert processes.recall(State(), "a") == running
    processes.end([running])
    assert not running.alive
    assert processes.recall(state, "a") is None


def test_an_id_given_to_a_stranger_is_not_ours(state: State) -> None:
    stranger = subprocess.Popen(SLEEP, start_new_session=True)
    try:
        state.remember("processes", "a", {"pid": stranger.pid, "born": "another boot:1", "group": "g"})
        assert processes.recall(state, "a") is None
        processes.end([Running(stranger.pid, "another boot:1")])
        assert processes.leftovers(state, "g") == []
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_one_that_will_not_end_is_killed(state: State) -> None:
    running = spawn(state, "a", (sys.executable, "-c", STUBBORN))
    log = state.folder / "a.log"
    until = time.monotonic() + 10
    while "ready" not in log.read_text():
        assert time.monotonic() < until
        time.sleep(0.02)
    started = time.monotonic()
    processes.end([running], seconds=0.3)
    assert not running.alive
    assert 0.3 <= time.monotonic() - started < 5


def test_leftovers_are_found_though_nobody_wrote_them_down(state: State) -> None:
    forgotten, other = spawn(state, "a"), spawn(state, "b", group="other")
    state.remember("processes", "a", None)
    try:
        assert processes.leftovers(state, "g") == [forgotten]
        processes.end(processes.leftovers(state, "g"))
        assert not forgotten.alive
        assert other.alive
    finally:
        processes.end([forgotten, other], first=signal.SIGKILL)


def test_leftovers_of_another_checkout_stay(state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = spawn(state, "a")
    try:
        monkeypatch.setenv("FOYER_STATE_DIR", str(tmp_path / "second"))
        assert processes.leftovers(State(), "g") == []
    finally:
        processes.end([ours])
