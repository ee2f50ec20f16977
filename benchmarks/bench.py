"""What every bench stands on: the running system, which of its processes run now, its databases, its people."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx2
from foyer_tools import processes
from foyer_tools.layout import Profile
from foyer_tools.places import LOOPBACK, SERVICES
from foyer_tools.postgres import with_database
from foyer_tools.processes import Running
from foyer_tools.supervise import System
from foyer_tools.world import PASSWORD

from .figures import BenchError
from .machine import Meter

PROFILE = "bench"
REST_SECONDS = 60.0
RELAY_LOCK = 0x666F796572  # foyer_chassis.relay._LOCK: who holds it leads, so holding it keeps a relay standing by
CUSTOMERS = tuple(f"visitor{n:02d}" for n in range(1, 65))

#: No bench is to measure the limits on guessing and flooding.
LIMITS = {
    "CALLER_PER_SECOND": 1_000_000,
    "CALLER_BURST": 1_000_000,
    "ADDRESS_PER_SECOND": 1_000_000,
    "ADDRESS_BURST": 1_000_000,
}


@dataclass(frozen=True)
class Scale:
    """How much of everything; `quick` only shows that each bench runs."""

    quick: bool
    rounds: int
    seconds: float
    rows: int
    few_rows: int

    def few(self, full: int, quick: int) -> int:
        return quick if self.quick else full


FULL = Scale(quick=False, rounds=5, seconds=3.0, rows=1_000_000, few_rows=10_000)
QUICK = Scale(quick=True, rounds=2, seconds=1.0, rows=3_000, few_rows=1_000)


CORE = ("orders", "booking", "payments")


def profile(*, everything: bool) -> Profile:
    """The system that is measured: the services of the way from order to money, or every one of this checkout."""
    present = tuple(name for name in SERVICES if all(_there(f"{name}.{part}") for part in ("app", "worker", "service")))
    return Profile(PROFILE, fresh=True, services=present if everything else CORE, limits=LIMITS)


def _there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@dataclass
class Bench:
    """One run of `./foyer bench`."""

    system: System
    scale: Scale
    memory: dict[str, float] = field(default_factory=dict)
    _tokens: dict[str, tuple[float, str]] = field(default_factory=dict)
    _twins: dict[str, Running] = field(default_factory=dict)

    # ---- processes

    async def only(self, *names: str) -> None:
        """Have these processes run (`orders-api`, `identity`, …), started anew, and no others."""
        await asyncio.to_thread(self._only, names)

    def _only(self, names: Sequence[str]) -> None:
        processes.end(self._twins.values())
        self._twins.clear()
        for name in reversed(self.system.names):
            if self.system.is_running(name):
                self.system.stop(name)
        for name in names:
            self.system.start(name, wait=False)
        if names:
            self.system.wait_until_ready(list(names))

    async def twin(self, name: str) -> str:
        """Start a second process of the same kind (`orders-api`) until the next `only`; its address."""
        spec = next(spec for spec in self.system.layout.services if spec.name == name)
        label = f"{PROFILE}.{name}-2"
        url = f"http://{LOOPBACK}:{self.system.state.port(label, free=True)}"
        _, self._twins[name] = processes.spawn(
            self.system.state,
            label,
            spec.argv,
            group=PROFILE,
            env={**spec.env, "FOYER_HTTP_PORT": url.rpartition(":")[2]},
            log=spec.log.with_name(f"{name}-2.log"),
            cwd=spec.log.parent,
        )
        async with httpx2.AsyncClient() as http:
            await self.until(lambda: _answers(http, url + "/health/ready"), f"the second {name} is ready")
        return url

    def pid(self, name: str) -> int:
        return self.system.pid(name)

    def meter(self, more: Mapping[int, str] | None = None) -> Meter:
        """Who uses the processors; `more` labels processes of a bench's own."""
        return Meter(lambda: self._labels() | dict(more or {}))

    def _labels(self) -> dict[int, str]:
        labels = {self.system.pid(name): name for name in self.system.names if self.system.is_running(name)}
        labels |= {running.pid: f"{name} 2" for name, running in self._twins.items()}
        for server in ("postgres", "rabbitmq"):
            if running := processes.recall(self.system.state, server):
                labels[running.pid] = server
                labels |= dict.fromkeys(_descendants(running.pid), server)
        return labels

    # ---- databases and queues

    def database_url(self, service: str) -> str:
        """The address that the service itself uses."""
        return self.system.database_urls[service]

    @asynccontextmanager
    async def database(self, service: str) -> AsyncIterator[Any]:
        """A superuser's connection to a service's database."""
        name = urlsplit(self.database_url(service)).path.lstrip("/")
        connection = await asyncpg.connect(with_database(self.system.postgres_admin_url, name), command_timeout=900)
        try:
            yield connection
        finally:
            await connection.close()

    @asynccontextmanager
    async def relay_held(self, service: str) -> AsyncIterator[None]:
        """Keep the service's relay standing by: events stay in its outbox. Call it while the worker is stopped."""
        async with self.database(service) as connection:
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", RELAY_LOCK):
                raise BenchError(f"the relay of {service} leads already")
            yield

    # ---- people

    async def token(self, who: str) -> str:
        """An access token of one of the sandbox's people; `identity` must run."""
        known = self._tokens.get(who)
        if known is None or known[0] < time.monotonic():
            form = {"grant_type": "password", "client_id": "foyer-demo", "username": who, "password": PASSWORD}
            async with httpx2.AsyncClient() as http:
                answer = await http.post(self.system.sandbox_urls["identity"] + "/token", data=form)
            answer.raise_for_status()
            # An hour long; half of it is more than any one bench takes.
            known = self._tokens[who] = (time.monotonic() + 1800, answer.json()["access_token"])
        return known[1]

    async def tokens(self, people: Iterable[str]) -> list[str]:
        return [await self.token(who) for who in people]

    # ---- waiting

    async def until(
        self,
        condition: Callable[[], Awaitable[bool]],
        what: str,
        *,
        seconds: float = REST_SECONDS,
        every_seconds: float = 0.02,
    ) -> None:
        """BenchError when it does not come true in time."""
        until = time.monotonic() + seconds
        while not await condition():
            if time.monotonic() > until:
                raise BenchError(f"within {seconds:.0f} s it did not happen that {what}")
            await asyncio.sleep(every_seconds)


async def _answers(http: httpx2.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(url)).status_code == 200
    except httpx2.HTTPError:
        return False


def _descendants(pid: int) -> list[int]:
    import psutil

    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def load_average() -> str:
    return f"load average {os.getloadavg()[0]:.1f}"
