"""A running system, with the sandbox and the gateway as its processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import psutil
import pytest
from foyer_tools import processes
from foyer_tools.layout import Profile
from foyer_tools.places import SANDBOX_PARTS
from foyer_tools.servers import Servers
from foyer_tools.state import State
from foyer_tools.supervise import StartError, System, running

PROFILE = Profile("small", services=())
KEEP_RUNNING = """
import time
from foyer_tools.layout import Profile
from foyer_tools.supervise import running
with running(Profile("small", services=())) as system:
    print(*[system.pid(name) for name in system.names], flush=True)
    time.sleep(120)
"""


def eventually(holds: Callable[[], bool], seconds: float = 15) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def answers(system: System, part: str) -> bool:
    try:
        return httpx2.get(system.sandbox_urls[part] + "/health/live", timeout=2).status_code == 200
    except httpx2.TransportError:
        return False


@pytest.fixture(scope="module")
def system(second_checkout: Servers) -> Iterator[System]:
    with running(PROFILE) as started:
        yield started


def test_everything_is_ready_once_it_runs(system: System) -> None:
    assert set(system.names) == {"provider", "stripe", "push", "mailbox", "identity", "gateway"}
    assert all(answers(system, part) for part in system.sandbox_urls)
    assert httpx2.get(system.gateway_url + "/health/live").status_code == 200


def test_a_process_that_dies_comes_back(system: System) -> None:
    before = system.pid("push")
    os.kill(before, signal.SIGKILL)
    eventually(lambda: system.is_running("push") and system.pid("push") != before and answers(system, "push"))


def test_a_killed_process_stays_away_until_it_is_started(system: System) -> None:
    system.kill9("mailbox")
    time.sleep(1)
    assert not system.is_running("mailbox")
    assert not answers(system, "mailbox")
    system.start("mailbox")
    assert answers(system, "mailbox")


def test_one_system_at_a_time(system: System) -> None:
    with pytest.raises(StartError, match="runs already"), running(PROFILE):
        pass


def test_a_service_that_is_not_there_is_a_clear_error(second_checkout: Servers) -> None:
    with pytest.raises(StartError, match="laundry"), running(Profile("other", services=("laundry",))):
        pass


def test_servers_can_be_restarted_in_the_middle(system: System) -> None:
    for immediate in (False, True):
        system.restart_postgres(immediate=immediate)
        assert system.servers.postgres.alive()
    assert all(system.is_running(name) for name in system.names)


def test_processes_see_no_administrators_address(system: System) -> None:
    seen = psutil.Process(system.pid("identity")).environ()
    admin = system.postgres_admin_url.rpartition("@")[0].rpartition(":")[2]
    assert not [name for name, value in seen.items() if admin in value]


def test_logs_are_kept_by_process(system: System) -> None:
    assert system.log_path("identity").parent.name == "small"
    eventually(lambda: system.log_path("gateway").exists())


def test_leftovers_of_a_killed_run_are_ended_by_the_next(second_checkout: Servers) -> None:
    # Last in this module: it needs the profile for itself.
    first = subprocess.Popen(
        [sys.executable, "-c", KEEP_RUNNING.replace("small", "doomed")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert first.stdout is not None
    pids = [int(pid) for pid in first.stdout.readline().split()]
    assert len(pids) == len(SANDBOX_PARTS) + 1, "and the gateway"
    first.kill()
    first.wait()
    assert all(psutil.pid_exists(pid) for pid in pids)
    with running(Profile("doomed", services=())) as system:
        assert not [
            pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        ]
        now = [system.pid(name) for name in system.names]
    eventually(lambda: not [pid for pid in now if processes.birth(pid)])
    assert processes.leftovers(State(), "doomed") == []


def test_an_interrupted_up_ends_what_it_started(second_checkout: Servers, tmp_path: Path) -> None:
    log = tmp_path / "up.log"
    code = KEEP_RUNNING.replace("small", "signalled")
    wrapped = "import signal\ndef stop(*_):\n    raise KeyboardInterrupt\nsignal.signal(signal.SIGTERM, stop)\n" + code
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-c", wrapped], stdout=subprocess.PIPE, stderr=out)
    assert process.stdout is not None
    pids = [int(pid) for pid in process.stdout.readline().split()]
    process.send_signal(signal.SIGTERM)
    process.wait(40)
    assert not [pid for pid in pids if processes.birth(pid)], log.read_text()
    assert second_checkout.postgres.alive(), "this test still has a lease"
