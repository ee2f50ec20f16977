"""A running system: `with running(Profile("e2e", fresh=True)) as system:` starts everything and ends it again.

Processes that die are started again, with growing pauses. All of them outlive this process if it is killed with -9;
the next run of the same profile (or `./foyer down`) ends what was left, and nothing that is not of this checkout.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from foyer_tools import processes
from foyer_tools.layout import Layout, Profile, Spec, lay_out, sandbox_folder
from foyer_tools.places import LOOPBACK, ROOT
from foyer_tools.processes import Running
from foyer_tools.servers import Provided, Servers
from foyer_tools.state import State
from foyer_tools.steps import say, step

HEALTHY_SECONDS = 90.0
MIGRATION_SECONDS = 300
MIGRATIONS_AT_ONCE = 3
WATCH_SECONDS = 0.2
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
STABLE_SECONDS = 30.0  # a process that lived this long starts again without a pause
DEATHS_UNTIL_GIVEN_UP = 10
DEATHS_AT_START = 3


class StartError(Exception):
    """The system, or a part of it, did not start; the text says which part and shows the end of its log."""


@dataclass
class _Child:
    spec: Spec
    wanted: bool = False
    process: subprocess.Popen[bytes] | None = None
    running: Running | None = None
    started: float = 0.0
    deaths: int = 0
    restart_at: float = 0.0
    guard: threading.RLock = field(default_factory=threading.RLock)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


class System:
    """A running system: its addresses, and what tests do to it."""

    def __init__(self, profile: Profile, servers: Servers, provided: Provided, layout: Layout) -> None:
        self.profile = profile
        self.servers = servers
        self.state = servers.state
        self.layout = layout
        self.gateway_url = layout.gateway_url
        self.api_urls = dict(layout.api_urls)
        self.worker_urls = dict(layout.worker_urls)
        self.sandbox_urls = dict(layout.sandbox_urls)
        self.smtp_host, self.smtp_port = LOOPBACK, layout.smtp_port
        self.database_urls = provided.database_urls
        self.amqp_urls = provided.amqp_urls
        self.amqp_admin_url = provided.amqp_admin_url
        self.vhost = provided.vhost
        self.postgres_admin_url = servers.addresses.postgres_admin_url
        self.management_url = servers.addresses.management_url
        self._children = {spec.name: _Child(spec) for spec in layout.all}
        self._servers_guard = threading.Lock()
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="watch", daemon=True)

    @property
    def names(self) -> list[str]:
        """Names of all processes: sandbox parts, `<service>-api`, `<service>-worker`, `gateway`."""
        return list(self._children)

    def log_path(self, name: str) -> Path:
        """Where a process writes; migrations are `<service>-migrate`."""
        return self._children[name].spec.log if name in self._children else self._migration_log(name)

    def is_running(self, name: str) -> bool:
        """True while the process lives (which is less than being ready)."""
        return self._children[name].alive

    def pid(self, name: str) -> int:
        """Process id of a running process; StartError if it does not run."""
        running = self._children[name].running
        if running is None or not self.is_running(name):
            raise StartError(f"{name} does not run")
        return running.pid

    def kill9(self, name: str) -> None:
        """Kill a process as a crash would. It stays away until `start`."""
        self._end(name, signal.SIGKILL)

    def stop(self, name: str) -> None:
        """End a process in order. It stays away until `start`."""
        self._end(name, signal.SIGTERM)

    def start(self, name: str, *, wait: bool = True) -> None:
        """Start a process that was killed or stopped and, unless told otherwise, wait until it is ready."""
        child = self._children[name]
        with child.guard:
            child.wanted, child.deaths = True, 0
            if not child.alive:
                self._spawn(child)
        if wait:
            self.wait_until_ready([name])

    def wait_until_ready(self, names: Sequence[str] | None = None, seconds: float = HEALTHY_SECONDS) -> None:
        """Wait until the processes (default: all) say that they are ready; StartError after `seconds`."""
        waiting = [self._children[name] for name in (names or self.names)]
        until = time.monotonic() + seconds
        while waiting := [child for child in waiting if not _is_ready(child.spec.health_url)]:
            self._stop_if_over()
            late = time.monotonic() > until
            for child in waiting:
                if late or child.deaths >= DEATHS_AT_START:
                    reason = f"was not ready within {seconds:.0f} s" if late else "ended again and again"
                    raise StartError(
                        f"{child.spec.name} {reason}. The end of {child.spec.log}:\n{processes.tail(child.spec.log)}"
                    )
            time.sleep(0.05)

    def restart_postgres(self, *, immediate: bool = False, down_seconds: float = 0.0) -> None:
        """Restart our own PostgreSQL; `immediate` is like a power cut, recovery included."""
        self._restart_server(self.servers.postgres, "PostgreSQL", immediate, down_seconds)

    def restart_rabbitmq(self, *, immediate: bool = False, down_seconds: float = 0.0) -> None:
        """Restart our own RabbitMQ; `immediate` is kill -9."""
        self._restart_server(self.servers.rabbitmq, "RabbitMQ", immediate, down_seconds)

    def bring_up(self) -> None:
        """Migrations and sandbox side by side, then the services, then the gateway; ready at the end."""
        self._watcher.start()
        with ThreadPoolExecutor(MIGRATIONS_AT_ONCE + 1) as pool:
            try:
                sandbox = pool.submit(self._start_group, "sandbox", self.layout.sandbox)
                with step("migrations"):
                    for done in [pool.submit(self._migrate, spec) for spec in self.layout.migrations]:
                        done.result()
                sandbox.result()
            except BaseException:
                self._over.set()  # the other threads must not make a Ctrl-C wait for them
                raise
        self._start_group("services", (*self.layout.services, *self.layout.gateway))

    def shut_down(self) -> None:
        """End every process of this system; the servers are not touched."""
        self._over.set()
        if self._watcher.is_alive():
            self._watcher.join()
        for child in self._children.values():
            child.wanted = False
        left = [child.running for child in self._children.values() if child.running]
        processes.end(left)
        # What a migration or a process in the midst of its restart may have left.
        processes.end(processes.leftovers(self.state, self.profile.name))
        for name in (*self._children, *(spec.name for spec in self.layout.migrations)):
            self.state.remember("processes", f"{self.profile.name}.{name}", None)

    def _start_group(self, title: str, specs: Sequence[Spec]) -> None:
        with step(title):
            for spec in specs:
                child = self._children[spec.name]
                with child.guard:
                    child.wanted = True
                    self._spawn(child)
            self.wait_until_ready([spec.name for spec in specs])

    def _migrate(self, spec: Spec) -> None:
        self._stop_if_over()
        process, _ = self._run(spec)
        until = time.monotonic() + MIGRATION_SECONDS
        while (code := process.poll()) is None:
            self._stop_if_over()
            if time.monotonic() > until:
                raise StartError(f"{spec.name} took more than {MIGRATION_SECONDS} s")
            time.sleep(0.02)
        if code != 0:
            raise StartError(f"{spec.name} ended with {code}. The end of {spec.log}:\n{processes.tail(spec.log)}")

    def _run(self, spec: Spec) -> tuple[subprocess.Popen[bytes], Running]:
        return processes.spawn(
            self.state,
            f"{self.profile.name}.{spec.name}",
            spec.argv,
            group=self.profile.name,
            env=spec.env,
            log=spec.log,
            cwd=ROOT,
        )

    def _stop_if_over(self) -> None:
        """Leave a thread that waits; what it waited for is ended by `shut_down`."""
        if self._over.is_set():
            raise StartError("the system is being ended")

    def _spawn(self, child: _Child) -> None:
        child.process, child.running = self._run(child.spec)
        child.started = time.monotonic()
        child.restart_at = 0.0

    def _end(self, name: str, number: signal.Signals) -> None:
        child = self._children[name]
        with child.guard:
            child.wanted = False
            if child.running is not None:
                processes.end([child.running], first=number)
            if child.process is not None:
                child.process.wait()

    def _watch(self) -> None:
        while not self._over.wait(WATCH_SECONDS):
            for child in self._children.values():
                with child.guard:
                    if child.wanted and not child.alive and not self._over.is_set():
                        self._died(child)
            self._watch_servers()

    def _died(self, child: _Child) -> None:
        now = time.monotonic()
        if child.restart_at == 0.0:
            lived = now - child.started
            code = child.process.returncode if child.process else None
            child.deaths = 1 if lived > STABLE_SECONDS else child.deaths + 1
            if child.deaths >= DEATHS_UNTIL_GIVEN_UP:
                child.wanted = False
                said = f"{child.spec.name} ended {child.deaths} times in a row and is given up"
                say(f"[red]{said}: see {child.spec.log}[/]")
                return
            pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (child.deaths - 1))
            child.restart_at = now + pause
            say(f"[yellow]{child.spec.name} ended by itself ({code}); again in {pause:.1f} s[/]")
        elif now >= child.restart_at:
            self._spawn(child)

    def _watch_servers(self) -> None:
        for name, server in (("PostgreSQL", self.servers.postgres), ("RabbitMQ", self.servers.rabbitmq)):
            if not server.ours or server.alive():
                continue
            with self._servers_guard:
                if not server.alive() and not self._over.is_set():
                    say(f"[yellow]{name} ended by itself; starting it again[/]")
                    try:
                        server.start()
                    except Exception as problem:
                        say(f"[red]{name}: {problem}[/]")

    def _restart_server(self, server: object, name: str, immediate: bool, down_seconds: float) -> None:
        chosen = self.servers.postgres if server is self.servers.postgres else self.servers.rabbitmq
        if not chosen.ours:
            raise StartError(f"{name} was given and is not ours to restart")
        with self._servers_guard:
            chosen.stop(immediate=immediate)
            time.sleep(down_seconds)
            chosen.start()

    def _migration_log(self, name: str) -> Path:
        return next(spec.log for spec in self.layout.migrations if spec.name == name)


@contextmanager
def running(profile: Profile | None = None) -> Iterator[System]:
    """The whole system for the length of a block; at its end everything it started has ended.

    One system per profile and checkout at a time: StartError if another process has it.
    """
    profile = profile or Profile()
    _check_packages(profile)
    state = State()
    with _profile_lock(state, profile.name), _known_as_supervisor(state, profile.name):
        if left := processes.leftovers(state, profile.name):
            with step(f"ending {len(left)} processes of an earlier run"):
                processes.end(left)
        servers = Servers(state)
        servers.start()
        try:
            if profile.fresh:
                shutil.rmtree(sandbox_folder(state, profile.name), ignore_errors=True)
            with step("databases and broker users"):
                provided = servers.provide(profile.name, fresh=profile.fresh)
            system = System(profile, servers, provided, lay_out(state, profile, provided))
            _put_old_logs_aside(system)
            try:
                system.bring_up()
                yield system
            finally:
                system.shut_down()
        finally:
            servers.release()


def _is_ready(url: str) -> bool:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or LOOPBACK, parts.port, timeout=5)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _check_packages(profile: Profile) -> None:
    missing = [name for name in (*profile.services, "foyer_sandbox") if importlib.util.find_spec(name) is None]
    if missing:
        raise StartError(f"not in this checkout, or not importable from .venv: {', '.join(missing)}")


def _put_old_logs_aside(system: System) -> None:
    for spec in (*system.layout.all, *system.layout.migrations):
        if spec.log.exists():
            spec.log.replace(spec.log.with_name(spec.log.name + ".1"))


@contextmanager
def _profile_lock(state: State, name: str) -> Iterator[None]:
    with (state.folder / f"profile-{name}.lock").open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StartError(
                f"the system “{name}” of this checkout runs already, in another process (`./foyer down` ends it)"
            ) from None
        yield


@contextmanager
def _known_as_supervisor(state: State, profile: str) -> Iterator[None]:
    """Let `./foyer down` find us."""
    name, born = f"supervisor.{profile}", processes.birth(os.getpid())
    state.remember("processes", name, {"pid": os.getpid(), "born": born, "group": "supervisors"})
    try:
        yield
    finally:
        state.remember("processes", name, None)
